"""A guideline in other languages: its words change, its structure never."""

import pytest
from django.conf import settings

from labeling.guidelines.parse import GuidelineError, default_source, parse_guideline
from labeling.guidelines.translations import LANGUAGES, in_language
from labeling.guidelines.tree import Example, Guideline
from labeling.guidelines.walk import whole_paths

LABELS = ("good", "bad")
ORIGINAL = """\
title: Small tree
start: clear
questions:
  clear:
    ask: Is it clear?
    help: Look twice.
    answers:
      yes: {text: It is, go: fits}
      no: {text: It is not, skip: unclear}
  fits:
    ask: Does it fit?
    help: Try it on.
    answers:
      yes: {text: "Yes", label: good}
      no: {text: "No", label: bad}
    examples:
      - {query: red hat, product: Red felt hat, answer: yes, why: It is a red hat.}
      - {query: red hat, product: Blue hat, answer: no, why: It is blue.}
skips:
  unclear: I cannot tell
"""
SPANISH = """\
translations:
  es:
    title: Árbol pequeño
    questions:
      clear:
        ask: ¿Está claro?
        help: Mire dos veces.
        answers: {yes: Lo está, no: No lo está}
      fits:
        answers: {yes: Sí}
        examples:
          - {query: sombrero rojo, why: Es un sombrero rojo.}
    skips:
      unclear: No lo sé
"""
ESCI = parse_guideline(default_source(), "ESCI")


def small() -> Guideline:
    return parse_guideline(ORIGINAL + SPANISH, LABELS)


def skeleton(guideline: Guideline) -> list[object]:
    """Return all of a guideline that is not words."""
    return [
        guideline.start,
        guideline.labels,
        list(guideline.skips),
        [
            (
                question.id,
                [(answer.key, answer.go) for answer in question.answers],
                [e.answer for e in question.examples],
            )
            for question in guideline.questions.values()
        ],
        list(whole_paths(guideline)),
    ]


def words(guideline: Guideline) -> list[str]:
    """Return every text of a guideline in its order."""
    found = [guideline.title, *guideline.skips.values()]
    for question in guideline.questions.values():
        found += [question.ask, question.help, *(answer.text for answer in question.answers)]
        found += [text for one in question.examples for text in (one.query, one.product, one.why)]
    return found


def test_in_language_translates_every_text_that_is_there() -> None:
    spanish = in_language(small(), "es")
    assert spanish.title == "Árbol pequeño"
    assert spanish.skips == {"unclear": "No lo sé"}
    clear = spanish.questions["clear"]
    assert (clear.ask, clear.help) == ("¿Está claro?", "Mire dos veces.")
    assert [answer.text for answer in clear.answers] == ["Lo está", "No lo está"]


def test_in_language_falls_back_to_the_original_text_by_text() -> None:
    fits = in_language(small(), "es").questions["fits"]
    assert (fits.ask, fits.help) == ("Does it fit?", "Try it on.")
    assert [answer.text for answer in fits.answers] == ["Sí", "No"]
    assert fits.examples == (
        Example("sombrero rojo", "Red felt hat", "yes", "Es un sombrero rojo."),
        Example("red hat", "Blue hat", "no", "It is blue."),
    )


def test_in_language_without_a_translation_is_the_original() -> None:
    guideline = small()
    assert in_language(guideline, "ja") is guideline
    assert in_language(guideline, "") is guideline
    assert in_language(guideline, "es-mx").title == "Árbol pequeño"


@pytest.mark.parametrize("language", ["es", "ja"])
@pytest.mark.parametrize("guideline", [small(), ESCI], ids=["small", "esci"])
def test_in_language_changes_words_alone(guideline: Guideline, language: str) -> None:
    assert skeleton(in_language(guideline, language)) == skeleton(guideline)


def test_paths_are_the_same_with_and_without_translations() -> None:
    plain = parse_guideline(ORIGINAL, LABELS)
    assert skeleton(small()) == skeleton(plain)
    assert plain.translations == {}


def test_languages_are_those_of_the_pages() -> None:
    assert tuple(code for code, _ in settings.LANGUAGES) == LANGUAGES


@pytest.mark.parametrize("language", ["es", "ja"])
def test_default_guideline_is_whole_in_every_language(language: str) -> None:
    translated = in_language(ESCI, language)
    # A query such as "00 b x 7" or "kimono", and "kleenex", is the same in both.
    same = [text for text, original in zip(words(translated), words(ESCI), strict=True) if text == original]
    assert set(same) <= {"00 b x 7", "kleenex", "kimono"}
    for question in translated.questions.values():
        assert question.ask.endswith("?" if language == "es" else "。")
        assert "!" not in question.help


def test_japanese_has_no_spaces_from_folded_lines() -> None:
    for question in in_language(ESCI, "ja").questions.values():
        for text in (question.ask, question.help, *(one.why for one in question.examples)):
            assert " " not in text, text


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("  es:", "  xx:", 22, "translations: there is no language 'xx'; expected one of en, es, ja."),
        ("  es:", "  ES:", 22, "there is no language 'ES'"),
        ("    title: Á", "    titel: Á", 23, "translation 'es': unknown field 'titel'; did you mean 'title'?"),
        ("    title: Árbol pequeño", "    title:", 23, "translation 'es', title: expected text, found nothing."),
        (
            "      clear:\n        ask",
            "      cleer:\n        ask",
            25,
            "there is no question 'cleer'; did you mean 'clear'?",
        ),
        (
            "        ask: ¿",
            "        start: ¿",
            26,
            "unknown field 'start'; expected one of ask, help, answers, examples.",
        ),
        ("{yes: Lo está, no", "{yes: Lo está, nop", 28, "there is no answer 'nop'; did you mean 'no'?"),
        ("{yes: Sí}", "{yes: {text: Sí}}", 30, "'yes': expected text, found `key: value` lines."),
        ("why: Es un sombrero rojo.", "answer: no", 32, "example 1: unknown field 'answer'"),
        ("      unclear: No lo sé", "      unclaer: No lo sé", 34, "there is no skip reason 'unclaer'"),
        ("      unclear: No lo sé", f"      unclear: {'x' * 81}", 34, "81 characters; at most 80."),
        ("translations:\n  es:", "translations: es\n#", 21, "translations: expected `key: value` lines"),
    ],
)
def test_parse_guideline_names_line_and_fault_of_a_translation(old: str, new: str, line: int, message: str) -> None:
    # The translation alone is changed; it starts on line 21.
    source = ORIGINAL + SPANISH.replace(old, new, 1)
    assert source != ORIGINAL + SPANISH
    with pytest.raises(GuidelineError) as caught:
        parse_guideline(source if "#" not in new else source.split("#")[0], LABELS)
    found = [(problem.line, problem.message) for problem in caught.value.problems]
    assert any(at == line and message in text for at, text in found), found


def test_parse_guideline_refuses_more_examples_than_the_question_has() -> None:
    more = SPANISH.replace(
        "          - {query: sombrero", "          - {why: a}\n          - {why: b}\n          - {query: sombrero"
    )
    with pytest.raises(GuidelineError, match="3 examples; the question has 2"):
        parse_guideline(ORIGINAL + more, LABELS)
