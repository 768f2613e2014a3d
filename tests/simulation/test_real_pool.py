from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simulation import real_pool
from simulation.catalog import EXAMPLES_FILE, EXAMPLES_SCHEMA, PRODUCTS_FILE, PRODUCTS_SCHEMA, write_catalog
from simulation.real_pool import MAX_QUERIES, MIN_PAIRS, build_real_pool

SAMPLE = Path(__file__).resolve().parents[3] / "shared" / "data" / "esci_sample"
LABELED = ("E", "S", "C", "I")

Row = dict[str, object]


def rows(path: Path) -> list[Row]:
    found: list[Row] = pq.read_table(path).to_pylist()
    return found


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Official files with more queries than the demo takes, some of them in other languages."""
    folder = tmp_path_factory.mktemp("large")
    catalog = write_catalog(folder, queries=400, seed=3, locales={"us": 0.8, "es": 0.2})
    pq.write_table(pq.read_table(catalog.examples, columns=EXAMPLES_SCHEMA.names), catalog.examples)
    return folder


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the ESCI sample is not beside this checkout")
def test_pool_of_the_sample_keeps_every_real_row_and_fills_up(tmp_path: Path) -> None:
    pool = build_real_pool(SAMPLE, tmp_path, seed=1)
    real = rows(SAMPLE / EXAMPLES_FILE)
    made = rows(pool.examples)
    assert made[: len(real)] == real
    assert all(row["esci_label"] == "" for row in made[len(real) :])
    assert len(made) == MIN_PAIRS
    assert sorted(map(str, rows(pool.products))) == sorted(map(str, rows(SAMPLE / PRODUCTS_FILE)))


def test_pool_takes_a_bounded_sample_of_english_queries_with_all_their_rows(large: Path, tmp_path: Path) -> None:
    pool = build_real_pool(large, tmp_path, seed=1)
    made = rows(pool.examples)
    queries = {row["query"] for row in made}
    assert pool.queries == len(queries) == MAX_QUERIES
    assert {row["product_locale"] for row in made} == {"us"}
    real = [row for row in rows(large / EXAMPLES_FILE) if row["product_locale"] == "us" and row["query"] in queries]
    assert made[: pool.labeled] == real


def test_pool_pairs_each_query_with_products_of_other_queries(large: Path, tmp_path: Path) -> None:
    pool = build_real_pool(large, tmp_path, seed=1)
    made = rows(pool.examples)
    pairs = Counter((row["query"], row["product_id"]) for row in made)
    assert max(pairs.values()) == 1
    assert len({row["example_id"] for row in made}) == len(made)
    assert pool.labeled + pool.unlabeled == len(made) >= MIN_PAIRS
    added = Counter(row["query"] for row in made[pool.labeled :])
    assert max(added.values()) - min(added.values()) <= 1
    assert {row["product_id"] for row in made} == {row["product_id"] for row in rows(pool.products)}


def test_pool_is_the_same_for_the_same_seed_and_however_the_rows_are_ordered(large: Path, tmp_path: Path) -> None:
    examples = pq.read_table(large / EXAMPLES_FILE)
    pq.write_table(examples.take(pa.array(range(len(examples) - 1, -1, -1))), tmp_path / EXAMPLES_FILE)
    (tmp_path / PRODUCTS_FILE).symlink_to(large / PRODUCTS_FILE)
    one = build_real_pool(large, tmp_path / "one", seed=1)
    again = build_real_pool(large, tmp_path / "again", seed=1)
    turned = build_real_pool(tmp_path, tmp_path / "turned", seed=1)
    assert rows(one.examples) == rows(again.examples)
    assert {row["query"] for row in rows(turned.examples)} == {row["query"] for row in rows(one.examples)}


def test_pool_reads_files_of_several_batches(large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = build_real_pool(large, tmp_path / "whole", seed=1)
    monkeypatch.setattr(real_pool, "BATCH", 97)
    parts = build_real_pool(large, tmp_path / "parts", seed=1)
    assert rows(parts.examples) == rows(whole.examples)


def test_pool_keeps_the_first_of_doubled_rows_and_drops_rows_without_product(large: Path, tmp_path: Path) -> None:
    examples = pq.read_table(large / EXAMPLES_FILE)
    last = examples.slice(0, 1).to_pylist()[0]
    extra = [{**last, "example_id": 10**6, "esci_label": "I"}, {**last, "example_id": 10**6 + 1, "product_id": "NONE"}]
    doubled = pa.concat_tables([examples, pa.Table.from_pylist(extra, EXAMPLES_SCHEMA)])
    pq.write_table(doubled, tmp_path / EXAMPLES_FILE)
    (tmp_path / PRODUCTS_FILE).symlink_to(large / PRODUCTS_FILE)
    made = rows(build_real_pool(tmp_path, tmp_path / "pool", seed=1).examples)
    assert 10**6 not in {row["example_id"] for row in made}
    assert "NONE" not in {row["product_id"] for row in made}


def test_pool_says_which_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"{EXAMPLES_FILE} is missing; DATA is a folder"):
        build_real_pool(tmp_path, tmp_path / "pool", seed=1)


def test_pool_says_that_there_is_too_little(tmp_path: Path) -> None:
    write_catalog(tmp_path, queries=3, seed=1)
    with pytest.raises(
        ValueError, match=rf"3 queries and \d+ rows make \d+ different pairs; the demo needs {MIN_PAIRS}"
    ):
        build_real_pool(tmp_path, tmp_path / "pool", seed=1)


def test_pool_says_which_column_is_missing(large: Path, tmp_path: Path) -> None:
    pq.write_table(pq.read_table(large / EXAMPLES_FILE).drop_columns("query"), tmp_path / EXAMPLES_FILE)
    pq.write_table(PRODUCTS_SCHEMA.empty_table(), tmp_path / PRODUCTS_FILE)
    with pytest.raises(ValueError, match="has no column 'query'"):
        build_real_pool(tmp_path, tmp_path / "pool", seed=1)
