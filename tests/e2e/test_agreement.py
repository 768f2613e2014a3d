"""The lead reads agreement, has it measured again by the worker, and opens the pairs behind a number."""

import re

import pytest
from playwright.sync_api import expect

from labeling.actions.agreement import measure_agreement
from labeling.models import AgreementReport, Job, PairAttribute, Role
from tests.conftest import Site
from tests.e2e.conftest import SignIn, shoot
from tests.labeling.acting import judge_all, make_members
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = [pytest.mark.browser, pytest.mark.worker]

SAID = ["EE"] * 30 + ["CC"] * 8 + ["II"] * 6 + ["ES"] * 12 + ["EI"] * 3 + ["CI"]


def test_lead_measures_agreement_and_opens_what_parts_people(sign_in: SignIn, site: Site) -> None:
    project = make_project(overlap=2, max_overlap=2, loop_enabled=False)
    pairs = [make_pair(project, f"steel bottle {number % 20}") for number in range(len(SAID))]
    for number, pair in enumerate(pairs):
        PairAttribute.objects.create(pair=pair, name="category", value=("Kitchen", "Garden", "Sports")[number % 3])
    make_round(project, pairs)
    members = make_members(project, 2)
    judge_all(members, dict(zip(pairs, SAID, strict=True)))
    before = measure_agreement(project)
    lead = make_member(project, Role.LEAD)
    page = sign_in(lead.user)
    page.get_by_role("link", name="Agreement", exact=True).click()
    expect(page.get_by_role("heading", name="Agreement", exact=True)).to_be_visible()
    expect(page.get_by_text("Below the goal of 0.90, and surely so")).to_be_visible()
    expect(page.get_by_alt_text(re.compile(r"conflict 0\.\d\d"))).to_be_visible()
    shoot(page, "agreement")
    page.evaluate("document.querySelectorAll('main details').forEach((details) => { details.open = true; })")
    shoot(page, "agreement-unfolded")

    page.get_by_role("button", name="Bring up to date").click()
    expect(page.get_by_role("button", name="Bring up to date")).to_be_visible(timeout=30_000)
    job = Job.objects.get(project=project, kind=Job.Kind.MEASURE)
    assert (job.state, job.requested_by) == ("done", lead.user)
    assert AgreementReport.objects.get(project=project).computed_at > before.computed_at

    with page.expect_download() as download:
        page.get_by_role("link", name="Questions as CSV").click()
    assert download.value.suggested_filename.startswith(f"{project.slug}-agreement-questions-")
    page.locator(".worst .colliding a").first.click()
    expect(page.get_by_text("one answered “Yes, something contradicts”", exact=False)).to_be_visible()
