"""What people send, checked before an action sees it."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import Any, ClassVar, Self

from django import forms
from django.conf import settings
from django.contrib.auth.forms import UserCreationForm
from django.http import QueryDict
from django.utils.translation import gettext, gettext_lazy

from labeling.actions.gold import MOST, Source
from labeling.actions.inquiries import Asked
from labeling.actions.judgments import Answer
from labeling.guidelines.source import MAX_EXAMPLE, MAX_SOURCE
from labeling.guidelines.tree import Example, Guideline, Question
from labeling.models import (
    Adapter,
    GoldPair,
    GuidelineVersion,
    Inquiry,
    Label,
    Project,
    Relabel,
    Role,
    SetAside,
    Split,
    User,
)
from labeling.models.user import USUAL_KEYS
from labeling.queries.agreement_pairs import COMPARED, Behind, Walk
from labeling.queries.holdout_pairs import Wanted
from labeling.queries.projects import published_version
from modeling.judge.spec import JudgeSpec, shipped_specs

YES_OR_NO = (("", ""), ("1", "1"), ("0", "0"))
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


class TrainingForm(AnswerForm):
    """A submit from the training page: as from the desk, with the gold pair as `item` and the attempt's number."""

    item = forms.IntegerField(min_value=1)
    attempt = forms.IntegerField(min_value=1, max_value=32000)
    key = forms.CharField(max_length=60, required=False)  # type: ignore[assignment]  # the three tell it apart


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


class NoteForm(forms.Form):
    """Why an auditor's label differs from the model's."""

    item = forms.IntegerField(min_value=1)
    note = forms.CharField(max_length=500, required=False)


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


class SearchForm(forms.Form):
    """A search in one's own judgments."""

    q = forms.CharField(max_length=200, required=False)


