"""Gold pairs, drawn or by hand."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from labeling.actions.gold import MOST, Source
from labeling.models import GoldPair


class DrawGoldForm(forms.Form):
    """How many gold pairs to draw, from where and for what."""

    source = forms.ChoiceField(label=gettext_lazy("From"), choices=Source.choices)
    count = forms.IntegerField(label=gettext_lazy("How many pairs"), min_value=1, max_value=MOST, initial=20)
    use = forms.ChoiceField(label=gettext_lazy("For"), choices=GoldPair.Use.choices)


class GoldForm(forms.Form):
    """One gold pair by hand. `answer` is a label's key, or the key and the walk to it: "S need:yes,type:no,job:yes"."""

    pair = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    answer = forms.ChoiceField(
        label=gettext_lazy("The right answer"), help_text=gettext_lazy("A label, or better: the right walk to it.")
    )
    use = forms.ChoiceField(label=gettext_lazy("For"), choices=GoldPair.Use.choices)
    why = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=500,
        required=False,
        widget=forms.Textarea({"rows": 3}),
        help_text=gettext_lazy("What a learner is told when they have answered."),
    )

    def __init__(self, answers: Any, data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        field = self.fields["answer"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = answers

    def label_and_path(self) -> tuple[str, str]:
        """Return the label's key, and the walk or nothing."""
        key, _, path = self.cleaned_data["answer"].partition(" ")
        return key, path
