"""Resolving a pair by how its annotators err."""

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions.judgments import Outcome, submit_answer
from labeling.actions.queue import claim_slot
from labeling.models import Consensus, ErrorModel, Membership, Pair, Project, Slot
from labeling.queries.projects import labels_of
from tests.labeling.acting import answer_for, claim, judge, make_members, submit
from tests.making import make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

CAREFUL = [[0.97, 0.01, 0.01, 0.01], [0.01, 0.97, 0.01, 0.01], [0.01, 0.01, 0.97, 0.01], [0.01, 0.01, 0.01, 0.97]]
# Calls most substitutes exact.
LENIENT = [[0.97, 0.01, 0.01, 0.01], [0.7, 0.28, 0.01, 0.01], [0.01, 0.01, 0.97, 0.01], [0.01, 0.01, 0.01, 0.97]]
COIN = [[0.25] * 4] * 4


def fitted(project: Project, people: dict[Membership, list[list[float]]]) -> ErrorModel:
    """Store a fit of how people err; whoever is not in it is not known."""
    return ErrorModel.objects.update_or_create(
        project=project,
        defaults={
            "computed_at": timezone.now(),
            "labels": [label.pk for label in labels_of(project)],
            "prior": [0.25] * 4,
            "people": {str(member.user_id): rows for member, rows in people.items()},
        },
    )[0]


def by_errors(**settings: object) -> tuple[Project, Pair, list[Membership]]:
    """Make a project that resolves by errors, with one queued pair and four people."""
    project = make_project(**{"overlap": 2, "max_overlap": 3, "resolve_by": "dawid_skene"} | settings)
    pair = make_pair(project)
    make_round(project, [pair])
    return project, pair, make_members(project, 4)


def standing(pair: Pair) -> tuple[str, str | None, str, float, int]:
    found = Consensus.objects.select_related("label").get(pair=pair)
    return found.state, found.label.key if found.label else None, found.method, found.confidence, found.judgments


def test_label_is_the_most_probable_by_how_each_errs() -> None:
    project, pair, (careful, lenient, *_) = by_errors()
    fitted(project, {careful: CAREFUL, lenient: LENIENT})
    judge(careful, "S")
    judge(lenient, "E")
    state, label, method, confidence, judgments = standing(pair)
    assert (state, label, method, judgments) == ("resolved", "S", "dawid_skene", 2)
    chances = {"E": 0.01 * 0.97, "S": 0.97 * 0.7, "C": 0.01 * 0.01, "I": 0.01 * 0.01}
    assert confidence == pytest.approx(chances["S"] / sum(chances.values()))


def test_label_that_is_not_sure_asks_for_one_more_and_is_then_disputed() -> None:
    project, pair, people = by_errors()
    fitted(project, dict.fromkeys(people, COIN))
    judge(people[0], "E")
    judge(people[1], "E")
    assert standing(pair)[:3] == ("open", None, "dawid_skene")
    judge(people[2], "E")
    assert standing(pair) == ("disputed", None, "dawid_skene", 0.25, 3)
    found = Consensus.objects.get(pair=pair)
    assert found.stake is not None
    assert found.parts_at == ""
    assert claim_slot(project, people[3].user) is None


def test_two_careful_people_who_differ_are_not_sure() -> None:
    project, pair, people = by_errors(max_overlap=2)
    fitted(project, dict.fromkeys(people, CAREFUL))
    judge(people[0], "E")
    judge(people[1], "I")
    assert standing(pair)[:2] == ("disputed", None)
    assert Consensus.objects.get(pair=pair).parts_at == "type"


def test_sure_label_of_one_judgment_is_enough_where_the_project_asks_for_one() -> None:
    project, pair, (careful, coin, *_) = by_errors(overlap=1)
    fitted(project, {careful: CAREFUL, coin: COIN})
    judge(careful, "S")
    assert standing(pair)[:3] == ("resolved", "S", "dawid_skene")
    assert standing(pair)[3] == pytest.approx(0.97)
    assert Consensus.objects.get(pair=pair).stake is None
    assert Slot.objects.filter(pair=pair).count() == 1


def test_difference_asks_for_one_more_where_the_project_wants_it() -> None:
    project, pair, (careful, lenient, *_) = by_errors(escalate_on="difference")
    fitted(project, {careful: CAREFUL, lenient: LENIENT})
    judge(careful, "S")
    judge(lenient, "E")
    assert standing(pair)[0] == "open"


def test_majority_counts_until_errors_are_fitted_and_where_a_label_is_unknown_to_them() -> None:
    project, pair, people = by_errors()
    judge(people[0], "S")
    assert standing(pair)[2] == "majority"
    model = fitted(project, dict.fromkeys(people, CAREFUL))
    ErrorModel.objects.filter(pk=model.pk).update(labels=[model.labels[0]], prior=[1.0], people={})
    judge(people[1], "S")
    assert standing(pair) == ("resolved", "S", "majority", 1.0, 2)


def test_majority_project_takes_no_notice_of_a_fit() -> None:
    project, pair, people = by_errors(resolve_by="majority")
    fitted(project, dict.fromkeys(people, COIN))
    judge(people[0], "E")
    judge(people[1], "E")
    assert standing(pair) == ("resolved", "E", "majority", 1.0, 2)


def test_new_fit_counts_from_the_next_judgment_on() -> None:
    project, pair, people = by_errors(overlap=3)
    fitted(project, dict.fromkeys(people, COIN))
    judge(people[0], "E")
    assert standing(pair)[3] == 0.25
    fitted(project, dict.fromkeys(people, CAREFUL))
    judge(people[1], "E")
    assert standing(pair)[3] > 0.99


def test_submit_takes_one_more_statement_at_the_first_after_a_fit_and_none_then(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    project, pair, people = by_errors(overlap=4, max_overlap=4)
    fitted(project, dict.fromkeys(people, CAREFUL))
    for member, more in zip(people, (1, 0, 0, 0), strict=True):
        answer = answer_for(claim(member), "E")
        with django_assert_max_num_queries(8 + 2 + more):  # and the savepoint of the transaction around the test
            assert submit_answer(project, member.user, answer) == Outcome.STORED
    assert standing(pair)[0] == "resolved"


def test_judgment_of_somebody_unknown_counts_as_the_others_do() -> None:
    project, pair, (known, newcomer, *_) = by_errors()
    fitted(project, {known: CAREFUL})
    judge(known, "E")
    submit(newcomer, claim(newcomer), "E")
    assert standing(pair)[:2] == ("resolved", "E")
