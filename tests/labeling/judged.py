"""Many judgments of two versions of a small tree, put straight into the tables: for what is measured over them."""

import datetime as dt
import random
import uuid

from django.db import transaction
from django.utils import timezone

from labeling.actions.bulk import without_row_checks
from labeling.actions.guidelines import publish_guideline
from labeling.models import (
    GuidelinePath,
    Judgment,
    Pair,
    PairAttribute,
    Project,
    Query,
    QueueEntry,
    Round,
    Slot,
    Stream,
    User,
)
from labeling.queries.agreement import fetch_evidence
from labeling.queries.pairs import current_revision
from modeling.labels.report import Report, measure
from tests.labeling.acting import make_members
from tests.making import make_pairs, make_project

FIRST = """\
title: First
start: kind
questions:
  kind:
    ask: Is it the kind?
    help: Compare.
    answers: {"yes": {text: "Yes, it is", go: fit}, "no": {text: "Another kind", label: I}}
  fit:
    ask: Does it fit?
    help: Compare.
    answers: {"yes": {text: It fits, label: E}, "no": {text: It does not, label: S}, part: {text: In part, label: C}}
skips: {unclear: I cannot tell}
"""
SECOND = """\
title: Second
start: kind
questions:
  kind:
    ask: Is it the very kind?
    help: Compare.
    answers: {"yes": {text: "Yes, it is", go: size}, "no": {text: Another kind, go: use}}
  size:
    ask: Is the size right?
    help: Compare.
    answers: {"yes": {text: It is, go: fit}, "no": {text: It is off, label: S}}
  fit:
    ask: Does it fit?
    help: Compare.
    answers: {"yes": {text: It fits, label: E}, "no": {text: It does not, label: S}, part: {text: In part, label: C}}
  use:
    ask: Is it used with it?
    help: Compare.
    answers: {"yes": {text: It is, label: C}, "no": {text: It is not, label: I}}
skips: {unclear: I cannot tell}
"""


def judged_project(pairs: int, seed: int = 1) -> tuple[Project, list[User]]:
    """Make a project whose pairs have up to four judgments, by chance, of six people under two versions, over months.

    Some are taken back, some are of gold pairs, and some are repeats; some were judged otherwise before, under either
    version. Every third pair is of the active stream.
    """
    rng, before = random.Random(seed), random.Random(seed + 1)
    project = make_project()
    versions = [publish_guideline(project, source, None) for source in (FIRST, SECOND)]
    walks = [list(GuidelinePath.objects.filter(guideline=version, label__isnull=False)) for version in versions]
    people = [member.user for member in make_members(project, 6)]
    made = make_pairs(project, pairs, per_query=4)
    spanish = [query.pk for number, query in enumerate(dict.fromkeys(pair.query for pair in made)) if number % 3 == 0]
    Query.objects.filter(pk__in=spanish).update(locale="es")
    PairAttribute.objects.bulk_create(
        PairAttribute(pair=pair, name="shelf", value=rng.choice(["Mice", "Mugs"])) for pair in made[: pairs // 2]
    )
    drawn = []
    for number, pair in enumerate(made):
        stream = Stream.ACTIVE if number % 3 == 0 else Stream.GOLD if number % 7 == 0 else Stream.RANDOM
        who = rng.sample(people, rng.randrange(5))
        right = rng.randrange(3)
        for person in who:
            for _ in range(before.choice([0, 0, 0, 1, 2])):
                old = before.choice(walks[before.randrange(2)])
                drawn.append(_judgment(project, pair, person, stream, old, Judgment.Retired.SUPERSEDED))
            version = walks[rng.randrange(2)]
            walk = version[right] if rng.random() < 0.4 else rng.choice(version)
            drawn.append(
                _judgment(project, pair, person, stream, walk, Judgment.Retired.UNDONE if rng.random() < 0.1 else "")
            )
        if who and rng.random() < 0.3:
            drawn.append(_judgment(project, pair, who[0], Stream.REPEAT, rng.choice(walks[1])))
    _store(project, made, drawn, rng)
    return project, people


def _judgment(
    project: Project, pair: Pair, person: User, stream: Stream, walk: GuidelinePath, retired_as: str = ""
) -> Judgment:
    return Judgment(
        project=project,
        pair=pair,
        annotator=person,
        revision_id=current_revision(pair),
        guideline=walk.guideline,
        path=walk.path,
        label=walk.label,
        stream=stream,
        key=uuid.uuid4(),
        seconds=5,
        retired_at=timezone.now() if retired_as else None,
        retired_as=retired_as,
    )


def _store(project: Project, pairs: list[Pair], judgments: list[Judgment], rng: random.Random) -> None:
    served = Round.objects.create(project=project, number=1, strategy="uniform", seed=1, pool_size=len(pairs))
    entries = QueueEntry.objects.bulk_create(
        QueueEntry(round=served, pair=pair, stream=Stream.RANDOM, chance=0.5, rank=rank, overlap=3)
        for rank, pair in enumerate(pairs)
    )
    by_pair = {entry.pair_id: entry for entry in entries}
    places = {(one.pair_id, one.annotator_id, one.stream == Stream.REPEAT): one for one in judgments}
    slots = Slot.objects.bulk_create(
        Slot(entry=by_pair[one.pair_id], round=served, pair_id=one.pair_id, number=0, rank=0, personal=True)
        for one in places.values()
    )
    made = dict(zip(places, slots, strict=True))
    for judgment in judgments:
        judgment.slot = made[judgment.pair_id, judgment.annotator_id, judgment.stream == Stream.REPEAT]
    Judgment.objects.bulk_create(judgments)
    for judgment in judgments:
        judgment.created_at = dt.datetime(2025, 10, 1, tzinfo=dt.UTC) + dt.timedelta(days=90) * rng.random()
    with transaction.atomic(), without_row_checks():
        Judgment.objects.bulk_update(judgments, ["created_at"])


def modeled(project: Project, draws: int, seed: int = 1) -> Report:
    """Measure the agreement of the project's judgments by modeling alone; nothing is stored."""
    found = fetch_evidence(project).compared()
    return measure(
        found.judged,
        found.walks,
        found.gains,
        slices=found.slices,
        repeats=found.repeats,
        lately=found.lately,
        by_version=found.by_version,
        draws=draws,
        seed=seed,
    )
