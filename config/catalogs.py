"""The catalogs of the pages' words: collected from the sources, merged with the translations, compiled.

`make words` runs this after a template or a view got new words, and again after translating them. It needs no GNU
gettext: templates are read by Django's own `templatize`, Python by its parser, and polib writes the files.
The compiled catalogs are committed, so that a clean clone speaks every language at once.
"""

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polib
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (("templates", "*.html"), ("labeling", "*.py"))
# The positions of the message, its plural and its context among a call's arguments.
CALLS = {
    "_": (0, None, None),
    "gettext": (0, None, None),
    "gettext_lazy": (0, None, None),
    "gettext_noop": (0, None, None),
    "ngettext": (0, 1, None),
    "ngettext_lazy": (0, 1, None),
    "pgettext": (1, None, 0),
    "pgettext_lazy": (1, None, 0),
    "npgettext": (1, 2, 0),
    "npgettext_lazy": (1, 2, 0),
}
LITERAL = r"""u?'(?:[^'\\]|\\.)*'|u?"(?:[^"\\]|\\.)*\""""
MARKED = re.compile(rf"\b(_|n?p?gettext)\(\s*((?:{LITERAL})(?:\s*,\s*(?:{LITERAL}))*)")


@dataclass(frozen=True, slots=True, order=True)
class Message:
    """Words to translate. `plural` and `context` are empty where there is none."""

    text: str
    plural: str = ""
    context: str = ""


def collect(root: Path = ROOT) -> dict[Message, list[str]]:
    """Return every marked message of the templates and the code, with the files that it stands in."""
    found: dict[Message, list[str]] = {}
    for folder, pattern in SOURCES:
        for path in sorted((root / folder).rglob(pattern)):
            name = path.relative_to(root).as_posix()
            source = path.read_text(encoding="utf-8")
            for message in in_template(source) if path.suffix == ".html" else in_python(source):
                files = found.setdefault(message, [])
                if name not in files:
                    files.append(name)
    return found


def in_template(source: str) -> Iterator[Message]:
    """Yield what a template marks by translate, blocktranslate and _("...")."""
    for match in MARKED.finditer(templatize(source)):
        yield _message(match[1], list(ast.literal_eval(f"({match[2]},)")))


def in_python(source: str) -> Iterator[Message]:
    """Yield what the code marks by a call of gettext or one of its relatives."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            given = [argument.value if isinstance(argument, ast.Constant) else None for argument in node.args]
            message = _message(node.func.id, given)
            if isinstance(message.text, str):
                yield message


def _message(call: str, arguments: Sequence[Any]) -> Message:
    text, plural, context = (arguments[at] if at is not None else "" for at in CALLS[call])
    return Message(text, plural, context)


def merge(catalog: polib.POFile, messages: dict[Message, list[str]]) -> None:
    """Give the catalog exactly these messages, in their order; it keeps the translations it has of them."""
    known = {message_of(entry): entry for entry in catalog}
    catalog.clear()
    for message in sorted(messages):
        entry = known.get(message) or _new_entry(message, plurals(catalog))
        entry.occurrences = [(file, "") for file in messages[message]]
        if "%(" in message.text + message.plural and "python-format" not in entry.flags:
            entry.flags.append("python-format")
        catalog.append(entry)


def message_of(entry: polib.POEntry) -> Message:
    """Return what an entry of a catalog translates."""
    return Message(entry.msgid, entry.msgid_plural, entry.msgctxt or "")


def plurals(catalog: polib.POFile) -> int:
    """Return how many plural forms the catalog's language has."""
    return int(catalog.metadata["Plural-Forms"].removeprefix("nplurals=").partition(";")[0])


def _new_entry(message: Message, forms: int) -> polib.POEntry:
    empty = dict.fromkeys(range(forms), "") if message.plural else {}
    return polib.POEntry(
        msgid=message.text, msgid_plural=message.plural, msgctxt=message.context or None, msgstr_plural=empty
    )


def read(path: Path) -> polib.POFile:
    """Read a .po file. Lines are not wrapped, so that a changed word is one changed line."""
    return polib.pofile(str(path), wrapwidth=0, check_for_duplicates=True)


def missing(catalog: polib.POFile) -> list[str]:
    """Return the messages that have no translation yet, or one that somebody marked as doubtful."""
    return [entry.msgid for entry in catalog if not entry.translated() or entry.fuzzy]


def main() -> int:
    """Bring every catalog up to date with the sources and compile it. 1 if a translation is missing."""
    messages = collect()
    wanting = 0
    for path in sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po")):
        catalog = read(path)
        merge(catalog, messages)
        catalog.save()
        catalog.save_as_mofile(str(path.with_suffix(".mo")))
        gaps = missing(catalog)
        wanting += len(gaps)
        language = path.parent.parent.name
        print(f"{language}: {len(messages) - len(gaps)} of {len(messages)} messages", file=sys.stderr)  # noqa: T201
        for text in gaps:
            print(f"{language}: not translated: {text}", file=sys.stderr)  # noqa: T201
    return 1 if wanting else 0


if __name__ == "__main__":
    raise SystemExit(main())
