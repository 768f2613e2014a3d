"""Tell the slots that are there already the locale of their query."""

from django.db import migrations
from django.db.models import OuterRef, Subquery


def fill_locale(apps, schema_editor):
    pairs = apps.get_model("labeling", "Pair").objects.filter(pk=OuterRef("pair"))
    slots = apps.get_model("labeling", "Slot").objects.filter(locale="")
    slots.update(locale=Subquery(pairs.values("query__locale")[:1]))


class Migration(migrations.Migration):
    dependencies = [("labeling", "0004_the_desk")]

    operations = [migrations.RunPython(fill_locale, migrations.RunPython.noop)]
