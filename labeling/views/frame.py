"""What every page of a project has around it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from labeling.models import Membership, Role

PAGES = (
    ("Overview", "project", (Role.LEAD,)),
    ("Judge", "judge", (Role.ANNOTATOR, Role.LEAD)),
    ("My work", "work", (Role.ANNOTATOR,)),
    ("Audit", "audit", (Role.AUDITOR,)),
    ("Rounds", "rounds", (Role.LEAD,)),
    ("Guideline", "guideline", (Role.ANNOTATOR, Role.AUDITOR, Role.LEAD)),
    ("People", "people", (Role.LEAD,)),
    ("Adapters", "adapters", (Role.LEAD,)),
    ("Audits", "audits", (Role.AUDITOR, Role.LEAD)),
    ("Jobs", "jobs", (Role.LEAD,)),
    ("Data", "data", (Role.LEAD,)),
    ("Settings", "settings", (Role.LEAD,)),
)


def project_page(
    request: HttpRequest, member: Membership, template: str, current: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Render a page, or a partial of it, with the project, the member's role and the pages open to it."""
    nav = [
        {"label": label, "url": reverse(name, args=[member.project.slug]), "current": name == current}
        for label, name, roles in PAGES
        if member.role in roles
    ]
    frame = {"project": member.project, "role": member.role, "nav": nav}
    return render(request, template, frame | context, status=status)
