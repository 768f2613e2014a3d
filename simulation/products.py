"""A product as the facts its listing states, and the listing written from them."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from simulation.families import Kind, Trait, Words, maker

T = TypeVar("T")

ID_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ID_SPACE = 36**9
ID_STEP = 48_271_013_791  # odd and no multiple of 3, so that numbering never repeats an id

SEPARATORS = (", ", ", ", " - ", " | ")


@dataclass(frozen=True, slots=True)
class Product:
    """A product; `facts` maps "brand" and trait names to values. What is not in it, the listing does not say."""

    id: str
    kind: Kind
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Listing:
    """The text of a product in the official columns; None where the shop left a field out."""

    title: str
    description: str | None
    bullets: str | None
    brand: str | None
    colour: str | None


def pick(rng: random.Random, items: Sequence[T]) -> T:
    """Return one item, each as likely as the other. Several times faster than `choice`."""
    return items[int(rng.random() * len(items))]


def product_id(number: int) -> str:
    """Return the id of the product with this number: a W and nine digits or capitals, never the same twice."""
    rest = number * ID_STEP % ID_SPACE
    digits = []
    for _ in range(9):
        rest, digit = divmod(rest, 36)
        digits.append(ID_DIGITS[digit])
    return "W" + "".join(digits)


def make_product(rng: random.Random, kind: Kind, wants: Mapping[str, str], number: int, omit: str = "") -> Product:
    """Return a product that has everything in `wants` that its kind can have; the rest is drawn.

    The fact named by `omit` stays unsaid.
    """
    facts = {trait.name: wants.get(trait.name) or pick(rng, trait.values) for trait in kind.traits}
    brand = wants["brand"] if wants.get("brand") in kind.brands else None
    models = kind.trait("model")
    if models:
        if brand and "model" not in wants:
            facts["model"] = pick(rng, [model for model in models.values if model.startswith(f"{brand} ")])
        facts["brand"] = maker(facts["model"], kind)
    elif kind.brands:
        facts["brand"] = brand or pick(rng, kind.brands)
    facts.pop(omit, None)
    return Product(product_id(number), kind, facts)


def write_listing(rng: random.Random, product: Product, words: Words) -> Listing:
    """Write the product's listing: every fact is in it somewhere, and nothing that is not a fact."""
    kind, facts = product.kind, product.facts
    brand = facts.get("brand")
    in_title, elsewhere, colour = _place_traits(rng, kind.traits, facts)
    brand_in_title = brand is not None and ("model" in facts or rng.random() < 0.88)
    title = _title(rng, product, words, in_title, brand if brand_in_title else None)
    bullets = _bullets(rng, product, words, elsewhere)
    description = _description(rng, product, words) if rng.random() < 0.55 else None
    keep_brand = brand is not None and (not brand_in_title or rng.random() < 0.92)
    return Listing(title, description, bullets, brand if keep_brand else None, colour)


def _place_traits(
    rng: random.Random, traits: Sequence[Trait], facts: Mapping[str, str]
) -> tuple[list[Trait], list[Trait], str | None]:
    """Return the traits for the title, those left for the bullets, and the colour field."""
    in_title: list[Trait] = []
    elsewhere: list[Trait] = []
    colour = None
    for trait in traits:
        if trait.name not in facts:
            continue
        if trait.field == "colour" and rng.random() < 0.75:
            colour = facts[trait.name]
        (in_title if trait.central or rng.random() < 0.93 else elsewhere).append(trait)
    return in_title, elsewhere, colour


def _title(rng: random.Random, product: Product, words: Words, traits: Sequence[Trait], brand: str | None) -> str:
    kind, facts = product.kind, product.facts
    lead = [pick(rng, trait.listed[facts[trait.name]]) for trait in traits if trait.place == "lead"]
    tail = [pick(rng, trait.listed[facts[trait.name]]) for trait in traits if trait.place == "tail"]
    if rng.random() < 0.3:
        lead.insert(0, pick(rng, words.adjectives))
    if rng.random() < 0.35:
        tail.append(_fill(rng, pick(rng, words.purposes), kind))
    rng.shuffle(tail)
    shape = rng.random()
    if "model" in facts or brand is None:
        head = [*lead, kind.name]
    elif shape < 0.75:
        head = [brand, *lead, kind.name]
    elif shape < 0.9:
        head = [brand, kind.name, *lead]
    else:
        head = [*lead, kind.name]
        tail.append(brand)
    return pick(rng, SEPARATORS).join([" ".join(head), *tail])


def _fill(rng: random.Random, template: str, kind: Kind, brand: str = "") -> str:
    use, other = pick(rng, kind.uses), pick(rng, kind.uses)
    return (
        template.replace("{use}", use)
        .replace("{other}", other if other != use else kind.uses[0])
        .replace("{name}", kind.name)
        .replace("{brand}", brand)
    )


def _bullets(rng: random.Random, product: Product, words: Words, elsewhere: Sequence[Trait]) -> str | None:
    kind, facts = product.kind, product.facts
    if not elsewhere and rng.random() < 0.14:
        return None
    count = min(len(kind.perks), 2 + int(rng.random() * 3))
    lines = rng.sample(kind.perks, count)
    if elsewhere or rng.random() < 0.5:
        said = [trait for trait in kind.traits if trait.name in facts]
        details = ", ".join(pick(rng, trait.listed[facts[trait.name]]) for trait in said)
        lines.append(f"{pick(rng, words.heads)}: {kind.name}{', ' if details else ''}{details}")
    if rng.random() < 0.15:
        lines = [_bold_head(line) for line in lines]
    return "\n".join(lines)


def _bold_head(line: str) -> str:
    head, colon, rest = line.partition(":")
    return f"<b>{head}{colon}</b>{rest}"


def _description(rng: random.Random, product: Product, words: Words) -> str:
    kind, facts = product.kind, product.facts
    parts = [_fill(rng, pick(rng, words.openings), kind, facts.get("brand") or kind.name)]
    perks = [perk.partition(": ")[2] for perk in kind.perks]
    details = [pick(rng, t.listed[facts[t.name]]) for t in kind.traits if t.name in facts]
    shape = rng.random()
    if shape < 0.3:
        items = "".join(f"<li>{perk}</li>" for perk in perks)
        return f"<p>{parts[0]}</p><ul>{items}</ul><p>{', '.join(details)}</p>"
    parts += [f"{perk[:1].upper()}{perk[1:]}." for perk in perks]
    if details:
        parts.append(f"<b>{pick(rng, words.heads)}</b> {', '.join(details)}.")
    parts.append(pick(rng, words.closings))
    return ("<br><br>" if shape < 0.6 else " ").join(parts)
