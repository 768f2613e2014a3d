"""Score the pool."""

from labeling.management.steps import StepCommand
from labeling.models import Job


class Command(StepCommand):
    help = "Score the unlabeled pool with the champion."
    kind = Job.Kind.SCORE
