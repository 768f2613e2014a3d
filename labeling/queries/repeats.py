"""Whether people agree with themselves: pairs that they judged again, weeks later."""

import datetime as dt

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery

from labeling.models import Judgment, Membership, Project, Stream
from modeling.estimates import Estimate, wilson_interval


def self_agreement(member: Membership, until: dt.datetime | None = None) -> Estimate:
    """Return the share of a member's repeats that gave the label of the first time, with Wilson's 95 % interval.

    All of it is nan, and n is 0, while they have repeated nothing. `until` leaves out what came later.
    """
    counted = repeats(member.project).filter(annotator=member.user_id)
    found = _estimates(counted if until is None else counted.filter(created_at__lt=until))
    return found.get(member.user_id, wilson_interval(0, 0))


def self_agreements(project: Project) -> dict[int, Estimate]:
    """Return the self-agreement of everybody who has repeated a pair, by the id of the user. One query."""
    return _estimates(repeats(project))


def _estimates(repeated: QuerySet[Judgment]) -> dict[int, Estimate]:
    alike = Count("id", filter=Q(label=F("first_label")))
    rows = repeated.values("annotator").annotate(n=Count("id"), alike=alike).values_list("annotator", "n", "alike")
    return {annotator: wilson_interval(same, n) for annotator, n, same in rows}


def repeats(project: Project) -> QuerySet[Judgment]:
    """Return the live judgments of the repeat stream, each with the `first_label` that its annotator had given."""
    live = Judgment.objects.filter(project=project, retired_at__isnull=True)
    before = live.filter(pair=OuterRef("pair"), annotator=OuterRef("annotator")).exclude(stream=Stream.REPEAT)
    return (
        live.filter(stream=Stream.REPEAT)
        .annotate(first_label=Subquery(before.values("label")[:1]))
        .filter(first_label__isnull=False)
    )
