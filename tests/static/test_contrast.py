"""Text and controls are readable in both colour schemes: WCAG 2.2, criteria 1.4.3 (4.5 to 1) and 1.4.11 (3 to 1)."""

import re
from pathlib import Path

import pytest

STYLES = (Path(__file__).resolve().parents[2] / "static" / "winnow.css").read_text()
SCHEMES = ("light", "dark")
GROUNDS = ("ground", "surface", "sunken")
TEXTS = [
    *[(ink, ground) for ink in ("ink", "ink-soft", "accent") for ground in GROUNDS],
    ("accent-hover", "ground"),
    ("accent-hover", "surface"),
    ("accent", "accent-soft"),
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
    ("ink", "danger-soft"),
    ("ink", "marked"),
    ("ink-soft", "marked"),
    ("danger-ink", "danger-soft"),
    ("danger-ink", "surface"),
    ("danger-ink", "ground"),
]
EDGES = [
    *[("line-strong", "surface"), ("line-strong", "ground"), ("accent", "surface"), ("danger", "surface")],
    *[("marked-line", "surface"), ("marked-line", "marked")],
]


def colour(token: str, scheme: str) -> str:
    """Return a token's hexadecimal colour in one of the schemes."""
    both = re.search(rf"--{token}: light-dark\((#\w{{6}}), (#\w{{6}})\);", STYLES)
    if both:
        return both.group(1 + SCHEMES.index(scheme))
    one = re.search(rf"--{token}: (#\w{{6}});", STYLES)
    assert one, f"winnow.css has no colour --{token}"
    return one.group(1)


def luminance(hexadecimal: str) -> float:
    """Return the relative luminance of "#rrggbb", as WCAG 2.2 defines it."""
    channels = [int(hexadecimal[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("ink", "ground"), TEXTS)
def test_text_is_readable(ink: str, ground: str, scheme: str) -> None:
    assert contrast(colour(ink, scheme), colour(ground, scheme)) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("edge", "ground"), EDGES)
def test_edge_of_a_control_is_seen(edge: str, ground: str, scheme: str) -> None:
    assert contrast(colour(edge, scheme), colour(ground, scheme)) >= 3


def test_colours_are_named_once() -> None:
    body = STYLES.split("/* 2 elements", 1)[1]
    left = set(re.findall(r"#[0-9a-fA-F]{6}\b", body))
    # A product's picture is white-backed in both schemes; the rest are a selection and a printed line.
    assert left == {"#ffffff", "#d9daf8", "#3c3f75", "#999999"}
