"""Walks through a guideline, on the default tree and on random ones."""

from random import Random

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from labeling.guidelines.parse import default_source, parse_guideline
from labeling.guidelines.tree import Guideline, LabelLeaf, Question, SkipLeaf
from labeling.guidelines.walk import (
    MAX_STEPS,
    Path,
    PathError,
    format_path,
    open_beginning,
    parse_path,
    walk,
    whole_paths,
)

ESCI = parse_guideline(default_source(), ("E", "S", "C", "I"))

names = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)
texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1, max_size=20
)


@st.composite
def sources(draw: st.DrawFn) -> dict[str, object]:
    """Plain data of a guideline: each question leads to later ones or to leaves, and is reachable."""
    ids = draw(st.lists(names, min_size=1, max_size=6, unique=True))
    skips = draw(st.dictionaries(names, texts, min_size=1, max_size=4))
    leaves = st.one_of(
        st.sampled_from(["E", "S", "C", "I"]).map(lambda label: {"label": label}),
        st.sampled_from(sorted(skips)).map(lambda reason: {"skip": reason}),
    )
    questions: dict[str, object] = {}
    for position, name in enumerate(ids):
        later = ids[position + 1 :]
        onward = st.one_of(leaves, st.sampled_from(later).map(lambda go: {"go": go})) if later else leaves
        keys = draw(st.lists(names, min_size=2, max_size=4, unique=True))
        answers = {key: {"text": draw(texts), **draw(onward)} for key in keys}
        if later:
            answers[keys[0]] = {"text": draw(texts), "go": later[0]}
        example = {"query": draw(texts), "product": draw(texts), "answer": keys[-1], "why": draw(texts)}
        questions[name] = {"ask": draw(texts), "help": draw(texts), "answers": answers, "examples": [example]}
    return {"title": draw(texts), "start": ids[0], "questions": questions, "skips": skips}


def parsed(data: dict[str, object]) -> Guideline:
    return parse_guideline(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), ("E", "S", "C", "I"))


def plain_target(go: str | LabelLeaf | SkipLeaf) -> dict[str, str]:
    if isinstance(go, LabelLeaf):
        return {"label": go.label}
    return {"skip": go.reason} if isinstance(go, SkipLeaf) else {"go": go}


def plain_question(question: Question) -> dict[str, object]:
    return {
        "ask": question.ask,
        "help": question.help,
        "answers": {answer.key: {"text": answer.text, **plain_target(answer.go)} for answer in question.answers},
        "examples": [
            {"query": one.query, "product": one.product, "answer": one.answer, "why": one.why}
            for one in question.examples
        ],
    }


@given(sources())
def test_guideline_says_what_its_source_says(data: dict[str, object]) -> None:
    guideline = parsed(data)

    assert data == {
        "title": guideline.title,
        "start": guideline.start,
        "questions": {name: plain_question(question) for name, question in guideline.questions.items()},
        "skips": dict(guideline.skips),
    }


@given(sources())
def test_whole_paths_end_in_leaves_and_what_is_before_asks_on(data: dict[str, object]) -> None:
    guideline = parsed(data)
    paths = list(whole_paths(guideline))

    assert len({path for path, _ in paths}) == len(paths)
    for path, leaf in paths:
        assert walk(guideline, path) == leaf
        for length in range(len(path)):
            here = walk(guideline, path[:length])
            assert isinstance(here, Question)
            assert here.id == path[length][0]


@given(sources(), st.randoms(use_true_random=False))
def test_a_walk_by_chance_is_one_of_the_whole_paths(data: dict[str, object], random: Random) -> None:
    guideline = parsed(data)
    path: Path = ()
    here = walk(guideline, path)
    while isinstance(here, Question):
        path = (*path, (here.id, random.choice(here.answers).key))
        here = walk(guideline, path)

    assert (path, here) in list(whole_paths(guideline))


@given(sources(), st.lists(st.tuples(names, names), max_size=6).map(tuple))
def test_walk_takes_exactly_the_beginnings_of_whole_paths(data: dict[str, object], path: Path) -> None:
    guideline = parsed(data)
    beginnings = {whole[:length] for whole, _ in whole_paths(guideline) for length in range(len(whole) + 1)}

    try:
        walk(guideline, path)
        taken = True
    except PathError:
        taken = False

    assert taken == (path in beginnings)


