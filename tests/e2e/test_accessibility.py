"""Every page, looked at by axe-core: for every role, light and dark, wide and on a phone, and zoomed in.

A new page needs a line in PAGES; a test says so when it is missing.
"""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, Route, expect

from labeling.actions.adjudication import leave_out_pair
from labeling.actions.audits import draw_audit
from labeling.actions.inquiries import Asked, answer_inquiry, ask_lead
from labeling.actions.invitations import invite
from labeling.actions.members import add_member
from labeling.models import Adapter, Job, Judgment, Membership, Pair, ProductRevision, Project, Role
from labeling.queries.projects import published_guideline
from labeling.urls import urlpatterns
from tests.conftest import Site
from tests.e2e.conftest import SignIn
from tests.e2e.looking import PHONE, WIDE, faults, tab_stops, too_small, violations
from tests.labeling.acting import judge, make_adapter, make_members, predict
from tests.labeling.acting import judge_all as judge_pairs
from tests.labeling.actions.test_adjudication import rule
from tests.labeling.measured import estimate, make_manifest, measure, report_steps
from tests.labeling.relabeling import REWORDED, STRICT, bring_by_worker, edited, make_draft
from tests.labeling.views.test_alarms import make_alarms
from tests.making import PATHS, make_gold, make_member, make_pair, make_project, make_round

pytestmark = [pytest.mark.browser, pytest.mark.worker]

Act = Callable[[Page], None]


@dataclass(frozen=True)
class Visit:
    """A page of the furnished project: its name in urls.py, and what brings it into a state worth a look."""

    name: str
    state: str = ""
    query: str = ""
    act: Act | None = None

    @property
    def called(self) -> str:
        return f"{self.name} ({self.state})" if self.state else self.name


def press(*keys: str) -> Act:
    """Return what presses keys, one after another."""

    def act(page: Page) -> None:
        for key in keys:
            page.keyboard.press(key)

    return act


def click(selector: str, then: str = "") -> Act:
    """Return what clicks an element, and waits for another if one is named."""

    def act(page: Page) -> None:
        page.locator(selector).first.click()
        if then:
            page.locator(then).first.wait_for()

    return act


def unfold(page: Page) -> None:
    """Open all that is folded in the content."""
    page.evaluate("document.querySelectorAll('main details').forEach((details) => { details.open = true; })")


def judge_wrong(page: Page) -> None:
    """Walk to Irrelevant without keys."""
    for step in PATHS["I"].split(","):
        page.locator(f'button[name="answer"][value="{step}"]').click()


def spoil(page: Page) -> None:
    """Write nonsense into the draft, and wait until it is said to be nonsense."""
    page.locator("#id_source").press_sequentially("nonsense: [")
    page.locator("#checked .problems").wait_for()


def give_verdict(page: Page) -> None:
    judge_wrong(page)
    page.locator("#note").wait_for()


def say_why(page: Page) -> None:
    judge_wrong(page)
    page.locator("#why").wait_for()


