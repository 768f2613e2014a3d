"""Every address, tried by those who may not use it."""

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from labeling.models import Job, Role
from labeling.urls import urlpatterns
from tests.making import make_member, make_project, make_user

pytestmark = pytest.mark.django_db

PUBLIC = {"login", "logout", "health", "set_language", "join", "joining"}
SIGNED_IN = {"home", "account", "styleguide"}
ARGUMENTS: dict[str, int] = {
    "number": 1,
    "job_id": 1,
    "member_id": 1,
    "invitation_id": 1,
    "inquiry_id": 1,
    "pair_id": 1,
    "old": 1,
    "new": 1,
    "other": 1,
}
OF_A_PROJECT = [pattern for pattern in urlpatterns if pattern.name not in PUBLIC | SIGNED_IN]
POST_ONLY = {"skip", "undo", "keep", "leave", "shelf-keep", "audit-skip", "audit-note", "promote", "cancel"}
POST_ONLY |= {"take-back", "invite", "revoke", "pause", "resume", "inquiry-example", "adjudicate-skip"}
POST_ONLY |= {"draft-start", "draft-check", "draft-discard", "roll-back"}


FOR_PROGRAMS = {"summary"}


def address(pattern: URLPattern, slug: str) -> str:
    names = pattern.pattern.regex.groupindex
    return reverse(str(pattern.name), kwargs={name: ARGUMENTS.get(name, slug) for name in names})


def ask(client: Client, pattern: URLPattern, slug: str) -> int:
    """Return the status of a GET, or of a POST where only that is allowed."""
    send = client.post if pattern.name in POST_ONLY else client.get
    return send(address(pattern, slug)).status_code


@pytest.mark.parametrize("pattern", OF_A_PROJECT, ids=lambda pattern: pattern.name)
def test_address_of_a_project_says_who_may_use_it(pattern: URLPattern) -> None:
    roles = getattr(pattern.callback, "roles", ())
    assert roles
    assert set(roles) <= set(Role)


@pytest.mark.parametrize("pattern", OF_A_PROJECT, ids=lambda pattern: pattern.name)
def test_address_of_a_project_is_not_there_for_strangers(client: Client, pattern: URLPattern) -> None:
    project = make_project()
    assert ask(client, pattern, project.slug) == (401 if pattern.name in FOR_PROGRAMS else 302)  # to the sign-in page
    client.force_login(make_user("stranger"))
    assert ask(client, pattern, project.slug) == 404
    lead_elsewhere = make_member(make_project(), Role.LEAD).user
    client.force_login(lead_elsewhere)
    assert ask(client, pattern, project.slug) == 404


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("pattern", OF_A_PROJECT, ids=lambda pattern: pattern.name)
def test_address_of_a_project_refuses_other_roles(client: Client, pattern: URLPattern, role: Role) -> None:
    project = make_project()
    client.force_login(make_member(project, role).user)
    status = ask(client, pattern, project.slug)
    if role in pattern.callback.roles:  # type: ignore[attr-defined]
        assert status != 403
    else:
        assert status == 403


def test_strangers_are_told_nothing_of_a_project(client: Client) -> None:
    project = make_project(name="Secret shop")
    client.force_login(make_user("stranger"))
    home = client.get("/")
    assert home.status_code == 200
    assert "Secret shop" not in home.content.decode()
    missing = client.get("/p/no-such-project/")
    there = client.get(f"/p/{project.slug}/")
    assert missing.status_code == there.status_code == 404
    assert "Secret shop" not in there.content.decode()


def test_annotator_cannot_start_or_stop_jobs(client: Client) -> None:
    project = make_project()
    job = Job.objects.create(project=project, kind="train")
    client.force_login(make_member(project, Role.ANNOTATOR).user)
    assert client.post(reverse("jobs", args=[project.slug]), {"kind": "select"}).status_code == 403
    assert client.post(reverse("cancel", args=[project.slug, job.pk])).status_code == 403
    job.refresh_from_db()
    assert job.state == "queued"
    assert project.jobs.count() == 1


def test_lead_cannot_reach_into_another_project(client: Client) -> None:
    mine, other = make_project(), make_project()
    job = Job.objects.create(project=other, kind="train")
    client.force_login(make_member(mine, Role.LEAD).user)
    assert client.get(reverse("job", args=[mine.slug, job.pk])).status_code == 404
    assert client.post(reverse("cancel", args=[mine.slug, job.pk])).status_code == 404
    job.refresh_from_db()
    assert job.state == "queued"


def test_forms_are_refused_without_their_token() -> None:
    project = make_project()
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_member(project, Role.LEAD).user)
    assert client.post(reverse("jobs", args=[project.slug]), {"kind": "select"}).status_code == 403
    assert not project.jobs.exists()


def test_pages_carry_a_strict_content_policy(client: Client) -> None:
    project = make_project()
    client.force_login(make_member(project, Role.LEAD).user)
    policy = client.get(f"/p/{project.slug}/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
