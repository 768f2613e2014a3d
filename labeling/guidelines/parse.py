"""Read a guideline from YAML and check all of it, so that a walk through it cannot fail."""

import re
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import yaml

from labeling.guidelines.connections import check_connections
from labeling.guidelines.source import (
    MAX_ANSWER,
    MAX_ASK,
    MAX_EXAMPLE,
    MAX_HELP,
    MAX_TITLE,
    GuidelineError,
    Problem,
    Reader,
    compose,
    suggest,
)
from labeling.guidelines.translations import read_translations
from labeling.guidelines.tree import Answer, Example, Guideline, LabelLeaf, Question, SkipLeaf

__all__ = ["GuidelineError", "Problem", "default_source", "parse_guideline"]

NAME = re.compile(r"[a-z][a-z0-9_]*")
MAX_NAME = 40
MAX_QUESTIONS = 100
MAX_ANSWERS = 9
MAX_EXAMPLES = 30
MAX_SKIPS = 20


def default_source() -> str:
    """Return the YAML of the default guideline; its labels are E, S, C and I."""
    return Path(__file__).with_name("esci.yaml").read_text(encoding="utf-8")


def parse_guideline(source: str, label_keys: Collection[str]) -> Guideline:
    """Read and check a guideline whose leaves may be the labels `label_keys`.

    Raises GuidelineError with every problem found: its line, what is wrong and what was expected.
    Equal arguments give the same object again without another parse.
    """
    return _parse(source, tuple(label_keys))


@lru_cache(maxsize=64)
def _parse(source: str, label_keys: tuple[str, ...]) -> Guideline:
    reader = Reader()
    root = reader.fields(compose(source), "the guideline", ("title", "start", "questions", "skips"), ("translations",))
    question_nodes = _named(reader, root.get("questions"), "questions", MAX_QUESTIONS)
    skips = {
        key.value: reader.text(value, f"skip reason {key.value!r}", MAX_ANSWER)
        for key, value in _named(reader, root.get("skips"), "skips", MAX_SKIPS)
    }
    targets = _Targets(reader, [key.value for key, _ in question_nodes], list(skips), label_keys)
    title = reader.text(root.get("title"), "title", MAX_TITLE)
    start = targets.question(root.get("start"), "start")
    questions = {key.value: _question(reader, targets, key.value, node) for key, node in question_nodes}
    lines = {key.value: key.start_mark.line + 1 for key, _ in question_nodes}
    if len(questions) <= MAX_QUESTIONS:
        reader.problems += check_connections(start, questions, lines)
    translations = read_translations(reader, root.get("translations"), questions, skips)
    if reader.problems:
        raise GuidelineError(reader.problems)
    labels = [
        answer.go.label
        for question in questions.values()
        for answer in question.answers
        if isinstance(answer.go, LabelLeaf)
    ]
    return Guideline(
        title,
        start,
        MappingProxyType(questions),
        MappingProxyType(skips),
        tuple(dict.fromkeys(labels)),
        MappingProxyType(translations),
    )


def _named(reader: Reader, node: yaml.Node | None, what: str, limit: int) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    """Return the entries of a mapping from names to something; at least one, at most `limit`."""
    entries = reader.entries(node, what)
    if isinstance(node, yaml.MappingNode) and not 1 <= len(entries) <= limit:
        reader.report(node, f"{what}: {len(entries)} found; expected 1 to {limit}.")
    for key, _ in entries:
        if not NAME.fullmatch(key.value) or len(key.value) > MAX_NAME:
            rule = f"a small letter, then small letters, digits or _, at most {MAX_NAME}"
            reader.report(key, f"{what}: the name {key.value[:MAX_NAME]!r} does not fit; expected {rule}.")
    return entries


class _Targets:
    """What an answer may lead to."""

    def __init__(
        self, reader: Reader, questions: Collection[str], skips: Collection[str], labels: Collection[str]
    ) -> None:
        self.reader = reader
        self.known = {"question": questions, "skip reason": skips, "label": labels}

    def name(self, node: yaml.Node | None, what: str, kind: str) -> str:
        name = self.reader.text(node, what, MAX_NAME)
        if node is not None and name and name not in self.known[kind]:
            self.reader.report(node, f"{what}: there is no {kind} {name!r}{suggest(name, self.known[kind])}")
        return name

    def question(self, node: yaml.Node | None, what: str) -> str:
        return self.name(node, what, "question")

    def of(self, fields: dict[str, yaml.Node], node: yaml.Node, what: str) -> str | LabelLeaf | SkipLeaf:
        ways = [name for name in ("go", "label", "skip") if name in fields]
        if len(ways) != 1 and isinstance(node, yaml.MappingNode):
            found = " and ".join(ways) or "none"
            self.reader.report(node, f"{what}: expected exactly one of go, label and skip; found {found}.")
        if "label" in fields:
            return LabelLeaf(self.name(fields["label"], what, "label"))
        if "skip" in fields:
            return SkipLeaf(self.name(fields["skip"], what, "skip reason"))
        return self.question(fields.get("go"), what)


def _question(reader: Reader, targets: _Targets, name: str, node: yaml.Node) -> Question:
    what = f"question {name!r}"
    fields = reader.fields(node, what, ("ask", "help", "answers"), ("examples",))
    ask = reader.text(fields.get("ask"), f"{what}, ask", MAX_ASK)
    help_text = reader.text(fields.get("help"), f"{what}, help", MAX_HELP)
    answers = _answers(reader, targets, fields.get("answers"), what)
    examples = _examples(reader, fields.get("examples"), [answer.key for answer in answers], what)
    return Question(name, ask, help_text, answers, examples)


def _answers(reader: Reader, targets: _Targets, node: yaml.Node | None, what: str) -> tuple[Answer, ...]:
    entries = _named(reader, node, f"{what}, answers", MAX_ANSWERS)
    if isinstance(node, yaml.MappingNode) and len(entries) == 1:
        reader.report(node, f"{what}: one answer is no choice; expected 2 to {MAX_ANSWERS}.")
    return tuple(_answer(reader, targets, key.value, value, what) for key, value in entries)


def _answer(reader: Reader, targets: _Targets, key: str, node: yaml.Node, question: str) -> Answer:
    what = f"{question}, answer {key!r}"
    fields = reader.fields(node, what, ("text",), ("go", "label", "skip"))
    text = reader.text(fields.get("text"), f"{what}, text", MAX_ANSWER)
    return Answer(key, text, targets.of(fields, node, what))


def _examples(reader: Reader, node: yaml.Node | None, answers: Collection[str], question: str) -> tuple[Example, ...]:
    nodes = reader.items(node, f"{question}, examples")
    if node is not None and len(nodes) > MAX_EXAMPLES:
        reader.report(node, f"{question}: {len(nodes)} examples; at most {MAX_EXAMPLES}.")
    return tuple(
        _example(reader, item, answers, f"{question}, example {number}") for number, item in enumerate(nodes, start=1)
    )


def _example(reader: Reader, node: yaml.Node, answers: Collection[str], what: str) -> Example:
    names = ("query", "product", "answer", "why")
    fields = reader.fields(node, what, names)
    query, product, answer, why = (reader.text(fields.get(name), f"{what}, {name}", MAX_EXAMPLE) for name in names)
    if answer and answers and answer not in answers:
        reader.report(fields["answer"], f"{what}: {answer!r} is no answer here{suggest(answer, answers)}")
    return Example(query, product, answer, why)
