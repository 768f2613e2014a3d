"""Everything of an adapter's making, from its manifest, under headings."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from django.urls import reverse

from labeling.models import Adapter, Split
from labeling.views.holdout_pairs import holdout_url
from labeling.views.learned_pairs import learned_url
from modeling.judge.spec import JudgeSpec

# What a manifest has under a name of its own; anything else that is nested comes after them under its own name.
HEADINGS = {
    "spec": "Settings",
    "counts": "Labels that it learned from",
    "calibration": "Calibration",
    "provenance": "Where it comes from",
    "libraries": "Libraries",
    "files": "Files",
}
NAMES = {"guideline": "guideline in the text that is read"}  # of what says too little by itself
MEASURED = ("holdout", "arms")  # what pages show by themselves


def making(adapter: Adapter) -> list[dict[str, Any]]:
    """Return the groups of facts: each a `heading` and `rows` of name, value and, where there is a page of it, href."""
    manifest = adapter.manifest
    nested = [name for name, value in manifest.items() if isinstance(value, dict) and name not in MEASURED]
    plain = {name: value for name, value in manifest.items() if name not in (*nested, *MEASURED)}
    plain = {NAMES.get(name, name): value for name, value in plain.items()}
    groups = [{"heading": "The training", "rows": [*facts(plain), *_stored(adapter)]}]
    for name in [*(name for name in HEADINGS if name in nested), *(name for name in nested if name not in HEADINGS)]:
        rows = facts(_in_order(manifest, name))
        if name == "provenance":
            rows = [row | {"href": _page(adapter, str(row["name"]), row["value"])} for row in rows]
        if name == "counts":
            rows = [row | {"href": _counted(adapter, str(row["name"]), row["value"])} for row in rows]
        groups.append({"heading": HEADINGS.get(name, name.replace("_", " ").capitalize()), "rows": rows})
    return groups


def _in_order(manifest: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a part of the manifest in the order in which it is best read: the database keeps none."""
    found: Mapping[str, Any] = manifest[name]
    if name == "spec":
        return _sorted(found, [field.name for field in fields(JudgeSpec)])
    if name == "counts":
        inner = {split: _sorted(counts, manifest.get("labels", ())) for split, counts in found.items()}
        return _sorted(inner, [str(split) for split in (Split.TRAIN, Split.CALIBRATION, Split.HOLDOUT)])
    return _sorted(found, sorted(found))


def _sorted(found: Mapping[str, Any], names: Sequence[str]) -> Mapping[str, Any]:
    return {name: found[name] for name in [*names, *found] if name in found}


def _stored(adapter: Adapter) -> list[dict[str, Any]]:
    return [{"name": "artifact", "value": "pruned: gone" if adapter.pruned_at else adapter.artifact}]


def facts(found: Mapping[str, Any], before: str = "") -> list[dict[str, Any]]:
    """Return what a part of a manifest says as rows of name and value, nested names joined."""
    rows: list[dict[str, Any]] = []
    for name, value in found.items():
        said = f"{before}{name}".replace("_", " ")
        if isinstance(value, dict):
            rows += facts(value, f"{said} · ")
        else:
            rows.append({"name": said, "value": _plain(value)})
    return rows


def _plain(value: Any) -> Any:
    if value in (None, "", []):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:.6g}" if isinstance(value, float) else value


def _counted(adapter: Adapter, name: str, value: Any) -> str:
    """Return the address of the pairs behind a count, whose name is a split and a label."""
    split, _, label = name.partition(" · ")
    if not value or split not in Split.values:
        return ""
    return holdout_url(adapter, said=label) if split == Split.HOLDOUT else learned_url(adapter, split, label)


def _page(adapter: Adapter, name: str, value: Any) -> str:
    """Return the address of what a provenance names, if it has a page."""
    slug = adapter.project.slug
    if name == "job" and isinstance(value, int):
        return reverse("job", args=[slug, value])
    if name == "guideline" and isinstance(value, int):
        return reverse("guideline-version", args=[slug, value])
    return ""
