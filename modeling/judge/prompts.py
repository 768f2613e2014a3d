"""The texts that a judge reads, and nothing else: changing one needs a new version."""

import re
from html.parser import HTMLParser

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
