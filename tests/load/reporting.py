"""Makes, measures and shows the agreement of many judgments, in the database of the environment; prints JSON.

`python -m tests.load.reporting make --pairs 400000 --people 50`, then `measure` and `view`, each in a process of its
own, so that its memory is its own. benchmarks/agreement.py reads what they print.
"""

import argparse
import json
import os
import resource
import time
from collections.abc import Callable
from typing import Any

if __name__ == "__main__":  # before anything that needs the models
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

from django.conf import settings
from django.test import Client
from django.urls import reverse

from labeling.actions.agreement import DRAWS, measure_agreement
from labeling.models import AgreementReport, Project, Role
from tests.labeling.acting import judge
from tests.load.judged import fill_judgments
from tests.making import make_member, make_pair, make_project, make_round


def make(options: argparse.Namespace) -> dict[str, Any]:
    """Make a project with so many judged pairs."""
    project = make_project(overlap=2, loop_enabled=False)
    fill_judgments(project, options.pairs, options.people)
    return {"judgments": project.judgments.count()}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure the whole report and store it; how long that took, and what memory the process held at most."""
    project = Project.objects.get()
    started = time.perf_counter()
    report = measure_agreement(project)
    seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sizes = {"judgments": report.judgments, "units": report.data["units"], "draws": DRAWS}
    return {"seconds": seconds, "memory": memory, **sizes}


def view(options: argparse.Namespace) -> dict[str, Any]:
    """Open the page several times, then once more after one more judgment; seconds, and whether the report stayed."""
    project = Project.objects.get()
    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client()
    client.force_login(make_member(project, Role.LEAD).user)
    page, overview = (reverse(name, args=[project.slug]) for name in ("agreement", "project"))
    views = [_seconds(lambda: client.get(page)) for _ in range(options.views)]
    before = AgreementReport.objects.get()
    make_round(project, [make_pair(project)])
    judge(make_member(project))
    after_one_more = _seconds(lambda: client.get(page))
    after = AgreementReport.objects.get()
    return {
        "views": views,
        "after_one_more": after_one_more,
        "overview": _seconds(lambda: client.get(overview)),
        "same_report": (before.computed_at, before.through_id, before.data)
        == (after.computed_at, after.through_id, after.data),
    }


def _seconds(ask: Callable[[], Any]) -> float:
    started = time.perf_counter()
    status = ask().status_code
    assert status == 200, status
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("step", choices=("make", "measure", "view"))
    parser.add_argument("--pairs", type=int, default=400_000)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--views", type=int, default=9)
    options = parser.parse_args()
    print(json.dumps({"make": make, "measure": measure, "view": view}[options.step](options)))  # noqa: T201


if __name__ == "__main__":
    main()