@given(sources(), st.data())
def test_walk_rejects_a_path_with_one_step_changed(data: dict[str, object], draws: st.DataObject) -> None:
    guideline = parsed(data)
    path, _ = draws.draw(st.sampled_from(list(whole_paths(guideline))))
    at = draws.draw(st.integers(0, len(path) - 1))
    question_id, answer_key = path[at]
    # An upper-case name is no name, so this step is wrong in every tree.
    broken = draws.draw(st.sampled_from([(question_id, answer_key + "X"), (question_id + "X", answer_key)]))

    with pytest.raises(PathError) as caught:
        walk(guideline, (*path[:at], broken, *path[at + 1 :]))
    assert caught.value.step == at + 1


@given(st.lists(st.tuples(names, names), max_size=10).map(tuple))
def test_parse_path_reads_what_format_path_wrote(path: Path) -> None:
    assert parse_path(format_path(path)) == path


@given(st.text(max_size=30))
def test_parse_path_refuses_or_reads_back_the_same(text: str) -> None:
    try:
        path = parse_path(text)
    except PathError:
        return
    assert format_path(path) == text


@pytest.mark.parametrize(
    ("text", "step", "message"),
    [
        ("need", 1, "expected question:answer, found 'need'"),
        ("need:yes,", 2, "found ''"),
        ("need:yes,:no", 2, "found ':no'"),
        ("need:yes:no", 1, "found 'need:yes:no'"),
        (",".join(["a:b"] * (MAX_STEPS + 1)), MAX_STEPS + 1, "at most 200 steps"),
    ],
)
def test_parse_path_names_the_step(text: str, step: int, message: str) -> None:
    with pytest.raises(PathError, match=message) as caught:
        parse_path(text)
    assert caught.value.step == step


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type:yes", "Step 1 of the path: expected an answer to 'need', not to 'type'"),
        ("need:perhaps", "Step 1 of the path: 'perhaps' is no answer to 'need'; its answers are yes, no"),
        ("need:no,type:yes", "Step 2 of the path: 'type' comes after the walk has ended"),
    ],
)
def test_walk_says_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(PathError, match=message):
        walk(ESCI, parse_path(text))


@pytest.mark.parametrize(
    ("path", "end"),
    [
        ("need:no", SkipLeaf("unclear_query")),
        ("need:yes,type:yes,conflict:no,silent:no", LabelLeaf("E")),
        ("need:yes,type:yes,conflict:no,silent:yes", SkipLeaf("needs_evidence")),
        ("need:yes,type:yes,conflict:yes,accept:yes", LabelLeaf("S")),
        ("need:yes,type:yes,conflict:yes,accept:no", LabelLeaf("I")),
        ("need:yes,type:no,job:yes", LabelLeaf("S")),
        ("need:yes,type:no,job:no,together:yes", LabelLeaf("C")),
        ("need:yes,type:no,job:no,together:no", LabelLeaf("I")),
    ],
)
def test_walk_of_the_default_tree_ends_as_the_labels_are_defined(path: str, end: LabelLeaf | SkipLeaf) -> None:
    assert walk(ESCI, parse_path(path)) == end


def test_walk_of_an_empty_path_asks_the_first_question() -> None:
    assert walk(ESCI, ()) == ESCI.questions["need"]


@pytest.mark.parametrize(
    ("draft", "kept"),
    [
        ("", ""),
        ("need:yes", "need:yes"),
        ("need:yes,type:yes,conflict:no,silent:no", "need:yes,type:yes,conflict:no"),  # it ended in a label
        ("need:no", ""),  # it ended in a skip
        ("need:yes,kind:yes,conflict:no", "need:yes"),  # the question is gone
        ("need:yes,type:perhaps", "need:yes"),  # the answer is gone
        ("type:yes", ""),
        ("need:yes,type:yes,conflict:no,silent:no,job:yes", "need:yes,type:yes,conflict:no"),
    ],
)
def test_open_beginning_is_as_far_as_a_draft_still_fits(draft: str, kept: str) -> None:
    assert format_path(open_beginning(ESCI, parse_path(draft))) == kept


def test_open_beginning_of_a_whole_walk_lacks_its_last_answer_only() -> None:
    for path, _ in whole_paths(ESCI):
        assert open_beginning(ESCI, path) == path[:-1]
        assert isinstance(walk(ESCI, open_beginning(ESCI, path)), Question)
