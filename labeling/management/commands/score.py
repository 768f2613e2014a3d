"""Score the pool."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from labeling.management.arguments import project_of
from labeling.management.steps import StepCommand
from labeling.models import Adapter, Job


class Command(StepCommand):
    help = "Score the unlabeled pool with the champion, or with the adapters that are named, in one pass."
    kind = Job.Kind.SCORE

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--adapter",
            action="append",
            default=[],
            metavar="A-N",
            help="may be given several times; default: champion",
        )

    def choices(self, options: dict[str, Any]) -> dict[str, object]:
        """Return the adapters' ids, in their order. CommandError names those there are."""
        project = project_of(options["project"])
        there = {adapter.name: adapter.pk for adapter in Adapter.objects.filter(project=project, pruned_at=None)}
        names = list(dict.fromkeys(options["adapter"]))
        unknown = [name for name in names if name not in there]
        if unknown:
            known = ", ".join(there) or "none yet; train one"
            raise CommandError(f"There is no adapter {unknown[0]!r} that could score. Adapters: {known}.")
        return {"adapters": [there[name] for name in names]} if names else {}
