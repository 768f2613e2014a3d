"""The lead's first page: is it good, and what needs me?"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.views.decorators.http import require_safe

from labeling.access import for_roles
from labeling.actions.agreement import current_report
from labeling.actions.loop import labels_since_training
from labeling.actions.queue import must_train
from labeling.language import number
from labeling.models import AgreementReport, GoldPair, Membership, Project, Role, SetAside
from labeling.queries.adapters import adapters_of, measured
from labeling.queries.adjudication import cannot_agree
from labeling.queries.gold import BELOW_MARK, gold_standings
from labeling.queries.inquiries import waiting_inquiries
from labeling.queries.pairs import unlabeled_pairs
from labeling.queries.predictions import champion_of
from labeling.queries.qualification import trainees
from labeling.queries.relabels import stranded_relabels
from labeling.queries.rounds import round_progress
from labeling.views.agreement import headline
from labeling.views.agreement_tables import below
from labeling.views.alarms import open_alarms
from labeling.views.frame import project_page
from labeling.views.jobs import job_context
from labeling.views.learning_curve import curve_so_far, learning_context
from labeling.views.numbers import stat


@require_safe
@for_roles(Role.LEAD)
def project(request: HttpRequest, member: Membership) -> HttpResponse:
    """Show agreement, the judge, the round, what needs the lead, and what is being worked on."""
    template = "project/standing.html" if request.htmx else "project/page.html"  # type: ignore[attr-defined]
    return project_page(request, member, template, "project", overview(member.project))


def overview(found: Project) -> dict[str, Any]:
    """Return what the page shows."""
    report = current_report(found)
    champion = champion_of(found)
    rounds = round_progress(found, newest=1)
    jobs = list(found.jobs.order_by("-id")[:5])
    adapters = list(adapters_of(found)[:12])
    return {
        "agreement": headline(report.data if report else None, found.agreement_goal),
        "champion": champion,
        "accuracy": stat(measured(champion.manifest, "accuracy") if champion else None),
        "baseline": champion.manifest["holdout"]["majority_accuracy"] if champion else None,
        "round": rounds[0] if rounds else None,
        "needs": needs(found, report),
        "jobs": [job_context(found, job) for job in jobs],
        "active_kinds": {job.kind for job in jobs if job.active},
        "chart": learning_context(found, curve_so_far(adapters)),
        "counts": counts(found),
        "overlap": found.overlap,
    }


def counts(found: Project) -> dict[str, int]:
    """Return how many pairs there are, are settled, and are not."""
    total = found.pairs.count()
    unlabeled = unlabeled_pairs(found).count()
    return {"pairs": total, "unlabeled": unlabeled, "settled": total - unlabeled}


def needs(found: Project, report: AgreementReport | None = None) -> list[dict[str, str]]:
    """Return what waits for the lead, as sentences with the page to go to."""
    waiting: list[dict[str, str]] = []

    def add(text: str, page: str, *args: object) -> None:
        waiting.append({"text": text, "url": reverse(page, args=[found.slug, *args])})

    for text in open_alarms(found):
        add(text, "alarms")
    parting = parting_question(report.data, found.agreement_goal) if report else ""
    if parting:
        add(parting, "agreement")
    disputed = cannot_agree(found).count()
    if disputed:
        add(f"{number(disputed)} pair{pluralize(disputed)} on which people cannot agree", "adjudication")
    last = found.jobs.order_by("-id").first()
    if last and last.state == "failed":
        add(f"{last} failed: {last.message}", "job", last.pk)
    if not found.pairs.exists():
        add("The pool is empty: import pairs", "data")
    if not found.memberships.filter(role=Role.ANNOTATOR).exists():
        add("Nobody annotates yet: add people", "people")
    aside = SetAside.objects.filter(project=found, state=SetAside.State.WAITING).count()
    if aside:
        add(f"{number(aside)} pair{pluralize(aside)} that people could not judge: put back or leave out", "set-aside")
    asked = waiting_inquiries(found)
    if asked:
        add(f"{number(asked)} question{pluralize(asked)} of annotators to answer", "inquiries")
    stranded = stranded_relabels(found).count()
    if stranded:
        some = f"{number(stranded)} questions are" if stranded > 1 else "1 question is"
        add(f"{some} asked again of people who cannot answer now: paused, or no longer judging", "relabeling")
    for text, page in gold_needs(found):
        add(text, page)
    below = found.memberships.filter(paused_because=BELOW_MARK).count()
    if below:
        are = f"{below} annotators are paused, whose" if below > 1 else "1 annotator is paused, whose"
        add(f"{are} answers to gold pairs are below the pass mark", "people")
    fresh = labels_since_training(found)
    if fresh >= found.train_after and not found.loop_enabled:
        add(f"{number(fresh)} new labels are enough to train", "jobs")
    return waiting


def parting_question(data: Mapping[str, Any], goal: float) -> str:
    """Return a sentence on the worst question at which people surely agree less than the goal; empty without one."""
    worst = next((one for one in data["questions"] if below(one["agreement"], goal)), None)
    if worst is None:
        return ""
    value, low, high = (f"{worst['agreement'][part]:.2f}" for part in ("value", "low", "high"))
    return f"Question “{worst['question']}” parts people: {value} answer alike ({low} to {high})"


def gold_needs(found: Project) -> list[tuple[str, str]]:
    """Return, with the page to go to, what gold pairs are missing or doubtful."""
    waiting = []
    uses = set(found.gold.filter(retired_at__isnull=True).values_list("use", flat=True))
    if found.training_required and GoldPair.Use.TRAINING not in uses:
        waiting.append(("Annotators train first, and there are no training pairs: nobody new can start", "gold"))
    elif found.training_required:
        stuck = [str(one.member.user) for one in trainees(found) if one.pairs == 0 and must_train(one.member)]
        if stuck:
            waiting.append((f"No training pairs in the languages of {', '.join(stuck[:3])}: they cannot start", "gold"))
    if found.gold_share and GoldPair.Use.CHECK not in uses:
        waiting.append(("Gold pairs are to be mixed into the work, and there are none", "gold"))
    doubtful = sum(one.doubtful for one in gold_standings(found))
    if doubtful:
        waiting.append(
            (f"{number(doubtful)} gold pair{pluralize(doubtful)} that most people answer differently", "gold")
        )
    return waiting
