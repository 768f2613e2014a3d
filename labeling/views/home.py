"""Where people arrive, and whether Winnow is well."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from labeling.access import signed_in
from labeling.models import LabelScheme, Membership, Role
from labeling.queries.inquiries import new_answers
from labeling.queries.projects import memberships_of
from labeling.queries.relabels import relabels_by_project
from labeling.views.examples import example_cards, example_walks

View = Callable[[HttpRequest], HttpResponse]
FIRST_PAGE = {Role.ANNOTATOR: "start", Role.AUDITOR: "audit", Role.LEAD: "project"}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the projects one takes part in; go straight to the only one. For everybody who is signed in."""
    memberships = list(memberships_of(signed_in(request)))
    if len(memberships) == 1:
        return redirect(first_page(memberships[0]))
    new, again = new_answers(signed_in(request)), relabels_by_project(signed_in(request))
    news = {
        project_id: ", ".join(filter(None, (_answers(new.get(project_id, 0)), _again(again.get(project_id, 0)))))
        for project_id in {*new, *again}
    }
    rows = [
        {
            "header": member.project.name,
            "href": first_page(member),
            "cells": [member.get_role_display(), *([news.get(member.project_id, "")] if news else [])],
        }
        for member in memberships
    ]
    columns = [{"text": _("Project")}, {"text": _("You are")}, *([{"text": _("News")}] if news else [])]
    return render(request, "home.html", {"columns": columns, "rows": rows})


def _answers(n: int) -> str:
    """Say how many answers of the lead are new; nothing where there are none."""
    if not n:
        return ""
    return ngettext("%(n)s answer to your question", "%(n)s answers to your questions", n) % {"n": n}


def _again(n: int) -> str:
    """Say how many answers of theirs are asked again; nothing where there are none."""
    if not n:
        return ""
    return ngettext("%(n)s answer needs one question again", "%(n)s answers need one question again", n) % {"n": n}


def first_page(member: Membership) -> str:
    """Return the address of the page that a role works on."""
    return reverse(FIRST_PAGE[Role(member.role)], args=[member.project.slug])


@login_not_required
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Say whether the site can reach its database: 200 and {"ok": true}, or an error. For everybody."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"ok": True})


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show every component in every state. For everybody who is signed in."""
    labels = list(LabelScheme.objects.get(slug="esci").labels.all())
    return render(
        request, "styleguide.html", {"labels": labels, "cards": example_cards(), "walks": example_walks(labels)}
    )


def explain_wrong_method(get_response: View) -> View:
    """Return a middleware that puts a page in the place of Django's empty answer 405, but for programs."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code != 405 or request.path.startswith("/api/"):
            return response
        page = render(request, "405.html", status=405)
        page.headers["Allow"] = response.headers["Allow"]
        return page

    return answer
