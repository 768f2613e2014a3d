"""What a new version asks people again."""

from typing import Any

from django import forms

from labeling.models import Project, Relabel, User


class WithdrawForm(forms.Form):
    """Whose questions are to be asked no more: those of one person, or everybody's."""

    everybody = forms.BooleanField(required=False)
    person = forms.ModelChoiceField(User.objects.none(), required=False)

    def __init__(self, project: Project, data: Any) -> None:
        super().__init__(data)
        asked = Relabel.objects.filter(project=project)
        field = self.fields["person"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - for the type checker
        field.queryset = User.objects.filter(pk__in=asked.values("annotator"))

    def clean(self) -> dict[str, Any]:
        """Refuse a request that names nobody, so that a slip withdraws nothing, and one that names both."""
        cleaned: dict[str, Any] = super().clean() or {}
        if bool(cleaned.get("everybody")) == bool(cleaned.get("person")):
            raise forms.ValidationError("Either one person or everybody.")
        return cleaned
