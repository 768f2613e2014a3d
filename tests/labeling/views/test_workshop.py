"""The workshop: drafting the next version, and adding examples to it."""

import pytest
from django.test import Client
from django.urls import reverse

from labeling.actions.guidelines import draft_digest, publish_guideline, save_draft, start_draft
from labeling.actions.judgments import tree_of
from labeling.guidelines.parse import default_source
from labeling.guidelines.tree import Example
from labeling.models import AuditLogEntry, GuidelineVersion, Membership, Role
from labeling.queries.guidelines import draft_of
from tests.making import make_member, make_pair, make_project

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
ASKED = "Is this the type of product asked for?"
CHANGED = default_source().replace(ASKED, "Is it what they asked for?")
BROKEN = default_source().replace("start: need", "start: needs")


@pytest.fixture
def lead(client: Client) -> Membership:
    """Sign a lead in to a new project."""
    member = make_member(make_project(), Role.LEAD)
    client.force_login(member.user)
    return member


def url(member: Membership, name: str = "draft") -> str:
    return reverse(name, args=[member.project.slug])


def drafted(member: Membership) -> GuidelineVersion:
    draft = draft_of(member.project)
    assert draft is not None
    return draft


def written(draft: GuidelineVersion, source: str, **more: str) -> dict[str, str]:
    return {"source": source, "change_note": "", "base": draft_digest(draft)} | more


def test_draft_is_started_from_the_version_that_is_named(client: Client, lead: Membership) -> None:
    assert "There is no draft" in client.get(url(lead)).content.decode()
    publish_guideline(lead.project, CHANGED, None)
    assert client.post(url(lead, "draft-start"), {"from": "1"}).headers["Location"] == url(lead)
    assert drafted(lead).source == default_source()
    page = client.post(url(lead, "draft-start"), {"from": "2"}, follow=True).content.decode()
    assert "There was a draft of version 3 already." in page
    assert drafted(lead).source == default_source()


@pytest.mark.parametrize("number", ["9", "x", "99999999999999999999"])
def test_draft_is_not_started_from_a_version_that_is_not_there(client: Client, lead: Membership, number: str) -> None:
    assert client.post(url(lead, "draft-start"), {"from": number}).status_code == 404
    assert draft_of(lead.project) is None


def test_draft_is_shown_with_its_tree(client: Client, lead: Membership) -> None:
    start_draft(lead.project, lead.user)
    page = client.get(url(lead)).content.decode()
    assert 'id="question-type"' in page
    assert "No problems. 7 questions, 8 ways through." in page
    assert "Every question asks the same as in version 1." in page


def test_draft_with_problems_is_saved_and_shown_by_line(client: Client, lead: Membership) -> None:
    draft = start_draft(lead.project, lead.user)
    # As a browser sends it.
    answer = client.post(url(lead), written(draft, BROKEN.replace("\n", "\r\n"), change_note="a\r\nb"))
    assert answer.headers["Location"] == url(lead)
    assert (drafted(lead).source, drafted(lead).change_note) == (BROKEN, "a\nb")
    page = client.get(url(lead)).content.decode()
    assert 'data-line="4">Line 4</a>' in page
    assert "there is no question &#x27;needs&#x27;" in page
    assert "The tree shown is that of version 1." in page


@pytest.mark.parametrize(
    ("then", "leads_to"), [("try", "draft-try"), ("example", "draft-example"), ("", "draft"), ("elsewhere", "draft")]
)
def test_save_leads_on(client: Client, lead: Membership, then: str, leads_to: str) -> None:
    draft = start_draft(lead.project, lead.user)
    answer = client.post(url(lead), written(draft, CHANGED, then=then))
    assert answer.headers["Location"] == url(lead, leads_to)
    assert drafted(lead).source == CHANGED


def test_save_leads_on_to_the_difference(client: Client, lead: Membership) -> None:
    draft = start_draft(lead.project, lead.user)
    answer = client.post(url(lead), written(draft, CHANGED, then="compare"))
    assert answer.headers["Location"] == reverse("compare", args=[lead.project.slug, 1, 2])


