"""What was ruled and what was left out, and what follows from it: an example, gold, or taking it back."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from labeling.access import for_roles
from labeling.actions.adjudication import (
    add_example_of_ruling,
    make_gold_of_ruling,
    put_back_pair,
    standing_example,
    take_back_ruling,
)
from labeling.actions.judgments import tree_of
from labeling.forms.adjudication import FollowUpForm
from labeling.models import GoldPair, Membership, Project, Role, Ruling, SetAside, Split
from labeling.queries.adjudication import left_out, rulings_of
from labeling.queries.projects import published_guideline
from labeling.views.desk import as_read
from labeling.views.frame import project_page

SHOWN = 50


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.LEAD, Role.AUDITOR)
def rulings(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: what was ruled and what was left out. POST: take one back, or make an example or gold of it."""
    if request.method == "POST":
        return _follow_up(request, member)
    project = member.project
    page = Paginator(rulings_of(project), SHOWN).get_page(request.GET.get("page"))
    reasons = as_read(tree_of(project, published_guideline(project))).skips
    context = {
        "page": page,
        "rows": [ruling_context(row) for row in page],
        "asides": [
            {"aside": aside, "reason": reasons.get(aside.reason, aside.reason)} for aside in left_out(project)[:SHOWN]
        ],
        "crumbs": [
            {"text": _("Adjudication"), "url": reverse("adjudication", args=[project.slug])},
            {"text": _("Rulings"), "url": ""},
        ],
    }
    return project_page(request, member, "adjudication/rulings.html", "adjudication", context)


def ruling_context(ruling: Ruling) -> dict[str, Any]:
    """Return a ruling with what can still be made of it."""
    live = ruling.retired_at is None
    use = getattr(ruling, "gold_use", None)
    holdout = ruling.pair.query.split == Split.HOLDOUT
    return {
        "ruling": ruling,
        "live": live,
        "gold_use": use,
        "can_be_gold": live and not use and not holdout,
        "can_be_example": live and ruling.example_in_id is None,
    }


def just_done(request: HttpRequest, project: Project) -> dict[str, Any]:
    """Return what the address says was just ruled or left out, to be taken back or built on."""
    ruled, aside = request.GET.get("ruled", ""), request.GET.get("aside", "")
    done = rulings_of(project).filter(pk=int(ruled[:18])).first() if ruled.isdecimal() else None
    left = left_out(project).filter(pk=int(aside[:18])).first() if aside.isdecimal() else None
    return {"done": ruling_context(done) if done and done.retired_at is None else None, "left": left}


def _follow_up(request: HttpRequest, member: Membership) -> HttpResponse:
    form = FollowUpForm(_DEEDS, request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(_("Nothing was changed: the request was not whole."), "text/plain; charset=utf-8")
    do, number = form.cleaned_data["do"], form.cleaned_data["number"]
    try:
        messages.success(request, _DEEDS[do](member, number))
    except (Ruling.DoesNotExist, SetAside.DoesNotExist) as error:
        raise Http404("No such ruling.") from error
    except ValueError as error:
        messages.error(request, str(error))
    return redirect(_address_back(member.project, form.cleaned_data, do))


def _address_back(project: Project, sent: dict[str, Any], do: str) -> str:
    """Return the page that the request came from: the list of rulings, the list of pairs, or a pair's desk."""
    if sent["back"] is None:
        return reverse("rulings", args=[project.slug])
    kept = {"at": sent["at"], "ruled": "" if do in ("take-back", "put-back") else sent["number"]}
    query = urlencode({name: value for name, value in kept.items() if value})
    desk = reverse("adjudicate", args=[project.slug, sent["back"]])
    return (desk if sent["back"] else reverse("adjudication", args=[project.slug])) + (f"?{query}" if query else "")


def _take_back(member: Membership, ruling_id: int) -> str:
    """Take a ruling back, and say what was made of it and stays."""
    ruling = take_back_ruling(member.project, ruling_id, member.user)
    said = [_("The ruling is taken back, and what people said counts again.")]
    if GoldPair.objects.filter(pair=ruling.pair_id, retired_at__isnull=True).exists():
        said.append(_("The pair is still gold: retire it there if its answer was wrong too."))
    version = standing_example(member.project, ruling)
    if version is not None and version.published_at is None:
        stays = _("Its worked example stays in the draft of version %(number)s: take it out there if it is wrong too.")
        said.append(stays % {"number": version.number})
    elif version is not None:
        stays = _("Its worked example stays in version %(number)s, until a new version leaves it out.")
        said.append(stays % {"number": version.number})
    return " ".join(said)


def _put_back(member: Membership, aside_id: int) -> str:
    put_back_pair(member.project, aside_id, member.user)
    return _("The pair is back in the pool.")


def _train_on(member: Membership, ruling_id: int) -> str:
    make_gold_of_ruling(member.project, ruling_id, GoldPair.Use.TRAINING, member.user)
    return _("The pair is gold now: newcomers train on it.")


def _check_with(member: Membership, ruling_id: int) -> str:
    make_gold_of_ruling(member.project, ruling_id, GoldPair.Use.CHECK, member.user)
    return _("The pair is gold now: it is mixed into the work unseen.")


def _exemplify(member: Membership, ruling_id: int) -> str:
    draft = add_example_of_ruling(member.project, ruling_id, member.user)
    return _("The pair is a worked example in the draft of version %(number)s.") % {"number": draft.number}


_DEEDS: dict[str, Callable[[Membership, int], str]] = {
    "take-back": _take_back,
    "put-back": _put_back,
    "training": _train_on,
    "check": _check_with,
    "example": _exemplify,
}
