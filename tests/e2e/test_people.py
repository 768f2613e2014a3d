"""People who come by a link, are looked after, and see how they do, in a real browser."""

import re

import pytest
from playwright.sync_api import Browser, expect

from labeling.actions.queue import claim_slot
from labeling.models import Judgment, Role, SetAside
from tests.conftest import Site
from tests.e2e.conftest import PASSWORD, SignIn, shoot
from tests.e2e.test_annotator import press_path
from tests.labeling.acting import SKIP_PATH, claim, judge_all, make_members, submit
from tests.making import PATHS, make_member, make_pair, make_project, make_round, make_user

pytestmark = [pytest.mark.browser, pytest.mark.worker]


def test_newcomer_comes_by_a_link_and_labels(sign_in: SignIn, browser: Browser, site: Site) -> None:
    project = make_project(overlap=2, loop_enabled=False)
    make_round(project, [make_pair(project) for _ in range(3)])
    lead = sign_in(make_member(project, Role.LEAD).user)
    lead.goto(f"{site.url}/p/{project.slug}/people/")
    lead.get_by_label("Places").fill("2")
    lead.get_by_role("button", name="Make the link").click()
    link = lead.get_by_label("Copy it now: it is shown this once").input_value()
    assert "/join/" in link
    shoot(lead, "invited")

    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    expect(page).to_have_url(f"{site.url}/join/")
    expect(page.get_by_role("heading", name=f"Join {project.name}")).to_be_visible()
    shoot(page, "join")
    name = make_user("nora").username.replace("nora", "new")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password confirmation").fill(PASSWORD)
    page.get_by_role("button", name="Make the account and join").click()
    expect(page).to_have_url(re.compile(f"/p/{project.slug}/start/$"))
    expect(page.get_by_text("3 pairs are waiting for you")).to_be_visible()
    shoot(page, "start-newcomer")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/p/{project.slug}/judge/$"))
    press_path(page, PATHS["E"])
    expect(page.get_by_text("1 today")).to_be_visible()
    assert Judgment.objects.filter(annotator__username=name).count() == 1

    lead.goto(f"{site.url}/p/{project.slug}/people/")
    expect(lead.get_by_text("1 of 2 places taken")).to_be_visible()
    lead.locator(".invitations").get_by_role("button", name="Take back").click()
    expect(lead.get_by_text("The link lets nobody in any more")).to_be_visible()
    stranger = browser.new_context().new_page()
    stranger.goto(link)
    expect(stranger.get_by_role("heading", name="This link lets nobody in")).to_be_visible()
    shoot(stranger, "join-refused")
    stranger.context.close()
    context.close()


def test_lead_pauses_takes_back_and_resumes(sign_in: SignIn, site: Site) -> None:
    project = make_project(overlap=2, max_overlap=2, loop_enabled=False)
    pairs = [make_pair(project) for _ in range(24)]
    make_round(project, pairs, stream="active")
    ann, ben, cat = make_members(project, 3)
    judge_all([ann, ben], dict.fromkeys(pairs, "E"))
    make_round(project, [make_pair(project) for _ in range(4)], stream="active")
    assert claim_slot(project, cat.user) is not None
    lead = sign_in(make_member(project, Role.LEAD).user)
    lead.goto(f"{site.url}/p/{project.slug}/people/")
    expect(lead.get_by_role("region", name="Working now")).to_contain_text(cat.user.username)
    shoot(lead, "people")
    lead.get_by_role("button", name=f"Take back from {cat.user.username}").click()
    expect(lead.get_by_text("1 pair is free for others")).to_be_visible()
    expect(lead.get_by_role("region", name="Working now")).to_have_count(0)

    lead.get_by_role("link", name=ann.user.username).click()
    shoot(lead, "person")
    lead.get_by_label("What they are told").fill("Let us look at substitutes together.")
    lead.get_by_role("button", name="Pause").click()
    expect(lead.get_by_text("They are told: Let us look at substitutes together.")).to_be_visible()
    shoot(lead, "person-paused")
    page = sign_in(ann.user, stay=True)
    expect(page.get_by_text("Let us look at substitutes together.")).to_be_visible()
    shoot(page, "start-paused")
    lead.get_by_role("button", name="Resume").click()
    expect(lead.get_by_text("gets pairs again")).to_be_visible()
    page.reload()
    expect(page.get_by_role("link", name="Start judging")).to_be_focused()
    shoot(page, "start")


def test_lead_decides_about_pairs_that_were_set_aside(sign_in: SignIn, site: Site) -> None:
    project = make_project(overlap=1, max_overlap=1, loop_enabled=False)
    make_round(project, [make_pair(project, query_text=text) for text in ("red thing", "the other one")])
    for member in make_members(project, 2):
        for _ in range(2):
            submit(member, claim(member), SKIP_PATH, note="Which thing?")
    lead = sign_in(make_member(project, Role.LEAD).user)
    lead.get_by_role("link", name="2 pairs that people could not judge: put back or leave out").click()
    shoot(lead, "set-aside")
    first = lead.locator("article", has_text="red thing")
    first.get_by_role("button", name="Leave out").click()
    expect(lead.get_by_text("The pair is left out of the pool.")).to_be_visible()
    shoot(lead, "set-aside-decided")
    lead.get_by_role("button", name="Undo").click()
    lead.locator("article", has_text="red thing").get_by_role("button", name="Put back").click()
    expect(lead.get_by_text("The pair is back in the queue.")).to_be_visible()
    states = SetAside.objects.filter(project=project).order_by("pk").values_list("state", flat=True)
    assert list(states) == ["returned", "waiting"]
