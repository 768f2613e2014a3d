"""Numbers are written in one way everywhere: with their thousands apart, as the language of the page has them."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.template import Context, Template
from django.template.loader import render_to_string
from django.utils import translation

FOLDER = Path(__file__).resolve().parents[2] / "templates"
TEMPLATES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.html"))
COUNTED = re.compile(r"{% blocktranslate[^%]*?\bcount (\w+)=[^%]*%}(.*?){% endblocktranslate %}", re.DOTALL)


def bare_counts(source: str) -> list[str]:
    """Return what is counted by a translated sentence and shown in it as it is."""
    return [name for name, body in COUNTED.findall(source) if re.search(rf"{{{{ {name} }}}}", body)]


@pytest.mark.parametrize("name", TEMPLATES)
def test_counted_number_is_not_shown_bare(name: str) -> None:
    """Write `count counted=pairs with n=pairs|number`, and show n."""
    assert bare_counts((FOLDER / name).read_text(encoding="utf-8")) == []


def test_bare_count_is_found() -> None:
    assert bare_counts("{% blocktranslate trimmed count n=all %}{{ n }} pair{% endblocktranslate %}") == ["n"]


@pytest.mark.parametrize(("language", "shown"), [("en", "3,452"), ("es", "3\u00a0452"), ("ja", "3,452")])
def test_thousands_are_apart_in_the_readers_language(language: str, shown: str) -> None:
    with translation.override(language):
        page = Template("{% load numbers %}{{ n|number }} {{ n|floatformat:'0g' }}").render(Context({"n": 3452}))
        assert page == f"{shown} {shown}"
        for component, context in COMPONENTS.items():
            assert shown in render_to_string(f"components/{component}.html", context)


COMPONENTS: dict[str, dict[str, Any]] = {
    "stat": {"name": "Pace", "value": 3452.3, "digits": "0"},
    "table": {"columns": [{"text": "Labels"}], "rows": [{"header": "A-1", "cells": [3452]}]},
    "job": {"job": {"kind": "train", "state": "running", "done": 3452, "total": 9000, "unit": "pairs"}},
}


@pytest.mark.parametrize("value", [True, "3452", None, 0.5])
def test_what_is_no_whole_number_stays_as_it_is(value: object) -> None:
    assert Template("{% load numbers %}{{ v|number }}").render(Context({"v": value})) == str(value)
