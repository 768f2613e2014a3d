import pytest

from simulation.desk import PageError, read_desk, read_token

DESK = """
<div id="desk" class="desk">
  <form method="get" action="/search"><input name="q" value="other form"></form>
  <article class="pair" data-query="24&quot; towel &amp; rack" data-product="W0123456789" data-locale="us">
    <h3>Towel Rack</h3>
  </article>
  <form id="walk" method="post" action="/p/shop/judge/" hx-post="/p/shop/judge/" hx-target="#desk">
    <input type="hidden" name="csrfmiddlewaretoken" value="secret">
    <input type="hidden" name="slot" value="17">
    <input type="hidden" name="key" value="0a9b3f1c-0000-4000-8000-000000000001">
    <input type="hidden" name="guideline" value="3">
    <input type="hidden" name="path" value="">
    <section data-question="need">
      <h2 tabindex="-1">Can you tell
        what is &quot;wanted&quot;?</h2>
      <button name="answer" value="need:yes">Yes</button> <button name="answer" value="need:no">No</button>
    </section>
    <section data-question="type" hidden>
      <button name="answer" value="type:yes">Yes</button> <button name="answer" value="type:no">No</button>
    </section>
    <button name="path" value="">Back</button>
  </form>
  <form method="post" action="/p/shop/judge/skip/"><input type="hidden" name="slot" value="99"></form>
</div>
"""


def test_desk_is_read_from_its_page() -> None:
    desk = read_desk(DESK)
    assert desk is not None
    assert (desk.query, desk.product_id, desk.locale) == ('24" towel & rack', "W0123456789", "us")
    assert desk.action == "/p/shop/judge/"
    assert desk.fields == {
        "csrfmiddlewaretoken": "secret",
        "slot": "17",
        "key": "0a9b3f1c-0000-4000-8000-000000000001",
        "guideline": "3",
        "path": "",
    }
    assert desk.answers == ("need:yes", "need:no", "type:yes", "type:no")
    assert desk.asks == {"need": 'Can you tell what is "wanted"?'}


def test_empty_desk_is_none() -> None:
    assert read_desk('<main><div id="desk" data-state="empty"><p>Nothing is waiting</p></div></main>') is None


def test_page_without_desk_says_what_it_is() -> None:
    with pytest.raises(PageError, match="the page has no desk: <h1>Sign in</h1>"):
        read_desk("<h1>Sign\n in</h1>")


@pytest.mark.parametrize(("part", "missing"), [("<article", "pair"), ('<form id="walk"', "form")])
def test_desk_that_lacks_a_part_says_which(part: str, missing: str) -> None:
    with pytest.raises(PageError, match=f"the desk has no {missing}"):
        read_desk(DESK.replace(part, "<span"))


def test_token_is_read_from_any_form() -> None:
    assert read_token(DESK) == "secret"
    with pytest.raises(PageError, match="no form of the page has a token: it is empty"):
        read_token("")
