"""A lead watching the loop, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from labeling.actions.jobs import enqueue_job
from labeling.models import Job, Role
from tests.conftest import Site
from tests.e2e.conftest import SignIn, shoot
from tests.labeling.judging import judge_all
from tests.making import PATHS, make_member, make_pair, make_project, make_round

pytestmark = [pytest.mark.browser, pytest.mark.worker]


def test_lead_sees_agreement_move_and_a_job_finish(sign_in: SignIn) -> None:
    project = make_project(overlap=2, loop_enabled=False, batch_size=10)
    make_round(project, [make_pair(project) for _ in range(24)])
    for _ in range(6):
        make_pair(project)
    page = sign_in(make_member(project, Role.LEAD).user)
    expect(page).to_have_url(re.compile(f"/p/{project.slug}/$"))
    agreement = page.locator(".stat", has_text="Raw agreement")
    expect(agreement).to_contain_text("Not enough yet")
    judge_all(project, make_member(project), PATHS["E"])
    judge_all(project, make_member(project), PATHS["E"], then=PATHS["S"], after=18)
    expect(agreement).to_contain_text("0.75", timeout=20_000)
    shoot(page, "overview")

    page.get_by_role("button", name="Select").click()
    expect(page.locator(".job", has_text="Select").first).to_contain_text("Done", timeout=30_000)
    expect(page.locator(".job", has_text="Select").first).to_contain_text("Round 2")
    assert project.rounds.get(state="open").number == 2


def test_lead_looks_at_every_page(sign_in: SignIn) -> None:
    project = make_project(overlap=2, max_overlap=2, loop_enabled=False)
    make_round(project, [make_pair(project) for _ in range(5)])
    judge_all(project, make_member(project), PATHS["E"])
    judge_all(project, make_member(project), PATHS["E"], then=PATHS["I"], after=4)
    page = sign_in(make_member(project, Role.LEAD).user)
    for name in ("Rounds", "Guideline", "People", "Gold", "Adapters", "Audits", "Jobs", "Data", "Settings"):
        page.get_by_role("navigation", name="Project").get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        shoot(page, name.lower())
    answer = page.goto(page.url.split("/p/")[0] + "/styleguide")
    assert answer is not None
    assert answer.status == 200
    shoot(page, "styleguide")


def test_pages_fit_a_phone(sign_in: SignIn) -> None:
    project = make_project(overlap=2, loop_enabled=False)
    make_round(project, [make_pair(project) for _ in range(3)])
    page = sign_in(make_member(project, Role.LEAD).user, viewport={"width": 390, "height": 844})
    for path in (
        "",
        "judge/",
        "rounds/",
        "guideline/",
        "people/",
        "gold/",
        "training/",
        "adapters/",
        "audits/",
        "jobs/",
        "data/",
        "settings/",
    ):
        page.goto(page.url.split("/p/")[0] + f"/p/{project.slug}/{path}")
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{path or 'overview'} is {wider} px wider than a phone"


def test_failed_job_says_why(sign_in: SignIn, site: Site) -> None:
    project = make_project(loop_enabled=False)
    page = sign_in(make_member(project, Role.LEAD).user)
    page.get_by_role("link", name="Train…").click()
    expect(page.get_by_text("A training needs 50 labels; there are 0.")).to_be_visible()
    expect(page.get_by_role("button", name="Start the training")).to_be_disabled()
    job = enqueue_job(project, Job.Kind.TRAIN)
    assert job is not None
    page.goto(f"{site.url}/p/{project.slug}/jobs/{job.pk}/")
    expect(page.locator(".job")).to_contain_text("Not enough labels to train on yet: 0 of 50.", timeout=30_000)
