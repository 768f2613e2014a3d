"""Importing ESCI files into the database."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection

from labeling.actions.imports import ImportReport, import_esci, start_import
from labeling.exchange.problem import ImportProblem
from labeling.models import (
    AuditLogEntry,
    ImportedCount,
    ImportedLabel,
    Job,
    Product,
    ProductRevision,
    Project,
    Split,
)
from labeling.models.query import query_digest, split_of
from tests.making import make_pair, make_project, make_user

pytestmark = pytest.mark.django_db

SAMPLE = Path(__file__).parents[4] / "shared" / "data" / "esci_sample"
EXAMPLES = "shopping_queries_dataset_examples.parquet"
PRODUCTS = "shopping_queries_dataset_products.parquet"

NOTHING = ImportReport(queries=0, products=0, revisions=0, pairs=0, labels=0, labels_changed=0)


def example(query: str, product: str, label: str | None = "E", locale: str = "us", number: int = 1) -> dict[str, Any]:
    return {
        "example_id": number,
        "query": query,
        "query_id": len(query),
        "product_id": product,
        "product_locale": locale,
        "esci_label": label,
    }


def product(name: str, title: str | None = None, locale: str = "us", **texts: str | None) -> dict[str, Any]:
    return {
        "product_id": name,
        "product_title": title or f"Title of {name}",
        "product_description": texts.get("description"),
        "product_bullet_point": texts.get("bullets"),
        "product_brand": texts.get("brand"),
        "product_color": texts.get("colour"),
        "product_locale": locale,
    }


def write(folder: Path, examples: list[dict[str, Any]], products: list[dict[str, Any]]) -> tuple[Path, Path]:
    texts = pa.schema([(name, pa.string()) for name in product("P")])
    pq.write_table(pa.Table.from_pylist(examples), folder / EXAMPLES)
    pq.write_table(pa.Table.from_pylist(products, schema=texts), folder / PRODUCTS)
    return folder / EXAMPLES, folder / PRODUCTS


def run(project: Project, paths: tuple[Path, Path]) -> ImportReport:
    return import_esci(project, *paths, None, lambda *_: None)


def contents(project: Project) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that an import may touch, with ids."""
    return {
        "queries": list(project.queries.order_by("id").values_list()),
        "products": list(project.products.order_by("id").values_list()),
        "revisions": list(ProductRevision.objects.filter(product__project=project).order_by("id").values_list()),
        "pairs": list(project.pairs.order_by("id").values_list()),
        "labels": list(ImportedLabel.objects.filter(pair__project=project).order_by("pk").values_list()),
        "log": list(AuditLogEntry.objects.filter(project=project).order_by("id").values_list()),
    }


def labels_of(project: Project) -> dict[tuple[str, str], str]:
    rows = ImportedLabel.objects.filter(pair__project=project)
    return {
        (query, name): key
        for query, name, key in rows.values_list("pair__query__text", "pair__product__external_id", "label__key")
    }


def test_import_esci_stores_what_the_files_say(tmp_path: Path) -> None:
    project, lead = make_project(), make_user()
    examples = [
        example("red hat", "P1", "E", number=11),
        example("red hat", "P2", "Irrelevant", number=12),
        example("gorra", "P1", None, locale="es", number=13),
    ]
    products = [
        product("P1", "Red hat", description="<b>Felt</b>", bullets="Red\nWarm", brand="Hatter", colour="Red"),
        product("P2"),
        product("P1", "Gorra", locale="es"),
        product("P9", "Nobody asked"),
    ]
    told: list[tuple[int, int]] = []

    report = import_esci(project, *write(tmp_path, examples, products), lead, lambda *at: told.append(at))

    assert report == ImportReport(queries=2, products=4, revisions=4, pairs=3, labels=2, labels_changed=0)
    assert set(project.queries.values_list("text", "locale", "external_id")) == {
        ("red hat", "us", "7"),
        ("gorra", "es", "5"),
    }
    assert set(project.pairs.values_list("query__text", "product__external_id", "product__locale", "external_id")) == {
        ("red hat", "P1", "us", "11"),
        ("red hat", "P2", "us", "12"),
        ("gorra", "P1", "es", "13"),
    }
    assert labels_of(project) == {("red hat", "P1"): "E", ("red hat", "P2"): "I"}
    assert set(ImportedLabel.objects.filter(pair__project=project).values_list("source__name", flat=True)) == {EXAMPLES}
    revision = project.products.get(external_id="P1", locale="us").revision
    assert revision is not None
    texts = (
        revision.title,
        revision.description,
        revision.bullets,
        revision.brand,
        revision.colour,
        revision.image_url,
    )
    assert texts == ("Red hat", "<b>Felt</b>", "Red\nWarm", "Hatter", "Red", "")
    assert revision.number == 1
    assert told[0] == (0, told[-1][1])
    assert told[-1][0] == told[-1][1]
    assert told == sorted(told)
    entry = AuditLogEntry.objects.get(project=project, verb="import.esci")
    assert (entry.actor, entry.target, entry.data["added"]["pairs"]) == (lead, EXAMPLES, 3)


