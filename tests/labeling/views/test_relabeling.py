"""The page that says how far a version's questions are, and what a lead can do about them."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from labeling.models import Job, Judgment, Membership, Relabel, Role
from labeling.queries.relabels import waiting_relabels
from labeling.views.project import needs
from tests.labeling.acting import judge_all
from tests.labeling.relabeling import REWORDED, bring, edited, publish, run_job
from tests.making import make_member, make_pair, make_project, make_round

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def asked(client: Client) -> tuple[Membership, list[Membership], str]:
    """Sign in a lead whose two annotators are asked two answers again each."""
    project = make_project(overlap=2, max_overlap=2)
    lead, members = make_member(project, Role.LEAD), [make_member(project), make_member(project)]
    pairs = [make_pair(project), make_pair(project)]
    make_round(project, pairs)
    judge_all(members, dict.fromkeys(pairs, "S"))
    bring(lead, edited(REWORDED), {"accept"})
    client.force_login(lead.user)
    return lead, members, reverse("relabeling", args=[project.slug])


def test_page_without_anything_says_what_it_is_for(client: Client) -> None:
    lead = make_member(make_project(), Role.LEAD)
    client.force_login(lead.user)
    assert "Nothing is asked again" in client.get(reverse("relabeling", args=[lead.project.slug])).content.decode()


def test_page_shows_each_version_and_person(client: Client) -> None:
    _, members, url = asked(client)
    page = client.get(url).content.decode()
    assert "Version 2" in page
    for member in members:
        assert member.user.username in page
    assert page.count("Withdraw…</a>") == 2
    assert "Withdraw all 4…</a>" in page
    assert "</button>" not in page[page.index("Version 2</h2>") :]  # nothing is withdrawn by one click
    part = client.get(url, headers=HTMX).content.decode()
    assert part.lstrip().startswith('<div class="stack-wide" id="relabeling"')
    assert "hx-trigger" not in part  # nothing is under way


def test_lead_withdraws_what_waits_for_one_person_and_then_all(client: Client) -> None:
    lead, members, url = asked(client)
    page = client.get(url, {"withdraw": str(members[0].user_id)}).content.decode()
    assert "Withdraw 2 questions?" in page
    assert f"{members[0].user} is not asked them any more" in page
    assert "Withdraw 4</button>" in client.get(url, {"withdraw": "everybody"}).content.decode()
    assert "</button>" not in client.get(url, {"withdraw": "0"}).content.decode().split("Version 2</h2>")[1]
    reply = client.post(url, {"person": members[0].user_id}, follow=True)
    assert "2 questions withdrawn. The judgments stay as they are." in reply.content.decode()
    assert {one.annotator for one in waiting_relabels(lead.project)} == {members[1].user}
    client.post(url, {"everybody": "on"})
    assert not waiting_relabels(lead.project).exists()
    assert "Nothing waited." in client.post(url, {"everybody": "on"}, follow=True).content.decode()
    assert Judgment.objects.filter(project=lead.project, retired_at__isnull=True, label__key="S").count() == 4


@pytest.mark.parametrize("fields", [{}, {"person": "0"}, {"person": "x"}])
def test_withdrawing_names_whom_it_is_about(client: Client, fields: dict[str, str]) -> None:
    lead, members, url = asked(client)
    stranger = make_member(make_project())
    for sent in (fields, {"person": str(stranger.user_id)}, {"person": str(members[0].user_id), "everybody": "on"}):
        assert client.post(url, sent).status_code == 400
    assert waiting_relabels(lead.project).count() == 4


def test_job_is_run_again_for_the_newest_version_only(client: Client) -> None:
    lead, _, url = asked(client)
    assert "Run again" in client.get(url).content.decode()
    client.post(url, {"resume": "on"})
    job = lead.project.jobs.get(state=Job.State.QUEUED)
    assert (job.params["relabel"], job.params["take_over"]) == (True, True)
    assert "under way already" in client.post(url, {"resume": "on"}, follow=True).content.decode()
    assert 'hx-trigger="every 2s"' in client.get(url, headers=HTMX).content.decode()
    run_job(lead.project)
    publish(lead, edited(REWORDED, ("ask: Is this the type", "ask: Is it the type")), relabel=False)
    assert "Run again" not in client.get(url).content.decode()
    assert "nothing to run again" in client.post(url, {"resume": "on"}, follow=True).content.decode()


def test_lead_is_told_of_questions_that_nobody_will_see(client: Client) -> None:
    lead, members, url = asked(client)
    assert not [need for need in needs(lead.project) if need["url"] == url]
    Membership.objects.filter(pk=members[0].pk).update(paused_at=timezone.now(), paused_because="a break")
    Membership.objects.filter(pk=members[1].pk).update(role=Role.AUDITOR)
    (need,) = [need for need in needs(lead.project) if need["url"] == url]
    assert need["text"] == "4 questions are asked again of people who cannot answer now: paused, or no longer judging"
    page = client.get(url).content.decode()
    assert page.count("cannot answer now</span>") == 2
    assert Relabel.objects.filter(project=lead.project, state="waiting").count() == 4


@pytest.mark.parametrize("role", [Role.ANNOTATOR, Role.AUDITOR])
def test_only_a_lead_withdraws(client: Client, role: Role) -> None:
    lead, _, url = asked(client)
    client.force_login(make_member(lead.project, role).user)
    assert client.post(url, {"everybody": "on"}).status_code == 403
    assert waiting_relabels(lead.project).count() == 4
