"""What the commands have in common: finding a project, and following a job."""

import time

from django.core.management.base import CommandError
from tqdm import tqdm

from labeling.models import Job, Project

POLL = 0.5


def project_of(slug: str) -> Project:
    """Return the project. CommandError names those there are."""
    try:
        return Project.objects.get(slug=slug)
    except Project.DoesNotExist:
        known = ", ".join(Project.objects.values_list("slug", flat=True)) or "none yet; make one with create_project"
        raise CommandError(f"There is no project {slug!r}. Projects: {known}.") from None


def follow_job(job: Job) -> Job:
    """Show a job's progress on standard error until it has ended. CommandError where it failed."""
    with tqdm(total=0, unit="", desc=str(job)) as bar:
        while True:
            job.refresh_from_db()
            bar.total = job.total
            bar.n = job.done
            bar.set_postfix_str(job.message[:60], refresh=True)
            if not job.active:
                break
            time.sleep(POLL)
    if job.state != Job.State.DONE:
        raise CommandError(f"{job} {job.state}: {job.message}")
    return job
