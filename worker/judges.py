"""The judges that a worker keeps in memory between shards, jobs and projects."""

import logging
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from labeling.models import Adapter
from labeling.queries.adapters import artifact_place
from modeling.judge.artifact import CorruptArtifact, IncompatibleArtifact
from modeling.judge.memory import OutOfMemory, free_memory
from modeling.judge.scoring import Judge, load_judges
from modeling.judge.store import StoreError, local_folder
from modeling.judge.threads import leave_a_core

log = logging.getLogger(__name__)

MOST_KEPT = 4

_kept: dict[str, Judge] = {}  # by the artifact's place, the one that was asked longest ago first


def judges_of(adapters: Sequence[Adapter]) -> list[Judge]:
    """Return the judges of adapters, in their order; those of the last shards are still there.

    A judge that is not is loaded together with those that are kept, so that all of them have their base model's weights
    in common: jobs of several adapters or projects that take turns do not load it again and again. Where memory does
    not suffice for all of them, or another one's artifact is gone, only the asked ones are kept. Errors as Judge.load
    and local_folder have them.
    """
    places = list(dict.fromkeys(artifact_place(adapter) for adapter in adapters))
    if not set(places) <= set(_kept):
        leave_a_core()
        others = [place for place in reversed(_kept) if place not in places][: max(0, MOST_KEPT - len(places))]
        forget_judges()
        _kept.update(_loaded(places, others[::-1]))
    for place in places:
        _kept[place] = _kept.pop(place)
    return [_kept[artifact_place(adapter)] for adapter in adapters]


def forget_judges() -> None:
    """Free the memory of the judges that are kept."""
    _kept.clear()
    free_memory()


def artifact_cache() -> Path:
    """Where copies of adapters are that are kept behind a URL."""
    return Path(settings.DATA_DIR) / "cache" / "adapters"


def _loaded(places: Sequence[str], others: Sequence[str]) -> dict[str, Judge]:
    """Load the places together with the others, or alone where that does not work."""
    if others:
        try:
            return _load([*others, *places])
        except (OutOfMemory, CorruptArtifact, IncompatibleArtifact, StoreError, OSError) as error:
            log.warning("Only %s is kept in memory: %s", ", ".join(places), error)
            free_memory()
    return _load(places)


def _load(places: Sequence[str]) -> dict[str, Judge]:
    folders = [local_folder(place, artifact_cache()) for place in places]
    kept = Path(settings.DATA_DIR) / "cache"
    return dict(zip(places, load_judges(folders, engine=settings.SCORING_ENGINE, cache=kept), strict=True))
