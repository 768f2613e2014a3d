"""What an adapter learns from, and what it is measured on."""

import uuid

import pytest
from django.utils import timezone

from labeling.actions.adjudication import leave_out_pair
from labeling.actions.import_pairs import recount
from labeling.models import (
    ImportedLabel,
    ImportSource,
    Label,
    Pair,
    Product,
    ProductRevision,
    Project,
    Role,
    SetAside,
    Split,
)
from labeling.queries.class_shares import class_shares
from labeling.queries.projects import labels_of
from labeling.queries.training_set import LabeledPair, labeled_pairs
from tests.labeling.acting import judge_all, make_members
from tests.labeling.actions.test_adjudication import rule
from tests.making import make_member, make_pair_of, make_project, make_round

pytestmark = pytest.mark.django_db


def settle(project: Project, labels: dict[Pair, str], stream: str = "random") -> None:
    """Have two people judge the pairs in a round of one stream."""
    make_round(project, list(labels), stream=stream)
    judge_all(make_members(project, 2), labels)


def found(project: Project) -> dict[int, LabeledPair]:
    rows = list(labeled_pairs(project))
    assert len({row.pair_id for row in rows}) == len(rows)
    return {row.pair_id: row for row in rows}


def key_of(row: LabeledPair) -> str:
    return Label.objects.get(pk=row.label_id).key


def import_label(pair: Pair, key: str, origin: str = "examples.parquet") -> None:
    label = Label.objects.get(scheme=pair.project.scheme, key=key)
    source, _ = ImportSource.objects.get_or_create(project=pair.project, name=origin)
    ImportedLabel.objects.create(pair=pair, label=label, source=source)
    recount(pair.project)


def new_text(pair: Pair, title: str) -> None:
    """Let the pair's product have another text."""
    revision = ProductRevision.objects.create(product=pair.product, number=2, digest=uuid.uuid4(), title=title)
    Product.objects.filter(pk=pair.product_id).update(revision=revision)


def test_training_set_has_resolved_labels_with_the_texts() -> None:
    project = make_project(overlap=2, max_overlap=2)
    agreed, disputed = make_pair_of(project, Split.TRAIN), make_pair_of(project, Split.CALIBRATION)
    untouched = make_pair_of(project, Split.TRAIN)
    settle(project, {agreed: "S", disputed: "EI"})
    rows = found(project)
    assert set(rows) == {agreed.pk}
    assert untouched.pk not in rows
    row = rows[agreed.pk]
    revision = agreed.product.revision
    assert revision is not None
    assert (row.query_id, row.split, row.query, row.origin) == (agreed.query_id, "train", agreed.query.text, "people")
    assert (row.title, row.brand, row.colour, row.bullets, row.description) == (
        revision.title,
        revision.brand,
        revision.colour,
        revision.bullets,
        revision.description,
    )
    assert key_of(row) == "S"


def test_training_set_is_by_pair_and_of_one_project() -> None:
    project, other = make_project(), make_project()
    pairs = [make_pair_of(project, Split.TRAIN) for _ in range(5)]
    settle(project, dict.fromkeys(reversed(pairs), "E"))
    settle(other, {make_pair_of(other, Split.TRAIN): "E"})
    assert [row.pair_id for row in labeled_pairs(project)] == [pair.pk for pair in pairs]


def test_training_set_takes_holdout_pairs_of_the_random_stream_only() -> None:
    project = make_project()
    drawn = {split: make_pair_of(project, split) for split in Split}
    picked = {split: make_pair_of(project, split) for split in Split}
    settle(project, dict.fromkeys(drawn.values(), "E"), "random")
    settle(project, dict.fromkeys(picked.values(), "E"), "active")
    splits = {pair_id: row.split for pair_id, row in found(project).items()}
    assert splits == {
        drawn[Split.TRAIN].pk: "train",
        drawn[Split.CALIBRATION].pk: "calibration",
        drawn[Split.HOLDOUT].pk: "holdout",
        picked[Split.TRAIN].pk: "train",
        picked[Split.CALIBRATION].pk: "calibration",
    }


def test_training_set_leaves_out_judgments_of_a_text_that_has_changed() -> None:
    project = make_project()
    same, changed = make_pair_of(project, Split.TRAIN), make_pair_of(project, Split.TRAIN)
    settle(project, {same: "E", changed: "E"})
    assert set(found(project)) == {same.pk, changed.pk}
    new_text(changed, "Another thing altogether")
    assert set(found(project)) == {same.pk}


def test_training_set_has_imported_labels_only_when_the_project_wants_them() -> None:
    project = make_project()
    judged, labeled = make_pair_of(project, Split.TRAIN), make_pair_of(project, Split.CALIBRATION)
    held_out = make_pair_of(project, Split.HOLDOUT)
    settle(project, {judged: "S"})
    for pair in (judged, labeled, held_out):
        import_label(pair, "I")
    import_label(labeled, "C", origin="zz-later.parquet")
    assert set(found(project)) == {judged.pk}
    project.imported_labels = Project.ImportedLabels.TRAIN
    rows = found(project)
    assert {pair_id: (key_of(row), row.origin, row.split) for pair_id, row in rows.items()} == {
        judged.pk: ("S", "people", "train"),
        labeled.pk: ("I", "imported", "calibration"),
    }


def test_training_set_has_no_imported_label_where_people_disagree() -> None:
    project = make_project(overlap=2, max_overlap=2, imported_labels="train")
    disputed = make_pair_of(project, Split.TRAIN)
    import_label(disputed, "E")
    assert [row.origin for row in labeled_pairs(project)] == ["imported"]
    settle(project, {disputed: "EI"})
    assert list(labeled_pairs(project)) == []


