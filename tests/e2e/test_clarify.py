"""A question that people misread: the report names it, the guideline is clarified, and agreement comes back."""

import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db.models import QuerySet
from django.template.defaultfilters import floatformat
from playwright.sync_api import Page, expect

from labeling.actions.imports import import_esci
from labeling.actions.members import add_member
from labeling.actions.rounds import Drawn, open_round
from labeling.guidelines.parse import default_source, parse_guideline
from labeling.models import AgreementReport, Judgment, Pair, Project, Relabel, Role, Slot, Stream, User
from simulation.annotators import Annotator, Misreading, careful_to_hasty, judge_again, label_until
from simulation.answer_key import AnswerKey, read_generated_key, true_answer
from simulation.browser import Browser
from simulation.catalog import write_catalog
from simulation.truth import LABELS
from tests.conftest import Site
from tests.e2e.conftest import PASSWORD, SignIn, shoot
from tests.making import make_member, make_project, make_user

pytestmark = [pytest.mark.browser, pytest.mark.worker]

TREE = parse_guideline(default_source(), ("E", "S", "C", "I"))
ASK = TREE.questions["conflict"].ask
CLEARER = "Does the product say anything that is against what the query states?"
PAIRS = 200
BY_HAND = 3
PEOPLE = 6
LIMIT = 180.0


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, AnswerKey]:
    """Write a small catalog; return its two files and the answers to them."""
    written = write_catalog(tmp_path_factory.mktemp("catalog"), queries=60, seed=3)
    return written.examples, written.products, read_generated_key(written.answer_key)


