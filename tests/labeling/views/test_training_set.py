"""Before a training: the classes it would learn from, what is thin about them, and starting it."""

import csv
import html
import io
import re

import pytest
from django.test import Client
from django.urls import reverse

from labeling.actions.adapters import record_training_items
from labeling.actions.import_pairs import recount
from labeling.models import Adapter, Consensus, ImportedLabel, ImportSource, Job, Pair, Project, Role, Split
from labeling.queries.class_shares import Shares
from labeling.queries.projects import labels_of
from labeling.queries.training_set import labeled_pairs, settled_pairs
from labeling.views.holdout_pairs import holdout_url
from labeling.views.learned_pairs import learned_url, to_learn_url
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


def test_each_count_opens_its_pairs_on_the_page_and_in_a_file(client: Client) -> None:
    project = make_settled(client)
    page = html.unescape(client.get(reverse("train", args=[project.slug])).content.decode())
    url = to_learn_url(project, "train", "S")
    assert f'<a href="{url}">2</a>' in page
    assert to_learn_url(project, "train", "I") not in page  # there is none
    found = client.get(url).content.decode()
    assert "2 pairs to learn from, with the label Substitute." in found
    assert found.count("<article") == 2
    rows = list(csv.DictReader(io.StringIO(client.get(f"{url}&as=csv").getvalue().decode())))
    wanted = settled_pairs(project).filter(label__key="S", pair__query__split="train").values_list("pair", flat=True)
    assert {int(row["pair_id"]) for row in rows} == set(wanted)
    assert {(row["label"], row["split"]) for row in rows} == {("S", "train")}


def test_imported_label_counts_as_it_was_chosen(client: Client) -> None:
    project = make_settled(client, imported_labels="train")
    pair = make_pair_of(project, Split.TRAIN)
    for name, key in (("a", "C"), ("b", "I")):
        source = ImportSource.objects.create(project=project, name=name)
        label = project.scheme.labels.get(key=key)
        ImportedLabel.objects.create(pair=pair, label=label, source=source)
    recount(project)
    for key, count in (("C", 2), ("I", 0)):
        found = client.get(to_learn_url(project, "train", key)).content.decode()
        assert f"{count} pairs to learn from" in found


def test_what_an_adapter_learned_stays_when_labels_change(client: Client) -> None:
    project = make_settled(client)
    adapter = make_adapter(project, holdout=measures())
    record_training_items(adapter.job, [pair for pair in labeled_pairs(project) if pair.split != Split.HOLDOUT])
    counts = {"train": {"E": 6, "S": 2, "C": 1, "I": 0}, "holdout": {"E": 1}}
    Adapter.objects.filter(pk=adapter.pk).update(manifest=adapter.manifest | {"counts": counts})
    page = html.unescape(client.get(reverse("adapter", args=[project.slug, 1])).content.decode())
    assert f'<a href="{learned_url(adapter, "train", "E")}">6</a>' in page
    assert f'<a href="{holdout_url(adapter, said="E")}">1</a>' in page
    assert "6 pairs to learn from" in client.get(learned_url(adapter, "train", "E")).content.decode()
    Consensus.objects.filter(project=project, label__key="E").update(label=project.scheme.labels.get(key="I"))
    found = client.get(learned_url(adapter, "train", "E")).content.decode()
    assert "6 pairs to learn from" in found
    assert "now Irrelevant" in found


def test_pairs_without_a_split_and_a_label_are_refused_in_words(client: Client) -> None:
    project = make_project()
    client.force_login(make_member(project, Role.LEAD).user)
    make_adapter(project, holdout=measures())
    for url in (reverse("train-pairs", args=[project.slug]), reverse("adapter-learned", args=[project.slug, 1])):
        for query in ("", "split=train", "split=none&label=E", "split=train&label=X"):
            answer = client.get(f"{url}?{query}")
            assert answer.status_code == 400
            assert "it needs a split and a label" in answer.content.decode()


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
