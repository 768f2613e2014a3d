"""Put a worked example into a guideline's YAML. Every other character stays as somebody wrote it. Pure."""

import json
import re
import textwrap
from dataclasses import asdict, fields

import yaml

from labeling.guidelines.parse import MAX_EXAMPLES
from labeling.guidelines.source import MAX_EXAMPLE, MAX_SOURCE, GuidelineError, Reader, compose
from labeling.guidelines.tree import Example

WIDTH = 110

# What YAML reads as the end of a line, and what it does not take as it is. Both are written as escapes.
BREAKS = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
STRANGE = re.compile("[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
# What other readers of YAML take for something else than text.
NOT_TEXT = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
NOT_PLAIN = re.compile(r":(?=\s|$)|\s#|\s\s|\s$|\n")


class GuidelineEditError(ValueError):
    """The example was not put in: why, and the lines to put in by hand under `examples:` of the question."""

    def __init__(self, reason: str, example: Example) -> None:
        self.by_hand = "\n".join(_block_item(example, 6))
        super().__init__(f"{reason} To do it by hand, put this under `examples:` of the question:\n{self.by_hand}")
        self.reason = reason


def tidy_example(example: Example) -> Example:
    """Return the example as a guideline takes it: white space made single, what cannot be printed left out.

    A query or a product's title that is too long is cut; the reason never is.
    """
    said = {part.name: _tidy(getattr(example, part.name)) for part in fields(example)}
    for name in ("query", "product"):
        if len(said[name]) > MAX_EXAMPLE:
            said[name] = said[name][: MAX_EXAMPLE - 1].rstrip() + "…"
    return Example(**said)


def _tidy(text: str) -> str:
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def add_example(source: str, question_id: str, example: Example) -> str:
    """Return the source with the example behind the others of the question.

    Translations keep fitting, since theirs are in the order of the original's. An example that stands there already
    is not added again. The rest of the guideline may have problems, as a draft may. Raises GuidelineEditError where
    the source is no YAML, has no such question, its form leaves no place, or the example is not one of this question.
    """
    if wrong := _wrong_text(example):
        raise GuidelineEditError(wrong, example)
    try:
        question = _question(compose(source), question_id)
    except GuidelineError as error:
        raise GuidelineEditError(f"The text of the guideline cannot be read. {error}", example) from error
    if question is None:
        raise GuidelineEditError(f"There is no question {question_id!r} in the text.", example)
    answers = _value(question, "answers")
    keys = [key.value for key, _ in answers.value] if isinstance(answers, yaml.MappingNode) else []
    if example.answer not in keys:
        reason = f"{example.answer!r} is no answer to {question_id!r}; its answers are {', '.join(keys) or 'missing'}."
        raise GuidelineEditError(reason, example)
    there = _value(question, "examples")
    if isinstance(there, yaml.SequenceNode):
        if any(_example(item) == example for item in there.value):
            return source
        if len(there.value) >= MAX_EXAMPLES:
            reason = f"{question_id!r} has {len(there.value)} examples, and at most {MAX_EXAMPLES} are allowed."
            raise GuidelineEditError(reason, example)
    after = _inserted(source, question, example)
    if not _only_added(source, after, question_id, example):
        raise GuidelineEditError(f"The examples of {question_id!r} are written in an unusual form.", example)
    return after


def _wrong_text(example: Example) -> str | None:
    """Return what a guideline would refuse about the example's texts."""
    reader = Reader()
    for part in fields(example):
        text = getattr(example, part.name)
        mark = yaml.Mark("example", 0, 0, 0, None, 0)
        kept = reader.text(yaml.ScalarNode("", text, mark, mark), f"The example's {part.name}", MAX_EXAMPLE)
        if kept != text and not reader.problems:
            return f"The example's {part.name} begins or ends with white space."
    return reader.problems[0].message if reader.problems else None


def _question(root: yaml.Node, question_id: str) -> yaml.MappingNode | None:
    questions = _value(root, "questions")
    question = _value(questions, question_id)
    return question if isinstance(question, yaml.MappingNode) and question.value else None


def _value(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """Return the value of the first key with this name in a mapping."""
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if isinstance(key, yaml.ScalarNode) and key.value == name), None)


