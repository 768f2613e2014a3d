"""What the desk keeps, in a real browser against the real site."""

import datetime as dt
import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from labeling.models import Judgment, Membership, Slot
from tests.conftest import Site
from tests.e2e.conftest import PASSWORD, SignIn, shoot, sign_over
from tests.e2e.test_annotator import next_pair, pair_on, press_path
from tests.labeling.acting import expire
from tests.making import PATHS, make_member, make_pair, make_project, make_round

pytestmark = [pytest.mark.browser, pytest.mark.worker]


def member_with(pairs: int, **settings: object) -> Membership:
    project = make_project(**settings)
    make_round(project, [make_pair(project, f"steel kettle {number}") for number in range(pairs)])
    return make_member(project)


def asked(page: Page, question: str) -> None:
    expect(page.locator(f'[data-question="{question}"]')).to_be_visible()
    page.wait_for_load_state()


def on_another_device(page: Page, url: str) -> Page:
    """Open a page for the same person in a browser that has stored nothing but who they are."""
    assert page.context.browser is not None
    context = page.context.browser.new_context()
    context.add_cookies(page.context.cookies())  # type: ignore[arg-type]
    found = context.new_page()
    found.goto(url)
    return found


def draft_of(member: Membership) -> str:
    return Slot.objects.get(annotator=member.user, judged=False).draft


def test_path_of_four_questions_costs_one_request(sign_in: SignIn) -> None:
    member = member_with(3)
    page = sign_in(member.user)
    page.wait_for_load_state("networkidle")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(f"{request.method} {request.url.split('/p/')[1]}"))
    pair = pair_on(page)
    press_path(page, PATHS["E"])
    next_pair(page, pair)
    assert requests == [f"POST {member.project.slug}/judge/"]
    [judgment] = Judgment.objects.filter(annotator=member.user)
    assert 0 < judgment.seconds < 60


def test_half_walk_survives_loading_the_page_again(sign_in: SignIn) -> None:
    member = member_with(2)
    page = sign_in(member.user)
    press_path(page, "need:yes,type:yes")
    page.route("**/leave/", lambda route: route.abort())  # a crash sends nothing
    page.reload()
    asked(page, "conflict")
    expect(page.locator(".trail li")).to_have_count(2)
    page.keyboard.press("Backspace")
    asked(page, "type")
    expect(page.locator("[data-question=type] .answer.before")).to_have_text(re.compile("Yes"))
    press_path(page, "type:no,job:no,together:yes")
    expect(page.locator(".trail li")).to_have_count(0)
    assert Judgment.objects.get(annotator=member.user).path == PATHS["C"]


def test_half_walk_goes_on_on_another_device(sign_in: SignIn) -> None:
    member = member_with(2)
    page = sign_in(member.user)
    pair = pair_on(page)
    press_path(page, "need:yes,type:yes")
    desk = page.url
    page.goto(desk.replace("/judge/", "/guideline/"))
    other = on_another_device(page, desk)
    assert pair_on(other) == pair
    asked(other, "conflict")
    press_path(other, "conflict:no")
    asked(other, "silent")
    other.goto(desk.replace("/judge/", "/guideline/"))
    page.goto(desk)
    asked(page, "silent")
    other.context.close()


def test_pair_that_was_left_goes_to_the_next_annotator_and_the_page_says_so(sign_in: SignIn) -> None:
    member = member_with(2, overlap=1)
    page = sign_in(member.user)
    pair = pair_on(page)
    press_path(page, "need:yes")
    page.evaluate("window.dispatchEvent(new Event('pagehide'))")
    page.wait_for_timeout(500)  # a beacon is answered by nothing
    assert draft_of(member) == "need:yes"
    expire(Slot.objects.get(annotator=member.user, judged=False))
    other = sign_in(make_member(member.project).user)
    assert pair_on(other) == pair
    expect(page.locator("#lost")).to_be_hidden()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#lost")).to_contain_text("no longer on your desk")
    shoot(page, "judge-lost")
    press_path(page, "type:yes,conflict:no,silent:no")
    next_pair(page, pair)
    assert Judgment.objects.filter(annotator=member.user).count() == 1


