"""The pages in Spanish and Japanese, in a real browser: nothing is too wide, and the keys are the same."""

import pytest
from playwright.sync_api import Browser, Page, expect

from labeling.actions.audits import draw_audit
from labeling.models import Judgment, Membership, Role, Skip
from tests.conftest import Site
from tests.e2e.conftest import SignIn, shoot
from tests.e2e.test_annotator import KEYS, next_pair, pair_on, press_path
from tests.e2e.test_auditor import champion_that_says_exact
from tests.making import PATHS, make_member, make_pair, make_project, make_round

pytestmark = [pytest.mark.browser, pytest.mark.worker]

FIRST_QUESTION = {"es": "¿Se entiende qué quiere el comprador?", "ja": "買い物客が何を求めているか分かりますか。"}
SIGN_IN = {"es": "Iniciar sesión en Winnow", "ja": "Winnowにサインイン"}
QUERIES = {
    "es": ("es", "auriculares con cancelación de ruido sin micrófono", "Auriculares inalámbricos over-ear, negro"),
    "ja": (
        "jp",
        "ノイズキャンセリング イヤホン マイクなし",
        "ワイヤレスイヤホン ノイズキャンセリング機能付き ブラック",
    ),
}
CLOSED = {"es": "No tiene acceso a esta página", "ja": "このページは開けません"}
LABELS = {"es": ("Sustituto", "Exacto"), "ja": ("代替品", "完全一致")}
both = pytest.mark.parametrize("language", ["es", "ja"])


def member_who_reads(language: str, pairs: int = 4) -> Membership:
    """Make an annotator with a choice of language, and pairs of that language on the queue."""
    project = make_project(overlap=2)
    locale, query, title = QUERIES[language]
    make_round(project, [make_pair(project, f"{query} {number}", title, locale) for number in range(pairs)])
    member = make_member(project, Role.ANNOTATOR)
    member.user.language = language
    return member


def expect_to_fit(page: Page) -> None:
    """Expect a page that is not wider than a phone."""
    before = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{page.url} is {wider} px wider than a phone"
    assert before is not None
    page.set_viewport_size(before)


@both
def test_desk_is_worked_by_the_same_keys(sign_in: SignIn, language: str) -> None:
    member = member_who_reads(language)
    page = sign_in(member.user)
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.get_by_role("heading", name=FIRST_QUESTION[language])).to_be_visible()
    shoot(page, f"desk-{language}")
    expect_to_fit(page)
    page.keyboard.press("h")
    shoot(page, f"desk-help-{language}")
    page.keyboard.press("h")
    page.keyboard.press("?")
    shoot(page, f"desk-keys-{language}")
    page.keyboard.press("?")
    page.keyboard.press("g")
    expect(page.locator("#guide")).to_contain_text(FIRST_QUESTION[language])
    shoot(page, f"desk-guide-{language}")
    page.keyboard.press("Escape")
    for label in ("E", "C"):
        pair = pair_on(page)
        press_path(page, PATHS[label])
        next_pair(page, pair)
    live = Judgment.objects.filter(annotator=member.user, retired_at__isnull=True).order_by("id")
    assert list(live.values_list("label__key", flat=True)) == ["E", "C"]
    page.keyboard.press("u")
    expect(page.locator(f'article.pair[data-product="{pair[1]}"]')).to_be_visible()
    assert live.count() == 1
    page.keyboard.press("s")
    shoot(page, f"desk-skip-{language}")
    expect_to_fit(page)
    page.keyboard.press("2")
    next_pair(page, pair)
    assert Skip.objects.get(annotator=member.user).reason == "needs_evidence"


@both
def test_shelf_is_worked_by_the_same_keys(sign_in: SignIn, language: str) -> None:
    locale, query, title = QUERIES[language]
    project = make_project(desk="shelf")
    make_round(project, [make_pair(project, query, f"{title} {number}", locale) for number in range(3)], "active")
    member = make_member(project)
    member.user.language = language
    page = sign_in(member.user)
    expect(page.locator(".shelf-card")).to_have_count(3)
    shoot(page, f"shelf-{language}")
    expect_to_fit(page)
    for step in PATHS["E"].split(","):
        question, answer = step.split(":")
        expect(page.locator(f'[aria-current] [data-question="{question}"]')).to_be_visible()
        page.keyboard.press(KEYS[answer])
    expect(page.locator("[data-done]")).to_have_text("1")
    expect(page.locator('[data-state="done"]')).to_contain_text(LABELS[language][1])
    shoot(page, f"shelf-one-{language}")
    assert Judgment.objects.get(annotator=member.user).path == PATHS["E"]


@both
def test_pages_fit_a_phone_in_every_language(sign_in: SignIn, site: Site, language: str) -> None:
    member = member_who_reads(language)
    page = sign_in(member.user)
    for name in ("start", "judge", "work", "guideline"):
        page.goto(f"{site.url}/p/{member.project.slug}/{name}/")
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect_to_fit(page)
        if name == "guideline":
            page.locator("details.fold").first.evaluate("fold => { fold.open = true }")
        shoot(page, f"{name}-{language}")
    page.goto(f"{site.url}/account/")
    expect_to_fit(page)
    shoot(page, f"account-{language}")


@both
def test_sign_in_page_can_be_switched(browser: Browser, site: Site, committed: None, language: str) -> None:
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{site.url}/accounts/login/")
    expect(page.get_by_role("heading", name="Sign in to Winnow")).to_be_visible()
    page.locator(f'button[name="language"][value="{language}"]').click()
    expect(page.get_by_role("heading", name=SIGN_IN[language])).to_be_visible()
    shoot(page, f"sign-in-{language}")
    expect_to_fit(page)
    context.close()
    context = browser.new_context(locale={"es": "es-MX", "ja": "ja-JP"}[language])
    page = context.new_page()
    page.goto(f"{site.url}/accounts/login/")
    expect(page.get_by_role("heading", name=SIGN_IN[language])).to_be_visible()
    context.close()


@both
def test_closed_page_helps_in_the_persons_language(sign_in: SignIn, site: Site, language: str) -> None:
    member = member_who_reads(language)
    page = sign_in(member.user, forgive="403")
    page.goto(f"{site.url}/p/{member.project.slug}/settings/")
    expect(page.get_by_role("heading", name=CLOSED[language])).to_be_visible()
    shoot(page, f"403-{language}")
    expect_to_fit(page)


@both
def test_auditor_reads_the_verdict_in_their_language(sign_in: SignIn, site: Site, language: str) -> None:
    project = make_project(loop_enabled=False)
    champion_that_says_exact(project, 2)
    auditor = make_member(project, Role.AUDITOR)
    draw_audit(project, 50, 1, auditor.user)
    auditor.user.language = language
    page = sign_in(auditor.user)
    press_path(page, PATHS["S"])
    verdict = page.locator('[data-question="verdict"]')
    expect(verdict).to_contain_text(LABELS[language][0])
    expect(verdict).to_contain_text(LABELS[language][1])
    shoot(page, f"verdict-{language}")
    expect_to_fit(page)
    page.goto(f"{site.url}/p/{project.slug}/audits/")
    shoot(page, f"audits-{language}")
    expect_to_fit(page)
