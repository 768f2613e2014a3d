"""Pairs that an expert should rule, by how much a ruling is worth, and what was ruled.

What a ruling is worth is a sum. The chance that the likeliest label is wrong, and the gain that is expected to be lost
with it as a share of the scheme's greatest difference: each from 0 to 1, and both twice over where the judge's accuracy
is measured on the pair, since one wrong label there is wrong in every later number. And the share of all pairs to rule
whose judgments part at the same question, from 0 to 1: a ruling there can become the example that settles the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, Exists, F, FloatField, OuterRef, Q, QuerySet, Subquery, TextField, Value, When
from django.db.models.functions import MD5, Cast, Concat

from labeling.models import Consensus, GoldPair, Judgment, Label, Project, Ruling, SetAside, Skip, Stream
from labeling.queries.projects import labels_of
from labeling.queries.set_aside import set_aside_of

TWICE = 2.0


def ruling_of(pair_id: int) -> QuerySet[Ruling]:
    """Return the ruling that stands for a pair. One at most."""
    return Ruling.objects.filter(pair=pair_id, retired_at__isnull=True)


def closes(pair_id: int) -> Q:
    """Return whether a pair is given to nobody: it is set aside, or an expert has ruled it."""
    return Q(Exists(set_aside_of(pair_id))) | Q(Exists(ruling_of(pair_id)))


@dataclass(frozen=True)
class Dispute:
    """A pair to rule, what that is worth, and of what that is made: see the module."""

    consensus: Consensus
    worth: float
    doubt: float
    loss: float
    alike: int

    @property
    def pair_id(self) -> int:
        """The pair."""
        return self.consensus.pair_id


def to_rule(project: Project) -> QuerySet[Consensus]:
    """Return the pairs that a ruling would be worth something for, but for those that are set aside.

    They are disputed, or resolved although the judgments differ or the posterior is low.
    """
    aside = SetAside.objects.filter(pair=OuterRef("pair")).exclude(state=SetAside.State.RETURNED)
    return Consensus.objects.filter(~Exists(aside), project=project, stake__isnull=False)


def cannot_agree(project: Project) -> QuerySet[Consensus]:
    """Return those pairs to rule that have no label: all judgments are given, and none is left to ask for."""
    return to_rule(project).filter(state=Consensus.State.DISPUTED)


def count_by_question(project: Project) -> dict[str, int]:
    """Return how many pairs to rule part at each question, the most first; "" for those that part at none."""
    counted = to_rule(project).order_by().values_list("parts_at").annotate(n=Count("pk")).order_by("-n", "parts_at")
    return dict(counted)


def by_worth(project: Project, counts: Mapping[str, int], at: str = "") -> QuerySet[Consensus]:
    """Return the pairs to rule with their `worth`, the most worth first; with `at`, those that part at that question.

    `counts` are count_by_question's. The database sorts them, and a page fetches its own rows only.
    """
    total = max(sum(counts.values()), 1)
    shares = [When(parts_at=question, then=Value(n / total)) for question, n in counts.items() if question]
    alike = Case(*shares, default=Value(0.0), output_field=FloatField())
    doubled = Case(When(measured=True, then=Value(TWICE)), default=Value(1.0))
    worth = (1 - F("confidence") + F("stake") / span_of_gains(project)) * doubled + alike
    found = to_rule(project).filter(parts_at=at) if at else to_rule(project)
    return found.select_related("pair__query", "pair__product__revision").annotate(worth=worth).order_by("-worth", "pk")


def disputes_of(project: Project, rows: Any, counts: Mapping[str, int]) -> list[Dispute]:
    """Return rows of by_worth with what their worth is made of."""
    span = span_of_gains(project)
    return [
        Dispute(
            consensus=row,
            worth=row.worth,
            doubt=1 - row.confidence,
            loss=(row.stake or 0) / span,
            alike=max(counts.get(row.parts_at, 0) - 1, 0) if row.parts_at else 0,
        )
        for row in rows
    ]


def next_to_rule(project: Project, counts: Mapping[str, int], after: int | None = None, at: str = "") -> int | None:
    """Return the pair of most worth; with `after`, the one that comes after that pair, from the beginning if none does.

    `at` is as in by_worth. None where there is no other pair to rule.
    """
    found = by_worth(project, counts, at)
    here = found.filter(pk=after).first() if after is not None else None
    if here is not None:
        worth: float = here.worth  # type: ignore[attr-defined]
        below = found.filter(Q(worth__lt=worth) | Q(worth=worth, pk__gt=here.pk))
        following = below.values_list("pk", flat=True).first()
        if following is not None:
            return following
    return found.exclude(pk=after).values_list("pk", flat=True).first()


def span_of_gains(project: Project) -> float:
    """Return the greatest difference between two gains of the project's scheme; 1 where all are the same."""
    gains = Label.objects.filter(scheme=project.scheme_id).values_list("gain", flat=True)
    return (max(gains) - min(gains)) or 1.0


def walks_to_rule(pair_id: int) -> list[Judgment]:
    """Return the pair's live judgments in an order that says nothing of who gave them, nor when, and stays as it is.

    Gold pairs and repeats are not among them: they say how a person does.
    """
    live = Judgment.objects.filter(pair=pair_id, retired_at__isnull=True).exclude(
        stream__in=(Stream.GOLD, Stream.REPEAT)
    )
    shuffled = MD5(Concat(Value(f"{pair_id}:"), Cast("pk", TextField())))
    return list(live.select_related("label", "guideline").order_by(shuffled))


def labels_said(project: Project, pair_ids: Sequence[int]) -> dict[int, list[Label]]:
    """Return the labels that people gave to pairs, one for each live judgment, in the scheme's order. Two queries."""
    labels = {label.pk: label for label in labels_of(project)}
    live = Judgment.objects.filter(pair__in=pair_ids, retired_at__isnull=True).exclude(
        stream__in=(Stream.GOLD, Stream.REPEAT)
    )
    said: dict[int, list[Label]] = {}
    for pair_id, label_id in live.order_by("pair", "label__position").values_list("pair", "label"):
        said.setdefault(pair_id, []).append(labels[label_id])
    return said


def skips_of(pair_id: int) -> dict[str, int]:
    """Return how many people could not judge a pair, by their reason."""
    live = Skip.objects.filter(pair=pair_id, retired_at__isnull=True)
    return dict(live.order_by("reason").values_list("reason").annotate(n=Count("annotator", distinct=True)))


def rulings_of(project: Project) -> QuerySet[Ruling]:
    """Return the project's rulings, those that were taken back too, the newest first.

    Each says as `gold_use` what its pair is gold for now, if it is.
    """
    gold = GoldPair.objects.filter(pair=OuterRef("pair"), retired_at__isnull=True)
    return (
        Ruling.objects.filter(project=project)
        .select_related("label", "ruled_by", "retired_by", "example_in", "pair__query", "revision")
        .annotate(gold_use=Subquery(gold.values("use")))
        .order_by("-id")
    )


def left_out(project: Project) -> QuerySet[SetAside]:
    """Return the pairs that were left out of the pool, because they cannot be judged, the newest first."""
    found = SetAside.objects.filter(project=project, state=SetAside.State.EXCLUDED)
    return found.select_related("decided_by", "pair__query", "pair__product__revision").order_by("-decided_at")
