"""What judgments are split by: the arrays that are fetched, and the rows that are looked up, are the same ones."""

import uuid

import numpy as np
import pytest

from labeling.models import Judgment, Pair, PairAttribute, ProductRevision, Project
from labeling.queries import slices
from labeling.queries.slices import ATTRIBUTE, OTHERS, in_slice, slices_of
from modeling.labels.judged import Slice
from tests.labeling.acting import judge_all, make_members
from tests.making import make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

QUERIES = ("mug", "a mug", "折りたたみ傘", "small red tin mug", " one  two three four five six seven ")


def judged_pairs(project: Project, count: int = 5) -> list[Pair]:
    """Make pairs of different queries, brands and languages, each judged by two people."""
    pairs = []
    for number in range(count):
        pair = make_pair(project, QUERIES[number % 5], locale="us" if number % 5 != 2 else "jp")
        brand = ("Ardenbay", " ARDENBAY ", "Lumen", "", "Lumen")[number % 5]
        pair.product.revision = ProductRevision.objects.create(
            product=pair.product, number=2, digest=uuid.uuid4(), brand=brand
        )
        pair.product.save()
        pairs.append(pair)
    make_round(project, pairs)
    judge_all(make_members(project, 2), dict.fromkeys(pairs, "E"))
    return pairs


def sliced(project: Project, pairs: list[Pair]) -> dict[str, Slice]:
    """Return the slices of one judgment of each pair, all of the random stream."""
    ids = np.array([pair.pk for pair in pairs], np.int64)
    queries = np.array([pair.query_id for pair in pairs], np.int64)
    return slices_of(project, ids, queries, np.zeros(len(pairs), np.intp))


def values(found: Slice) -> list[str | None]:
    return [found.values[code] if code >= 0 else None for code in found.codes]


def test_slices_are_facts_of_query_and_product() -> None:
    project = make_project(overlap=2)
    found = sliced(project, judged_pairs(project))
    assert list(found) == ["locale", "length", "brand", "stream"]
    assert values(found["locale"]) == ["us", "us", "jp", "us", "us"]
    assert values(found["length"]) == ["1", "2-3", "1", "4-5", "6+"]
    assert [(value or "").casefold() for value in values(found["brand"])] == [
        "ardenbay",
        "ardenbay",
        "lumen",
        "",
        "lumen",
    ]
    assert values(found["stream"]) == ["random"] * 5


def test_slices_have_every_attribute_that_was_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "PAIRS_FIRST", 2)
    monkeypatch.setattr(slices, "ATTRIBUTES_AT_ONCE", 2)
    project, other = make_project(overlap=2), make_project(overlap=2)
    pairs, elsewhere = judged_pairs(project), judged_pairs(other, 1)
    for pair, category in zip(pairs, ("Kitchen", "Kitchen", "Travel", "", "Kitchen"), strict=True):
        PairAttribute.objects.create(pair=pair, name="category", value=category)
    PairAttribute.objects.create(pair=pairs[4], name="season", value="Kitchen")
    PairAttribute.objects.create(pair=elsewhere[0], name="secret", value="Kitchen")
    found = sliced(project, pairs)
    assert values(found[ATTRIBUTE + "category"]) == ["Kitchen", "Kitchen", "Travel", None, "Kitchen"]
    assert values(found[ATTRIBUTE + "season"]) == [None, None, None, None, "Kitchen"]
    assert ATTRIBUTE + "secret" not in found


def test_slices_keep_the_commonest_values_and_put_the_others_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "MOST", 2)
    project = make_project(overlap=2)
    pairs = judged_pairs(project, 7)
    for pair, shelf in zip(pairs, "AABBCDA", strict=True):
        PairAttribute.objects.create(pair=pair, name="shelf", value=shelf)
    found = sliced(project, pairs)[ATTRIBUTE + "shelf"]
    assert found.values == ("A", "B", OTHERS)
    assert values(found) == ["A", "A", "B", "B", OTHERS, OTHERS, "A"]


def test_slice_that_would_put_one_value_away_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "MOST", 1)
    project = make_project(overlap=2)
    pairs = judged_pairs(project)
    assert sorted(map(str.casefold, sliced(project, pairs)["brand"].values)) == ["ardenbay", "lumen"]


def test_slices_of_nothing_are_empty() -> None:
    found = sliced(make_project(), [])
    assert {name: len(one.codes) for name, one in found.items()} == {"locale": 0, "length": 0, "brand": 0, "stream": 0}


def test_in_slice_finds_the_judgments_of_every_value() -> None:
    project = make_project(overlap=2)
    pairs = judged_pairs(project)
    for pair, shelf in zip(pairs, "AABBA", strict=True):
        PairAttribute.objects.create(pair=pair, name="shelf", value=shelf)
    for name, found in sliced(project, pairs).items():
        for code, value in enumerate(found.values):
            expected = {pair.pk for pair, own in zip(pairs, found.codes, strict=True) if own == code}
            rows = Judgment.objects.filter(in_slice(name, value), project=project)
            assert {row.pair_id for row in rows} == expected, (name, value)
            assert len(rows) == 2 * len(expected)


@pytest.mark.parametrize(("name", "value"), [("colour", "red"), ("length", "7"), ("stream", "gold"), ("brand", OTHERS)])
def test_in_slice_refuses_what_there_is_not(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=value):
        in_slice(name, value)
