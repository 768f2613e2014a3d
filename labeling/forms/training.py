"""What the training page sends."""

from django import forms

from labeling.forms.desk import AnswerForm


class TrainingForm(AnswerForm):
    """A submit from the training page: as from the desk, with the gold pair as `item` and the attempt's number."""

    item = forms.IntegerField(min_value=1)
    attempt = forms.IntegerField(min_value=1, max_value=32000)
    key = forms.CharField(max_length=60, required=False)  # type: ignore[assignment]  # the three tell it apart