def make_shop(examples: Path, products: Path, key: AnswerKey) -> Project:
    """Make a project with a round of PAIRS pairs that can be judged, each for two people."""
    project = make_project(overlap=2, max_overlap=2, loop_enabled=False, skips_to_lead=0)
    import_esci(project, examples, products, None, lambda _done, _total: None)
    pool = Pair.objects.filter(project=project).select_related("query", "product").order_by("query", "pk")
    judgeable = [pair for pair in pool if LABELS[true_answer(key, *shown(pair))]]
    pairs = judgeable[:: len(judgeable) // PAIRS][:PAIRS]  # some of every query, since queries are what is drawn anew
    drawn = [Drawn(pair.pk, Stream.RANDOM, PAIRS / project.pairs.count(), None) for pair in pairs]
    open_round(project, drawn, strategy="margin", seed=1, pool_size=project.pairs.count())
    return project


def shown(pair: Pair) -> tuple[str, str, str]:
    """Return what the answer key knows a pair by."""
    return pair.query.locale, pair.query.text, pair.product.external_id


def make_people(project: Project) -> list[Annotator]:
    """Make annotators who seldom err; every second one takes what the product does not say for a contradiction."""
    habits = careful_to_hasty(PEOPLE, care=3.0, misreading=Misreading("conflict", ASK, "yes", share=0.45))
    people = []
    for number, one in enumerate(habits):
        user = make_user("annotator")
        user.set_password(PASSWORD)
        user.save()
        add_member(project, user, Role.ANNOTATOR)
        people.append(Annotator(user.username, PASSWORD, one, seed=number))
    return people


def label_all(site: Site, project: Project, people: Sequence[Annotator], key: AnswerKey) -> None:
    """Let them label at once until nothing waits that somebody could still take."""
    stop = threading.Event()

    def label(person: Annotator) -> None:
        with Browser(site.url, project.slug) as browser:
            label_until(browser, person, TREE, key, stop, lambda: None)

    with ThreadPoolExecutor(len(people)) as pool:
        working = [pool.submit(label, person) for person in people]
        deadline = time.monotonic() + LIMIT
        while waiting(project) and time.monotonic() < deadline and not any(one.done() for one in working):
            time.sleep(0.5)
        stop.set()
        for one in working:
            one.result()
    assert waiting(project) == 0


def waiting(project: Project) -> int:
    """Return how many places of the round are still without a judgment."""
    return Slot.objects.filter(round__project=project, judged=False).count()


def test_clarifying_a_misread_question_brings_agreement_back(
    sign_in: SignIn, site: Site, catalog: tuple[Path, Path, AnswerKey]
) -> None:
    examples, products, key = catalog
    project = make_shop(examples, products, key)
    people = make_people(project)
    label_all(site, project, people, key)

    lead = sign_in(make_member(project, Role.LEAD).user)
    before = measured(lead, site, project)
    assert before["overall"]["raw"]["high"] < project.agreement_goal
    assert before["questions"][0]["question"] == "conflict"
    expect(lead.locator(".worst")).to_contain_text("This question parts people")
    expect(lead.locator(".worst .ask")).to_contain_text(ASK)
    shoot(lead, "clarify-before")
    lead.locator(".worst").get_by_role("link", name="Open the pairs").click()
    expect(lead.get_by_text("Here the answers part").first).to_be_visible()
    lead.goto(f"{site.url}/p/{project.slug}/")
    expect(lead.locator(".needs")).to_contain_text("below the goal")

    concerned = live(project).filter(path__contains="conflict:").count()
    clarify(lead, site, project)
    button = lead.get_by_role("button", name=re.compile("Publish and ask .* again"))
    expect(button).to_have_text(f"Publish and ask {concerned} answers again")
    shoot(lead, "clarify-effect")
    button.click()
    expect(lead.get_by_role("heading", level=1)).to_have_text("Relabeling")
    wait_for(lambda: Relabel.objects.filter(project=project).count() == concerned)

    answer_some(sign_in(User.objects.get(username=people[1].username), stay=True), site, project)
    with ThreadPoolExecutor(len(people)) as pool:
        asked = pool.map(lambda person: answer_rest(site, project, person, key), people)
        assert sum(asked) == concerned - BY_HAND
    assert not Relabel.objects.filter(project=project, state="waiting").exists()
    assert not live(project).filter(path__contains="conflict:", guideline__number=1).exists()

    after = measured(lead, site, project)
    assert after["overall"]["raw"]["value"] > project.agreement_goal
    [change] = [row for row in after["question_changes"] if row["question"] == "conflict"]
    assert (change["old"], change["new"]) == (1, 2)
    assert change["difference"]["low"] > 0
    versions = {row["version"]: row["agreement"] for row in after["question_versions"] if row["question"] == "conflict"}
    # Close to it only: who skips a pair when asked again has no judgment that the former one stands beside.
    assert versions[1]["value"] == pytest.approx(before["questions"][0]["agreement"]["value"], abs=0.05)
    assert versions[2]["value"] > versions[1]["high"]
    shoot(lead, "clarify-after")


def live(project: Project) -> QuerySet[Judgment]:
    """Return the judgments that stand."""
    return Judgment.objects.filter(project=project, retired_at__isnull=True)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something has come about; fail where it does not."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.3)


def measured(lead: Page, site: Site, project: Project) -> dict[str, Any]:
    """Open the page of the report; return the report that it shows."""
    lead.goto(f"{site.url}/p/{project.slug}/agreement/")
    expect(lead.get_by_role("heading", level=1)).to_have_text("Agreement")
    report = AgreementReport.objects.get(project=project)
    assert report.judgments == live(project).count()
    raw = report.data["overall"]["raw"]
    expect(lead.locator(".stat", has_text="Raw agreement").first).to_contain_text(floatformat(raw["value"], 2))
    data: dict[str, Any] = report.data
    return data


def clarify(lead: Page, site: Site, project: Project) -> None:
    """Put clearer words into a draft, save it by the keyboard and go on to what it would do."""
    lead.goto(f"{site.url}/p/{project.slug}/guideline/")
    lead.get_by_role("button", name="Change the guideline").click()
    area = lead.get_by_label("The guideline, in YAML")
    at = area.input_value().index(ASK)
    area.evaluate("(area, [from, to]) => { area.focus(); area.setSelectionRange(from, to); }", [at, at + len(ASK)])
    lead.keyboard.insert_text(CLEARER)
    expect(lead.locator("#drawn")).to_contain_text(CLEARER)
    lead.get_by_label("What has changed, and why").fill("What a product does not say contradicts nothing.")
    lead.keyboard.press("Control+s")
    expect(lead.locator("#saved")).to_contain_text("Saved at")
    lead.goto(f"{site.url}/p/{project.slug}/guideline/draft/effect/")


def answer_some(page: Page, site: Site, project: Project) -> None:
    """Answer the first questions that are asked again by hand: nothing contradicts, and nothing is left out."""
    page.goto(f"{site.url}/p/{project.slug}/again/")
    for _ in range(BY_HAND):
        expect(page.locator("#walk .question:not([hidden]) h2")).to_have_text(CLEARER)
        number = page.locator("#desk").get_attribute("data-pair")
        page.keyboard.press("n")
        if page.locator("#walk .question:not([hidden]) h2", has_text=TREE.questions["silent"].ask).count():
            page.keyboard.press("n")
        expect(page.locator(f"#desk[data-pair='{number}']")).to_have_count(0)


def answer_rest(site: Site, project: Project, person: Annotator, key: AnswerKey) -> int:
    """Answer all that is still asked of somebody again; return how many answers that were."""
    with Browser(site.url, project.slug) as browser:
        return judge_again(browser, person, TREE, key)
