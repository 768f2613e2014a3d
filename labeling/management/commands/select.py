"""Select a round."""

from argparse import ArgumentParser
from typing import Any

from labeling.actions.projects import STRATEGY_KEYS
from labeling.management.steps import StepCommand
from labeling.models import Job


class Command(StepCommand):
    help = "Draw the next round's batch from the pool."
    kind = Job.Kind.SELECT

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--strategy", choices=STRATEGY_KEYS, help="for this round, instead of the project's")

    def choices(self, options: dict[str, Any]) -> dict[str, object]:
        return {"strategy": options["strategy"]} if options["strategy"] else {}
