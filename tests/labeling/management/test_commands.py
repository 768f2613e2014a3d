"""The shell."""

import csv
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from labeling.models import Adapter, Job, Membership, Project, User
from tests.labeling.acting import make_adapter
from tests.labeling.actions.test_gold import make_imported
from tests.labeling.judging import judge_all
from tests.making import PATHS, make_member, make_pair, make_project, make_round, make_user
from worker.default import plan_scoring

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def test_create_project_makes_it_ready() -> None:
    assert "is ready" in run("create_project", "new-shop", "--name", "New shop")
    project = Project.objects.get(slug="new-shop")
    assert project.guidelines.get().published_at is not None
    with pytest.raises(CommandError, match="already exists"):
        run("create_project", "new-shop", "--name", "Another")


def test_create_project_names_every_problem_of_a_guideline(tmp_path: Path) -> None:
    path = tmp_path / "tree.yaml"
    path.write_text("title: T\nstart: nowhere\nquestions: {}\n")
    with pytest.raises(CommandError, match=r"tree\.yaml"):
        run("create_project", "bad-shop", "--name", "Bad", "--guideline", str(path))
    assert not Project.objects.filter(slug="bad-shop").exists()


def test_add_member_makes_an_account_with_a_good_password(monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project()
    monkeypatch.setenv("PW", "quiet-harbour-91")
    run("add_member", project.slug, "newcomer", "--role", "annotator", "--password-env", "PW")
    user = User.objects.get(username="newcomer")
    assert user.check_password("quiet-harbour-91")
    assert Membership.objects.get(project=project, user=user).role == "annotator"
    monkeypatch.setenv("PW", "12345678")
    with pytest.raises(CommandError, match="too common"):
        run("add_member", project.slug, "another", "--role", "lead", "--password-env", "PW")
    assert not User.objects.filter(username="another").exists()


def test_add_member_changes_a_role_and_needs_no_password_then() -> None:
    project, user = make_project(), make_user()
    for role in ("annotator", "lead"):
        run("add_member", project.slug, user.username, "--role", role)
    assert Membership.objects.get(project=project, user=user).role == "lead"
    with pytest.raises(CommandError, match="password"):
        run("add_member", project.slug, "nobody-yet", "--role", "lead")


def test_configure_project_changes_settings_and_names_mistakes() -> None:
    project = make_project()
    run("configure_project", project.slug, "batch_size=40", 'judge_spec={"epochs": 2}')
    project.refresh_from_db()
    assert (project.batch_size, project.judge_spec) == (40, {"epochs": 2})
    for change, message in (
        ("batch=1", "'batch' is not a setting"),
        ("batch_size", "expected NAME=VALUE"),
        ("batch_size=many", "integer"),
        ('judge_spec={"epoch": 2}', "epoch: unknown setting"),
    ):
        with pytest.raises(CommandError, match=message):
            run("configure_project", project.slug, change)


def test_commands_name_the_projects_there_are() -> None:
    project = make_project()
    with pytest.raises(CommandError, match=project.slug):
        run("train", "--project", "no-such-shop")


def test_step_is_queued_once() -> None:
    project = make_project()
    assert "is queued" in run("select", "--project", project.slug)
    with pytest.raises(CommandError, match="already under way"):
        run("select", "--project", project.slug)
    assert Job.objects.get(project=project).kind == "select"


def test_score_takes_the_adapters_that_are_named() -> None:
    project = make_project()
    first, second, pruned = (make_adapter(project, champion=number == 0) for number in range(3))
    Adapter.objects.filter(pk=pruned.pk).update(pruned_at=timezone.now())
    for name in ("A-9", "A-3"):
        with pytest.raises(CommandError, match=f"There is no adapter '{name}' that could score. Adapters: A-2, A-1."):
            run("score", "--project", project.slug, "--adapter", name)
    assert not Job.objects.filter(project=project, kind="score").exists()
    run("score", "--project", project.slug, "--adapter", "A-2", "--adapter", "A-1", "--adapter", "A-2")
    job = Job.objects.get(project=project, kind="score")
    assert job.params["adapters"] == [second.pk, first.pk]
    plan_scoring(job_id=job.pk)
    job.refresh_from_db()
    assert job.message == "A-2 and A-1 have scored the whole pool already."


def test_export_writes_live_judgments_in_both_formats(tmp_path: Path) -> None:
    project = make_project(overlap=1)
    make_round(project, [make_pair(project, query_text='cups, "tea"')])
    member = make_member(project)
    judge_all(project, member, PATHS["S"])
    path = tmp_path / "out.csv"
    assert "1 judgments" in run("export_judgments", "--project", project.slug, "--output", str(path))
    with path.open(newline="") as file:
        [row] = csv.DictReader(file)
    run("export_judgments", "--project", project.slug, "--format", "jsonl", "--output", str(path))
    line = json.loads(path.read_text())
    for found in (row, line):
        assert found["query"] == 'cups, "tea"'
        assert (found["given"], found["consensus"], found["path"]) == ("S", "S", PATHS["S"])
        assert found["who"] == member.user.username
        assert float(found["chance"]) == 1.0


def test_make_gold_draws_from_imported_labels() -> None:
    project = make_project()
    for key in "EES":
        make_imported(project, key)
    said = run("make_gold", project.slug, "--from", "imported", "--count", "2", "--use", "check", "--seed", "1")
    assert said == "2 of 2 gold pairs are chosen, for check.\n"
    assert sorted(project.gold.values_list("label__key", flat=True)) == ["E", "S"]
    with pytest.raises(CommandError, match="No settled pair can be used"):
        run("make_gold", project.slug, "--from", "settled", "--count", "2", "--use", "training")


def test_select_takes_a_strategy_for_one_round() -> None:
    project = make_project()
    run("select", "--project", project.slug, "--strategy", "entropy")
    assert Job.objects.get(project=project).params["strategy"] == "entropy"
    other = make_project()
    run("select", "--project", other.slug)
    assert "strategy" not in Job.objects.get(project=other).params
    with pytest.raises(CommandError, match="invalid choice: 'relabel'"):
        run("select", "--project", other.slug, "--strategy", "relabel")


def test_configure_project_names_the_strategies_there_are() -> None:
    project = make_project()
    run("configure_project", project.slug, "strategy=gain_loss", "label_floor=0.05")
    project.refresh_from_db()
    assert (project.strategy, project.label_floor) == ("gain_loss", 0.05)
    with pytest.raises(CommandError, match=r"There is no strategy 'best'\. There are: mixed, uniform"):
        run("configure_project", project.slug, "strategy=best")
