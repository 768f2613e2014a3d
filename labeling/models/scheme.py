"""Label schemes: the labels that a project can give, as data."""

from django.core.validators import RegexValidator
from django.db import models


class LabelScheme(models.Model):
    """A named set of labels, such as ESCI."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Label(models.Model):
    """One label of a scheme. `gain` is what it is worth in a ranking; `shape` tells it apart without colour."""

    class Shape(models.TextChoices):
        CIRCLE = "circle"
        SQUARE = "square"
        TRIANGLE = "triangle"
        DIAMOND = "diamond"

    scheme = models.ForeignKey(LabelScheme, models.PROTECT, related_name="labels")
    key = models.CharField(max_length=40, validators=[RegexValidator(r"^[A-Za-z0-9_]+$")])
    name = models.CharField(max_length=100)
    colour = models.CharField(max_length=7, validators=[RegexValidator(r"^#[0-9A-Fa-f]{6}$")])
    shape = models.CharField(max_length=10, choices=Shape, default=Shape.CIRCLE)
    gain = models.FloatField()
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ("scheme", "position")
        constraints = (
            models.UniqueConstraint(fields=("scheme", "key"), name="label_key_once_per_scheme"),
            models.UniqueConstraint(fields=("scheme", "position"), name="label_position_once_per_scheme"),
        )

    def __str__(self) -> str:
        return self.name
