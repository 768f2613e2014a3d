"""Many judgments, made in the database itself."""

from django.db import connection, transaction

from labeling.actions.bulk import without_row_checks
from labeling.actions.guidelines import publish_guideline
from labeling.models import Project, User
from labeling.queries.projects import published_guideline
from tests.load.pool import fill_pool, tell_planner
from tests.making import make_member

# Every second pair has three judgments, the others two, and everybody meets everybody. Six walks in seven are the right
# one of their pair, the others are any. They come over a year, the second half of it under the second version. A first
# judgment in a hundred is repeated, in a round of its own.
STATEMENTS = """
SELECT setseed(0.25);
CREATE TEMPORARY TABLE walks ON COMMIT DROP AS
    SELECT row_number() OVER (PARTITION BY version.number ORDER BY walked.id) - 1 AS number, version.number AS version,
        version.id AS guideline_id, walked.path, walked.label_id, count(*) OVER (PARTITION BY version.number) AS of
    FROM labeling_guidelinepath walked JOIN labeling_guidelineversion version ON version.id = walked.guideline_id
    WHERE version.project_id = %(project)s AND walked.label_id IS NOT NULL;
CREATE TEMPORARY TABLE judged ON COMMIT DROP AS
    SELECT row_number() OVER (ORDER BY pair.id) AS n, pair.id AS pair, product.revision_id AS revision,
        floor(random() * random() * (SELECT max(of) FROM walks)) AS truth
    FROM labeling_pair pair JOIN labeling_product product ON product.id = pair.product_id
    WHERE pair.project_id = %(project)s;
INSERT INTO labeling_round
    (project_id, number, state, strategy, seed, pool_size, opened_at, closed_at, rules, predicted)
    SELECT %(project)s, number, 'closed', 'uniform', 1, count(*), now(), now(), '{}', '{}'
    FROM judged, generate_series(1, 2) AS number GROUP BY number;
INSERT INTO labeling_queueentry (round_id, pair_id, stream, chance, score, rank, overlap, reason)
    SELECT round.id, pair, CASE WHEN number = 2 THEN 'repeat' WHEN n %% 3 = 0 THEN 'active' ELSE 'random' END, 0.5,
        NULL, n, 2 + n %% 2, '{}'
    FROM judged, labeling_round round WHERE project_id = %(project)s AND (number = 1 OR n %% 100 = 0);
CREATE TEMPORARY TABLE walked ON COMMIT DROP AS
    SELECT (SELECT coalesce(max(id), 0) FROM labeling_slot) + row_number() OVER (ORDER BY turn < 0, n, turn) AS slot,
        n, pair, revision, turn,
        (%(people)s::bigint[])[1 + (n + greatest(turn, 0) * (1 + n / %(of)s %% ((%(of)s - 1) / 2))) %% %(of)s]
            AS person,
        CASE WHEN random() * 7 < 6 THEN truth ELSE floor(random() * (SELECT max(of) FROM walks)) END AS walk,
        now() - interval '365 days' * (1 - n::float / (SELECT count(*) FROM judged)) AS at
    FROM judged, generate_series(CASE WHEN n %% 100 = 0 THEN -1 ELSE 0 END, 1 + n %% 2) AS turn;
INSERT INTO labeling_slot
    (id, entry_id, round_id, pair_id, number, rank, annotator_id, key, leased_at, leased_until, judged, locale,
     personal, withdrawn, draft)
    SELECT slot, entry.id, entry.round_id, pair, greatest(turn, 0), n, person, gen_random_uuid(), at, at, true, 'us',
        turn < 0, false, ''
    FROM walked JOIN labeling_queueentry entry
        ON entry.pair_id = walked.pair AND (entry.stream = 'repeat') = (turn < 0);
INSERT INTO labeling_judgment
    (project_id, slot_id, pair_id, annotator_id, revision_id, guideline_id, path, label_id, stream, key, seconds, note,
     created_at, retired_as)
    SELECT %(project)s, slot, pair, person, revision, walks.guideline_id, walks.path, walks.label_id,
        CASE WHEN turn < 0 THEN 'repeat' WHEN n %% 3 = 0 THEN 'active' ELSE 'random' END, gen_random_uuid(), 6, '',
        at, ''
    FROM walked JOIN walks ON walks.number = walked.walk
        AND walks.version = CASE WHEN at < now() - interval '182 days' THEN 1 ELSE 2 END;
SELECT setval(pg_get_serial_sequence('labeling_slot', 'id'), max(slot)) FROM walked;
UPDATE labeling_query
    SET locale = (ARRAY['us', 'es', 'jp'])[1 + id %% 3], text = text || repeat(' and more', id::int %% 3)
    WHERE project_id = %(project)s;
INSERT INTO labeling_pairattribute (pair_id, name, value)
    SELECT pair, 'category', 'Category ' || n * 7919 %% 200 FROM judged
"""


def fill_judgments(project: Project, pairs: int, people: int) -> list[User]:
    """Give a project without queries so many pairs, judged by so many people, at least three; return them."""
    fill_pool(project, pairs)
    publish_guideline(project, published_guideline(project).source, None)
    users = [make_member(project).user for _ in range(people)]
    values: dict[str, int | list[int]] = {"project": project.pk, "people": [user.pk for user in users], "of": people}
    with transaction.atomic(), without_row_checks(), connection.cursor() as cursor:
        for statement in STATEMENTS.strip().split(";\n"):
            cursor.execute(statement, values)
    tell_planner()
    return users
