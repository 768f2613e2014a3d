"""Pools of millions of scored pairs, made in the database itself."""

from django.db import connection, transaction

from labeling.actions.predictions import make_partition, partition_of
from labeling.models import Adapter, Label, Project
from tests.load.pool import tell_planner

PAIRS_A_QUERY = 20
QUERIES_A_PRODUCT = 5

# A product's title follows from its number; the four colours of a model differ in a word, as in a real catalog.
# A tenth of the queries are the holdout's, one pair in 200 is judged, and one in 2,000 set aside. The server does not
# look each foreign key up: they are right by how they are made.
STATEMENTS = """
SET LOCAL session_replication_role = replica;
SELECT setseed(0.5);
INSERT INTO labeling_query (id, project_id, external_id, text, locale, digest, split)
    SELECT n, %(project)s, '', 'query ' || n || ' ' || substr(md5(n::text), 1, 12), 'us', md5('us' || n)::uuid,
        CASE WHEN n %% 10 = 0 THEN 'holdout' ELSE 'train' END
    FROM generate_series(1, %(queries)s) AS n;
INSERT INTO labeling_product (id, project_id, external_id, locale, revision_id)
    SELECT n, %(project)s, 'B' || n, 'us', n FROM generate_series(1, %(products)s) AS n;
INSERT INTO labeling_productrevision
    (id, product_id, number, digest, title, description, bullets, brand, colour, image_url, created_at)
    SELECT n, n, 1, md5(n::text)::uuid,
        'Ardenbay ' || translate(substr(md5((n / 4)::text), 1, 24), '0123456789abcdef', 'aeioulnrst mkdp ')
            || ' water bottle with lid, ' || (ARRAY['green', 'black', 'blue', 'steel'])[1 + n %% 4] || ', 24 oz',
        '', '', 'Ardenbay', '', '', now()
    FROM generate_series(1, %(products)s) AS n;
INSERT INTO labeling_pair (id, project_id, query_id, product_id, external_id)
    SELECT n, %(project)s, 1 + (n - 1) / %(per_query)s, 1 + (n * 7919::bigint) %% %(products)s, ''
    FROM generate_series(1, %(pairs)s) AS n;
INSERT INTO labeling_consensus
    (pair_id, project_id, state, label_id, method, confidence, judgments, parts_at, measured, updated_at)
    SELECT n, %(project)s, 'resolved', %(label)s, 'majority', 1, 2, '', false, now()
    FROM generate_series(1, %(pairs)s, 200) AS n;
INSERT INTO labeling_setaside (project_id, pair_id, reason, state, created_at)
    SELECT %(project)s, n, 'foreign', 'waiting', now() FROM generate_series(3, %(pairs)s, 2000) AS n
"""
PREDICTIONS = """
INSERT INTO {partition} (adapter_id, pair_id, revision_id, label_id, probabilities, confidence, margin)
    SELECT %(adapter)s, n, 1 + (n * 7919::bigint) %% %(products)s, %(label)s,
        ARRAY[a / (a + b + c + d), b / (a + b + c + d), c / (a + b + c + d), d / (a + b + c + d)],
        greatest(a, b, c, d) / (a + b + c + d), 0
    FROM (
        SELECT n, 0.001 + random() ^ 4 AS a, 0.001 + random() ^ 8 AS b, 0.001 + random() ^ 16 AS c,
            0.001 + random() ^ 8 AS d
        FROM generate_series(1, %(pairs)s) AS n
    ) AS made
"""


def fill_scored_pool(project: Project, adapter: Adapter, pairs: int) -> None:
    """Give the first project of an empty database so many pairs, all scored by the adapter, of a scheme of 4 labels."""
    label = Label.objects.filter(scheme=project.scheme_id).order_by("position").first()
    values = {
        "project": project.pk,
        "adapter": adapter.pk,
        "label": label.pk if label else None,
        "pairs": pairs,
        "queries": -(-pairs // PAIRS_A_QUERY),
        "products": -(-pairs // QUERIES_A_PRODUCT),
        "per_query": PAIRS_A_QUERY,
    }
    make_partition(adapter)
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in STATEMENTS.strip().split(";\n"):
            cursor.execute(statement, values)
        cursor.execute(PREDICTIONS.format(partition=partition_of(adapter).as_string(cursor.connection)), values)
    tell_planner()
