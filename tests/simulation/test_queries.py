import random
from collections import Counter

from simulation.families import load_shop
from simulation.queries import Query, make_query, misspell

SHOP = load_shop()
QUERIES = [make_query(random.Random(seed), SHOP, "us") for seed in range(4000)]


def having(construct: str) -> list[Query]:
    return [query for query in QUERIES if construct in query.constructs]


def test_queries_have_every_construct() -> None:
    counts = Counter(construct for query in QUERIES for construct in query.constructs)
    expected = {
        *("brand", "brand_as_type", "compatibility", "accessory", "bundle", "unit"),
        *("without", "pack", "vague", "unclear", "typo"),
    }
    assert set(counts) == expected
    assert min(counts.values()) >= 8


def test_vague_queries_state_nothing_and_have_several_readings() -> None:
    assert all(len(query.readings) > 1 and not query.wants for query in having("vague"))


def test_unclear_queries_have_no_reading() -> None:
    assert all(not query.readings for query in having("unclear"))
    assert all(query.readings for query in QUERIES if "unclear" not in query.constructs)


def test_queries_for_a_part_name_what_it_must_fit_and_no_brand_besides() -> None:
    for query in having("compatibility"):
        assert "brand" not in query.wants
        assert query.readings[0].role == "accessory"


def test_queries_with_a_brand_as_the_type_want_no_brand() -> None:
    for query in having("brand_as_type"):
        assert "brand" not in query.wants


def test_queries_say_what_they_want() -> None:
    for query in QUERIES:
        if query.readings and "typo" not in query.constructs:
            for name, value in query.wants.items():
                trait = query.readings[0].trait(name)
                words = trait.asked[value] if trait else (value.lower(),)
                assert any(word in query.text for word in words), query


def test_negations_are_written_in_more_than_one_way() -> None:
    texts = " | ".join(query.text for query in having("without"))
    assert "without " in texts
    assert " no " in texts
    assert " free" in texts


def test_other_locales_ask_in_their_own_words() -> None:
    for locale in ("es", "jp"):
        asked = [make_query(random.Random(seed), SHOP, locale) for seed in range(200)]
        assert {kind.locale for query in asked for kind in query.readings} == {locale}


def test_misspell_changes_one_longer_word() -> None:
    rng = random.Random(1)
    for _ in range(200):
        words = misspell(rng, "silver running sneakers 24oz").split(" ")
        assert words[3] == "24oz"
        changed = [a for a, b in zip(words, ["silver", "running", "sneakers", "24oz"], strict=True) if a != b]
        assert len(changed) <= 1
        assert all(word[0] in "srs" for word in words[:3])


def test_misspell_leaves_short_words_alone() -> None:
    assert misspell(random.Random(1), "red mug 6 oz") == "red mug 6 oz"
