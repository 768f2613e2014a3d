"""What the components show for data that is whole, thin or missing."""

import re
from typing import Any

import pytest
from django import forms
from django.template.loader import render_to_string
from django.utils import translation

EXACT = {"key": "E", "name": "Exact", "colour": "#009E73", "shape": "circle"}
RUNNING = {"id": 7, "kind": "train", "state": "running", "done": 412, "total": 1190, "unit": "steps", "message": ""}


def render(component: str, **context: Any) -> str:
    return render_to_string(f"components/{component}.html", context)


def words(html: str) -> str:
    """Return the text of a fragment on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_stat_shows_value_interval_and_n() -> None:
    html = render("stat", name="Agreement", value=0.8234, low=0.79, high=0.854, n=1204)
    assert words(html) == "Agreement 0.82 0.79 to 0.85, 1,204 pairs"


def test_stat_without_a_value_says_what_is_missing_and_not_zero() -> None:
    html = render("stat", name="Agreement", value=None, missing="Not enough yet: 40 more pairs")
    assert words(html) == "Agreement Not enough yet: 40 more pairs"


def test_stat_of_zero_is_a_value() -> None:
    assert words(render("stat", name="Skipped", value=0, digits="0", low=None, n=3)) == "Skipped 0 3 pairs"


def test_stat_draws_its_trend_from_left_to_right() -> None:
    html = render("stat", name="Judge", value=0.84, trend=[0, 0.5, 1], trend_text="up from 0.71")
    assert 'viewBox="0 0 2 1"' in html
    assert 'points="0,0 1,0.5 2,1 "' in html
    assert 'aria-label="up from 0.71"' in html


@pytest.mark.parametrize("language", ["en", "de"])
def test_bar_writes_numbers_that_svg_understands(language: str) -> None:
    with translation.override(language):
        html = render("bar", value=0.71, low=0.64, high=0.78, goal=0.9)
    assert 'width="0.71"' in html
    assert 'x1="0.64" x2="0.78"' in html
    assert 'x1="0.9" x2="0.9"' in html


def test_label_has_colour_letter_shape_and_name() -> None:
    html = render("label", label=EXACT)
    assert 'fill="#009E73"' in html
    assert "<circle" in html
    assert words(html) == "E Exact"


def test_bare_label_still_says_its_name() -> None:
    assert re.search(r'<span class="said">Exact</span>', render("label", label=EXACT, bare=True))


def test_running_job_watches_itself_and_a_finished_one_does_not() -> None:
    running = render("job", job=RUNNING, poll_url="/p/esci/jobs/7/")
    assert 'hx-get="/p/esci/jobs/7/"' in running
    assert 'value="412" max="1190"' in running
    assert words(running) == "Train Running 412 of 1,190 steps"
    done = render("job", job=RUNNING | {"state": "done", "message": "Adapter A-3"}, poll_url="/p/esci/jobs/7/")
    assert "hx-get" not in done
    assert "<progress" not in done


def test_job_of_unknown_length_shows_no_count() -> None:
    html = render("job", job=RUNNING | {"total": 0, "message": "Counting the pool"})
    assert "max=" not in html
    assert words(html) == "Train Running Counting the pool"


def test_table_heads_its_rows_and_escapes_its_cells() -> None:
    html = render("table", caption="People", columns=[{"text": "Person"}], rows=[{"header": "<Ana>", "cells": [None]}])
    assert '<th scope="row">&lt;Ana&gt;</th><td></td>' in html


def test_chart_without_data_says_so() -> None:
    assert "40 more pairs" in render("chart", title="Agreement", empty="Not enough yet to draw: 40 more pairs.")


def test_tree_draws_a_shared_question_once() -> None:
    accept = {"id": "accept", "ask": "Would a shopper take it?", "answers": [{"text": "Yes", "label": EXACT}]}
    answers = [{"text": "Yes", "node": accept}, {"text": "No", "again": "accept"}]
    html = render("tree", node={"id": "type", "ask": "Is it the type?", "answers": answers})
    assert html.count('id="question-accept"') == 1
    assert 'href="#question-accept"' in html


def test_walks_mark_where_people_parted() -> None:
    ask = "Is it the type?"
    walks = [
        {"name": "Ana", "steps": [{"ask": ask, "answer": "Yes", "parted": True}], "label": EXACT},
        {"name": "", "steps": [{"ask": ask, "answer": "No", "parted": False}], "label": None, "skip": "Unclear"},
    ]
    html = render("walks", walks=walks)
    first, second = html.split("</section>")[:2]
    assert words(first) == "Ana Is it the type? Yes Here the answers part Label E Exact"
    assert words(second) == "Is it the type? No Skipped Unclear"
    assert "<h4>" not in second


class Share(forms.Form):
    """A form with a field of each sort that the component tells apart."""

    share = forms.FloatField(max_value=1, help_text="From 0 to 1.")
    loop = forms.BooleanField(required=False, help_text="Without being asked.")


def test_field_ties_label_help_and_error_to_its_input() -> None:
    form = Share({"share": "20"})
    html = render("field", field=form["share"])
    assert '<label for="id_share">Share</label>' in html
    assert 'id="id_share_helptext"' in html
    assert 'id="id_share_error"' in html
    assert 'aria-describedby="id_share_helptext id_share_error"' in html
    assert 'aria-invalid="true"' in html


def test_checkbox_is_followed_by_its_label_and_help() -> None:
    assert words(render("field", field=Share()["loop"])) == "Loop Without being asked."
