"""What an auditor says beside their label."""

from django import forms


class NoteForm(forms.Form):
    """Why an auditor's label differs from the model's."""

    item = forms.IntegerField(min_value=1)
    note = forms.CharField(max_length=500, required=False)
