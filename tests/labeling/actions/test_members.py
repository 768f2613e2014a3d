"""Who takes part, as what."""

import pytest

from labeling.actions.members import add_member, pause_member
from labeling.actions.queue import keep_lease
from labeling.models import AuditLogEntry, Membership, Role
from tests.labeling.acting import claim, make_members
from tests.making import make_pair, make_project, make_round, make_user

pytestmark = pytest.mark.django_db


def test_member_is_added_once_and_changes_role() -> None:
    project, lead, user = make_project(), make_user("lead"), make_user()
    first = add_member(project, user, Role.ANNOTATOR, lead)
    assert add_member(project, user, Role.ANNOTATOR, lead) == first
    second = add_member(project, user, Role.AUDITOR, lead)
    assert second.pk == first.pk
    assert Membership.objects.get(project=project).role == "auditor"
    entries = AuditLogEntry.objects.filter(project=project, verb="member.role").order_by("id")
    assert [(entry.actor, entry.target, entry.data) for entry in entries] == [
        (lead, user.username, {"before": None, "after": "annotator"}),
        (lead, user.username, {"before": "annotator", "after": "auditor"}),
    ]


def test_member_has_a_role_in_each_project() -> None:
    here, there, user = make_project(), make_project(), make_user()
    add_member(here, user, Role.LEAD)
    add_member(there, user, Role.ANNOTATOR)
    assert dict(Membership.objects.filter(user=user).values_list("project_id", "role")) == {
        here.pk: "lead",
        there.pk: "annotator",
    }


def test_last_lead_stays_one() -> None:
    project, first, second = make_project(), make_user("lead"), make_user("lead")
    add_member(project, first, Role.LEAD)
    with pytest.raises(ValueError, match="only lead"):
        add_member(project, first, Role.ANNOTATOR)
    add_member(project, second, Role.LEAD)
    assert add_member(project, first, Role.ANNOTATOR).role == "annotator"


def test_pause_gives_what_is_on_the_desk_to_others() -> None:
    project = make_project(overlap=1, max_overlap=1)
    make_round(project, [make_pair(project)])
    paused, other = make_members(project, 2)
    slot = claim(paused)
    pause_member(project, paused.user, "A break.")
    assert not keep_lease(project, paused.user, slot.pair_id, slot.key, "")
    assert claim(other) == slot
