"""Questions of annotators: who waits for an answer, and who has a new one."""

from collections.abc import Collection
from typing import Any

from django.db.models import Case, Count, F, Max, Min, Q, QuerySet, When

from labeling.models import Inquiry, Pair, Project, QueueEntry, User

WAITING = Q(answered_at__isnull=True)
NEW = Q(answered_at__isnull=False, seen_at__isnull=True)


def queued_pair(project: Project, pair_id: int) -> Pair:
    """Return a pair that is or was in the project's queue, with its texts. Raises Pair.DoesNotExist."""
    queued = QueueEntry.objects.filter(pair=pair_id, round__project=project)
    found = Pair.objects.select_related("query", "product__revision").filter(pk=pair_id, project=project)
    pair = found.first() if queued.exists() else None
    if pair is None:
        raise Pair.DoesNotExist(f"Pair {pair_id} was never in the queue of {project}.")
    return pair


def waiting_inquiries(project: Project) -> int:
    """Count the questions that no lead has answered yet."""
    return Inquiry.objects.filter(WAITING, project=project).count()


def new_answers(asker: User) -> dict[int, int]:
    """Count the answers that a person has not seen yet, by project id."""
    rows = Inquiry.objects.filter(NEW, asked_by=asker).values_list("project").annotate(n=Count("pk"))
    return dict(rows.order_by())


def inquiries_of(project: Project, asker: User) -> QuerySet[Inquiry]:
    """Return a person's own questions: those with a new answer first, then the newest."""
    new_first = Case(When(NEW, then=0), default=1)
    found = Inquiry.objects.filter(project=project, asked_by=asker)
    return found.select_related("pair__query", "revision", "example_in").order_by(new_first, "-pk")


def asked_pairs(project: Project, state: str = "", question: str = "", q: str = "") -> QuerySet[Inquiry, Any]:
    """Return the pairs that were asked about as {pair, waiting}, `waiting` being how many questions are unanswered.

    Pairs with a question that waits come first, the one that has waited longest before all; then the rest, the newest
    question first. `state` is "waiting", "answered" or nothing; `q` is a text in a question, its answer, the query or
    the product's title.
    """
    found = Inquiry.objects.filter(project=project)
    if question:
        found = found.filter(question=question)
    if q:
        in_pair = Q(pair__query__text__icontains=q) | Q(revision__title__icontains=q)
        found = found.filter(Q(text__icontains=q) | Q(answer__icontains=q) | in_pair)
    pairs = found.values("pair").annotate(
        waiting=Count("pk", filter=WAITING), first=Min("pk", filter=WAITING), newest=Max("pk")
    )
    if state:
        pairs = pairs.filter(waiting__gt=0) if state == "waiting" else pairs.filter(waiting=0)
    return pairs.order_by(F("first").asc(nulls_last=True), "-newest").values("pair", "waiting")


def inquiries_about(project: Project, pair_ids: Collection[int]) -> dict[int, list[Inquiry]]:
    """Return all questions about these pairs by pair, in the order of `pair_ids`, each pair's oldest first."""
    found = Inquiry.objects.filter(project=project, pair__in=pair_ids).select_related(
        "pair__query", "pair__product", "revision", "example_in", "asked_by", "answered_by"
    )
    about: dict[int, list[Inquiry]] = {pair_id: [] for pair_id in pair_ids}
    for inquiry in found.order_by("pk"):
        about[inquiry.pair_id].append(inquiry)
    return about


def asked_questions(project: Project) -> list[str]:
    """Return the ids of the tree's questions at which somebody has asked."""
    asked = Inquiry.objects.filter(project=project).order_by("question")
    return list(asked.values_list("question", flat=True).distinct())
