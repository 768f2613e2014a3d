"""Ruling pairs on which people part, and what follows from a ruling."""

import uuid

from django.db import transaction
from django.utils import timezone

from labeling.actions.audit_log import record
from labeling.actions.consensus import PERSONAL, resolve_pair
from labeling.actions.gold import add_gold
from labeling.actions.guidelines import add_example_to_draft
from labeling.actions.judgments import tree_of
from labeling.actions.set_aside import withdraw_if_closed
from labeling.guidelines.edit import tidy_example
from labeling.guidelines.parse import GuidelineError
from labeling.guidelines.parting import parting
from labeling.guidelines.tree import Example, LabelLeaf, Question
from labeling.guidelines.walk import PathError, format_path, parse_path, walk
from labeling.models import (
    Consensus,
    GoldPair,
    GuidelineVersion,
    Pair,
    Project,
    QueueEntry,
    Ruling,
    SetAside,
    User,
)
from labeling.queries.adjudication import ruling_of, walks_to_rule
from labeling.queries.pairs import shown_revision
from labeling.queries.projects import labels_of, published_guideline
from labeling.queries.set_aside import set_aside_of


class RulingError(ValueError):
    """A pair cannot be ruled, or a ruling not be used so; the message says why, in plain words."""


@transaction.atomic
def rule_pair(
    project: Project,
    expert: User,
    pair_id: int,
    key: uuid.UUID,
    version: GuidelineVersion,
    path: str,
    why: str,
    revision_id: int | None = None,
) -> Ruling:
    """Rule what a judged pair is: the label that the version's tree gives for the path, which is its consensus now.

    A pair that has a ruling keeps it, and it is returned: whether it is this one is told by its key. No more judgments
    are asked for. Raises RulingError for a pair that nobody has judged or that is set aside, and without a reason;
    PathError or ValueError for a path that does not end in a label; Pair.DoesNotExist for a pair of another project.
    """
    if version.project_id != project.pk or version.published_at is None:
        raise ValueError(f"{version} is not a guideline of {project}.")
    steps = parse_path(path)
    end = walk(tree_of(project, version), steps)
    if isinstance(end, Question):
        raise ValueError(f"The walk {path!r} is not at its end: {end.ask!r} is still to be answered.")
    if not isinstance(end, LabelLeaf):
        raise ValueError(f"The walk {path!r} ends in no label.")
    if not why.strip():
        raise RulingError("Say why, in a sentence: others learn from it.")
    pair = _lock_pair(project, pair_id)
    standing = ruling_of(pair_id).first() or Ruling.objects.filter(key=key, pair=pair_id).first()
    if standing is not None:
        return standing
    _check_fit(pair)
    ruling = Ruling.objects.create(
        project=project,
        pair=pair,
        revision_id=shown_revision(pair, revision_id),
        guideline=version,
        path=format_path(steps),
        label=next(label for label in labels_of(project) if label.key == end.label),
        why=why.strip(),
        key=key,
        ruled_by=expert,
    )
    _resolve(project, pair_id)
    record(project, expert, "pair.rule", f"pair {pair_id}", label=end.label, path=ruling.path, why=ruling.why)
    return ruling


@transaction.atomic
def take_back_ruling(project: Project, ruling_id: int, actor: User) -> Ruling:
    """Let what people said count again; more judgments are asked for as it needs. Twice does no harm.

    Raises Ruling.DoesNotExist where it is none of the project's.
    """
    ruling = _lock_ruling(project, ruling_id)
    if ruling.retired_at is None:
        ruling.retired_at = timezone.now()
        ruling.retired_by = actor
        ruling.save(update_fields=("retired_at", "retired_by"))
        _resolve(project, ruling.pair_id)
        record(project, actor, "pair.unrule", f"pair {ruling.pair_id}", label=ruling.label.key, ruling=ruling.pk)
    return ruling


@transaction.atomic
def make_gold_of_ruling(project: Project, ruling_id: int, use: GoldPair.Use, actor: User) -> GoldPair:
    """Make the ruled pair gold, with the ruling's walk and reason. One that is gold already is returned as it is.

    The walk is left out where the published guideline has it no more. Raises RulingError for a ruling that was taken
    back, GoldError where the pair cannot be gold, and Ruling.DoesNotExist.
    """
    ruling = _live_ruling(project, ruling_id)
    gold = GoldPair.objects.filter(pair=ruling.pair_id, retired_at__isnull=True).first()
    if gold is not None:
        return gold
    path = ruling.path if _leads_there(project, ruling) else ""
    return add_gold(project, ruling.pair_id, ruling.label.key, use, actor, path, ruling.why, origin="a ruling")


@transaction.atomic
def add_example_of_ruling(project: Project, ruling_id: int, actor: User) -> GuidelineVersion:
    """Put the ruled pair into the draft of the guideline as a worked example, with the ruling's reason.

    It goes to the question at which people parted, or, where the ruling's walk does not come by there, to its last.
    Returns the draft; twice does no harm. Raises RulingError for a ruling that was taken back, GuidelineEditError
    where the draft has no place for it, and Ruling.DoesNotExist.
    """
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # before the pair, as who publishes does
    ruling = _live_ruling(project, ruling_id)
    question, answer = _telling_step(ruling)
    example = Example(ruling.pair.query.text, ruling.revision.title, answer, ruling.why)
    draft = add_example_to_draft(project, question, example, actor)
    ruling.example_in = draft
    ruling.save(update_fields=("example_in",))
    return draft


