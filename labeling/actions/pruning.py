"""Letting go of old adapters: their files and their predictions, never what was measured of them."""

import logging

from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg import sql

from labeling.actions.audit_log import record
from labeling.actions.predictions import partition_of
from labeling.models import Adapter, Project
from labeling.queries.adapters import adapters_to_prune, artifact_place
from modeling.judge.store import StoreError, remove

log = logging.getLogger(__name__)

LOCK_LIMIT = "5s"  # for so long everybody else may wait for the table of predictions


def prune_adapters(project: Project) -> list[Adapter]:
    """Prune the adapters beyond those that the project keeps; return them.

    Each is a transaction of its own. Where predictions are being read for long, it is left to the next time.
    """
    return [adapter for adapter in adapters_to_prune(project) if _prune(adapter)]


def _prune(adapter: Adapter) -> bool:
    try:
        with transaction.atomic():
            project = Project.objects.select_for_update(no_key=True).get(pk=adapter.project_id)
            if adapter not in adapters_to_prune(project):
                return False  # it was promoted meanwhile
            _drop_predictions(adapter)
            adapter.pruned_at = timezone.now()
            adapter.save(update_fields=("pruned_at",))
            record(project, None, "adapter.prune", adapter.name, kept=project.adapters_kept)
            transaction.on_commit(lambda: _remove_artifact(adapter))
    except OperationalError as error:
        log.warning("%s is not pruned now: %s", adapter, error)
        return False
    return True


def _drop_predictions(adapter: Adapter) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_LIMIT])
        cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(partition_of(adapter)).as_string(cursor.connection))


def _remove_artifact(adapter: Adapter) -> None:
    """Remove its files; where that fails they stay, which costs room and nothing else."""
    try:
        remove(artifact_place(adapter))
    except (OSError, StoreError) as error:
        log.warning("The files of %s stay: %s", adapter, error)
