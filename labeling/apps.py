"""The Django app."""

from django.apps import AppConfig


class LabelingConfig(AppConfig):
    """Everything that is stored, everything that people do."""

    name = "labeling"
    default_auto_field = "django.db.models.BigAutoField"
