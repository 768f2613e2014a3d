"""A search in one's own judgments."""

from django import forms


class SearchForm(forms.Form):
    """A search in one's own judgments."""

    q = forms.CharField(max_length=200, required=False)
