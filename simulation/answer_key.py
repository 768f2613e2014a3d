"""What simulated annotators know: the true path of each pair, by what the page shows of it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow.parquet as pq

from simulation.truth import ACCEPTED, EXACT, TOGETHER, UNRELATED

PairKey = tuple[str, str, str]
AnswerKey = Mapping[PairKey, str]

# A label that came with real data says where the walk ends and not how it goes; these are its usual walks.
CANONICAL_PATHS: Mapping[str, str] = {"E": EXACT, "S": ACCEPTED, "C": TOGETHER, "I": UNRELATED}


def pair_key(locale: str, query: str, product_id: str) -> PairKey:
    """Return what a pair is looked up by; white space in the query is folded, as a page may show it otherwise."""
    return locale, " ".join(query.split()), product_id


def true_answer(key: AnswerKey, locale: str, query: str, product_id: str) -> str:
    """Return the pair's true path. A pair that the key does not have was put together at random: it is Irrelevant."""
    return key.get(pair_key(locale, query, product_id), UNRELATED)


def read_generated_key(path: Path) -> dict[PairKey, str]:
    """Read the answer key that simulation.catalog wrote."""
    return {pair_key(row["locale"], row["query"], row["product_id"]): row["path"] for row in _rows(path)}


def read_labeled_key(examples: Path) -> dict[PairKey, str]:
    """Make an answer key of the rows of an official examples file that have a label."""
    return {
        pair_key(row["product_locale"], row["query"], row["product_id"]): CANONICAL_PATHS[row["esci_label"]]
        for row in _rows(examples)
        if row["esci_label"]
    }


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            yield from batch.to_pylist()
