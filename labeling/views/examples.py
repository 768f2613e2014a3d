"""Made-up products and walks, for the styleguide."""

from collections.abc import Sequence
from typing import Any

from django.templatetags.static import static

from labeling.exchange.marking import words_of
from labeling.models import Label, Product, ProductRevision, Query
from labeling.views.product import language_of, product_context

_BOTTLE = {
    "title": "Ardenbay Water Bottle, Insulated Stainless Steel, 750 ml, Forest Green",
    "brand": "Ardenbay",
    "colour": "Forest green",
    "bullets": "Keeps water cold for 24 hours\nFits <b>most cup holders</b>\nSteel inside and out\nA lid that seals"
    "\nWide enough for ice\nA loop to carry it\nDishwasher safe\nTen years of guarantee\n750 ml, 380 g",
    "description": "<p>Made for long days outside. The double wall of steel keeps drinks cold, and hands dry.</p>"
    "<p>The wide mouth takes ice cubes and a brush. The lid seals with a quarter turn and cannot be lost: a loop of "
    "cord holds it to the bottle. Paint that does not chip, rims that do not rattle.</p><p>Every bottle is tested for "
    "leaks before it leaves the works, and every part of it can be had on its own for ten years.</p>",
}
_MACHINE = {
    "title": "Máquina de coser portátil con 12 puntadas",
    "brand": "Costurera",
    "colour": "Blanca",
    "bullets": "Cose telas finas y gruesas\nCon pedal",
    "description": "<p>Máquinas para quien empieza.</p>",
}
_UMBRELLA = {"title": "軽量 折りたたみ傘 ワンタッチ 自動開閉", "brand": "雨音", "colour": "紺"}


def example_cards() -> list[dict[str, Any]]:
    """Return what judge/pair.html needs of three pairs: with all that a card can show, short, and with a title only."""
    with_picture = {"image_url": static("example-chart.svg"), "revision": 1}
    return [
        _card("us", "stainless steel water bottles", _BOTTLE, with_picture),
        _card("es", "maquina coser", _MACHINE),
        _card("jp", "折りたたみ傘 自動", _UMBRELLA),
    ]


def example_walks(labels: Sequence[Label]) -> list[dict[str, Any]]:
    """Return what components/walks.html needs of two people who part at their second question."""
    need, kind = "Can you tell what the shopper wants?", "Is this the type of product asked for?"
    known = {"ask": need, "answer": "Yes", "parted": False}
    contradicts = {"ask": "Does anything the query states contradict it?", "answer": "No", "parted": False}
    same_job = {"ask": "Does it do the same job?", "answer": "Yes", "parted": False}
    return [
        {
            "name": "Ana Ruiz",
            "about": "version 3, 4 November",
            "steps": [known, {"ask": kind, "answer": "Yes", "parted": True}, contradicts],
            "label": labels[0],
        },
        {
            "name": "Bo Lindqvist",
            "about": "version 3, 6 November",
            "steps": [known, {"ask": kind, "answer": "No, another type", "parted": True}, same_job],
            "label": labels[1],
            "note": "It is a flask, and holds half as much.",
        },
    ]


def _card(locale: str, query: str, texts: dict[str, str], more: dict[str, Any] | None = None) -> dict[str, Any]:
    product = Product(external_id=f"B-{locale}", locale=locale)
    product.revision = ProductRevision(product=product, **texts)
    return {
        "query": Query(text=query, locale=locale),
        "query_lang": language_of(locale),
        "product": product_context(product, words_of(query)) | (more or {}),
    }
