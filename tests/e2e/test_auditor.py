"""An auditor giving verdicts blind, in a real browser."""

import re

import numpy as np
import pytest
from django.utils import timezone
from playwright.sync_api import expect

from labeling.actions.predictions import make_partition, write_predictions
from labeling.models import Adapter, AuditItem, Job, Project, Role
from labeling.queries.projects import labels_of
from tests.e2e.conftest import SignIn, shoot
from tests.making import PATHS, make_member, make_pair, make_project

pytestmark = [pytest.mark.browser, pytest.mark.worker]


def champion_that_says_exact(project: Project, pairs: int) -> Adapter:
    """Store a champion and its predictions: Exact with confidence 0.9 for every pair."""
    made = [make_pair(project) for _ in range(pairs)]
    job = Job.objects.create(project=project, kind="train", state="done", finished_at=timezone.now())
    adapter = Adapter.objects.create(
        project=project, number=1, state="champion", job=job, artifact="none", manifest={"holdout": None}, labels_seen=9
    )
    make_partition(adapter)
    write_predictions(
        adapter,
        np.array([pair.pk for pair in made]),
        np.array([pair.product.revision_id for pair in made]),
        np.array([label.pk for label in labels_of(project)]),
        np.tile(np.array([0.9, 0.05, 0.03, 0.02], dtype=np.float32), (pairs, 1)),
    )
    return adapter


def test_auditor_judges_blind_and_then_sees_the_judge(sign_in: SignIn) -> None:
    project = make_project(loop_enabled=False)
    champion_that_says_exact(project, 4)
    page = sign_in(make_member(project, Role.AUDITOR).user)
    page.get_by_role("link", name="To the audits").click()
    page.get_by_role("button", name="Draw a new audit").click()
    expect(page).to_have_url(re.compile("/audit/$"))
    shoot(page, "audit")
    for label in ("E", "E", "S"):
        assert "0.90" not in page.content()
        for step in PATHS[label].split(","):
            page.locator(f'button[name="answer"][value="{step}"]').click()
        expect(page.locator('[data-question="verdict"]')).to_contain_text("0.90")
        expect(page.locator('[data-question="verdict"]')).to_contain_text("differ" if label == "S" else "agree")
        if label == "S":
            shoot(page, "verdict")
            page.get_by_label(re.compile("Why")).fill("Another size than the query asks for")
        page.get_by_role("button", name="Next pair").click()
        expect(page.locator('[data-question="need"]')).to_be_visible()
    assert AuditItem.objects.get(label__key="S", audit__project=project).note == "Another size than the query asks for"
    page.get_by_role("link", name="Audits").click()
    expect(page.get_by_role("region", name="Audits")).to_contain_text("0.67")
    expect(page.get_by_role("region", name="Audits")).to_contain_text("3 of 4")
    shoot(page, "audits")
