"""The web process and the default worker stay small: they load neither torch nor transformers."""

import os
import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "peft", "bitsandbytes", "accelerate")


@pytest.mark.parametrize(
    "start",
    [
        "import config.wsgi, config.urls",
        "import worker.app, django; django.setup(); import worker.default",
        "import django; django.setup(); import labeling.urls, labeling.admin",
    ],
)
def test_process_loads_nothing_heavy(start: str) -> None:
    code = f"""
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
{start}
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


def test_gpu_worker_does_load_torch() -> None:
    """The test above would see it: where torch is wanted, it is there."""
    code = "import django, sys; django.setup(); import worker.gpu; print('torch' in sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
    ).stdout
    assert loaded.strip().endswith("True")
