"""People: who takes part and what they do."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.models import Membership, Role
from labeling.queries.people import work_by_member
from labeling.views.frame import project_page


@require_safe
@for_roles(Role.LEAD)
def people(request: HttpRequest, member: Membership) -> HttpResponse:
    """Show every member with their work."""
    rows = [
        {
            "header": work.member.user.get_username(),
            "cells": [
                work.member.get_role_display(),
                work.judgments,
                work.today,
                work.skips,
                f"{work.median_seconds:.1f} s" if work.median_seconds is not None else "",
                f"{work.with_consensus / work.settled:.2f} of {work.settled}" if work.settled else "",
            ],
        }
        for work in work_by_member(member.project)
    ]
    columns = [
        {"text": "Person"},
        {"text": "Role"},
        *(
            {"text": text, "numeric": True}
            for text in ("Judgments", "Today", "Skips", "Median time", "As the consensus")
        ),
    ]
    return project_page(request, member, "people/page.html", "people", {"columns": columns, "rows": rows})
