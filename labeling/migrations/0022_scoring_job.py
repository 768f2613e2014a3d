"""Shards are runs of (query, pair) that workers take one at a time; predictions are written without foreign keys."""

from django.db import migrations, models

# What is planned by pair ids cannot be told by queries: scoring that is under way is planned anew, of what is left.
PLAN_AGAIN = """
DELETE FROM labeling_scoringshard;
UPDATE labeling_job SET state = 'queued', done = 0, total = 0
    WHERE kind = 'score' AND state = 'running';
UPDATE labeling_job SET params = jsonb_set(params, '{adapters}', jsonb_build_array(params -> 'adapter')) - 'adapter'
    WHERE kind = 'score' AND jsonb_exists(params, 'adapter');
"""

# A foreign key is a trigger a row, which takes several times what writing the row takes. What is left to hold is that
# no adapter goes while its partition is there: one can be made for an adapter only while its row is locked.
FOREIGN_KEY_OUT = """
ALTER TABLE labeling_prediction DROP CONSTRAINT labeling_prediction_adapter_id_fkey;

CREATE FUNCTION labeling_keep_adapter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('labeling_prediction_' || OLD.id) IS NOT NULL THEN
        RAISE EXCEPTION 'adapter_with_predictions_stays: adapter % has predictions', OLD.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'adapter_with_predictions_stays';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER adapter_with_predictions_stays
    BEFORE DELETE ON labeling_adapter
    FOR EACH ROW EXECUTE FUNCTION labeling_keep_adapter();
"""
FOREIGN_KEY_IN = """
DROP TRIGGER adapter_with_predictions_stays ON labeling_adapter;
DROP FUNCTION labeling_keep_adapter();
ALTER TABLE labeling_prediction ADD CONSTRAINT labeling_prediction_adapter_id_fkey
    FOREIGN KEY (adapter_id) REFERENCES labeling_adapter (id);
"""


class Migration(migrations.Migration):
    dependencies = [("labeling", "0021_audit_log_by_target")]

    operations = [
        migrations.RunSQL(PLAN_AGAIN, "DELETE FROM labeling_scoringshard;"),
        migrations.AddField("scoringshard", "first_query", models.BigIntegerField(default=0), preserve_default=False),
        migrations.AddField("scoringshard", "last_query", models.BigIntegerField(default=0), preserve_default=False),
        migrations.AddField("scoringshard", "attempts", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField("scoringshard", "worker", models.CharField(blank=True, max_length=200)),
        migrations.AddField("scoringshard", "scored", models.PositiveIntegerField(default=0)),
        migrations.AddField("scoringshard", "predictions", models.PositiveIntegerField(default=0)),
        migrations.AddField("scoringshard", "seconds", models.FloatField(default=0)),
        migrations.AddField(
            "project",
            "price_per_hour",
            models.FloatField(
                default=0.0,
                help_text="What an hour of one scoring worker costs; jobs then show their cost. 0: not known.",
                verbose_name="price of a worker per hour",
            ),
        ),
        migrations.AddField(
            "project",
            "currency",
            models.CharField(
                blank=True,
                default="",
                help_text="Of that price, as it is to be shown: EUR.",
                max_length=10,
                verbose_name="currency",
            ),
        ),
        migrations.AlterField(
            "project",
            "shard_size",
            models.PositiveIntegerField(
                default=5000,
                help_text="How many pairs a worker scores at a time, on average. One that is killed loses at most these.",
                verbose_name="pairs per scoring task",
            ),
        ),
        migrations.AddConstraint(
            "project",
            models.CheckConstraint(
                condition=models.Q(("price_per_hour__gte", 0), ("price_per_hour__lte", 1_000_000)),
                name="project_price_not_negative",
                violation_error_message="The price of a worker per hour is at least 0 and at most a million.",
            ),
        ),
        migrations.RunSQL(FOREIGN_KEY_OUT, FOREIGN_KEY_IN),
    ]
