"""Rounds and how far they are."""

from dataclasses import dataclass

from django.db.models import Count, Q

from labeling.models import Project, Round


@dataclass(frozen=True)
class Progress:
    """A round with its pairs by stream, and its judgments out of the slots it has."""

    round: Round
    pairs: int
    random: int
    active: int
    judged: int
    slots: int

    @property
    def share(self) -> float:
        """Share of the slots that are judged, 0 to 1."""
        return self.judged / self.slots if self.slots else 0.0


def round_progress(project: Project, newest: int | None = None) -> list[Progress]:
    """Return the rounds, the newest first, at most `newest` of them."""
    rounds = list(Round.objects.filter(project=project).select_related("adapter").order_by("-number")[:newest])
    ids = [one.pk for one in rounds]
    entries = {
        row["pk"]: row
        for row in Round.objects.filter(pk__in=ids)
        .values("pk")
        .annotate(
            pairs=Count("entries"),
            random=Count("entries", filter=Q(entries__stream="random")),
            active=Count("entries", filter=Q(entries__stream="active")),
        )
    }
    slots = {
        row["pk"]: row
        for row in Round.objects.filter(pk__in=ids)
        .values("pk")
        .annotate(all=Count("slots"), judged=Count("slots", filter=Q(slots__judged=True)))
    }
    return [
        Progress(
            round=one,
            pairs=entries[one.pk]["pairs"],
            random=entries[one.pk]["random"],
            active=entries[one.pk]["active"],
            judged=slots[one.pk]["judged"],
            slots=slots[one.pk]["all"],
        )
        for one in rounds
    ]
