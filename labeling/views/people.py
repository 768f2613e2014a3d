"""People: who takes part, what they do, how they do, and who is let in."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from labeling.access import for_roles
from labeling.actions.invitations import invite, leads_of, refusal_of, revoke_invitation
from labeling.actions.judgments import tree_of
from labeling.actions.members import add_member, pause_member, resume_member, set_languages
from labeling.actions.queue import must_train, take_back
from labeling.forms.people import InviteForm, LanguagesForm, PauseForm, TakeBackForm
from labeling.models import Invitation, Membership, Project, Role
from labeling.queries.gold import BELOW_MARK
from labeling.queries.judgments import judgments_of
from labeling.queries.people import NEWEST, Concern, Work, days_of, known_locales, skip_reasons, work_by_member
from labeling.queries.projects import published_guideline
from labeling.queries.repeats import self_agreement
from labeling.views.frame import project_page
from labeling.views.numbers import percent, stat
from labeling.views.start import day_chart
from modeling.estimates import Estimate

DAYS = 28  # of a person's page
CONCERNS = {
    Concern.BELOW_MARK: lambda: _("Paused: gold pairs below the pass mark"),
    Concern.FAST: lambda: _("Many answers are suspiciously fast"),
    Concern.GOLD: lambda: _("Gold pairs below the pass mark so far"),
    Concern.DISAGREES: lambda: _("Differs from the others more than most"),
    Concern.SKIPS: lambda: _("Skips far more than the others"),
}


@require_safe
@for_roles(Role.LEAD)
def people(request: HttpRequest, member: Membership) -> HttpResponse:
    """Show who is working, every member with their work, and the links that let people in."""
    return _people(request, member, InviteForm(known_locales(member.project)))


def _people(request: HttpRequest, member: Membership, form: InviteForm) -> HttpResponse:
    project = member.project
    works = work_by_member(project)
    context = {
        "rows": [row_of(work) for work in works],
        "working": [row_of(work) for work in works if work.leases],
        "needing": sum(bool(work.concerns) for work in works),
        "invitations": invitations_of(project),
        "form": form,
        "newest": NEWEST,
    }
    return project_page(request, member, "people/page.html", "people", context, status=400 if form.errors else 200)


def row_of(work: Work) -> dict[str, Any]:
    """Return what the page says of a member."""
    member = work.member
    return {
        "member": member,
        "name": member.user.get_username(),
        "work": work,
        "state": state_of(member),
        "concerns": [CONCERNS[concern]() for concern in work.concerns],
        "agreement": stat(work.newest.agreement),
        "gold": stat(work.gold),
        "fast": stat(work.fast),
        "fast_share": _share(work.fast),
        "skipped": stat(work.skipped),
        "skipped_share": _share(work.skipped),
    }


def _share(estimate: Estimate) -> str:
    return percent(round(estimate.value, 2)) if estimate.n else ""


def state_of(member: Membership) -> str:
    """Return "paused", "training" or nothing."""
    if member.paused_at is not None:
        return "paused"
    return "training" if member.role == Role.ANNOTATOR and must_train(member) else ""


def invitations_of(project: Project) -> list[dict[str, Any]]:
    """Return the newest invitations, those that still work first, with why the others do not."""
    found = Invitation.objects.filter(project=project).select_related("created_by").order_by("-id")[:20]
    leads = leads_of(project.pk)
    rows = [{"invitation": one, "refusal": refusal_of(one, leads)} for one in found]
    return sorted(rows, key=lambda row: row["refusal"] is not None)


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.LEAD)
def person(request: HttpRequest, member: Membership, member_id: int) -> HttpResponse:
    """GET: one member's work. POST: change their role and languages."""
    project = member.project
    found = member_of(project, member_id)
    locales = known_locales(project)
    form = LanguagesForm(locales, request.POST or None, initial={"role": found.role, "languages": found.languages})
    if request.method == "POST" and form.is_valid() and _change(found, form, member):
        messages.success(request, _("The changes are saved."))
        return redirect("person", slug=project.slug, member_id=found.pk)
    return _person(request, member, found, form, PauseForm())


def _change(found: Membership, form: LanguagesForm, lead: Membership) -> bool:
    """Save a role and languages; False, with the reason in the form, where that cannot be."""
    try:
        add_member(found.project, found.user, Role(form.cleaned_data["role"]), lead.user)
    except ValueError as error:
        form.add_error("role", ValidationError(str(error)))
        return False
    if "languages" in form.cleaned_data:
        set_languages(found.project, found.user, form.cleaned_data["languages"], lead.user)
    return True


