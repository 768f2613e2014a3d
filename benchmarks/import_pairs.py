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
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import psycopg
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from psycopg import sql

from benchmarks.database import ROOT, Server, manage, own_server, say
from benchmarks.result import result_line

EXAMPLES = "shopping_queries_dataset_examples.parquet"
PRODUCTS = "shopping_queries_dataset_products.parquet"
CATEGORY = "category"  # which only generated files have
PAIRS_A_QUERY = 15  # fewer than the catalog gives, so that the queries do not run out before the pairs
MAX_MEMORY = 1 << 30


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench NAME=import_pairs", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, help="take the official files in this folder, not generated ones")
    options = parser.parse_args()
    server = own_server()
    with tempfile.TemporaryDirectory(prefix="import-pairs-") as scratch:
        data = options.data or _generate(Path(scratch), options.pairs)
        plain = Path(scratch) / "plain.csv"
        # In a process of its own: the memory of this one would be counted as the import's, which it starts.
        with ProcessPoolExecutor(1, get_context("spawn")) as joiner:
            schema, pairs = joiner.submit(_join, data, plain).result()
        with server.database("empty") as empty:
            manage(empty, "migrate", "--no-input", "--verbosity", "0")
            manage(empty, "create_project", "bench", "--name", "Benchmark")
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


def _round(server: Server, data: Path, plain: Path, schema: pa.Schema, pairs: int) -> Round:
    with (
        server.database("round", "empty") as environment,
        psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection,
    ):
        copied = _copy(connection, plain, schema)
        memory = _import(environment, data)
        return Round(copied, _imported(connection, pairs), memory)


def _generate(folder: Path, pairs: int) -> Path:
    say(f"Generating {pairs:,} examples.")
    command = [sys.executable, "-m", "simulation.catalog", str(folder)]
    command += ["--queries", str(pairs // PAIRS_A_QUERY + 1), "--examples", str(pairs)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
    return folder


def _join(data: Path, plain: Path) -> tuple[pa.Schema, int]:
    """Write the examples with their products as one CSV file; return its columns and how many pairs there are."""
    say("Joining the same rows for COPY.")
    # The official columns, of which the import is not asked for more.
    columns = [name for name in pq.read_schema(data / EXAMPLES).names if name != CATEGORY]
    examples, products = pq.read_table(data / EXAMPLES, columns=columns), pq.read_table(data / PRODUCTS)
    joined = examples.join(products, ["product_id", "product_locale"])
    pa.csv.write_csv(joined, plain, pa.csv.WriteOptions(include_header=False))
    names = ["query", "product_id", "product_locale"]
    return joined.schema, examples.group_by(names).aggregate([]).num_rows


def _copy(connection: psycopg.Connection, plain: Path, schema: pa.Schema) -> float:
    """Return the seconds that the COPY into a new table takes, up to its commit."""
    say("COPY into one plain table.")
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
    say("Importing.")
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


if __name__ == "__main__":
    main()
