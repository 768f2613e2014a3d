"""Every template keeps to the content security policy and says what it needs."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

FOLDER = Path(__file__).resolve().parents[2] / "templates"
TEMPLATES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.html"))
PARTIALS = [name for name in TEMPLATES if name.startswith(("components/", "judge/", "shelf/"))]
FORBIDDEN = {
    "a style attribute": r"\sstyle=",
    "a style element": r"<style",
    "an inline script": r"<script(?![^>]*\ssrc=)",
    "an inline handler": r"\son[a-z]+=\"",
    "evaluated htmx": r"hx-on|hx-vars|\bjs:",
    "something from elsewhere": r"(?:src|href)=\"(?:https?:)?//",
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_compiles(name: str) -> None:
    assert callable(get_template(name).render)


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_keeps_to_the_policy(name: str) -> None:
    text = (FOLDER / name).read_text()
    assert [what for what, pattern in FORBIDDEN.items() if re.search(pattern, text)] == []


@pytest.mark.parametrize("name", PARTIALS)
def test_partial_says_what_it_needs(name: str) -> None:
    comment = re.search(r"{% comment %}(.*?){% endcomment %}", (FOLDER / name).read_text(), re.DOTALL)
    assert comment is not None
    assert re.search(r"[Cc]ontext", comment.group(1))


@pytest.mark.parametrize("name", PARTIALS)
def test_button_in_a_form_is_named_in_words(name: str) -> None:
    # A script gives its words to what is in a <template>.
    html = re.sub(r"<template id=.*?</template>", "", (FOLDER / name).read_text(), flags=re.DOTALL)
    for button in re.findall(r"<button[^>]*>(.*?)</button>", html, re.DOTALL):
        words = re.sub(r"<kbd.*?</kbd>|<[^>]+>", "", button).strip()
        assert words, button
