"""What audits found."""

import pytest

from labeling.actions.audits import claim_item, draw_audit, give_verdict
from labeling.models import Audit, Project, Role
from labeling.queries.audits import audit_results, newest_audit, verdicts
from labeling.queries.projects import published_guideline
from modeling.estimates import wilson_interval
from tests.labeling.acting import SKIP_PATH, make_adapter, predict
from tests.making import PATHS, make_member, make_pair, make_project

pytestmark = pytest.mark.django_db


def audited_project(count: int) -> Project:
    """Make a project whose champion calls every pair Exact."""
    project = make_project()
    predict(make_adapter(project), {make_pair(project): [0.9, 0.05, 0.03, 0.02] for _ in range(count)})
    return project


def drawn(project: Project, size: int) -> Audit:
    audit = draw_audit(project, size, 1, None)
    assert audit is not None
    return audit


def give(audit: Audit, paths: list[str]) -> None:
    auditor = make_member(audit.project, Role.AUDITOR).user
    for path in paths:
        item = claim_item(audit, auditor)
        assert item is not None
        give_verdict(audit.project, auditor, item.pk, published_guideline(audit.project), path)


def test_audit_results_count_verdicts_and_bound_the_share_that_agrees() -> None:
    project = audited_project(6)
    first, second = drawn(project, 5), drawn(project, 2)
    give(first, [PATHS["E"], PATHS["S"], PATHS["E"], SKIP_PATH])
    newest, oldest = audit_results(project)
    assert (newest.audit, newest.items, newest.judged, newest.skipped, newest.share) == (second, 2, 0, 0, None)
    assert (oldest.audit, oldest.items, oldest.judged, oldest.skipped, oldest.agreed) == (first, 5, 3, 1, 2)
    assert oldest.share == wilson_interval(2, 3)
    assert newest_audit(project) == second
    assert audit_results(make_project()) == []
    assert newest_audit(make_project()) is None


def test_verdicts_show_disagreements_first() -> None:
    audit = drawn(audited_project(5), 5)
    give(audit, [PATHS["E"], PATHS["S"], SKIP_PATH, PATHS["I"]])
    shown = [(item.position, item.label.key if item.label else item.skip_reason) for item in verdicts(audit)]
    assert shown == [(2, "S"), (3, "unclear_query"), (4, "I"), (1, "E")]