def test_pair_is_kept_while_another_tab_is_looked_at(sign_in: SignIn) -> None:
    member = member_with(2)
    page = sign_in(member.user)
    press_path(page, "need:yes")
    soon = timezone.now() + dt.timedelta(minutes=1)
    Slot.objects.filter(annotator=member.user).update(leased_until=soon)
    page.evaluate(
        """() => {
            Object.defineProperty(document, "visibilityState", {get: () => "hidden", configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    page.wait_for_timeout(500)  # a beacon is answered by nothing
    slot = Slot.objects.get(annotator=member.user, judged=False)
    assert slot.draft == "need:yes"
    assert slot.leased_until is not None
    assert slot.leased_until > soon
    page.evaluate(
        """() => {
            window.dispatchEvent(new Event("pagehide"));
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    page.wait_for_timeout(500)
    slot.refresh_from_db()
    assert slot.leased_until < soon


def test_closing_one_of_two_tabs_leaves_the_pair_with_the_other(sign_in: SignIn) -> None:
    member = member_with(2)
    page = sign_in(member.user)
    tab = page.context.new_page()
    tab.goto(page.url)
    assert pair_on(tab) == pair_on(page)
    with page.expect_request("**/keep/", timeout=5_000) as kept:
        tab.close(run_before_unload=True)
    response = kept.value.response()
    assert response is not None
    assert response.json() == {"held": True}
    until = Slot.objects.get(annotator=member.user, judged=False).leased_until
    assert until is not None
    assert until > timezone.now() + dt.timedelta(minutes=1)


def test_mind_is_changed_by_undo_and_one_key(sign_in: SignIn) -> None:
    member = member_with(3)
    page = sign_in(member.user)
    pair = pair_on(page)
    press_path(page, PATHS["S"])
    next_pair(page, pair)
    press_path(page, "need:yes")
    page.keyboard.press("u")
    asked(page, "accept")
    assert pair_on(page) == pair
    expect(page.locator("[data-question=accept] .answer.before")).to_have_count(1)
    shoot(page, "judge-undone")
    page.keyboard.press("n")
    next_pair(page, pair)
    assert Judgment.objects.filter(annotator=member.user, retired_at__isnull=True).get().path.endswith("accept:no")


def test_answer_of_today_is_changed_from_my_work(sign_in: SignIn) -> None:
    member = member_with(3)
    page = sign_in(member.user)
    pair = pair_on(page)
    press_path(page, PATHS["E"])
    next_pair(page, pair)
    page.locator(".nav").get_by_role("link", name="My work").click()
    shoot(page, "work")
    page.get_by_role("link", name="Change the answer").click()
    asked(page, "silent")
    expect(page.get_by_text("It stands until you have sent the new one.")).to_be_visible()
    shoot(page, "correct")
    assert Judgment.objects.get(annotator=member.user, retired_at__isnull=True).label.key == "E"
    page.keyboard.press("Backspace")
    press_path(page, "conflict:yes,accept:yes")
    expect(page.get_by_role("heading", name="Changed")).to_be_visible()
    shoot(page, "corrected")
    assert Judgment.objects.get(annotator=member.user, retired_at__isnull=True).label.key == "S"
    page.get_by_role("link", name="Back to my work").click()
    expect(page.locator("table.work")).to_contain_text("Substitute")


def test_browser_back_does_not_lose_an_answer_silently(sign_in: SignIn) -> None:
    member = member_with(3)
    page = sign_in(member.user, java_script_enabled=False)
    pair = pair_on(page)
    for step in PATHS["E"].split(","):
        page.locator(f'button[name="answer"][value="{step}"]').click()
    next_pair(page, pair)
    page.go_back()
    page.locator('section.question:not([hidden]) button[name="answer"]').first.click()
    expect(page.get_by_text(re.compile("That answer stands"))).to_be_visible()
    page.get_by_role("link", name="Change it").click()
    expect(page.get_by_text("It stands until you have sent the new one.")).to_be_visible()


def test_keys_are_set_by_pressing_them_and_work_at_the_desk(sign_in: SignIn) -> None:
    member = member_with(2)
    page = sign_in(member.user, forgive="422")
    judge = page.url
    page.goto(f"{judge.split('/p/')[0]}/account/")
    page.get_by_label("Yes").focus()
    page.keyboard.press("n")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".errorlist")).to_contain_text("already used")
    shoot(page, "account-conflict")
    page.get_by_label("No", exact=True).fill("n")
    page.get_by_label("Yes").focus()
    page.keyboard.press("q")
    page.get_by_label("Back one question").focus()
    page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    shoot(page, "account")
    member.user.refresh_from_db()
    assert member.user.keys == {"yes": "q", "back": "ArrowLeft"}
    page.goto(judge)
    expect(page.locator("[data-question=need] .answer .key").first).to_have_text("Q")
    page.keyboard.press("y")
    asked(page, "need")
    page.keyboard.press("q")
    asked(page, "type")
    page.keyboard.press("ArrowLeft")
    asked(page, "need")
    page.keyboard.press("1")
    asked(page, "type")
    page.keyboard.press("?")
    expect(page.locator("#keys .panel")).to_contain_text("←")
    shoot(page, "judge-keys")


