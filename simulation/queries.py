"""What a shopper types: a need as facts, and the words for it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from simulation.families import NUMBER, Kind, Shop, Words
from simulation.products import pick

# How many facts a query states, with the weight of each number.
STATED = ((0, 0.12), (1, 0.40), (2, 0.33), (3, 0.15))
VAGUE_SHARE = 0.04
UNCLEAR_SHARE = 0.004
TYPO_SHARE = 0.07
MIN_TYPO_WORD = 5
BRAND_WEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class Query:
    """A query; `readings` are the kinds it can mean, none when nobody could tell.

    `wants` maps "brand" and trait names to the values stated. `constructs` says what makes it interesting:
    brand, brand_as_type, compatibility, accessory, bundle, unit, without, pack, vague, unclear, typo.
    """

    text: str
    locale: str
    readings: tuple[Kind, ...]
    wants: Mapping[str, str]
    constructs: frozenset[str]


def make_query(rng: random.Random, shop: Shop, locale: str) -> Query:
    """Return a query in the locale, drawn from the shop; the same one may come again."""
    chance = rng.random()
    if chance < UNCLEAR_SHARE:
        text = f"{pick(rng, shop.unclear[locale])} {gibberish(rng)}"
        return Query(text, locale, (), {}, frozenset({"unclear"}))
    words = shop.words[locale]
    if chance < UNCLEAR_SHARE + VAGUE_SHARE:
        vague = pick(rng, [entry for entry in shop.vague if entry.locale == locale])
        text = _decorate(rng, pick(rng, vague.asked), words)
        return Query(text, locale, vague.kinds, {}, frozenset({"vague"}))
    family = pick(rng, [kinds for kinds in shop.families.values() if kinds[0].locale == locale])
    kind = rng.choices(family, [kind.asked_weight for kind in family])[0]
    return _ask(rng, kind, words)


def _ask(rng: random.Random, kind: Kind, words: Words) -> Query:
    generic = bool(kind.generic) and rng.random() < 0.15
    wants = _draw_wants(rng, kind, may_name_brand=not generic)
    noun = pick(rng, kind.generic if generic else kind.asked)
    text = _phrase(rng, kind, wants, noun)
    if rng.random() < 0.1:
        text = _decorate(rng, text, words)
    constructs = _constructs(kind, wants, text) | ({"brand_as_type"} if generic else set())
    if kind.locale != "jp" and rng.random() < TYPO_SHARE:
        misspelt = misspell(rng, text)
        if misspelt != text:
            return Query(misspelt, kind.locale, (kind,), wants, constructs | {"typo"})
    return Query(text, kind.locale, (kind,), wants, constructs)


def _draw_wants(rng: random.Random, kind: Kind, may_name_brand: bool) -> dict[str, str]:
    options = {trait.name: trait.asked_weight for trait in kind.traits}
    if may_name_brand and kind.brands:
        options["brand"] = BRAND_WEIGHT
    count = min(len(options), rng.choices([n for n, _ in STATED], [weight for _, weight in STATED])[0])
    if "fits" in options or "work" in options:
        count = max(1, count)
    wants: dict[str, str] = {}
    while len(wants) < count and options:
        name = rng.choices(list(options), list(options.values()))[0]
        del options[name]
        if name in ("model", "fits"):
            options.pop("brand", None)
        if name == "brand":
            options.pop("model", None)
            options.pop("fits", None)
        trait = kind.trait(name)
        wants[name] = pick(rng, trait.values if trait else kind.brands)
    return wants


def _phrase(rng: random.Random, kind: Kind, wants: Mapping[str, str], noun: str) -> str:
    before: list[str] = []
    after: list[str] = []
    for trait in kind.traits:
        if trait.name not in wants:
            continue
        words = pick(rng, trait.asked[wants[trait.name]])
        goes_after = words.startswith(("for ", "with", "no ")) or rng.random() < (
            0.15 if trait.place == "lead" else 0.65
        )
        (after if goes_after else before).append(words)
    rng.shuffle(after)
    if "brand" in wants:
        (before if rng.random() < 0.85 else after).insert(0, wants["brand"].lower())
    return " ".join([*before, noun, *after])


def _decorate(rng: random.Random, text: str, words: Words) -> str:
    extra = pick(rng, words.asks)
    return f"{extra} {text}" if rng.random() < 0.7 else f"{text} {extra}"


def _constructs(kind: Kind, wants: Mapping[str, str], text: str) -> frozenset[str]:
    negated = (" no ", "without", "free", " non ", "sin ", "なし")
    found = {
        "brand": "brand" in wants,
        "compatibility": "fits" in wants,
        "accessory": kind.role == "accessory",
        "bundle": wants.get("bundle", "none") != "none",
        "unit": any(NUMBER.fullmatch(value) for value in wants.values()),
        "without": any(word in f" {text}" for word in negated),
        "pack": "pack" in wants,
    }
    return frozenset(name for name, holds in found.items() if holds)


def misspell(rng: random.Random, text: str) -> str:
    """Swap, drop or double one letter inside a longer word; a text of short words stays as it is."""
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if len(word) >= MIN_TYPO_WORD and word.isalpha()]
    if not long:
        return text
    chosen = pick(rng, long)
    word = words[chosen]
    at = 1 + int(rng.random() * (len(word) - 2))
    kind = rng.random()
    if kind < 0.4:
        word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    elif kind < 0.7:
        word = word[:at] + word[at + 1 :]
    else:
        word = word[:at] + word[at] + word[at:]
    words[chosen] = word
    return " ".join(words)


def gibberish(rng: random.Random) -> str:
    """Return a code that means nothing to anyone."""
    letters = "".join(pick(rng, "bcdfghjkqvxz") for _ in range(3))
    return f"{letters}{int(rng.random() * 90) + 10}"