def test_save_by_htmx_gives_what_the_next_one_begins_with(client: Client, lead: Membership) -> None:
    draft = start_draft(lead.project, lead.user)
    answer = client.post(url(lead), written(draft, CHANGED), headers=HTMX).content.decode()
    assert answer.startswith('<div id="saved" data-stored>')
    assert f'name="base" value="{draft_digest(drafted(lead))}"' in answer


def test_save_over_a_newer_text_shows_both_and_stores_nothing(client: Client, lead: Membership) -> None:
    draft = start_draft(lead.project, lead.user)
    mine = written(draft, CHANGED)
    other = make_member(lead.project, Role.LEAD).user
    save_draft(lead.project, default_source() + "# theirs & theirs\n", draft_digest(draft), other, "Their note")
    for headers in ({}, HTMX):
        answer = client.post(url(lead), mine, headers=headers)
        page = answer.content.decode()
        assert answer.status_code == 409
        assert answer.headers.get("HX-Retarget") == ("#workshop" if headers else None)
        assert all(text in page for text in ("# theirs &amp; theirs", "Is it what they asked for?", "Their note"))
        assert f'name="base" value="{draft_digest(drafted(lead))}"' in page
    assert drafted(lead).source.endswith("# theirs & theirs\n")
    assert client.post(url(lead), written(drafted(lead), CHANGED)).status_code == 302
    assert drafted(lead).source == CHANGED


def test_save_of_a_draft_that_is_gone_offers_a_new_one(client: Client, lead: Membership) -> None:
    draft = start_draft(lead.project, lead.user)
    mine = written(draft, CHANGED, change_note="Why")
    draft.delete()
    answer = client.post(url(lead), mine)
    assert answer.status_code == 409
    assert "The draft is gone" in answer.content.decode()
    assert client.post(url(lead, "draft-start"), mine).status_code == 302
    assert (drafted(lead).source, drafted(lead).change_note) == (CHANGED, "Why")


def test_new_draft_with_a_text_is_not_written_over_another(client: Client, lead: Membership) -> None:
    mine = written(start_draft(lead.project, lead.user), CHANGED)
    assert client.post(url(lead, "draft-start"), mine).status_code == 409
    assert drafted(lead).source == default_source()


@pytest.mark.parametrize("source", ["", "x" * 200_001, "a\0b"])
def test_text_that_cannot_be_stored_comes_back(client: Client, lead: Membership, source: str) -> None:
    draft = start_draft(lead.project, lead.user)
    answer = client.post(url(lead), written(draft, source))
    assert answer.status_code == 400
    assert source.replace("\0", "") in answer.content.decode().replace("\0", "")
    assert 'class="errorlist"' in answer.content.decode()
    fragment = client.post(url(lead), written(draft, source), headers=HTMX).content.decode()
    assert "Not saved." in fragment
    assert draft_digest(draft) in fragment
    assert client.post(url(lead, "draft-check"), written(draft, source)).status_code == 200
    assert drafted(lead).source == default_source()


def test_check_stores_nothing_and_draws_what_is_new(client: Client, lead: Membership) -> None:
    draft = start_draft(lead.project, lead.user)
    fresh = client.post(url(lead, "draft-check"), written(draft, CHANGED)).content.decode()
    assert 'id="drawn" hx-swap-oob="true"' in fresh
    assert "Asks something else than version 1 at type." in fresh
    digest = fresh.split('name="drawn" value="')[1][:16]
    same = client.post(
        url(lead, "draft-check"), written(draft, CHANGED + "# A remark\n", drawn=digest)
    ).content.decode()
    assert "No problems." in same
    assert 'id="drawn"' not in same
    broken = client.post(url(lead, "draft-check"), written(draft, BROKEN)).content.decode()
    assert 'id="drawn"' not in broken
    assert "Line 4: " in broken
    assert drafted(lead).source == default_source()


