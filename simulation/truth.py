"""The true path of a query-product pair through the ESCI tree, computed from facts on both sides.

The questions are those of labeling/guidelines/esci.yaml. A path is written as annotators post it.
"""

from collections.abc import Mapping

from simulation.families import NUMBER, Kind, Trait, maker
from simulation.products import Product
from simulation.queries import Query

UNCLEAR = "need:no"
EXACT = "need:yes,type:yes,conflict:no,silent:no"
SILENT = "need:yes,type:yes,conflict:no,silent:yes"
ACCEPTED = "need:yes,type:yes,conflict:yes,accept:yes"
REFUSED = "need:yes,type:yes,conflict:yes,accept:no"
SAME_JOB = "need:yes,type:no,job:yes"
TOGETHER = "need:yes,type:no,job:no,together:yes"
UNRELATED = "need:yes,type:no,job:no,together:no"

# Where each path ends; an empty label is a skip.
LABELS: Mapping[str, str] = {
    UNCLEAR: "",
    EXACT: "E",
    SILENT: "",
    ACCEPTED: "S",
    REFUSED: "I",
    SAME_JOB: "S",
    TOGETHER: "C",
    UNRELATED: "I",
}

MAX_ACCEPTED_CONFLICTS = 2
NEAR = 2.0


def true_path(query: Query, product: Product) -> str:
    """Return the path that an annotator who makes no mistake walks."""
    if not query.readings:
        return UNCLEAR
    if product.kind in query.readings:
        return _same_type(query.wants, product)
    family = [kind for kind in query.readings if kind.family == product.kind.family]
    if not family or _unusable(query.wants, product):
        return UNRELATED
    if any(does_same_job(kind, product.kind) for kind in family):
        return SAME_JOB
    if any(goes_together(kind, query.wants, product) for kind in family):
        return TOGETHER
    return UNRELATED


def does_same_job(asked: Kind, offered: Kind) -> bool:
    """Tell whether two kinds of one family do the same job: all but the accessories do."""
    return asked.role != "accessory" and offered.role != "accessory"


def goes_together(asked: Kind, wants: Mapping[str, str], product: Product) -> bool:
    """Tell whether the product is used with what was asked for: one is the accessory, and it fits the other."""
    if (asked.role == "accessory") == (product.kind.role == "accessory"):
        return False
    fits, model = product.facts.get("fits"), product.facts.get("model")
    if fits and "model" in wants:
        return fits == wants["model"]
    if fits and asked.brands and "brand" in wants:
        return maker(fits, asked) == wants["brand"]
    if "fits" in wants:
        return model is None or model == wants["fits"]
    return True


def _same_type(wants: Mapping[str, str], product: Product) -> str:
    conflicts = [name for name, value in wants.items() if product.facts.get(name, value) != value]
    if conflicts:
        few = len(conflicts) <= MAX_ACCEPTED_CONFLICTS
        return ACCEPTED if few and not _unusable(wants, product) else REFUSED
    missing = [name for name in wants if name not in product.facts]
    return SILENT if any(_is_central(name, product.kind) for name in missing) else EXACT


def _is_central(name: str, kind: Kind) -> bool:
    trait = kind.trait(name)
    return trait is not None and trait.central


def _unusable(wants: Mapping[str, str], product: Product) -> bool:
    """Tell whether a contradicted trait rules the product out, whatever else it is good for."""
    return any(
        trait.name in wants
        and trait.name in product.facts
        and not will_do(trait, wants[trait.name], product.facts[trait.name])
        for trait in product.kind.traits
    )


def will_do(trait: Trait, wanted: str, offered: str) -> bool:
    """Tell whether a shopper who wants one value of a trait can use the other."""
    if wanted == offered or trait.severity == "soft":
        return True
    if trait.severity == "hard":
        return False
    ratio = _number(wanted) / _number(offered)
    return 1 / NEAR <= ratio <= NEAR


def _number(value: str) -> float:
    match = NUMBER.fullmatch(value)
    if match is None:
        raise ValueError(f"{value!r} is no number with a unit, which severity 'near' needs")
    return float(match[1])
