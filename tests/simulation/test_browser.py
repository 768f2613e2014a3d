"""Simulated annotators and auditors on a real site."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from django.utils import timezone

from labeling.actions.predictions import make_partition, write_predictions
from labeling.guidelines.parse import default_source, parse_guideline
from labeling.models import Adapter, AuditItem, Job, Judgment, Membership, Pair, Project, Role, Skip
from labeling.queries.projects import labels_of
from simulation.annotators import Annotator, Habits, audit, label_until
from simulation.answer_key import AnswerKey, pair_key
from simulation.browser import Browser, RefusedError
from tests.conftest import Site
from tests.making import PATHS, make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.worker

PASSWORD = "slate-meadow-47"
TREE = parse_guideline(default_source(), "ESCI")
NEVER_WRONG = Habits(error_rates={}, skip_rate=0, undo_rate=0)
STOPPED_AFTER = 60.0


def annotator(member: Membership, habits: Habits = NEVER_WRONG) -> Annotator:
    member.user.set_password(PASSWORD)
    member.user.save()
    return Annotator(member.user.username, PASSWORD, habits, seed=member.pk)


def open_project(labels: str, overlap: int) -> tuple[Project, list[Pair], AnswerKey]:
    """Make a project whose open round holds a pair for each label, and the key to them."""
    project = make_project(overlap=overlap, max_overlap=overlap, loop_enabled=False)
    pairs = [make_pair(project, query_text=f'{number} oz "cup" & saucer') for number, _ in enumerate(labels)]
    make_round(project, pairs)
    key = {
        pair_key("us", pair.query.text, pair.product.external_id): PATHS[label]
        for pair, label in zip(pairs, labels, strict=True)
    }
    return project, pairs, key


def let_them_label(site: Site, project: Project, people: list[Annotator], key: AnswerKey, answers: int) -> None:
    """Run a browser for each of the people until so many answers were taken."""
    stop, counted, errors = threading.Event(), threading.Semaphore(0), []

    def sit_down(person: Annotator) -> None:
        try:
            with Browser(site.url, project.slug) as browser:
                label_until(browser, person, TREE, key, stop, counted.release)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=sit_down, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    taken = all(counted.acquire(timeout=STOPPED_AFTER) for _ in range(answers))
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert taken


def test_annotators_give_every_pair_its_true_label(site: Site, committed: None) -> None:
    project, pairs, key = open_project("ESCIESCI", overlap=2)
    people = [annotator(make_member(project)) for _ in range(3)]
    let_them_label(site, project, people, key, answers=16)
    given = Judgment.objects.filter(project=project, retired_at__isnull=True)
    assert given.count() == 16
    labels = {pair.pk: set(given.filter(pair=pair).values_list("label__key", flat=True)) for pair in pairs}
    assert list(labels.values()) == [{label} for label in "ESCIESCI"]
    assert set(given.values_list("path", flat=True)) == set(PATHS.values())


def test_annotator_who_undoes_leaves_one_live_judgment_a_pair(site: Site, committed: None) -> None:
    project, _, key = open_project("ESCI", overlap=1)
    person = annotator(make_member(project), replace(NEVER_WRONG, undo_rate=1.0))
    let_them_label(site, project, [person], key, answers=4)
    given = Judgment.objects.filter(project=project)
    assert given.filter(retired_at__isnull=True).count() == 4
    assert given.filter(retired_as="undone").count() == 4


def test_annotator_who_always_skips_judges_nothing(site: Site, committed: None) -> None:
    project, pairs, key = open_project("ESCI", overlap=1)
    person = annotator(make_member(project), replace(NEVER_WRONG, skip_rate=1.0))
    let_them_label(site, project, [person], key, answers=4)
    skips = Skip.objects.filter(project=project)
    assert {skip.pair_id for skip in skips} == {pair.pk for pair in pairs}
    assert {skip.reason for skip in skips} <= set(TREE.skips)
    assert not Judgment.objects.filter(project=project).exists()


def test_unknown_pair_is_answered_as_irrelevant(site: Site, committed: None) -> None:
    project, pairs, _ = open_project("E", overlap=1)
    let_them_label(site, project, [annotator(make_member(project))], {}, answers=1)
    assert Judgment.objects.get(pair=pairs[0]).label.key == "I"


def test_auditor_draws_a_sample_and_gives_verdicts(site: Site, committed: None) -> None:
    project, pairs, key = open_project("ESCIES", overlap=1)
    job = Job.objects.create(project=project, kind="train", state="done", finished_at=timezone.now())
    adapter = Adapter.objects.create(
        project=project, number=1, state="champion", job=job, artifact="none", manifest={"holdout": None}, labels_seen=9
    )
    make_partition(adapter)
    write_predictions(
        adapter,
        np.array([pair.pk for pair in pairs]),
        np.array([pair.product.revision_id for pair in pairs]),
        np.array([label.pk for label in labels_of(project)]),
        np.tile(np.array([0.9, 0.05, 0.03, 0.02], dtype=np.float32), (len(pairs), 1)),
    )
    auditor = annotator(make_member(project, Role.AUDITOR))
    with Browser(site.url, project.slug) as browser:
        assert audit(browser, auditor, TREE, key, verdicts=4) == 4
    given = AuditItem.objects.filter(audit__project=project, judged_at__isnull=False)
    assert len(given) == 4
    for item in given:
        assert item.label is not None
        assert item.path == key[pair_key("us", item.pair.query.text, item.pair.product.external_id)]


def test_lead_reads_the_summary_and_an_annotator_may_not(site: Site, committed: None) -> None:
    project, _, _ = open_project("ES", overlap=2)
    lead, person = annotator(make_member(project, Role.LEAD)), annotator(make_member(project))
    with Browser(site.url, project.slug) as browser:
        browser.sign_in(lead.username, lead.password)
        summary = browser.summary()
        assert (summary["pairs"], summary["queue"], summary["adapter"]) == (2, 2, None)
    with Browser(site.url, project.slug) as browser:
        browser.sign_in(person.username, person.password)
        with pytest.raises(RefusedError, match=r"GET /api/projects/.*/summary: status 40[34]"):
            browser.summary()


def test_wrong_password_and_no_sign_in_are_said_plainly(site: Site, committed: None) -> None:
    project, _, _ = open_project("E", overlap=1)
    person = annotator(make_member(project))
    with Browser(site.url, project.slug) as browser:
        with pytest.raises(RefusedError, match="signed out"):
            browser.judge_page()
        with pytest.raises(RefusedError, match=rf"{person.username} could not sign in \(status 200\)"):
            browser.sign_in(person.username, "wrong")


def test_server_that_is_not_there_is_said_after_some_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulation.browser.RETRY_PAUSES", (0.0,))
    with Browser("http://127.0.0.1:9", "shop") as browser, pytest.raises(RefusedError, match="cannot be reached"):
        browser.judge_page()
