"""A project's settings."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from labeling.access import for_roles
from labeling.actions.projects import configure_project
from labeling.forms.settings import SettingsForm
from labeling.models import Membership, Project, Role
from labeling.views.frame import project_page


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.LEAD)
def settings(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: the settings. POST: change them."""
    project = Project.objects.get(pk=member.project_id)
    form = SettingsForm(request.POST or None, instance=Project.objects.get(pk=member.project_id))
    if request.method == "POST" and form.is_valid():
        try:
            configure_project(project, form.cleaned_data, member.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, "The settings are saved.")
            return redirect("settings", slug=project.slug)
    status = 400 if form.errors else 200
    return project_page(request, member, "settings/page.html", "settings", {"form": form}, status=status)
