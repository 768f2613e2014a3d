import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.training

QUESTION = "from modeling.judge.threads import leave_a_core; print(leave_a_core())"


def threads(environment: dict[str, str]) -> int:
    inherited = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    answer = subprocess.run(
        [sys.executable, "-c", QUESTION],
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return int(answer.stdout)


def test_a_core_is_left_to_others_unless_the_environment_says() -> None:
    cores = len(os.sched_getaffinity(0))
    assert threads({}) == max(1, cores - 1)
    assert threads({"OMP_NUM_THREADS": "2"}) == min(2, cores)
