"""What programs are answered: JSON, also where they are refused, and never the page for signing in."""

from functools import wraps
from typing import cast

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse

from labeling.access import Params, ProjectView


def in_json(view: ProjectView[Params]) -> ProjectView[Params]:
    """Answer who may not use a project's view with 401, 403 or 404 and {"error": why}. Above `for_roles`."""

    @wraps(view)
    def answered(request: HttpRequest, slug: str, *args: Params.args, **kwargs: Params.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _refuse(401, "Nobody is signed in: send the session cookie of a member of the project.")
        try:
            return view(request, slug, *args, **kwargs)
        except Http404 as error:
            return _refuse(404, str(error))
        except PermissionDenied as error:
            return _refuse(403, str(error))

    return cast(ProjectView[Params], login_not_required(answered))


def _refuse(status: int, error: str) -> JsonResponse:
    return JsonResponse({"error": error}, status=status)
