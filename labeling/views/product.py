"""One product as the card shows it: made safe, folded where it is long, the query's words marked."""

import re
from fnmatch import fnmatch
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from labeling.exchange.marking import Words, mark
from labeling.exchange.markup import bullets, clean_html
from labeling.models import Product, ProductRevision

SHOWN_BULLETS = 6
# A description up to here is shown whole; of a longer one, a preview, until it is opened.
SHORT_DESCRIPTION = 360
PREVIEW = 180

_TAG = re.compile(r"<[^<>]*>")
# ESCI's locales are shops; the others are languages already ("es", "pt-BR").
_LANGUAGES = {"us": "en", "uk": "en", "jp": "ja", "cn": "zh"}
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")


def product_context(product: Product, words: Words) -> dict[str, Any]:
    """Return the product's current text for judge/product.html, with the words of its query marked."""
    revision = product.revision or ProductRevision()
    lines = [_marked(line, words) for line in bullets(revision.bullets)]
    description = clean_html(revision.description)
    return {
        "external_id": product.external_id,
        "revision": revision.pk,
        "lang": language_of(product.locale),
        "title": _marked(escape(revision.title), words),
        "brand": _marked(escape(revision.brand), words),
        "colour": _marked(escape(revision.colour), words),
        # One line more takes no more room than the words that would say so.
        "bullets": lines if len(lines) <= SHOWN_BULLETS + 1 else lines[:SHOWN_BULLETS],
        "more_bullets": lines[SHOWN_BULLETS:] if len(lines) > SHOWN_BULLETS + 1 else [],
        "description": _marked(description, words),
        "preview": _marked(_preview(description), words),
        "image_url": picture_url(revision.image_url),
    }


def picture_url(url: str) -> str:
    """Return the address if a browser may load it by the content policy, otherwise an empty string.

    So a picture of a host that is not in IMAGE_HOSTS is not tried, and leaves no empty frame.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    allowed = parts.netloc and any(fnmatch(origin, host.rstrip("/").lower()) for host in settings.IMAGE_HOSTS)
    return url if allowed else ""


def language_of(locale: str) -> str:
    """Return the language tag (BCP 47) of a text of this locale, or an empty string where that is not known."""
    if locale.lower() in _LANGUAGES:
        return _LANGUAGES[locale.lower()]
    return locale.replace("_", "-") if _LANGUAGE.fullmatch(locale) else ""


def _preview(description: str) -> str:
    """Return the beginning of a long description as HTML without tags, or nothing where it is short."""
    text = " ".join(_TAG.sub(" ", description).split())
    if len(text) <= SHORT_DESCRIPTION:
        return ""
    # Neither half an entity nor, where words have spaces, half a word.
    return re.sub(r"&[^;\s]*$|(?<=\s)\S{1,24}$", "", text[:PREVIEW]).rstrip(" .,:") + "…"


def _marked(html: str, words: Words) -> SafeString:
    return mark_safe(mark(html, words))  # noqa: S308 - cleaned by nh3 or escaped; only <mark> is added
