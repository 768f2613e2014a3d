"""Runs in processes of their own, forked from one that has torch loaded already."""

import multiprocessing
import os
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from modeling.judge.run import main


def start_run(folder: Path) -> ForkServerProcess:
    """Start the run of a folder; its events are added to events.jsonl there."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.modeling.judge.starts"])
    process = context.Process(target=_run, args=(str(folder),))
    process.start()
    return process


def _run(folder: str) -> None:
    for name, stream in (("events.jsonl", sys.stdout), ("log.txt", sys.stderr)):
        os.dup2(os.open(Path(folder, name), os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream.fileno())
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.exit(main([folder]))
