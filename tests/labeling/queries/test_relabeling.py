"""What a version means for the judgments under older ones."""

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions.judgments import tree_of
from labeling.actions.queue import claim_slot
from labeling.guidelines.diff import changed_questions
from labeling.guidelines.parse import parse_guideline
from labeling.guidelines.replay import Why
from labeling.models import Judgment, Membership, Project, Role
from labeling.queries.projects import labels_of, published_guideline
from labeling.queries.relabeling import Effect, changed_since, effect_of
from tests.labeling.acting import judge, judge_all, submit
from tests.labeling.relabeling import DECIDED, REWORDED, STRICT, bring, edited, publish
from tests.making import make_gold, make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def judged(labels: str, **settings: object) -> tuple[Project, Membership, list[Membership]]:
    """Make a project with a pair for each group of labels such as "ES I": from two annotators, in turn."""
    project = make_project(overlap=2, max_overlap=2, **settings)
    lead, members = make_member(project, Role.LEAD), [make_member(project), make_member(project)]
    pairs = [make_pair(project) for _ in labels.split()]
    make_round(project, pairs)
    judge_all(members, dict(zip(pairs, labels.split(), strict=True)))
    return project, lead, members


def effect(project: Project, *changes: tuple[str, str], again: set[str] | None = None) -> Effect:
    """Return the effect of the default tree with some changes, all that has changed asked again if nothing is said."""
    tree = parse_guideline(edited(*changes), [label.key for label in labels_of(project)])
    newest = published_guideline(project)
    asked = changed_questions(tree_of(project, newest), tree) if again is None else again
    return effect_of(project, tree, newest.number + 1, asked)


def test_effect_of_nothing_changed_keeps_all() -> None:
    project, _, _ = judged("E ES C")
    found = effect(project)
    assert (found.judgments, found.kept, found.consensus) == (6, 6, 0)
    assert (found.changed.judgments, found.asked.judgments) == (0, 0)
    assert (found.moved, found.questions, found.shares) == ((), (), ())
    assert [(flow.label.key, flow.judgments, flow.kept) for flow in found.flows] == [
        ("E", 3, 3),
        ("S", 1, 1),
        ("C", 2, 2),
    ]


def test_effect_counts_labels_that_change_by_themselves() -> None:
    project, _, _ = judged("S ES I")
    found = effect(project, STRICT)
    assert (found.kept, found.changed.judgments, found.changed.people, found.changed.pairs) == (3, 3, 2, 2)
    assert found.consensus == 2
    (moved,) = found.moved
    assert (moved.before.key, moved.after.key, moved.judgments) == ("S", "I", 3)
    examples = Judgment.objects.filter(pk__in=moved.examples)
    assert {judgment.label.key for judgment in examples} == {"S"}
    assert [(flow.label.key, [(label.key, n) for label, n in flow.changed]) for flow in found.flows] == [
        ("E", []),
        ("S", [("I", 3)]),
        ("I", []),
    ]


def test_effect_counts_what_is_to_be_asked_again_with_its_reason_and_time() -> None:
    project, _, members = judged("S ES I")
    found = effect(project, REWORDED)
    (asked,) = found.questions
    assert (asked.question, asked.why, asked.judgments) == ("accept", Why.REWORDED, 3)
    assert (found.asked.judgments, found.asked.people, found.asked.pairs, found.consensus) == (3, 2, 2, 2)
    assert [(share.user, share.judgments, share.away) for share in found.shares] == [
        (members[1].user, 2, False),
        (members[0].user, 1, False),
    ]
    assert found.seconds >= 0


def test_effect_of_a_question_whose_answers_still_stand_is_nothing() -> None:
    project, _, _ = judged("S ES I")
    found = effect(project, REWORDED, again=set())
    assert (found.kept, found.asked.judgments) == (6, 0)


def test_effect_leaves_gold_pairs_and_what_was_taken_back_alone() -> None:
    project, _, members = judged("S S")
    Judgment.objects.filter(annotator=members[0].user).update(retired_at=timezone.now(), retired_as="undone")
    project.gold_share = 0.5
    project.save()
    make_gold(project, "S")
    make_round(project, [make_pair(project)])
    slot = claim_slot(project, members[1].user, turn=0.0)
    assert slot is not None
    submit(members[1], slot, "S")
    assert Judgment.objects.filter(project=project, stream="gold").count() == 1
    assert effect(project, STRICT).changed.judgments == 2


def test_effect_says_who_would_not_be_there_to_answer() -> None:
    project, _, members = judged("S S")
    Membership.objects.filter(pk=members[0].pk).update(paused_at=timezone.now(), paused_because="a break")
    found = effect(project, REWORDED)
    assert {share.user: share.away for share in found.shares} == {members[0].user: True, members[1].user: False}


def test_effect_adds_up_what_the_versions_between_have_changed() -> None:
    project, lead, _ = judged("S")
    second = bring(lead, edited(REWORDED), {"accept"}, relabel=False)
    third = bring(lead, edited(REWORDED, DECIDED), relabel=False)
    first = project.guidelines.get(number=1)
    assert changed_since(project, 4, {"job"}) == {first.pk: {"accept", "job"}, second.pk: {"job"}, third.pk: {"job"}}
    found = effect(project, REWORDED, DECIDED)
    assert [(asked.question, asked.judgments) for asked in found.questions] == [("accept", 2)]


def test_effect_does_not_count_on_pairs_that_are_ruled_on() -> None:
    project, lead, _ = judged("S S")
    ruled = Judgment.objects.filter(project=project).first()
    assert ruled is not None
    project.rulings.create(
        pair=ruled.pair,
        revision=ruled.revision,
        guideline=ruled.guideline,
        path=ruled.path,
        label=ruled.label,
        why="It is.",
        key=ruled.key,
        ruled_by=lead.user,
    )
    found = effect(project, STRICT)
    assert (found.changed.pairs, found.consensus) == (2, 1)


def test_effect_costs_the_same_queries_at_two_sizes(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for labels in ("ES S", "ES S E C I CI IE S S"):
        project, _, _ = judged(labels)
        tree = parse_guideline(edited(STRICT, REWORDED), [label.key for label in labels_of(project)])
        with django_assert_num_queries(8):
            effect_of(project, tree, 2, {"accept"})


def test_judgments_of_the_version_itself_are_not_replayed() -> None:
    project, lead, members = judged("S")
    publish(lead, edited(STRICT))
    make_round(project, [make_pair(project)])
    judge(members[0], "E")
    found = effect_of(project, tree_of(project, published_guideline(project)), 2, ())
    assert (found.judgments, found.changed.judgments) == (2, 2)