def test_import_esci_digests_as_the_models_say(tmp_path: Path) -> None:
    project = make_project(holdout_percent=30, calibration_percent=30)
    examples = [example(f"query {n}", "P") for n in range(300)]
    run(project, write(tmp_path, examples, [product("P", "T", brand="B", colour="C")]))

    for query in project.queries.all():
        assert query.digest == query_digest("us", query.text)
        assert query.split == split_of(query.digest, 30, 30)
    assert {
        split for split, count in Counter(project.queries.values_list("split", flat=True)).items() if count > 60
    } == {*Split.values}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT md5(concat_ws(chr(31), title, description, bullets, brand, colour, image_url))::uuid = digest"
            " FROM labeling_productrevision JOIN labeling_product p ON p.id = product_id WHERE project_id = %s",
            [project.pk],
        )
        assert cursor.fetchall() == [(True,)]


def test_import_esci_twice_changes_nothing(tmp_path: Path) -> None:
    project = make_project()
    paths = write(tmp_path, [example("q", "P1"), example("q", "P2", None)], [product("P1"), product("P2")])
    run(project, paths)
    before = contents(project)

    assert run(project, paths) == NOTHING

    after = contents(project)
    assert [after.pop("log")[:-1], after] == [before.pop("log"), before]


def test_import_esci_gives_a_changed_text_a_new_revision(tmp_path: Path) -> None:
    project = make_project()
    examples = [example("q", "P1"), example("q", "P2")]
    run(project, write(tmp_path, examples, [product("P1", "Old"), product("P2")]))
    same = project.products.get(external_id="P2").revision_id

    report = run(project, write(tmp_path, examples, [product("P1", "Old", colour="Red"), product("P2")]))

    assert report == ImportReport(queries=0, products=0, revisions=1, pairs=0, labels=0, labels_changed=0)
    changed = project.products.get(external_id="P1")
    assert list(changed.revisions.order_by("number").values_list("number", "title", "colour")) == [
        (1, "Old", ""),
        (2, "Old", "Red"),
    ]
    assert changed.revision == changed.revisions.get(number=2)
    assert project.products.get(external_id="P2").revision_id == same


def test_import_esci_adds_to_what_is_there(tmp_path: Path) -> None:
    project = make_project()
    run(project, write(tmp_path, [example("q", "P1"), example("r", "P1")], [product("P1")]))
    stored = contents(project)

    report = run(
        project, write(tmp_path, [example("q", "P1"), example("q", "P2", "S")], [product("P2"), product("P3")])
    )

    assert report == ImportReport(queries=0, products=2, revisions=2, pairs=1, labels=1, labels_changed=0)
    after = contents(project)
    assert all(row in after[noun] for noun in stored for row in stored[noun])
    assert labels_of(project) == {("q", "P1"): "E", ("r", "P1"): "E", ("q", "P2"): "S"}
    connection.check_constraints()


def test_import_esci_keeps_labels_by_origin_and_changes_those_of_its_own(tmp_path: Path) -> None:
    project = make_project()
    examples, products = write(
        tmp_path, [example("q", "P1", "E"), example("q", "P2", "S")], [product("P1"), product("P2")]
    )
    run(project, (examples, products))
    other = tmp_path / "vendor.parquet"
    shutil.copy(examples, other)
    assert run(project, (other, products)).labels == 2

    write(tmp_path, [example("q", "P1", "I"), example("q", "P2", None)], [product("P1"), product("P2")])
    report = run(project, (examples, products))

    assert (report.labels, report.labels_changed) == (0, 1)
    rows = ImportedLabel.objects.filter(pair__project=project)
    assert set(rows.values_list("source__name", "pair__product__external_id", "label__key")) == {
        (EXAMPLES, "P1", "I"),
        (EXAMPLES, "P2", "S"),
        ("vendor.parquet", "P1", "E"),
        ("vendor.parquet", "P2", "S"),
    }