KEY_LABELS = {
    "yes": gettext_lazy("Yes"),
    "no": gettext_lazy("No"),
    "back": gettext_lazy("Back one question"),
    "skip": gettext_lazy("Skip this pair"),
    "undo": gettext_lazy("Undo your last judgment"),
    "ask": gettext_lazy("Ask the lead about this pair"),
    "examples": gettext_lazy("Open the worked examples"),
    "guideline": gettext_lazy("Open the guideline at this question"),
    "keys": gettext_lazy("The list of keys"),
    "next": gettext_lazy("The next product of a shelf"),
    "previous": gettext_lazy("The product before, on a shelf"),
}
NAMED_KEYS = ("Backspace", "Delete", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown")


class AccountForm(forms.Form):
    """A person's language and the key of each action at the desk; an empty key is the usual one."""

    language = forms.ChoiceField(label=gettext_lazy("Language of the pages"), required=False)

    def __init__(self, user: User, data: QueryDict | None = None) -> None:
        self.keys_before = user.keys_in_use()
        super().__init__(data, initial={"language": user.language} | self.keys_before)
        language = self.fields["language"]
        assert isinstance(language, forms.ChoiceField)  # noqa: S101 - for the type checker
        language.choices = [("", gettext_lazy("As the browser asks for")), *settings.LANGUAGES]
        for action, label in KEY_LABELS.items():
            attrs = {"data-key-for": action, "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
            self.fields[action] = forms.CharField(
                label=label, required=False, max_length=12, widget=forms.TextInput(attrs), strip=True
            )

    def key_fields(self) -> list[forms.BoundField]:
        """Return the fields of the keys."""
        return [self[action] for action in KEY_LABELS]

    def chosen_keys(self) -> dict[str, str]:
        """Return the key of each action."""
        return {action: self.cleaned_data[action] for action in USUAL_KEYS}

    def clean(self) -> dict[str, Any]:
        """Read each key, and refuse what cannot be one and what two actions would share."""
        owners: dict[str, list[str]] = {}
        for action, usual in USUAL_KEYS.items():
            key = _key_of(self.cleaned_data.get(action) or usual)
            self.cleaned_data[action] = key
            if key is None:
                says = gettext("That key is not free: choose a letter or a sign, Backspace, Delete or an arrow.")
                self.add_error(action, says)
            else:
                owners.setdefault(key, []).append(action)
        for key, actions in owners.items():
            if len(actions) > 1:
                self._refuse_shared(key, actions)
        return self.cleaned_data

    def _refuse_shared(self, key: str, actions: list[str]) -> None:
        """Say that a key has another action, at each action to which it was given just now."""
        given = [action for action in actions if self.keys_before[action] != key]
        for action in given:
            other = next(one for one in actions if one != action)
            says = gettext("This key is already used for “%(other)s”. Choose another one.")
            self.add_error(action, says % {"other": KEY_LABELS[other]})


def _key_of(text: str) -> str | None:
    """Return the name that a browser gives a key; None for one that a desk cannot use, digits among them."""
    for name in NAMED_KEYS:
        if text.lower() == name.lower():
            return name
    if len(text) == 1 and text.isprintable() and not text.isdigit() and not text.isspace():
        return text.lower()
    return None


SETTING_GROUPS = {
    "The project": ("name",),
    "People": ("overlap", "max_overlap", "escalate_on", "skips_to_lead", "lease_minutes", "desk"),
    "Agreement": ("resolve_by", "agreement_goal"),
    "How people do": ("training_required", "pass_mark", "gold_share", "repeat_share", "repeat_after_days"),
    "Rounds": ("batch_size", "random_share", "max_per_query"),
    "The loop": ("loop_enabled", "train_after", "check_seconds"),
    "Learning": ("imported_labels", "least_confidence", "holdout_percent", "calibration_percent", "shard_size"),
    "The judge": ("like", "judge_spec"),
    "Promotion": ("promotion_rule", "promotion_margin", "adapters_kept"),
}


def _shipped_choice(name: str) -> tuple[str, str]:
    spec = JudgeSpec.from_dict({"like": name})
    model = spec.base_model.partition(":")[2] if spec.base_model.startswith("embedded:") else spec.base_model
    quantized = "" if spec.quantization == "none" else f", {spec.quantization}"
    return name, f"{name}: {spec.kind.replace('_', '-')} on {model}{quantized}"


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    """A project's settings, in the groups that the page shows.

    What the judge is `like`, a shipped spec by its name, is stored as part of judge_spec, which says the rest.
    """

    like = forms.ChoiceField(
        label="Settings of the judge",
        required=False,
        help_text="Sets of settings that come with Winnow. Larger models want a GPU; each is tried in the tests with a "
        "small model of its family. The next training takes what is chosen here, and is compared with the champion as "
        "any other.",
    )

    class Meta:
        model = Project
        fields = (
            *("name", "overlap", "max_overlap", "escalate_on", "skips_to_lead", "lease_minutes", "desk"),
            *("resolve_by", "agreement_goal"),
            *("training_required", "pass_mark", "gold_share", "repeat_share", "repeat_after_days"),
            *("batch_size", "random_share", "max_per_query"),
            *("loop_enabled", "train_after", "check_seconds", "imported_labels", "holdout_percent"),
            *("calibration_percent", "judge_spec", "shard_size", "least_confidence"),
            *("promotion_rule", "promotion_margin", "adapters_kept"),
        )
        labels: ClassVar[dict[str, str]] = {"judge_spec": "What differs from them"}
        widgets: ClassVar[dict[str, forms.Widget]] = {
            "judge_spec": forms.Textarea({"rows": 3, "spellcheck": "false"}),
            "agreement_goal": forms.NumberInput({"min": 0, "max": 1, "step": "any"}),
            "pass_mark": forms.NumberInput({"min": 0, "max": 1, "step": "any"}),
            "gold_share": forms.NumberInput({"min": 0, "max": 0.5, "step": "any"}),
            "repeat_share": forms.NumberInput({"min": 0, "max": 0.5, "step": "any"}),
            "least_confidence": forms.NumberInput({"min": 0, "max": 1, "step": "any"}),
            "promotion_margin": forms.NumberInput({"min": 0, "max": 0.49, "step": "any"}),
        }
        help_texts: ClassVar[dict[str, str]] = {
            "desk": "One pair keeps each judgment apart and can mix in gold pairs and repeats. The shelf is quicker "
            "where queries have many products, and people compare them; rounds are then drawn in whole queries, and "
            "gold pairs and repeats are left out.",
            "resolve_by": "By Dawid-Skene each judgment counts by how its annotator errs, as far as the judgments show "
            "it. Its probability is the label's confidence; below 0.75 one more person is asked. All settled labels "
            "are resolved anew when this is changed, and each time agreement is measured.",
            "agreement_goal": "Raw agreement that the project is to have, such as 0.9. You are told when the whole "
            "95 % interval is below it.",
            "training_required": "Newcomers judge the training pairs, with feedback, and start when they reach the "
            "pass mark. Choose the pairs on the Gold page first: without any, nobody new can start.",
            "pass_mark": "Share of right answers that training asks for. Who is surely below it on gold pairs is "
            "paused and you are told: from 5 answers on, when the whole 95 % interval of their newest 50 is below.",
            "gold_share": "Share of what an annotator gets whose answer is known, to see how they do; 0.05 is one in "
            "twenty. The pairs are those that the Gold page mixes into the work.",
            "repeat_share": "Share of what an annotator gets that they judged before, to see whether they agree with "
            "themselves; 0.02 is one in fifty. With the gold pairs at most 0.5.",
            "repeat_after_days": "Nobody gets a pair again sooner than this after they judged it.",
            "judge_spec": 'As JSON, by name, such as {"epochs": 5}; {} for nothing. Each adapter\'s page lists all the '
            "settings that it was made with.",
            "promotion_rule": "A new adapter and the champion are measured on the same holdout pairs. The first rule "
            "promotes only what is surely better; the second also what is surely not worse than the champion by more "
            "than the margin, which keeps the judge fresh where the guideline or the shop changes. Every decision is "
            "on the adapter's page and in the audit log, and you can decide otherwise.",
            "promotion_margin": "How much less holdout accuracy the second rule lets pass: 0.01 is one point.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        spec = dict(self.instance.judge_spec) if isinstance(self.instance.judge_spec, dict) else {}
        self.initial.update(like=spec.pop("like", ""), judge_spec=spec)
        field = self.fields["like"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = [("", "The default: MiniLM, which comes with Winnow"), *map(_shipped_choice, shipped_specs())]

    def clean(self) -> dict[str, Any]:
        """Put what the judge is like into its settings; what is written there wins."""
        cleaned = super().clean() or {}
        like = cleaned.pop("like", "")
        if like and isinstance(cleaned.get("judge_spec"), dict):
            cleaned["judge_spec"] = {"like": like} | cleaned["judge_spec"]
        return cleaned

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """Return the fields under their headings."""
        return [(heading, [self[name] for name in names]) for heading, names in SETTING_GROUPS.items()]


class LanguagesForm(forms.Form):
    """A role and the languages of the queries that go with it; `locales` are those to choose from."""

    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role.choices, initial=Role.ANNOTATOR)
    languages = forms.MultipleChoiceField(
        label=gettext_lazy("Languages they read"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("They are given queries in these languages only. None chosen: all."),
    )

    def __init__(self, locales: Iterable[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["languages"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - for the type checker
        field.choices = [(locale, locale) for locale in locales]
        if not field.choices:
            del self.fields["languages"]


class InviteForm(LanguagesForm):
    """Whom a link lets in, how many of them, and for how long."""

    places = forms.IntegerField(
        label=gettext_lazy("Places"),
        min_value=1,
        max_value=500,
        initial=1,
        help_text=gettext_lazy("How many people the link lets in."),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Days"),
        min_value=1,
        max_value=90,
        initial=7,
        help_text=gettext_lazy("After so many days it stops working."),
    )


class PauseForm(forms.Form):
    """What a person is told while they are paused."""

    because = forms.CharField(
        label=gettext_lazy("What they are told"),
        max_length=500,
        help_text=gettext_lazy("They read this instead of the next pair. Their work so far is kept."),
        widget=forms.Textarea({"rows": 2}),
    )


class TakeBackForm(forms.Form):
    """The leases that a lead takes off somebody's desk."""

    slot = forms.TypedMultipleChoiceField(coerce=int)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        given = data.getlist("slot")
        field = self.fields["slot"]
        assert isinstance(field, forms.TypedMultipleChoiceField)  # noqa: S101 - for the type checker
        field.choices = [(one, one) for one in given if one.isdecimal() and len(one) <= 18]


class SetAsideForm(forms.Form):
    """What becomes of a pair that people could not judge."""

    aside = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    decision = forms.ChoiceField(choices=SetAside.State.choices)


class NewcomerForm(UserCreationForm):  # type: ignore[type-arg]
    """The account of somebody who comes by a link."""

    class Meta:
        model = User
        fields = ("username",)


class AlarmForm(forms.Form):
    """What a lead does about an alarm: note it, or take that back."""

    alarm = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    do = forms.ChoiceField(choices=[("note", "note"), ("reopen", "reopen")])


class BehindForm(forms.Form):
    """Which number's pairs are to be seen, as an address says it: see Behind. `beside` is called `with` there."""

    question = forms.ChoiceField(required=False)
    answers = forms.CharField(max_length=100, required=False)
    person = forms.IntegerField(min_value=1, required=False)
    label = forms.ChoiceField(required=False)
    labels = forms.CharField(max_length=100, required=False)
    slice = forms.CharField(max_length=60, required=False)
    value = forms.CharField(max_length=200, required=False, strip=False)
    version = forms.TypedChoiceField(coerce=int, empty_value=None, required=False)
    month = forms.DateField(input_formats=["%Y-%m"], required=False)
    stream = forms.ChoiceField(
        choices=[("", ""), *((stream.value, stream.label) for stream in COMPARED)], required=False
    )
    differ = forms.TypedChoiceField(choices=YES_OR_NO, coerce="1".__eq__, empty_value=None, required=False)
    lately = forms.TypedChoiceField(choices=YES_OR_NO, coerce="1".__eq__, empty_value=None, required=False)
    repeat = forms.TypedChoiceField(choices=YES_OR_NO, coerce="1".__eq__, empty_value=None, required=False)
    after = forms.IntegerField(min_value=0, max_value=2**63 - 1, required=False)
    before = forms.IntegerField(min_value=0, max_value=2**63 - 1, required=False)

    def __init__(self, walks: Sequence[Walk], labels: Sequence[Label], people: Collection[int], data: Any) -> None:
        super().__init__(data)
        self.fields["with"] = forms.IntegerField(min_value=1, required=False)
        self._answers = {question: set[str]() for walk in walks for question in walk.answers}
        for walk in walks:
            for question, answer in walk.answers.items():
                self._answers[question].add(answer)
        self._labels = [label.key for label in labels]
        self._people = people
        self._choose("question", self._answers)
        self._choose("label", self._labels)
        self._choose("version", {walk.version for walk in walks})

    def _choose(self, name: str, values: Iterable[object]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = [("", ""), *((value, value) for value in values)]

    def clean(self) -> dict[str, Any]:
        """See that what belongs together is there together."""
        found = super().clean() or {}
        for name, other in (("answers", "question"), ("value", "slice"), ("with", "person"), ("lately", "person")):
            if found.get(name) not in (None, "") and not found.get(other) and other not in self.errors:
                self.add_error(name, f"this needs a {other}, too.")
        for name in ("person", "with"):
            if found.get(name) and found[name] not in self._people:
                self.add_error(name, "nobody takes part here under that number.")
        for name, known in (("answers", self._answers.get(found.get("question", ""), set())), ("labels", self._labels)):
            found[name] = self._two(name, found.get(name, ""), known)
        return found

    def _two(self, name: str, given: str, known: Collection[str]) -> tuple[str, str] | None:
        if not given or name in self.errors:
            return None
        one, _, other = given.partition(",")
        if one in known and other in known:
            return one, other
        self.add_error(name, f"expected two of {', '.join(sorted(known))} with a comma between them.")
        return None

    def problem(self) -> str:
        """Return what is wrong, field by field, in one line."""
        return "; ".join(f"{name}: {' '.join(map(str, errors))}" for name, errors in self.errors.items())

    def behind(self) -> Behind:
        """Return what is asked for."""
        found = dict(self.cleaned_data)
        month = found.pop("month")
        found["month"] = None if month is None else 12 * month.year + month.month - 1
        found["beside"] = found.pop("with")
        found["repeat"] = bool(found["repeat"])
        return Behind(**{name: found[name] for name in Behind.__dataclass_fields__})


class HoldoutForm(forms.Form):
    """Which holdout pairs of an adapter are to be seen, as an address says it: see Wanted."""

    said = forms.ChoiceField(required=False)
    judged = forms.ChoiceField(required=False)
    right = forms.TypedChoiceField(choices=YES_OR_NO, coerce="1".__eq__, empty_value=None, required=False)
    least = forms.FloatField(min_value=0, max_value=1, required=False)
    most = forms.FloatField(min_value=0, max_value=1, required=False)
    slice = forms.CharField(max_length=60, required=False)
    value = forms.CharField(max_length=200, required=False, strip=False)
    beside = forms.ModelChoiceField(Adapter.objects.none(), to_field_name="number", required=False)
    beside_right = forms.TypedChoiceField(choices=YES_OR_NO, coerce="1".__eq__, empty_value=None, required=False)
    differ = forms.TypedChoiceField(choices=YES_OR_NO, coerce="1".__eq__, empty_value=None, required=False)

    def __init__(self, adapter: Adapter, labels: Sequence[Label], data: Any) -> None:
        super().__init__(data)
        for name in ("said", "judged"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
            field.choices = [("", ""), *((label.key, label.key) for label in labels)]
        other = self.fields["beside"]
        assert isinstance(other, forms.ModelChoiceField)  # noqa: S101 - for the type checker
        other.queryset = Adapter.objects.filter(project=adapter.project_id).exclude(pk=adapter.pk)

    def clean(self) -> dict[str, Any]:
        """See that what belongs together is there together."""
        found = super().clean() or {}
        for name, other in (("value", "slice"), ("slice", "value"), ("beside_right", "beside"), ("differ", "beside")):
            if found.get(name) not in (None, "") and not found.get(other) and other not in self.errors:
                self.add_error(name, f"this needs a {other}, too.")
        return found

    def problem(self) -> str:
        """Return what is wrong, field by field, in one line."""
        return "; ".join(f"{name}: {' '.join(map(str, errors))}" for name, errors in self.errors.items())

    def wanted(self) -> Wanted:
        """Return what is asked for."""
        return Wanted(**{name: self.cleaned_data[name] for name in Wanted.__dataclass_fields__})


class LearnedForm(forms.Form):
    """Which pairs of a training are to be seen: those of a split with a label."""

    split = forms.ChoiceField(choices=Split.choices)
    label = forms.ModelChoiceField(Label.objects.none(), to_field_name="key")

    def __init__(self, project: Project, data: Any) -> None:
        super().__init__(data)
        field = self.fields["label"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - for the type checker
        field.queryset = Label.objects.filter(scheme=project.scheme_id)


class PublishForm(forms.Form):
    """The draft as its effect was shown, and what is to become of the judgments that are there."""

    digest = forms.CharField(max_length=64)
    take_over = forms.BooleanField(required=False)
    relabel = forms.BooleanField(required=False)


class WithdrawForm(forms.Form):
    """Whose questions are to be asked no more: those of one person, or everybody's."""

    everybody = forms.BooleanField(required=False)
    person = forms.ModelChoiceField(User.objects.none(), required=False)

    def __init__(self, project: Project, data: Any) -> None:
        super().__init__(data)
        asked = Relabel.objects.filter(project=project)
        field = self.fields["person"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - for the type checker
        field.queryset = User.objects.filter(pk__in=asked.values("annotator"))

    def clean(self) -> dict[str, Any]:
        """Refuse a request that names nobody, so that a slip withdraws nothing, and one that names both."""
        cleaned: dict[str, Any] = super().clean() or {}
        if bool(cleaned.get("everybody")) == bool(cleaned.get("person")):
            raise forms.ValidationError("Either one person or everybody.")
        return cleaned
