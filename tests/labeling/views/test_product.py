"""The product card."""

import re

import pytest
from django.template.loader import render_to_string
from pytest_django import Settings

from labeling.exchange.marking import words_of
from labeling.models import Product, ProductRevision
from labeling.views.product import SHORT_DESCRIPTION, SHOWN_BULLETS, language_of, picture_url, product_context

HOST = "https://images.example.com"


def card(query: str = "", compact: bool = False, locale: str = "us", **texts: str) -> str:
    """Return the card of a product with these texts as HTML."""
    product = Product(external_id="B1", locale=locale)
    product.revision = ProductRevision(pk=1204, product=product, **({"title": "A chair"} | texts))
    context = {"product": product_context(product, words_of(query)), "compact": compact}
    return render_to_string("judge/product.html", context)


def test_card_marks_the_query_in_every_text() -> None:
    html = card(
        "maquina verde",
        locale="es",
        title="Máquina <3",
        brand="Verde & Co",
        colour="verde",
        bullets="Una máquina\n<b>Máquinas</b>",
        description="<p>La máquina</p>",
    )
    marked = re.findall("<mark>(.*?)</mark>", html)
    assert marked == ["Máquina", "Verde", "verde", "máquina", "Máquinas", "máquina"]
    assert "<mark>Máquina</mark> &lt;3" in html
    assert "<b><mark>Máquinas</mark></b>" in html


def test_card_shows_what_acts_as_text_or_not_at_all() -> None:
    bad = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    html = card("script alert", title=bad, brand=bad, colour=bad, bullets=bad, description=f"{bad}<p>Fine</p>")
    assert "<script" not in html
    assert "<img" not in html


def test_card_folds_long_lists() -> None:
    lines = [f"Line {number}." for number in range(1, SHOWN_BULLETS + 4)]
    html = card(bullets="\n".join(lines))
    shown, folded = html.split("<details", 1)
    assert [line in shown for line in lines] == [True] * SHOWN_BULLETS + [False] * 3
    assert [line in folded for line in lines] == [False] * SHOWN_BULLETS + [True] * 3
    assert "3 more lines" in folded


def test_card_folds_nothing_for_one_line() -> None:
    html = card(bullets="\n".join(f"Line {number}." for number in range(SHOWN_BULLETS + 1)))
    assert "<details" not in html


def test_card_folds_long_descriptions_with_a_preview() -> None:
    text = "<p>Sturdy &amp; light.</p>" + "<p>For the garden.</p>" * 40
    html = card("garden", description=text)
    preview = re.search('class="preview"[^>]*>(.*?)</span>', html)
    assert preview
    assert preview[1].startswith("Sturdy &amp; light. For the <mark>garden</mark>.")
    assert preview[1].endswith("…")
    assert html.count("<p>For the <mark>garden</mark>.</p>") == 40


def test_card_shows_short_descriptions_whole() -> None:
    html = card(description="<p>" + "a" * SHORT_DESCRIPTION + "</p>")
    assert "<details" not in html
    assert "a" * SHORT_DESCRIPTION in html


def test_preview_does_not_cut_an_entity() -> None:
    product = Product(external_id="B1")
    product.revision = ProductRevision(description="&amp;" * 400)
    preview = product_context(product, words_of(""))["preview"]
    assert re.fullmatch("(?:&amp;)+…", preview)


def test_card_says_when_there_is_no_text() -> None:
    assert "says nothing more" in card()
    assert "says nothing more" not in card(bullets="One")


def test_card_without_a_revision_shows_the_product_s_id() -> None:
    context = {"product": product_context(Product(external_id="B0042"), words_of("chair"))}
    assert "B0042" in render_to_string("judge/product.html", context)


def test_card_names_the_language_of_the_shop_s_texts_only() -> None:
    html = card(locale="jp", bullets="一つ")
    assert '<div class="product-head" lang="ja">' in html
    assert '<ul class="bullets" lang="ja">' in html
    assert '<div class="product">' in html


def test_compact_card_folds_all_but_its_head() -> None:
    html = card(compact=True, bullets="\n".join(map(str, range(20))), description="<p>Sturdy.</p>" * 99)
    assert html.count("<details") == 1
    assert "Sturdy." not in html.split("<details")[0]
    assert "Sturdy." in html


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"{HOST}/a.jpg", True),
        ("HTTPS://Images.Example.COM/a.jpg", True),
        ("https://eu.cdn.example.com/a.jpg", True),
        ("https://images.example.com.evil.org/a.jpg", False),
        ("https://images.example.com:444/a.jpg", False),
        ("https://me@images.example.com/a.jpg", False),
        ("http://images.example.com/a.jpg", False),
        ("//images.example.com/a.jpg", False),
        ("/a.jpg", False),
        ("javascript:alert(1)", False),
        ("https://[broken", False),
        ("", False),
    ],
)
def test_picture_is_shown_from_configured_hosts_only(settings: Settings, url: str, shown: bool) -> None:
    settings.IMAGE_HOSTS = [f"{HOST}/", "https://*.cdn.example.com"]
    assert picture_url(url) == (url if shown else "")
    assert ("<img" in card(image_url=url)) == shown


def test_picture_is_not_tried_without_hosts(settings: Settings) -> None:
    settings.IMAGE_HOSTS = []
    assert "picture" not in card(image_url=f"{HOST}/a.jpg")


@pytest.mark.parametrize(
    ("locale", "language"),
    [("us", "en"), ("jp", "ja"), ("es", "es"), ("pt_BR", "pt-BR"), ("zh-Hant", "zh-Hant"), ("", ""), ("9 x", "")],
)
def test_language_of_a_locale(locale: str, language: str) -> None:
    assert language_of(locale) == language