ADJUDICATION = [
    Visit("adjudication", "unfolded", act=unfold),
    Visit("adjudicate"),
    Visit("adjudicate", "why", act=say_why),
    Visit("rulings"),
]
DESK = [
    Visit("judge"),
    Visit("judge", "skipping", act=press("s")),
    Visit("judge", "keys shown", act=press("?")),
    Visit("judge", "unfolded", act=unfold),
    Visit("judge", "half walked", act=press("y", "n")),
    Visit("judge", "asking", act=press("a")),
]
EVERYBODY = [
    Visit("home"),
    Visit("account"),
    Visit("styleguide"),
    Visit("styleguide", "account menu", act=click(".account > summary")),
    Visit("guideline", "unfolded", act=unfold),
    Visit("guideline-version", "unfolded", act=unfold),
    Visit("compare"),
]
PAGES: dict[Role, list[Visit]] = {
    Role.ANNOTATOR: [
        *EVERYBODY,
        *DESK,
        Visit("ask"),
        Visit("inquiries"),
        Visit("work"),
        Visit("work", "nothing found", query="?q=nowhere"),
        Visit("start"),
        Visit("correct"),
        Visit("training"),
        Visit("training", "a wrong answer", act=judge_wrong),
        Visit("again"),
        Visit("again", "skipping", act=press("s")),
    ],
    Role.AUDITOR: [
        *EVERYBODY,
        Visit("audits"),
        Visit("verdicts"),
        Visit("audit"),
        Visit("audit", "verdict given", act=give_verdict),
        *ADJUDICATION,
    ],
    Role.LEAD: [
        *EVERYBODY,
        Visit("alarms"),  # before pages that measure anew, which ends what is not so
        *ADJUDICATION,
        *[
            Visit(name)
            for name in (
                "project",
                "agreement",
                "rounds",
                "round",
                "pool",
                "people",
                "person",
                "set-aside",
                "gold",
                "adapters",
                "adapter",
                "audits",
                "jobs",
            )
        ],
        *[Visit(name) for name in ("job", "data", "settings", "training", "judge", "work")],
        *[Visit("inquiries"), Visit("inquiries", "unfolded", act=unfold), Visit("inquiry")],
        Visit("inquiries", "nothing found", query="?q=nowhere"),
        Visit("who-is-right", "unfolded", act=unfold),
        Visit("agreement-pairs", "those that differ", query="?differ=1"),
        Visit("agreement-pairs", "none", query="?labels=S,C"),
        Visit("job", "a training"),
        Visit("adapter", "refused", act=unfold),
        Visit("train", "unfolded", act=unfold),
        Visit("train-pairs", "unfolded", query="?split=train&label=E", act=unfold),
        Visit("adapter-learned", "none", query="?split=train&label=E"),
        Visit("adapters-beside", "unfolded", act=unfold),
        Visit("adapter-pairs", "unfolded", act=unfold),
        Visit("adapter-pairs", "none", query="?said=C&judged=I"),
        *[
            Visit(name, "unfolded", act=unfold)
            for name in ("agreement", "agreement-pairs", "project", "gold", "adapters", "adapter", "settings", "data")
        ],
        Visit("audit-log", "unfolded", act=unfold),
        Visit("audit-log", "nothing found", query="?did=project.create&by=0"),
        Visit("draft-effect", "unfolded", act=unfold),
        Visit("draft-effect", "nothing asked again", query="?chosen=1"),
        Visit("relabeling"),
        Visit("relabeling", "to be confirmed", query="?withdraw=everybody"),
        Visit("again"),
        Visit("draft"),
        Visit("draft", "unfolded", act=unfold),
        Visit("draft", "with problems", act=spoil),
        Visit("draft-example"),
        Visit("draft-try"),
        Visit("draft-try", "at its end", query="?query=red+hat&product=Blue+hat", act=judge_wrong),
        Visit("compare", "with its lines", act=unfold),
    ],
}
POST_ONLY = {
    *("logout", "set_language", "skip", "undo", "keep", "leave", "shelf-keep", "audit-skip", "audit-note"),
    "adjudicate-skip",
    *("promote", "roll-back", "cancel", "take-back", "invite", "revoke", "pause", "resume"),
    "inquiry-example",
    *("draft-start", "draft-check", "draft-discard"),
}
FOR_MACHINES = {"health", "summary", "learning-curve", "compare-choose", "agreement-csv", "agreement-chart"}
FOR_MACHINES |= {"loss-curve", "loss-csv", "adapter-chart", "adapter-csv", "adapters-csv", "adapters-over-time"}
FOR_MACHINES |= {"adapters-choose", "pool-shares", "arms"}
# Looked at in tests of their own.
ELSEWHERE = {"login", "join", "joining"}
# What Tab meets on the desk, in this order.
MILESTONES = ["skip-link", 'class="brand"', 'value="need:yes"', 'value="need:no"']
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="3"/></svg>'
ERRORS = ("403.html", "403_csrf.html", "404.html", "405.html", "500.html")


