import django.db.models.deletion
from django.db import migrations, models

# What there is to rule already. How much is at stake is found out when agreement is measured next.
TO_RULE = """
UPDATE labeling_consensus SET stake = 0
WHERE state = 'disputed' OR (state = 'resolved' AND method = 'majority' AND confidence < 1);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0008_guidelines_that_live"),
    ]

    operations = [
        migrations.AddField(
            model_name="consensus",
            name="stake",
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name="consensus",
            name="parts_at",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="consensus",
            name="measured",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="errormodel",
            name="report",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="ruling",
            name="example_in",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="labeling.guidelineversion",
            ),
        ),
        migrations.RunSQL(TO_RULE, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="consensus",
            index=models.Index(
                condition=models.Q(("stake__isnull", False)),
                fields=["project", "parts_at"],
                name="consensus_to_rule",
            ),
        ),
    ]
