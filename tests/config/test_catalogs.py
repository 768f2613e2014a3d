"""Every word of the pages is translated, the compiled catalogs say the same, and none of it needs GNU gettext."""

import gettext
import re
from io import BytesIO
from pathlib import Path

import polib
import pytest
from django.conf import settings

from config.catalogs import ROOT, Message, collect, in_python, in_template, merge, message_of, missing, plurals, read

CATALOGS = sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po"))
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%|</?\w+|\{\w*\}")

each_catalog = pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parent.parent.name)


def forms(entry: polib.POEntry) -> list[str]:
    """Return every translation of an entry: one, or one for each plural form."""
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def placeholders(text: str) -> list[str]:
    return sorted(PLACEHOLDER.findall(text))


def test_every_language_but_english_has_a_catalog() -> None:
    assert {path.parent.parent.name for path in CATALOGS} == {code for code, _ in settings.LANGUAGES} - {"en"}


@each_catalog
def test_catalog_has_exactly_the_words_of_the_pages(path: Path) -> None:
    assert {message_of(entry) for entry in read(path)} == set(collect())


@each_catalog
def test_catalog_translates_every_message(path: Path) -> None:
    assert missing(read(path)) == []


@each_catalog
def test_translations_have_the_placeholders_and_tags_of_the_message(path: Path) -> None:
    for entry in read(path):
        expected = {tuple(placeholders(text)) for text in (entry.msgid, entry.msgid_plural) if text}
        for translation in forms(entry):
            assert tuple(placeholders(translation)) in expected, entry.msgid
            assert translation.strip() == translation, entry.msgid
            assert "!" not in translation, entry.msgid


@each_catalog
def test_plural_forms_are_complete(path: Path) -> None:
    catalog = read(path)
    for entry in catalog:
        if entry.msgid_plural:
            assert sorted(entry.msgstr_plural) == list(range(plurals(catalog))), entry.msgid


@each_catalog
def test_compiled_catalog_is_that_of_the_words(path: Path, tmp_path: Path) -> None:
    again = tmp_path / "django.mo"
    read(path).save_as_mofile(str(again))
    assert path.with_suffix(".mo").read_bytes() == again.read_bytes(), "Run `make words`."


@each_catalog
def test_compiled_catalog_is_read_by_python(path: Path) -> None:
    compiled = gettext.GNUTranslations(BytesIO(path.with_suffix(".mo").read_bytes()))
    for entry in read(path):
        if entry.msgid_plural:
            assert compiled.ngettext(entry.msgid, entry.msgid_plural, 1) == entry.msgstr_plural[0]
        elif entry.msgctxt:
            assert compiled.pgettext(entry.msgctxt, entry.msgid) == entry.msgstr
        else:
            assert compiled.gettext(entry.msgid) == entry.msgstr


def test_words_are_found_in_a_template() -> None:
    source = """{% load i18n %}{% translate "It's" %} {% translate 'Keep' context "a verb" %}
    {{ name|default:_("none") }}
    {% blocktranslate trimmed count n=pairs|length with who=user %}
      One pair of {{ who }}
    {% plural %}
      {{ n }} pairs of {{ who }}
    {% endblocktranslate %}{% comment %}{% translate "Not this" %}{% endcomment %}"""
    assert list(in_template(source)) == [
        Message("It's"),
        Message("Keep", context="a verb"),
        Message("none"),
        Message("One pair of %(who)s", "%(n)s pairs of %(who)s"),
    ]


def test_words_are_found_in_code() -> None:
    source = """
a = _("One " "line")
b = ngettext("%(n)s pair", "%(n)s pairs", n)
c = pgettext("a verb", "Keep")
unknown_here = _(a), pgettext("label", label.name)
"""
    assert list(in_python(source)) == [
        Message("One line"),
        Message("%(n)s pair", "%(n)s pairs"),
        Message("Keep", context="a verb"),
    ]


def test_merge_keeps_translations_and_drops_what_no_page_says() -> None:
    catalog = polib.POFile()
    catalog.metadata = {"Plural-Forms": "nplurals=2; plural=(n != 1);"}
    catalog.append(polib.POEntry(msgid="Kept", msgstr="Guardado"))
    catalog.append(polib.POEntry(msgid="Gone", msgstr="Ido"))
    merge(catalog, {Message("Kept"): ["a.html"], Message("%(n)s pair", "%(n)s pairs"): ["b.html"]})
    assert [(entry.msgid, entry.msgstr) for entry in catalog] == [("%(n)s pair", ""), ("Kept", "Guardado")]
    assert catalog[0].msgstr_plural == {0: "", 1: ""}
    assert missing(catalog) == ["%(n)s pair"]
