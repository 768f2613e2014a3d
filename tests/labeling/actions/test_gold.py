"""Choosing gold pairs and taking them out of use."""

from collections import Counter
from functools import partial

import pytest

from labeling.actions.gold import GoldError, Source, add_gold, draw_gold, restore_gold, retire_gold
from labeling.guidelines.walk import PathError
from labeling.models import AuditLogEntry, GoldPair, ImportedLabel, ImportSource, Pair, Project, Role, SetAside, Split
from labeling.queries.projects import labels_of
from tests.labeling.acting import judge_all, make_members
from tests.making import PATHS, make_gold, make_member, make_pair, make_pair_of, make_project, make_round

pytestmark = pytest.mark.django_db

CHECK, TRAINING = GoldPair.Use.CHECK, GoldPair.Use.TRAINING


def make_imported(project: Project, key: str, split: Split = Split.TRAIN, origin: str = "examples.parquet") -> Pair:
    """Make a pair that came with a label."""
    pair = make_pair_of(project, split)
    give_label(pair, key, origin)
    return pair


def give_label(pair: Pair, key: str, origin: str = "examples.parquet") -> None:
    label = next(label for label in labels_of(pair.project) if label.key == key)
    source, _ = ImportSource.objects.get_or_create(project=pair.project, name=origin)
    ImportedLabel.objects.create(pair=pair, source=source, label=label)


def drawn(project: Project, source: Source = Source.IMPORTED, count: int = 10, seed: int = 1) -> list[Pair]:
    return [gold.pair for gold in draw_gold(project, source, count, CHECK, seed)]


def test_draw_from_imported_labels_is_balanced_and_on_record() -> None:
    project = make_project()
    for key in "EEEEEESSSSCI":
        make_imported(project, key)
    lead = make_member(project, Role.LEAD).user
    made = draw_gold(project, Source.IMPORTED, 8, TRAINING, seed=3, actor=lead)
    assert Counter(gold.label.key for gold in made) == {"E": 3, "S": 3, "C": 1, "I": 1}
    assert {(gold.use, gold.origin, gold.created_by) for gold in made} == {
        ("training", "imported: examples.parquet", lead)
    }
    entry = AuditLogEntry.objects.get(project=project, verb="gold.draw")
    assert entry.data == {"asked": 8, "drawn": 8, "use": "training", "seed": 3}


def test_draw_takes_each_pair_once_and_fewer_where_there_are_fewer() -> None:
    project = make_project()
    pairs = {make_imported(project, "E") for _ in range(3)}
    for pair in pairs:
        give_label(pair, "E", "again.parquet")
    assert set(drawn(project, count=2)) < pairs
    assert len(drawn(project)) == 1
    with pytest.raises(GoldError, match="No imported label can be used"):
        drawn(project)


def test_draw_by_the_same_seed_is_the_same() -> None:
    project = make_project()
    for _ in range(12):
        make_imported(project, "E")
    first = drawn(project, count=4, seed=5)
    GoldPair.objects.filter(project=project).delete()
    assert drawn(project, count=4, seed=5) == first
    GoldPair.objects.filter(project=project).delete()
    assert drawn(project, count=4, seed=6) != first


def test_draw_looks_at_a_stretch_of_the_labels_that_wraps_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labeling.queries.gold_candidates.WITHIN", 3)
    project = make_project()
    pairs = [make_imported(project, "E") for _ in range(6)]
    make_imported(make_project(), "E")
    stretches = {
        tuple(sorted(pairs.index(pair) for pair in found)) for found in map(partial(redrawn, project), range(40))
    }
    assert stretches <= {(0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)}
    assert len(stretches) > 2
    assert any(0 in stretch and 5 in stretch for stretch in stretches)


def redrawn(project: Project, seed: int) -> list[Pair]:
    """Draw after taking back what was drawn before."""
    GoldPair.objects.filter(project=project).delete()
    return drawn(project, seed=seed)


def test_draw_leaves_out_what_is_judged_queued_held_out_set_aside_contradictory_or_was_gold() -> None:
    project = make_project(overlap=1)
    judged, queued, aside, was_gold = (make_imported(project, "E") for _ in range(4))
    make_imported(project, "E", Split.HOLDOUT)
    contradictory = make_imported(project, "E")
    give_label(contradictory, "S", "other.parquet")
    make_round(project, [judged])
    judge_all(make_members(project, 1), {judged: "E"})
    make_round(project, [queued])
    SetAside.objects.create(project=project, pair=aside, reason="text_missing")
    retire_gold(project, make_gold(project, pair=was_gold).pk, make_member(project, Role.LEAD).user)
    good = make_imported(project, "S")
    make_imported(make_project(), "E")
    assert drawn(project) == [good]


