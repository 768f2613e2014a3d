"""Select a round."""

from labeling.management.steps import StepCommand
from labeling.models import Job


class Command(StepCommand):
    help = "Draw the next round's batch from the pool."
    kind = Job.Kind.SELECT
