"""What is waiting in the open round."""

import datetime as dt

from django.db.models import Exists, OuterRef, Q, QuerySet

from labeling.models import Judgment, Membership, Project, Role, Round, Skip, Slot, Stream, User


def open_round_of(project: Project) -> Round | None:
    """Return the project's open round, if there is one."""
    return Round.objects.filter(project=project, state=Round.State.OPEN).first()


def queued_slots(project: Project | int) -> QuerySet[Slot]:
    """Return all slots of the open round that are there for anybody.

    The round is looked up first and not joined, so that its slots come from their index in the order of serving.
    """
    opened = Round.objects.filter(project=project, state=Round.State.OPEN).order_by().values("pk")[:1]
    return Slot.objects.filter(round=opened, personal=False, withdrawn=False)


def open_slots(project: Project | int) -> QuerySet[Slot]:
    """Return the slots of the open round that have no judgment yet, leased or not."""
    return queued_slots(project).filter(judged=False)


def held_slots(project: Project | int, annotator: User | int, now: dt.datetime) -> QuerySet[Slot]:
    """Return what is on somebody's desk.

    In the open round theirs until somebody else gets it, even after the lease ran out; of a closed round only while
    the lease lasts. Never what an answer of theirs could not fill, or they would be given it for ever.
    """
    within_reach = Q(round__state=Round.State.OPEN) | Q(leased_until__gt=now)
    held = Slot.objects.filter(within_reach, round__project=project, annotator=annotator, judged=False)
    return held.filter(wanted_from(annotator)).order_by("-leased_at", "rank", "number")


def wanted_from(annotator: User | int) -> Q:
    """Return what leaves the slots whose pair this annotator has not judged, and those of repeats."""
    judged = Judgment.objects.filter(pair=OuterRef("pair"), annotator=annotator, retired_at__isnull=True)
    return Q(entry__stream=Stream.REPEAT) | Q(~Exists(judged.exclude(stream=Stream.REPEAT)))


def waiting_slots(project: Project) -> QuerySet[Slot]:
    """Return the open slots that somebody who works on the round could fill.

    What all of them have judged or skipped, or cannot read, waits for a newcomer and must not hold up the next
    round. Who is paused, or must train first, does not work. Before anybody has begun, every slot waits.
    """
    holders = queued_slots(project).filter(annotator__isnull=False).values("annotator")
    skips = Skip.objects.filter(round__project=project, round__state=Round.State.OPEN, retired_at__isnull=True)
    working = Membership.objects.filter(
        Q(user__in=holders) | Q(user__in=skips.values("annotator")), project=project, paused_at__isnull=True
    ).exclude(role=Role.AUDITOR)
    if project.training_required:
        working = working.exclude(role=Role.ANNOTATOR, qualified_at__isnull=True)
    if not working.exists():
        return open_slots(project)
    pair, round_, person = OuterRef(OuterRef("pair")), OuterRef(OuterRef("round")), OuterRef("user")
    judged = Judgment.objects.filter(pair=pair, annotator=person, retired_at__isnull=True)
    skipped = Skip.objects.filter(pair=pair, round=round_, annotator=person, retired_at__isnull=True)
    reads = Q(languages=[]) | Q(languages__contains=[OuterRef("locale")])
    return open_slots(project).filter(Exists(working.filter(reads, ~Exists(judged), ~Exists(skipped))))


def free_slots(member: Membership, now: dt.datetime) -> QuerySet[Slot]:
    """Return what this annotator could be given, in the order of serving.

    Not theirs: pairs they judged, skipped in this round, or hold another slot of, and queries in languages that
    they do not read.
    """
    annotator = member.user_id
    mine = Slot.objects.filter(entry=OuterRef("entry"), annotator=annotator)
    judged = Judgment.objects.filter(pair=OuterRef("pair"), annotator=annotator, retired_at__isnull=True)
    skipped = Skip.objects.filter(
        pair=OuterRef("pair"), round=OuterRef("round"), annotator=annotator, retired_at__isnull=True
    )
    readable = Q(locale__in=member.languages) if member.languages else Q()
    return (
        open_slots(member.project_id)
        .filter(readable, Q(annotator__isnull=True) | Q(leased_until__lt=now))
        .filter(~Exists(mine), ~Exists(judged), ~Exists(skipped))
        .order_by("rank", "number")
    )
