"""Judgments whose annotators are asked one question of them again, and how far that is."""

from dataclasses import dataclass
from itertools import groupby

from django.db.models import Count, Q, QuerySet

from labeling.models import GuidelineVersion, Membership, Project, Relabel, Role, User


def answering(project: Project) -> QuerySet[Membership]:
    """Return the members who can be asked again: annotators and leads who are not paused."""
    judging = Membership.objects.filter(project=project, role__in=(Role.ANNOTATOR, Role.LEAD))
    return judging.filter(paused_at__isnull=True)


def waiting_relabels(project: Project, annotator: User | None = None) -> QuerySet[Relabel]:
    """Return what waits to be asked again, of one person if one is given, in the order in which it is asked."""
    waiting = Relabel.objects.filter(project=project, state=Relabel.State.WAITING)
    return (waiting.filter(annotator=annotator) if annotator else waiting).order_by("pk")


def relabels_by_project(annotator: User) -> dict[int, int]:
    """Return how many of a person's answers are asked again, by project."""
    waiting = Relabel.objects.filter(annotator=annotator, state=Relabel.State.WAITING)
    return dict(waiting.order_by().values_list("project").annotate(n=Count("pk")))


def asked_of(project: Project, annotator: User, *, settled: bool = False) -> QuerySet[Relabel]:
    """Return what waits for a person, with all that a page shows of it; with `settled`, also what no longer does."""
    asked = (
        Relabel.objects.filter(project=project, annotator=annotator)
        if settled
        else waiting_relabels(project, annotator)
    )
    return asked.select_related(
        "project", "guideline", "judgment__label", "judgment__guideline", "pair__query", "pair__product__revision"
    )


def stranded_relabels(project: Project) -> QuerySet[Relabel]:
    """Return what waits for people who will not see it: they are paused, audit, or have left."""
    return waiting_relabels(project).exclude(annotator__in=answering(project).values("user"))


@dataclass(frozen=True)
class Progress:
    """How far one person, or everybody where `user` is None, is with a version's questions."""

    version: GuidelineVersion
    user: User | None
    waiting: int
    done: int
    withdrawn: int
    away: bool = False

    @property
    def asked(self) -> int:
        """How many were asked that have not been withdrawn."""
        return self.waiting + self.done

    @property
    def share(self) -> float:
        """The part of them that is done, from 0 to 1."""
        return self.done / self.asked if self.asked else 0.0


def relabel_progress(project: Project) -> list[tuple[Progress, list[Progress]]]:
    """Return, the newest version first, how far it is as a whole and each of its people; most waiting first."""
    rows = Relabel.objects.filter(project=project).order_by("-guideline__number")
    counted = list(
        rows.values("guideline_id", "annotator_id").annotate(
            waiting=Count("pk", filter=Q(state="waiting")),
            done=Count("pk", filter=Q(state="done")),
            withdrawn=Count("pk", filter=Q(state="withdrawn")),
        )
    )
    versions = GuidelineVersion.objects.in_bulk({row["guideline_id"] for row in counted})
    people = User.objects.in_bulk({row["annotator_id"] for row in counted})
    there = set(answering(project).values_list("user", flat=True))
    progress = []
    for version_id, group in groupby(counted, key=lambda row: row["guideline_id"]):
        version = versions[version_id]
        each = [
            Progress(
                version=version,
                user=people[row["annotator_id"]],
                waiting=row["waiting"],
                done=row["done"],
                withdrawn=row["withdrawn"],
                away=row["annotator_id"] not in there,
            )
            for row in group
        ]
        each.sort(key=lambda one: (-one.waiting, -one.asked, str(one.user)))
        whole = Progress(
            version=version,
            user=None,
            waiting=sum(one.waiting for one in each),
            done=sum(one.done for one in each),
            withdrawn=sum(one.withdrawn for one in each),
        )
        progress.append((whole, each))
    return progress
