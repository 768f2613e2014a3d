"""A job's page; of a training: its pace, its curve while it runs, and the file of what it reported."""

import csv
import datetime as dt
import io

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.models import Job, Role, TrainingStep
from labeling.queries.training_steps import pace_of
from labeling.views.training_charts import DRAWN, loss_points
from tests.making import make_member, make_project

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def make_training(client: Client, steps: int, state: str = "running", total: int = 200, apart: float = 2.0) -> Job:
    """Make a training that has reported so many steps, some seconds apart, and sign its lead in."""
    project = make_project()
    client.force_login(make_member(project, Role.LEAD).user)
    now = timezone.now()
    ended = None if state == "running" else now
    job = Job.objects.create(
        project=project,
        kind="train",
        state=state,
        done=steps,
        total=total,
        unit="steps",
        started_at=now,
        finished_at=ended,
    )
    report(job, range(1, steps + 1), apart)
    return job


def report(job: Job, steps: range, apart: float = 2.0) -> None:
    now = timezone.now()
    made = TrainingStep.objects.bulk_create(
        TrainingStep(
            job=job, step=step, loss=1.4 / step, learning_rate=1e-7, pairs_per_second=100 + step % 2, memory_mb=step
        )
        for step in steps
    )
    for step in made:
        step.at = now + dt.timedelta(seconds=apart * step.step)
    TrainingStep.objects.bulk_update(made, ["at"])


def address(job: Job, name: str = "job") -> str:
    return reverse(name, args=[job.project.slug, job.pk])


def test_pace_is_that_of_the_newest_reports(client: Client) -> None:
    pace = pace_of(make_training(client, 40))
    assert pace is not None
    assert (pace.step, pace.loss) == (40, 1.4 / 40)
    assert (pace.pairs_per_second, pace.memory_mb) == (100.5, 40)
    assert pace.seconds_left == pytest.approx(160 * 2.0)


def test_pace_leaves_out_the_time_in_which_nothing_ran(client: Client) -> None:
    job = make_training(client, 5)
    TrainingStep.objects.filter(job=job, step__lte=3).update(at=timezone.now() - dt.timedelta(hours=5))
    pace = pace_of(job)
    assert pace is not None
    assert pace.seconds_left == pytest.approx(195 * 2.0)


@pytest.mark.parametrize(("steps", "state", "left"), [(1, "running", None), (200, "running", None), (40, "done", None)])
def test_time_left_is_not_made_up(client: Client, steps: int, state: str, left: None) -> None:
    pace = pace_of(make_training(client, steps, state))
    assert pace is not None
    assert pace.seconds_left is left


def test_training_page_shows_pace_and_curve(client: Client) -> None:
    job = make_training(client, 40)
    page = client.get(address(job)).content.decode()
    assert "about 5 minutes" in page
    assert f'src="{address(job, "loss-curve")}?v=40"' in page
    assert "The loss goes from 1.400 at step 1 to 0.035 at step 40." in page
    assert address(job, "loss-csv") in page


def test_running_training_is_asked_for_again_and_tells_the_chart_its_new_picture(client: Client) -> None:
    job = make_training(client, 40)
    live = client.get(address(job), {"live": "1"}, headers=HTMX).content.decode()
    assert live.lstrip().startswith('<div class="stack" id="live" hx-get=')
    assert f'data-src="{address(job, "loss-curve")}?v=40"' in live
    curve = client.get(address(job), {"live": "loss"}, headers=HTMX).content.decode()
    assert curve.lstrip().startswith('<div id="loss">')
    in_a_list = client.get(address(job), headers=HTMX).content.decode()
    assert in_a_list.lstrip().startswith('<div class="job"')


def test_training_without_a_report_waits_for_its_curve(client: Client) -> None:
    job = make_training(client, 0)
    page = client.get(address(job)).content.decode()
    assert "Drawn from the first steps on." in page
    assert f'hx-get="{address(job)}?live=loss&amp;was=running"' in page


def test_training_that_has_ended_refreshes_the_page_and_asks_no_more(client: Client) -> None:
    job = make_training(client, 40, "done")
    for was in ({"was": "running"}, {}):
        answer = client.get(address(job), {"live": "1", **was}, headers=HTMX)
        assert answer.headers["HX-Refresh"] == "true"
    page = client.get(address(job)).content.decode()
    assert "hx-get" not in page
    assert "Time left" not in page


def test_training_that_has_begun_refreshes_the_page_that_showed_it_waiting(client: Client) -> None:
    job = make_training(client, 0)
    assert client.get(address(job), {"live": "1", "was": "queued"}, headers=HTMX).headers["HX-Refresh"] == "true"
    assert "HX-Refresh" not in client.get(address(job), {"live": "1", "was": "running"}, headers=HTMX).headers


def test_loss_curve_is_drawn_in_both_colours(client: Client) -> None:
    job = make_training(client, 40)
    light, dark = (client.get(address(job, "loss-curve"), {"theme": theme}).content.decode() for theme in ("", "dark"))
    assert light.startswith("<svg")
    assert "#2b2e34" in dark
    assert "#2b2e34" not in light


def test_loss_curve_of_a_long_training_is_thinned_and_keeps_its_ends() -> None:
    steps = [TrainingStep(step=10 * place, loss=float(place)) for place in range(1999)]
    points = loss_points(steps)
    assert len(points) <= DRAWN + 1
    assert (points[0]["step"], points[-1]["step"]) == (0, 19980)
    assert points[100]["mean"] == pytest.approx(points[100]["loss"])  # of a straight line


def test_file_has_all_that_was_reported(client: Client) -> None:
    job = make_training(client, 30)
    rows = list(csv.DictReader(io.StringIO(client.get(address(job, "loss-csv")).getvalue().decode())))
    assert len(rows) == 30
    assert (rows[0]["step"], rows[0]["loss"], rows[0]["learning rate"]) == ("1", "1.4", "1e-07")
    assert rows[-1]["memory (MB)"] == "30.0"


def test_training_page_costs_the_same_at_two_sizes(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    job = make_training(client, 5)
    for steps in (range(6, 7), range(7, 300)):
        report(job, steps)
        with django_assert_max_num_queries(9):
            assert client.get(address(job)).status_code == 200


def test_curve_of_another_project_is_not_there(client: Client) -> None:
    job = make_training(client, 5)
    client.force_login(make_member(make_project(), Role.LEAD).user)
    for name in ("loss-curve", "loss-csv", "job"):
        assert client.get(address(job, name)).status_code == 404


def test_stopping_a_training_asks_first(client: Client) -> None:
    job = make_training(client, 3)
    stop = address(job, "cancel")
    for url in (address(job), reverse("jobs", args=[job.project.slug]), reverse("train", args=[job.project.slug])):
        page = client.get(url).content.decode()
        assert f'href="{address(job)}?stop=yes"' in page
        assert stop not in page
    page = client.get(f"{address(job)}?stop=yes").content.decode()
    assert f"Stop {job}?" in page
    assert "What it has learned so far is thrown away" in page
    assert f'action="{stop}"' in page
    client.post(stop)
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert "is thrown away" not in client.get(f"{address(job)}?stop=yes").content.decode()


def test_other_jobs_are_stopped_at_once(client: Client) -> None:
    job = make_training(client, 0)
    Job.objects.filter(pk=job.pk).update(kind="select")
    page = client.get(address(job)).content.decode()
    assert f'action="{address(job, "cancel")}"' in page
    assert "?stop=yes" not in page
