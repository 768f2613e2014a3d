"""Pages that annotators and auditors meet have no word that is not marked for translation."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "templates"
# What leads alone see may be in English.
FOR_LEADS = (
    *("adapters/", "agreement/", "alarms/", "audit_log/", "data/", "jobs/", "pool/", "project/", "relabeling/"),
    *("rounds/", "settings/", "styleguide.html", "workshop/"),
    *(f"inquiries/{name}.html" for name in ("about", "answer", "page", "pair")),
)
TEMPLATES = sorted(
    str(path.relative_to(FOLDER))
    for path in FOLDER.rglob("*.html")
    if not str(path.relative_to(FOLDER)).startswith(FOR_LEADS)
)
SAID_BY_ATTRIBUTES = re.compile(r'\b(?:aria-label|title|placeholder|alt|data-said|data-failed|content)="([^"]*)"')
NAMES = {"Winnow", "Esc"}


def words_of(source: str) -> list[str]:
    """Return what a template says outside its tags of translation."""
    source = re.sub(r"{% comment %}.*?{% endcomment %}", "", source, flags=re.DOTALL)
    source = re.sub(r"{% blocktranslate.*?{% endblocktranslate %}", "", source, flags=re.DOTALL)
    source = re.sub(r"{% block page_class %}[\w -]*{% endblock %}", "", source)
    # Words that a tag hands to a component by name, such as title="No audit yet".
    handed = re.findall(r'{% include [^%]*?\b(?:title|text|name|caption|unit|missing|note)="([^"]+)"', source)
    source = re.sub(r"{%.*?%}|{{.*?}}", "", source, flags=re.DOTALL)
    source = re.sub(r"<(script|style|code|svg|kbd)\b.*?</\1>|<meta [^>]*>", "", source, flags=re.DOTALL)
    attributes = SAID_BY_ATTRIBUTES.findall(source)
    said = [*handed, *attributes, *re.sub(r"<[^>]+>", "\n", source).split("\n")]
    return [word for text in said for word in re.findall(r"[^\W\d_]{2,}", text) if word not in NAMES]


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_word_is_marked(name: str) -> None:
    assert words_of((FOLDER / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Nothing here</p>",
        '<nav aria-label="Nothing here"></nav>',
        '{% include "components/empty.html" with title="Nothing here" %}',
    ],
)
def test_word_that_is_not_marked_is_found(source: str) -> None:
    assert words_of(source) == ["Nothing", "here"]
