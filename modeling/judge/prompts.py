"""The texts that a judge reads, and nothing else: changing one needs a new version."""

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from modeling.judge.spec import PROMPTS

# How query_text and product_text make their texts; the prompts around them have versions of their own.
PROMPT_VERSION = "bi-encoder-1"

# Beyond the longest text that any encoder reads; descriptions of a hundred kilobytes do exist.
_MAX_CHARACTERS = 4000
_INVISIBLE = frozenset({"script", "style"})


def query_text(query: str) -> str:
    """The query on one line."""
    return _fold(query)[:_MAX_CHARACTERS]


def product_text(
    title: str,
    brand: str | None = None,
    colour: str | None = None,
    bullets: str | None = None,
    description: str | None = None,
) -> str:
    """The product on one line, what decides most first: an encoder cuts off the end.

    HTML is reduced to the text one would see, white space is folded, empty parts are left out.
    """
    parts = [_plain(title)]
    parts += [f"{name}: {_plain(value)}" for name, value in (("brand", brand), ("color", colour)) if value]
    parts += [_plain(value) for value in (bullets, description) if value]
    return "; ".join(part for part in parts if part)[:_MAX_CHARACTERS]


# What stands before, between and after query and product where a tokenizer has no separator of its own. Both texts are
# on one line, so that a line's break is never theirs.
PAIR_LINES = ("Query: ", "\nProduct: ", "\nLabel:")


@dataclass(frozen=True)
class PairPrompt:
    """What a completion reads: opening, query, before_product, product, ending. Then comes an answer.

    `answers` has for every label's key, in the labels' order, the text that says it.
    """

    version: str
    opening: str
    before_product: str
    ending: str
    answers: Mapping[str, str]


def pair_prompt(version: str, labels: Sequence[str], guideline: str | Sequence[str] = "") -> PairPrompt:
    """The prompt of a version for labels with these keys.

    "short-1" says a label by its key, "letters-1" as a letter; "guideline-1" is the short one after the guideline,
    given as a text or as its questions. What all products of a query share comes first.
    ValueError for an unknown version, more labels than letters, or a guideline that is not there.
    """
    if version not in PROMPTS["completion"]:
        raise ValueError(f"expected {' or '.join(PROMPTS['completion'])}, got {version!r}")
    before = ""
    if version == "guideline-1":
        before = guideline.strip() if isinstance(guideline, str) else "\n".join(f"- {line}" for line in guideline)
        if not before:
            raise ValueError('"guideline-1" begins with the guideline, and there is none')
        before += "\n\n"
    names, said = list(labels), list(labels)
    if version == "letters-1":
        if len(labels) > len(string.ascii_uppercase):
            raise ValueError(f'"letters-1" has 26 letters, and {len(labels)} labels are too many')
        said = list(string.ascii_uppercase[: len(labels)])
        names = [f"{letter} {key}" for letter, key in zip(said, labels, strict=True)]
    answers = {key: f" {word}" for key, word in zip(labels, said, strict=True)}
    return PairPrompt(
        version=version,
        opening=f"{before}Labels: {', '.join(names)}\nQuery: ",
        before_product="\nProduct: ",
        ending="\nLabel:",
        answers=answers,
    )


def _plain(text: str) -> str:
    if "<" not in text and "&" not in text:
        return _fold(text)
    reader = _TextReader()
    reader.feed(text)
    reader.close()
    return _fold("".join(reader.pieces))


def _fold(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\x00", " ")).strip()


class _TextReader(HTMLParser):
    """Collects what a browser would show; a tag parts words as a space does."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in _INVISIBLE
        self.pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self.hidden = max(0, self.hidden - (tag in _INVISIBLE))
        self.pieces.append(" ")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.pieces.append(data)
