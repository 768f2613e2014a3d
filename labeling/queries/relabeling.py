"""What a version of the guideline means for the judgments made under those before it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.db import connection
from django.db.models import Count, Max, Min, QuerySet

from labeling.guidelines.replay import Fate, Replayed, Why, replay
from labeling.guidelines.tree import Guideline
from labeling.guidelines.walk import PathError, parse_path
from labeling.models import GuidelineVersion, Judgment, Label, Membership, Project, Stream, User
from labeling.queries.people import newest_judgments
from labeling.queries.projects import labels_of
from labeling.queries.relabels import answering

# Gold pairs and repeats say how one person does at a time, and imported labels have no walk: they are left alone.
REPLAYED = (Stream.RANDOM, Stream.ACTIVE)
EXAMPLES = 3


def replayed_judgments(project: Project) -> QuerySet[Judgment]:
    """Return the live judgments that a new version is about."""
    return Judgment.objects.filter(project=project, retired_at__isnull=True, stream__in=REPLAYED)


@dataclass(frozen=True)
class OldWalk:
    """One distinct walk through one older version, what becomes of it, and how many judgments of whom made it.

    `label_id` is the label that they have; `people` counts them by annotator. `newest` and `oldest` are ids of
    judgments, as examples.
    """

    version_id: int
    path: str
    label_id: int
    people: Mapping[int, int]
    oldest: int
    newest: int
    replayed: Replayed

    @property
    def judgments(self) -> int:
        """How many judgments made it."""
        return sum(self.people.values())


def changed_since(project: Project, number: int, asked_again: Collection[str]) -> dict[int, frozenset[str]]:
    """Return, by the id of each version before `number`, the questions that have changed their meaning since.

    `asked_again` are those of version `number` itself, which may be a draft.
    """
    before = GuidelineVersion.objects.filter(project=project, published_at__isnull=False, number__lt=number)
    changed = frozenset(asked_again)
    since = {}
    for version_id, own in before.order_by("-number").values_list("pk", "asked_again"):
        since[version_id] = changed
        changed |= frozenset(own)
    return since


def replayed_walks(project: Project, tree: Guideline, number: int, asked_again: Collection[str]) -> list[OldWalk]:
    """Replay each distinct walk of the live judgments under older versions on `tree`, which is version `number`.

    Judgments are counted by the database in one pass over them.
    """
    keys = {label.pk: label.key for label in labels_of(project)}
    since = changed_since(project, number, asked_again)
    rows = (
        replayed_judgments(project)
        .filter(guideline__in=since)
        .order_by()
        .values_list("guideline_id", "path", "label_id", "annotator_id")
        .annotate(n=Count("pk"), oldest=Min("pk"), newest=Max("pk"))
    )
    made: dict[tuple[int, str, int], list[tuple[int, int, int, int]]] = defaultdict(list)
    for version, path, label, *counts in rows:
        made[version, path, label].append(tuple(counts))
    return [
        OldWalk(
            version_id=version,
            path=path,
            label_id=label,
            people={person: n for person, n, _, _ in counted},
            oldest=min(oldest for _, _, oldest, _ in counted),
            newest=max(newest for _, _, _, newest in counted),
            replayed=replay(tree, _steps(path), keys[label], since[version]),
        )
        for (version, path, label), counted in sorted(made.items())
    ]


def _steps(path: str) -> tuple[tuple[str, str], ...]:
    """Read a stored path; what is none, as only an import by hand could make it, has no answers."""
    try:
        return parse_path(path)
    except PathError:
        return ()


@dataclass(frozen=True)
class Concerned:
    """How many judgments, people and pairs something is about."""

    judgments: int
    people: int
    pairs: int


@dataclass(frozen=True)
class Share:
    """One person's part in what is to be asked again.

    `seconds` is what it takes them at most, if each takes as long as a judgment of theirs does at the median; `away`
    says that they would not see it: they are paused, audit, or have left.
    """

    user: User
    judgments: int
    seconds: float
    away: bool


@dataclass(frozen=True)
class Moved:
    """Judgments that come to another label by themselves."""

    before: Label
    after: Label
    judgments: int
    examples: tuple[int, ...]


@dataclass(frozen=True)
class Asked:
    """Judgments of which one question has to be asked again, for one reason."""

    question: str
    why: Why
    judgments: int
    examples: tuple[int, ...]


@dataclass(frozen=True)
class Flow:
    """What becomes of the judgments that have one label: kept, changed to others (by label), asked again."""

    label: Label
    judgments: int
    kept: int
    changed: tuple[tuple[Label, int], ...]
    asked: int


@dataclass(frozen=True)
class Effect:
    """What publishing a version would do, or does, to the live judgments under older ones.

    `changed` and `asked` say whom it concerns, and `consensus` counts the pairs whose resolved label may change; those
    that an expert has ruled on are not among them. `moved`, `questions` and `shares` have the largest first. The ids of
    `examples` are judgments. `left_over` counts those of `asked` that the version in use needs asked again already.
    """

    judgments: int
    kept: int
    changed: Concerned
    asked: Concerned
    left_over: int
    consensus: int
    flows: tuple[Flow, ...]
    moved: tuple[Moved, ...]
    questions: tuple[Asked, ...]
    shares: tuple[Share, ...]

    @property
    def seconds(self) -> float:
        """About how long the questions take everybody together."""
        return sum(share.seconds for share in self.shares)


def effect_of(
    project: Project,
    tree: Guideline,
    number: int,
    asked_again: Collection[str],
    in_use: tuple[GuidelineVersion, Guideline] | None = None,
) -> Effect:
    """Return the effect of a version that has this tree and number, whatever was published after it.

    `in_use` is the version before it with its tree, to tell what is left over from it. A few queries, of which two go
    over the live judgments once each.
    """
    labels = labels_of(project)
    walks = replayed_walks(project, tree, number, asked_again)
    asked, changed = _people(walks, Fate.ASK), _people(walks, Fate.CHANGE)
    pairs_asked, pairs_changed, unruled = _pairs(project, walks)
    return Effect(
        judgments=sum(walk.judgments for walk in walks),
        kept=sum(walk.judgments for walk in walks if walk.replayed.fate == Fate.KEEP),
        changed=Concerned(changed.total(), len(changed), pairs_changed),
        asked=Concerned(asked.total(), len(asked), pairs_asked),
        left_over=_left_over(project, labels, walks, *in_use) if in_use else 0,
        consensus=unruled,
        flows=tuple(_flows(labels, walks)),
        moved=tuple(_moved(labels, walks)),
        questions=tuple(_asked(walks)),
        shares=tuple(_shares(project, asked)),
    )


def _left_over(
    project: Project, labels: Sequence[Label], walks: Sequence[OldWalk], version: GuidelineVersion, tree: Guideline
) -> int:
    """Count the judgments to be asked again that `version` needs asked again, too: they still are of one before it."""
    keys = {label.pk: label.key for label in labels}
    since = changed_since(project, version.number, version.asked_again)
    return sum(
        walk.judgments
        for walk in walks
        if walk.replayed.fate == Fate.ASK
        and walk.version_id in since
        and replay(tree, _steps(walk.path), keys[walk.label_id], since[walk.version_id]).fate == Fate.ASK
    )


def _flows(labels: Sequence[Label], walks: Sequence[OldWalk]) -> Iterator[Flow]:
    by_key = {label.key: label for label in labels}
    for label in labels:
        mine = [walk for walk in walks if walk.label_id == label.pk]
        to: dict[str, int] = defaultdict(int)
        for walk in mine:
            if walk.replayed.fate == Fate.CHANGE and walk.replayed.leaf:
                to[walk.replayed.leaf.label] += walk.judgments
        if mine:
            yield Flow(
                label=label,
                judgments=sum(walk.judgments for walk in mine),
                kept=sum(walk.judgments for walk in mine if walk.replayed.fate == Fate.KEEP),
                changed=tuple((by_key[key], to[key]) for key in by_key if key in to),
                asked=sum(walk.judgments for walk in mine if walk.replayed.fate == Fate.ASK),
            )


def _moved(labels: Sequence[Label], walks: Sequence[OldWalk]) -> list[Moved]:
    by_id, by_key = {label.pk: label for label in labels}, {label.key: label for label in labels}
    groups: dict[tuple[int, str], list[OldWalk]] = defaultdict(list)
    for walk in walks:
        if walk.replayed.leaf and walk.replayed.fate == Fate.CHANGE:
            groups[walk.label_id, walk.replayed.leaf.label].append(walk)
    moved = [
        Moved(by_id[before], by_key[after], sum(walk.judgments for walk in group), _examples(group))
        for (before, after), group in groups.items()
    ]
    return sorted(moved, key=lambda one: -one.judgments)


def _asked(walks: Sequence[OldWalk]) -> list[Asked]:
    groups: dict[tuple[str, Why], list[OldWalk]] = defaultdict(list)
    for walk in walks:
        if walk.replayed.why:
            groups[walk.replayed.question, walk.replayed.why].append(walk)
    asked = [
        Asked(question, why, sum(walk.judgments for walk in group), _examples(group))
        for (question, why), group in groups.items()
    ]
    return sorted(asked, key=lambda one: -one.judgments)


def _examples(group: Sequence[OldWalk]) -> tuple[int, ...]:
    """Return a few judgments of the commonest walks."""
    common = sorted(group, key=lambda walk: -walk.judgments)
    return tuple(dict.fromkeys([walk.newest for walk in common] + [walk.oldest for walk in common]))[:EXAMPLES]


PAIRS = """
SELECT count(*) FILTER (WHERE asked), count(*) FILTER (WHERE changed), count(*) FILTER (WHERE NOT ruled)
FROM (
    SELECT bool_or(fate.asked) AS asked, bool_or(NOT fate.asked) AS changed, bool_or(ruling.id IS NOT NULL) AS ruled
    FROM labeling_judgment AS judgment
    JOIN unnest(%(versions)s::bigint[], %(paths)s::text[], %(asked)s::boolean[]) AS fate (guideline_id, path, asked)
        ON (fate.guideline_id, fate.path) = (judgment.guideline_id, judgment.path)
    LEFT JOIN labeling_ruling AS ruling ON ruling.pair_id = judgment.pair_id AND ruling.retired_at IS NULL
    WHERE judgment.project_id = %(project)s AND judgment.retired_at IS NULL AND judgment.stream = ANY(%(streams)s)
    GROUP BY judgment.pair_id
) AS moving
"""


def _pairs(project: Project, walks: Sequence[OldWalk]) -> tuple[int, int, int]:
    """Count the pairs of judgments that are asked again, of those that change, and of either that nobody ruled on."""
    moving = [walk for walk in walks if walk.replayed.fate != Fate.KEEP]
    values: dict[str, Any] = {
        "project": project.pk,
        "streams": list(REPLAYED),
        "versions": [walk.version_id for walk in moving],
        "paths": [walk.path for walk in moving],
        "asked": [walk.replayed.fate == Fate.ASK for walk in moving],
    }
    if not moving:
        return 0, 0, 0
    with connection.cursor() as cursor:
        cursor.execute(PAIRS, values)
        asked, changed, unruled = cursor.fetchone()
    return asked, changed, unruled


def _people(walks: Sequence[OldWalk], fate: Fate) -> Counter[int]:
    """Count the judgments that have a fate, by annotator."""
    people: Counter[int] = Counter()
    for walk in walks:
        if walk.replayed.fate == fate:
            people.update(walk.people)
    return people


def _shares(project: Project, asked: Mapping[int, int]) -> list[Share]:
    there = set(answering(project).values_list("user", flat=True))
    members = Membership.objects.filter(project=project, user__in=asked)
    medians = {person: newest.median_seconds for person, newest in newest_judgments(members).items()}
    known = [seconds for seconds in medians.values() if seconds is not None]
    usual = median(known) if known else 0.0
    people = User.objects.in_bulk(list(asked))
    shares = [Share(people[pk], n, n * (medians.get(pk) or usual), pk not in there) for pk, n in asked.items()]
    return sorted(shares, key=lambda share: (-share.judgments, share.user.username))