def test_guideline_opens_at_the_question_and_focus_comes_back(sign_in: SignIn) -> None:
    member = member_with(2)
    page = sign_in(member.user)
    press_path(page, "need:yes,type:yes")
    page.keyboard.press("g")
    asked_there = page.locator("#guide .node[data-asked] > header .id")
    expect(asked_there).to_have_text("conflict")
    expect(asked_there).to_be_in_viewport()
    shoot(page, "judge-guideline")
    page.keyboard.press("y")  # means nothing here
    page.keyboard.press("Escape")
    expect(page.locator("#guide")).to_be_hidden()
    asked(page, "conflict")
    expect(page.locator("[data-question=conflict] h2")).to_be_focused()
    page.keyboard.press("h")
    expect(page.locator("[data-help=conflict] .examples")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("[data-help=conflict] .examples")).to_be_hidden()
    expect(page.locator("[data-question=conflict] h2")).to_be_focused()


def test_answer_is_never_sent_in_another_name_and_waits_for_its_owner(sign_in: SignIn, site: Site) -> None:
    member = member_with(3)
    page = sign_in(member.user, forgive="403")
    # A developer's site shows a failed request as a page of its own; here the desk is to be seen.
    page.route("**/django-htmx.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.reload()
    press_path(page, "need:yes,type:yes,conflict:no")
    tab = page.context.new_page()
    other = make_member(member.project)
    other.user.set_password(PASSWORD)
    other.user.save()
    desk = f"{site.url}/p/{member.project.slug}/judge/"
    tab.goto(desk)
    sign_over(tab, other.user)
    page.bring_to_front()
    page.keyboard.press("n")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("alert")).to_contain_text("somebody else has signed in here")
    page.get_by_role("button", name="Load again").click()
    expect(page.locator("[data-question=need]")).to_be_visible()
    assert not Judgment.objects.filter(project=member.project).exists()
    sign_over(page, member.user)
    page.goto(desk)
    expect(page.locator(".counts")).to_contain_text("1 today")
    assert Judgment.objects.get(project=member.project).annotator == member.user


def test_states_of_the_desk_can_be_looked_at(sign_in: SignIn) -> None:
    member = member_with(0)
    page = sign_in(member.user)
    expect(page.get_by_text("Nothing is waiting")).to_be_visible()
    shoot(page, "judge-empty")
    Membership.objects.filter(pk=member.pk).update(paused_at="2026-01-01T00:00:00Z", paused_because="gold")
    page.reload()
    expect(page.get_by_text("talk to your lead")).to_be_visible()
    shoot(page, "judge-below-mark")
