import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from simulation.catalog import (
    EXAMPLES_FILE,
    EXAMPLES_SCHEMA,
    GENERATED_SCHEMA,
    KEY_FILE,
    PRODUCTS_FILE,
    PRODUCTS_SCHEMA,
    Catalog,
    main,
    write_catalog,
)
from simulation.families import load_shop
from simulation.pairs import SHARES

SAMPLE = Path(__file__).resolve().parents[3] / "shared" / "data" / "esci_sample"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return write_catalog(tmp_path_factory.mktemp("catalog"), queries=400, seed=11)


def test_catalog_label_shares_are_near_the_real_ones(catalog: Catalog) -> None:
    labeled = sum(count for label, count in catalog.labels.items() if label)
    for label, share in SHARES.items():
        assert catalog.labels[label] / labeled == pytest.approx(share, abs=0.035), label
    assert 0 < catalog.labels[""] < 0.03 * labeled


def test_catalog_shows_about_twenty_products_a_query(catalog: Catalog) -> None:
    pairs = sum(catalog.labels.values())
    assert catalog.query_count == 400
    assert pairs / catalog.query_count == pytest.approx(20, abs=1.5)


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the ESCI sample is not beside this checkout")
@pytest.mark.parametrize("name", [EXAMPLES_FILE, PRODUCTS_FILE])
def test_declared_schema_equals_the_official_one(name: str) -> None:
    declared = EXAMPLES_SCHEMA if name == EXAMPLES_FILE else PRODUCTS_SCHEMA
    assert pq.read_schema(SAMPLE / name).equals(declared, check_metadata=False)


def test_catalog_files_have_the_declared_schemas(catalog: Catalog) -> None:
    assert pq.read_schema(catalog.examples).equals(GENERATED_SCHEMA)
    assert GENERATED_SCHEMA.names == [*EXAMPLES_SCHEMA.names, "category"]
    assert pq.read_schema(catalog.products).equals(PRODUCTS_SCHEMA)


def test_catalog_says_the_family_of_each_pairs_product(catalog: Catalog) -> None:
    examples = pq.read_table(catalog.examples).to_pylist()
    families = {(row["product_id"], row["category"]) for row in examples}
    assert len(families) == len({row["product_id"] for row in examples})
    assert {family for _, family in families} <= set(load_shop().families)
    assert len({family for _, family in families}) > 5


def test_catalog_ids_are_unique_and_join(catalog: Catalog) -> None:
    products = pq.read_table(catalog.products)["product_id"].to_pylist()
    examples = pq.read_table(catalog.examples).to_pylist()
    assert len(set(products)) == len(products) == catalog.product_count
    assert {row["product_id"] for row in examples} == set(products)
    assert len({row["example_id"] for row in examples}) == len(examples)
    pairs = Counter((row["product_locale"], row["query"], row["product_id"]) for row in examples)
    assert max(pairs.values()) == 1
    assert len({row["query"] for row in examples}) == len({row["query_id"] for row in examples})


def test_catalog_answer_key_has_the_examples_in_order(catalog: Catalog) -> None:
    examples = pq.read_table(catalog.examples).to_pylist()
    key = pq.read_table(catalog.answer_key).to_pylist()
    wanted = [(row["query"], row["product_id"], row["product_locale"], row["esci_label"]) for row in examples]
    assert [(row["query"], row["product_id"], row["locale"], row["label"]) for row in key] == wanted


def test_catalog_has_missing_fields_and_html_but_always_a_title(catalog: Catalog) -> None:
    products = pq.read_table(catalog.products).to_pydict()
    assert all(products["product_title"])
    for column in ("product_description", "product_bullet_point", "product_brand", "product_color"):
        missing = products[column].count(None) / catalog.product_count
        assert 0.03 < missing < 0.7, column
    assert any("<ul><li>" in text for text in products["product_description"] if text)
    assert any("<b>" in text for text in products["product_bullet_point"] if text)


def test_catalog_same_seed_gives_the_same_rows_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        write_catalog(tmp_path / name, queries=15, seed=seed)
    for file in (EXAMPLES_FILE, PRODUCTS_FILE, KEY_FILE):
        tables = [pq.read_table(tmp_path / name / file) for name in ("one", "two", "other")]
        assert tables[0].equals(tables[1]), file
        assert not tables[0].equals(tables[2]), file


def test_catalog_does_not_depend_on_the_hash_seed_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        command = [sys.executable, "-m", "simulation.catalog", str(tmp_path / seed), "--queries", "12"]
        subprocess.run(command, check=True, capture_output=True)
    tables = [pq.read_table(tmp_path / seed / PRODUCTS_FILE) for seed in ("1", "2")]
    assert tables[0].equals(tables[1])


def test_catalog_stops_at_the_number_of_examples(tmp_path: Path) -> None:
    catalog = write_catalog(tmp_path, queries=100, seed=1, examples=50)
    assert sum(catalog.labels.values()) == 50
    assert pq.read_metadata(catalog.examples).num_rows == 50
    products = pq.read_table(catalog.products)["product_id"].to_pylist()
    assert set(products) == set(pq.read_table(catalog.examples)["product_id"].to_pylist())


def test_catalog_writes_row_groups_as_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulation.catalog.ROW_GROUP", 100)
    catalog = write_catalog(tmp_path, queries=20, seed=1)
    metadata = pq.read_metadata(catalog.examples)
    sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert sizes[:-1] == [100] * (len(sizes) - 1)
    assert sum(sizes) == sum(catalog.labels.values())


def test_catalog_command_writes_all_locales(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--queries", "80", "--seed", "5", "--all-locales"]) == 0
    assert capsys.readouterr().out.startswith("80 queries, ")
    assert set(pq.read_table(tmp_path / PRODUCTS_FILE)["product_locale"].to_pylist()) == {"us", "es", "jp"}
    rows = pq.read_table(tmp_path / KEY_FILE).to_pylist()
    listed = {row["product_id"]: row["product_locale"] for row in pq.read_table(tmp_path / PRODUCTS_FILE).to_pylist()}
    assert all(listed[row["product_id"]] == row["locale"] for row in rows)
