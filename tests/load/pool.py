"""Large pools, made in the database itself."""

from django.db import connection, transaction

from labeling.models import Pair, Project

PAIRS_A_QUERY = 20

# Ids go on from the largest; the sequences follow at the end.
STATEMENTS = """
INSERT INTO labeling_query (project_id, external_id, text, locale, digest, split)
    SELECT %(project)s, '', 'water bottle ' || n, 'us', md5('us' || chr(31) || 'water bottle ' || n)::uuid, 'train'
    FROM generate_series(1, (%(pairs)s - 1) / %(per_query)s + 1) AS n;
CREATE TEMPORARY TABLE made ON COMMIT DROP AS
    SELECT n, (SELECT coalesce(max(id), 0) FROM labeling_product) + n AS product,
        (SELECT coalesce(max(id), 0) FROM labeling_productrevision) + n AS revision,
        (SELECT max(id) FROM labeling_query) - (n - 1) / %(per_query)s AS query
    FROM generate_series(1, %(pairs)s) AS n;
INSERT INTO labeling_product (id, project_id, external_id, locale, revision_id)
    SELECT product, %(project)s, 'B' || product, 'us', revision FROM made;
INSERT INTO labeling_productrevision
    (id, product_id, number, digest, title, description, bullets, brand, colour, image_url, created_at)
    SELECT revision, product, 1, md5(n::text)::uuid, 'Steel water bottle, 24 oz, number ' || n,
        repeat('Keeps drinks cold for a long day. ', 20), E'Fits a cup holder\\nLeaves no taste\\nWide mouth',
        'Ardenbay ' || n %% 40, 'Green', '', now()
    FROM made;
INSERT INTO labeling_pair (project_id, query_id, product_id, external_id)
    SELECT %(project)s, query, product, '' FROM made;
SELECT setval(pg_get_serial_sequence('labeling_product', 'id'), max(product)),
    setval(pg_get_serial_sequence('labeling_productrevision', 'id'), max(revision)) FROM made;
"""


def fill_pool(project: Project, pairs: int) -> None:
    """Give a project without queries so many pairs."""
    values = {"project": project.pk, "pairs": pairs, "per_query": PAIRS_A_QUERY}
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in STATEMENTS.strip().split(";\n"):
            cursor.execute(statement, values)
    tell_planner()


def tell_planner() -> None:
    """Do what autovacuum does within a minute."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def spread(project: Project, count: int) -> list[Pair]:
    """Return so many pairs from all over the pool."""
    pairs = list(Pair.objects.filter(project=project).order_by("pk"))
    return pairs[:: max(1, len(pairs) // count)][:count]
