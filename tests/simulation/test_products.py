import random

import pytest

from simulation.families import Kind, load_shop, maker
from simulation.products import Product, make_product, product_id, write_listing

SHOP = load_shop()
KINDS = [kind for kinds in SHOP.families.values() for kind in kinds]


def kind(name: str) -> Kind:
    return next(kind for kind in KINDS if kind.name == name)


def text(product: Product, seed: int) -> str:
    listing = write_listing(random.Random(seed), product, SHOP.words[product.kind.locale])
    parts = (listing.title, listing.description, listing.bullets, listing.brand, listing.colour)
    return "\n".join(part for part in parts if part)


def test_product_has_what_is_wanted() -> None:
    wants = {"capacity": "24 oz", "straw": "no", "brand": "Hydrelle"}
    facts = make_product(random.Random(3), kind("Water Bottle"), wants, 1).facts
    assert {name: facts[name] for name in wants} == wants
    assert set(facts) == {"brand", "material", "capacity", "straw", "colour"}


def test_product_omits_a_fact() -> None:
    product = make_product(random.Random(3), kind("Water Bottle"), {"capacity": "24 oz"}, 1, omit="capacity")
    assert "capacity" not in product.facts
    assert "24" not in text(product, 1)


def test_product_ignores_what_its_kind_cannot_have() -> None:
    facts = make_product(random.Random(3), kind("Mouse Pad"), {"link": "Bluetooth", "brand": "Hydrelle"}, 1).facts
    assert set(facts) == {"brand", "colour"}
    assert facts["brand"] in kind("Mouse Pad").brands


def test_product_with_a_model_is_of_the_brand_that_makes_it() -> None:
    phone = kind("Smartphone")
    for seed in range(30):
        facts = make_product(random.Random(seed), phone, {}, 1).facts
        assert facts["brand"] == maker(facts["model"], phone)
        branded = make_product(random.Random(seed), phone, {"brand": "Mirrovo"}, 1).facts
        assert branded["model"].startswith("Mirrovo ")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_listing_says_every_fact(kind: Kind) -> None:
    for seed in range(12):
        product = make_product(random.Random(seed), kind, {}, seed)
        written = text(product, seed)
        for name, value in product.facts.items():
            trait = kind.trait(name)
            phrases = trait.listed[value] if trait else (value,)
            # A colour may stand in its own field only, as the bare value.
            assert any(phrase in written for phrase in (*phrases, value)), (name, value, written)


def test_listings_of_one_product_differ_in_order_and_words() -> None:
    product = make_product(random.Random(1), kind("Water Bottle"), {}, 1)
    words = SHOP.words["us"]
    titles = {write_listing(random.Random(seed), product, words).title for seed in range(40)}
    assert len(titles) > 20


def test_product_ids_are_ten_characters_and_never_the_same() -> None:
    ids = [product_id(number) for number in range(50_000)]
    assert len(set(ids)) == len(ids)
    assert all(len(one) == 10 and one.isalnum() and one == one.upper() for one in ids)