def standing_example(project: Project, ruling: Ruling) -> GuidelineVersion | None:
    """Return the version, a draft or a published one, in which the ruled pair is still a worked example."""
    version = ruling.example_in
    if version is None:
        return None
    said = tidy_example(Example(ruling.pair.query.text, ruling.revision.title, "", ruling.why))
    try:
        tree = tree_of(project, version)
    except GuidelineError:  # a draft with problems, in which it was put and from which nobody can be seen to take it
        return version
    there = ((one.query, one.product, one.why) for question in tree.questions.values() for one in question.examples)
    return version if (said.query, said.product, said.why) in there else None


@transaction.atomic
def leave_out_pair(project: Project, expert: User, pair_id: int, reason: str, note: str = "") -> SetAside:
    """Leave a pair out of the pool because it cannot be judged, with a reason of the guideline. Twice does no harm.

    Raises RulingError for a pair that is ruled, ValueError for a reason that the guideline does not have, and
    Pair.DoesNotExist for a pair of another project.
    """
    reasons = tree_of(project, published_guideline(project)).skips
    if reason not in reasons:
        raise ValueError(f"{reason!r} is not a reason to skip. Reasons are: {', '.join(reasons)}.")
    _lock_pair(project, pair_id)
    if ruling_of(pair_id).exists():
        raise RulingError("This pair is ruled. Take the ruling back first.")
    aside = set_aside_of(pair_id).select_for_update().first() or SetAside(project=project, pair_id=pair_id)
    if aside.state == SetAside.State.EXCLUDED:
        return aside
    aside.reason = reason
    aside.state = SetAside.State.EXCLUDED
    aside.decided_by = expert
    aside.decided_at = timezone.now()
    aside.save()
    withdraw_if_closed(pair_id)
    record(project, expert, "pair.set_aside", f"pair {pair_id}", decision=str(aside.state), reason=reason, note=note)
    return aside


@transaction.atomic
def put_back_pair(project: Project, aside_id: int, actor: User) -> SetAside:
    """Put a pair back that was left out: it can be judged and ruled again. Twice does no harm.

    Raises SetAside.DoesNotExist where there is none of the project's.
    """
    aside = SetAside.objects.get(pk=aside_id, project=project)
    _lock_pair(project, aside.pair_id)
    aside = SetAside.objects.select_for_update().get(pk=aside_id)
    if aside.state != SetAside.State.RETURNED:
        aside.state = SetAside.State.RETURNED
        aside.decided_by = actor
        aside.decided_at = timezone.now()
        aside.save()
        withdraw_if_closed(aside.pair_id)
        record(
            project, actor, "pair.set_aside", f"pair {aside.pair_id}", decision=str(aside.state), reason=aside.reason
        )
    return aside


def _lock_pair(project: Project, pair_id: int) -> Pair:
    """Lock a pair as whoever judges or skips it does."""
    locked = Pair.objects.select_for_update(no_key=True, of=("self",)).select_related("product")
    return locked.get(pk=pair_id, project=project)


def _lock_ruling(project: Project, ruling_id: int) -> Ruling:
    pair_id = Ruling.objects.values_list("pair_id", flat=True).get(pk=ruling_id, project=project)
    _lock_pair(project, pair_id)
    found = Ruling.objects.select_for_update(of=("self",))
    return found.select_related("label", "guideline", "revision", "pair__query").get(pk=ruling_id)


def _live_ruling(project: Project, ruling_id: int) -> Ruling:
    ruling = _lock_ruling(project, ruling_id)
    if ruling.retired_at is not None:
        raise RulingError("This ruling was taken back. Rule the pair again first.")
    return ruling


def _check_fit(pair: Pair) -> None:
    if set_aside_of(pair.pk).exists():
        raise RulingError("This pair is set aside. Put it back first.")
    if not Consensus.objects.filter(pair=pair).exists():
        raise RulingError("Nobody has judged this pair yet, so that there is nothing to rule.")


def _resolve(project: Project, pair_id: int) -> None:
    """Bring the consensus of a pair whose ruling came or went up to date, and its places in the queue."""
    withdraw_if_closed(pair_id)
    entries = QueueEntry.objects.filter(pair=pair_id).exclude(stream__in=PERSONAL).select_related("round")
    resolve_pair(project, entries.latest("id"))


def _telling_step(ruling: Ruling) -> tuple[str, str]:
    """Return the question that the ruling decides, and its answer there."""
    path = parse_path(ruling.path)
    parted = parting([parse_path(judgment.path) for judgment in walks_to_rule(ruling.pair_id)])
    return next((step for step in path if parted and step[0] == parted.question), path[-1])


def _leads_there(project: Project, ruling: Ruling) -> bool:
    """Tell whether the ruling's walk still leads to its label in the published guideline."""
    try:
        return walk(tree_of(project, published_guideline(project)), parse_path(ruling.path)) == LabelLeaf(
            ruling.label.key
        )
    except PathError:
        return False
