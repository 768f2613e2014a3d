"""Which pairs of a training are to be seen."""

from typing import Any

from django import forms

from labeling.models import Label, Project, Split


class LearnedForm(forms.Form):
    """Which pairs of a training are to be seen: those of a split with a label."""

    split = forms.ChoiceField(choices=Split.choices)
    label = forms.ModelChoiceField(Label.objects.none(), to_field_name="key")

    def __init__(self, project: Project, data: Any) -> None:
        super().__init__(data)
        field = self.fields["label"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - for the type checker
        field.queryset = Label.objects.filter(scheme=project.scheme_id)
