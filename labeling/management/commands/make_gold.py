"""Choose gold pairs."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labeling.actions.gold import GoldError, Source, draw_gold
from labeling.management.arguments import project_of
from labeling.models import GoldPair


class Command(BaseCommand):
    help = "Make gold of pairs whose label is known, evenly over the labels."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument(
            "--from", dest="source", choices=Source.values, required=True, help="where the known labels come from"
        )
        parser.add_argument("--count", type=int, required=True, metavar="N", help="how many pairs")
        parser.add_argument(
            "--use", choices=GoldPair.Use.values, required=True, help="for training, or mixed unseen into the work"
        )
        parser.add_argument("--seed", type=int, help="draws the same pairs again; without it, others each time")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_of(options["slug"])
        seed = secrets.randbits(32) if options["seed"] is None else options["seed"]
        try:
            made = draw_gold(project, Source(options["source"]), options["count"], GoldPair.Use(options["use"]), seed)
        except GoldError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{len(made)} of {options['count']} gold pairs are chosen, for {options['use']}.")
