"""How far people agree: the whole report, its charts and its tables as files."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRefresh

from labeling.access import for_roles
from labeling.actions.agreement import current_report
from labeling.actions.jobs import enqueue_job
from labeling.models import AgreementReport, Job, Membership, Project, Role
from labeling.queries.agreement import NEWEST, news_since, stored_report
from labeling.views.agreement_charts import CHARTS, chart_context
from labeling.views.agreement_tables import MEASURES, Words, enough_first, report_tables, slice_tables
from labeling.views.alarms import open_alarms
from labeling.views.charts import svg_response, theme_of
from labeling.views.frame import project_page
from labeling.views.jobs import job_context
from labeling.views.tables import FEWEST, csv_response, table_context

UNKNOWN = {"value": None, "low": None, "high": None, "n": None}
COLLISIONS = 3  # shown of a question; all are in the file


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(Role.LEAD)
def agreement(request: HttpRequest, member: Membership) -> HttpResponse:
    """GET: the report as it was last measured; to htmx, how current it is. POST: measure again."""
    project = member.project
    if request.method == "POST":
        if enqueue_job(project, Job.Kind.MEASURE, member.user) is None:
            messages.info(request, "It is being measured already.")
        return redirect("agreement", slug=project.slug)
    last = project.jobs.filter(kind=Job.Kind.MEASURE).order_by("-id").first()
    active = last if last and last.active else None
    report = stored_report(project) if request.htmx else current_report(project)  # type: ignore[attr-defined]
    context: dict[str, Any] = {
        "report": report,
        "job": job_context(project, active) if active else None,
        "failed": last if last and last.state == Job.State.FAILED else None,
    }
    if request.htmx:  # type: ignore[attr-defined]
        if active is None:
            return HttpResponseClientRefresh()
        return project_page(request, member, "agreement/current.html", "agreement", context)
    if report is not None:
        context |= {"news": news_since(report), "alarms": open_alarms(project)} | report_context(project, report)
    return project_page(request, member, "agreement/page.html", "agreement", context)


def report_context(project: Project, report: AgreementReport) -> dict[str, Any]:
    """Return the report as the page shows it."""
    data, goal = report.data, project.agreement_goal
    words = Words(project, data)
    tables = report_tables(words, data, goal)
    version = f"{report.computed_at:%Y%m%d%H%M%S%f}"
    asked = questions(words, data, tables)
    return {
        "headline": headline(data, goal),
        "goal": goal,
        "apart": words.pairs(differ=True),
        "again": words.pairs(repeat=True),
        "measures": list(MEASURES.values()),
        "tables": {name.replace("-", "_"): table_context(table) for name, table in tables.items()},
        "csv": {name.replace("-", "_"): csv_url(project, name) for name in tables},
        "questions": asked,
        "worst": worst_of(asked),
        "slices": [table_context(table) for table in slice_tables(words, data, goal).values()],
        "charts": {name: chart_context(project, name, data, goal, version) for name in CHARTS},
        "newest": NEWEST,
        "fewest": FEWEST,
    }


def csv_url(project: Project, name: str) -> str:
    """Return the address of a table as a file."""
    return reverse("agreement-csv", args=[project.slug, name])


def headline(data: Mapping[str, Any] | None, goal: float) -> dict[str, Any]:
    """Return the measures that stand first, and what raw agreement means beside the goal; or what is `missing`."""
    if data is None:
        return {"missing": "Not measured yet", "verdict": "", "again": UNKNOWN, **dict.fromkeys(MEASURES, UNKNOWN)}
    again = data["repeats"]["raw"] if data["repeats"] else UNKNOWN
    left = FEWEST - data["units"]
    if left > 0:
        missing = f"Not enough yet: {left} more pair{'s' if left > 1 else ''}"
        return {"missing": missing, "verdict": "", "again": again, **dict.fromkeys(MEASURES, UNKNOWN)}
    return {"missing": "", "verdict": verdict(data["overall"]["raw"], goal), "again": again, **data["overall"]}


def verdict(raw: Mapping[str, Any], goal: float) -> str:
    """Say in words how raw agreement stands to the goal."""
    shown = f"{goal:.2f}"
    if raw["high"] is not None and raw["high"] < goal:
        return f"Below the goal of {shown}, and surely so: the whole interval is below it."
    if raw["low"] is not None and raw["low"] >= goal:
        return f"The goal of {shown} is reached, and surely so: the whole interval is at or above it."
    return f"The goal of {shown} lies within the interval: it cannot be said yet whether it is reached."


def worst_of(asked: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the worst question that is surely below the goal, else the worst that enough people met."""
    known = [one for one in asked if one["alike"]["text"]]
    return next((one for one in known if one["wanting"]), known[0] if known else None)


def questions(words: Words, data: Mapping[str, Any], tables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the questions, worst first, each with the answers that collide most often."""
    shown = zip(enough_first(data["questions"]), table_context(tables["questions"])["rows"], strict=True)
    return [
        {
            "wanting": row["wanting"],
            "alike": row["cells"][1],
            "reached": row["cells"][2],
            "id": one["question"],
            "ask": words.question(one["question"]),
            "both": one["both"],
            "collisions": [
                {
                    "answers": [words.answer(one["question"], key) for key in collision["answers"]],
                    "n": collision["n"],
                    "href": words.pairs(question=one["question"], answers=tuple(collision["answers"])),
                }
                for collision in one["collisions"][:COLLISIONS]
            ],
            "more": max(0, len(one["collisions"]) - COLLISIONS),
        }
        for one, row in shown
    ]


def stored(project: Project) -> AgreementReport:
    """Return the report that is there; 404 where nothing was measured yet."""
    report = stored_report(project)
    if report is None:
        raise Http404("Agreement was not measured yet.")
    return report


@require_safe
@for_roles(Role.LEAD)
def agreement_csv(request: HttpRequest, member: Membership, table: str) -> HttpResponseBase:
    """Send one of the report's tables as CSV."""
    project, report = member.project, stored(member.project)
    tables = report_tables(Words(project, report.data), report.data, project.agreement_goal)
    if table not in tables:
        raise Http404(f"There is no table {table!r}. There are: {', '.join(tables)}.")
    return csv_response(tables[table], f"{project.slug}-agreement-{table}-{report.computed_at:%Y-%m-%d}.csv")


@require_safe
@for_roles(Role.LEAD)
def agreement_chart(request: HttpRequest, member: Membership, chart: str) -> HttpResponse:
    """Draw one of the report's charts."""
    if chart not in CHARTS:
        raise Http404(f"There is no chart {chart!r}. There are: {', '.join(CHARTS)}.")
    found, data = CHARTS[chart], stored(member.project).data
    return svg_response(found.draw(found.points(data), member.project.agreement_goal, theme_of(request)))
