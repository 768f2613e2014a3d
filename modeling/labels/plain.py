"""Results as plain JSON."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from modeling.estimates import Estimate, none_if_nan


def plain(value: Any) -> Any:
    """Dataclasses as dicts by their fields' names, tuples and lists as lists, and None for nan."""
    if isinstance(value, Estimate):
        return value.to_dict()
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return none_if_nan(value) if isinstance(value, float) else value
