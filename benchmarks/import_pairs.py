"""Import a million generated examples; the peer is the raw COPY of the same rows into one plain table.

Both start from files and end with a commit, in one database made for this run: `manage.py import_esci` from the two
official Parquet files, timed by its job; COPY from a CSV file of the examples joined with their products, into a table
without indexes, once before the import and once after it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from psycopg import sql

from benchmarks.result import result_line
from config.embedded import ensure_services

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = "shopping_queries_dataset_examples.parquet"
PRODUCTS = "shopping_queries_dataset_products.parquet"
PAIRS_A_QUERY = 15  # fewer than the catalog gives, so that the queries do not run out before the pairs
MAX_MEMORY = 1 << 30


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench NAME=import_pairs", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path, help="take the official files in this folder, not generated ones")
    options = parser.parse_args()
    with _environment() as environment, tempfile.TemporaryDirectory(prefix="import-pairs-") as scratch:
        data = options.data or _generate(Path(scratch), options.pairs)
        plain = Path(scratch) / "plain.csv"
        # In a process of its own: the memory of this one would be counted as the import's, which it starts.
        with ProcessPoolExecutor(1, get_context("spawn")) as joiner:
            schema = joiner.submit(_join, data, plain).result()
        _manage(environment, "migrate", "--no-input", "--verbosity", "0")
        _manage(environment, "create_project", "bench", "--name", "Benchmark")
        with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
            before = _copy(connection, plain, schema)
            memory = _import(environment, data)
            pairs, seconds = _imported(connection, data)
            after = _copy(connection, plain, schema)
        copied = sum((before, after)) / 2
        size = plain.stat().st_size
    if memory > MAX_MEMORY:
        sys.exit(f"The import took {memory >> 20:,} MiB of memory; expected at most {MAX_MEMORY >> 20:,}.")
    print(
        result_line(
            "import_pairs",
            round(pairs / seconds),
            "pairs/s",
            peer="raw COPY of the joined rows into one plain table",
            peer_value=round(pairs / copied),
            pairs=pairs,
            seconds=round(seconds, 2),
            peer_seconds=[round(before, 2), round(after, 2)],
            peer_mb=round(size / 1e6),
            peak_memory_mb=round(memory / 1e6),
        )
    )


@contextmanager
def _environment() -> Iterator[dict[str, str]]:
    """Make a database of its own and yield the environment that points at it; drop it at the end."""
    environment = dict(os.environ)
    if not environment.get("DATABASE_URL"):
        services = ensure_services(ROOT)
        environment |= {"DATABASE_URL": services.database_url, "REDIS_URL": services.redis_url}
    environment.setdefault("SECRET_KEY", "only for this benchmark's own database")
    name = f"winnow_bench_{os.getpid()}"
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            url = urlsplit(environment["DATABASE_URL"])._replace(path=f"/{name}").geturl()
            yield environment | {"DATABASE_URL": url}
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _generate(folder: Path, pairs: int) -> Path:
    _say(f"Generating {pairs:,} examples.")
    command = [sys.executable, "-m", "simulation.catalog", str(folder)]
    command += ["--queries", str(pairs // PAIRS_A_QUERY + 1), "--examples", str(pairs)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
    return folder


def _join(data: Path, plain: Path) -> pa.Schema:
    """Write the examples with their products as one CSV file; return its columns."""
    _say("Joining the same rows for COPY.")
    examples, products = pq.read_table(data / EXAMPLES), pq.read_table(data / PRODUCTS)
    joined = examples.join(products, ["product_id", "product_locale"])
    pa.csv.write_csv(joined, plain, pa.csv.WriteOptions(include_header=False))
    return joined.schema


def _manage(environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=sys.stderr)


def _copy(connection: psycopg.Connection, plain: Path, schema: pa.Schema) -> float:
    """Return the seconds that the COPY into a new table takes, up to its commit."""
    _say("COPY into one plain table.")
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(
            sql.Identifier(field.name), sql.SQL("bigint" if pa.types.is_integer(field.type) else "text")
        )
        for field in schema
    )
    connection.execute(sql.SQL("CREATE TABLE plain ({})").format(columns))
    connection.execute("CHECKPOINT")
    started = time.perf_counter()
    with plain.open("rb") as source, connection.cursor().copy("COPY plain FROM STDIN (FORMAT CSV)") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
    seconds = time.perf_counter() - started
    connection.execute("DROP TABLE plain")
    connection.execute("CHECKPOINT")
    return seconds


def _import(environment: dict[str, str], data: Path) -> int:
    """Import the files; return the bytes of memory that the process held at most."""
    _say("Importing.")
    command = [sys.executable, "manage.py", "import_esci", str(data / EXAMPLES), str(data / PRODUCTS)]
    process = subprocess.Popen([*command, "--project", "bench"], cwd=ROOT, env=environment, stdout=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"The import failed with status {process.returncode}.")
    return usage.ru_maxrss * 1024


def _imported(connection: psycopg.Connection, data: Path) -> tuple[int, float]:
    """Return how many pairs there are now and the seconds of the import's job, after comparing with the files."""
    examples = pq.read_table(data / EXAMPLES, columns=["query", "product_id", "product_locale"])
    expected = examples.group_by(examples.column_names).aggregate([]).num_rows
    pairs = connection.execute("SELECT count(*) FROM labeling_pair").fetchone()
    job = connection.execute("SELECT extract(epoch FROM finished_at - started_at)::float FROM labeling_job").fetchone()
    if pairs is None or job is None or pairs[0] != expected:
        sys.exit(f"The import stored {pairs} pairs; expected {expected:,}.")
    return int(pairs[0]), float(job[0])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
