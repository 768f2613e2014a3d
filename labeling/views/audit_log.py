"""The audit log: who did what in a project, the newest first."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.forms.audit_log import AuditLogForm
from labeling.models import AuditLogEntry, GuidelineVersion, Membership, Project, Role
from labeling.queries.audit_log import entries_around, entries_of
from labeling.views.frame import project_page

SHOWN = 50
LONG = 120  # characters of details that stand in the row; more are folded
# What an entry says, by its verb; and the page that shows its subject, with the number that its address takes, if any.
DEEDS = {
    "project.create": ("Made the project", "settings"),
    "project.configure": ("Changed the settings", "settings"),
    "member.role": ("Changed a role", "person"),
    "member.languages": ("Changed somebody's languages", "person"),
    "member.pause": ("Paused somebody", "person"),
    "member.resume": ("Let somebody go on", "person"),
    "member.qualify": ("Qualified", "person"),
    "training.finish": ("Finished the training", "person"),
    "invitation.create": ("Made an invitation", "people"),
    "invitation.accept": ("Accepted an invitation", "people"),
    "invitation.revoke": ("Took an invitation back", "people"),
    "lease.take_back": ("Took a pair off somebody's desk", "people"),
    "guideline.draft": ("Started a draft of the guideline", "version"),
    "guideline.save": ("Saved the draft", "version"),
    "guideline.example": ("Put an example into the draft", "version"),
    "guideline.discard": ("Threw a draft away", "version"),
    "guideline.publish": ("Published a guideline", "version"),
    "relabel.take_over": ("Took judgments over into a version", "relabeling"),
    "relabel.withdraw": ("Withdrew what was asked again", "relabeling"),
    "pair.rule": ("Ruled a pair", "adjudicate"),
    "pair.unrule": ("Took a ruling back", "adjudicate"),
    "pair.set_aside": ("Decided on a pair that was set aside", "set-aside"),
    "gold.draw": ("Drew gold pairs", "gold"),
    "gold.add": ("Added a gold pair", "gold"),
    "gold.retire": ("Retired a gold pair", "gold"),
    "gold.restore": ("Restored a gold pair", "gold"),
    "inquiry.ask": ("Asked the lead", "inquiry"),
    "inquiry.answer": ("Answered a question", "inquiry"),
    "inquiry.example": ("Made an example of a question", "inquiry"),
    "round.open": ("Opened a round", "rounds"),
    "job.start": ("Started a job", "job"),
    "job.cancel": ("Stopped a job", "job"),
    "import.esci": ("Imported files", "data"),
    "adapter.train": ("Trained an adapter", "adapter"),
    "adapter.decide": ("Decided on an adapter", "adapter"),
    "adapter.promote": ("Made an adapter the champion", "adapter"),
    "adapter.roll_back": ("Went back to an adapter", "adapter"),
    "adapter.prune": ("Removed an adapter's files", "adapter"),
    "audit.draw": ("Drew an audit", "verdicts"),
    "audit.verdict": ("Gave a verdict", "verdicts"),
    "audit.note": ("Said why a verdict differs", "verdicts"),
    "alarm.raise": ("Raised an alarm", "alarms"),
    "alarm.over": ("Ended an alarm", "alarms"),
    "alarm.note": ("Noted an alarm", "alarms"),
    "alarm.reopen": ("Reopened an alarm", "alarms"),
}
NUMBERED = ("adjudicate", "inquiry", "job", "adapter", "verdicts")


@require_safe
@for_roles(Role.LEAD)
def audit_log(request: HttpRequest, member: Membership) -> HttpResponse:
    """Show some entries of the log, of all deeds or of one, of everybody or of somebody."""
    project = member.project
    people = list(project.memberships.order_by("user__username").values_list("user", "user__username"))
    form = AuditLogForm({verb: says for verb, (says, _) in DEEDS.items()}, people, request.GET)
    asked = form.cleaned_data if form.is_valid() else {}
    found = entries_of(project, (asked["did"],) if asked.get("did") else (), asked.get("by"))
    entries, newer, older = entries_around(found, SHOWN, asked.get("before"), asked.get("after"))
    subjects = _subjects(project, entries)
    context = {
        "crumbs": [{"text": "Settings", "url": reverse("settings", args=[project.slug])}, {"text": "Audit log"}],
        "form": form,
        "rows": [_row(project, entry, subjects) for entry in entries],
        "filtered": bool(asked.get("did") or asked.get("by") is not None),
        "newest": _address(request) if newer else "",
        "newer": _address(request, after=entries[0].pk) if newer and entries else "",
        "older": _address(request, before=entries[-1].pk) if older and entries else "",
    }
    return project_page(request, member, "audit_log/page.html", "settings", context, 200 if form.is_valid() else 400)


def _address(request: HttpRequest, **where: int) -> str:
    """Return this page's address with the same filters, elsewhere in the log."""
    query = request.GET.copy()
    for name in ("before", "after"):
        query.pop(name, None)
    for name, value in where.items():
        query[name] = str(value)
    return f"?{query.urlencode()}"


@dataclass(frozen=True)
class Subjects:
    """What entries are about and can be looked up by name: members by username; the guideline's versions."""

    members: Mapping[str, int]
    published: frozenset[int]
    draft: int | None


def _subjects(project: Project, entries: Iterable[AuditLogEntry]) -> Subjects:
    """Look up what entries are about, in at most two queries."""
    places = {entry.verb: DEEDS.get(entry.verb, ("", ""))[1] for entry in entries}
    names = {entry.target for entry in entries if places[entry.verb] == "person"}
    members = project.memberships.filter(user__username__in=names).values_list("user__username", "pk") if names else ()
    versions: list[tuple[int, bool]] = []
    if "version" in places.values():
        rows = GuidelineVersion.objects.filter(project=project).values_list("number", "published_at")
        versions = [(number, published_at is not None) for number, published_at in rows]
    return Subjects(
        dict(members),
        frozenset(number for number, published in versions if published),
        next((number for number, published in versions if not published), None),
    )


def _row(project: Project, entry: AuditLogEntry, subjects: Subjects) -> dict[str, Any]:
    says, place = DEEDS.get(entry.verb, (entry.verb, ""))
    told = [(name.replace("_", " "), value) for name, value in entry.data.items() if value not in (None, "", [], {})]
    details = ", ".join(f"{name}: {_words(value)}" for name, value in told)
    return {
        "entry": entry,
        "says": says,
        "url": _url(project, place, entry.target, subjects) if place else "",
        "details": details,
        "long": len(details) > LONG,
    }


def _words(value: object) -> str:
    """Return a detail as it can be read: text as it is, what has parts as JSON."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _url(project: Project, place: str, target: str, subjects: Subjects) -> str:
    """Return the address of the page that shows the subject of an entry; nothing where there is none."""
    if place == "person":
        return reverse("person", args=[project.slug, subjects.members[target]]) if target in subjects.members else ""
    numbers = re.findall(r"\d+", target)
    if place == "version":
        return _version_url(project, int(numbers[0]), subjects) if numbers else ""
    if place not in NUMBERED:
        return reverse(place, args=[project.slug])
    return reverse(place, args=[project.slug, int(numbers[0])]) if numbers else ""


def _version_url(project: Project, number: int, subjects: Subjects) -> str:
    if number in subjects.published:
        return reverse("guideline-version", args=[project.slug, number])
    return reverse("draft", args=[project.slug]) if number == subjects.draft else ""
