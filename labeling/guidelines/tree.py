"""The parts of a guideline, as frozen values that compare by content."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class LabelLeaf:
    """The end of a walk that gives the pair a label of the scheme."""

    label: str


@dataclass(frozen=True, slots=True)
class SkipLeaf:
    """The end of a walk where the pair cannot be judged, for a declared reason."""

    reason: str


Leaf = LabelLeaf | SkipLeaf


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to a question; `go` is the id of the next question, or a leaf."""

    key: str
    text: str
    go: str | LabelLeaf | SkipLeaf


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example: what to answer for this query and product, and why."""

    query: str
    product: str
    answer: str
    why: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the tree with its help text, answers and worked examples."""

    id: str
    ask: str
    help: str
    answers: tuple[Answer, ...]
    examples: tuple[Example, ...] = ()

    def answer(self, key: str) -> Answer | None:
        """Return the answer with this key, or None."""
        return next((answer for answer in self.answers if answer.key == key), None)


@dataclass(frozen=True, slots=True)
class ExampleWords:
    """A worked example in another language; what is empty stays as the original has it."""

    query: str = ""
    product: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class QuestionWords:
    """A question in another language: `answers` by their keys, `examples` in the order of the original's."""

    ask: str = ""
    help: str = ""
    answers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    examples: tuple[ExampleWords, ...] = ()


@dataclass(frozen=True, slots=True)
class Translation:
    """A guideline's words in another language: `questions` by their ids, `skips` by their reasons."""

    title: str = ""
    questions: Mapping[str, QuestionWords] = field(default_factory=lambda: MappingProxyType({}))
    skips: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Guideline:
    """A checked decision tree.

    `questions` is in the order of the file, by id; `start` is the id of the first question asked.
    `skips` maps each declared skip reason to its text. `labels` are the label keys that leaves end in,
    in the order of the file. `translations` has the words in other languages, by their codes.
    """

    title: str
    start: str
    questions: Mapping[str, Question]
    skips: Mapping[str, str]
    labels: tuple[str, ...]
    translations: Mapping[str, Translation] = field(default_factory=lambda: MappingProxyType({}))
