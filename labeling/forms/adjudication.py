"""What an expert sends: a ruling, and what is to become of one."""

from collections.abc import Iterable
from typing import Any

from django import forms

from labeling.forms.desk import AnswerForm


class RulingForm(AnswerForm):
    """A submit from the desk of adjudication: as from the annotators' desk, with why the expert rules so."""

    why = forms.CharField(max_length=500, required=False)  # as long as a worked example may say it


class FollowUpForm(forms.Form):
    """What to `do` with a ruling or a pair that was left out, by its number.

    `back` is the pair on whose desk it was asked, 0 for the list of pairs; without it, it was asked among the rulings.
    `at` is the question that the expert keeps to.
    """

    do = forms.ChoiceField()
    number = forms.IntegerField(min_value=1)
    back = forms.IntegerField(min_value=0, required=False)
    at = forms.CharField(max_length=40, required=False)

    def __init__(self, deeds: Iterable[str], data: Any) -> None:
        super().__init__(data)
        field = self.fields["do"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = [(deed, deed) for deed in deeds]
