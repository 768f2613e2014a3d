"""Pairs that wait for the lead's decision."""

from django.db.models import Prefetch, QuerySet

from labeling.models import Project, SetAside, Skip


def waiting_set_aside(project: Project) -> QuerySet[SetAside]:
    """Return the pairs that wait for a decision, the oldest first, each with its `pair.live_skips`."""
    skips = Skip.objects.filter(retired_at__isnull=True).select_related("annotator").order_by("created_at")
    return (
        SetAside.objects.filter(project=project, state=SetAside.State.WAITING)
        .select_related("pair__query", "pair__product__revision")
        .prefetch_related(Prefetch("pair__skips", skips, to_attr="live_skips"))
        .order_by("pk")
    )


def set_aside_of(pair_id: int) -> QuerySet[SetAside]:
    """Return why a pair is given to nobody: it waits for the lead's decision, or is left out for good. One at most."""
    return SetAside.objects.filter(pair=pair_id).exclude(state=SetAside.State.RETURNED)
