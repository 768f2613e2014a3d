"""A guideline's draft: its text, its examples, trying it out, publishing it."""

from typing import Any

from django import forms

from labeling.guidelines.source import MAX_EXAMPLE, MAX_SOURCE
from labeling.guidelines.tree import Example, Guideline


class LinesField(forms.CharField):
    """A text of many lines as it was written, whatever a browser ends its lines with."""

    def to_python(self, value: Any) -> str:
        """Return the text with plain line breaks."""
        return (super().to_python(value) or "").replace("\r\n", "\n").replace("\r", "\n")


class GuidelineDraftForm(forms.Form):
    """The text of a guideline's draft and what has changed; `base` is the digest of what the writer began with."""

    source = LinesField(
        label="The guideline, in YAML",
        strip=False,
        max_length=MAX_SOURCE,
        widget=forms.Textarea(
            {
                "rows": 24,
                "wrap": "off",
                "spellcheck": "false",
                "autocapitalize": "off",
                "aria-describedby": "source-help",
            }
        ),
    )
    change_note = LinesField(
        label="What has changed, and why",
        required=False,
        max_length=2_000,
        widget=forms.Textarea({"rows": 2}),
        help_text="Everybody can read it in the history.",
    )
    base = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)


class WorkedExampleForm(forms.Form):
    """A worked example for the draft. `at` is its question and its answer: "type:yes"."""

    at = forms.ChoiceField(label="Question and answer")
    query = forms.CharField(label="Query", max_length=MAX_EXAMPLE)
    product = forms.CharField(label="Product", max_length=MAX_EXAMPLE)
    why = forms.CharField(
        label="Why", max_length=MAX_EXAMPLE, widget=forms.Textarea({"rows": 3}), help_text="In one or two sentences."
    )

    def __init__(self, tree: Guideline, data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        field = self.fields["at"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = [
            (
                question.ask,
                [(f"{question.id}:{answer.key}", f"{question.id} › {answer.text}") for answer in question.answers],
            )
            for question in tree.questions.values()
        ]

    def question_and_example(self) -> tuple[str, Example]:
        """Return the question's id, and the example."""
        given = self.cleaned_data
        question, _, answer = given["at"].partition(":")
        return question, Example(given["query"], given["product"], answer, given["why"])


class TryForm(forms.Form):
    """A step of a walk through the draft: the path so far, and the answer or the reason to skip that was given."""

    path = forms.CharField(max_length=2000, required=False)
    answer = forms.CharField(max_length=200, required=False)
    reason = forms.CharField(max_length=60, required=False)


class SamplePairForm(forms.Form):
    """A pair to try the draft on: one of the pool by its number, or a query and a product as they are typed."""

    pair = forms.IntegerField(min_value=1, max_value=2**63 - 1, required=False, widget=forms.HiddenInput)
    query = forms.CharField(label="Query", max_length=MAX_EXAMPLE, required=False)
    product = forms.CharField(label="Product", max_length=MAX_EXAMPLE, required=False)


class PublishForm(forms.Form):
    """The draft as its effect was shown, and what is to become of the judgments that are there."""

    digest = forms.CharField(max_length=64)
    take_over = forms.BooleanField(required=False)
    relabel = forms.BooleanField(required=False)
