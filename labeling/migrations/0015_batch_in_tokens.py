"""Steps are as long as batch_tokens says; the setting batch_size, which counted pairs, is no more."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('labeling', '0014_judge'),
    ]

    operations = [
        migrations.RunSQL(
            "UPDATE labeling_project SET judge_spec = judge_spec - 'batch_size' WHERE jsonb_exists(judge_spec, 'batch_size')",
            migrations.RunSQL.noop,
        ),
    ]
