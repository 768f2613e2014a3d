"""The lead looks at adapters, opens the pairs behind a cell, compares two, goes back, and watches a training."""

import pytest
from playwright.sync_api import Page, expect

from labeling.models import Adapter, Job, Project, Role, Split, TrainingStep
from modeling.judge.spec import JudgeSpec
from tests.conftest import Site
from tests.e2e.conftest import SignIn, shoot
from tests.labeling.acting import judge_all, make_adapter, make_members, predict
from tests.labeling.measured import estimate, evaluation, make_manifest, measure, report_steps
from tests.making import make_member, make_pair, make_pair_of, make_project, make_round

pytestmark = [pytest.mark.browser, pytest.mark.worker]

PEOPLE = "EEEEEEEEEEEEEESSSSSSCCCIIIII"
WRONG = (12, 9, 7, 6, 5)  # of the pairs, by each adapter


def make_history() -> tuple[Project, list[Adapter]]:
    """Make five adapters that learned from more and more labels, each right on more of the same pairs."""
    project = make_project(overlap=1, loop_enabled=False)
    pairs = [make_pair(project, f"steel water bottle {number % 12}") for number in range(len(PEOPLE))]
    learned = [
        make_pair_of(project, split) for split in (Split.TRAIN, Split.CALIBRATION, Split.HOLDOUT) for _ in "EESC"
    ]
    make_round(project, [*pairs, *learned])
    labels = dict(zip(pairs, PEOPLE, strict=True)) | dict(zip(learned, "EESC" * 3, strict=True))
    judge_all(make_members(project, 1), labels)
    adapters = []
    for number, wrong in enumerate(WRONG):
        made = make_adapter(project, champion=number != 3)
        said = [people + (people if place >= wrong else "SECE"[place % 4]) for place, people in enumerate(PEOPLE)]
        accuracy = sum(one[0] == one[1] for one in said) / len(said)
        manifest = make_manifest(
            project, made.job, spec=JudgeSpec(seed=number).to_dict(), holdout=holdout(project, accuracy)
        )
        parts = [part("us", 34, accuracy + 0.03), part("es", 20, accuracy - 0.12)]
        lengths = [part("2-3", 30, accuracy + 0.01), part("4-5", 24, accuracy - 0.01)]
        Adapter.objects.filter(pk=made.pk).update(
            manifest=manifest,
            labels_seen=300 * (number + 1),
            measures={"people_alpha": estimate(0.81), "slices": {"locale": parts, "length": lengths}},
        )
        report_steps(made.job, range(1, 120))
        measure(made, pairs, said, [0.55 + 0.4 * (place % 7) / 7 for place in range(len(pairs))])
        predict(made, {pairs[0]: (0.9, 0.05, 0.03, 0.02)})
        adapters.append(made)
    decide(adapters[3], adapters[2], promoted=False)
    decide(adapters[4], adapters[2], promoted=True)
    return project, adapters


def holdout(project: Project, accuracy: float) -> dict[str, object]:
    bins = [
        {"low": low, "high": low + 0.1, "confidence": low + 0.06, "right": estimate(low + 0.03 * (-1) ** place, 30)}
        for place, low in enumerate((0.4, 0.5, 0.6, 0.7, 0.8, 0.9))
    ]
    taken = [
        {"coverage": step / 20, "confidence": 1 - step / 30, "accuracy": estimate(0.97 - 0.01 * step, 30)}
        for step in range(1, 21)
    ]
    values = {"accuracy": estimate(accuracy), "alpha": estimate(accuracy - 0.1), "reliability": bins, "coverage": taken}
    return evaluation(project) | values


def part(value: str, n: int, accuracy: float) -> dict[str, object]:
    return {"value": value, "n": n, "queries": n // 3, "accuracy": estimate(accuracy, n), "alpha": estimate(0.6, n)}


def decide(adapter: Adapter, against: Adapter, promoted: bool) -> None:
    difference = {"value": 0.021, "low": 0.004 if promoted else -0.011, "high": 0.038, "n": 28}
    verdict = "Surely better than" if promoted else "Not surely better than"
    Adapter.objects.filter(pk=adapter.pk).update(
        comparison={
            "against": against.name,
            "rule": "better",
            "margin": 0.01,
            "level": 0.95,
            "n": 28,
            "queries": 12,
            "difference": difference,
            "p": 0.02,
            "only_first": 4,
            "only_second": 1,
            "promoted": promoted,
        },
        verdict=f"{verdict} {against.name}: +2.1 points of accuracy, on 28 holdout pairs of 12 queries.",
    )


def unfold(page: Page) -> None:
    page.evaluate("document.querySelectorAll('main details:not(.menu)').forEach((one) => { one.open = true; })")


def test_lead_reads_adapters_and_opens_what_is_behind_them(sign_in: SignIn, site: Site) -> None:
    project, _ = make_history()
    page = sign_in(make_member(project, Role.LEAD).user)
    page.get_by_role("link", name="Adapters", exact=True).click()
    expect(page.locator(".forecast")).to_contain_text("1,000 labels would")
    unfold(page)
    shoot(page, "adapters")
    page.get_by_role("link", name="A-5", exact=True).first.click()
    expect(page.get_by_text("Surely better than A-3")).to_be_visible()
    shoot(page, "adapter")
    unfold(page)
    shoot(page, "adapter-unfolded")
    page.locator("table.confusion td.often a").first.click()
    expect(page.get_by_text("people said Exact; A-5 says Substitute")).to_be_visible()

    page.goto(f"{site.url}/p/{project.slug}/adapters/5/pairs/?right=0&beside=3")
    unfold(page)
    shoot(page, "adapter-pairs")

    page.goto(f"{site.url}/p/{project.slug}/adapters/")
    page.locator("select[name=other]").select_option("3")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="A-5 and A-3", exact=True)).to_be_visible()
    shoot(page, "adapters-beside")
    with page.expect_download() as download:
        page.get_by_role("link", name="As CSV").click()
    assert download.value.suggested_filename == f"{project.slug}-A-5-A-3.csv"


