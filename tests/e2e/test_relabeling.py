"""A lead publishes a version with one question in new words; annotators answer just that question again."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from labeling.models import Consensus, Judgment, Membership, Pair, Project, Role
from labeling.queries.relabels import waiting_relabels
from tests.conftest import Site
from tests.e2e.conftest import SignIn, shoot
from tests.labeling.acting import judge_all
from tests.labeling.relabeling import REWORDED, STRICT, bring_by_worker, edited, make_draft
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = [pytest.mark.browser, pytest.mark.worker]

CONFLICT = (
    "ask: Does anything the query states contradict this product?",
    "ask: Does a word of the query contradict it?",
)
NOTE = "What the query does not say contradicts nothing."


def judged(labels: str, **settings: object) -> tuple[Project, list[Membership], list[Pair]]:
    project = make_project(**({"overlap": 2, "max_overlap": 2, "loop_enabled": False} | settings))
    members = [make_member(project) for _ in range(2)]
    pairs = [make_pair(project, f"steel kettle {number}") for number, _ in enumerate(labels.split())]
    make_round(project, pairs)
    judge_all(members, dict(zip(pairs, labels.split(), strict=True)))
    return project, members, pairs


def said_of(pair: Pair) -> list[str]:
    live = Judgment.objects.filter(pair=pair, retired_at__isnull=True).order_by("label__position")
    return list(live.values_list("label__key", flat=True))


def publish_in_browser(page: Page, site: Site, project: Project) -> None:
    page.goto(site.url + reverse("draft-effect", args=[project.slug]))
    page.get_by_role("button", name=re.compile("Publish and ask .* again")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Relabeling")


def test_one_question_is_asked_again_and_the_consensus_follows(sign_in: SignIn, site: Site) -> None:
    project, members, (first, second, _) = judged("S SE I")
    lead = make_member(project, Role.LEAD)
    make_draft(lead, edited(CONFLICT), NOTE)
    page = sign_in(lead.user)
    page.goto(site.url + reverse("draft-effect", args=[project.slug]))
    expect(page.locator("#publish")).to_contain_text("4 answers of 2 people no longer carry over: conflict.")
    shoot(page, "effect")
    page.get_by_role("checkbox").first.uncheck()
    expect(page.get_by_role("button", name="Publish", exact=True)).to_be_visible()
    page.get_by_role("checkbox").first.check()
    publish_in_browser(page, site, project)
    expect(page.locator("table.relabels")).to_contain_text(members[0].user.username, timeout=30_000)
    shoot(page, "relabeling")
    assert Consensus.objects.get(pair=second).state == "disputed"

    desk = sign_in(members[1].user, stay=True)
    expect(desk.locator(".asked-again")).to_contain_text("2 of your answers need one question again")
    shoot(desk, "start-again")
    desk.get_by_role("link", name="Answer again").click()
    expect(desk.locator(".stands")).to_contain_text("It was: “Does anything the query states contradict this product?”")
    expect(desk.locator(".stands")).to_contain_text(NOTE)
    expect(desk.locator("#walk .question:not([hidden]) h2")).to_have_text("Does a word of the query contradict it?")
    shoot(desk, "again")
    desk.keyboard.press("y")  # as before, and so is the answer after it
    expect(desk.locator(".query-text")).to_have_text("steel kettle 1")
    assert said_of(first) == ["S", "S"]
    desk.keyboard.press("y")  # another answer than before: a question follows that was never answered
    expect(desk.locator("#walk .question:not([hidden]) h2")).to_have_text(re.compile("Would a reasonable shopper"))
    expect(desk.locator(".stands")).to_be_hidden()
    desk.keyboard.press("Backspace")
    expect(desk.locator(".stands")).to_be_visible()
    desk.keyboard.press("y")
    desk.keyboard.press("y")
    expect(desk.get_by_role("heading", name="Nothing is asked again")).to_be_visible()
    shoot(desk, "again-done")
    assert said_of(second) == ["S", "S"]
    assert Consensus.objects.get(pair=second).state == "resolved"
    assert waiting_relabels(project, members[1].user).count() == 0

    page.reload()
    row = page.locator("table.relabels tbody tr", has_text=members[1].user.username)
    expect(row.locator("td").nth(1)).to_have_text("2")
    row = page.locator("table.relabels tbody tr", has_text=members[0].user.username)
    row.get_by_text("Withdraw…").click()
    shoot(page, "relabeling-withdraw")
    page.get_by_role("button", name="Withdraw 2").click()
    expect(page.locator(".notices")).to_contain_text("2 questions withdrawn. The judgments stay as they are.")
    assert not waiting_relabels(project).exists()


def test_last_answer_is_changed_by_the_key_of_undo(sign_in: SignIn, site: Site) -> None:
    project, members, (first, _) = judged("S S")
    bring_by_worker(make_member(project, Role.LEAD), edited(REWORDED), {"accept"})
    desk = sign_in(members[0].user)
    desk.goto(site.url + reverse("again", args=[project.slug]))
    desk.keyboard.press("n")
    expect(desk.locator(".query-text")).to_have_text("steel kettle 1")
    assert said_of(first) == ["S", "I"]
    desk.keyboard.press("u")
    expect(desk.locator(".query-text")).to_have_text("steel kettle 0")
    desk.wait_for_load_state()
    desk.get_by_role("button", name="Yes, as a compromise").click()
    expect(desk.get_by_role("heading", name="Changed")).to_be_visible()
    expect(desk.get_by_role("link", name="Answer again")).to_be_visible()
    assert said_of(first) == ["S", "S"]


def test_questions_are_answered_without_a_script(sign_in: SignIn, site: Site) -> None:
    project, members, (first,) = judged("S")
    lead = make_member(project, Role.LEAD)
    make_draft(lead, edited(REWORDED, STRICT))
    page = sign_in(lead.user, java_script_enabled=False)
    page.goto(site.url + reverse("draft-effect", args=[project.slug]))
    page.get_by_role("checkbox").first.uncheck()
    page.get_by_role("button", name="Work it out").click()
    expect(page.locator("#publish")).to_contain_text("Give the 2 judgments that change the label")
    page.get_by_role("checkbox", name=re.compile("Would you take it home")).check()
    page.get_by_role("button", name="Work it out").click()
    publish_in_browser(page, site, project)
    desk = sign_in(members[0].user, java_script_enabled=False)
    desk.goto(site.url + reverse("again", args=[project.slug]))
    for _ in range(20):
        if desk.locator(".stands").count():
            break
        desk.wait_for_timeout(500)
        desk.reload()
    desk.get_by_role("button", name="No, it would not do").click()
    expect(desk.get_by_role("heading", name="Nothing is asked again")).to_be_visible()
    assert said_of(first) == ["S", "I"]
