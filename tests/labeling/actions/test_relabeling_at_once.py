"""A version is brought over while people take answers back, change them and give them again."""

import uuid
from collections import Counter
from collections.abc import Callable

import pytest
from django.db.models import Count

from labeling.actions import relabeling
from labeling.actions.jobs import start_job
from labeling.actions.judgments import Answer, correct_judgment, undo_step
from labeling.actions.relabeling import answer_again, bring_under, withdraw_relabels
from labeling.models import Consensus, Judgment, Membership, Relabel, Role
from labeling.queries.judgments import judgments_of
from labeling.queries.projects import published_guideline
from labeling.queries.relabels import waiting_relabels
from tests.labeling.acting import at_once, judge_all, submit
from tests.labeling.relabeling import REWORDED, STRICT, edited, publish
from tests.making import PATHS, make_member, make_pair, make_project, make_round

PAIRS = 24

pytestmark = pytest.mark.usefixtures("committed", "no_worker")


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tasks from the workers that other tests may have started: the job is done here."""
    monkeypatch.setattr("labeling.actions.jobs.send", lambda *_, **__: None)


def judged() -> tuple[Membership, list[Membership]]:
    project = make_project(overlap=3, max_overlap=3)
    lead, members = make_member(project, Role.LEAD), [make_member(project) for _ in range(3)]
    pairs = [make_pair(project) for _ in range(PAIRS)]
    make_round(project, pairs)
    judge_all(members, dict.fromkeys(pairs, "S"))
    return lead, members


def take_back(member: Membership) -> None:
    """Take every answer back and give it again, in another way."""
    for judgment in list(judgments_of(member.project, member.user)):
        slot = undo_step(member.project, member.user, judgment)
        if slot is not None:
            submit(member, slot, "S")


def change(member: Membership) -> None:
    """Change every answer to Exact; what was taken over meanwhile stays."""
    version = published_guideline(member.project)
    for judgment in list(judgments_of(member.project, member.user)):
        answer = Answer(judgment.pair_id, uuid.uuid4(), version, PATHS["E"])
        try:
            correct_judgment(member.project, member.user, judgment.pk, answer)
        except Judgment.DoesNotExist:
            continue


def test_people_who_work_meanwhile_lose_nothing_and_nothing_counts_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relabeling, "CHANGED_AT_ONCE", 5)
    lead, (first, second, third) = judged()
    version = publish(lead, edited(STRICT))
    job = start_job(lead.project.jobs.get().pk)
    assert job is not None
    calls: list[Callable[[], None]] = [lambda: bring_under(job), lambda: take_back(first), lambda: change(second)]
    at_once(*calls)

    live = Judgment.objects.filter(project=lead.project, retired_at__isnull=True)
    assert live.count() == 3 * PAIRS
    assert not live.values("slot").annotate(n=Count("pk")).filter(n__gt=1).exists()
    assert set(live.filter(annotator=first.user).values_list("label__key", "guideline__number")) == {("I", 2)}
    assert set(live.filter(annotator=third.user).values_list("label__key", "guideline__number")) == {("I", 2)}
    said = Counter(live.filter(annotator=second.user).values_list("label__key", "guideline__number"))
    assert set(said) <= {("E", 2), ("I", 2)}
    resolved = Consensus.objects.filter(project=lead.project, label__key="I", judgments=3)
    assert resolved.count() == PAIRS
    assert version.judgments.filter(retired_at__isnull=True).count() == 3 * PAIRS


def test_question_that_two_tabs_answer_while_it_is_withdrawn_is_settled_once() -> None:
    lead, (first, second, third) = judged()
    publish(lead, edited(REWORDED), {"accept"})
    job = start_job(lead.project.jobs.get().pk)
    assert job is not None
    bring_under(job)
    asked = list(waiting_relabels(lead.project, first.user).select_related("guideline"))

    def answer(path: str) -> None:
        for one in asked:
            answer_again(lead.project, first.user, one.pk, Answer(one.pair_id, uuid.uuid4(), one.guideline, path))

    calls: list[Callable[[], object]] = [
        lambda: answer(PATHS["S"]),
        lambda: answer(PATHS["E"]),
        lambda: withdraw_relabels(lead.project, lead.user, first.user),
        lambda: take_back(second),
    ]
    at_once(*calls)
    live = Judgment.objects.filter(project=lead.project, retired_at__isnull=True)
    assert live.count() == 3 * PAIRS
    assert not live.values("slot").annotate(n=Count("pk")).filter(n__gt=1).exists()
    assert not waiting_relabels(lead.project, first.user).exists()
    done = Relabel.objects.filter(annotator=first.user, state=Relabel.State.DONE).count()
    again = live.filter(annotator=first.user, guideline__number=2).count()
    assert done == again
    assert not Relabel.objects.filter(state="waiting", judgment__retired_at__isnull=False).exists()
    assert waiting_relabels(lead.project, third.user).count() == PAIRS
