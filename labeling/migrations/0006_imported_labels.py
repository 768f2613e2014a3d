"""Make an imported label three numbers: its source, once a text in every row, has a table of its own."""

import django.db.models.deletion
from django.db import migrations, models

KEEP = """
CREATE TABLE labeling_importedlabel_before AS SELECT pair_id, label_id, origin, created_at FROM labeling_importedlabel;
INSERT INTO labeling_importsource (project_id, name, created_at)
    SELECT pair.project_id, before.origin, min(before.created_at)
    FROM labeling_importedlabel_before before JOIN labeling_pair pair ON pair.id = before.pair_id
    GROUP BY pair.project_id, before.origin;
"""
GIVE_BACK = """
INSERT INTO labeling_importedlabel (pair_id, source_id, label_id)
    SELECT before.pair_id, source.id, before.label_id
    FROM labeling_importedlabel_before before
    JOIN labeling_pair pair ON pair.id = before.pair_id
    JOIN labeling_importsource source ON source.project_id = pair.project_id AND source.name = before.origin
    ORDER BY before.pair_id, source.id;
DROP TABLE labeling_importedlabel_before;
"""


class Migration(migrations.Migration):
    dependencies = [("labeling", "0005_slot_locale")]

    operations = [
        migrations.CreateModel(
            name="ImportSource",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="import_sources",
                        to="labeling.project",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("project", "name"), name="import_source_once_per_project")
                ],
            },
        ),
        migrations.RunSQL(KEEP),
        migrations.DeleteModel("ImportedLabel"),
        migrations.CreateModel(
            name="ImportedLabel",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "pair", "source", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "pair",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="imported_labels",
                        to="labeling.pair",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="labels",
                        to="labeling.importsource",
                    ),
                ),
                (
                    "label",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="labeling.label",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(GIVE_BACK),
    ]
