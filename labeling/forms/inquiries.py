"""Questions to the lead, their answers, and which of them to show."""

from collections.abc import Iterable
from typing import Any, Self

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext, gettext_lazy

from labeling.actions.inquiries import Asked
from labeling.forms.desk import AnswerForm
from labeling.guidelines.tree import Question
from labeling.models import Inquiry, Project


class AskForm(forms.Form):
    """A question to the lead, from a pair: the walk so far, and the lease's key, by which the pair is kept meanwhile.

    `back` is the page that it was asked from.
    """

    pair = forms.IntegerField(min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)
    guideline = forms.IntegerField(min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)
    revision = forms.IntegerField(min_value=1, max_value=2**63 - 1, required=False, widget=forms.HiddenInput)
    path = forms.CharField(max_length=2000, required=False, widget=forms.HiddenInput)
    lease = forms.UUIDField(required=False, widget=forms.HiddenInput)
    key = forms.UUIDField(widget=forms.HiddenInput)
    back = forms.CharField(max_length=500, required=False, widget=forms.HiddenInput)
    text = forms.CharField(
        label=gettext_lazy("Your question"),
        max_length=2000,
        widget=forms.Textarea({"rows": 5}),
        error_messages={"required": gettext_lazy("Write what you want to know.")},
    )

    def __init__(self, project: Project, data: Any = None, **options: Any) -> None:
        super().__init__(data, auto_id="ask_%s", **options)
        self.project = project

    clean_guideline = AnswerForm.clean_guideline

    def clean(self) -> dict[str, Any]:
        """Say in words that a field is wrong which nobody sees."""
        if set(self.errors) - {"text"}:
            says = gettext(
                "This does not fit the pair any more. Copy your text, open the pair again and ask from there."
            )
            self.add_error(None, says)
        return self.cleaned_data

    def problem(self) -> str:
        """Return what is wrong in one line."""
        shown = [*self.non_field_errors(), *self.errors.get("text", ())]
        return " ".join(map(str, shown))

    def asked(self) -> Asked:
        """Return what is asked."""
        sent = self.cleaned_data
        return Asked(sent["pair"], sent["key"], sent["guideline"], sent["path"], sent["text"], sent["revision"])


class InquiryAnswerForm(forms.Form):
    """The lead's answer to a question. `stood` is when the answer was given that it takes the place of."""

    stood = forms.DateTimeField(required=False, widget=forms.HiddenInput)
    text = forms.CharField(
        label="Your answer",
        max_length=2000,
        widget=forms.Textarea({"rows": 3}),
        error_messages={"required": "Write the answer."},
    )
    answer_key = forms.ChoiceField(label="Right at this question", required=False, widget=forms.RadioSelect)

    def __init__(self, inquiry: Inquiry, question: Question, data: QueryDict | None = None) -> None:
        initial = {
            "stood": inquiry.answered_at.isoformat() if inquiry.answered_at else "",
            "text": inquiry.answer,
            "answer_key": inquiry.answer_key,
        }
        super().__init__(data and data.dict(), initial=initial, auto_id=f"answer-{inquiry.pk}-%s")
        field = self.fields["answer_key"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = [*((answer.key, answer.text) for answer in question.answers), ("", "Not said")]

    def instead_of(self, other: Inquiry) -> Self:
        """Return the form with a word on the answer that somebody else gave meanwhile, to be sent again instead."""
        self.data = {**self.data, "stood": other.answered_at.isoformat() if other.answered_at else ""}
        stands = f"{other.answered_by} has answered meanwhile: see above. Yours is not stored."
        self.add_error("text", f"{stands} Send it to put it in the place of theirs.")
        return self


class InquiriesForm(forms.Form):
    """Which questions of annotators to show: waiting or answered ones, those at a question of the tree, a search."""

    state = forms.ChoiceField(
        label="Show", required=False, choices=[("", "All"), ("waiting", "Waiting"), ("answered", "Answered")]
    )
    question = forms.ChoiceField(label="Asked at", required=False)
    q = forms.CharField(
        label="Search questions, answers, queries and titles",
        max_length=200,
        required=False,
        widget=forms.TextInput({"placeholder": "Search", "size": 16}),
    )

    def __init__(self, questions: Iterable[str], data: Any) -> None:
        super().__init__(data)
        field = self.fields["question"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = [("", "Any question"), *((question, question) for question in questions)]
