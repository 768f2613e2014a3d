"""What the desk's scripts do when the way to the server fails: the real pages before a server that can be told to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

pytestmark = pytest.mark.browser

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
DESK = "/p/shop/judge/"


def _question(name: str, yes: str, no: str) -> dict[str, Any]:
    answers = [
        {"key": "yes", "text": "Yes", "next": yes},
        {"key": "no", "text": "No", "next": no},
    ]
    return {"id": name, "ask": f"Ask {name}?", "help": "", "answers": answers, "examples": []}


GUIDELINE = {
    "id": 1,
    "questions": [
        _question("need", "question:type", "skip:unclear"),
        _question("type", "label:E", "label:I"),
    ],
    "skips": [{"key": "unclear", "text": "Unclear"}],
}


@dataclass
class Server:
    """What the server holds, and how it is told to fail: a status, "sign-in", "taken", "lost reply" or "" for not."""

    fails: str = ""
    token: str = "first"
    url: str = ""
    posts: list[dict[str, str]] = field(default_factory=list)
    stored: dict[str, str] = field(default_factory=dict)

    def desk(self, whole: bool, problem: str = "") -> str:
        """Render the pair after those that are stored."""
        number = len(self.stored) + 1
        context = {
            "project": SimpleNamespace(slug="shop", name="Shop"),
            "csrf_token": self.token,
            "slot": {"id": number, "key": f"key-{number}"},
            "query": {"text": f"query {number}", "locale": "us"},
            "product": {"external_id": f"P{number}", "title": f"Product {number}"},
            "guideline": GUIDELINE,
            "current": "need",
            "path": "",
            "trail": [],
            "today": len(self.stored),
            "waiting": 9,
            "step": f"judgment:{len(self.stored)}" if self.stored else "",
            "problem": problem,
        }
        return render_to_string("judge/page.html" if whole else "judge/desk.html", context)

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, str]:
        """Take a form; return the status and the body."""
        self.posts.append(form)
        if form["csrfmiddlewaretoken"] != self.token:
            return 403, "The token is void."
        if self.fails == "taken":
            return 200, self.desk(whole=False, problem="Others had judged that pair before.")
        if self.fails == "sign-in":
            return 200, "<form>Sign in</form>"
        if self.fails == "lost reply":
            self.stored.popitem()
            return 502, "What was done is not known."
        if self.fails:
            return int(self.fails), "Nothing was stored: no."
        if path.endswith("/undo/"):
            if form["step"] == f"judgment:{len(self.stored)}":
                self.stored.popitem()
        else:
            self.stored[form["key"]] = ",".join(filter(None, (form["path"], form.get("answer"))))
        return 200, self.desk(whole=False)


class Handler(BaseHTTPRequestHandler):
    """Speaks for the Server that its own server carries."""

    @property
    def state(self) -> Server:
        return self.server.state  # type: ignore[attr-defined,no-any-return]

    def do_GET(self) -> None:
        if self.path.startswith("/static/"):
            found = Path(str(finders.find(self.path.removeprefix("/static/"))))
            self._reply(200, found.read_bytes(), KINDS[found.suffix])
        else:
            self._reply(200, self.state.desk(whole=True).encode(), "text/html")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        status, html = self.state.answer(self.path, dict(parse_qsl(body, keep_blank_values=True)))
        self._reply(status, html.encode(), "text/html")

    def _reply(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the browser's own words are what is tested."""


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.state = found  # type: ignore[attr-defined]
    found.url = f"http://127.0.0.1:{listening.server_port}{DESK}"
    thread = Thread(target=listening.serve_forever)
    thread.start()
    yield found
    listening.shutdown()
    listening.server_close()
    thread.join()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    found = browser.new_context()
    found.set_default_timeout(15_000)
    yield found
    found.close()


@pytest.fixture
def page(context: BrowserContext, server: Server) -> Page:
    found = context.new_page()
    found.on("dialog", lambda dialog: dialog.accept())
    found.goto(server.url)
    return found


