"""A lead follows an alarm to the pairs that show it, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from labeling.actions.agreement import measure_agreement
from labeling.models import Alarm, Role
from labeling.queries.agreement_pairs import Behind, comparisons_behind, count_behind
from tests.e2e.conftest import SignIn, shoot
from tests.labeling.judged import judged_project
from tests.making import make_member

pytestmark = [pytest.mark.browser, pytest.mark.worker]


def test_lead_follows_an_alarm_to_its_pairs_and_notes_it(sign_in: SignIn) -> None:
    project, _ = judged_project(160)
    project.loop_enabled = False
    project.save()
    measure_agreement(project)
    assert Alarm.objects.get(project=project).kind == "goal"
    page = sign_in(make_member(project, Role.LEAD).user)
    page.get_by_role("link", name=re.compile("surely below the goal of 0.90")).click()
    expect(page.get_by_role("heading", name="Agreement is below the goal")).to_be_visible()
    shoot(page, "alarms")

    page.get_by_role("link", name="The pairs that differ").click()
    counted = count_behind(comparisons_behind(project, Behind(differ=True)))
    # The count comes after the page, by itself.
    expect(page.locator(".page-head")).to_contain_text(f"There are {counted.pairs} such pairs")
    expect(page.locator("article")).to_have_count(20)
    first = page.locator("article").first
    expect(first.locator(".parts")).not_to_have_count(0)
    product = first.locator(".product")
    expect(product).to_be_hidden()
    first.locator("summary").first.click()
    expect(product).to_be_visible()
    shoot(page, "agreement-pairs")
    title = first.get_by_role("heading", level=2).text_content()
    page.get_by_role("link", name="Next").click()
    expect(page.locator("article").first.get_by_role("heading", level=2)).not_to_have_text(title or "")
    page.get_by_role("link", name="Previous").click()
    expect(page.locator("article").first.get_by_role("heading", level=2)).to_have_text(title or "")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    assert download.value.suggested_filename == f"{project.slug}-pairs.csv"

    page.goto(page.url.split("/agreement/")[0] + "/alarms/")
    page.get_by_role("button", name="Noted").click()
    expect(page.locator("article")).to_contain_text("noted by")
    page.get_by_role("link", name="Overview").first.click()
    expect(page.get_by_role("heading", name="Needs you")).to_be_visible()
    expect(page.get_by_text("surely below the goal")).to_have_count(0)