def furnish() -> Project:
    """Make a project with something on every page."""
    project = make_project(overlap=2, max_overlap=2, loop_enabled=False)
    pairs = [make_pair(project, "máquina de coser", f"Máquina de coser {number}", "es") for number in range(2)]
    pairs += [make_pair(project, "折りたたみ傘 軽量", f"軽量 折りたたみ傘 {number}", "jp") for number in range(2)]
    pairs += [make_pair(project, "steel water bottle") for _ in range(4)]
    make_round(project, pairs)
    judge_pairs(make_members(project, 2), dict(zip(pairs, ("E", "ES", "S", "C", "CI", "I", "E", "E"), strict=True)))
    waiting = [make_pair(project, "steel water bottle") for _ in range(4)]
    make_round(project, waiting)
    adapter = trained_twice(project, pairs)
    predict(adapter, dict.fromkeys((*pairs, *waiting), (0.9, 0.05, 0.03, 0.02)))
    assert draw_audit(project, 4, 1, None) is not None
    ended = {"state": "failed", "message": "The broker went away.", "finished_at": timezone.now()}
    Job.objects.create(project=project, kind=Job.Kind.SELECT, **ended)
    for label in "ESC":
        make_gold(project, label, use="training")
        make_gold(project, label, why="The bottle is of steel.")
    make_gold(project, "E", pair=pairs[0])
    for state in ("open", "over"):
        make_alarms(project, make_member(project), state)
    ask_about(project, pairs[:2])
    expert = make_member(project, Role.AUDITOR)
    rule(project, pairs[4], "C", expert)
    leave_out_pair(project, expert.user, pairs[7].pk, "unclear_query")
    return project


def trained_twice(project: Project, pairs: list[Pair]) -> Adapter:
    """Make two champions, the second of which is returned, a refused challenger, and a training under way."""
    for said in (["EE", "ES", "SS", "SC", "CC", "II", "EE", "EI"], ["EE", "EE", "SS", "SC", "CI", "II", "EE", "EI"]):
        made = make_adapter(project)
        manifest = make_manifest(project, made.job)
        parts = [
            {"value": value, "n": 30, "queries": 9, "accuracy": estimate(0.7, 30), "alpha": estimate(0.5, 30)}
            for value in ("us", "es")
        ]
        measured = {"people_alpha": estimate(0.8), "slices": {"locale": parts}}
        Adapter.objects.filter(pk=made.pk).update(manifest=manifest, measures=measured, verdict="Not surely better.")
        report_steps(made.job, range(1, 40))
        measure(made, pairs, said)
    refused = make_adapter(project, champion=False)
    Adapter.objects.filter(pk=refused.pk).update(verdict="Not surely better than A-2.", manifest=manifest)
    started = {"state": "running", "done": 40, "total": 120, "unit": "steps", "started_at": timezone.now()}
    report_steps(Job.objects.create(project=project, kind=Job.Kind.TRAIN, **started), range(1, 41))
    made.refresh_from_db()
    return made


def ask_about(project: Project, pairs: list[Pair]) -> None:
    """Let somebody ask about pairs, and a lead answer about the first."""
    asker, lead = make_member(project).user, make_member(project, Role.LEAD).user
    version = published_guideline(project)
    asked = [
        ask_lead(project, asker, Asked(pair.pk, uuid.uuid4(), version, "need:yes,type:yes", "Does the size count?"))
        for pair in pairs
    ]
    answer_inquiry(project, asked[0].pk, lead, "It does: see the help.", "yes")


def arrive(project: Project, role: Role) -> Membership:
    """Make a member of this project and of another, with a judgment of today if they judge."""
    member = make_member(project, role)
    add_member(make_project(), member.user, role)
    if role != Role.AUDITOR:
        given = judge(member, "S")
        version, answer = given.guideline, "Compare what a shopper would call it."
        asked = Asked(given.pair_id, uuid.uuid4(), version, "need:yes", "Is this one, too?")
        inquiry = ask_lead(project, member.user, asked)
        answer_inquiry(project, inquiry.pk, make_member(project, Role.LEAD).user, answer, "yes")
    lead = make_member(project, Role.LEAD)
    bring_by_worker(lead, edited(REWORDED), {"accept"})
    make_draft(lead, edited(REWORDED, STRICT, ("ask: Is this the type", "ask: Is it the type")))
    return member


def address(member: Membership, visit: Visit) -> str:
    project = member.project
    pattern = next(pattern for pattern in urlpatterns if pattern.name == visit.name)
    values = {"slug": project.slug, "number": 1, "job_id": project.jobs.latest("id").pk, "member_id": member.pk}
    values |= {"inquiry_id": project.inquiries.latest("pk").pk, "old": 1, "new": 2, "other": 2}
    if visit.name == "job" and visit.state:
        values["job_id"] = project.jobs.filter(kind=Job.Kind.TRAIN).latest("id").pk
    if visit.name == "adapter" and visit.state == "refused":
        values["number"] = 3
    if visit.name == "correct":
        values["number"] = Judgment.objects.filter(annotator=member.user).latest("id").pk
    values["pair_id"] = project.consensuses.get(state="disputed").pk
    names = pattern.pattern.regex.groupindex
    return reverse(visit.name, kwargs={name: values[name] for name in names}) + visit.query


