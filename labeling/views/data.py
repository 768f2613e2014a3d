"""What is in the project, and how more comes in."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.models import ImportedLabel, Job, Membership, Pair, Product, Query, Role
from labeling.views.frame import project_page


@require_safe
@for_roles(Role.LEAD)
def data(request: HttpRequest, member: Membership) -> HttpResponse:
    """Show how much there is, the imports so far, and the command for the next one."""
    project = member.project
    context = {
        "counts": {
            "Queries": Query.objects.filter(project=project).count(),
            "Products": Product.objects.filter(project=project).count(),
            "Pairs": Pair.objects.filter(project=project).count(),
            "Imported labels": ImportedLabel.objects.filter(pair__project=project).count(),
        },
        "imports": list(project.jobs.filter(kind=Job.Kind.IMPORT).order_by("-id")[:20]),
    }
    return project_page(request, member, "data/page.html", "data", context)
