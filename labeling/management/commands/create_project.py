"""Make a project."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from labeling.actions.projects import create_project
from labeling.guidelines.parse import GuidelineError, default_source


class Command(BaseCommand):
    help = "Make a project with the ESCI labels and its first guideline."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--name", required=True)
        parser.add_argument("--guideline", type=Path, help="a YAML file; without it, the ESCI tree")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path | None = options["guideline"]
        try:
            source = path.read_text(encoding="utf-8") if path else default_source()
            project = create_project(options["slug"], options["name"], source)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        except GuidelineError as error:
            raise CommandError(f"{path}: {error}") from error
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.stdout.write(f"Project {project.slug} is ready. Next: add_member and import_esci.")
