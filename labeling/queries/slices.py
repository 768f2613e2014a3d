"""What splits judgments into slices: facts of the query, of the product, of the pair, and why it was served.

Texts are told apart by a hash that PostgreSQL makes of them, and looked up once for each value that is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import BigIntegerField, Exists, F, Func, IntegerField, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Lower, Trim
from numpy.typing import NDArray

from labeling.models import Pair, PairAttribute, Project, Query, Stream
from labeling.queries.arrays import fetch_arrays
from modeling.labels.judged import Slice

Ids = NDArray[np.int64]

MOST = 20  # values with most pairs that a slice keeps; all others are one
OTHERS = "all others"
ATTRIBUTE = "attribute:"  # before the name of what an import said of pairs
LENGTHS = {"1": (1, 1), "2-3": (2, 3), "4-5": (4, 5), "6+": (6, 1000)}  # words in a query
STREAMS = (Stream.RANDOM, Stream.ACTIVE)
PAIRS_FIRST, ATTRIBUTES_AT_ONCE = 1_000, 500_000  # what a first statement fetches tells what others can

QUERIES = r"""
    SELECT string_agg(int8send(id), ''), string_agg(int8send(hashtextextended(locale, 0)), ''),
        string_agg(int8send(regexp_count(text, '\S+')), '')
    FROM labeling_query
    WHERE id IN (
        SELECT pair.query_id FROM labeling_judgment judgment JOIN labeling_pair pair ON pair.id = judgment.pair_id
        WHERE judgment.project_id = %s AND judgment.retired_at IS NULL AND judgment.stream IN ('random', 'active')
    )
"""
BRANDS = """
    SELECT string_agg(int8send(pair.id), ''),
        string_agg(int8send(hashtextextended(lower(btrim(revision.brand)), 0)), '')
    FROM labeling_pair pair
    JOIN labeling_product product ON product.id = pair.product_id
    JOIN labeling_productrevision revision ON revision.id = product.revision_id
    WHERE btrim(revision.brand) <> '' AND pair.id IN (
        SELECT pair_id FROM labeling_judgment
        WHERE project_id = %s AND retired_at IS NULL AND stream IN ('random', 'active')
    )
"""
ATTRIBUTES = """
    SELECT string_agg(int8send(pair_id), ''), string_agg(int8send(hashtextextended(name, 0)), ''),
        string_agg(int8send(hashtextextended(value, 0)), '')
    FROM labeling_pairattribute
    WHERE value <> '' AND pair_id BETWEEN %s AND %s AND pair_id IN (
        SELECT pair_id FROM labeling_judgment
        WHERE project_id = %s AND retired_at IS NULL AND stream IN ('random', 'active') AND pair_id BETWEEN %s AND %s
    )
