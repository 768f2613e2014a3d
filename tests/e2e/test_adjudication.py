"""An expert rules what people part on, by the keyboard, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from labeling.models import Consensus, GoldPair, GuidelineVersion, Pair, Project, Role, Ruling, SetAside, Split
from tests.e2e.conftest import SignIn, shoot
from tests.labeling.acting import judge_all, make_members
from tests.labeling.actions.test_adjudication import rule
from tests.making import make_member, make_pair_of, make_project, make_round

pytestmark = [pytest.mark.browser, pytest.mark.worker]

WHY = "Another brand, though the same bottle for the same job."


def parted() -> Project:
    """Make a project with pairs on which three people part, in the order of their worth."""
    project = make_project(overlap=3, max_overlap=3, loop_enabled=False)
    pairs = [make_pair_of(project, Split.TRAIN) for _ in range(4)]
    make_round(project, pairs)
    judge_all(make_members(project, 3), dict(zip(pairs, ("ESI", "EIE", "EES", "SSI"), strict=True)))
    return project


@pytest.mark.parametrize("role", [Role.LEAD, Role.AUDITOR])
def test_expert_rules_by_keyboard_and_makes_gold_and_an_example(sign_in: SignIn, role: Role) -> None:
    project = parted()
    page = sign_in(make_member(project, role).user)
    page.get_by_role("link", name="Adjudication").click()
    expect(page.get_by_role("row")).to_have_count(5)
    if role == Role.LEAD:
        shoot(page, "adjudication")
    page.get_by_role("link", name="Rule the first").click()
    expect(page.locator(".walk-of")).to_have_count(3)
    first = Pair.objects.get(pk=int(page.locator("#desk").get_attribute("data-pair") or 0))
    if role == Role.LEAD:
        shoot(page, "adjudication-desk")
    for key in ("y", "y", "y", "y"):
        page.keyboard.press(key)
    expect(page.get_by_label("Why?")).to_be_focused()
    page.keyboard.press("Control+Enter")  # without a reason it goes nowhere
    assert not Ruling.objects.filter(project=project).exists()
    page.keyboard.type(WHY)
    if role == Role.LEAD:
        shoot(page, "adjudication-why")
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile(r"ruled=\d+"))
    ruling = Ruling.objects.get(project=project)
    assert (ruling.pair, ruling.label.key, ruling.why) == (first, "S", WHY)
    assert Consensus.objects.get(pair=first).method == "adjudicated"
    if role == Role.LEAD:
        shoot(page, "adjudication-next")
    page.get_by_role("button", name="Add as an example").press("Enter")
    expect(page.get_by_text("example in version 2")).to_be_visible()
    assert WHY in GuidelineVersion.objects.get(project=project, published_at=None).source
    page.get_by_role("button", name="Make gold, as a check").press("Enter")
    expect(page.get_by_text("gold, as a check", exact=True)).to_be_visible()
    assert GoldPair.objects.get(project=project).pair == first
    page.get_by_role("button", name="Take back").press("Enter")
    expect(page.get_by_text("The ruling is taken back")).to_be_visible()
    ruling.refresh_from_db()
    assert ruling.retired_at is not None


def test_expert_leaves_a_pair_for_now_and_another_out(sign_in: SignIn) -> None:
    project = parted()
    page = sign_in(make_member(project, Role.LEAD).user)
    page.get_by_role("link", name="Adjudication").click()
    page.get_by_role("link", name="Rule the first").click()
    before = page.url
    page.get_by_role("link", name="Leave it for now").click()
    expect(page).not_to_have_url(before)
    second = int(page.locator("#desk").get_attribute("data-pair") or 0)
    page.keyboard.press("s")
    page.keyboard.press("1")
    expect(page.get_by_text("Left out of the pool")).to_be_visible()
    assert SetAside.objects.get(project=project).pair_id == second
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The pair is back in the pool")).to_be_visible()
    assert SetAside.objects.get(project=project).state == "returned"
    page.keyboard.press("y")
    page.keyboard.press("n")
    page.reload()  # the half walk is kept
    expect(page.locator(".trail li")).to_have_count(2)
    for key in ("n", "n"):
        page.keyboard.press(key)
    expect(page.get_by_label("Why?")).to_be_focused()
    page.get_by_role("link", name="Change the walk").click()
    expect(page.locator(".answer.before")).to_be_visible()
    page.wait_for_load_state()  # the keys are heard once the scripts have run
    page.keyboard.press("y")
    expect(page.get_by_role("heading", name=re.compile("You rule"))).to_contain_text("Complement")
    page.get_by_label("Why?").fill("A bag for the bottle.")
    page.get_by_role("button", name="Rule").click()
    expect(page).to_have_url(re.compile(r"ruled=\d+"))
    page.get_by_role("link", name="Adjudication").click()
    page.get_by_role("link", name="Rulings").click()
    expect(page.get_by_role("region", name="Rulings")).to_contain_text("A bag for the bottle.")
    shoot(page, "rulings")


def test_expert_rules_without_a_script(sign_in: SignIn) -> None:
    project = parted()
    page = sign_in(make_member(project, Role.AUDITOR).user, java_script_enabled=False)
    page.get_by_role("link", name="Adjudication").click()
    page.get_by_role("link", name="Rule the first").click()
    for step in ("need:yes", "type:yes", "conflict:no", "silent:no"):
        page.locator(f'button[name="answer"][value="{step}"]').click()
    page.get_by_label("Why?").fill(WHY)
    page.get_by_role("button", name="Rule").click()
    expect(page.get_by_text("Ruled:")).to_be_visible()
    assert Ruling.objects.get(project=project).label.key == "E"


def test_lead_sees_who_errs_where_and_which_method_is_right(sign_in: SignIn) -> None:
    project = make_project(overlap=3, max_overlap=3, loop_enabled=False)
    truth = "ESI" * 12
    pairs = [make_pair_of(project, Split.TRAIN) for _ in truth]
    make_round(project, pairs)
    lenient = {pair: label * 2 + label.replace("S", "E") for pair, label in zip(pairs, truth, strict=True)}
    judge_all(make_members(project, 3), lenient)
    lead = make_member(project, Role.LEAD)
    for pair, label in list(zip(pairs, truth, strict=True))[:12]:
        rule(project, pair, label, lead)
    page = sign_in(lead.user)
    page.goto(f"{page.url.split('/p/')[0]}/p/{project.slug}/agreement/who/")
    expect(page.get_by_role("region", name="How often each method is right")).to_contain_text("1.00")
    worst = page.get_by_role("region", name="How often each person gives another label").get_by_role("row").nth(1)
    expect(worst).to_contain_text("mostly")
    shoot(page, "who-is-right")
    page.evaluate("document.querySelectorAll('main details').forEach((details) => { details.open = true; })")
    shoot(page, "who-is-right-unfolded")
    page.get_by_role("row", name=re.compile("contradict")).first.get_by_role("link").last.click()
    expect(page.get_by_role("heading", name="Pairs behind a number")).to_be_visible()


def test_expert_whose_pair_was_ruled_meanwhile_is_told_so(sign_in: SignIn) -> None:
    """The card that says so has no form, and no script trips over that: the window fails on any error."""
    project = parted()
    page = sign_in(make_member(project, Role.LEAD).user)
    page.get_by_role("link", name="Adjudication").click()
    page.get_by_role("link", name="Rule the first").click()
    number = int(page.locator("#desk").get_attribute("data-pair") or 0)
    rule(project, Pair.objects.get(pk=number), "S")
    for key in ("y", "y", "y", "y"):
        page.keyboard.press(key)
    expect(page.get_by_text("This pair is ruled")).to_be_visible()
