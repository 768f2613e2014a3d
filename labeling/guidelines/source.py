"""Read YAML into nodes that know their line, and collect every problem on the way."""

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches

import yaml

MAX_SOURCE = 200_000
MAX_DEPTH = 12
MAX_TITLE = 120
MAX_ASK = 200
MAX_ANSWER = 80
MAX_HELP = 1_000
MAX_EXAMPLE = 500


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong at a line of the source, counted from 1, and what was expected."""

    line: int
    message: str


class GuidelineError(ValueError):
    """The source is no usable guideline; `problems` holds all that was found, sorted by line."""

    def __init__(self, problems: Collection[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(f"Line {problem.line}: {problem.message}" for problem in self.problems))


def compose(source: str) -> yaml.Node:
    """Return the root node. Raises GuidelineError for text that is not one plain YAML document.

    Aliases and deep nesting are refused before the tree is built: both serve nothing here, and both can
    be used to exhaust memory or the stack.
    """
    if len(source) > MAX_SOURCE:
        raise GuidelineError([Problem(1, f"The guideline has {len(source):,} characters; at most {MAX_SOURCE:,}.")])
    try:
        refused = _refused_events(source)
        root = None if refused else yaml.compose(source, Loader=yaml.BaseLoader)
    except yaml.reader.ReaderError as error:
        line = source.count("\n", 0, error.position) + 1
        raise GuidelineError([Problem(line, f"The character {_code(error.character)} is not allowed.")]) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise GuidelineError([Problem(line, f"This is not valid YAML: {error.problem}.")]) from error
    if refused:
        raise GuidelineError(refused)
    if root is None:
        raise GuidelineError([Problem(1, "The guideline is empty.")])
    return root


def _code(character: str | int) -> str:
    return f"U+{ord(character) if isinstance(character, str) else character:04X}"


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _refused_events(source: str) -> list[Problem]:
    problems = []
    depth = 0
    for event in yaml.parse(source, Loader=yaml.BaseLoader):
        if isinstance(event, yaml.AliasEvent):
            message = f"The alias *{event.anchor} is not allowed; write the text again."
            problems.append(Problem(_line(event), message))
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                return [*problems, Problem(_line(event), "This is nested too deeply.")]
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return problems


class Reader:
    """Takes values out of nodes. A wrong one is noted in `problems` and read as empty."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def report(self, node: yaml.Node, message: str) -> None:
        """Note a problem at the node's line."""
        self.problems.append(Problem(node.start_mark.line + 1, message))

    def entries(self, node: yaml.Node | None, what: str) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
        """Return the key and value nodes of a mapping, without the second of two equal keys."""
        if node is None:
            return []
        if not isinstance(node, yaml.MappingNode):
            self.report(node, f"{what}: expected `key: value` lines, found {_kind(node)}.")
            return []
        first: dict[str, int] = {}
        kept = []
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.report(key, f"{what}: expected a plain key, found {_kind(key)}.")
            elif key.value in first:
                self.report(key, f"{what}: {key.value!r} stands here twice, first on line {first[key.value]}.")
            else:
                first[key.value] = key.start_mark.line + 1
                # A block starts on the line after its key; people look for the problem at the key.
                value.start_mark = key.start_mark
                kept.append((key, value))
        return kept

    def fields(
        self, node: yaml.Node, what: str, required: Collection[str], optional: Collection[str] = ()
    ) -> dict[str, yaml.Node]:
        """Return the values of a mapping with these fields, after noting unknown and missing ones."""
        known = [*required, *optional]
        found = {}
        for key, value in self.entries(node, what):
            if key.value in known:
                found[key.value] = value
            else:
                self.report(key, f"{what}: unknown field {key.value!r}{suggest(key.value, known)}")
        missing = [name for name in required if name not in found]
        if missing and isinstance(node, yaml.MappingNode):
            self.report(node, f"{what}: {' and '.join(map(repr, missing))} missing.")
        return found

    def items(self, node: yaml.Node | None, what: str) -> list[yaml.Node]:
        """Return the nodes of a list."""
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.report(node, f"{what}: expected a list of `- ` items, found {_kind(node)}.")
            return []
        return list(node.value)

    def text(self, node: yaml.Node | None, what: str, limit: int) -> str:
        """Return the text of a scalar: not empty, at most `limit` characters, printable."""
        if node is None:
            return ""
        if not isinstance(node, yaml.ScalarNode):
            self.report(node, f"{what}: expected text, found {_kind(node)}.")
            return ""
        value: str = node.value.strip()
        strange = next((c for c in value if c != "\n" and unicodedata.category(c) in {"Cc", "Cs"}), None)
        if not value:
            self.report(node, f"{what}: expected text, found nothing.")
        elif strange:
            self.report(node, f"{what}: the character {_code(strange)} is not allowed.")
        elif len(value) > limit:
            self.report(node, f"{what}: {len(value):,} characters; at most {limit:,}.")
        return value


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "`key: value` lines"
    return "a list" if isinstance(node, yaml.SequenceNode) else f"the text {str(node.value)[:40]!r}"


def suggest(name: str, known: Collection[str]) -> str:
    """Return the end of a message about an unknown name: the nearest known one, or all of them."""
    near = get_close_matches(name, list(known), n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; expected one of {', '.join(known)}." if known else "; none is declared."
