"""What is on an annotator's shelf: the products of one query, open or done."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from labeling.models import Judgment, Pair, Project, Skip, Slot, User
from labeling.queries.judgments import day_start, judged_since, skipped_since


@dataclass(frozen=True)
class Card:
    """One product on the shelf: the slot where it is open, the step of today that an undo takes back where it is done.

    Neither where others have judged the pair meanwhile.
    """

    pair: Pair
    slot: Slot | None = None
    step: Judgment | Skip | None = None


def shelf_cards(project: Project, annotator: User, slots: Collection[Slot], most: int) -> list[Card]:
    """Return the open pairs, which are of one query, with the newest of it that were done today, `most` in all.

    In an order that is this person's own for this query and does not change.
    """
    if not slots:
        return []
    held = {slot.pair_id: slot for slot in slots}
    query = next(iter(slots)).pair.query_id
    steps = _todays_steps(project, annotator, pair__query=query)
    done = [pair for pair in steps if pair not in held][: max(0, most - len(held))]
    pairs = _shown_pairs(project, {*held, *done})
    cards = [Card(pair, held.get(pair.pk), None if pair.pk in held else steps[pair.pk]) for pair in pairs]
    return sorted(cards, key=lambda card: _place(annotator.pk, query, card.pair.pk))


def shelf_card(project: Project, annotator: User, pair_id: int) -> Card:
    """Return one pair as it stands for the annotator. Raises Pair.DoesNotExist for a pair of another project."""
    pairs = _shown_pairs(project, {pair_id})
    if not pairs:
        raise Pair.DoesNotExist(f"{project} has no pair {pair_id}.")
    step = _todays_steps(project, annotator, pair=pair_id).get(pair_id)
    slot = Slot.objects.filter(pair=pair_id, annotator=annotator, judged=False).order_by("-leased_at").first()
    return Card(pairs[0], None if step else slot, step)


def _todays_steps(project: Project, annotator: User, **of: int) -> dict[int, Judgment | Skip]:
    """Return the person's live judgments and skips of today by pair, the newest first."""
    judgments = judged_since(project, annotator, day_start()).filter(**of).select_related("label")
    skips = skipped_since(project, annotator, day_start()).filter(**of)
    steps: list[Judgment | Skip] = [*skips, *judgments]
    newest: dict[int, Judgment | Skip] = {}
    for step in sorted(steps, key=lambda step: step.created_at, reverse=True):
        newest.setdefault(step.pair_id, step)
    return newest


def _shown_pairs(project: Project, pair_ids: Collection[int]) -> list[Pair]:
    return list(Pair.objects.filter(project=project, pk__in=pair_ids).select_related("query", "product__revision"))


def _place(annotator_id: int, query_id: int, pair_id: int) -> bytes:
    """Shuffle by what each card is and not by what else is there, so that the others stay where they are."""
    return hashlib.blake2b(f"{annotator_id} {query_id} {pair_id}".encode(), digest_size=8).digest()
