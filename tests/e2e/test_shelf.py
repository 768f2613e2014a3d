"""All products of a query on one page, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from labeling.models import Judgment, Membership, Pair, Project, Skip, Slot
from tests.conftest import Site
from tests.e2e.conftest import PASSWORD, SignIn, shoot, sign_over
from tests.making import PATHS, make_member, make_pair, make_project, make_round

pytestmark = [pytest.mark.browser, pytest.mark.worker]

KEYS = {"yes": "y", "no": "n"}
TITLES = (
    "Logitech M185 Compact Wireless Mouse, 2.4 GHz with USB Mini Receiver, 12-Month Battery Life",
    "Mouse pad, extra large, stitched edges",
    "Verbatim Silent Wireless Mouse, small hands",
    "USB-C hub with four ports",
    "Trackball for the left hand, wireless, quiet buttons",
    "Logitech Pebble M350 Slim Bluetooth Mouse",
    "Mouse trap, pack of six",
    "Spare receiver for Unifying mice",
)


def shelf_of(products: int = 8, **settings: object) -> tuple[Project, Membership]:
    """Make a project for shelves with two queries."""
    project = make_project(**({"desk": "shelf"} | settings))
    pairs = [make_pair(project, "logitech wireless mouse small", title) for title in TITLES[:products]]
    pairs += [make_pair(project, "garden hose") for _ in range(2)]
    make_round(project, pairs, stream="active")
    return project, make_member(project)


def press_path(page: Page, path: str) -> None:
    """Answer every question of the active card with its key."""
    for step in path.split(","):
        question, answer = step.split(":")
        expect(page.locator(f'[aria-current] [data-question="{question}"]')).to_be_visible()
        page.keyboard.press(KEYS[answer])


def products_on(page: Page) -> list[str | None]:
    return [card.get_attribute("data-product") for card in page.locator(".shelf-card").all()]


def active_on(page: Page) -> str | None:
    return page.locator('.shelf-card[aria-current="true"]').get_attribute("data-product")


def test_shelf_of_eight_is_judged_by_keyboard_alone(sign_in: SignIn) -> None:
    _, member = shelf_of()
    page = sign_in(member.user)
    expect(page.locator(".shelf-card")).to_have_count(8)
    shoot(page, "shelf")
    order = products_on(page)
    given = dict(zip(order, "ESCIESCI", strict=True))
    for at, product in enumerate(order[:3]):
        assert active_on(page) == product
        press_path(page, PATHS[given[product]])
        expect(page.locator("[data-done]")).to_have_text(str(at + 1))
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    shoot(page, "shelf-keys")
    page.keyboard.press("?")

    page.keyboard.press("k")
    assert active_on(page) == order[2]
    page.keyboard.press("u")
    expect(page.locator('[aria-current] [data-question="together"]')).to_be_visible()
    expect(page.locator("[data-done]")).to_have_text("2")
    shoot(page, "shelf-undone")
    page.reload()
    assert products_on(page) == order
    assert active_on(page) == order[2]
    expect(page.locator('.shelf-card[data-state="done"]')).to_have_count(2)
    press_path(page, PATHS["C"].split(",")[-1])

    page.keyboard.press("s")
    page.keyboard.press("2")
    expect(page.locator("[data-done]")).to_have_text("4")
    for product in order[4:]:
        assert active_on(page) == product
        press_path(page, PATHS[given[product]])
    expect(page.get_by_role("link", name="Next query")).to_be_visible()
    shoot(page, "shelf-done")
    live = Judgment.objects.filter(annotator=member.user, retired_at__isnull=True)
    stored = dict(live.values_list("pair__product__external_id", "label__key"))
    assert stored == {product: given[product] for product in order if product != order[3]}
    assert Skip.objects.get(annotator=member.user).pair.product.external_id == order[3]
    assert all(0 < judgment.seconds < 60 for judgment in live)

    page.keyboard.press("Enter")
    expect(page.get_by_text("garden hose")).to_be_visible()
    expect(page.locator(".shelf-card")).to_have_count(2)
    press_path(page, PATHS["E"])
    expect(page.locator("[data-done]")).to_have_text("1")


def test_shelf_walks_without_a_request_and_keeps_half_walks_over_a_reload(sign_in: SignIn) -> None:
    _, member = shelf_of()
    page = sign_in(member.user)
    page.wait_for_load_state("networkidle")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    press_path(page, "need:yes,type:yes,conflict:yes")
    page.keyboard.press("Backspace")
    expect(page.locator('[aria-current] [data-question="conflict"]')).to_be_visible()
    page.keyboard.press("j")
    press_path(page, "need:yes")
    assert requests == []
    page.reload()
    expect(page.locator('.shelf-card [data-question="conflict"]')).to_have_count(1)
    expect(page.locator('.shelf-card [data-question="type"]')).to_have_count(1)
    drafts = Slot.objects.filter(annotator=member.user).exclude(draft="").values_list("draft", flat=True)
    assert sorted(drafts) == ["need:yes", "need:yes,type:yes"]


def test_shelf_loses_no_answer_while_the_server_is_away(sign_in: SignIn) -> None:
    _, member = shelf_of()
    page = sign_in(member.user, forgive="503")
    order = products_on(page)
    page.route("**/judge/", lambda route: route.fulfill(status=503, body="away"))
    for label in "ESC":
        press_path(page, PATHS[label])
    expect(page.get_by_text("Your answer is kept here", exact=False).first).to_be_visible()
    assert active_on(page) == order[3]
    shoot(page, "shelf-unsent")
    assert not Judgment.objects.filter(annotator=member.user).exists()
    page.unroute("**/judge/")
    expect(page.locator('.shelf-card[data-state="done"]')).to_have_count(3)
    expect(page.get_by_text("Your answer is kept here", exact=False)).to_have_count(0)
    stored = Judgment.objects.filter(annotator=member.user).values_list("pair__product__external_id", "label__key")
    assert dict(stored) == dict(zip(order, "ESC", strict=False))


def test_shelf_sends_after_a_reload_what_had_not_arrived(sign_in: SignIn) -> None:
    _, member = shelf_of()
    page = sign_in(member.user, forgive="ERR_FAILED|Failed to fetch")
    page.on("dialog", lambda dialog: dialog.accept())
    page.route("**/judge/", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    press_path(page, PATHS["I"])
    expect(page.get_by_text("the server cannot be reached", exact=False)).to_be_visible()
    page.unroute("**/judge/")
    page.reload()
    expect(page.locator('.shelf-card[data-state="done"]')).to_have_count(1)
    assert Judgment.objects.get(annotator=member.user).label.key == "I"


def test_unsent_answer_waits_while_somebody_else_is_at_the_shelf(sign_in: SignIn) -> None:
    project, member = shelf_of()
    page = sign_in(member.user, forgive="ERR_FAILED|Failed to fetch")
    page.on("dialog", lambda dialog: dialog.accept())
    shelf = page.url
    page.route("**/judge/", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    press_path(page, PATHS["I"])
    expect(page.get_by_text("the server cannot be reached", exact=False)).to_be_visible()
    page.unroute("**/judge/")
    page.evaluate("localStorage.setItem('shelf-unsent:torn', '{\"url\":')")
    other = make_member(project).user
    other.set_password(PASSWORD)
    other.save()
    page.goto(shelf.replace("/judge/", "/guideline/"))
    sign_over(page, other)
    page.goto(shelf)
    press_path(page, PATHS["E"])
    expect(page.locator('.shelf-card[data-state="done"]')).to_have_count(1)
    assert Judgment.objects.get(project=project).annotator == other
    sign_over(page, member.user)
    page.goto(shelf)
    expect(page.locator('.shelf-card[data-state="done"]')).to_have_count(1)
    assert Judgment.objects.get(annotator=member.user).label.key == "I"


def test_desk_that_was_open_goes_on_to_the_shelf(sign_in: SignIn) -> None:
    project, member = shelf_of(desk="pair")
    page = sign_in(member.user)
    expect(page.locator("#desk")).to_be_visible()
    Project.objects.filter(pk=project.pk).update(desk="shelf")
    for step in PATHS["I"].split(","):
        page.locator(f'button[name="answer"][value="{step}"]').click()
    expect(page.locator("#shelf")).to_be_visible()
    assert Judgment.objects.get(annotator=member.user).label.key == "I"
    assert not page.evaluate("Object.keys(sessionStorage).some((name) => name.startsWith('unsent:'))")


def test_shelf_works_without_a_script(sign_in: SignIn) -> None:
    project, member = shelf_of(products=2)
    page = sign_in(member.user, java_script_enabled=False)
    expect(page.locator(".shelf-card")).to_have_count(2)
    shoot(page, "shelf-no-script")
    first = page.locator(f'.shelf-card[data-product="{products_on(page)[0]}"]')
    for step in PATHS["S"].split(","):
        first.locator(f'button[name="answer"][value="{step}"]').click()
    expect(first.get_by_text("Substitute")).to_be_visible()
    first.get_by_role("button", name="Change").click()
    first.get_by_role("button", name="Back").click()
    first.locator('button[name="answer"][value="conflict:no"]').click()
    first.locator('button[name="answer"][value="silent:no"]').click()
    assert Judgment.objects.get(annotator=member.user, retired_at__isnull=True).label.key == "E"
    second = page.locator('.shelf-card[data-state="open"]')
    second.locator("summary", has_text="Skip").click()
    second.locator('button[name="reason"]').first.click()
    expect(page.get_by_text("garden hose")).to_be_visible()
    assert Pair.objects.filter(skips__annotator=member.user).count() == 1
    expect(page).to_have_url(re.compile(f"/p/{project.slug}/judge/"))


def test_shelf_on_a_phone_is_one_column(sign_in: SignIn, site: Site) -> None:
    _, member = shelf_of(products=3)
    page = sign_in(member.user, viewport={"width": 390, "height": 844}, has_touch=True)
    boxes = [card.bounding_box() for card in page.locator(".shelf-card").all()]
    assert len({box["x"] for box in boxes if box}) == 1
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.locator('.shelf-card button[name="answer"][value="need:yes"]').first.tap()
    expect(page.locator('[aria-current] [data-question="type"]')).to_be_visible()


def test_shelf_takes_the_keys_that_a_person_chose(sign_in: SignIn) -> None:
    _, member = shelf_of(products=3)
    member.user.keys = {"next": "l", "yes": "o", "skip": "x"}
    page = sign_in(member.user)
    order = products_on(page)
    page.keyboard.press("l")
    assert active_on(page) == order[1]
    page.keyboard.press("ArrowLeft")
    assert active_on(page) == order[0]
    page.keyboard.press("o")
    expect(page.locator('[aria-current] [data-question="type"]')).to_be_visible()
    page.keyboard.press("x")
    page.get_by_label(re.compile("Note")).first.press_sequentially("o 1 x")
    page.keyboard.press("Escape")
    page.keyboard.press("Backspace")
    expect(page.locator('[aria-current] [data-question="need"]')).to_be_visible()
    assert not Judgment.objects.filter(annotator=member.user).exists()
    assert not Skip.objects.filter(annotator=member.user).exists()
