"""A scoring job's page: its speed, the time that is left, and what it costs."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.models import Job, Role, ScoringShard
from labeling.queries.scoring_pace import scoring_pace
from tests.labeling.acting import make_adapter
from tests.making import make_member, make_project

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
ENDS = {"first_query": 1, "first_pair": 0, "last_query": 1, "last_pair": ScoringShard.LAST_PAIR}


def make_scoring(shards: int, finished: int, state: str = "running", **settings: object) -> Job:
    """Make a scoring of two workers that finished a shard of 100 pairs every 10 seconds until now, each in 20."""
    project = make_project(**settings)
    adapter = make_adapter(project)
    now = timezone.now()
    job = Job.objects.create(
        project=project,
        kind=Job.Kind.SCORE,
        state=state,
        done=100 * finished,
        total=100 * shards,
        unit="pairs",
        params={"adapters": [adapter.pk], "then": []},
        started_at=now - dt.timedelta(seconds=10 * (finished + 1)),
        finished_at=None if state in ("queued", "running") else now,
    )
    ScoringShard.objects.bulk_create(
        ScoringShard(
            job=job,
            number=number,
            pairs=100,
            scored=100 * (number <= finished),
            predictions=100 * (number <= finished),
            seconds=20.0 * (number <= finished),
            worker=f"gpu@one/{number % 2}" if number <= finished else "",
            finished_at=now - dt.timedelta(seconds=10 * (finished - number)) if number <= finished else None,
            **ENDS,
        )
        for number in range(1, shards + 1)
    )
    return job


def page_of(client: Client, job: Job, **asked: str) -> str:
    client.force_login(make_member(job.project, Role.LEAD).user)
    response = client.get(reverse("job", args=[job.project.slug, job.pk]), asked, headers=HTMX if asked else {})
    return " ".join(response.content.decode().split())


@pytest.mark.parametrize("finished", [1, 3, 30])
def test_pace_is_that_of_the_newest_shards(finished: int) -> None:
    job = make_scoring(60, finished)
    assert job.started_at is not None
    pace = scoring_pace(job, job.started_at + dt.timedelta(seconds=10 * (finished + 1)))
    assert pace is not None
    assert (pace.pairs, pace.predictions, pace.workers) == (100 * finished, 100 * finished, min(finished, 2))
    assert pace.pairs_per_second is not None
    assert pace.pairs_per_second == pytest.approx(10, rel=0.55 if finished < 30 else 0.15)
    assert pace.seconds_left == pytest.approx((60 - finished) * 100 / pace.pairs_per_second)
    assert pace.worker_seconds == 20 * finished
    assert (pace.cost, pace.cost_per_thousand) == (None, None)


def test_pace_before_the_first_shard_is_not_made_up() -> None:
    assert scoring_pace(make_scoring(5, 0), timezone.now()) is None


def test_cost_is_worker_time_at_the_price() -> None:
    job = make_scoring(20, 18, price_per_hour=2.5, currency="EUR")
    pace = scoring_pace(job, timezone.now())
    assert pace is not None
    assert pace.cost == pytest.approx(18 * 20 / 3600 * 2.5)
    assert pace.cost_per_thousand == pytest.approx(1000 * 18 * 20 / 3600 * 2.5 / 1800)
    assert pace.currency == "EUR"


def test_cost_of_a_scoring_that_ended_stays_that_of_its_price() -> None:
    job = make_scoring(6, 6, "done", price_per_hour=9.0, currency="USD")
    job.result = {"price_per_hour": 3.6, "currency": "EUR"}
    pace = scoring_pace(job, timezone.now() + dt.timedelta(days=1))
    assert pace is not None
    assert pace.cost == pytest.approx(0.12)
    assert (pace.currency, pace.seconds_left) == ("EUR", None)
    assert pace.pairs_per_second == pytest.approx(600 / 70)


def test_page_of_a_scoring_shows_speed_and_time_left_and_no_cost_without_a_price(client: Client) -> None:
    page = page_of(client, make_scoring(60, 30))
    for said in ("Pairs a second", "Time left", "about ", "3,000 of 6,000 pairs", ">A-1</a>"):
        assert said in page
    assert "Cost" not in page


def test_page_of_a_scoring_that_ended_shows_what_it_took_and_cost(client: Client) -> None:
    job = make_scoring(12, 12, "done", price_per_hour=2.5, currency="EUR")
    page = page_of(client, job)
    for said in ("Time taken", "about 2 minutes", "Worker time", "about 4 minutes", "0.17", "EUR", "0.1389"):
        assert said in page
    assert "hx-trigger" not in page.partition("<main")[2]


def test_part_that_asks_for_itself_is_the_same_as_the_pages(client: Client) -> None:
    job = make_scoring(60, 0)
    assert "when the first part is finished" in page_of(client, job)
    assert "when the first part is finished" in page_of(client, job, live="scoring", was="running")
    Job.objects.filter(pk=job.pk).update(state="done", finished_at=timezone.now())
    client.force_login(make_member(job.project, Role.LEAD).user)
    url = reverse("job", args=[job.project.slug, job.pk])
    ended = client.get(url, {"live": "scoring", "was": "running"}, headers=HTMX)
    assert ended.headers["HX-Refresh"] == "true"


def test_page_of_a_scoring_is_the_leads(client: Client) -> None:
    job = make_scoring(3, 1)
    client.force_login(make_member(job.project).user)
    assert client.get(reverse("job", args=[job.project.slug, job.pk])).status_code == 403


@pytest.mark.parametrize("shards", [4, 40])
def test_page_of_a_scoring_asks_the_database_as_often_however_long_it_is(
    client: Client, shards: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    job = make_scoring(shards, shards - 1)
    client.force_login(make_member(job.project, Role.LEAD).user)
    url = reverse("job", args=[job.project.slug, job.pk])
    client.get(url)
    with django_assert_num_queries(7):
        client.get(url)
