"""A real browser against a real site."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from labeling.models import User
from tests.conftest import Site

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PASSWORD = "quiet-harbour-91"
SHOTS = os.environ.get("SHOTS")  # a folder for pictures of every page, to look at

SignIn = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium; skip where there is none."""
    if CHROMIUM is None:
        pytest.skip("There is no Chromium. On Debian and Ubuntu: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        # Playwright keeps an event loop in this thread; the database is only used from the test's own code.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        yield browser
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
        browser.close()


@pytest.fixture
def sign_in(browser: Browser, site: Site, committed: None) -> Iterator[SignIn]:
    """Sign somebody in through the form, in a window of their own; fail on any error in the page's console.

    `forgive` is a pattern of errors that the test brings about. Annotators go on from their home to the desk, unless
    they are to `stay`.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_window(user: User, forgive: str = "$^", stay: bool = False, **options: object) -> Page:
        def note(text: str) -> None:
            if not re.search(forgive, text):
                errors.append(text)

        user.set_password(PASSWORD)
        user.save()
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: note(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: note(str(error)))
        page.goto(f"{site.url}/accounts/login/")
        page.get_by_label("Username").fill(user.username)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(r"^(?!.*login).*$"))
        begin = page.locator("a.button-big")
        if not stay and page.url.endswith("/start/") and begin.count():
            begin.click()
            page.wait_for_url(re.compile(r"^(?!.*/start/).*$"))
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert errors == []


def sign_over(page: Page, user: User) -> None:
    """Sign out who is signed in in a window, and somebody in who has the PASSWORD."""
    page.locator(".account summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"^(?!.*login).*$"))


def shoot(page: Page, name: str) -> None:
    """Save a picture of the whole page, wide, phone and dark, if SHOTS names a folder."""
    if not SHOTS:
        return
    Path(SHOTS).mkdir(parents=True, exist_ok=True)
    before = page.viewport_size
    for variant, width, height, scheme in (
        ("wide", 1280, 900, "light"),
        ("phone", 390, 844, "light"),
        ("dark", 1280, 900, "dark"),
    ):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.wait_for_timeout(150)
        # A chart for dark pages is another picture, which has to come first.
        page.evaluate("() => Promise.all([...document.images].map((image) => image.decode().catch(() => null)))")
        page.screenshot(path=f"{SHOTS}/{name}-{variant}.png", full_page=True, caret="initial")
    page.emulate_media(color_scheme="light")
    if before:
        page.set_viewport_size(before)