def test_import_esci_counts_its_labels_by_split_as_the_rows_have_them(tmp_path: Path) -> None:
    project = make_project()
    rows = [example(f"query {n % 40}", f"P{n}", "ESCI"[n % 3] if n % 5 else None, number=n) for n in range(200)]
    catalog = [product(f"P{n}") for n in range(200)]
    examples, products = write(tmp_path, rows, catalog)
    run(project, (examples, products))
    assert {split for split, _ in counted(project)} == set(Split)
    assert counted(project) == in_rows(project)
    assert sum(counted(project).values()) == 160

    before = ImportedCount.objects.filter(project=project).values_list("pk", flat=True)
    kept = list(before)
    run(project, (examples, products))
    assert list(before) == kept

    earlier = tmp_path / "another.parquet"  # of a name that comes before the first one's
    write(tmp_path, [row | {"esci_label": "I"} for row in rows[:60]] + [example("new", "P1", "C")], catalog)
    shutil.copy(examples, earlier)
    run(project, (earlier, products))
    assert counted(project) == in_rows(project)
    assert sum(count for (_, key), count in counted(project).items() if key == "I") == 60


def counted(project: Project) -> Counter[tuple[str, str]]:
    kept = ImportedCount.objects.filter(project=project).values_list("split", "label__key", "pairs")
    return Counter({(split, key): pairs for split, key, pairs in kept})


def in_rows(project: Project) -> Counter[tuple[str, str]]:
    """Count a label a pair, of the source whose name comes first."""
    rows = ImportedLabel.objects.filter(pair__project=project).order_by("-source__name")
    of_pair = {pair: (split, key) for pair, split, key in rows.values_list("pair", "pair__query__split", "label__key")}
    return Counter(of_pair.values())


def test_import_esci_keeps_projects_apart(tmp_path: Path) -> None:
    paths = write(tmp_path, [example("q", "P1")], [product("P1")])
    first, second = make_project(), make_project()
    make_pair(second, "another", "Another")
    run(first, paths)

    assert run(second, paths) == ImportReport(1, 1, 1, 1, 1, 0)
    assert (first.pairs.count(), second.pairs.count()) == (1, 2)
    assert first.products.get().pk != second.products.get(external_id="P1").pk
    connection.check_constraints()


def test_import_esci_takes_queries_that_are_there_without_a_split_of_their_own(tmp_path: Path) -> None:
    project = make_project()
    pair = make_pair(project, "red hat")
    Project.objects.filter(pk=project.pk).update(holdout_percent=90, calibration_percent=5)
    project.refresh_from_db()

    run(project, write(tmp_path, [example("red hat", "P1")], [product("P1")]))

    query = project.queries.get()
    assert (query.pk, query.split) == (pair.query_id, pair.query.split)
    assert project.pairs.count() == 2


def test_import_esci_takes_a_product_that_repeats_itself_once(tmp_path: Path) -> None:
    project = make_project()
    paths = write(tmp_path, [example("q", "P1")], [product("P1"), product("P2"), product("P1")])

    assert run(project, paths) == ImportReport(1, 2, 2, 1, 1, 0)
    assert run(project, paths) == NOTHING


@pytest.mark.parametrize(
    ("examples", "products", "message"),
    [
        (
            [example("q", "P1"), example("q", "GONE"), example("q", "GONE2")],
            [product("P1")],
            rf"{EXAMPLES}, row 2, column product_id: found 'GONE'; expected a product of the products file",
        ),
        (
            [example("q", "P1"), example("q", "P1", locale="jp")],
            [product("P1")],
            rf"{EXAMPLES}, row 2, column product_id: found 'P1'; .* in the same locale",
        ),
        (
            [example("q", "P1"), example("q", "P2", "maybe")],
            [product("P1"), product("P2")],
            rf"{EXAMPLES}, row 2, column esci_label: found 'maybe'; expected E, S, C, I",
        ),
        (
            [example("q", "P1", "E"), example("q", "P1", "S")],
            [product("P1")],
            rf"{EXAMPLES}, row 2, column esci_label: found 'S'; expected the same label as in row 1",
        ),
        (
            [example("q", "P1") | {"query_id": None}],
            [product("P1")],
            rf"{EXAMPLES}, .*column query_id",
        ),
        (
            [example("q", "P1")],
            [product("P1"), product("P2"), product("P1", "Another text")],
            rf"{PRODUCTS}, row 3, column product_id: found 'P1'; expected each product once; row 1 gives it other",
        ),
        (
            [example("q", "P1")],
            [product("P1"), product("P2") | {"product_id": None}],
            rf"{PRODUCTS}, row 2, column product_id: found nothing; expected a value",
        ),
        (
            [example("q", "P1")],
            [product("P1"), product("P2", "x" * 1_000_001)],
            rf"{PRODUCTS}, row 2, column product_title: found 'x+…; expected at most 1,000,000 characters",
        ),
    ],
)
def test_import_esci_with_a_problem_leaves_everything_as_it_was(
    tmp_path: Path, examples: list[dict[str, Any]], products: list[dict[str, Any]], message: str
) -> None:
    empty, used = make_project(), make_project()
    run(used, write(tmp_path, [example("old", "OLD")], [product("OLD")]))
    for project in (empty, used):
        before, paths = contents(project), write(tmp_path, examples, products)
        with pytest.raises(ImportProblem, match=message):
            run(project, paths)
        assert contents(project) == before


