"""One's own account: the keys of the desk and the language of the pages."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from labeling.access import signed_in
from labeling.actions.accounts import save_account
from labeling.forms.account import AccountForm


@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Show and change one's own keys and language. For everybody who is signed in."""
    user = signed_in(request)
    if request.method != "POST":
        return render(request, "account/page.html", {"form": AccountForm(user)})
    if "reset" in request.POST:
        save_account(user, user.language, {})
        messages.success(request, _("The usual keys are back."))
        return redirect("account")
    form = AccountForm(user, request.POST)
    if not form.is_valid():
        return render(request, "account/page.html", {"form": form}, status=422)
    save_account(user, form.cleaned_data["language"], form.chosen_keys())
    with translation.override(user.language or translation.get_language()):
        messages.success(request, _("Saved."))
    return redirect("account")
