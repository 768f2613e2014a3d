"""What a lead does about an alarm."""

from django import forms


class AlarmForm(forms.Form):
    """What a lead does about an alarm: note it, or take that back."""

    alarm = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    do = forms.ChoiceField(choices=[("note", "note"), ("reopen", "reopen")])
