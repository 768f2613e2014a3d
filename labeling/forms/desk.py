"""What the desks send: an answer, a half walk, and what a page was looked at for."""

import uuid
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext

from labeling.actions.judgments import Answer
from labeling.models import GuidelineVersion, Project
from labeling.queries.projects import published_version

LONGEST = 24 * 3600.0  # seconds that a page can have been looked at


class MissingField(Exception):
    """A submit lacks a field that this view needs."""


class SecondsField(forms.FloatField):
    """For how long a page was looked at: at most a day, and None for what is no such number.

    No answer is refused for the number that its page came with.
    """

    def clean(self, value: Any) -> float | None:
        """Return the seconds, within what can be."""
        try:
            seconds: float | None = super().clean(value)
        except forms.ValidationError:
            return None
        return None if seconds is None else min(max(seconds, 0.0), LONGEST)


class AnswerForm(forms.Form):
    """A submit from the desk: the pair (or audit item), the submit's own key, the revision that
    was shown, the guideline's version, the path, the seconds that it was looked at.

    Without a script, `answer` holds the one answer that was just given, such as "type:yes".
    """

    pair = forms.IntegerField(min_value=1, required=False)
    item = forms.IntegerField(min_value=1, required=False)
    key = forms.UUIDField(required=False)
    revision = forms.IntegerField(min_value=1, required=False)
    guideline = forms.IntegerField(min_value=1)
    path = forms.CharField(max_length=2000, required=False)
    answer = forms.CharField(max_length=200, required=False)
    reason = forms.CharField(max_length=60, required=False)
    note = forms.CharField(max_length=500, required=False)
    seconds = SecondsField(required=False)

    def __init__(self, project: Project, data: Any) -> None:
        super().__init__(data)
        self.project = project

    def clean_guideline(self) -> GuidelineVersion:
        """Return the published version of this project that the walk is through."""
        try:
            return published_version(self.project, self.cleaned_data["guideline"])
        except GuidelineVersion.DoesNotExist as error:
            raise forms.ValidationError(gettext("There is no such version of the guideline.")) from error

    def whole_path(self) -> str:
        """Return the path with the answer that was just given."""
        steps = (self.cleaned_data["path"], self.cleaned_data["answer"])
        return ",".join(step for step in steps if step)

    def problem(self) -> str:
        """Return what is wrong, field by field, in one line."""
        return "; ".join(f"{name}: {' '.join(map(str, errors))}" for name, errors in self.errors.items())

    def answer_for_pair(self) -> Answer:
        """Return what an annotator sends. MissingField where pair or key is missing."""
        pair, key = self.cleaned_data["pair"], self.cleaned_data["key"]
        if pair is None or key is None:
            raise MissingField(f"{'pair' if pair is None else 'key'} is missing.")
        return Answer(
            pair_id=pair,
            key=key,
            guideline=self.cleaned_data["guideline"],
            path=self.whole_path(),
            note=self.cleaned_data["note"],
            revision_id=self.cleaned_data["revision"],
            seconds=self.cleaned_data["seconds"],
        )


class DraftForm(forms.Form):
    """A page that is open or was just left: its pair, the lease's key, and how far the walk has come."""

    pair = forms.IntegerField(min_value=1)
    key = forms.UUIDField()
    path = forms.CharField(max_length=2000, required=False)


class KeepShelfForm(forms.Form):
    """What the page of a shelf keeps: each open product's key with the half walk, as "key=path"; is it being left?"""

    leaving = forms.BooleanField(required=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.cards = data.getlist("card")

    def clean(self) -> dict[str, Any]:
        """Add `drafts`: the walks by their keys."""
        cards = (card.partition("=") for card in self.cards)
        try:
            self.cleaned_data["drafts"] = {uuid.UUID(key): path for key, _, path in cards}
        except ValueError as error:
            raise forms.ValidationError("A card is sent as its key, =, and the path so far.") from error
        return self.cleaned_data
