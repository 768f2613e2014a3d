"""Learning to judge, and being watched on gold pairs, in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from labeling.models import Membership, Role, Split
from labeling.queries.gold import ENOUGH_GOLD
from tests.conftest import Site
from tests.e2e.conftest import SignIn, shoot
from tests.e2e.test_annotator import pair_on, press_path
from tests.labeling.acting import submit
from tests.labeling.actions.test_gold import make_imported
from tests.labeling.actions.test_streams import GOLD_TURN, claimed
from tests.making import PATHS, make_gold, make_member, make_pair, make_pair_of, make_project, make_round

pytestmark = [pytest.mark.browser, pytest.mark.worker]


def learn(page: Page, path: str, verdict: str) -> None:
    """Answer the training pair, read what was right, and go on."""
    press_path(page, path)
    expect(page.locator('[data-question="feedback"] h2')).to_contain_text(verdict)
    expect(page.locator('[data-question="feedback"] h2')).to_be_focused()


def test_annotator_trains_errs_is_told_why_and_passes(sign_in: SignIn, site: Site) -> None:
    project = make_project(training_required=True, pass_mark=0.6)
    make_round(project, [make_pair(project) for _ in range(2)])
    for number in range(3):
        pair = make_pair(project, f"green bottle {number}", "Bottle of steel, green, 0.7 litres")
        why = "The query asks for a green bottle, and this is one."
        make_gold(project, "E", use="training", pair=pair, path=PATHS["E"], why=why)
    member = make_member(project)
    page = sign_in(member.user)
    page.goto(f"{site.url}/p/{project.slug}/training/")
    expect(page.get_by_text("1 of 3")).to_be_visible()
    shoot(page, "training")
    learn(page, PATHS["S"], "Not right.")
    expect(page.get_by_text("The query asks for a green bottle")).to_be_visible()
    expect(page.locator(".lesson")).to_contain_text("Does anything the query states contradict this product?")
    shoot(page, "training-wrong")
    page.keyboard.press("1")
    expect(page.get_by_text("2 of 3")).to_be_visible()
    learn(page, PATHS["E"], "Right.")
    shoot(page, "training-right")
    page.keyboard.press("1")
    expect(page.get_by_text("3 of 3")).to_be_visible()
    learn(page, PATHS["E"], "Right.")
    page.get_by_role("button", name="See the result").click()
    expect(page.get_by_role("heading", name="You have passed the training")).to_be_visible()
    shoot(page, "training-passed")
    page.get_by_role("link", name="Start judging").click()
    expect(page.locator('[data-question="need"]')).to_be_visible()
    member.refresh_from_db()
    assert member.qualified_at is not None


def test_annotator_who_fails_sees_what_led_astray_and_tries_again(sign_in: SignIn, site: Site) -> None:
    project = make_project(training_required=True, pass_mark=1)
    for _ in range(2):
        make_gold(project, "E", use="training")
    page = sign_in(make_member(project).user, java_script_enabled=False)
    page.goto(f"{site.url}/p/{project.slug}/training/")
    for label in ("S", "E"):
        for step in PATHS[label].split(","):
            page.locator(f'button[name="answer"][value="{step}"]').click()
        page.locator('[data-question="feedback"] .answer').click()
    expect(page.get_by_role("heading", name="Not passed yet")).to_be_visible()
    expect(page.get_by_text("Does anything the query states contradict this product?").first).to_be_visible()
    shoot(page, "training-failed")
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_text("1 of 2")).to_be_visible()


def test_lead_makes_gold_and_looks_at_it(sign_in: SignIn, site: Site) -> None:
    project = make_project(gold_share=0.2, training_required=True, loop_enabled=False)
    for key in "EESSCI":
        make_imported(project, key)
    page = sign_in(make_member(project, Role.LEAD).user)
    expect(page.get_by_text("there are no training pairs: nobody new can start")).to_be_visible()
    page.get_by_role("link", name="Gold", exact=True).click()
    expect(page.get_by_text("No gold pairs yet")).to_be_visible()
    shoot(page, "gold-empty")
    page.get_by_label("How many pairs").fill("4")
    page.get_by_label("For", exact=True).select_option("training")
    page.get_by_role("button", name="Draw").click()
    expect(page.get_by_text("4 gold pairs are chosen.")).to_be_visible()
    other = make_pair_of(project, Split.TRAIN)  # one of a holdout query cannot be gold
    page.get_by_role("searchbox").fill(other.query.text)
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("link", name=other.query.text, exact=True).click()
    page.get_by_label("The right answer").select_option(f"E {PATHS['E']}")
    page.get_by_label("Why").fill("It is what was asked for.")
    shoot(page, "gold-by-hand")
    page.get_by_role("button", name="Make it gold").click()
    expect(page.get_by_text("The pair is gold now.")).to_be_visible()
    page.get_by_role("button", name="Retire").first.click()
    expect(page.get_by_text("The pair is retired.")).to_be_visible()
    shoot(page, "gold")


def test_annotator_below_the_mark_is_paused_and_the_lead_sees_it(sign_in: SignIn, site: Site) -> None:
    project = make_project(gold_share=0.2, pass_mark=0.8, loop_enabled=False)
    make_round(project, [make_pair(project) for _ in range(12)])
    member = make_member(project)
    for _ in range(ENOUGH_GOLD - 1):
        make_gold(project, "S")
        submit(member, claimed(member, GOLD_TURN), "I")
    last = make_gold(project, "S")
    assert claimed(member, GOLD_TURN).pair == last.pair
    page = sign_in(member.user)
    expect(page.locator(f'article.pair[data-product="{last.pair.product.external_id}"]')).to_be_visible()
    before = pair_on(page)
    press_path(page, PATHS["I"])
    expect(page.locator(f'article.pair[data-product="{before[1]}"]')).to_have_count(0)
    shoot(page, "paused")
    assert Membership.objects.get(pk=member.pk).paused_because == "gold"

    lead = sign_in(make_member(project, Role.LEAD).user)
    told = lead.get_by_role("link", name="1 annotator is paused, whose answers to gold pairs are below the pass mark")
    expect(told).to_be_visible()
    shoot(lead, "overview-paused")
    lead.goto(f"{site.url}/p/{project.slug}/gold/")
    expect(lead.get_by_role("row", name=member.user.username)).to_contain_text("0.00 (0.00 to 0.43), 5")
    shoot(lead, "gold-paused")
    told = lead.get_by_role("row", name=member.user.username).get_by_role("link", name="paused")
    told.click()
    expect(lead.get_by_role("heading", level=1)).to_be_visible()
