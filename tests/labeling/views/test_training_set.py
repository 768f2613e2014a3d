"""Before a training: the classes it would learn from, what is thin about them, and starting it."""

import csv
import io
import re

import pytest
from django.test import Client
from django.urls import reverse

from labeling.models import Job, Pair, Project, Role, Split
from labeling.queries.class_shares import Shares
from labeling.queries.projects import labels_of
from labeling.views.training_set import warnings
from tests.labeling.acting import judge_all, make_adapter, make_members, measures
from tests.making import make_member, make_pair_of, make_project, make_round

pytestmark = pytest.mark.django_db

# Labels by split: what a training learns from, calibrates on, and is measured on.
SETTLED = {Split.TRAIN: "EEEEEESSC", Split.CALIBRATION: "EES", Split.HOLDOUT: "EI"}


def make_settled(client: Client, **settings: object) -> Project:
    """Make a project whose pairs one person settled, and sign its lead in."""
    project = make_project(overlap=1, loop_enabled=False, **settings)
    labels: dict[Pair, str] = {}
    for split, keys in SETTLED.items():
        labels |= {make_pair_of(project, split): key for key in keys}
    make_round(project, list(labels))
    judge_all(make_members(project, 1), labels)
    client.force_login(make_member(project, Role.LEAD).user)
    return project


def words(client: Client, project: Project) -> str:
    page = client.get(reverse("train", args=[project.slug])).content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_classes_are_counted_by_split(client: Client) -> None:
    project = make_settled(client)
    answer = client.get(reverse("train", args=[project.slug]), {"as": "csv"})
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [row["train pairs"] for row in rows] == ["6", "2", "1", "0"]
    assert [row["calibration pairs"] for row in rows] == ["2", "1", "0", "0"]
    assert [row["holdout pairs"] for row in rows] == ["1", "0", "0", "1"]
    assert rows[0]["train share"] == "0.666667"
    assert "12 labels to learn from" in words(client, project)


def test_thin_labels_are_told_and_too_few_are_not_started(client: Client) -> None:
    project = make_settled(client)
    page = words(client, project)
    assert "A training needs 50 labels; there are 12." in page
    assert "Fewer than" not in page  # nor does it help to say which are rare
    assert "Only 3 pairs to calibrate on" in page
    assert "Only 2 pairs to be measured on, 20 are needed: it will not be promoted." in page
    assert (
        '<button class="button button-primary" disabled>'
        in client.get(reverse("train", args=[project.slug])).content.decode()
    )


def test_rare_labels_are_named() -> None:
    labels = labels_of(make_project())
    counts = {(str(Split.TRAIN), label.pk): count for label, count in zip(labels, (900, 60, 19, 0), strict=True)}
    says = warnings(labels, Shares(counts, {}))
    assert "Fewer than 20 pairs to learn from are Complement or Irrelevant: it will hardly give such labels." in says
    assert "One label has 91.9\u00a0% of what is learned from: always giving it is hard to beat." in says


def test_what_follows_depends_on_the_champion_and_the_rule(client: Client) -> None:
    project = make_settled(client, promotion_rule="not_worse", promotion_margin=0.02)
    assert "becomes the first champion" in words(client, project)
    make_adapter(project, holdout=measures())
    assert "It becomes champion if it is surely not worse by more than 2 points of accuracy." in words(client, project)
    Project.objects.filter(pk=project.pk).update(promotion_rule="better")
    assert "It becomes champion only if it is surely better." in words(client, project)


def test_training_is_started_once_and_leads_to_its_page(client: Client) -> None:
    project = make_settled(client)
    url = reverse("train", args=[project.slug])
    answer = client.post(url)
    job = Job.objects.get(project=project)
    assert answer.headers["Location"] == reverse("job", args=[project.slug, job.pk])
    assert (job.kind, job.params["then"]) == ("train", ["score", "select"])
    assert "A training is already under way." in client.post(url, follow=True).content.decode()
    assert Job.objects.filter(project=project).count() == 1


def test_settings_that_cannot_be_used_are_named(client: Client) -> None:
    project = make_settled(client, judge_spec={"like": "minilm-cross-encoder"})
    assert "minilm-cross-encoder" in words(client, project)
    Project.objects.filter(pk=project.pk).update(judge_spec={"batch_size": 8})
    page = words(client, project)
    assert "The settings of the judge cannot be used." in page
    assert "batch_size: unknown setting of a judge" in page


def test_every_label_of_the_scheme_has_a_row(client: Client) -> None:
    project = make_settled(client)
    page = client.get(reverse("train", args=[project.slug])).content.decode()
    assert all(label.name in page for label in labels_of(project))
