"""A lead changing the guideline, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from labeling.actions.guidelines import draft_digest, publish_guideline, save_draft, start_draft
from labeling.guidelines.parse import default_source
from labeling.models import Membership, Role
from labeling.queries.guidelines import draft_of
from tests.conftest import Site
from tests.e2e.conftest import SignIn, shoot
from tests.making import PATHS, make_member, make_pair, make_project

pytestmark = [pytest.mark.browser, pytest.mark.worker]

ASKED = "Is this the type of product asked for?"
CLEARER = "Would the shopper call it what they asked for?"


def make_lead() -> Membership:
    project = make_project(loop_enabled=False)
    make_pair(project, "steel water bottle", "Insulated steel bottle")
    return make_member(project, Role.LEAD)


def workshop(site: Site, member: Membership) -> str:
    return f"{site.url}/p/{member.project.slug}/guideline/draft/"


def source(page: Page) -> str:
    return page.get_by_label("The guideline, in YAML").input_value()


def rewrite(page: Page, old: str, new: str, settled: str = "") -> None:
    """Put other words into the text, as somebody does who selects and types."""
    area = page.get_by_label("The guideline, in YAML")
    at = area.input_value().index(old)
    area.evaluate("(area, [from, to]) => { area.focus(); area.setSelectionRange(from, to); }", [at, at + len(old)])
    page.keyboard.insert_text(new)
    if settled:
        expect(page.locator("#checked")).to_contain_text(settled)


def test_lead_drafts_breaks_mends_tries_and_compares(sign_in: SignIn, site: Site) -> None:
    member = make_lead()
    page = sign_in(member.user)
    page.get_by_role("link", name="Guideline", exact=True).click()
    shoot(page, "guideline-lead")
    page.get_by_role("button", name="Change the guideline").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Draft of version 2")
    expect(page.locator("#checked")).to_contain_text("No problems. 7 questions")
    shoot(page, "workshop")

    rewrite(
        page,
        'answers:\n      yes: {text: "Yes", go: conflict}',
        'answers:\n      yes: {text: "Yes", go: conflct}',
        "4 problems.",
    )
    line = source(page)[: source(page).index("conflct")].count("\n") + 1
    expect(page.locator("#checked")).to_contain_text("did you mean 'conflict'?")
    expect(page.locator("#checked")).to_contain_text("The tree shown is of the last text without problems.")
    expect(page.locator("#drawn")).to_contain_text(ASKED)
    expect(page.locator(".gutter .wrong").first).to_have_text(str(line))
    shoot(page, "workshop-problem")
    page.get_by_role("link", name=f"Line {line}").click()
    area = page.get_by_label("The guideline, in YAML")
    expect(area).to_be_focused()
    assert "conflct" in area.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
    box = area.evaluate("area => [area.scrollTop, area.clientHeight]")
    assert box[0] < line * 20 < box[0] + box[1]

    rewrite(page, "conflct", "conflict", "No problems.")
    rewrite(page, ASKED, CLEARER, "Asks something else than version 1 at type.")
    expect(page.locator("#drawn")).to_contain_text(CLEARER)
    expect(page.locator("#unsaved")).to_be_visible()
    page.get_by_label("What has changed, and why").fill("People took the category for the type.")
    page.keyboard.press("Control+s")
    expect(page.locator("#saved")).to_contain_text("Saved at")
    expect(page.locator("#unsaved")).to_be_hidden()
    draft = draft_of(member.project)
    assert draft is not None
    assert CLEARER in draft.source
    assert draft.change_note == "People took the category for the type."

    page.get_by_role("button", name="try it out").click()
    expect(page.locator('[data-question="need"] h2')).to_be_visible()
    expect(page.locator(".query-text")).to_have_text("steel water bottle")
    page.keyboard.press("y")
    expect(page.locator('[data-question="type"] h2')).to_have_text(CLEARER)
    shoot(page, "workshop-try")
    for step in PATHS["E"].split(",")[1:]:
        page.locator(f'button[name="answer"][value="{step}"]').click()
    expect(page.get_by_role("heading", name="The walk has ended")).to_be_visible()
    expect(page.locator(".tried")).to_contain_text("Exact")
    shoot(page, "workshop-tried")
    page.get_by_role("link", name="Back to the draft").click()

    page.get_by_role("button", name="compare with version 1").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("From version 1 to version 2")
    expect(page.locator(".change")).to_contain_text("Asks something else")
    expect(page.locator(".change h2 del")).to_contain_text(ASKED)
    expect(page.locator(".change h2 ins")).to_contain_text(CLEARER)
    expect(page.locator(".change")).to_have_count(1)
    page.get_by_text("The text, line by line").click()
    expect(page.locator(".line-new")).to_contain_text(CLEARER)
    shoot(page, "workshop-compare")


def test_text_that_is_not_saved_survives_a_reload(sign_in: SignIn, site: Site) -> None:
    member = make_lead()
    start_draft(member.project, member.user)
    page = sign_in(member.user)
    page.goto(workshop(site, member))
    rewrite(page, ASKED, CLEARER)
    page.reload()
    expect(page.locator("#restored")).to_contain_text("Text that you had not saved is back")
    assert CLEARER in source(page)
    expect(page.locator("#drawn")).to_contain_text(CLEARER)
    shoot(page, "workshop-restored")
    page.get_by_role("button", name="Show what is saved instead").click()
    expect(page.locator("#restored")).to_be_hidden()
    assert source(page) == default_source()
    page.reload()
    expect(page.locator("#drawn")).to_contain_text(ASKED)
    expect(page.locator("#restored")).to_be_hidden()


def test_two_leads_do_not_write_over_each_other(sign_in: SignIn, site: Site) -> None:
    member = make_lead()
    other = make_member(member.project, Role.LEAD).user
    draft = start_draft(member.project, member.user)
    page = sign_in(member.user, forgive="409")
    page.goto(workshop(site, member))
    theirs = default_source().replace("\ntitle: ", "\n# Mine, says the other\ntitle: ")
    assert save_draft(member.project, theirs, draft_digest(draft), other).stored
    rewrite(page, ASKED, CLEARER, f"{other.username} has saved another text since you began")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("heading", level=1)).to_have_text("Somebody else has saved the draft")
    expect(page.get_by_label(f"The text that {other.username} saved")).to_have_value(theirs)
    expect(page.locator(".line-new", has_text=CLEARER)).to_have_count(1)
    expect(page.locator(".line-gone", has_text="Mine, says the other")).to_have_count(1)
    shoot(page, "workshop-conflict")
    # What the other added is taken over by hand.
    rewrite(page, "\ntitle: ", "\n# Mine, says the other\ntitle: ")
    page.keyboard.press("Control+s")
    expect(page.get_by_text("The draft is saved.")).to_be_visible()
    draft.refresh_from_db()
    assert draft.source == theirs.replace(ASKED, CLEARER)
    expect(page.locator("#restored")).to_be_hidden()


def test_draft_that_is_gone_leaves_the_text(sign_in: SignIn, site: Site) -> None:
    member = make_lead()
    draft = start_draft(member.project, member.user)
    page = sign_in(member.user, forgive="409")
    page.goto(workshop(site, member))
    rewrite(page, ASKED, CLEARER)
    draft.delete()
    page.keyboard.press("Control+s")
    expect(page.get_by_role("heading", level=1)).to_have_text("The draft is gone")
    shoot(page, "workshop-gone")
    page.get_by_role("button", name="Start a new draft with this text").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Draft of version 2")
    again = draft_of(member.project)
    assert again is not None
    assert CLEARER in again.source


def test_save_that_fails_keeps_the_text(sign_in: SignIn, site: Site) -> None:
    member = make_lead()
    start_draft(member.project, member.user)
    page = sign_in(member.user, forgive="ERR_FAILED|htmx:")
    page.goto(workshop(site, member))
    rewrite(page, ASKED, CLEARER, "Asks something else")
    page.route("**/draft/", lambda route: route.abort())
    page.keyboard.press("Control+s")
    expect(page.locator("#trouble")).to_contain_text("could not be reached")
    expect(page.locator("#unsaved")).to_be_visible()
    page.unroute("**/draft/")
    page.context.clear_cookies(name="winnow_session")
    page.keyboard.press("Control+s")
    expect(page.locator("#trouble")).to_contain_text("you are signed out")
    shoot(page, "workshop-signed-out")
    assert CLEARER in source(page)


def test_keys_of_the_text(sign_in: SignIn, site: Site) -> None:
    member = make_lead()
    start_draft(member.project, member.user)
    page = sign_in(member.user)
    page.goto(workshop(site, member))
    area = page.get_by_label("The guideline, in YAML")
    area.fill("")
    page.keyboard.type("questions:\nneed:\nask: It\nhelp: Look")
    assert area.input_value() == "questions:\n  need:\n    ask: It\n    help: Look"
    page.keyboard.press("Shift+Tab")
    assert area.input_value().endswith("\n  help: Look")
    page.keyboard.press("Tab")
    assert area.input_value().endswith("\n  help: Look  ")
    page.keyboard.press("Control+a")
    page.keyboard.press("Tab")
    assert area.input_value() == "  questions:\n    need:\n      ask: It\n    help: Look  "
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Control+z")
    assert area.input_value().startswith("  questions:")
    expect(page.locator("#source .gutter span")).to_have_count(4)
    expect(area).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(area).not_to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(area).to_be_focused()


def test_example_is_added_by_a_form(sign_in: SignIn, site: Site) -> None:
    member = make_lead()
    page = sign_in(member.user)
    page.goto(workshop(site, member) + "example/")
    page.get_by_label("Question and answer").select_option("type:no")
    page.get_by_label("Query").fill("usb hub: 4 ports")
    page.get_by_label("Product").fill("USB cable, 1 m")
    page.get_by_label("Why").fill("A cable is no hub.")
    shoot(page, "workshop-example")
    page.get_by_role("button", name="Add the example").click()
    expect(page.get_by_text("The example is in the draft, at the question type.")).to_be_visible()
    assert '- query: "usb hub: 4 ports"\n        product: USB cable, 1 m\n' in source(page)
    expect(page.locator("#question-type")).to_contain_text("Help and 5 worked examples")


def test_workshop_works_without_scripts(sign_in: SignIn, site: Site) -> None:
    member = make_lead()
    page = sign_in(member.user, java_script_enabled=False)
    page.goto(workshop(site, member))
    page.get_by_role("button", name="Start a draft from version 1").click()
    area = page.get_by_label("The guideline, in YAML")
    area.fill(default_source().replace(ASKED, CLEARER).replace("start: need", "start: needs"))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#checked")).to_contain_text("there is no question 'needs'")
    expect(page.locator("#checked")).to_contain_text("The tree shown is that of version 1.")
    page.get_by_role("button", name="try it out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The draft cannot be tried out yet")
    shoot(page, "workshop-untried")
    page.get_by_role("link", name="Back to the draft").click()
    area.fill(area.input_value().replace("start: needs", "start: need"))
    page.get_by_role("button", name="try it out").click()
    page.get_by_label("Query").fill("red hat")
    page.get_by_label("Product").fill("Blue hat")
    page.get_by_role("button", name="Try this pair").click()
    for step in PATHS["S"].split(","):
        page.locator(f'button[name="answer"][value="{step}"]').click()
    expect(page.locator(".tried")).to_contain_text("Substitute")
    expect(page.locator(".query-text")).to_have_text("red hat")
    page.get_by_role("link", name="Walk again").click()
    page.locator("#skip summary").click()
    page.get_by_role("button", name="I cannot read the language").click()
    expect(page.locator(".tried")).to_contain_text("I cannot read the language")
    page.get_by_role("link", name="Back to the draft").click()
    page.get_by_text("Discard…").click()
    shoot(page, "workshop-discard")
    page.get_by_role("button", name="Discard the draft of version 2").click()
    expect(page.get_by_text("The draft is discarded.")).to_be_visible()
    assert draft_of(member.project) is None


def test_annotator_reads_the_history(sign_in: SignIn, site: Site) -> None:
    lead = make_lead()
    publish_guideline(
        lead.project, default_source().replace(ASKED, CLEARER).replace("label: E}", "label: S}"), lead.user
    )
    publish_guideline(lead.project, default_source(), lead.user)
    page = sign_in(make_member(lead.project).user)
    page.goto(f"{site.url}/p/{lead.project.slug}/guideline/")
    expect(page.get_by_role("row", name=re.compile("^3"))).to_contain_text("In use")
    page.get_by_label("Compare version").select_option("1")
    page.get_by_label("with version").select_option("2")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("From version 1 to version 2")
    expect(page.locator(".change")).to_have_count(2)
    expect(page.locator(".led")).to_contain_text("Exact")
    expect(page.locator(".led")).to_contain_text("Substitute")
    shoot(page, "guideline-compare")
    page.get_by_role("link", name="2", exact=True).click()
    expect(page.get_by_text("This is an earlier version. Version 3 is in use.")).to_be_visible()
    expect(page.locator("#question-type")).to_contain_text(CLEARER)
    shoot(page, "guideline-version")


def test_refusal_to_save_goes_when_what_it_is_about_is_mended(sign_in: SignIn, site: Site) -> None:
    member = make_lead()
    start_draft(member.project, member.user)
    page = sign_in(member.user)
    page.goto(workshop(site, member))
    before = source(page)
    page.get_by_label("The guideline, in YAML").fill("")
    page.get_by_role("button", name="Save", exact=True).click()
    refused = page.locator("#saved .problem")
    expect(refused).to_contain_text("Not saved. This field is required.")
    page.get_by_label("The guideline, in YAML").fill(before + "# mended")
    expect(refused).to_have_count(0)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#saved")).to_contain_text("Saved at")
