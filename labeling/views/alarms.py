"""Alarms about agreement: what is not as it should be, the numbers, and the pairs that show it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from labeling.access import for_roles
from labeling.actions.alarms import note_alarm, reopen_alarm
from labeling.forms.alarms import AlarmForm
from labeling.models import Alarm, Membership, Project, Role
from labeling.queries.agreement import NEWEST
from labeling.views.behind import newest_tree, pairs_url
from labeling.views.frame import project_page

SHOWN = 50  # alarms that are over
MEANING = {
    Alarm.Kind.GOAL: "The whole interval is below the goal, so chance hardly explains it. Find the question that parts "
    "people most, look at its pairs, and make it clearer.",
    Alarm.Kind.QUESTION: "The new version has made it harder to answer alike. Look at the pairs under the new version "
    "for what people now read differently, and mend the words.",
    Alarm.Kind.PERSON: "They may have got used to a reading of their own, or hurry. Look at the pairs with them. By "
    "chance alone, about one person in forty looks so.",
}


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.LEAD)
def alarms(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: the alarms there are, and those that are over. POST: take note of one, or take that back."""
    if request.method == "POST":
        return _settle(request, member)
    project = member.project
    found = Alarm.objects.filter(project=project).select_related("noted_by")
    live = sorted(
        found.exclude(state=Alarm.State.OVER), key=lambda one: (one.state != Alarm.State.OPEN, one.kind, -one.pk)
    )
    over = found.filter(state=Alarm.State.OVER).order_by("-seen_at", "-pk")
    page = Paginator(over, SHOWN).get_page(request.GET.get("page"))
    known = known_of(project, [*live, *page])
    crumbs = [{"text": "Agreement", "url": reverse("agreement", args=[project.slug])}, {"text": "Alarms"}]
    context = {
        "crumbs": crumbs,
        "rows": [alarm_context(project, alarm, known) for alarm in live],
        "page": page,
        "over": [alarm_context(project, alarm, known) for alarm in page],
    }
    return project_page(request, member, "alarms/page.html", "agreement", context)


def _settle(request: HttpRequest, member: Membership) -> HttpResponse:
    form = AlarmForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest("Nothing was changed: the request was not whole.", "text/plain; charset=utf-8")
    act = note_alarm if form.cleaned_data["do"] == "note" else reopen_alarm
    if act(member.project, form.cleaned_data["alarm"], member.user) is None:
        messages.info(request, "That alarm had been settled already, or is over. Nothing was changed.")
    return redirect("alarms", slug=member.project.slug)


def open_alarms(project: Project) -> list[str]:
    """Return what the alarms that nobody has noted say, in a sentence each. Two queries at most."""
    found = list(Alarm.objects.filter(project=project, state=Alarm.State.OPEN).order_by("kind", "pk"))
    people = people_of(project, found)
    return [in_short(alarm, people) for alarm in found]


@dataclass(frozen=True)
class Known:
    """Whom and what alarms are about, by their subjects: members, and the words of questions."""

    people: Mapping[str, Membership]
    asks: Mapping[str, str]


def known_of(project: Project, alarms: Sequence[Alarm]) -> Known:
    """Look up whom and what alarms are about: one query, and one for each question."""
    questions = {alarm.subject for alarm in alarms if alarm.kind == Alarm.Kind.QUESTION}
    asks = {question: newest_tree(project, question).questions[question].ask for question in sorted(questions)}
    return Known(people_of(project, alarms), asks)


def people_of(project: Project, alarms: Iterable[Alarm]) -> dict[str, Membership]:
    """Return the members whom alarms are about, by the subject."""
    people = {int(alarm.subject) for alarm in alarms if alarm.kind == Alarm.Kind.PERSON}
    rows = project.memberships.filter(user__in=people).select_related("user") if people else ()
    return {str(member.user_id): member for member in rows}


