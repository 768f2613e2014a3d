"""An annotator's own judgments."""

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.forms import SearchForm
from labeling.models import Membership, Role
from labeling.queries.judgments import judged_today, judgments_of
from labeling.views.frame import project_page


@require_safe
@for_roles(Role.ANNOTATOR, Role.LEAD)
def work(request: HttpRequest, member: Membership) -> HttpResponse:
    """Show what one has judged, the newest first, with a search in query and title."""
    form = SearchForm(request.GET)
    search = form.cleaned_data["q"] if form.is_valid() else ""
    mine = judgments_of(member.project, member.user).select_related("label", "pair__query", "revision")
    if search:
        mine = mine.filter(pair__query__text__icontains=search) | mine.filter(revision__title__icontains=search)
    page = Paginator(mine, 50).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "search": search,
        "rest": f"{urlencode({'q': search})}&" if search else "",
        "today": judged_today(member.project, member.user),
    }
    return project_page(request, member, "work/page.html", "work", context)
