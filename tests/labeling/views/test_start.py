"""The annotator's home."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions.members import pause_member
from labeling.actions.queue import claim_slot
from labeling.models import Judgment, Membership, Project
from labeling.queries.gold import BELOW_MARK
from labeling.queries.judgments import day_start
from tests.labeling.acting import judge, judge_all, make_members, submit
from tests.making import make_gold, make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db


def home_of(client: Client, member: Membership) -> str:
    client.force_login(member.user)
    answer = client.get(reverse("start", args=[member.project.slug]))
    assert answer.status_code == 200
    return answer.content.decode()


def shop_of(pairs: int, **settings: object) -> Project:
    project = make_project(**settings)
    make_round(project, [make_pair(project) for _ in range(pairs)])
    return project


def test_annotators_arrive_at_their_home(client: Client) -> None:
    member = make_member(make_project())
    client.force_login(member.user)
    assert client.get("/").headers["Location"] == reverse("start", args=[member.project.slug])


def test_home_of_a_newcomer_says_what_waits_and_what_is_missing(client: Client) -> None:
    page = home_of(client, make_member(shop_of(3)))
    assert "<b>3</b> pairs are waiting for you" in page
    assert "Not enough yet: 20 more pairs" in page
    assert "Start judging" in page
    assert "Nothing was judged in these days" in page


def test_home_where_nothing_waits_does_not_ask_to_start(client: Client) -> None:
    project = shop_of(1)
    member = make_member(project)
    judge(member)
    page = home_of(client, member)
    assert "Nothing is waiting for you now" in page
    assert "Start judging" not in page
    assert f'href="{reverse("judge", args=[project.slug])}">Open the desk</a>' in page


def test_home_counts_only_what_is_in_ones_languages(client: Client) -> None:
    project = make_project()
    make_round(project, [make_pair(project, locale="us"), make_pair(project, locale="jp")])
    member = make_member(project)
    member.languages = ["jp"]
    member.save()
    assert "<b>1</b> pair is waiting for you" in home_of(client, member)


def test_home_shows_agreement_with_its_interval(client: Client) -> None:
    project = make_project(overlap=2, max_overlap=2)
    pairs = [make_pair(project) for _ in range(20)]
    make_round(project, pairs, stream="active")
    first, second = make_members(project, 2)
    judge_all([first, second], dict.fromkeys(pairs, "E"))
    page = home_of(client, first)
    assert "0.84 to 1.00, 20 pairs" in page
    assert "20 judged today" in page
    assert "<rect" in page


def test_home_tells_nothing_of_todays_gold_pairs(client: Client) -> None:
    project = shop_of(12, gold_share=0.5, overlap=1, max_overlap=1)
    for _ in range(6):
        make_gold(project)
    member = make_member(project)
    for _ in range(6):
        slot = claim_slot(project, member.user, turn=0.0)
        assert slot is not None
        submit(member, slot, "E")
    assert Judgment.objects.filter(annotator=member.user, stream="gold").count() == 6
    assert "Not enough yet: 5 more pairs" in home_of(client, member)


def test_home_shows_the_gold_result_up_to_yesterday(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    project = shop_of(12, gold_share=0.5, overlap=1, max_overlap=1, pass_mark=0.1)
    for _ in range(6):
        make_gold(project)
    member = make_member(project)
    yesterday = day_start() - dt.timedelta(hours=1)
    with monkeypatch.context() as clock:
        clock.setattr(timezone, "now", lambda: yesterday)
        for _ in range(6):
            slot = claim_slot(project, member.user, turn=0.0)
            assert slot is not None
            submit(member, slot, "E")
    page = home_of(client, member)
    assert ", 6 pairs" in page


def test_home_of_who_is_paused_says_why_and_offers_no_desk(client: Client) -> None:
    project = shop_of(2)
    told, below = make_members(project, 2)
    pause_member(project, told.user, "Let us talk <b>first</b>.")
    page = home_of(client, told)
    assert "Let us talk &lt;b&gt;first&lt;/b&gt;." in page
    assert "Start judging" not in page
    pause_member(project, below.user, BELOW_MARK)
    assert "too many of yours differed" in home_of(client, below)


def test_home_of_who_must_train_first_leads_there(client: Client) -> None:
    page = home_of(client, make_member(shop_of(1, training_required=True)))
    assert "First, a short training" in page
    assert "Start judging" not in page


def test_home_costs_the_same_queries_at_two_sizes(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    project = shop_of(30, overlap=1, max_overlap=1)
    member = make_member(project)
    client.force_login(member.user)
    for count in (2, 20):
        for _ in range(count):
            judge(member)
        with django_assert_max_num_queries(9):
            assert client.get(reverse("start", args=[project.slug])).status_code == 200


def test_home_sets_thousands_apart(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labeling.views.start._waiting", lambda _member: 3452)
    assert "<b>3,452</b> pairs are waiting for you" in home_of(client, make_member(make_project()))
