"""The steps of the loop by hand: each makes a job."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labeling.actions.jobs import enqueue_job
from labeling.management.arguments import follow_job, project_of
from labeling.models import Job


class StepCommand(BaseCommand):
    """Queues one kind of job for a project, and follows it if asked to."""

    kind: Job.Kind

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--wait", action="store_true", help="follow its progress until it has ended")

    def choices(self, options: dict[str, Any]) -> dict[str, object]:
        """Return what the job's task wants to know of the options."""
        return {}

    def handle(self, *args: Any, **options: Any) -> None:
        job = enqueue_job(project_of(options["project"]), self.kind, choices=self.choices(options))
        if job is None:
            raise CommandError(f"A job of this kind is already under way for {options['project']}.")
        if options["wait"]:
            self.stdout.write(follow_job(job).message)
        else:
            self.stdout.write(f"{job} is queued.")
