import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.judge.prompts import PROMPT_VERSION, pair_prompt, product_text, query_text


def test_prompts_are_exactly_these_texts() -> None:
    # Adapters learned from these texts: whoever changes one changes PROMPT_VERSION, too.
    assert PROMPT_VERSION == "bi-encoder-1"
    assert query_text("  usb-c\tcable \n 2m ") == "usb-c cable 2m"
    assert product_text("USB-C Cable") == "USB-C Cable"
    assert (
        product_text(
            "USB-C Cable, 2 m",
            brand="Brantiva",
            colour="Slate Grey",
            bullets="BRAIDED: does not kink\nFAST: 60 W",
            description="<p>For <b>phones</b> &amp; laptops</p>",
        )
        == "USB-C Cable, 2 m; brand: Brantiva; color: Slate Grey; BRAIDED: does not kink FAST: 60 W; "
        "For phones & laptops"
    )


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("one<br>two<br/>three", "one two three"),
        ("<ul><li>first</li><li>second</li></ul>", "first second"),
        ("a<script>alert(1)</script>b<style>p {}</style>c", "a b c"),
        ("5 &lt; 6 &amp;&nbsp;7 > 3", "5 < 6 & 7 > 3"),
        ("fits screens < 15 in", "fits screens < 15 in"),
        ("broken </style> end", "broken end"),
        ("emoji 😀 and 日本語", "emoji 😀 and 日本語"),
        ("nul\x00byte", "nul byte"),
    ],
)
def test_product_text_is_what_one_would_see(markup: str, text: str) -> None:
    assert product_text(markup) == text


def test_product_text_leaves_out_what_is_missing() -> None:
    assert product_text("Lamp", brand="", colour=None, bullets="", description=None) == "Lamp"
    assert product_text("", description="<p></p>") == ""
    assert product_text("Lamp", bullets="<br>", description="Warm") == "Lamp; Warm"


@given(st.text())
def test_texts_are_one_line_without_edges(text: str) -> None:
    for made in (query_text(text), product_text(text, bullets=text)):
        assert made == " ".join(made.split())
    assert query_text(query_text(text)) == query_text(text)


def test_texts_have_a_longest_length() -> None:
    assert len(product_text("word " * 100_000)) <= 4000
    assert len(query_text("q" * 100_000)) == 4000


KEYS = ["exact", "substitute", "complement", "irrelevant"]


def written(version: str, guideline: str | list[str] = "") -> str:
    """The whole of what a completion reads of one pair, and the label that it may say."""
    prompt = pair_prompt(version, KEYS, guideline)
    assert list(prompt.answers) == KEYS
    texts = (prompt.opening, "usb-c cable 2m", prompt.before_product, "USB-C Cable", prompt.ending)
    return "".join([*texts, prompt.answers["substitute"]])


def test_pair_prompts_are_exactly_these_texts() -> None:
    # Adapters learned from these texts: a changed one gets a new version.
    short = (
        "Labels: exact, substitute, complement, irrelevant\nQuery: usb-c cable 2m\nProduct: USB-C Cable\n"
        "Label: substitute"
    )
    assert written("short-1") == short
    assert written("short-1", "A guideline that it does not read.") == short
    assert written("letters-1") == (
        "Labels: A exact, B substitute, C complement, D irrelevant\nQuery: usb-c cable 2m\nProduct: USB-C Cable\n"
        "Label: B"
    )
    assert written("guideline-1", " Is it a cable?\nIs it long enough?\n") == (
        f"Is it a cable?\nIs it long enough?\n\n{short}"
    )
    assert written("guideline-1", ["Is it a cable?", "Is it long enough?"]) == (
        f"- Is it a cable?\n- Is it long enough?\n\n{short}"
    )


def test_pair_prompts_refuse_what_they_cannot_say() -> None:
    with pytest.raises(ValueError, match="expected short-1 or letters-1 or guideline-1, got 'long-1'"):
        pair_prompt("long-1", KEYS)
    with pytest.raises(ValueError, match='"guideline-1" begins with the guideline, and there is none'):
        pair_prompt("guideline-1", KEYS, " \n")
    with pytest.raises(ValueError, match='"letters-1" has 26 letters, and 27 labels are too many'):
        pair_prompt("letters-1", [f"label_{number}" for number in range(27)])
    assert len(pair_prompt("short-1", [f"label_{number}" for number in range(27)]).answers) == 27