def _inserted(source: str, question: yaml.MappingNode, example: Example) -> str:
    there = _value(question, "examples")
    if there is None:
        at, text = _new_list(source, question, example)
    elif isinstance(there, yaml.SequenceNode) and there.flow_style:
        at = there.value[-1].end_mark.index if there.value else there.start_mark.index + 1
        text = (", " if there.value else "") + _flow_item(example)
    elif isinstance(there, yaml.SequenceNode):
        at, text = _lines_after(source, there, _block_item(example, there.start_mark.column))
    elif there.value == "" and not question.flow_style:
        at, text = _lines_after(source, there, _block_item(example, question.value[0][0].start_mark.column + 2))
    else:
        raise GuidelineEditError("What stands under `examples:` is no list.", example)
    return source[:at] + text + source[at:]


def _new_list(source: str, question: yaml.MappingNode, example: Example) -> tuple[int, str]:
    if question.flow_style:
        return question.value[-1][1].end_mark.index, f", examples: [{_flow_item(example)}]"
    column = question.value[0][0].start_mark.column
    return _lines_after(source, question, [f"{' ' * column}examples:", *_block_item(example, column + 2)])


def _lines_after(source: str, node: yaml.Node, lines: list[str]) -> tuple[int, str]:
    """Return whole lines, and where they go: after the line in which the node's last word stands."""
    newline = "\r\n" if "\r\n" in source else "\n"
    block = newline.join(lines)
    last = len(source[: _last(node)].rstrip(" \t\r\n\x85\u2028\u2029"))
    found = BREAKS.search(source, last)
    return (found.end(), block + newline) if found else (len(source), newline + block + newline)


def _example(node: yaml.Node) -> Example | None:
    nodes = [_value(node, part.name) for part in fields(Example)]
    said = [node.value.strip() for node in nodes if isinstance(node, yaml.ScalarNode)]
    return Example(*said) if len(said) == len(nodes) else None


def _last(node: yaml.Node) -> int:
    """Return the index behind the node's last word; the mark of a block is only where the next one begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _block_item(example: Example, column: int) -> list[str]:
    """Return the lines of the example as an item of a list whose dashes stand at `column`."""
    lines = []
    for part in fields(example):
        lines += _block_field(part.name, getattr(example, part.name), column + 2)
    return [f"{' ' * column}- {lines[0].lstrip(' ')}", *lines[1:]]


def _block_field(name: str, text: str, column: int) -> list[str]:
    margin = " " * column
    if name == "answer" and not STRANGE.search(text) and text.isidentifier():
        return [f"{margin}{name}: {text}"]
    one_line = f"{margin}{name}: {_scalar(text)}"
    wrapped = textwrap.wrap(text, WIDTH - column - 2, break_long_words=False, break_on_hyphens=False)
    if len(one_line) <= WIDTH or " ".join(wrapped) != text or STRANGE.search(text):
        return [one_line]
    return [f"{margin}{name}: >-", *(f"{margin}  {line}" for line in wrapped)]


def _flow_item(example: Example) -> str:
    return "{" + ", ".join(f"{part.name}: {_quoted(getattr(example, part.name))}" for part in fields(example)) + "}"


def _scalar(text: str) -> str:
    """Write a text on one line, without quotes where it cannot be read as anything else."""
    plain = text[:1].isalpha() and not NOT_PLAIN.search(text) and not STRANGE.search(text)
    return text if plain and text.lower() not in NOT_TEXT else _quoted(text)


def _quoted(text: str) -> str:
    return STRANGE.sub(lambda found: _escape(found.group()), json.dumps(text, ensure_ascii=False))


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


def _only_added(before: str, after: str, question_id: str, example: Example) -> bool:
    """Tell whether the new text says what the old one does, and the example."""
    root = compose(before)
    question = _question(root, question_id)
    if question is None:
        return False
    item = yaml.MappingNode("", [(_said(name), _said(value)) for name, value in asdict(example).items()])
    there = _value(question, "examples")
    items = there.value if isinstance(there, yaml.SequenceNode) else []
    others = [(key, value) for key, value in question.value if value is not there]
    position = next((n for n, (_, value) in enumerate(question.value) if value is there), len(others))
    question.value = others
    question.value.insert(position, (_said("examples"), yaml.SequenceNode("", [*items, item])))
    try:
        return len(after) <= MAX_SOURCE and _plain(compose(after)) == _plain(root)
    except GuidelineError:
        return False


def _said(text: str) -> yaml.ScalarNode:
    return yaml.ScalarNode("", text)


def _plain(node: yaml.Node) -> object:
    """Return what a node says, by value; equal keys are kept apart, and the order counts."""
    if isinstance(node, yaml.MappingNode):
        return [(_plain(key), _plain(value)) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    return str(node.value).strip()
