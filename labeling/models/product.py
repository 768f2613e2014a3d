"""What the shop sells, and each text it has had."""

from django.db import models

from labeling.models.project import Project


class Product(models.Model):
    """A product of a catalog. `revision` is its current text."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="products", db_index=False)
    external_id = models.CharField(max_length=100)
    locale = models.CharField(max_length=20)
    revision = models.ForeignKey("ProductRevision", models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("project", "locale", "external_id"), name="product_once_per_project"),
        )

    def __str__(self) -> str:
        return self.external_id


class ProductRevision(models.Model):
    """A product's text as it was imported; never changed, so that labels can remember what was judged.

    `digest` is the MD5 of its texts, joined by unit separators (chr(31)) in the order title, description,
    bullets, brand, colour, image_url.
    """

    product = models.ForeignKey(Product, models.CASCADE, related_name="revisions", db_index=False)
    number = models.PositiveIntegerField(default=1)
    digest = models.UUIDField(editable=False)
    title = models.TextField(blank=True)
    description = models.TextField(blank=True)
    bullets = models.TextField(blank=True)
    brand = models.TextField(blank=True)
    colour = models.TextField(blank=True)
    image_url = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("product", "number"), name="revision_number_once_per_product"),)

    def __str__(self) -> str:
        return self.title
