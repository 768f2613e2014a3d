"""What the pages of the desk load: a person's own keys, and a look into a mapping."""

import json
from collections.abc import Mapping
from typing import Any

from django import template
from django.conf import settings
from django.template.loader import get_template
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from labeling.models import User
from labeling.models.user import USUAL_KEYS

register = template.Library()

MOST_KEPT = 1000
_kept: dict[tuple[object, ...], SafeString] = {}

CAPS = {
    "Backspace": "⌫",
    "Delete": "Del",
    "ArrowLeft": "←",
    "ArrowRight": "→",
    "ArrowUp": "↑",
    "ArrowDown": "↓",
}


def keys_of(context: template.Context) -> dict[str, str]:
    """Return the reader's key of every action; the usual ones where nobody is signed in."""
    user = context.get("user")
    return user.keys_in_use() if isinstance(user, User) else USUAL_KEYS


@register.filter
def cap(key: str) -> str:
    """Return what stands on a key: "y" is Y, "Backspace" is ⌫."""
    return CAPS.get(key, key.upper())


@register.simple_tag(takes_context=True)
def keycap(context: template.Context, action: str) -> str:
    """Return what stands on the key of an action."""
    return cap(keys_of(context)[action])


@register.simple_tag(takes_context=True)
def answer_key(context: template.Context, answer: dict[str, Any], number: int) -> str:
    """Return the key that gives an answer: the one of yes or no, else its number."""
    return keys_of(context).get(answer["key"], str(number)) if answer["key"] in ("yes", "no") else str(number)


@register.simple_tag(takes_context=True)
def keys_json(context: template.Context) -> str:
    """Return {action: key} as JSON, for a data attribute."""
    return json.dumps(keys_of(context))


@register.filter
def entry(mapping: Mapping[str, str], key: str) -> str:
    """Return what a mapping has under a key; the key itself where it has nothing."""
    return mapping.get(key, key)


@register.simple_tag(takes_context=True)
def kept(context: template.Context, name: str) -> SafeString:
    """Include a part of the desk that the guideline, the question, the language and the reader's keys settle.

    Each process renders it once, since these are few and a published guideline never changes. It must hold nothing
    that is a person's own but their keys. A guideline without an id is a draft, which does change.
    """
    version = (context.get("guideline") or {}).get("id")
    if version == "":
        return get_template(name).template.render(context)  # type: ignore[attr-defined, no-any-return]
    slug = getattr(context.get("project"), "slug", None)
    place = (name, version, slug, context.get("current"), context.get("before"))
    key = (*place, get_language(), *keys_of(context).values())
    part = _kept.get(key)
    if part is None or settings.DEBUG:
        part = get_template(name).template.render(context)  # type: ignore[attr-defined]
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[key] = part
    return part
