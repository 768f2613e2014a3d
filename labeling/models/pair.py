"""Pairs: one query with one product; and what came with them: labels and attributes."""

from django.db import models

from labeling.models.product import Product
from labeling.models.project import Project
from labeling.models.query import Query, Split
from labeling.models.scheme import Label


class Pair(models.Model):
    """One query with one product of the same project: the pool is made of pairs."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="pairs", db_index=False)
    query = models.ForeignKey(Query, models.PROTECT, related_name="pairs", db_index=False)
    product = models.ForeignKey(Product, models.PROTECT, related_name="pairs", db_index=False)
    external_id = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("query", "product"), name="pair_once"),)
        indexes = (models.Index(fields=("project", "id"), name="pair_of_project"),)

    def __str__(self) -> str:
        return f"pair {self.pk}"


class ImportSource(models.Model):
    """Where imported labels are from: a file of a project's import, by its name."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="import_sources", db_index=False)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("project", "name"), name="import_source_once_per_project"),)

    def __str__(self) -> str:
        return self.name


class ImportedLabel(models.Model):
    """A label that an import brought along, one for each pair and source.

    There are as many as there are examples, millions, so that a row is three numbers and has one index.
    """

    pk = models.CompositePrimaryKey("pair", "source")
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="imported_labels", db_index=False)
    source = models.ForeignKey(ImportSource, models.PROTECT, related_name="labels", db_index=False)
    label = models.ForeignKey(Label, models.PROTECT, related_name="+", db_index=False)

    def __str__(self) -> str:
        return f"{self.label} from {self.source}"


class ImportedCount(models.Model):
    """How many pairs of a split have a label by their imports, judged or not: kept up by each import.

    Of a pair with labels of several sources counts the one of the source whose name comes first.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="+", db_index=False)
    split = models.CharField(max_length=11, choices=Split)
    label = models.ForeignKey(Label, models.PROTECT, related_name="+", db_index=False)
    pairs = models.PositiveBigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("project", "split", "label"), name="imported_count_once"),)

    def __str__(self) -> str:
        return f"{self.pairs} {self.label} of {self.split}"


class PairAttribute(models.Model):
    """What an import says of a pair besides: a column's name and the value, such as the category of its product."""

    pk = models.CompositePrimaryKey("pair", "name")
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="attributes", db_index=False)
    name = models.CharField(max_length=40)
    value = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"
