"""What every page of a project has around it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from labeling.models import Membership, Role

PAGES = (
    (_("Overview"), "project", (Role.LEAD,)),
    (_("Agreement"), "agreement", (Role.LEAD,)),
    (_("Home"), "start", (Role.ANNOTATOR,)),
    (_("Judge"), "judge", (Role.ANNOTATOR, Role.LEAD)),
    (_("My work"), "work", (Role.ANNOTATOR,)),
    (_("Audit"), "audit", (Role.AUDITOR,)),
    (_("Rounds"), "rounds", (Role.LEAD,)),
    (_("Pool"), "pool", (Role.LEAD,)),
    (_("Questions"), "inquiries", (Role.ANNOTATOR, Role.LEAD)),
    (_("Adjudication"), "adjudication", (Role.AUDITOR, Role.LEAD)),
    (_("Guideline"), "guideline", (Role.ANNOTATOR, Role.AUDITOR, Role.LEAD)),
    (_("People"), "people", (Role.LEAD,)),
    (_("Gold"), "gold", (Role.LEAD,)),
    (_("Adapters"), "adapters", (Role.LEAD,)),
    (_("Audits"), "audits", (Role.AUDITOR, Role.LEAD)),
    (_("Jobs"), "jobs", (Role.LEAD,)),
    (_("Data"), "data", (Role.LEAD,)),
    (_("Settings"), "settings", (Role.LEAD,)),
)


def project_page(
    request: HttpRequest, member: Membership, template: str, current: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Render a page, or a partial of it, with the project, the member's role and the pages open to it."""
    nav = SimpleLazyObject(lambda: _open_pages(member, current))  # a partial has none
    frame = {"project": member.project, "role": member.role, "role_name": member.get_role_display(), "nav": nav}
    return render(request, template, frame | context, status=status)


def _open_pages(member: Membership, current: str) -> list[dict[str, Any]]:
    return [
        {"label": label, "url": reverse(name, args=[member.project.slug]), "current": name == current}
        for label, name, roles in PAGES
        if member.role in roles
    ]
