"""The words of a guideline in other languages. Its structure, keys and labels are the same in each."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

import yaml

from labeling.guidelines.source import MAX_ANSWER, MAX_ASK, MAX_EXAMPLE, MAX_HELP, MAX_TITLE, Reader, suggest
from labeling.guidelines.tree import Example, ExampleWords, Guideline, Question, QuestionWords, Translation

# The languages that the pages speak.
LANGUAGES = ("en", "es", "ja")


def in_language(guideline: Guideline, language: str) -> Guideline:
    """Return the guideline with its texts in a language such as "ja" or "es-mx".

    A text that is not translated stays as the original has it. Paths, keys and labels never change.
    """
    words = guideline.translations.get(language.partition("-")[0])
    if words is None:
        return guideline
    nothing = QuestionWords()
    questions = {
        name: _question_in(words.questions.get(name, nothing), question)
        for name, question in guideline.questions.items()
    }
    skips = {reason: words.skips.get(reason, text) for reason, text in guideline.skips.items()}
    return replace(
        guideline,
        title=words.title or guideline.title,
        questions=MappingProxyType(questions),
        skips=MappingProxyType(skips),
    )


def _question_in(words: QuestionWords, question: Question) -> Question:
    examples = [_example_in(said, example) for said, example in zip(words.examples, question.examples, strict=False)]
    return replace(
        question,
        ask=words.ask or question.ask,
        help=words.help or question.help,
        answers=tuple(replace(answer, text=words.answers.get(answer.key, answer.text)) for answer in question.answers),
        examples=(*examples, *question.examples[len(examples) :]),
    )


def _example_in(words: ExampleWords, example: Example) -> Example:
    return replace(
        example,
        query=words.query or example.query,
        product=words.product or example.product,
        why=words.why or example.why,
    )


def read_translations(
    reader: Reader, node: yaml.Node | None, questions: Mapping[str, Question], skips: Mapping[str, str]
) -> dict[str, Translation]:
    """Read the section `translations`: by language, then by the names that the original has.

    What is unknown is noted in the reader at its line; what is missing is missing.
    """
    return {
        language: _translation(reader, value, questions, skips, f"translation {language!r}")
        for language, value in _known(reader, node, "translations", "language", LANGUAGES)
    }


def _known(
    reader: Reader, node: yaml.Node | None, what: str, kind: str, names: Collection[str]
) -> list[tuple[str, yaml.Node]]:
    """Return the entries of a mapping whose keys are among the names, after noting the others."""
    entries = []
    for key, value in reader.entries(node, what):
        if key.value in names:
            entries.append((key.value, value))
        else:
            reader.report(key, f"{what}: there is no {kind} {key.value!r}{suggest(key.value, names)}")
    return entries


def _texts(
    reader: Reader, node: yaml.Node | None, what: str, kind: str, names: Collection[str]
) -> MappingProxyType[str, str]:
    return MappingProxyType(
        {
            name: reader.text(value, f"{what}, {name!r}", MAX_ANSWER)
            for name, value in _known(reader, node, what, kind, names)
        }
    )


def _translation(
    reader: Reader, node: yaml.Node, questions: Mapping[str, Question], skips: Mapping[str, str], what: str
) -> Translation:
    fields = reader.fields(node, what, (), ("title", "questions", "skips"))
    said = {
        name: _question_words(reader, value, questions[name], f"{what}, question {name!r}")
        for name, value in _known(reader, fields.get("questions"), f"{what}, questions", "question", questions)
    }
    return Translation(
        title=reader.text(fields.get("title"), f"{what}, title", MAX_TITLE),
        questions=MappingProxyType(said),
        skips=_texts(reader, fields.get("skips"), f"{what}, skips", "skip reason", skips),
    )


def _question_words(reader: Reader, node: yaml.Node, question: Question, what: str) -> QuestionWords:
    fields = reader.fields(node, what, (), ("ask", "help", "answers", "examples"))
    keys = [answer.key for answer in question.answers]
    items = reader.items(fields.get("examples"), f"{what}, examples")
    if len(items) > len(question.examples):
        reader.report(fields["examples"], f"{what}: {len(items)} examples; the question has {len(question.examples)}.")
    return QuestionWords(
        ask=reader.text(fields.get("ask"), f"{what}, ask", MAX_ASK),
        help=reader.text(fields.get("help"), f"{what}, help", MAX_HELP),
        answers=_texts(reader, fields.get("answers"), f"{what}, answers", "answer", keys),
        examples=tuple(
            _example_words(reader, item, f"{what}, example {number}") for number, item in enumerate(items, start=1)
        ),
    )


def _example_words(reader: Reader, node: yaml.Node, what: str) -> ExampleWords:
    names = ("query", "product", "why")
    fields = reader.fields(node, what, (), names)
    return ExampleWords(*(reader.text(fields.get(name), f"{what}, {name}", MAX_EXAMPLE) for name in names))
