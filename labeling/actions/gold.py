"""Choosing the pairs whose answer is known, and taking them out of use."""

from collections import defaultdict
from collections.abc import Sequence

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from labeling.actions.audit_log import record
from labeling.actions.judgments import tree_of
from labeling.guidelines.tree import LabelLeaf
from labeling.guidelines.walk import parse_path, walk
from labeling.models import GoldPair, Pair, Project, SetAside, Split, User
from labeling.queries.gold_candidates import Candidate, agreed_candidates, imported_candidates
from labeling.queries.projects import labels_of, published_guideline

MOST = 1000  # gold pairs in one draw


class Source(models.TextChoices):
    """Where known labels come from."""

    IMPORTED = "imported", _("Imported labels")
    SETTLED = "settled", _("Pairs that people agreed on")


NOTHING_IN = {
    Source.IMPORTED: "No imported label can be used: there must be pairs with a label from an import that nobody has "
    "judged, that do not wait in the open round and whose query is not held out for measuring.",
    Source.SETTLED: "No settled pair can be used: at least three judgments of a pair, or all of at least two, must "
    "agree, and its query must not be held out for measuring.",
}


class GoldError(ValueError):
    """A pair cannot become gold; the message says why and what would do, in plain words."""


@transaction.atomic
def draw_gold(
    project: Project, source: Source, count: int, use: GoldPair.Use, seed: int, actor: User | None = None
) -> list[GoldPair]:
    """Make gold of `count` pairs whose label is known, as evenly over the labels as there are pairs, drawn by `seed`.

    Fewer where there are fewer. Raises GoldError where there is none, or for a count that is not 1 to MOST.
    """
    if not 1 <= count <= MOST:
        raise GoldError(f"Between 1 and {MOST:,} pairs can be drawn at once, not {count:,}.")
    found = imported_candidates(project, count, seed) if source == Source.IMPORTED else agreed_candidates(project, seed)
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    gold = set(GoldPair.objects.filter(project=project).values_list("pair", flat=True))  # somebody drew meanwhile
    drawn = _evenly([one for one in found if one.pair_id not in gold], count)
    if not drawn:
        raise GoldError(NOTHING_IN[source])
    made = GoldPair.objects.bulk_create(
        GoldPair(
            project=project,
            pair_id=one.pair_id,
            label_id=one.label_id,
            path=one.path,
            use=use,
            origin=one.origin,
            created_by=actor,
        )
        for one in drawn
    )
    record(project, actor, "gold.draw", str(source), asked=count, drawn=len(made), use=str(use), seed=seed)
    return made


def _evenly(found: Sequence[Candidate], count: int) -> list[Candidate]:
    """Take from each label in turn until there are enough; the order within a label stays."""
    by_label: dict[int, list[Candidate]] = defaultdict(list)
    for one in found:
        by_label[one.label_id].append(one)
    turns = sorted((place, label, one) for label, ones in by_label.items() for place, one in enumerate(ones))
    return [one for _, _, one in turns[:count]]


@transaction.atomic
def add_gold(
    project: Project,
    pair_id: int,
    label_key: str,
    use: GoldPair.Use,
    actor: User,
    path: str = "",
    why: str = "",
    origin: str = "by hand",
) -> GoldPair:
    """Make one pair gold. `path` is the right walk, if it is to be told, in the published guideline.

    Raises GoldError where the pair is gold already, held out or set aside; Pair.DoesNotExist where it is not of the
    project; PathError or ValueError for a label that is none and for a path that does not lead to it.
    """
    pair = (
        Pair.objects.select_for_update(no_key=True, of=("self",))
        .select_related("query")
        .get(pk=pair_id, project=project)
    )
    _check_fit(pair)
    label = next((label for label in labels_of(project) if label.key == label_key), None)
    if label is None:
        raise GoldError(f"{label_key!r} is not a label of this project.")
    if path and walk(tree_of(project, published_guideline(project)), parse_path(path)) != LabelLeaf(label_key):
        raise GoldError(f"The walk {path!r} does not lead to {label}.")
    gold = GoldPair.objects.create(
        project=project, pair=pair, label=label, path=path, why=why, use=use, origin=origin, created_by=actor
    )
    record(project, actor, "gold.add", f"pair {pair.pk}", label=label_key, path=path, why=why, use=str(use))
    return gold


@transaction.atomic
def retire_gold(project: Project, gold_id: int, actor: User) -> GoldPair:
    """Take a gold pair out of use: it is served no more, and nobody's result counts it. Twice does no harm."""
    gold = GoldPair.objects.select_for_update(of=("self",)).select_related("label").get(pk=gold_id, project=project)
    if gold.retired_at is None:
        gold.retired_at = timezone.now()
        gold.save(update_fields=("retired_at",))
        record(project, actor, "gold.retire", f"pair {gold.pair_id}", label=gold.label.key, use=gold.use)
    return gold


@transaction.atomic
def restore_gold(project: Project, gold_id: int, actor: User) -> GoldPair:
    """Put a retired gold pair back into use. GoldError where its pair has become gold anew since."""
    found = GoldPair.objects.select_for_update(of=("self",)).select_related("label")
    gold = found.get(pk=gold_id, project=project)
    if gold.retired_at is None:
        return gold
    Pair.objects.select_for_update(no_key=True).get(pk=gold.pair_id)
    if GoldPair.objects.filter(pair=gold.pair_id, retired_at__isnull=True).exists():
        raise GoldError("This pair is gold again already; retire that one first.")
    gold.retired_at = None
    gold.save(update_fields=("retired_at",))
    record(project, actor, "gold.restore", f"pair {gold.pair_id}", label=gold.label.key, use=gold.use)
    return gold


def _check_fit(pair: Pair) -> None:
    if pair.query.split == Split.HOLDOUT:
        raise GoldError("This query is held out for measuring the judge, so its pairs cannot be gold.")
    if GoldPair.objects.filter(pair=pair, retired_at__isnull=True).exists():
        raise GoldError("This pair is gold already.")
    if SetAside.objects.filter(pair=pair).exclude(state=SetAside.State.RETURNED).exists():
        raise GoldError("This pair is set aside, because people could not judge it.")
