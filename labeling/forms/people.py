"""Who takes part: invitations, roles, languages, pauses, and what is taken off a desk."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth.forms import UserCreationForm
from django.utils.translation import gettext_lazy

from labeling.models import Role, User


class LanguagesForm(forms.Form):
    """A role and the languages of the queries that go with it; `locales` are those to choose from."""

    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role.choices, initial=Role.ANNOTATOR)
    languages = forms.MultipleChoiceField(
        label=gettext_lazy("Languages they read"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("They are given queries in these languages only. None chosen: all."),
    )

    def __init__(self, locales: Iterable[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["languages"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - for the type checker
        field.choices = [(locale, locale) for locale in locales]
        if not field.choices:
            del self.fields["languages"]


class InviteForm(LanguagesForm):
    """Whom a link lets in, how many of them, and for how long."""

    places = forms.IntegerField(
        label=gettext_lazy("Places"),
        min_value=1,
        max_value=500,
        initial=1,
        help_text=gettext_lazy("How many people the link lets in."),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Days"),
        min_value=1,
        max_value=90,
        initial=7,
        help_text=gettext_lazy("After so many days it stops working."),
    )


class PauseForm(forms.Form):
    """What a person is told while they are paused."""

    because = forms.CharField(
        label=gettext_lazy("What they are told"),
        max_length=500,
        help_text=gettext_lazy("They read this instead of the next pair. Their work so far is kept."),
        widget=forms.Textarea({"rows": 2}),
    )


class TakeBackForm(forms.Form):
    """The leases that a lead takes off somebody's desk."""

    slot = forms.TypedMultipleChoiceField(coerce=int)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        given = data.getlist("slot")
        field = self.fields["slot"]
        assert isinstance(field, forms.TypedMultipleChoiceField)  # noqa: S101 - for the type checker
        field.choices = [(one, one) for one in given if one.isdecimal() and len(one) <= 18]


class NewcomerForm(UserCreationForm):  # type: ignore[type-arg]
    """The account of somebody who comes by a link."""

    class Meta:
        model = User
        fields = ("username",)
