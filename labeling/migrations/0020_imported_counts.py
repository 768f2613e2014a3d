"""What imports brought is counted once, by the import; what is there already is counted here."""

import django.db.models.deletion
from django.db import migrations, models


COUNT = """
    INSERT INTO labeling_importedcount (project_id, split, label_id, pairs)
    SELECT project_id, split, label_id, count(*)
    FROM (
        SELECT DISTINCT ON (imported.pair_id) source.project_id, query.split, imported.label_id
        FROM labeling_importedlabel imported
        JOIN labeling_importsource source ON source.id = imported.source_id
        JOIN labeling_pair pair ON pair.id = imported.pair_id
        JOIN labeling_query query ON query.id = pair.query_id
        ORDER BY imported.pair_id, source.name
    ) chosen
    GROUP BY project_id, split, label_id
"""


class Migration(migrations.Migration):

    dependencies = [
        ('labeling', '0019_job_starts'),
    ]

    operations = [
        migrations.CreateModel(
            name='ImportedCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('split', models.CharField(choices=[('train', 'Train'), ('calibration', 'Calibration'), ('holdout', 'Holdout')], max_length=11)),
                ('pairs', models.PositiveBigIntegerField()),
                ('label', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='labeling.label')),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='labeling.project')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('project', 'split', 'label'), name='imported_count_once')],
            },
        ),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
    ]
