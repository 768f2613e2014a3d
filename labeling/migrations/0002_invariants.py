"""What PostgreSQL holds and Django cannot say: triggers, composite foreign keys, the partitioned table."""

from django.db import migrations

# Each guard raises with the SQLSTATE of a constraint violation and a constraint's name, so that Django
# reports it as an IntegrityError.
GUARDS = """
CREATE FUNCTION labeling_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: % of % is not allowed', TG_ARGV[0], TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_ARGV[0];
END $$;

CREATE TRIGGER audit_log_takes_inserts_only
    BEFORE UPDATE OR DELETE ON labeling_auditlogentry
    FOR EACH ROW EXECUTE FUNCTION labeling_refuse('audit_log_takes_inserts_only');
CREATE TRIGGER audit_log_is_never_emptied
    BEFORE TRUNCATE ON labeling_auditlogentry
    FOR EACH STATEMENT EXECUTE FUNCTION labeling_refuse('audit_log_takes_inserts_only');

CREATE TRIGGER guideline_published_never_changes
    BEFORE UPDATE OR DELETE ON labeling_guidelineversion
    FOR EACH ROW WHEN (OLD.published_at IS NOT NULL)
    EXECUTE FUNCTION labeling_refuse('guideline_published_never_changes');

CREATE TRIGGER query_split_never_changes
    BEFORE UPDATE OF split ON labeling_query
    FOR EACH ROW WHEN (OLD.split IS DISTINCT FROM NEW.split)
    EXECUTE FUNCTION labeling_refuse('query_split_never_changes');

CREATE TRIGGER revision_never_changes
    BEFORE UPDATE ON labeling_productrevision
    FOR EACH ROW EXECUTE FUNCTION labeling_refuse('revision_never_changes');

CREATE TRIGGER judgment_never_edited
    BEFORE UPDATE ON labeling_judgment
    FOR EACH ROW WHEN (
        OLD.retired_at IS NOT NULL
        OR (OLD.project_id, OLD.slot_id, OLD.pair_id, OLD.annotator_id, OLD.revision_id, OLD.guideline_id, OLD.path,
            OLD.label_id, OLD.stream, OLD.key, OLD.seconds, OLD.note, OLD.created_at)
        IS DISTINCT FROM
           (NEW.project_id, NEW.slot_id, NEW.pair_id, NEW.annotator_id, NEW.revision_id, NEW.guideline_id, NEW.path,
            NEW.label_id, NEW.stream, NEW.key, NEW.seconds, NEW.note, NEW.created_at)
    )
    EXECUTE FUNCTION labeling_refuse('judgment_never_edited');

CREATE FUNCTION labeling_check_training_items() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    offender bigint;
BEGIN
    SELECT added.pair_id INTO offender
        FROM added
        JOIN labeling_pair ON labeling_pair.id = added.pair_id
        JOIN labeling_query ON labeling_query.id = labeling_pair.query_id
        WHERE labeling_query.split = 'holdout' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'training_item_never_holdout: pair % is of a holdout query', offender
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'training_item_never_holdout';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER training_item_never_holdout_on_insert
    AFTER INSERT ON labeling_trainingitem REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION labeling_check_training_items();
CREATE TRIGGER training_item_never_holdout_on_update
    AFTER UPDATE ON labeling_trainingitem REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION labeling_check_training_items();
"""

KEYS = """
-- A judgment is of its slot's pair, and its label is what the tree of its guideline gives for its path.
ALTER TABLE labeling_queueentry ADD CONSTRAINT entry_with_round_and_pair UNIQUE (id, round_id, pair_id);
ALTER TABLE labeling_slot ADD CONSTRAINT slot_is_of_its_entry
    FOREIGN KEY (entry_id, round_id, pair_id) REFERENCES labeling_queueentry (id, round_id, pair_id);
ALTER TABLE labeling_slot ADD CONSTRAINT slot_with_pair UNIQUE (id, pair_id);
ALTER TABLE labeling_judgment ADD CONSTRAINT judgment_is_of_its_slot
    FOREIGN KEY (slot_id, pair_id) REFERENCES labeling_slot (id, pair_id);
ALTER TABLE labeling_judgment ADD CONSTRAINT judgment_label_is_the_trees
    FOREIGN KEY (guideline_id, path, label_id) REFERENCES labeling_guidelinepath (guideline_id, path, label_id);
"""

PREDICTIONS = """
CREATE TABLE labeling_prediction (
    adapter_id bigint NOT NULL REFERENCES labeling_adapter (id),
    pair_id bigint NOT NULL,
    revision_id bigint NOT NULL,
    label_id bigint NOT NULL,
    probabilities real[] NOT NULL,
    confidence real NOT NULL CONSTRAINT prediction_confidence_is_probability CHECK (confidence BETWEEN 0 AND 1),
    margin real NOT NULL,
    CONSTRAINT prediction_once_per_adapter PRIMARY KEY (adapter_id, pair_id)
) PARTITION BY LIST (adapter_id);
"""


class Migration(migrations.Migration):
    dependencies = [("labeling", "0001_initial")]

    operations = [
        migrations.RunSQL(
            GUARDS,
            """
            DROP TRIGGER audit_log_takes_inserts_only ON labeling_auditlogentry;
            DROP TRIGGER audit_log_is_never_emptied ON labeling_auditlogentry;
            DROP TRIGGER guideline_published_never_changes ON labeling_guidelineversion;
            DROP TRIGGER query_split_never_changes ON labeling_query;
            DROP TRIGGER revision_never_changes ON labeling_productrevision;
            DROP TRIGGER judgment_never_edited ON labeling_judgment;
            DROP TRIGGER training_item_never_holdout_on_insert ON labeling_trainingitem;
            DROP TRIGGER training_item_never_holdout_on_update ON labeling_trainingitem;
            DROP FUNCTION labeling_refuse();
            DROP FUNCTION labeling_check_training_items();
            """,
        ),
        migrations.RunSQL(
            KEYS,
            """
            ALTER TABLE labeling_judgment DROP CONSTRAINT judgment_label_is_the_trees;
            ALTER TABLE labeling_judgment DROP CONSTRAINT judgment_is_of_its_slot;
            ALTER TABLE labeling_slot DROP CONSTRAINT slot_with_pair;
            ALTER TABLE labeling_slot DROP CONSTRAINT slot_is_of_its_entry;
            ALTER TABLE labeling_queueentry DROP CONSTRAINT entry_with_round_and_pair;
            """,
        ),
        migrations.RunSQL(PREDICTIONS, "DROP TABLE labeling_prediction;"),
    ]