def press(page: Page, keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def expect_query(page: Page, number: int) -> None:
    expect(page.locator(".query-text")).to_have_text(f"query {number}")


def test_key_is_answered_within_a_tenth_of_a_second(page: Page) -> None:
    painted = page.evaluate(
        """async () => {
            const start = performance.now();
            document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "y", bubbles: true, cancelable: true}));
            const asked = document.querySelector("[data-question=type]").hidden === false;
            await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
            return asked ? performance.now() - start : null;
        }"""
    )
    assert painted is not None
    assert painted < 100


@pytest.mark.parametrize(
    ("event", "question"),
    [
        ('{key: "y"}', "type"),
        ('{key: "Y", shiftKey: true}', "type"),
        ('{key: "1"}', "type"),
        ('{key: "ん", code: "KeyY"}', "type"),
        ('{key: "y", isComposing: true}', "need"),
        ('{key: "y", ctrlKey: true}', "need"),
        ('{key: "y", repeat: true}', "need"),
        ('{key: "7"}', "need"),
    ],
)
def test_only_a_plain_key_answers(page: Page, event: str, question: str) -> None:
    page.evaluate(
        f"document.body.dispatchEvent(new KeyboardEvent('keydown', {{bubbles: true, cancelable: true, ...{event}}}))"
    )
    expect(page.locator(f"[data-question={question}]")).to_be_visible()


def test_keys_can_be_switched_off_and_stay_off(page: Page, server: Server) -> None:
    page.keyboard.press("?")
    page.get_by_label("Answer with single keys").uncheck()
    page.reload()
    press(page, "y")
    expect(page.locator("[data-question=need]")).to_be_visible()


def test_focus_goes_to_the_question_and_the_next_pair_is_said(page: Page) -> None:
    press(page, "y")
    expect(page.locator("[data-question=type] h2")).to_be_focused()
    press(page, "y")
    expect(page.locator("[data-question=need] h2")).to_be_focused()
    expect(page.locator("#said")).to_have_text("Next pair. Query: query 2. Product: Product 2.")


def test_way_back_marks_the_answer_before(page: Page) -> None:
    press(page, "y")
    expect(page.locator(".trail")).to_have_text(re.compile("need Yes"))
    page.keyboard.press("Backspace")
    expect(page.locator("[data-question=need] .answer.before")).to_have_text(re.compile("Yes"))
    expect(page.locator(".trail li")).to_have_count(0)


def test_answer_given_offline_is_sent_by_itself_with_its_own_key(
    page: Page, context: BrowserContext, server: Server
) -> None:
    context.set_offline(True)
    press(page, "yn")
    expect(page.get_by_role("alert")).to_contain_text("the server cannot be reached")
    context.set_offline(False)
    expect_query(page, 2)
    assert server.stored == {"key-1": "need:yes,type:no"}
    expect(page.get_by_role("alert")).to_be_empty()


def test_no_other_answer_is_taken_while_one_is_unsent(page: Page, server: Server) -> None:
    server.fails = "503"
    press(page, "yn")
    expect(page.get_by_role("alert")).to_contain_text("the server had a problem")
    page.keyboard.press("Backspace")
    press(page, "yyu")
    server.fails = ""
    page.get_by_role("button", name="Send again").click()
    expect_query(page, 2)
    assert server.stored == {"key-1": "need:yes,type:no"}
    assert {post["key"] for post in server.posts} == {"key-1"}


def test_answer_on_its_way_is_not_sent_again(page: Page, server: Server) -> None:
    held: list[Route] = []
    page.route("**/judge/", lambda route: held.append(route))
    press(page, "yn")
    for _ in range(100):
        if held:
            break
        page.wait_for_timeout(50)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    page.wait_for_timeout(300)
    for route in held:
        route.continue_()
    expect_query(page, 2)
    assert len(held) == len(server.posts) == 1


def test_unsent_answer_survives_loading_the_page_again(page: Page, server: Server) -> None:
    server.fails = "503"
    press(page, "yn")
    expect(page.get_by_role("alert")).to_contain_text("Your answer is kept here")
    server.fails = ""
    page.reload()
    expect_query(page, 2)
    assert server.stored == {"key-1": "need:yes,type:no"}
    page.reload()
    expect_query(page, 2)


@pytest.mark.parametrize("fails", ["sign-in", "403"])
def test_answer_waits_for_the_person_to_sign_in_again(page: Page, server: Server, fails: str) -> None:
    server.fails = fails
    press(page, "yn")
    expect(page.get_by_role("alert")).to_contain_text("you are signed out")
    server.fails, server.token = "", "second"
    page.get_by_role("button", name="Send again").click()
    expect_query(page, 2)
    assert server.stored == {"key-1": "need:yes,type:no"}
    assert server.posts[-1]["csrfmiddlewaretoken"] == "second"


def test_refused_answer_is_not_sent_again(page: Page, server: Server) -> None:
    server.fails = "400"
    press(page, "yn")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was stored")
    server.fails = ""
    page.get_by_role("button", name="Load again").click()
    expect(page.get_by_role("alert")).to_be_empty()
    expect_query(page, 1)
    assert len(server.posts) == 1


def test_undo_of_unknown_outcome_is_sent_again_and_counts_once(page: Page, server: Server) -> None:
    press(page, "yn")
    expect_query(page, 2)
    press(page, "yn")
    expect_query(page, 3)
    server.fails = "lost reply"
    press(page, "u")
    expect(page.get_by_role("alert")).to_contain_text("the server had a problem")
    server.fails = ""
    expect_query(page, 2)
    assert server.stored == {"key-1": "need:yes,type:no"}
    assert [post["step"] for post in server.posts if "step" in post] == ["judgment:2", "judgment:2"]


def test_news_from_the_server_is_shown_on_the_next_desk(page: Page, server: Server) -> None:
    server.fails = "taken"
    press(page, "yn")
    expect(page.locator(".problem")).to_have_text("Others had judged that pair before.")


def test_oldest_of_many_half_walks_are_forgotten(page: Page) -> None:
    page.evaluate(
        """() => {
            for (let at = 1; at <= 53; at += 1) {
                const key = `walk:${document.body.dataset.user}:${location.pathname}:old-${at}:1`;
                localStorage.setItem(key, JSON.stringify({path: "need:yes", known: [], note: "", seconds: 0, at}));
            }
        }"""
    )
    press(page, "yn")
    expect_query(page, 2)
    left = page.evaluate("Object.keys(localStorage).filter((key) => key.includes('old-')).length")
    assert left == 50
    assert not page.evaluate("Object.keys(localStorage).some((key) => /old-[123]:/.test(key))")
