"""The page where one question of an old answer is asked again."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeling.actions.members import add_member
from labeling.actions.relabeling import withdraw_relabels
from labeling.models import Judgment, Membership, Project, Relabel, Role, Skip
from labeling.queries.relabels import waiting_relabels
from tests.labeling.acting import judge
from tests.labeling.relabeling import REWORDED, SHORT, bring, edited
from tests.making import PATHS, make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
BEGUN = "need:yes,type:yes,conflict:yes"
CONFLICT = ("ask: Does anything the query states contradict", "ask: Does one word of the query contradict")


def asked(
    client: Client, *changes: tuple[str, str], label: str = "S", pairs: int = 1, source: str = ""
) -> tuple[Membership, str]:
    """Sign in an annotator whose answers are asked again, in the default tree with these changes or in another."""
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project, f"kettle {number}") for number in range(pairs)])
    member, lead = make_member(project), make_member(project, Role.LEAD)
    for _ in range(pairs):
        judge(member, label)
    again = {name for name, change in (("accept", REWORDED), ("conflict", CONFLICT)) if change in changes}
    bring(lead, source or edited(*changes), again)
    client.force_login(member.user)
    return member, reverse("again", args=[project.slug])


def fields_of(page: str) -> dict[str, str]:
    form = page[page.index('id="walk"') :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[: form.index("data-question")]))


def shown(page: str) -> str:
    """Return the id of the question that is not hidden."""
    return "".join(re.findall(r'class="question" data-question="(\w+)">', page))


def live(member: Membership) -> list[str]:
    judgments = Judgment.objects.filter(annotator=member.user, retired_at__isnull=True)
    return list(judgments.order_by("pair").values_list("path", flat=True))


def test_page_stands_at_the_question_with_the_walk_before_it_and_says_what_changed(client: Client) -> None:
    _, url = asked(client, REWORDED)
    page = client.get(url).content.decode()
    assert 'data-query="kettle 0"' in page
    assert fields_of(page)["path"] == BEGUN
    assert shown(page) == "accept"
    assert "This question has new words." in page
    assert "It was: “Would a reasonable shopper take it instead, for the same job?”" in page
    assert 'data-standing="need:yes,type:yes,conflict:yes"' in page
    assert "Substitute" not in page  # the old label would only be in the way of a fresh answer


def test_answer_is_stored_and_the_next_one_is_the_reply(client: Client) -> None:
    member, url = asked(client, REWORDED, pairs=2)
    fields = fields_of(client.get(url).content.decode())
    reply = client.post(url, {**fields, "path": BEGUN, "answer": "accept:no", "seconds": "3.5"}, headers=HTMX)
    page = reply.content.decode()
    assert page.lstrip().startswith('<div id="desk"')
    assert 'data-query="kettle 1"' in page
    assert "Change last" in page
    assert sorted(live(member)) == [f"{BEGUN},accept:no", PATHS["S"]]
    assert Judgment.objects.get(path=f"{BEGUN},accept:no", annotator=member.user).seconds == 3.5
    again = client.post(url, {**fields, "path": BEGUN, "answer": "accept:yes"}, headers=HTMX)
    assert 'data-query="kettle 1"' in again.content.decode()
    assert sorted(live(member)) == [f"{BEGUN},accept:no", PATHS["S"]]
    last = fields_of(page)
    page = client.post(url, {**last, "path": BEGUN, "answer": "accept:yes"}, headers=HTMX).content.decode()
    assert "Nothing is asked again" in page
    assert waiting_relabels(member.project).count() == 0


def test_answers_after_the_question_that_still_hold_are_not_asked_again(client: Client) -> None:
    member, url = asked(client, CONFLICT)
    page = client.get(url).content.decode()
    assert shown(page) == "conflict"
    assert 'data-standing="need:yes,type:yes,accept:yes"' in page
    reply = client.post(url, {**fields_of(page), "answer": "conflict:yes"})
    assert reply.status_code == 302
    assert live(member) == [PATHS["S"]]
    assert Judgment.objects.get(annotator=member.user, retired_at__isnull=True).guideline.number == 2


def test_another_answer_goes_on_to_what_was_never_answered_without_a_script(client: Client) -> None:
    member, url = asked(client, CONFLICT)
    page = client.get(url).content.decode()
    page = client.post(url, {**fields_of(page), "answer": "conflict:no"}).content.decode()
    assert shown(page) == "silent"
    assert live(member) == [PATHS["S"]]
    back = client.post(url, {**fields_of(page), "path": "need:yes,type:yes"}).content.decode()
    assert shown(back) == "conflict"
    client.post(url, {**fields_of(page), "answer": "silent:no"})
    assert live(member) == [PATHS["E"]]


def test_page_says_that_an_answer_now_leads_to_a_skip(client: Client) -> None:
    yes, no = ('{text: "Yes, it does not say", ', '{text: "No, all of it is there", ')
    swapped = ((no + "label: E}", no + "skip: needs_evidence}"), (yes + "skip: needs_evidence}", yes + "label: E}"))
    _, url = asked(client, *swapped, label="E")
    page = client.get(url).content.decode()
    assert "Your answer “No, all of it is there” means now that the pair cannot be judged." in page
    assert shown(page) == "silent"


def test_page_says_that_an_answer_is_gone(client: Client) -> None:
    _, url = asked(client, source=SHORT.replace('yes: {text: "Yes", label', 'same: {text: "Yes", label'))
    page = client.get(url).content.decode()
    assert "Your answer “Yes” is no longer among the answers." in page
    assert shown(page) == "type"


def test_skip_is_stored_and_the_old_answer_taken_back(client: Client) -> None:
    member, url = asked(client, REWORDED)
    page = client.get(url).content.decode()
    fields = fields_of(page) | {"path": "", "reason": "needs_evidence", "note": "No size is given."}
    assert "Nothing is asked again" in client.post(url, fields, headers=HTMX).content.decode()
    assert live(member) == []
    skip = Skip.objects.get(annotator=member.user)
    assert (skip.reason, skip.note) == ("needs_evidence", "No size is given.")


def test_question_that_was_withdrawn_meanwhile_is_explained(client: Client) -> None:
    member, url = asked(client, REWORDED)
    fields = fields_of(client.get(url).content.decode())
    withdraw_relabels(member.project, member.user)
    for given in ({"answer": "accept:no"}, {"path": BEGUN}):
        reply = client.post(url, fields | given, headers=HTMX)
        assert "That question is no longer asked" in reply.content.decode()
    reply = client.post(url, fields | {"answer": "accept:no"}, follow=True)
    assert "That question is no longer asked" in reply.content.decode()
    assert live(member) == [PATHS["S"]]


@pytest.mark.parametrize(
    "changes",
    [{"path": "need:maybe"}, {"key": ""}, {"guideline": "0"}, {"item": "0"}, {"item": ""}, {"reason": "tired"}],
)
def test_answer_that_is_none_is_refused(client: Client, changes: dict[str, str]) -> None:
    member, url = asked(client, REWORDED)
    fields = fields_of(client.get(url).content.decode()) | {"answer": "accept:no"}
    assert client.post(url, fields | changes, headers=HTMX).status_code == 400
    assert live(member) == [PATHS["S"]]
    assert waiting_relabels(member.project).count() == 1


def test_nobody_answers_for_somebody_else(client: Client) -> None:
    member, url = asked(client, REWORDED)
    fields = fields_of(client.get(url).content.decode()) | {"answer": "accept:no"}
    client.force_login(make_member(member.project).user)
    page = client.get(url).content.decode()
    assert "Nothing is asked again" in page
    assert client.post(url, fields, headers=HTMX).status_code == 400
    client.force_login(make_member(member.project, Role.LEAD).user)
    assert client.post(url, fields, headers=HTMX).status_code == 400
    assert live(member) == [PATHS["S"]]


def test_who_is_paused_is_told_that_it_waits(client: Client) -> None:
    member, url = asked(client, REWORDED)
    Membership.objects.filter(pk=member.pk).update(paused_at=timezone.now(), paused_because="a talk first")
    page = client.get(url).content.decode()
    assert "It waits until your lead lets you go on." in page
    assert Relabel.objects.get(annotator=member.user).state == "waiting"


def test_who_is_paused_while_answering_gets_no_further_question(client: Client) -> None:
    member, url = asked(client, REWORDED, pairs=2)
    fields = fields_of(client.get(url).content.decode()) | {"path": PATHS["S"]}
    Membership.objects.filter(pk=member.pk).update(paused_at=timezone.now(), paused_because="a talk first")
    page = client.post(url, fields, headers=HTMX).content.decode()
    assert "It waits until your lead lets you go on." in page
    assert 'id="walk"' not in page
    assert waiting_relabels(member.project, member.user).count() == 1


def test_page_speaks_the_readers_language(client: Client) -> None:
    member, url = asked(client, CONFLICT)
    member.user.language = "es"
    member.user.save()
    page = client.get(url).content.decode()
    assert "¿Algo de lo que dice la consulta contradice este producto?" in page


@pytest.mark.parametrize("desk", ["pair", "shelf"])
@pytest.mark.parametrize("waits", [True, False])
def test_home_start_and_desk_say_how_many_answers_are_asked_again(client: Client, desk: str, waits: bool) -> None:
    member, url = asked(client, REWORDED, pairs=2)
    Project.objects.filter(pk=member.project_id).update(desk=desk)
    other = make_project()
    add_member(other, member.user, Role.ANNOTATOR)
    if waits:
        make_round(member.project, [make_pair(member.project)])
    said = "<b>2</b> of your answers need one question again"
    for name in ("start", "judge"):
        page = client.get(reverse(name, args=[member.project.slug])).content.decode()
        assert page.count(said) == 1
        assert f'href="{url}"' in page
    assert "2 answers need one question again" in client.get(reverse("home")).content.decode()
    withdraw_relabels(member.project, member.user)
    for address in (reverse("start", args=[member.project.slug]), reverse("judge", args=[member.project.slug]), "/"):
        assert "one question again" not in client.get(address).content.decode()


def test_desk_that_follows_another_does_not_count_what_is_asked_again(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    member, _ = asked(client, REWORDED, pairs=2)
    make_round(member.project, [make_pair(member.project) for _ in range(3)])
    url = reverse("judge", args=[member.project.slug])
    fields = fields_of(client.get(url).content.decode())
    with django_assert_max_num_queries(21):
        page = client.post(url, {**fields, "path": PATHS["E"]}, headers=HTMX).content.decode()
    assert "asked-again" not in page


def test_page_costs_the_same_queries_with_much_that_waits(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for pairs in (2, 12):
        member, url = asked(client, REWORDED, pairs=pairs)
        with django_assert_max_num_queries(10):
            page = client.get(url).content.decode()
        with django_assert_max_num_queries(24):  # BEGIN and COMMIT are savepoints here
            client.post(url, {**fields_of(page), "answer": "accept:no"}, headers=HTMX)
        assert waiting_relabels(member.project).count() == pairs - 1
