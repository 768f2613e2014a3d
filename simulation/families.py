"""What the made-up shop sells: families.toml read into frozen values and checked.

A family is a shelf with a main kind of product, kinds that do the same job (alternatives) and kinds that are
used with it (accessories). A trait is a fact that a listing can state and a query can ask for. Its severity
says what a contradiction means: soft, another value will do; near, a number within a factor of two will do;
hard, nothing else can be used.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

ROLES = ("main", "alternative", "accessory")
SEVERITIES = ("soft", "near", "hard")
MAIN_WEIGHT = 9.0
NUMBER = re.compile(r"([\d.]+) (\w+)")


@dataclass(frozen=True, slots=True)
class Trait:
    """A fact with its possible values, and for each value the words of listings and of queries."""

    name: str
    values: tuple[str, ...]
    severity: str
    place: str
    central: bool
    field: str
    asked_weight: float
    listed: Mapping[str, tuple[str, ...]]
    asked: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind of product; `name` is unique in the shop. `brands` are empty where brand means nothing."""

    name: str
    family: str
    locale: str
    role: str
    brands: tuple[str, ...]
    uses: tuple[str, ...]
    traits: tuple[Trait, ...]
    asked: tuple[str, ...]
    generic: tuple[str, ...]
    perks: tuple[str, ...]
    asked_weight: float

    def trait(self, name: str) -> Trait | None:
        """Return the trait with this name, or None."""
        return next((trait for trait in self.traits if trait.name == name), None)


@dataclass(frozen=True, slots=True)
class Vague:
    """Queries with several common readings, each of them a kind."""

    locale: str
    asked: tuple[str, ...]
    kinds: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """What a locale's listings and queries say around the facts."""

    adjectives: tuple[str, ...]
    purposes: tuple[str, ...]
    openings: tuple[str, ...]
    closings: tuple[str, ...]
    heads: tuple[str, ...]
    asks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shop:
    """Everything on sale: kinds by family key, vague and unclear queries, words by locale."""

    families: Mapping[str, tuple[Kind, ...]]
    vague: tuple[Vague, ...]
    unclear: Mapping[str, tuple[str, ...]]
    words: Mapping[str, Words]


def maker(model: str, kind: Kind) -> str:
    """Return the brand whose name the model starts with. Raises ValueError for a model of nobody."""
    for brand in kind.brands:
        if model.startswith(f"{brand} "):
            return brand
    raise ValueError(f"model {model!r} starts with none of the brands {', '.join(kind.brands)} of {kind.name!r}")


@lru_cache(maxsize=1)
def load_shop() -> Shop:
    """Read families.toml. Raises ValueError or KeyError, naming the entry, when the file does not hold together."""
    data = tomllib.loads(Path(__file__).with_name("families.toml").read_text(encoding="utf-8"))
    families = {family["key"]: _kinds(family, data) for family in data["family"]}
    kinds = {kind.name: kind for members in families.values() for kind in members}
    if len(kinds) != sum(map(len, families.values())):
        raise ValueError("families.toml: two kinds have the same name")
    vague = tuple(
        Vague(entry["locale"], tuple(entry["asked"]), tuple(kinds[name] for name in entry["kinds"]))
        for entry in data["vague"]
    )
    unclear = {locale: tuple(texts) for locale, texts in data["unclear"].items()}
    words = {
        locale: Words(**{name: tuple(texts) for name, texts in fields.items()})
        for locale, fields in data["words"].items()
    }
    return Shop(families, vague, unclear, words)


def _kinds(family: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[Kind, ...]:
    models = [f"{brand} {model}" for brand, names in family.get("models", {}).items() for model in names]
    shared = {name: _trait(name, entry, data["units"]) for name, entry in data["trait"].items()}
    own = {name: _trait(name, entry, data["units"]) for name, entry in family.get("trait", {}).items()}
    # In TOML a table after [[family.kind]] belongs to that kind's family all the same.
    traits = shared | own | {"model": _model(models), "fits": _fits(models)}
    return tuple(_kind(entry, family, traits) for entry in family["kind"])


def _kind(entry: Mapping[str, Any], family: Mapping[str, Any], traits: Mapping[str, Trait]) -> Kind:
    role = entry["role"]
    if role not in ROLES:
        raise ValueError(f"families.toml, kind {entry['name']!r}: role {role!r}; expected one of {', '.join(ROLES)}")
    makers = tuple(family.get("models", {}))
    brands = makers if makers and role != "accessory" else tuple(family["brands"])
    return Kind(
        name=entry["name"],
        family=family["key"],
        locale=family["locale"],
        role=role,
        brands=() if entry.get("brandless") else brands,
        uses=tuple(family["uses"]),
        traits=tuple(traits[name] for name in entry["traits"]),
        asked=tuple(entry["asked"]),
        generic=tuple(entry.get("generic", ())),
        perks=tuple(entry["perks"]),
        asked_weight=entry.get("asked_weight", MAIN_WEIGHT if role == "main" else 1.0),
    )


def _trait(name: str, entry: Mapping[str, Any], units: Mapping[str, Mapping[str, list[str]]]) -> Trait:
    if entry["severity"] not in SEVERITIES:
        raise ValueError(f"families.toml, trait {name!r}: severity {entry['severity']!r}; expected {SEVERITIES}")
    values = tuple(entry["values"])
    return Trait(
        name=name,
        values=values,
        severity=entry["severity"],
        place=entry["place"],
        central=entry.get("central", False),
        field=entry.get("field", ""),
        asked_weight=entry.get("asked_weight", 1.0),
        listed={value: _phrases(value, entry, "listed", units) for value in values},
        asked={value: tuple(map(str.lower, _phrases(value, entry, "asked", units))) for value in values},
    )


def _phrases(value: str, entry: Mapping[str, Any], use: str, units: Mapping[str, Any]) -> tuple[str, ...]:
    given = entry.get(use, {}).get(value)
    if given is not None:
        return tuple(given)
    number = NUMBER.fullmatch(value)
    if number and number[2] in units:
        return tuple(template.replace("{n}", number[1]) for template in units[number[2]][use])
    return (value,)


def _model(models: list[str]) -> Trait:
    asked = {model: (model.lower(),) for model in models}
    return Trait("model", tuple(models), "soft", "lead", True, "", 2.0, {model: (model,) for model in models}, asked)


def _fits(models: list[str]) -> Trait:
    listed = {m: (f"for {m}", f"Compatible with {m}", f"Fits {m}", f"Replacement for {m}") for m in models}
    asked = {model: (f"for {model.lower()}", model.lower()) for model in models}
    return Trait("fits", tuple(models), "hard", "tail", True, "", 12.0, listed, asked)
