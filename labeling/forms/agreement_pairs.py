"""Which number's pairs are to be seen."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django import forms

from labeling.models import Label
from labeling.queries.agreement_pairs import COMPARED, Behind, Walk

YES_OR_NO = (("", ""), ("1", "1"), ("0", "0"))


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