def test_import_esci_refuses_a_label_that_the_scheme_has_not(tmp_path: Path) -> None:
    project = make_project()
    project.scheme.labels.filter(key="C").update(key="X")

    with pytest.raises(ImportProblem, match=r"row 2, column esci_label: found 'C'; .* scheme: E, S, X, I\."):
        run(
            project, write(tmp_path, [example("q", "P1", "I"), example("q", "P2", "C")], [product("P1"), product("P2")])
        )
    assert contents(project)["pairs"] == []


def test_import_esci_stops_where_the_report_says_so(tmp_path: Path) -> None:
    project = make_project()
    before = contents(project)

    def report(done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_esci(project, *write(tmp_path, [example("q", "P1")], [product("P1")]), None, report)
    assert contents(project) == before


def definitions() -> list[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"
            " UNION ALL SELECT conrelid::regclass || conname || pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1"
        )
        return list(cursor.fetchall())


def test_import_esci_into_empty_tables_leaves_the_schema_as_it_was(tmp_path: Path) -> None:
    with connection.cursor() as cursor:  # of what tests that commit have left
        cursor.execute("TRUNCATE labeling_product, labeling_query CASCADE")
    before = definitions()

    run(make_project(), write(tmp_path, [example("q", "P1")], [product("P1")]))

    assert definitions() == before
    connection.check_constraints()


def test_import_esci_by_a_role_with_no_privileges_does_the_same(tmp_path: Path) -> None:
    project = make_project()
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE plain_importer")
        cursor.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO plain_importer")
        cursor.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO plain_importer")
        cursor.execute("SET LOCAL ROLE plain_importer")

    paths = write(tmp_path, [example("q", "P1")], [product("P1"), product("P2")])

    assert run(project, paths) == ImportReport(1, 2, 2, 1, 1, 0)
    assert run(project, write(tmp_path, [example("q", "P2")], [product("P2", "New")])) == ImportReport(0, 0, 1, 1, 1, 0)
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")


def test_start_import_lets_one_run_at_a_time_and_fails_a_dead_one(tmp_path: Path) -> None:
    project = make_project()
    paths = (tmp_path / "e.parquet", tmp_path / "p.parquet")
    first = start_import(project, None, *paths)
    assert first is not None
    assert start_import(project, None, *paths) is None
    assert start_import(make_project(), None, *paths) is not None

    Job.objects.filter(pk=first.pk).update(heartbeat_at="2020-01-01T00:00Z")
    second = start_import(project, None, *paths)

    assert second is not None
    first.refresh_from_db()
    assert (first.state, second.state) == (Job.State.FAILED, Job.State.RUNNING)
    assert "start it again" in first.message


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the sample of the real data set is not beside the checkout")
def test_import_esci_takes_the_real_files() -> None:
    project = make_project()
    paths = (SAMPLE / EXAMPLES, SAMPLE / PRODUCTS)

    assert run(project, paths) == ImportReport(51, 501, 501, 501, 501, 0)
    assert run(project, paths) == NOTHING
    assert Counter(labels_of(project).values()) == {"E": 488, "I": 7, "S": 6}
    rows = {row["product_id"]: row for row in pq.read_table(paths[1]).to_pylist()}
    for stored in Product.objects.filter(project=project).select_related("revision"):
        row = rows[stored.external_id]
        assert stored.revision is not None
        assert stored.revision.title == row["product_title"]
        assert stored.revision.bullets == (row["product_bullet_point"] or "")
        assert stored.revision.description == (row["product_description"] or "")