def test_lead_goes_back_and_overrules_the_rule(sign_in: SignIn, site: Site) -> None:
    project, adapters = make_history()
    page = sign_in(make_member(project, Role.LEAD).user)
    page.goto(f"{site.url}/p/{project.slug}/adapters/4/")
    page.get_by_text("Make it the champion…").click()
    expect(page.get_by_text("The rule said no.")).to_be_visible()
    shoot(page, "adapter-refused")
    page.goto(f"{site.url}/p/{project.slug}/adapters/")
    expect(page.get_by_text("A-3 was champion before A-5.", exact=False)).to_be_visible()
    page.get_by_role("button", name="Go back to A-3").click()
    expect(page.get_by_text("A-3 is the champion again. What it has scored counts at once.")).to_be_visible()
    adapters[2].refresh_from_db()
    assert adapters[2].state == "champion"
    expect(page.get_by_role("button", name="Go back to A-5")).to_be_visible()


def test_charts_are_drawn_for_the_colours_of_the_page(sign_in: SignIn, site: Site) -> None:
    project, _ = make_history()
    page = sign_in(make_member(project, Role.LEAD).user)
    page.goto(f"{site.url}/p/{project.slug}/adapters/5/")
    chart = page.locator("figure.chart img").first

    def drawn() -> str:
        page.wait_for_timeout(100)
        return str(chart.evaluate("async (image) => { await image.decode(); return image.currentSrc; }"))

    assert drawn().endswith("reliability.svg")
    page.emulate_media(color_scheme="dark")
    assert drawn().endswith("reliability.svg?theme=dark")
    page.locator(".account summary").click()
    page.get_by_label("Light").check(force=True)  # by hand, against the system
    assert drawn().endswith("reliability.svg")
    page.emulate_media(color_scheme="light")
    page.get_by_label("Dark").check(force=True)
    assert drawn().endswith("reliability.svg?theme=dark")


def test_lead_sees_what_a_training_would_learn_from(sign_in: SignIn, site: Site) -> None:
    project, _ = make_history()
    page = sign_in(make_member(project, Role.LEAD).user)
    page.goto(f"{site.url}/p/{project.slug}/adapters/train/")
    expect(page.get_by_role("button", name="Start the training")).to_be_visible()
    shoot(page, "train")


def test_training_is_watched_while_it_runs(sign_in: SignIn, site: Site) -> None:
    project = make_project(loop_enabled=False)
    job = Job.objects.create(
        project=project, kind="train", state="running", done=30, total=400, unit="steps", message="Train, loss 0.58"
    )
    page = sign_in(make_member(project, Role.LEAD).user)
    page.goto(f"{site.url}/p/{project.slug}/jobs/{job.pk}/")
    expect(page.get_by_text("Drawn from the first steps on.")).to_be_visible()
    report_steps(job, range(1, 31))
    picture = page.locator("#loss img")
    expect(picture).to_have_attribute("src", f"/p/{project.slug}/jobs/{job.pk}/loss.svg?v=30")
    expect(page.get_by_text("about 12 minutes")).to_be_visible()
    picture.evaluate("(image) => { image.dataset.same = 'yes'; }")
    report_steps(job, range(31, 121))
    expect(picture).to_have_attribute("src", f"/p/{project.slug}/jobs/{job.pk}/loss.svg?v=120")
    expect(picture).to_have_attribute("data-same", "yes")  # its picture was changed in place
    expect(picture).to_have_attribute("alt", "The loss goes from 1.400 at step 1 to 0.491 at step 120.")
    shoot(page, "training")
    assert TrainingStep.objects.filter(job=job).count() == 120
    page.get_by_role("link", name="Stop…").click()
    page.get_by_role("button", name="Stop the training").click()
    expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible()
    expect(page.get_by_text("Time left")).to_have_count(0)
