"""An annotator's own work."""

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.actions.judgments import tree_of
from labeling.forms.work import SearchForm
from labeling.models import Membership, Role
from labeling.queries.history import Step, steps_of
from labeling.queries.judgments import day_start
from labeling.queries.projects import published_guideline
from labeling.views.desk import as_read
from labeling.views.frame import project_page


@require_safe
@for_roles(Role.ANNOTATOR, Role.LEAD)
def work(request: HttpRequest, member: Membership) -> HttpResponse:
    """Show what one has judged and skipped, by day, the newest first, with a search in query, title and note."""
    form = SearchForm(request.GET)
    search = form.cleaned_data["q"] if form.is_valid() else ""
    steps = steps_of(member.project, member.user, search)
    pages: Paginator[Step] = Paginator(steps, 50)  # type: ignore[arg-type]  # it only counts and cuts
    page = pages.get_page(request.GET.get("page"))
    context = {
        "page": page,
        "search": search,
        "rest": f"{urlencode({'q': search})}&" if search else "",
        "today": steps_of(member.project, member.user).count_since(day_start()),
        "this_day": timezone.localdate(),
        "skips": as_read(tree_of(member.project, published_guideline(member.project))).skips,
    }
    return project_page(request, member, "work/page.html", "work", context)
