"""Which part of the audit log is to be seen."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from labeling.queries.audit_log import ITSELF


class AuditLogForm(forms.Form):
    """What was done, by whom, and from where on: before an entry or after one, by its id."""

    did = forms.ChoiceField(label="What was done", required=False)
    by = forms.TypedChoiceField(label="By whom", coerce=int, empty_value=None, required=False)
    before = forms.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    after = forms.IntegerField(min_value=0, max_value=2**63 - 1, required=False)

    def __init__(self, deeds: Mapping[str, str], people: Iterable[tuple[int, str]], data: Any) -> None:
        super().__init__(data)
        self._choose("did", [("", "Everything"), *deeds.items()])
        self._choose("by", [("", "Everybody"), *people, (ITSELF, "Winnow itself")])

    def _choose(self, name: str, choices: list[tuple[Any, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = choices
