"""Coming in by an invitation's link."""

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from labeling.access import signed_in
from labeling.actions.invitations import Joined, Refusal, accept_invitation, digest_of, refusal_of
from labeling.forms.people import NewcomerForm
from labeling.models import Invitation, Role
from labeling.views.home import first_page

KEPT = "invitation"  # where the session keeps the digest of the link that somebody came by


@login_not_required
@never_cache
@require_safe
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Remember the link and go on to a page whose address does not show it. For everybody."""
    digest = digest_of(token)
    if Invitation.objects.filter(digest=digest).exists():
        request.session[KEPT] = digest
    else:
        request.session.pop(KEPT, None)
    return redirect("joining")


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def joining(request: HttpRequest) -> HttpResponse:
    """GET: what one is invited to. POST: join, with the account one has or a new one. For everybody."""
    digest = request.session.get(KEPT, "")
    invitation = Invitation.objects.select_related("project", "created_by").filter(digest=digest).first()
    refusal = Refusal.UNKNOWN if invitation is None else refusal_of(invitation)
    if request.method == "POST":
        return _join(request, digest, invitation)
    return _show(request, invitation, refusal, NewcomerForm())


def _join(request: HttpRequest, digest: str, invitation: Invitation | None) -> HttpResponse:
    newcomer = not request.user.is_authenticated
    form = NewcomerForm(request.POST) if newcomer else None
    if form is not None and not form.is_valid():
        return _show(request, invitation, None if invitation else Refusal.UNKNOWN, form)
    user = form.save(commit=False) if form is not None else signed_in(request)
    try:
        outcome = accept_invitation(digest, user)
    except IntegrityError:
        form = NewcomerForm(request.POST)
        if not newcomer or form.is_valid():
            raise
        return _show(request, invitation, None, form)  # somebody else took the name at this very moment
    if isinstance(outcome, Refusal):
        return _show(request, invitation, outcome, form)
    if newcomer:
        login(request, outcome.member.user)
    request.session.pop(KEPT, None)
    messages.success(request, _told(outcome))
    return redirect(first_page(outcome.member))


def _told(joined: Joined) -> str:
    role = joined.member.get_role_display()
    names = {"project": joined.member.project.name, "role": role, "before": ""}
    if joined.before is None:
        return _("Welcome. You take part in %(project)s; your role is: %(role)s.") % names
    if joined.before == joined.member.role:
        return _("You take part in %(project)s already. Your role stays: %(role)s.") % names
    names["before"] = str(Role(joined.before).label)
    return _("You took part in %(project)s already. Your role was %(before)s and is now: %(role)s.") % names


def _show(
    request: HttpRequest, invitation: Invitation | None, refusal: Refusal | None, form: NewcomerForm | None
) -> HttpResponse:
    status = 200 if refusal is None else 404 if refusal == Refusal.UNKNOWN else 410
    if form is not None and form.errors:
        status = 400
    context = {
        "invitation": None if refusal else invitation,
        "invited_by": invitation.created_by.get_username() if invitation else "",
        "refusal": refusal.name.lower() if refusal else "",
        "form": form,
    }
    return render(request, "join/page.html", context, status=status)
