import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.judge.prompts import PROMPT_VERSION, product_text, query_text


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