def test_check_tells_that_somebody_else_has_saved(client: Client, lead: Membership) -> None:
    draft = start_draft(lead.project, lead.user)
    mine = written(draft, CHANGED)
    assert "has saved another text" not in client.post(url(lead, "draft-check"), mine).content.decode()
    other = make_member(lead.project, Role.LEAD).user
    save_draft(lead.project, BROKEN, draft_digest(draft), other)
    assert f"{other} has saved another text" in client.post(url(lead, "draft-check"), mine).content.decode()
    drafted(lead).delete()
    assert "was published or discarded" in client.post(url(lead, "draft-check"), mine).content.decode()


def test_draft_is_discarded_after_saying_what_goes(client: Client, lead: Membership) -> None:
    draft = start_draft(lead.project, lead.user)
    page = client.get(url(lead)).content.decode()
    assert f"This deletes the draft of version 2, last saved by {lead.user}" in page
    base = draft_digest(draft)
    save_draft(lead.project, CHANGED, base, make_member(lead.project, Role.LEAD).user)
    assert client.post(url(lead, "draft-discard"), {"base": base}).headers["Location"] == url(lead)
    assert drafted(lead).source == CHANGED
    answer = client.post(url(lead, "draft-discard"), {"base": draft_digest(drafted(lead))})
    assert answer.headers["Location"] == url(lead, "guideline")
    assert draft_of(lead.project) is None


def test_example_is_added_by_its_question_and_answer(client: Client, lead: Membership) -> None:
    form = {"at": "type:no", "query": "usb hub", "product": "USB cable", "why": "A cable is no hub."}
    for _ in range(2):
        assert client.post(url(lead, "draft-example"), form).headers["Location"] == url(lead)
    examples = tree_of(lead.project, drafted(lead)).questions["type"].examples
    assert examples[-1] == Example("usb hub", "USB cable", "no", "A cable is no hub.")
    assert examples.count(examples[-1]) == 1
    assert AuditLogEntry.objects.filter(project=lead.project, verb="guideline.example").count() == 1


def test_example_form_is_filled_in_from_the_address(client: Client, lead: Membership) -> None:
    pair = make_pair(lead.project, "usb hub", "USB cable")
    given = {"pair": str(pair.pk), "at": "type:no", "why": "No hub"}
    page = client.get(url(lead, "draft-example"), given).content.decode()
    assert 'value="usb hub"' in page
    assert 'value="USB cable"' in page
    assert '<option value="type:no" selected>' in page
    assert "No hub" in page
    foreign = make_pair(make_project())
    for number in (str(foreign.pk), "x", "9" * 30):
        assert client.get(url(lead, "draft-example"), {"pair": number}).status_code == 404


def test_example_that_does_not_fit_in_says_what_to_do_by_hand(client: Client, lead: Membership) -> None:
    draft = start_draft(lead.project, lead.user)
    save_draft(lead.project, "title: [", draft_digest(draft), lead.user)
    form = {"at": "type:no", "query": "usb hub", "product": "USB cable", "why": "A cable is no hub."}
    answer = client.post(url(lead, "draft-example"), form)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "This is not valid YAML" in page
    assert "- query: usb hub\n        product: USB cable" in page
    assert drafted(lead).source == "title: ["
    assert client.post(url(lead, "draft-example"), form | {"at": "type:maybe"}).status_code == 400


@pytest.mark.parametrize("role", [Role.ANNOTATOR, Role.AUDITOR])
@pytest.mark.parametrize("name", ["draft-start", "draft", "draft-check", "draft-discard", "draft-example", "draft-try"])
def test_workshop_is_for_leads(client: Client, role: Role, name: str) -> None:
    project = make_project()
    draft = start_draft(project, make_member(project, Role.LEAD).user)
    member = make_member(project, role)
    client.force_login(member.user)
    assert client.post(url(member, name), written(draft, CHANGED)).status_code == 403
    assert drafted(member).source == default_source()
