"""Who may use a view: said at the view, and refused here."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase

from labeling.models import Membership, Role, User
from labeling.queries.prepared import Prepared

Params = ParamSpec("Params")
MemberView = Callable[Concatenate[HttpRequest, Membership, Params], HttpResponseBase]
ProjectView = Callable[Concatenate[HttpRequest, str, Params], HttpResponseBase]

EVERY_ROLE = (Role.ANNOTATOR, Role.AUDITOR, Role.LEAD)


def for_roles(*roles: Role) -> Callable[[MemberView[Params]], ProjectView[Params]]:
    """Let a project's members with one of these roles use a view; it gets their membership instead of the slug.

    To everybody else the project does not exist: 404. A member with another role gets 403.
    """

    def decorate(view: MemberView[Params]) -> ProjectView[Params]:
        @wraps(view)
        def guarded(request: HttpRequest, slug: str, *args: Params.args, **kwargs: Params.kwargs) -> HttpResponseBase:
            membership = _membership_of.first(slug, signed_in(request).pk)
            if membership is None:
                raise Http404(f"No project {slug!r} that you take part in.")
            if membership.role not in roles:
                raise PermissionDenied(f"This page is for {', '.join(roles)}; you are {membership.role} here.")
            membership.user = signed_in(request)  # not fetched once more
            return view(request, membership, *args, **kwargs)

        guarded.roles = roles  # type: ignore[attr-defined]
        return cast(ProjectView[Params], guarded)

    return decorate


@Prepared
def _membership_of(slug: str, user_id: int) -> QuerySet[Membership]:
    return Membership.objects.select_related("project").filter(project__slug=slug, user=user_id)


def signed_in(request: HttpRequest) -> User:
    """Return the user of a request that the login middleware let through."""
    return cast(User, request.user)
