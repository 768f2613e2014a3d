"""Before a training: what it would learn from, with which settings, and what follows. And starting it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from labeling.access import for_roles
from labeling.actions.jobs import enqueue_job
from labeling.actions.loop import AFTER_TRAINING
from labeling.actions.promotion import LEAST_HOLDOUT
from labeling.language import number
from labeling.models import Job, Label, Membership, Project, Role, Split
from labeling.queries.class_shares import Shares, class_shares
from labeling.queries.predictions import champion_of
from labeling.queries.projects import labels_of, published_guideline
from labeling.views.frame import project_page
from labeling.views.jobs import job_context
from labeling.views.learned_pairs import to_learn_url
from labeling.views.making import facts
from labeling.views.numbers import percent
from labeling.views.tables import Column, Kind, Row, Table, csv_response, table_context
from modeling.judge.spec import JudgeSpec, SpecError

LEAST_LABELS = 50  # below it a training fails, as worker.gpu has it
FEW = 20  # labels of a kind, below which little can be learned of it
LEAST_CALIBRATION = 20
SPLITS = {Split.TRAIN: "To learn from", Split.CALIBRATION: "To calibrate on", Split.HOLDOUT: "To be measured on"}


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.LEAD)
def train(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: what a training would learn from; with `as=csv` the shares. POST: start it."""
    project = member.project
    if request.method == "POST":
        job = enqueue_job(project, Job.Kind.TRAIN, member.user, AFTER_TRAINING)
        if job is None:
            messages.info(request, "A training is already under way.")
            return redirect("train", slug=project.slug)
        return redirect("job", slug=project.slug, job_id=job.pk)
    labels, shares = labels_of(project), class_shares(project)
    table = shares_table(project, labels, shares)
    if request.GET.get("as") == "csv":
        return csv_response(table, f"{project.slug}-training-set.csv")  # type: ignore[return-value]
    active = project.jobs.filter(kind=Job.Kind.TRAIN, state__in=("queued", "running")).first()
    spec, problem = _spec(project)
    context = {
        "crumbs": [{"text": "Adapters", "url": reverse("adapters", args=[project.slug])}, {"text": "Train", "url": ""}],
        "job": job_context(project, active) if active else None,
        "total": shares.total(Split.TRAIN) + shares.total(Split.CALIBRATION),
        "holdout": shares.total(Split.HOLDOUT),
        "table": table_context(table),
        "sources": shares.sources,
        "warnings": warnings(labels, shares),
        "spec": facts(spec.to_dict()) if spec else [],
        "chosen": project.judge_spec.get("like", "") if isinstance(project.judge_spec, dict) else "",
        "problem": problem,
        "champion": champion_of(project),
        "margin": f"{100 * project.promotion_margin:.3g}",
        "guideline": published_guideline(project),
        "can": active is None
        and not problem
        and shares.total(Split.TRAIN) + shares.total(Split.CALIBRATION) >= LEAST_LABELS,
        "least": LEAST_LABELS,
    }
    return project_page(request, member, "adapters/train.html", "adapters", context)


def _spec(project: Project) -> tuple[JudgeSpec | None, str]:
    try:
        return JudgeSpec.from_dict(project.judge_spec), ""
    except SpecError as error:
        return None, str(error)


def shares_table(project: Project, labels: list[Label], shares: Shares) -> Table:
    """Return how many labels of each kind there are in each split, and the share of each."""
    columns = [Column("Label", "label", Kind.LABEL)]
    for split, says in SPLITS.items():
        columns += [Column(says, f"{split} pairs", Kind.COUNT), Column("Share", f"{split} share", Kind.NUMBER)]
    rows = tuple(_row(project, label, shares) for label in labels)
    return Table("Labels by what they are used for", tuple(columns), rows)


def _row(project: Project, label: Label, shares: Shares) -> Row:
    values: list[Any] = [label]
    links = {}
    for split in SPLITS:
        count, total = shares.count(split, label.pk), shares.total(split)
        values += [count, count / total if total else None]
        if count:
            links[f"{split} pairs"] = to_learn_url(project, split, label.key)
    return Row(tuple(values), links)


def warnings(labels: list[Label], shares: Shares) -> list[str]:
    """Return what is thin about the labels, as sentences."""
    said = []
    learned, calibrated, held = (shares.total(split) for split in SPLITS)
    if learned + calibrated < LEAST_LABELS:
        said.append(f"A training needs {LEAST_LABELS} labels; there are {number(learned + calibrated)}.")
    rare = [label.name for label in labels if shares.count(Split.TRAIN, label.pk) < FEW]
    if rare and learned >= LEAST_LABELS:
        said.append(f"Fewer than {FEW} pairs to learn from are {' or '.join(rare)}: it will hardly give such labels.")
    commonest = max((shares.count(Split.TRAIN, label.pk) for label in labels), default=0)
    if learned and commonest > 0.9 * learned:
        said.append(
            f"One label has {percent(commonest / learned)} of what is learned from: always giving it is hard to beat."
        )
    if calibrated < LEAST_CALIBRATION:
        said.append(f"Only {number(calibrated)} pairs to calibrate on: its confidence is taken as it comes.")
    if held < LEAST_HOLDOUT:
        said.append(
            f"Only {number(held)} pairs to be measured on, {LEAST_HOLDOUT} are needed: it will not be promoted."
        )
    return said
