"""A project's numbers for programs."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.actions.agreement import current_report
from labeling.api.answers import in_json
from labeling.models import Membership, Role
from labeling.queries.summary import summary


@in_json
@require_safe
@for_roles(Role.LEAD)
def project_summary(request: HttpRequest, member: Membership) -> JsonResponse:
    """Return the project's summary. For leads."""
    current_report(member.project)
    return JsonResponse(summary(member.project))
