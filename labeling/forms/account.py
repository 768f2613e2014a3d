"""A person's language and keys."""

from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils.translation import gettext, gettext_lazy

from labeling.models import User
from labeling.models.user import USUAL_KEYS

KEY_LABELS = {
    "yes": gettext_lazy("Yes"),
    "no": gettext_lazy("No"),
    "back": gettext_lazy("Back one question"),
    "skip": gettext_lazy("Skip this pair"),
    "undo": gettext_lazy("Undo your last judgment"),
    "ask": gettext_lazy("Ask the lead about this pair"),
    "examples": gettext_lazy("Open the worked examples"),
    "guideline": gettext_lazy("Open the guideline at this question"),
    "keys": gettext_lazy("The list of keys"),
    "next": gettext_lazy("The next product of a shelf"),
    "previous": gettext_lazy("The product before, on a shelf"),
}


NAMED_KEYS = ("Backspace", "Delete", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown")


class AccountForm(forms.Form):
    """A person's language and the key of each action at the desk; an empty key is the usual one."""

    language = forms.ChoiceField(label=gettext_lazy("Language of the pages"), required=False)

    def __init__(self, user: User, data: QueryDict | None = None) -> None:
        self.keys_before = user.keys_in_use()
        super().__init__(data, initial={"language": user.language} | self.keys_before)
        language = self.fields["language"]
        assert isinstance(language, forms.ChoiceField)  # noqa: S101 - for the type checker
        language.choices = [("", gettext_lazy("As the browser asks for")), *settings.LANGUAGES]
        for action, label in KEY_LABELS.items():
            attrs = {"data-key-for": action, "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
            self.fields[action] = forms.CharField(
                label=label, required=False, max_length=12, widget=forms.TextInput(attrs), strip=True
            )

    def key_fields(self) -> list[forms.BoundField]:
        """Return the fields of the keys."""
        return [self[action] for action in KEY_LABELS]

    def chosen_keys(self) -> dict[str, str]:
        """Return the key of each action."""
        return {action: self.cleaned_data[action] for action in USUAL_KEYS}

    def clean(self) -> dict[str, Any]:
        """Read each key, and refuse what cannot be one and what two actions would share."""
        owners: dict[str, list[str]] = {}
        for action, usual in USUAL_KEYS.items():
            key = _key_of(self.cleaned_data.get(action) or usual)
            self.cleaned_data[action] = key
            if key is None:
                says = gettext("That key is not free: choose a letter or a sign, Backspace, Delete or an arrow.")
                self.add_error(action, says)
            else:
                owners.setdefault(key, []).append(action)
        for key, actions in owners.items():
            if len(actions) > 1:
                self._refuse_shared(key, actions)
        return self.cleaned_data

    def _refuse_shared(self, key: str, actions: list[str]) -> None:
        """Say that a key has another action, at each action to which it was given just now."""
        given = [action for action in actions if self.keys_before[action] != key]
        for action in given:
            other = next(one for one in actions if one != action)
            says = gettext("This key is already used for “%(other)s”. Choose another one.")
            self.add_error(action, says % {"other": KEY_LABELS[other]})


def _key_of(text: str) -> str | None:
    """Return the name that a browser gives a key; None for one that a desk cannot use, digits among them."""
    for name in NAMED_KEYS:
        if text.lower() == name.lower():
            return name
    if len(text) == 1 and text.isprintable() and not text.isdigit() and not text.isspace():
        return text.lower()
    return None
