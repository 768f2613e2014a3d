"""gunicorn's settings: `gunicorn --config config/gunicorn.py config.wsgi`. PORT and WEB_CONCURRENCY are its own."""

import gc
import os
from typing import Any

# As in worker/app.py: set before numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

threads = 4
accesslog = "-"
logger_class = "config.access_log.AccessLog"


def post_fork(_server: Any, _worker: Any) -> None:
    """Collect garbage seldom: a request leaves few cycles behind, and looking for them took a tenth of its time."""
    gc.set_threshold(50_000, 20, 50)


def post_worker_init(_worker: Any) -> None:
    """Leave out of every collection what lives as long as the worker: the loaded code."""
    gc.collect()
    gc.freeze()
