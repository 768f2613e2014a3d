"""Product texts from a catalog, which hold HTML of any quality, made safe to show."""

import re
from html import escape

import nh3

BLOCKS = {"b", "i", "em", "strong", "br", "ul", "ol", "li", "p"}
INLINE = {"b", "i", "em", "strong"}

# Links, pictures, styles and every attribute go: a description is there to be read, not to be acted on.
_clean_blocks = nh3.Cleaner(tags=BLOCKS, attributes={}, link_rel=None)
_clean_inline = nh3.Cleaner(tags=INLINE, attributes={}, link_rel=None)

# The HTML parser takes time with the square of unclosed tags; real descriptions have some dozens.
MAX_TAGS = 1_000

_SPACE = re.compile(r"(?:\s|&nbsp;)+")
_TAG = re.compile(r"<[^<>]*>")
_LINE_END = re.compile(r"</?(?:br|p|li|ul|ol|div)\b[^<>]*>", re.IGNORECASE)
_EMPTY = re.compile(r"<(b|i|em|strong|li|p|ul|ol)>\s*</\1>")
_BREAKS = re.compile(r"(?:<br>\s*){3,}")
_MARKER = re.compile(r"^(?:[•·●▪►]\s*|[*-](?:\s+|$))+")


def clean_html(text: str) -> str:
    """Return the text as HTML that is safe to show, with only the tags in BLOCKS and no attributes.

    Unclosed tags are closed, broken entities become the characters that they are made of, runs of white space are
    folded, and runs of empty lines are cut to one. A text without anything to read gives an empty string; one with
    more than MAX_TAGS tags is shown without any.
    """
    if text.count("<") > MAX_TAGS:
        return _fold(escape(_TAG.sub(" ", text)))
    return _fold(_BREAKS.sub("<br><br>", _clean_blocks.clean(text)))


def bullets(text: str) -> list[str]:
    """Return the lines of a bullet text as HTML that is safe to show, with only the tags in INLINE.

    Lines are separated by newlines; empty ones, and a list marker at the beginning of a line, are left out.
    """
    inline = (_LINE_END if text.count("<") <= MAX_TAGS else _TAG).sub(" ", text)
    lines = (_fold(_clean_inline.clean(_MARKER.sub("", line.strip()))) for line in inline.splitlines())
    return [line for line in lines if line]


def _fold(html: str) -> str:
    folded = _SPACE.sub(" ", html).strip()
    before = None
    while before != folded:
        before, folded = folded, _EMPTY.sub("", folded)
    return folded if _TAG.sub("", folded).strip() else ""
