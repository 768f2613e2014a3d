"""Makes a shop to be labeled over HTTP, in the empty database of the environment; prints who can sign in as JSON.

`python -m tests.load.shop PAIRS --queue 5000 --people 8`; benchmarks/label_cycle.py reads what it prints.
"""

import argparse
import json
import os
import secrets

if __name__ == "__main__":  # before anything that needs the models
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

from tests.load.pool import fill_pool, spread, tell_planner
from tests.making import make_member, make_project, make_round


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("pairs", type=int)
    parser.add_argument("--queue", type=int, default=5000)
    parser.add_argument("--people", type=int, default=8)
    options = parser.parse_args()
    project = make_project(overlap=1, max_overlap=1, loop_enabled=False)
    fill_pool(project, options.pairs)
    make_round(project, spread(project, options.queue))
    tell_planner()
    password, users = secrets.token_urlsafe(12), [make_member(project).user for _ in range(options.people)]
    for user in users:
        user.set_password(password)
        user.save()
    shop = {"slug": project.slug, "users": [user.username for user in users], "password": password}
    print(json.dumps(shop))  # noqa: T201


if __name__ == "__main__":
    main()