def test_training_set_and_holdout_have_what_an_expert_ruled() -> None:
    project = make_project(overlap=2, max_overlap=2)
    train, fair, picked = (make_pair_of(project, split) for split in (Split.TRAIN, Split.HOLDOUT, Split.HOLDOUT))
    settle(project, {train: "EI", fair: "EI"})
    settle(project, {picked: "EI"}, stream="active")
    for pair in (train, fair, picked):
        rule(project, pair, "S")
    rows = found(project)
    assert set(rows) == {train.pk, fair.pk}
    assert {key_of(row) for row in rows.values()} == {"S"}


def test_training_set_leaves_a_ruling_of_an_older_text_out_and_takes_one_of_the_newer() -> None:
    project = make_project(overlap=2, max_overlap=2)
    before, after = make_pair_of(project, Split.TRAIN), make_pair_of(project, Split.TRAIN)
    settle(project, {before: "EI", after: "EI"})
    rule(project, before, "S")
    new_text(before, "Another bottle")
    new_text(after, "Another bottle")
    after.refresh_from_db()
    rule(project, Pair.objects.get(pk=after.pk), "S")
    assert set(found(project)) == {after.pk}


def test_training_set_leaves_out_what_cannot_be_judged() -> None:
    project = make_project(overlap=2, max_overlap=2)
    kept, left = make_pair_of(project, Split.TRAIN), make_pair_of(project, Split.TRAIN)
    settle(project, {kept: "E", left: "E"})
    leave_out_pair(project, make_member(project, Role.LEAD).user, left.pk, "unclear_query")
    assert set(found(project)) == {kept.pk}


def test_training_set_says_how_each_label_was_settled_and_how_surely() -> None:
    project = make_project(overlap=3, max_overlap=3, imported_labels="train")
    agreed, most, ruled, imported = (make_pair_of(project, Split.TRAIN) for _ in range(4))
    make_round(project, [agreed, most, ruled])
    judge_all(make_members(project, 3), {agreed: "E", most: "EES", ruled: "ESI"})
    rule(project, ruled, "S")
    import_label(imported, "C")
    rows = found(project)
    assert {pair_id: (row.origin, row.method, row.confidence) for pair_id, row in rows.items()} == {
        agreed.pk: ("people", "majority", 1.0),
        most.pk: ("people", "majority", pytest.approx(2 / 3)),
        ruled.pk: ("people", "adjudicated", 1.0),
        imported.pk: ("imported", "", None),
    }


def test_training_set_is_of_the_least_confidence_and_the_holdout_of_any() -> None:
    project = make_project(overlap=3, max_overlap=3, least_confidence=0.7)
    sure, unsure, calibrating = (
        make_pair_of(project, split) for split in (Split.TRAIN, Split.TRAIN, Split.CALIBRATION)
    )
    held_out = make_pair_of(project, Split.HOLDOUT)
    make_round(project, [sure, unsure, calibrating, held_out])
    judge_all(make_members(project, 3), {sure: "E", unsure: "EES", calibrating: "EES", held_out: "EES"})
    assert set(found(project)) == {sure.pk, held_out.pk}


def test_training_set_leaves_out_pairs_that_wait_because_people_skipped_them() -> None:
    project = make_project()
    kept, waiting, returned = (make_pair_of(project, Split.TRAIN) for _ in range(3))
    settle(project, {kept: "E", waiting: "E", returned: "E"})
    SetAside.objects.create(project=project, pair=waiting, reason="unclear_query")
    SetAside.objects.create(
        project=project, pair=returned, reason="unclear_query", state="returned", decided_at=timezone.now()
    )
    assert set(found(project)) == {kept.pk, returned.pk}


def test_training_set_is_the_same_whenever_it_is_asked_for() -> None:
    project = make_project()
    pairs = [make_pair_of(project, split) for split in Split]
    settle(project, dict(zip(pairs, "ESI", strict=True)))
    assert list(labeled_pairs(project)) == list(labeled_pairs(project))


def test_class_shares_are_those_of_the_training_set() -> None:
    project = make_project(overlap=2, max_overlap=2, imported_labels="train")
    train, calibration, held_out, ruled, imported = (
        make_pair_of(project, split)
        for split in (Split.TRAIN, Split.CALIBRATION, Split.HOLDOUT, Split.TRAIN, Split.TRAIN)
    )
    settle(project, {train: "E", calibration: "S", held_out: "I", ruled: "EI"})
    rule(project, ruled, "E")
    import_label(imported, "C", origin="a.parquet")
    import_label(imported, "I", origin="b.parquet")
    shares = class_shares(project)
    label = {one.key: one.pk for one in labels_of(project)}
    assert shares.counts == {
        ("train", label["E"]): 2,
        ("calibration", label["S"]): 1,
        ("holdout", label["I"]): 1,
        ("train", label["C"]): 1,
    }
    assert shares.sources == {"people, by majority": 3, "ruled by an expert": 1, "imported": 1}
    assert (shares.total("train"), shares.count("train", label["E"]), shares.count("train", label["S"])) == (3, 2, 0)
    rows = found(project).values()
    assert len(rows) == sum(shares.counts.values())


def test_class_shares_do_not_read_what_was_imported() -> None:
    project = make_project(overlap=1, imported_labels="train")
    judged, *pairs = (make_pair_of(project, Split.TRAIN) for _ in range(4))
    settle(project, {judged: "E"})
    import_label(judged, "I")
    for pair in pairs:
        import_label(pair, "C")
    label = {one.key: one.pk for one in labels_of(project)}
    expected = {("train", label["E"]): 1, ("train", label["C"]): 3}
    assert class_shares(project).counts == expected
    ImportedLabel.objects.filter(pair__in=pairs).delete()  # nobody can: it shows what the counts rest on
    assert class_shares(project).counts == expected
