"""Numbers as every page shows them."""

from typing import Any

from django import template

from labeling import language

register = template.Library()


@register.filter
def number(value: Any) -> Any:
    """Return a whole number with its thousands apart, as the language of the page has them; anything else as it is."""
    return language.number(value) if isinstance(value, int) and not isinstance(value, bool) else value
