"""What differs between two versions of a guideline. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from itertools import groupby

from labeling.guidelines.tree import Answer, Example, Guideline, LabelLeaf, Question, SkipLeaf, Translation

# A word or a sign, and the space after it; a character of a script that sets no spaces between words stands alone.
TOKEN = re.compile(
    r"([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f]|[^\W\u3040-\u30ff\u3400-\u9fff]+|[^\w\s]|^)(\s*)"
)
# Below this share of common words two texts are easier to read one after the other.
MIXED = 0.5


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text: "same" in both versions, "gone" or "new"."""

    text: str
    kind: str


Pieces = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class AnswerChange:
    """An answer that is "added", "removed" or "changed".

    `leads` is where it led and where it leads, None where there was or is no such answer; without a change there it
    is empty.
    """

    kind: str
    key: str
    text: Pieces
    leads: tuple[str | LabelLeaf | SkipLeaf | None, ...]


@dataclass(frozen=True, slots=True)
class ExampleChange:
    """A worked example that is "added", "removed" or "changed"."""

    kind: str
    query: Pieces
    product: Pieces
    answer: Pieces
    why: Pieces


@dataclass(frozen=True, slots=True)
class QuestionChange:
    """A question that is "added", "removed" or "changed".

    `meaning` tells whether it asks something else than before. `ask` is there in any case, the rest where it differs;
    `reordered` tells that the answers come in another order.
    """

    kind: str
    id: str
    meaning: bool
    ask: Pieces
    help: Pieces
    answers: tuple[AnswerChange, ...]
    reordered: bool
    examples: tuple[ExampleChange, ...]