def test_draw_from_settled_pairs_takes_what_people_agreed_on_with_their_walk() -> None:
    project = make_project(overlap=2, max_overlap=4)
    all_of_two, three_of_four, two_of_three = (make_pair_of(project, Split.TRAIN) for _ in range(3))
    held_out = make_pair_of(project, Split.HOLDOUT)
    others = make_members(project, 4)
    said = {all_of_two: "SS", three_of_four: "EEEI", two_of_three: "EEC", held_out: "EE"}
    for pair, labels in said.items():
        project.overlap = len(labels)
        project.save()
        make_round(project, [pair])
        judge_all(others[: len(labels)], {pair: labels})
    made = {gold.pair: gold for gold in draw_gold(project, Source.SETTLED, 10, CHECK, seed=1)}
    assert set(made) == {all_of_two, three_of_four}
    assert (made[all_of_two].label.key, made[all_of_two].path) == ("S", PATHS["S"])
    assert made[three_of_four].origin == "3 of 4 judgments agreed"


def test_draw_from_settled_pairs_says_when_there_are_none() -> None:
    with pytest.raises(GoldError, match="at least three judgments of a pair, or all of at least two, must agree"):
        drawn(make_project(), Source.SETTLED)


@pytest.mark.parametrize("count", [0, -3, 1001])
def test_draw_of_too_few_or_too_many_is_refused(count: int) -> None:
    with pytest.raises(GoldError, match="Between 1 and 1,000 pairs"):
        drawn(make_project(), count=count)


def test_gold_by_hand_has_label_walk_and_reason() -> None:
    project = make_project()
    lead = make_member(project, Role.LEAD).user
    pair = make_pair_of(project, Split.TRAIN)
    gold = add_gold(project, pair.pk, "S", TRAINING, lead, PATHS["S"], "Another size still does the job.")
    assert (gold.label.key, gold.path, gold.origin, gold.use) == ("S", PATHS["S"], "by hand", "training")
    assert AuditLogEntry.objects.get(verb="gold.add", project=project).data["why"] == "Another size still does the job."


def test_gold_by_hand_is_refused_in_words() -> None:
    project = make_project()
    lead = make_member(project, Role.LEAD).user
    pair = make_pair_of(project, Split.TRAIN)
    with pytest.raises(GoldError, match="'X' is not a label"):
        add_gold(project, pair.pk, "X", CHECK, lead)
    with pytest.raises(GoldError, match="does not lead to Exact"):
        add_gold(project, pair.pk, "E", CHECK, lead, PATHS["S"])
    with pytest.raises(PathError):
        add_gold(project, pair.pk, "E", CHECK, lead, "need:perhaps")
    with pytest.raises(GoldError, match="held out for measuring"):
        add_gold(project, make_pair_of(project, Split.HOLDOUT).pk, "E", CHECK, lead)
    aside = make_pair_of(project, Split.TRAIN)
    SetAside.objects.create(project=project, pair=aside, reason="text_missing")
    with pytest.raises(GoldError, match="set aside"):
        add_gold(project, aside.pk, "E", CHECK, lead)
    with pytest.raises(Pair.DoesNotExist):
        add_gold(project, make_pair(make_project()).pk, "E", CHECK, lead)
    add_gold(project, pair.pk, "E", CHECK, lead)
    with pytest.raises(GoldError, match="gold already"):
        add_gold(project, pair.pk, "S", CHECK, lead)
    assert GoldPair.objects.filter(project=project).count() == 1


def test_retired_gold_can_be_restored_and_both_are_on_record() -> None:
    project = make_project()
    lead = make_member(project, Role.LEAD).user
    gold = make_gold(project)
    for _ in range(2):
        assert retire_gold(project, gold.pk, lead).retired_at is not None
    for _ in range(2):
        assert restore_gold(project, gold.pk, lead).retired_at is None
    verbs = AuditLogEntry.objects.filter(project=project, actor=lead).order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["gold.retire", "gold.restore"]
    with pytest.raises(GoldPair.DoesNotExist):
        retire_gold(make_project(), gold.pk, lead)


def test_retired_gold_stays_retired_when_its_pair_is_gold_anew() -> None:
    project = make_project()
    lead = make_member(project, Role.LEAD).user
    old = make_gold(project, "E")
    retire_gold(project, old.pk, lead)
    make_gold(project, "S", pair=old.pair)
    with pytest.raises(GoldError, match="gold again already"):
        restore_gold(project, old.pk, lead)