"""


def slices_of(project: Project, pair: Ids, query: Ids, stream: NDArray[np.intp]) -> dict[str, Slice]:
    """Return every way to split judgments, given the pair and the query of each and its place in STREAMS, all (n,).

    locale, length (words of the query), brand, stream, and "attribute:NAME" for what imports said of pairs. A slice
    has at most MOST values, those with most pairs, and one for all others. A text that is empty is no value.
    """
    pairs = _Owners.of(pair)
    fixed = {"brand": _brands(project, pairs), "stream": Slice(stream, tuple(map(str, STREAMS)))}
    return _of_queries(project, query) | fixed | _attributes(project, pairs)


def in_slice(name: str, value: str) -> Q:
    """Return what leaves the judgments of one value of a slice, as slices_of names both.

    ValueError for a slice or a value that there is not; OTHERS, which is no value, is one.
    """
    if value == OTHERS:
        raise ValueError(f"{OTHERS!r} is what is left of {name}, not a value to look up.")
    if name.startswith(ATTRIBUTE):
        found = PairAttribute.objects.filter(pair=OuterRef("pair"), name=name.removeprefix(ATTRIBUTE), value=value)
        return Q(Exists(found))
    if name == "locale":
        return Q(pair__query__locale=value)
    if name == "brand":
        return Q(pair__in=Pair.objects.alias(brand=Lower(Trim("product__revision__brand"))).filter(brand=value.lower()))
    if name == "length" and value in LENGTHS:
        words = Func(F("text"), Value(r"\S+"), function="regexp_count", output_field=IntegerField())
        least, most = LENGTHS[value]
        return Q(pair__query__in=Query.objects.alias(words=words).filter(words__gte=least, words__lte=most))
    if name == "stream" and value in STREAMS:
        return Q(stream=value)
    raise ValueError(f"There is no slice {name!r} with a value {value!r}.")


@dataclass(frozen=True)
class _Owners:
    """What has a value: the sorted ids (m,), and the place among them of each judgment's, (n,)."""

    ids: Ids
    place: NDArray[np.intp]

    @classmethod
    def of(cls, each: Ids) -> "_Owners":
        ids, place = np.unique(each, return_inverse=True)
        return cls(ids, place)

    def codes(self, ids: Ids, codes: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return each judgment's code (n,), given those of some ids in any order; -1 for an id without one."""
        found = np.full(len(self.ids), -1, np.intp)
        known = np.isin(ids, self.ids)
        found[np.searchsorted(self.ids, ids[known])] = codes[known]
        return found[self.place]


def _of_queries(project: Project, query: Ids) -> dict[str, Slice]:
    owners = _Owners.of(query)
    ids, locales, words = fetch_arrays(QUERIES, [project.pk])
    bands = np.searchsorted([least for least, _ in LENGTHS.values()], words, side="right") - 1
    return {
        "locale": _slice(owners, ids, locales, lambda few: _texts(Query.objects.filter(pk__in=few), F("locale"))),
        "length": Slice(owners.codes(ids, bands), tuple(LENGTHS)),
    }


def _brands(project: Project, owners: _Owners) -> Slice:
    ids, brands = fetch_arrays(BRANDS, [project.pk])
    brand = "product__revision__brand"
    return _slice(
        owners,
        ids,
        brands,
        lambda few: _texts(Pair.objects.filter(pk__in=few), Lower(Trim(brand)), Trim(brand)),
    )


def _attributes(project: Project, owners: _Owners) -> dict[str, Slice]:
    parts: dict[int, list[tuple[Ids, Ids]]] = {}
    start, size = 0, PAIRS_FIRST
    while start < len(owners.ids):
        chosen = owners.ids[start : start + size]
        within = (int(chosen[0]), int(chosen[-1]))
        ids, names, values = fetch_arrays(ATTRIBUTES, [*within, project.pk, *within])
        for name in np.unique(names).tolist():
            parts.setdefault(name, []).append((ids[names == name], values[names == name]))
        start, size = start + size, ATTRIBUTES_AT_ONCE // (1 + len(ids) // len(chosen))
    examples = PairAttribute.objects.filter(pair__in=[int(found[0][0][0]) for found in parts.values()])
    slices = {}
    for name, text in _texts(examples, F("name")).items():
        if name in parts:
            ids, values = (np.concatenate(column) for column in zip(*parts[name], strict=True))
            slices[ATTRIBUTE + text] = _slice(owners, ids, values, _values_of(text))
    return slices


def _values_of(name: str) -> Callable[[list[int]], dict[int, str]]:
    return lambda few: _texts(PairAttribute.objects.filter(name=name, pair__in=few), F("value"))


def _slice(owners: _Owners, ids: Ids, hashes: Ids, look_up: Callable[[list[int]], dict[int, str]]) -> Slice:
    """Make a slice of hashed values; `look_up` returns the texts of some ids' values by their hash."""
    distinct, first, which, count = np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(-count, kind="stable")
    kept = order if len(order) <= MOST + 1 else order[:MOST]
    texts = look_up(ids[first[kept]].tolist())
    codes = np.full(len(distinct), len(kept), np.intp)
    codes[kept] = np.arange(len(kept))
    values = tuple(texts.get(found, OTHERS) for found in distinct[kept].tolist())
    return Slice(owners.codes(ids, codes[which]), values if len(kept) == len(order) else (*values, OTHERS))


def _texts(rows: QuerySet[Any], hashed: Combinable, text: Combinable | None = None) -> dict[int, str]:
    """Return texts by the hash that the statements above make of them."""
    hash_of = Func(hashed, Value(0), function="hashtextextended", output_field=BigIntegerField())
    return dict(rows.annotate(hashed=hash_of, text_of=text or hashed).values_list("hashed", "text_of"))
