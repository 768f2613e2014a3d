"""Processes that share the cores do not let BLAS start threads of its own."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["worker.app", "config.gunicorn"])
def test_process_keeps_blas_to_one_thread_before_numpy_is_loaded(module: str) -> None:
    code = f"import os, sys, {module}; print(os.environ['OPENBLAS_NUM_THREADS'], 'numpy' in sys.modules)"
    without = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    command = [sys.executable, "-c", code]
    for environment, threads in ((without, "1"), (without | {"OPENBLAS_NUM_THREADS": "3"}, "3")):
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert done.stdout.split() == [threads, "False"]