def test_every_page_is_looked_at() -> None:
    names = {str(pattern.name) for pattern in urlpatterns}
    listed = {visit.name for visits in PAGES.values() for visit in visits}
    assert names - listed - POST_ONLY - FOR_MACHINES - ELSEWHERE == set(), "These pages need a line in PAGES."


@pytest.mark.parametrize("role", list(Role))
def test_pages_have_no_violation(sign_in: SignIn, site: Site, role: Role) -> None:
    member = arrive(furnish(), role)
    page = sign_in(member.user)
    found = []
    for visit in PAGES[role]:
        answer = page.goto(site.url + address(member, visit))
        assert answer is not None
        assert answer.status == 200, visit.called
        if visit.act:
            visit.act(page)
        found += faults(page, f"{role}, {visit.called}")
    assert found == [], "\n".join(found)


def test_pages_have_no_violation_signed_out(browser: Browser, site: Site, committed: None) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site.url}/accounts/login/")
    found = faults(page, "login")
    page.get_by_label("Username").fill("nobody")
    page.get_by_label("Password").fill("nothing")
    page.keyboard.press("Enter")
    page.locator("[role=alert], .errorlist, .notice").first.wait_for()
    found += faults(page, "login refused")
    project = furnish()
    _, token = invite(project, make_member(project, Role.LEAD).user, Role.ANNOTATOR)
    for name, address in (("invitation", token), ("invitation that is not there", "not-there")):
        page.goto(site.url + reverse("join", args=[address]))
        found += faults(page, name)
    for template in ERRORS:
        # As they are made where nothing of the frame is known; a debugging site shows its own.
        body = str(render_to_string(template))
        page.route("**/broken", lambda route: route.fulfill(body=body, content_type="text/html"))  # noqa: B023 - at once
        page.goto(f"{site.url}/broken")
        found += faults(page, template)
        page.unroute("**/broken")
    context.close()
    assert found == [], "\n".join(found)


def on_a_shelf() -> Membership:
    project = make_project(desk="shelf")
    make_round(
        project, [make_pair(project, "折りたたみ傘", f"軽量 折りたたみ傘 {number}", "jp") for number in range(3)]
    )
    return make_member(project)


def with_nothing_to_do() -> Membership:
    return make_member(make_project())


def paused() -> Membership:
    member = on_a_shelf()
    Membership.objects.filter(pk=member.pk).update(paused_at=timezone.now(), paused_because="gold")
    return member


def before_training() -> Membership:
    project = make_project(training_required=True, pass_mark=0.8)
    make_gold(project, "E", use="training")
    return make_member(project)