@dataclass(frozen=True, slots=True)
class TextChange:
    """A text that is "added", "removed" or "changed", with the names that lead to it, such as ("type", "help")."""

    kind: str
    names: tuple[str, ...]
    text: Pieces


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs between two versions; what does not is left out.

    `questions` are those of the new version in its order, then those that are gone. `translations` are by language.
    """

    title: Pieces
    start: Pieces
    questions: tuple[QuestionChange, ...]
    skips: tuple[TextChange, ...]
    translations: Mapping[str, tuple[TextChange, ...]]

    def __bool__(self) -> bool:
        return any((self.title, self.start, self.questions, self.skips, self.translations))


def changed_questions(old: Guideline, new: Guideline) -> tuple[str, ...]:
    """Return the ids of the questions of `new` that are new or do not ask what they asked, in their order.

    What is asked are the question, its help, and its answers with their texts. The order of the answers, where they
    lead, the worked examples and the translations are no part of it.
    """
    return tuple(
        name
        for name, question in new.questions.items()
        if name not in old.questions or _asked(question) != _asked(old.questions[name])
    )


def _asked(question: Question) -> tuple[object, ...]:
    return question.ask, question.help, {answer.key: answer.text for answer in question.answers}


def compare_guidelines(old: Guideline, new: Guideline) -> Difference:
    """Return what differs, with the changed words of each text marked."""
    meaning = changed_questions(old, new)
    questions = [
        _question(old.questions.get(name), new.questions.get(name), name in meaning)
        for name in dict.fromkeys((*new.questions, *old.questions))
    ]
    languages = dict.fromkeys((*old.translations, *new.translations))
    translations = {
        language: _texts(_said(old.translations.get(language)), _said(new.translations.get(language)))
        for language in languages
    }
    return Difference(
        title=_if_changed(old.title, new.title),
        start=_if_changed(old.start, new.start),
        questions=tuple(change for change in questions if change),
        skips=_texts(
            {(reason,): text for reason, text in old.skips.items()},
            {(reason,): text for reason, text in new.skips.items()},
        ),
        translations={language: changes for language, changes in translations.items() if changes},
    )


def compare_texts(old: str, new: str) -> Pieces:
    """Return both texts as one: the words that they share, those that are gone and those that are new.

    Texts with little in common stand one after the other.
    """
    tokens = TOKEN.findall(old), TOKEN.findall(new)
    words = [[word for word, _ in side] for side in tokens]
    matcher = SequenceMatcher(None, words[0], words[1], autojunk=False)
    if old == new:
        parts = [(old, "", "")]
    elif not old or not new or matcher.ratio() < MIXED:
        parts = [("", old, new)]
    else:
        parts = _parts(matcher, *tokens)
    pieces = [(kind, text) for part in parts for kind, text in zip(("same", "gone", "new"), part, strict=True) if text]
    runs = groupby(pieces, key=lambda piece: piece[0])
    return tuple(Piece("".join(text for _, text in run), kind) for kind, run in runs)


Tokens = list[tuple[str, str]]
# A stretch that is the same, or what is gone and what is new instead.
Part = tuple[str, str, str]


def _parts(matcher: "SequenceMatcher[str]", old: Tokens, new: Tokens) -> list[Part]:
    parts: list[Part] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            parts.append(("", _joined(old[a:b]), _joined(new[c:d])))
            continue
        for (word, before), (_, after) in zip(old[a:b], new[c:d], strict=True):
            parts += [(word, "", ""), (before, "", "") if before == after else ("", before, after)]
    merged: list[Part] = []
    for is_same, run in groupby(parts, key=lambda part: not (part[1] or part[2])):
        same, gone, new_text = ("".join(texts) for texts in zip(*run, strict=True))
        # The space after what has changed has not.
        space = "" if is_same else _common_end(gone, new_text)
        cut = len(space)
        merged += [(same, gone[: len(gone) - cut], new_text[: len(new_text) - cut]), (space, "", "")]
    return merged


def _joined(tokens: Tokens) -> str:
    return "".join(word + space for word, space in tokens)


def _common_end(one: str, other: str) -> str:
    """Return the white space with which both texts end, if it is the same."""
    ends = [text[len(text.rstrip()) :] for text in (one, other)]
    return ends[0] if ends[0] == ends[1] else ""


def _if_changed(old: str, new: str) -> Pieces:
    return compare_texts(old, new) if old != new else ()


def _kind(old: object | None, new: object | None) -> str:
    if old is None:
        return "added"
    return "removed" if new is None else "changed"


def _question(old: Question | None, new: Question | None, meaning: bool) -> QuestionChange | None:
    """Return what differs about a question; None where nothing does but the order of its examples."""
    before, after = old or Question("", "", "", ()), new or Question("", "", "", ())
    answers = {answer.key: answer for answer in before.answers}, {answer.key: answer for answer in after.answers}
    kept = [[key for key in side if key in answers[0] and key in answers[1]] for side in answers]
    change = QuestionChange(
        kind=_kind(old, new),
        id=after.id or before.id,
        meaning=meaning,
        ask=compare_texts(before.ask, after.ask),
        help=_if_changed(before.help, after.help),
        answers=tuple(
            _answer(answers[0].get(key), answers[1].get(key))
            for key in dict.fromkeys((*answers[1], *answers[0]))
            if answers[0].get(key) != answers[1].get(key)
        ),
        reordered=kept[0] != kept[1],
        examples=_examples(before.examples, after.examples),
    )
    differs = before.ask != after.ask or change.help or change.answers or change.reordered or change.examples
    return change if differs else None


def _answer(old: Answer | None, new: Answer | None) -> AnswerChange:
    leads = (old.go if old else None, new.go if new else None)
    return AnswerChange(
        kind=_kind(old, new),
        key=(new or old or Answer("", "", "")).key,
        text=compare_texts(old.text if old else "", new.text if new else ""),
        leads=leads if leads[0] != leads[1] else (),
    )


def _examples(old: tuple[Example, ...], new: tuple[Example, ...]) -> tuple[ExampleChange, ...]:
    """Return the examples that differ; those of one query, and if it can be of one product, are taken for the same."""
    before = [example for example in old if example not in new]
    changes = []
    for example in (example for example in new if example not in old):
        same_pair = [other for other in before if (other.query, other.product) == (example.query, example.product)]
        match = next(iter(same_pair or [other for other in before if other.query == example.query]), None)
        if match:
            before.remove(match)
        changes.append(_example(match, example))
    return tuple(changes + [_example(gone, None) for gone in before])


def _example(old: Example | None, new: Example | None) -> ExampleChange:
    before, after = (one or Example("", "", "", "") for one in (old, new))
    texts = {
        part.name: compare_texts(getattr(before, part.name), getattr(after, part.name)) for part in fields(Example)
    }
    return ExampleChange(_kind(old, new), **texts)


def _texts(old: Mapping[tuple[str, ...], str], new: Mapping[tuple[str, ...], str]) -> tuple[TextChange, ...]:
    return tuple(
        TextChange(_kind(old.get(names), new.get(names)), names, compare_texts(old.get(names, ""), new.get(names, "")))
        for names in dict.fromkeys((*new, *old))
        if old.get(names) != new.get(names)
    )


def _said(translation: Translation | None) -> dict[tuple[str, ...], str]:
    """Return every text of a translation under the names that lead to it."""
    return {names: text for names, text in _named(translation) if text} if translation else {}


def _named(translation: Translation) -> Iterable[tuple[tuple[str, ...], str]]:
    yield ("title",), translation.title
    for name, question in translation.questions.items():
        yield (name, "ask"), question.ask
        yield (name, "help"), question.help
        for key, text in question.answers.items():
            yield (name, "answer", key), text
        for number, example in enumerate(question.examples, start=1):
            for part in fields(example):
                yield (name, "example", str(number), part.name), getattr(example, part.name)
    for reason, text in translation.skips.items():
        yield ("skip", reason), text


@dataclass(frozen=True, slots=True)
class Line:
    """A line of two sources: "same", "gone" or "new", or "gap" for lines left out; `number` is that in the new one.

    A line that is gone has the number of the one that it stood before.
    """

    kind: str
    number: int
    text: str


def compare_lines(old: str, new: str, around: int = 2) -> tuple[Line, ...]:
    """Return the lines of two sources that differ, with some of those around them."""
    before, after = old.splitlines(), new.splitlines()
    lines: list[Line] = []
    for group in SequenceMatcher(None, before, after).get_grouped_opcodes(around):
        lines += [Line("gap", group[0][3] + 1, "")] if group[0][3] or lines else []
        for tag, a, b, c, d in group:
            if tag == "equal":
                lines += [Line("same", number + 1, after[number]) for number in range(c, d)]
            else:
                lines += [Line("gone", c + 1, text) for text in before[a:b]]
                lines += [Line("new", number + 1, after[number]) for number in range(c, d)]
    return tuple(lines)
