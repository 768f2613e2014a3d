"""Publishing versions of the default guideline, and what follows for the judgments that are there."""

import time
from collections.abc import Collection

from labeling.actions.guidelines import draft_digest, publish_draft, save_draft, start_draft
from labeling.actions.jobs import start_job
from labeling.actions.relabeling import bring_under
from labeling.guidelines.parse import default_source
from labeling.models import GuidelineVersion, Job, Membership, Project

# Changes of the default tree: what is replaced, and by what.
STRICT = ('{text: "Yes, as a compromise", label: S}', '{text: "Yes, as a compromise", label: I}')
REWORDED = ("ask: Would a reasonable shopper take it instead", "ask: Would you take it home instead")
DECIDED = ('{text: "Yes, it does not say", skip: needs_evidence}', '{text: "Yes, it does not say", label: I}')


# Another tree, with two of its questions.
SHORT = """
title: Short
start: need
questions:
  need:
    ask: Is it clear?
    help: Read it.
    answers:
      yes: {text: "Yes", go: type}
      no: {text: "No", skip: unclear}
  type:
    ask: Is it of the type?
    help: Look at it.
    answers:
      yes: {text: "Yes", label: E}
      no: {text: "No", label: I}
skips:
  unclear: It is not clear
"""


def edited(*changes: tuple[str, str], source: str | None = None) -> str:
    """Return the default tree with some changes, each of which must be possible."""
    text = source or default_source()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def make_draft(lead: Membership, source: str, note: str = "") -> GuidelineVersion:
    """Make the text the project's draft."""
    draft = start_draft(lead.project, lead.user)
    saved = save_draft(lead.project, source, draft_digest(draft), lead.user, note)
    assert saved.draft is not None
    return saved.draft


def publish(
    lead: Membership,
    source: str,
    again: Collection[str] = (),
    *,
    relabel: bool = True,
    take_over: bool = True,
    note: str = "",
) -> GuidelineVersion:
    """Publish a text as the next version, through a draft."""
    digest = draft_digest(make_draft(lead, source, note))
    return publish_draft(lead.project, digest, again, relabel=relabel, take_over=take_over, actor=lead.user)


def run_job(project: Project) -> Job:
    """Do what the worker does with the job that brings judgments under the newest version."""
    job = start_job(project.jobs.get(kind=Job.Kind.RELABEL, state=Job.State.QUEUED).pk)
    assert job is not None
    bring_under(job)
    job.refresh_from_db()
    return job


def bring(
    lead: Membership, source: str, again: Collection[str] = (), *, relabel: bool = True, take_over: bool = True
) -> GuidelineVersion:
    """Publish a text and bring the judgments under it, where there are any to bring."""
    version = publish(lead, source, again, relabel=relabel, take_over=take_over)
    if lead.project.jobs.filter(kind=Job.Kind.RELABEL, state=Job.State.QUEUED).exists():
        run_job(lead.project)
    return version


def bring_by_worker(lead: Membership, source: str, again: Collection[str] = ()) -> GuidelineVersion:
    """Publish a text, and wait until the worker that runs beside the test has brought the judgments under it."""
    version = publish(lead, source, again)
    deadline = time.monotonic() + 60
    while lead.project.jobs.filter(kind=Job.Kind.RELABEL).exclude(state=Job.State.DONE).exists():
        assert time.monotonic() < deadline, "The worker has not brought the judgments under the new version."
        time.sleep(0.1)
    return version
