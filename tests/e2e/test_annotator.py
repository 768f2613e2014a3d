"""An annotator at the desk, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from labeling.models import Judgment, Role, Skip
from tests.conftest import Site
from tests.e2e.conftest import SignIn, shoot
from tests.making import PATHS, make_member, make_pair, make_project, make_round

pytestmark = [pytest.mark.browser, pytest.mark.worker]

KEYS = {"yes": "y", "no": "n"}


def press_path(page: Page, path: str) -> None:
    """Answer every question of a path with its key, once the page's scripts are there to hear it."""
    page.wait_for_load_state()
    for step in path.split(","):
        question, answer = step.split(":")
        expect(page.locator(f'[data-question="{question}"]')).to_be_visible()
        page.keyboard.press(KEYS[answer])


def pair_on(page: Page) -> tuple[str | None, str | None]:
    article = page.locator("article.pair")
    return article.get_attribute("data-query"), article.get_attribute("data-product")


def next_pair(page: Page, before: tuple[str | None, str | None]) -> None:
    """Wait until another pair is on the desk."""
    expect(page.locator(f'article.pair[data-product="{before[1]}"]')).to_have_count(0)


def test_annotator_labels_five_undoes_one_and_skips_one_by_keyboard(sign_in: SignIn) -> None:
    project = make_project(overlap=2)
    make_round(project, [make_pair(project) for _ in range(9)])
    member = make_member(project, Role.ANNOTATOR)
    page = sign_in(member.user)
    expect(page).to_have_url(re.compile(f"/p/{project.slug}/judge/$"))
    shoot(page, "judge")
    judged = []
    for label in ("E", "S", "C", "I", "E"):
        pair = pair_on(page)
        press_path(page, PATHS[label])
        next_pair(page, pair)
        judged.append((pair, label))
    live = Judgment.objects.filter(annotator=member.user, retired_at__isnull=True).order_by("id")
    stored = list(live.values_list("pair__query__text", "label__key"))
    assert stored == [(pair[0], label) for pair, label in judged]
    expect(page.get_by_text("5 today")).to_be_visible()

    page.keyboard.press("u")
    expect(page.locator(f'article.pair[data-product="{judged[-1][0][1]}"]')).to_be_visible()
    assert live.count() == 4
    expect(page.get_by_text("4 today")).to_be_visible()

    pair = pair_on(page)
    page.keyboard.press("s")
    page.keyboard.press("2")
    next_pair(page, pair)
    assert Skip.objects.get(annotator=member.user).pair.query.text == pair[0]


def test_next_question_appears_without_a_request(sign_in: SignIn) -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    page = sign_in(make_member(project).user)
    page.wait_for_load_state("networkidle")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    press_path(page, "need:yes,type:yes,conflict:yes")
    expect(page.locator('[data-question="accept"]')).to_be_visible()
    page.keyboard.press("Backspace")
    expect(page.locator('[data-question="conflict"]')).to_be_visible()
    assert requests == []


def test_keys_are_left_alone_while_typing(sign_in: SignIn) -> None:
    project = make_project()
    make_round(project, [make_pair(project)])
    member = make_member(project)
    page = sign_in(member.user)
    page.keyboard.press("s")
    page.get_by_label(re.compile("Note")).fill("")
    page.get_by_label(re.compile("Note")).press_sequentially("yes, new 1")
    assert page.get_by_label(re.compile("Note")).input_value() == "yes, new 1"
    assert not Judgment.objects.filter(annotator=member.user).exists()
    assert not Skip.objects.filter(annotator=member.user).exists()


def test_desk_works_without_a_script(sign_in: SignIn) -> None:
    project = make_project()
    make_round(project, [make_pair(project) for _ in range(2)])
    member = make_member(project)
    page = sign_in(member.user, java_script_enabled=False)
    before = pair_on(page)
    for answer in ("Yes", "No, another type"):
        page.locator("section.question:not([hidden])").get_by_role("button", name=answer).first.click()
    page.get_by_role("button", name="Back").click()
    expect(page.locator('[data-question="type"]')).to_be_visible()
    for step in PATHS["E"].split(",")[1:]:
        page.locator(f'button[name="answer"][value="{step}"]').click()
    next_pair(page, before)
    assert Judgment.objects.get(annotator=member.user).path == PATHS["E"]


def test_answer_survives_a_server_that_is_away(sign_in: SignIn, site: Site) -> None:
    project = make_project()
    make_round(project, [make_pair(project) for _ in range(2)])
    member = make_member(project)
    page = sign_in(member.user, forgive="503")
    before = pair_on(page)
    page.route("**/judge/", lambda route: route.fulfill(status=503, body="away"))
    press_path(page, PATHS["S"])
    expect(page.get_by_text("Your answer is kept here", exact=False).first).to_be_visible()
    assert not Judgment.objects.filter(annotator=member.user).exists()
    page.unroute("**/judge/")
    next_pair(page, before)
    assert Judgment.objects.get(annotator=member.user).label.key == "S"


def test_stranger_sees_nothing(sign_in: SignIn) -> None:
    project = make_project()
    stranger = make_member(make_project()).user
    page = sign_in(stranger, forgive="404")
    answer = page.goto(page.url.replace(page.url.split("/p/")[1].split("/")[0], project.slug))
    assert answer is not None
    assert answer.status == 404
    assert project.name not in page.content()
