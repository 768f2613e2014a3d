"""A pair and the tree to walk, as the templates of the desk want them."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.utils.translation import get_language

from labeling.actions.judgments import tree_of
from labeling.exchange.marking import words_of
from labeling.guidelines.translations import in_language
from labeling.guidelines.tree import Answer, Guideline, LabelLeaf, Question
from labeling.guidelines.walk import Path, format_path, open_beginning, parse_path, walk
from labeling.models import GuidelineVersion, Pair
from labeling.views.product import language_of, product_context


def pair_context(pair: Pair) -> dict[str, Any]:
    """Return the query and the product's current text, with the shop's markup made safe."""
    return {
        "pair": pair,
        "query": pair.query,
        "query_lang": language_of(pair.query.locale),
        "product": product_context(pair.product, words_of(pair.query.text)),
    }


def walk_context(version: GuidelineVersion, path: Path) -> dict[str, Any]:
    """Return the questions, the one that `path` leads to, and the answers so far, in the reader's language.

    The path must not be at its end.
    """
    read = _as_read(version, get_language() or "")
    return _walk_context(read.tree, read.context, path)


def unstored_walk_context(tree: Guideline, path: Path) -> dict[str, Any]:
    """Return walk_context for a tree that is no published version, and may change at any time."""
    return _walk_context(tree, _tree_context(tree, ""), path)


def _walk_context(tree: Guideline, guideline: dict[str, Any], path: Path) -> dict[str, Any]:
    here = walk(tree, path)
    return {
        "guideline": guideline,
        "current": here.id if isinstance(here, Question) else tree.start,
        "path": format_path(path),
        "trail": [
            {"id": question_id, "answer": _answer_text(tree, question_id, key), "path": format_path(path[:step])}
            for step, (question_id, key) in enumerate(path)
        ],
    }


@dataclass(frozen=True)
class _Read:
    """A version in one language: the tree, and what the templates get of it."""

    tree: Guideline
    context: dict[str, Any]


@lru_cache(maxsize=128)
def _as_read(version: GuidelineVersion, language: str) -> _Read:
    """Kept by each process, since a published version never changes."""
    tree = in_language(tree_of(version.project, version), language)
    return _Read(tree, _tree_context(tree, version.pk))


def _tree_context(tree: Guideline, version_id: int | str) -> dict[str, Any]:
    return {
        "id": version_id,
        "title": tree.title,
        "questions": [question_context(question) for question in tree.questions.values()],
        "skips": [{"key": key, "text": text} for key, text in tree.skips.items()],
    }


def as_read(tree: Guideline) -> Guideline:
    """Return the tree in the language that the page speaks."""
    return in_language(tree, get_language() or "")


def draft_context(version: GuidelineVersion, draft: str) -> dict[str, Any]:
    """Return walk_context for a draft, as far as it still fits; what it says next is marked as `before`.

    Of a whole walk that is its last answer, so that changing one's mind is one key.
    """
    path = parse_path(draft)
    begun = open_beginning(_as_read(version, get_language() or "").tree, path)
    rest = path[len(begun) : len(begun) + 1]
    return walk_context(version, begun) | {"draft": draft, "before": format_path(rest)}


def question_context(question: Question) -> dict[str, Any]:
    """Return one question with its answers and where each leads."""
    return {
        "id": question.id,
        "ask": question.ask,
        "help": question.help,
        "answers": [{"key": answer.key, "text": answer.text, "next": _leads_to(answer)} for answer in question.answers],
        "examples": [
            {
                "query": example.query,
                "product": example.product,
                "answer": _text_of(question, example.answer),
                "why": example.why,
            }
            for example in question.examples
        ],
    }


def _leads_to(answer: Answer) -> str:
    if isinstance(answer.go, str):
        return f"question:{answer.go}"
    if isinstance(answer.go, LabelLeaf):
        return f"label:{answer.go.label}"
    return f"skip:{answer.go.reason}"


def _answer_text(tree: Guideline, question_id: str, key: str) -> str:
    return _text_of(tree.questions[question_id], key)


def _text_of(question: Question, key: str) -> str:
    answer = question.answer(key)
    return answer.text if answer else key
