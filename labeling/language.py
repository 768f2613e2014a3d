"""The language that a page speaks to its reader."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.formats import number_format
from django.utils.translation import pgettext, pgettext_lazy

from labeling.models import Label

# Names that stand in data and not in a page, marked here so that they reach the catalogs. A template translates
# them with `{% translate label.name context "label" %}`, a view by `name_of`; a name that is not here stays as it is.
LABELS = (
    pgettext_lazy("label", "Exact"),
    pgettext_lazy("label", "Substitute"),
    pgettext_lazy("label", "Complement"),
    pgettext_lazy("label", "Irrelevant"),
)

View = Callable[[HttpRequest], HttpResponseBase]


def name_of(label: Label) -> str:
    """Return a label's name in the language of the page."""
    return pgettext("label", label.name)


def number(value: int) -> str:
    """Return a whole number with its thousands apart, as the language of the page has them."""
    return number_format(value, force_grouping=True)


def speak_the_readers_language(get_response: View) -> View:
    """Middleware: what a person chose on their account page wins over the cookie and the browser.

    It comes after Django's LocaleMiddleware, which has taken the cookie's or the browser's language, and after
    the authentication; every page asks who is there anyway, so that it costs no query.
    """
    known = dict(settings.LANGUAGES)

    def respond(request: HttpRequest) -> HttpResponseBase:
        chosen = request.user.language if request.user.is_authenticated else ""
        if chosen in known:
            translation.activate(chosen)
            request.LANGUAGE_CODE = chosen
        return get_response(request)

    return respond
