"""The results of a made-up search engine: for each query some products, with the true path of each pair."""

import random
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from simulation.families import Kind, Shop
from simulation.products import Product, make_product, pick
from simulation.queries import Query, make_query
from simulation.truth import LABELS, does_same_job, true_path, will_do

PAIRS_A_QUERY = 20
SHARES = {"E": 0.65, "S": 0.22, "C": 0.03, "I": 0.10}
# The share of Exact differs from query to query; this is the spread of its beta distribution.
EXACT_SPREAD = 9.0
# How often a listing leaves out something that the query states.
SILENT_SHARE = 0.03
REUSE_SHARE = 0.45
RECENT = 48
MAX_REPEATS = 2_000


@dataclass(frozen=True, slots=True)
class Pair:
    """A product shown for a query, with its true path and the label at the path's end (empty for a skip)."""

    product: Product
    is_new: bool
    path: str
    label: str


@dataclass(frozen=True, slots=True)
class Results:
    """A query with the pairs shown for it; no product comes twice."""

    query: Query
    pairs: tuple[Pair, ...]


class SearchEngine:
    """Remembers the last products of each kind, so that queries share products in bounded memory."""

    def __init__(self, shop: Shop, rng: random.Random) -> None:
        self.shop = shop
        self.rng = rng
        self.made = 0
        self.recent: dict[Kind, deque[Product]] = {
            kind: deque(maxlen=RECENT) for kinds in shop.families.values() for kind in kinds
        }

    def make(self, kind: Kind, wants: Mapping[str, str], omit: str = "") -> Product:
        """Return a new product of the kind that has what is wanted; its listing omits one fact, if named."""
        product = make_product(self.rng, kind, wants, self.made, omit)
        self.made += 1
        self.recent[kind].append(product)
        return product

    def remembered(self, kind: Kind) -> Product | None:
        """Return one of the kind's recent products, or None."""
        recent = self.recent[kind]
        return recent[int(self.rng.random() * len(recent))] if recent else None


def results(shop: Shop, seed: int, locales: Mapping[str, float]) -> Iterator[Results]:
    """Yield results for ever new queries; `locales` maps locale to weight.

    Raises ValueError when the shop has no further query to ask.
    """
    rng = random.Random(seed)
    engine = SearchEngine(shop, rng)
    asked: set[tuple[str, str]] = set()
    while True:
        query = _new_query(rng, shop, locales, asked)
        yield Results(query, tuple(_show(engine, query)))


def _new_query(rng: random.Random, shop: Shop, locales: Mapping[str, float], asked: set[tuple[str, str]]) -> Query:
    for _ in range(MAX_REPEATS):
        locale = rng.choices(list(locales), list(locales.values()))[0]
        query = make_query(rng, shop, locale)
        if (locale, query.text) not in asked:
            asked.add((locale, query.text))
            return query
    raise ValueError(f"after {len(asked)} queries the shop has no new one; ask for fewer queries")


def _show(engine: SearchEngine, query: Query) -> Iterator[Pair]:
    rng = engine.rng
    exact = rng.betavariate(SHARES["E"] * EXACT_SPREAD, (1 - SHARES["E"]) * EXACT_SPREAD)
    rest = (1 - exact) / (1 - SHARES["E"])
    weights = [exact, *(SHARES[label] * rest for label in "SCI")]
    count = PAIRS_A_QUERY - 4 + int(rng.random() * 9)
    shown: set[str] = set()
    for aim in rng.choices((exact_product, substitute, complement, irrelevant), weights, k=count):
        made = engine.made
        product = aim(engine, query)
        if product.id in shown:
            product = aim(engine, query)
        if product.id not in shown:
            shown.add(product.id)
            path = true_path(query, product)
            yield Pair(product, engine.made > made, path, LABELS[path])


def exact_product(engine: SearchEngine, query: Query) -> Product:
    """Return a product that has what the query states; now and then its listing does not say so."""
    rng = engine.rng
    if not query.readings:
        return unrelated(engine, query)
    kind = pick(rng, query.readings)
    if query.wants and rng.random() < SILENT_SHARE:
        return engine.make(kind, query.wants, omit=pick(rng, list(query.wants)))
    return _offer(engine, query, kind, query.wants, "E")


def substitute(engine: SearchEngine, query: Query) -> Product:
    """Return a product of a kind that does the same job, or one that contradicts the query but will do."""
    rng = engine.rng
    others = [
        kind
        for kind in _family(engine, query)
        if kind not in query.readings and any(does_same_job(asked, kind) for asked in query.readings)
    ]
    conflicts = _other_values(query, usable=True)
    if others and (not conflicts or rng.random() < 0.5):
        return _offer(engine, query, pick(rng, others), query.wants, "S")
    if not conflicts:
        return exact_product(engine, query)
    changed = dict(rng.sample(conflicts, min(len(conflicts), 1 + (rng.random() < 0.25))))
    return _offer(engine, query, query.readings[0], {**query.wants, **changed}, "S")


def complement(engine: SearchEngine, query: Query) -> Product:
    """Return an accessory of what was asked for, or the product that the accessory asked for is used with."""
    wants = dict(query.wants)
    if "model" in wants or "fits" in wants:
        wants["model"] = wants["fits"] = wants.get("model") or wants["fits"]
        wants.pop("brand", None)
    accessories = {kind.role == "accessory" for kind in query.readings}
    others = [
        kind
        for kind in _family(engine, query)
        if kind not in query.readings and accessories != {kind.role == "accessory"}
    ]
    if not others:
        return exact_product(engine, query)
    return _offer(engine, query, pick(engine.rng, others), wants, "C")


def irrelevant(engine: SearchEngine, query: Query) -> Product:
    """Return something else altogether, or the right kind in a way that cannot be used."""
    rng = engine.rng
    unusable = _other_values(query, usable=False)
    if unusable and rng.random() < 0.4:
        return _offer(engine, query, query.readings[0], {**query.wants, **dict([pick(rng, unusable)])}, "I")
    return unrelated(engine, query)


def unrelated(engine: SearchEngine, query: Query) -> Product:
    """Return a product of another family of the query's locale."""
    rng = engine.rng
    here = {kind.family for kind in query.readings}
    families = [
        kinds for key, kinds in engine.shop.families.items() if key not in here and kinds[0].locale == query.locale
    ]
    kind = pick(rng, pick(rng, families))
    return (engine.remembered(kind) if rng.random() < 0.85 else None) or engine.make(kind, {})


def _offer(engine: SearchEngine, query: Query, kind: Kind, wants: Mapping[str, str], label: str) -> Product:
    """Return a remembered product of the kind if one has the label for this query, else a new one."""
    if engine.rng.random() < REUSE_SHARE:
        for _ in range(3):
            product = engine.remembered(kind)
            if product and LABELS[true_path(query, product)] == label:
                return product
    return engine.make(kind, wants)


def _family(engine: SearchEngine, query: Query) -> list[Kind]:
    return [kind for key in {kind.family: None for kind in query.readings} for kind in engine.shop.families[key]]


def _other_values(query: Query, usable: bool) -> list[tuple[str, str]]:
    """Return the values that contradict the query's, of those that will do or of those that will not."""
    if len(query.readings) != 1:
        return []
    kind = query.readings[0]
    found = [("brand", brand) for brand in kind.brands if usable and query.wants.get("brand", brand) != brand]
    for name, wanted in query.wants.items():
        trait = kind.trait(name)
        if trait:
            found += [(name, v) for v in trait.values if v != wanted and will_do(trait, wanted, v) == usable]
    return found
