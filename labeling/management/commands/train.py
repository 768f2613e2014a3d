"""Train an adapter."""

from labeling.management.steps import StepCommand
from labeling.models import Job


class Command(StepCommand):
    help = "Train an adapter on all labels; with --wait, follow it until it is evaluated."
    kind = Job.Kind.TRAIN
