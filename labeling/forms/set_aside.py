"""What a lead decides of a pair that people could not judge."""

from django import forms

from labeling.models import SetAside


class SetAsideForm(forms.Form):
    """What becomes of a pair that people could not judge."""

    aside = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    decision = forms.ChoiceField(choices=SetAside.State.choices)
