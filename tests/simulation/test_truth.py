import pytest

from labeling.guidelines.parse import default_source, parse_guideline
from labeling.guidelines.tree import LabelLeaf, SkipLeaf
from labeling.guidelines.walk import parse_path, walk
from simulation.families import Kind, load_shop
from simulation.products import Product
from simulation.queries import Query
from simulation.truth import LABELS, true_path


def kind(name: str) -> Kind:
    return next(k for kinds in load_shop().families.values() for k in kinds if k.name == name)


def label(asked: str, wants: dict[str, str], offered: str, facts: dict[str, str]) -> str:
    query = Query("", "us", (kind(asked),), wants, frozenset())
    return LABELS[true_path(query, Product("W1", kind(offered), facts))]


@pytest.mark.parametrize(("path", "expected"), LABELS.items())
def test_path_walks_the_default_tree_to_its_label(path: str, expected: str) -> None:
    end = walk(parse_guideline(default_source(), "ESCI"), parse_path(path))
    if expected:
        assert end == LabelLeaf(expected)
    else:
        assert isinstance(end, SkipLeaf)


@pytest.mark.parametrize(
    ("asked", "wants", "offered", "facts", "expected"),
    [
        pytest.param("Water Bottle", {}, "Water Bottle", {"brand": "Hydrelle"}, "E", id="nothing stated"),
        pytest.param(
            "Water Bottle", {"capacity": "24 oz"}, "Water Bottle", {"capacity": "24 oz"}, "E", id="size as asked"
        ),
        pytest.param(
            "Water Bottle", {"capacity": "24 oz"}, "Water Bottle", {"capacity": "18 oz"}, "S", id="size that will do"
        ),
        pytest.param(
            "Water Bottle", {"capacity": "12 oz"}, "Water Bottle", {"capacity": "64 oz"}, "I", id="size far off"
        ),
        pytest.param("Water Bottle", {"capacity": "12 oz"}, "Water Bottle", {}, "", id="central size unsaid"),
        pytest.param("Water Bottle", {"colour": "Red"}, "Water Bottle", {}, "E", id="minor colour unsaid"),
        pytest.param(
            "Wireless Mouse", {"brand": "Oskelle"}, "Wireless Mouse", {"brand": "Brantiva"}, "S", id="other brand"
        ),
        pytest.param("Water Bottle", {"straw": "no"}, "Water Bottle", {"straw": "yes"}, "S", id="minor without"),
        pytest.param(
            "Protein Bars", {"gluten": "free"}, "Protein Bars", {"gluten": "wheat"}, "I", id="central without"
        ),
        pytest.param("Bath Towels", {"pack": "6"}, "Bath Towels", {"pack": "2"}, "S", id="other pack"),
        pytest.param(
            "Running Shoes", {"size": "size 9"}, "Running Shoes", {"size": "size 7"}, "I", id="size that cannot be worn"
        ),
        pytest.param("Sweater", {}, "Fleece Jacket", {}, "S", id="other type for the same job"),
        pytest.param(
            "Sweater", {"gender": "men"}, "Fleece Jacket", {"gender": "women"}, "I", id="same job for somebody else"
        ),
        pytest.param("Running Shoes", {}, "Track Pants", {}, "C", id="worn together"),
        pytest.param(
            "Phone Case", {"fits": "Zelqua N5"}, "Smartphone", {"model": "Zelqua N5"}, "C", id="product for part"
        ),
        pytest.param(
            "Phone Case",
            {"fits": "Zelqua N5"},
            "Smartphone",
            {"model": "Zelqua N7"},
            "I",
            id="product that it does not fit",
        ),
        pytest.param(
            "Smartphone", {"model": "Zelqua N5"}, "Phone Case", {"fits": "Zelqua N5"}, "C", id="part for product"
        ),
        pytest.param(
            "Smartphone",
            {"model": "Zelqua N5"},
            "Phone Case",
            {"fits": "Zelqua N7"},
            "I",
            id="part for another product",
        ),
        pytest.param(
            "Smartphone", {"brand": "Zelqua"}, "Phone Case", {"fits": "Zelqua N7"}, "C", id="part for the brand"
        ),
        pytest.param(
            "Smartphone", {"brand": "Zelqua"}, "Phone Case", {"fits": "Mirrovo G20"}, "I", id="part for another brand"
        ),
        pytest.param(
            "Ink Cartridge",
            {"fits": "Tandrik PX-240"},
            "Ink Cartridge",
            {"fits": "Tandrik PX-240", "brand": "Inkwright"},
            "E",
            id="third-party part",
        ),
        pytest.param("Phone Case", {}, "Tempered Glass Screen Protector", {}, "I", id="two accessories"),
        pytest.param("Novel", {"format": "Paperback"}, "Novel", {"format": "Hardcover"}, "S", id="other edition"),
        pytest.param(
            "Novel", {"work": "The Salt Lantern"}, "Novel", {"work": "Ashes over Penmarrow"}, "I", id="other work"
        ),
        pytest.param("Action Camera", {}, "Action Camera", {"bundle": "card"}, "E", id="bundle whose main item fits"),
        pytest.param("Bed Pillow", {}, "Wireless Mouse", {}, "I", id="another shelf"),
    ],
)
def test_label_follows_from_the_facts(
    asked: str, wants: dict[str, str], offered: str, facts: dict[str, str], expected: str
) -> None:
    assert label(asked, wants, offered, facts) == expected


def test_three_contradictions_are_too_many_to_accept() -> None:
    wants = {"colour": "Red", "straw": "no", "material": "Glass"}
    facts = {"colour": "Red", "straw": "yes", "material": "Plastic"}
    assert label("Water Bottle", wants, "Water Bottle", facts) == "S"
    assert label("Water Bottle", wants, "Water Bottle", facts | {"colour": "Pink"}) == "I"


def test_vague_query_accepts_every_common_reading() -> None:
    readings = (kind("Novel"), kind("Magnetic Bookmarks"))
    query = Query("gift for a reader", "us", readings, {}, frozenset({"vague"}))
    labels = [LABELS[true_path(query, Product("W1", reading, {}))] for reading in readings]
    assert labels == ["E", "E"]
    assert LABELS[true_path(query, Product("W1", kind("Wok"), {}))] == "I"


def test_unclear_query_ends_in_a_skip() -> None:
    query = Query("size 7", "us", (), {}, frozenset({"unclear"}))
    assert true_path(query, Product("W1", kind("Wok"), {})) == "need:no"
