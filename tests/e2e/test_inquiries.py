"""Annotators ask from the desk and the shelf; the lead answers and makes an example; the annotator reads it."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from labeling.actions.accounts import save_account
from labeling.models import GuidelineVersion, Inquiry, Judgment, Membership, Project, Role
from tests.conftest import Site
from tests.e2e.conftest import SignIn, shoot, sign_over
from tests.e2e.looking import faults
from tests.labeling.acting import judge
from tests.labeling.relabeling import REWORDED, bring_by_worker, edited
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = [pytest.mark.browser, pytest.mark.worker]

DOUBT = "The query says 10 ft and this is 3 m. Is that the same length?"
WHY = "3 m is 9.8 ft. Every digit and unit is a requirement, so the lengths differ."


def shop(**settings: object) -> Project:
    project = make_project(**settings)
    title = "HDMI cable, braided, 3 m, gold-plated plugs"
    make_round(project, [make_pair(project, "hdmi cable 10 ft", title) for _ in range(3)])
    return project


def go(page: Page, site: Site, member: Membership, name: str) -> None:
    page.goto(site.url + reverse(name, args=[member.project.slug]))


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_question_becomes_a_worked_example(sign_in: SignIn, site: Site) -> None:
    project = shop()
    annotator, lead = make_member(project), make_member(project, Role.LEAD)
    desk = sign_in(annotator.user)
    product = desk.locator("article.pair").get_attribute("data-product")
    press(desk, "y", "y", "a")
    drawer = desk.get_by_role("dialog", name="Ask the lead")
    expect(drawer).to_contain_text("hdmi cable 10 ft")
    expect(drawer).to_contain_text("HDMI cable, braided, 3 m")
    expect(drawer).to_contain_text("Does anything the query states contradict this product?")
    expect(drawer.get_by_label("Your question")).to_be_focused()
    desk.keyboard.type(DOUBT)
    shoot(desk, "asking")
    assert faults(desk, "asking") == []
    drawer.get_by_role("button", name="Send").click()
    expect(desk.locator("#toasts")).to_contain_text("Your question is with the lead")
    expect(drawer).to_be_hidden()
    shoot(desk, "asked")
    # The pair is where it was, and goes on.
    expect(desk.locator(f'article.pair[data-product="{product}"]')).to_be_visible()
    expect(desk.locator('#walk [data-question="conflict"]')).to_be_visible()
    press(desk, "n", "n")
    expect(desk.get_by_text("1 today")).to_be_visible()
    assert Judgment.objects.filter(annotator=annotator.user).count() == 1

    office = sign_in(lead.user, forgive="422")
    office.get_by_role("link", name="1 question of annotators to answer").click()
    expect(office.get_by_text(DOUBT)).to_be_visible()
    expect(office.locator(".path .asked")).to_contain_text("contradict this product")
    shoot(office, "questions-waiting")
    office.get_by_label("Your answer").fill(WHY)
    office.get_by_role("button", name="Answer and add as an example").click()
    expect(office.get_by_text("Choose it: a worked example")).to_be_visible()
    expect(office.get_by_label("Your answer")).to_have_value(WHY)
    shoot(office, "answer-refused")
    office.get_by_label("Yes, something contradicts").check()
    office.get_by_role("button", name="Answer and add as an example").click()
    expect(office.get_by_text("It is a worked example of “conflict” in the draft of version 2")).to_be_visible()
    shoot(office, "questions-answered")
    office.get_by_role("link", name="the draft of version 2").first.click()
    expect(office.locator("textarea[name=source]")).to_have_value(re.compile("the lengths differ"))
    draft = GuidelineVersion.objects.get(project=project, published_at=None)
    assert "hdmi cable 10 ft" in draft.source
    assert "the lengths differ" in draft.source

    go(desk, site, annotator, "start")
    expect(desk.get_by_text("1 answer to your question")).to_be_visible()
    shoot(desk, "start-with-an-answer")
    go(desk, site, annotator, "judge")
    expect(desk.get_by_text("1 answer to your question")).to_be_visible()
    shoot(desk, "desk-with-an-answer")
    desk.get_by_role("link", name="Your questions").click()
    expect(desk.get_by_text(WHY)).to_be_visible()
    expect(desk.get_by_text("New answer")).to_be_visible()
    shoot(desk, "own-questions")
    desk.reload()
    expect(desk.get_by_text(WHY)).to_be_visible()
    expect(desk.get_by_text("New answer")).to_have_count(0)


def test_typed_text_outlives_failures_a_reload_and_a_closed_drawer(sign_in: SignIn) -> None:
    project = shop()
    member = make_member(project)
    page = sign_in(member.user, forgive="503|ERR_|Failed to load")
    drawer = page.get_by_role("dialog", name="Ask the lead")
    text = drawer.get_by_label("Your question")
    press(page, "a")
    text.fill(DOUBT)
    send = drawer.get_by_role("button", name="Send")
    page.route("**/inquiries/ask/", lambda route: route.fulfill(status=503, body="away"))
    send.click()
    expect(drawer.get_by_role("alert")).to_contain_text("the server had a problem")
    page.unroute("**/inquiries/ask/")
    page.route("**/inquiries/ask/", lambda route: route.abort())
    send.click()
    expect(drawer.get_by_role("alert")).to_contain_text("cannot be reached")
    expect(text).to_have_value(DOUBT)
    page.unroute("**/inquiries/ask/")
    shoot(page, "asking-failed")
    press(page, "Escape")
    expect(drawer).to_be_hidden()
    page.reload()
    press(page, "a")
    expect(text).to_have_value(DOUBT)
    text.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("Your question is with the lead")
    expect(drawer).to_be_hidden()
    press(page, "a")
    expect(text).to_have_value("")
    assert Inquiry.objects.get(project=project).text == DOUBT


def test_question_is_sent_after_signing_in_anew_and_never_in_another_name(sign_in: SignIn) -> None:
    project = shop()
    member, other = make_member(project), make_member(project)
    page = sign_in(member.user, forgive="403")
    tab = page.context.new_page()
    drawer = page.get_by_role("dialog", name="Ask the lead")
    press(page, "a")
    drawer.get_by_label("Your question").fill(DOUBT)
    tab.goto(page.url)
    other.user.set_password("quiet-harbour-91")
    other.user.save()
    sign_over(tab, other.user)
    drawer.get_by_role("button", name="Send").click()
    expect(drawer.get_by_role("alert")).to_contain_text("signed out")
    drawer.get_by_role("button", name="Send").click()
    expect(drawer.get_by_role("alert")).to_contain_text("somebody else")
    assert not Inquiry.objects.filter(project=project).exists()
    sign_over(tab, member.user)
    drawer.get_by_role("button", name="Send").click()
    expect(page.locator("#toasts")).to_contain_text("Your question is with the lead")
    assert Inquiry.objects.get(project=project).asked_by == member.user


def test_question_from_a_shelf_is_about_the_product_with_the_keys(sign_in: SignIn) -> None:
    project = shop(desk="shelf")
    member = make_member(project)
    page = sign_in(member.user)
    press(page, "j", "y", "a")
    drawer = page.get_by_role("dialog", name="Ask the lead")
    expect(drawer).to_contain_text("Is this the type of product asked for?")
    press(page, "y")  # into the text, and not to the product behind it
    drawer.get_by_label("Your question").fill(DOUBT)
    shoot(page, "asking-on-a-shelf")
    drawer.get_by_role("button", name="Send").click()
    expect(page.locator("#toasts")).to_contain_text("Your question is with the lead")
    inquiry = Inquiry.objects.get(project=project)
    card = page.locator(f"#card-{inquiry.pair_id}")
    expect(card).to_have_attribute("aria-current", "true")
    expect(card.locator('[data-question="type"]')).to_be_visible()
    assert (inquiry.path, inquiry.question) == ("need:yes", "type")
    page.locator(".shelf-card").first.get_by_role("link", name="Ask…").click()
    expect(drawer).to_contain_text("Can you tell what the shopper wants?")


def test_question_while_an_answer_is_changed(sign_in: SignIn, site: Site) -> None:
    project = shop()
    member = make_member(project)
    page = sign_in(member.user)
    press(page, "y", "y", "n", "n")
    expect(page.get_by_text("1 today")).to_be_visible()
    go(page, site, member, "work")
    page.get_by_role("link", name=re.compile("Change the answer")).click()
    page.wait_for_load_state()
    press(page, "a")
    expect(page.get_by_label("Your question")).to_be_focused()
    shoot(page, "asking-in-a-correction")
    page.keyboard.type(DOUBT)
    press(page, "Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("Your question is with the lead")
    inquiry = Inquiry.objects.get(project=project)
    assert inquiry.pair_id == Judgment.objects.get(annotator=member.user).pair_id
    assert inquiry.question == "silent"


def test_question_while_one_is_asked_again(sign_in: SignIn, site: Site) -> None:
    project = shop(loop_enabled=False)
    member, lead = make_member(project), make_member(project, Role.LEAD)
    given = judge(member, "S")
    version = bring_by_worker(lead, edited(REWORDED), ["accept"])
    page = sign_in(member.user, stay=True)
    go(page, site, member, "again")
    press(page, "a")
    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.type(DOUBT)
    press(page, "Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("Your question is with the lead")
    inquiry = Inquiry.objects.get(project=project)
    assert (inquiry.pair_id, inquiry.guideline, inquiry.question) == (given.pair_id, version, "accept")


def test_asking_works_without_a_script(sign_in: SignIn) -> None:
    project = shop()
    member = make_member(project)
    page = sign_in(member.user, java_script_enabled=False)
    page.locator('button[value="need:yes"]').click()
    page.get_by_role("link", name="Ask the lead").click()
    expect(page.get_by_text("Is this the type of product asked for?")).to_be_visible()
    shoot(page, "asking-without-a-script")
    page.get_by_label("Your question").fill(DOUBT)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Your question is with the lead")).to_be_visible()
    expect(page.locator('#walk [data-question="type"]')).to_be_visible()
    assert Inquiry.objects.get(project=project).question == "type"


def test_key_to_ask_is_ones_own(sign_in: SignIn) -> None:
    project = shop()
    member = make_member(project)
    save_account(member.user, "", {"ask": "q"})
    page = sign_in(member.user)
    expect(page.locator(".ask-lead .key")).to_have_text("q", ignore_case=True)
    press(page, "a")
    expect(page.get_by_role("dialog", name="Ask the lead")).to_be_hidden()
    press(page, "q")
    expect(page.get_by_role("dialog", name="Ask the lead")).to_be_visible()
