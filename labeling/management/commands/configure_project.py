"""Change a project's settings."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from labeling.actions.projects import SETTINGS, configure_project
from labeling.management.arguments import project_of


class Command(BaseCommand):
    help = f"Change settings of a project, such as batch_size=600. Settings: {', '.join(SETTINGS)}."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("changes", nargs="+", metavar="NAME=VALUE")

    def handle(self, *args: Any, **options: Any) -> None:
        changes = dict(self._parse(setting) for setting in options["changes"])
        try:
            configure_project(project_of(options["slug"]), changes)
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.stdout.write("Saved.")

    def _parse(self, setting: str) -> tuple[str, object]:
        name, equals, value = setting.partition("=")
        if not equals:
            raise CommandError(f"{setting!r}: expected NAME=VALUE.")
        try:
            return name, json.loads(value)
        except json.JSONDecodeError:
            return name, value
