from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0011_rulings")]

    operations = [
        migrations.AddIndex(
            model_name="judgment",
            index=models.Index(fields=["project", "id"], name="judgment_of_project"),
        ),
        migrations.AlterField(
            model_name="judgment",
            name="project",
            field=models.ForeignKey(
                db_index=False,
                on_delete=models.deletion.PROTECT,
                related_name="judgments",
                to="labeling.project",
            ),
        ),
        migrations.AddIndex(
            model_name="judgment",
            index=models.Index(
                condition=models.Q(("retired_at__isnull", False)),
                fields=["project", "retired_at"],
                name="judgment_retired",
            ),
        ),
    ]
