"""What happens by itself, and how often. Each project's own period is one of its settings."""

from typing import Any

SCHEDULE: dict[str, dict[str, Any]] = {
    "advance-loops": {
        "task": "worker.default.advance_loops",
        "schedule": 10.0,
        "options": {"queue": "default", "expires": 10.0},
    },
    "recover-jobs": {
        "task": "worker.default.recover",
        "schedule": 60.0,
        "options": {"queue": "default", "expires": 60.0},
    },
}