@pytest.mark.parametrize("member_of", [on_a_shelf, with_nothing_to_do, paused, before_training])
def test_other_desks_have_no_violation(sign_in: SignIn, site: Site, member_of: Callable[[], Membership]) -> None:
    member = member_of()
    page = sign_in(member.user)
    page.goto(site.url + reverse("judge", args=[member.project.slug]))
    found = faults(page, member_of.__name__)
    unfold(page)
    found += faults(page, f"{member_of.__name__}, unfolded")
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("role", list(Role))
def test_controls_are_large_enough_for_a_finger(sign_in: SignIn, site: Site, role: Role) -> None:
    member = arrive(furnish(), role)
    page = sign_in(member.user, has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    assert page.evaluate("matchMedia('(pointer: coarse)').matches")
    found = []
    for visit in PAGES[role]:
        page.goto(site.url + address(member, visit))
        if visit.act:
            visit.act(page)
        found += [f"{role}, {visit.called}: {line}" for line in too_small(page)]
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_focus_goes_through_the_desk_and_is_always_seen(sign_in: SignIn, site: Site, size: tuple[int, int]) -> None:
    project = furnish()
    page = sign_in(make_member(project).user, viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce")
    page.goto(site.url + reverse("judge", args=[project.slug]))
    page.evaluate("document.querySelectorAll('.product details').forEach((details) => { details.open = true; })")
    stops = tab_stops(page)
    order = [next((part for part in MILESTONES if part in stop["html"]), "") for stop in stops]
    assert [part for part in order if part] == MILESTONES
    assert [stop["html"] for stop in stops if not stop["outlined"]] == []
    assert [stop["html"] for stop in stops if not stop["uncovered"]] == []


def test_skip_link_leads_past_the_navigation(sign_in: SignIn, site: Site) -> None:
    project = furnish()
    page = sign_in(make_member(project, Role.LEAD).user)
    page.goto(site.url + reverse("people", args=[project.slug]))
    page.keyboard.press("Tab")
    skip = page.locator(".skip-link")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_nothing_moves_for_who_asks_for_rest(sign_in: SignIn, site: Site) -> None:
    page = sign_in(make_member(furnish()).user, reduced_motion="reduce")
    page.goto(f"{site.url}/styleguide")
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((element) => {
          const style = getComputedStyle(element);
          return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0;
        }).length"""
    )
    assert moving == 0
    assert page.evaluate("document.getAnimations().length") == 0


def test_marks_and_choices_are_seen_without_colours(sign_in: SignIn, site: Site) -> None:
    page = sign_in(make_member(furnish()).user, forced_colors="active")
    page.goto(f"{site.url}/styleguide")
    assert page.evaluate("matchMedia('(forced-colors: active)').matches")
    expect(page.locator("mark").first).to_have_css("text-decoration-line", "underline")
    expect(page.locator(".answer.chosen")).to_have_css("outline-style", "solid")
    assert violations(page) == []


@pytest.mark.parametrize(("locale", "language"), [("es", "es"), ("jp", "ja"), ("us", "en")])
def test_texts_of_the_shop_say_their_language(sign_in: SignIn, locale: str, language: str) -> None:
    project = make_project()
    make_round(project, [make_pair(project, locale=locale)])
    page = sign_in(make_member(project).user)
    for part in (".query-text", ".product-head", ".bullets", ".description .inside"):
        expect(page.locator(f".pair {part}").first).to_have_attribute("lang", language)
    assert page.locator("html").get_attribute("lang") == "en"


def picture_of(page: Page, status: int) -> list[str]:
    """Answer requests for the shop's pictures; return the list of those that came."""
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=status, body=PICTURE if status == 200 else "", content_type="image/svg+xml")

    page.route(re.compile(r"//(pictures|elsewhere)\.example/"), answer)
    return asked


def pair_with_picture(url: str) -> Membership:
    project = make_project()
    pair = make_pair(project)
    texts = {"title": "Bottle", "bullets": "Keeps water cold", "image_url": url}
    pair.product.revision = ProductRevision.objects.create(product=pair.product, number=2, digest=uuid.uuid4(), **texts)
    pair.product.save()
    make_round(project, [pair])
    return make_member(project)


def test_picture_is_enlarged_by_click_and_key(sign_in: SignIn) -> None:
    member = pair_with_picture("https://pictures.example/bottle.svg")
    page = sign_in(member.user, forgive="ERR_")
    picture_of(page, 200)
    page.reload()
    large = page.get_by_alt_text("The product's picture")
    expect(large).to_be_hidden()
    page.get_by_role("button", name="Enlarge the picture").click()
    expect(large).to_be_visible()
    assert faults(page, "picture") == []
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    page.get_by_role("button", name="Enlarge the picture").press("Enter")
    expect(large).to_be_visible()


def test_picture_that_does_not_come_leaves_its_room(sign_in: SignIn) -> None:
    member = pair_with_picture("https://pictures.example/gone.svg")
    page = sign_in(member.user, forgive="404|ERR_")
    asked = picture_of(page, 404)
    page.reload()
    expect(page.get_by_text("No picture")).to_be_visible()
    expect(page.locator(".picture")).to_be_disabled()
    box = page.locator(".picture").bounding_box()
    assert box is not None
    assert box["height"] == box["width"] == 160
    assert asked
    assert faults(page, "no picture") == []


def test_picture_of_another_host_is_not_tried(sign_in: SignIn) -> None:
    member = pair_with_picture("https://elsewhere.example/bottle.svg")
    page = sign_in(member.user)
    asked = picture_of(page, 200)
    page.reload()
    expect(page.locator(".product h3")).to_be_visible()
    expect(page.locator(".picture")).to_have_count(0)
    assert asked == []