def _person(
    request: HttpRequest, member: Membership, found: Membership, form: LanguagesForm, pause_form: PauseForm
) -> HttpResponse:
    project = member.project
    work = next(work for work in work_by_member(project) if work.member.pk == found.pk)
    skips = tree_of(project, published_guideline(project)).skips
    crumbs = [{"text": _("People"), "url": reverse("people", args=[project.slug])}, {"text": found.user.get_username()}]
    context = row_of(work) | {
        "crumbs": crumbs,
        "self_agreement": stat(self_agreement(found)),
        "chart": day_chart(days_of(project, found.user, DAYS)),
        "reasons": [(skips.get(reason, reason), n) for reason, n in skip_reasons(project, found.user, DAYS)],
        "last": judgments_of(project, found.user).select_related(
            "label", "pair__query", "revision", "pair__consensus__label"
        )[:20],
        "below_mark": found.paused_because == BELOW_MARK,
        "form": form,
        "pause_form": pause_form,
        "days": DAYS,
        "newest": NEWEST,
    }
    status = 400 if form.errors or pause_form.errors else 200
    return project_page(request, member, "people/person.html", "people", context, status=status)


def member_of(project: Project, member_id: int) -> Membership:
    """Return a member of the project; 404 where there is none."""
    found = Membership.objects.select_related("user").filter(project=project, pk=member_id).first()
    if found is None:
        raise Http404("Nobody takes part here under that number.")
    found.project = project
    return found


@require_POST
@for_roles(Role.LEAD)
def pause(request: HttpRequest, member: Membership, member_id: int) -> HttpResponse:
    """Give a member no more pairs, with words for them."""
    found = member_of(member.project, member_id)
    form = PauseForm(request.POST)
    if not form.is_valid():
        locales = known_locales(member.project)
        initial = {"role": found.role, "languages": found.languages}
        return _person(request, member, found, LanguagesForm(locales, initial=initial), form)
    pause_member(member.project, found.user, form.cleaned_data["because"], member.user)
    messages.success(request, _("%(name)s is paused. Resume takes it back.") % {"name": found.user.get_username()})
    return redirect("person", slug=member.project.slug, member_id=found.pk)


@require_POST
@for_roles(Role.LEAD)
def resume(request: HttpRequest, member: Membership, member_id: int) -> HttpResponse:
    """Let a paused member go on."""
    found = member_of(member.project, member_id)
    resume_member(member.project, found.user, member.user)
    messages.success(request, _("%(name)s gets pairs again.") % {"name": found.user.get_username()})
    return redirect("person", slug=member.project.slug, member_id=found.pk)


@require_POST
@for_roles(Role.LEAD)
def take_leases_back(request: HttpRequest, member: Membership) -> HttpResponse:
    """Take pairs off somebody's desk."""
    form = TakeBackForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(_("Nothing was changed: the request was not whole."), "text/plain")
    taken = sum(take_back(member.project, slot_id, member.user) for slot_id in form.cleaned_data["slot"])
    if taken:
        told = ngettext(
            "%(n)d pair is free for others. An answer that still comes for it is kept.",
            "%(n)d pairs are free for others. Answers that still come for them are kept.",
            taken,
        ) % {"n": taken}
        messages.success(request, told)
    else:
        messages.info(request, _("Nobody held it any more. Nothing was changed."))
    return redirect("people", slug=member.project.slug)


@require_POST
@never_cache
@for_roles(Role.LEAD)
def make_invitation(request: HttpRequest, member: Membership) -> HttpResponse:
    """Make a link that lets people in, and show it this once."""
    form = InviteForm(known_locales(member.project), request.POST)
    if not form.is_valid():
        return _people(request, member, form)
    invitation, token = invite(
        member.project,
        member.user,
        Role(form.cleaned_data["role"]),
        form.cleaned_data.get("languages", ()),
        form.cleaned_data["places"],
        form.cleaned_data["days"],
    )
    link = request.build_absolute_uri(reverse("join", args=[token]))
    return project_page(request, member, "people/invited.html", "people", {"invitation": invitation, "link": link})


@require_POST
@for_roles(Role.LEAD)
def revoke(request: HttpRequest, member: Membership, invitation_id: int) -> HttpResponse:
    """Take a link back."""
    if revoke_invitation(member.project, invitation_id, member.user):
        messages.success(request, _("The link lets nobody in any more. Who came in by it stays."))
    else:
        messages.info(request, _("That link was taken back already."))
    return redirect("people", slug=member.project.slug)
