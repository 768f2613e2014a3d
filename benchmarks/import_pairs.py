"""Import a million generated examples; the peer is the raw COPY of the same rows into one plain table.

Both start from files and end with a commit, in databases made for this run. `manage.py import_esci` takes the two
official Parquet files into a Winnow that is still empty, and is timed by its job. COPY takes a CSV file of the examples
joined with their products into a table without indexes. They take turns, and the medians count.
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
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
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
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, help="take the official files in this folder, not generated ones")
    options = parser.parse_args()
    server = _server()
    with tempfile.TemporaryDirectory(prefix="import-pairs-") as scratch:
        data = options.data or _generate(Path(scratch), options.pairs)
        plain = Path(scratch) / "plain.csv"
        # In a process of its own: the memory of this one would be counted as the import's, which it starts.
        with ProcessPoolExecutor(1, get_context("spawn")) as joiner:
            schema, pairs = joiner.submit(_join, data, plain).result()
        with server.database("empty") as empty:
            _manage(empty, "migrate", "--no-input", "--verbosity", "0")
            _manage(empty, "create_project", "bench", "--name", "Benchmark")
            rounds = [_round(server, data, plain, schema, pairs) for _ in range(options.rounds)]
        size = plain.stat().st_size
    memory = max(one.memory for one in rounds)
    if memory > MAX_MEMORY:
        sys.exit(f"The import took {memory >> 20:,} MiB of memory; expected at most {MAX_MEMORY >> 20:,}.")
    print(
        result_line(
            "import_pairs",
            round(pairs / median(one.imported for one in rounds)),
            "pairs/s",
            peer="raw COPY of the joined rows into one plain table",
            peer_value=round(pairs / median(one.copied for one in rounds)),
            pairs=pairs,
            seconds=[round(one.imported, 2) for one in rounds],
            peer_seconds=[round(one.copied, 2) for one in rounds],
            peer_mb=round(size / 1e6),
            peak_memory_mb=round(memory / 1e6),
        )
    )


@dataclass(frozen=True)
class Round:
    """One turn of each: seconds of the COPY and of the import, and the bytes of memory of the import."""

    copied: float
    imported: float
    memory: int


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server, by an environment that points at one of its databases, and a prefix for new ones."""

    environment: dict[str, str]
    prefix: str

    @contextmanager
    def database(self, name: str, template: str = "") -> Iterator[dict[str, str]]:
        """Make a database, as a copy of the one named, and yield the environment that points at it; drop it after."""
        created = sql.Identifier(f"{self.prefix}_{name}")
        copied = sql.Identifier(f"{self.prefix}_{template}" if template else "template0")
        url = self.environment["DATABASE_URL"]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(created, copied))
        try:
            own = urlsplit(url)._replace(path=f"/{self.prefix}_{name}").geturl()
            yield self.environment | {"DATABASE_URL": own}
        finally:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(created))


def _server() -> Server:
    environment = dict(os.environ)
    if not environment.get("DATABASE_URL"):
        services = ensure_services(ROOT)
        environment |= {"DATABASE_URL": services.database_url, "REDIS_URL": services.redis_url}
    environment.setdefault("SECRET_KEY", "only for this benchmark's own databases")
    return Server(environment, f"winnow_bench_{os.getpid()}")


def _round(server: Server, data: Path, plain: Path, schema: pa.Schema, pairs: int) -> Round:
    with (
        server.database("round", "empty") as environment,
        psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection,
    ):
        copied = _copy(connection, plain, schema)
        memory = _import(environment, data)
        return Round(copied, _imported(connection, pairs), memory)


def _generate(folder: Path, pairs: int) -> Path:
    _say(f"Generating {pairs:,} examples.")
    command = [sys.executable, "-m", "simulation.catalog", str(folder)]
    command += ["--queries", str(pairs // PAIRS_A_QUERY + 1), "--examples", str(pairs)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
    return folder


def _join(data: Path, plain: Path) -> tuple[pa.Schema, int]:
    """Write the examples with their products as one CSV file; return its columns and how many pairs there are."""
    _say("Joining the same rows for COPY.")
    examples, products = pq.read_table(data / EXAMPLES), pq.read_table(data / PRODUCTS)
    joined = examples.join(products, ["product_id", "product_locale"])
    pa.csv.write_csv(joined, plain, pa.csv.WriteOptions(include_header=False))
    names = ["query", "product_id", "product_locale"]
    return joined.schema, examples.group_by(names).aggregate([]).num_rows


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
    # Neither of the two is to pay for what the other left to write.
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


def _imported(connection: psycopg.Connection, expected: int) -> float:
    """Return the seconds of the import's job, after counting the pairs that it stored."""
    pairs = connection.execute("SELECT count(*) FROM labeling_pair").fetchone()
    job = connection.execute("SELECT extract(epoch FROM finished_at - started_at)::float FROM labeling_job").fetchone()
    if job is None or pairs != (expected,):
        sys.exit(f"The import stored {pairs} pairs; expected {expected:,}.")
    return float(job[0])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
