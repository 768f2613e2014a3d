"""Which pairs of an adapter's holdout are to be seen."""

from collections.abc import Sequence
from typing import Any

from django import forms

from labeling.models import Adapter, Label
from labeling.queries.holdout_pairs import Wanted

YES_OR_NO = (("", ""), ("1", "1"), ("0", "0"))


class HoldoutForm(forms.Form):
    """Which holdout pairs of an adapter are to be seen, as an address says it: see Wanted."""

    said = forms.ChoiceField(required=False)
    judged = forms.ChoiceField(required=False)
    right = forms.TypedChoiceField(choices=YES_OR_NO, coerce="1".__eq__, empty_value=None, required=False)
    least = forms.FloatField(min_value=0, max_value=1, required=False)
    most = forms.FloatField(min_value=0, max_value=1, required=False)
    slice = forms.CharField(max_length=60, required=False)
    value = forms.CharField(max_length=200, required=False, strip=False)
    beside = forms.ModelChoiceField(Adapter.objects.none(), to_field_name="number", required=False)
    beside_right = forms.TypedChoiceField(choices=YES_OR_NO, coerce="1".__eq__, empty_value=None, required=False)
    differ = forms.TypedChoiceField(choices=YES_OR_NO, coerce="1".__eq__, empty_value=None, required=False)

    def __init__(self, adapter: Adapter, labels: Sequence[Label], data: Any) -> None:
        super().__init__(data)
        for name in ("said", "judged"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
            field.choices = [("", ""), *((label.key, label.key) for label in labels)]
        other = self.fields["beside"]
        assert isinstance(other, forms.ModelChoiceField)  # noqa: S101 - for the type checker
        other.queryset = Adapter.objects.filter(project=adapter.project_id).exclude(pk=adapter.pk)

    def clean(self) -> dict[str, Any]:
        """See that what belongs together is there together."""
        found = super().clean() or {}
        for name, other in (("value", "slice"), ("slice", "value"), ("beside_right", "beside"), ("differ", "beside")):
            if found.get(name) not in (None, "") and not found.get(other) and other not in self.errors:
                self.add_error(name, f"this needs a {other}, too.")
        return found

    def problem(self) -> str:
        """Return what is wrong, field by field, in one line."""
        return "; ".join(f"{name}: {' '.join(map(str, errors))}" for name, errors in self.errors.items())

    def wanted(self) -> Wanted:
        """Return what is asked for."""
        return Wanted(**{name: self.cleaned_data[name] for name in Wanted.__dataclass_fields__})