def in_short(alarm: Alarm, people: Mapping[str, Membership]) -> str:
    """Return what an alarm says, in a sentence for the overview."""
    said = alarm.details
    if alarm.kind == Alarm.Kind.GOAL:
        return f"Agreement is {_with_interval(said['agreement'])}, surely below the goal of {said['goal']:.2f}"
    if alarm.kind == Alarm.Kind.QUESTION:
        new, before, after = said["new"], said["before"]["value"], said["after"]["value"]
        return f"Question “{alarm.subject}” got worse with version {new}: {before:.2f} before, {after:.2f} now"
    before, lately = said["before"]["value"], said["lately"]["value"]
    return f"{_name(alarm, people)} agrees less with the others lately: {before:.2f} before, {lately:.2f} now"


def _name(alarm: Alarm, people: Mapping[str, Membership]) -> str:
    return people[alarm.subject].user.get_username() if alarm.subject in people else "Somebody"


def alarm_context(project: Project, alarm: Alarm, known: Known) -> dict[str, Any]:
    """Return what the page says of an alarm: its title, numbers and links, and what it means."""
    told = {Alarm.Kind.GOAL: _goal, Alarm.Kind.QUESTION: _question, Alarm.Kind.PERSON: _person}
    kind = Alarm.Kind(alarm.kind)
    about = told[kind](project, alarm, known)
    return {"alarm": alarm, "meaning": MEANING[kind], "short": in_short(alarm, known.people)} | about


def _goal(project: Project, alarm: Alarm, known: Known) -> dict[str, Any]:
    said = alarm.details
    return {
        "title": "Agreement is below the goal",
        "numbers": [_number("Raw agreement", said["agreement"], "pairs"), _plain("Goal", said["goal"])],
        "links": [("The pairs that differ", pairs_url(project, differ=True))],
    }


def _question(project: Project, alarm: Alarm, known: Known) -> dict[str, Any]:
    said, question = alarm.details, alarm.subject
    new, old = said["new"], said["old"]
    return {
        "title": f"“{known.asks[question]}” got worse with version {new}",
        "numbers": [
            _number(f"Answered alike under version {old}", said["before"], "comparisons"),
            _number(f"Under version {new}", said["after"], "comparisons"),
            _number("Difference", said["difference"], "", "{:+.2f}"),
        ],
        "links": [
            (f"Who differ under version {number}", pairs_url(project, question=question, version=number, differ=True))
            for number in (new, old)
        ],
    }


def _person(project: Project, alarm: Alarm, known: Known) -> dict[str, Any]:
    said, member = alarm.details, known.people.get(alarm.subject)
    links = []
    if member is not None:
        pairs = pairs_url(project, person=member.user_id, lately=True, differ=True)
        links = [("Their newest that differ", pairs), ("Their page", reverse("person", args=[project.slug, member.pk]))]
    return {
        "title": f"{_name(alarm, known.people)} agrees less with the others lately",
        "numbers": [
            _number("As the others before", said["before"], "pairs"),
            _number(f"In the newest {NEWEST} judgments", said["lately"], "pairs"),
            _number("Difference", said["difference"], "", "{:+.2f}"),
        ],
        "links": links,
    }


def _number(name: str, estimate: Mapping[str, Any], unit: str, form: str = "{:.2f}") -> dict[str, str]:
    known = estimate["low"] is not None and estimate["high"] is not None
    interval = [f"{form.format(estimate['low'])} to {form.format(estimate['high'])}"] if known else []
    more = [*interval, f"{estimate['n']:,} {unit}"] if unit else interval
    return {"name": name, "value": form.format(estimate["value"]), "more": ", ".join(more)}


def _plain(name: str, value: float) -> dict[str, str]:
    return {"name": name, "value": f"{value:.2f}", "more": ""}


def _with_interval(estimate: Mapping[str, Any]) -> str:
    return f"{estimate['value']:.2f} ({estimate['low']:.2f} to {estimate['high']:.2f})"
