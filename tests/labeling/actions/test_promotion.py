"""Which challenger takes the champion's place, and what is said of it."""

from typing import Any

import numpy as np
import pytest

from labeling.actions.adapters import promote_adapter
from labeling.actions.promotion import decide_promotion, verdict_on, why_not_judged
from labeling.models import Adapter, AuditLogEntry, Pair, Project
from modeling.evaluation.comparison import Comparison, compare
from tests.labeling.acting import make_adapter, measures
from tests.labeling.measured import measure
from tests.making import make_pairs, make_project, make_user

pytestmark = pytest.mark.django_db

GOOD = measures(n=60, accuracy=0.8) | {"collapsed": None}


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ({}, "Not enough holdout labels yet to judge it: 0 of 20."),
        ({"holdout": None}, "Not enough holdout labels yet to judge it: 0 of 20."),
        ({"holdout": measures(n=19, accuracy=0.9)}, "Not enough holdout labels yet to judge it: 19 of 20."),
        (
            {"holdout": measures(n=0, accuracy=None, majority=None)},
            "Not enough holdout labels yet to judge it: 0 of 20.",
        ),
        (
            {"holdout": measures(accuracy=0.5, majority=0.5)},
            "No better than always giving the commonest label: 0.500 against 0.500.",
        ),
        (
            {"holdout": measures(accuracy=0.9), "collapsed": "It gives the label E to 99 of 100 holdout pairs."},
            "It gives the label E to 99 of 100 holdout pairs.",
        ),
        ({"holdout": measures(n=20, accuracy=0.7, majority=0.5), "collapsed": None}, ""),
    ],
)
def test_challenger_that_shows_nothing_is_not_compared(manifest: dict[str, Any], why: str) -> None:
    assert why_not_judged(manifest) == why


def compared(won: int, lost: int, queries: int = 100) -> Comparison:
    """The first judge alone is right on some queries, the second alone on others; one pair a query."""
    ours, theirs = np.zeros(queries), np.zeros(queries)
    theirs[:won], ours[won : won + lost] = 1, 1
    return compare(np.zeros(queries), ours, theirs, np.arange(queries))


@pytest.mark.parametrize(
    ("found", "rule", "margin", "verdict"),
    [
        (compared(20, 2), "better", 0.01, "Surely better than A-3: +18.0 points of accuracy, +8.9 to +27.1, "),
        (compared(5, 4), "better", 0.01, "Not surely better than A-3: +1.0 points of accuracy, -5.6 to +7.6, "),
        (compared(2, 20), "better", 0.01, "Surely worse than A-3: -18.0 points of accuracy, -27.1 to -8.9, "),
        (compared(5, 4), "not_worse", 0.06, "Surely not worse than A-3 by 6 points: +1.0 points of accuracy, "),
        (compared(5, 4), "not_worse", 0.01, "Perhaps worse than A-3 by 1 point: +1.0 points of accuracy, "),
        (compared(2, 20), "not_worse", 0.01, "Surely worse than A-3: -18.0 points of accuracy, "),
    ],
)
def test_verdict_says_what_was_found_with_its_numbers(
    found: Comparison, rule: str, margin: float, verdict: str
) -> None:
    words = verdict_on(found, "A-3", rule, margin)
    assert words.startswith(verdict)
    assert words.endswith("on 100 holdout pairs of 100 queries.")


def test_verdict_on_one_query_is_that_it_tells_nothing() -> None:
    one = compare([0, 0], [0, 0], [1, 1], [7, 7])
    assert verdict_on(one, "A-3", "better", 0) == "Not surely better than A-3: the holdout pairs are of one query."


def states(project: Project) -> dict[int, str]:
    return dict(Adapter.objects.filter(project=project).values_list("number", "state"))


def holdout(project: Project) -> list[Pair]:
    return make_pairs(project, 60, per_query=2)


def challenger(project: Project, pairs: list[Pair], right: int, manifest: dict[str, Any] = GOOD) -> Adapter:
    """Make an adapter that is right on the first pairs, as many as given; people say E of all."""
    adapter = make_adapter(project, champion=False, holdout=manifest)
    measure(adapter, pairs, ["EE"] * right + ["ES"] * (len(pairs) - right))
    return adapter


def test_first_champion_has_to_beat_the_commonest_label_alone() -> None:
    project = make_project()
    pairs = holdout(project)
    weak = challenger(project, pairs, 30, measures(accuracy=0.4))
    assert not decide_promotion(weak)
    good = challenger(project, pairs, 48)
    good.manifest["majority_label"] = "S"
    assert decide_promotion(good)
    assert dict(Adapter.objects.filter(project=project).values_list("number", "state")) == {
        1: "challenger",
        2: "champion",
    }
    assert weak.verdict.startswith("No better than")
    assert good.verdict == "Accuracy 0.800 against 0.500 for the commonest label, on 60 holdout pairs."
    assert weak.comparison == {"against": "majority", "promoted": False}
    good.refresh_from_db()
    assert good.comparison["against"] == "majority"
    assert good.comparison["difference"]["value"] == pytest.approx(0.8)
    assert (good.comparison["rule"], good.comparison["promoted"]) == ("first", True)
    assert good.promoted_at is not None


def test_challenger_that_is_surely_better_takes_the_champions_place_and_the_numbers_are_logged() -> None:
    project = make_project()
    pairs = holdout(project)
    champion = challenger(project, pairs, 36)
    promote_adapter(champion, None)
    slightly, surely = challenger(project, pairs, 38), challenger(project, pairs, 58)
    assert not decide_promotion(slightly, champion)
    assert decide_promotion(surely, champion)
    assert states(project) == {1: "retired", 2: "challenger", 3: "champion"}
    assert slightly.verdict.startswith("Not surely better than A-1: +3.3 points of accuracy, ")
    assert surely.verdict.startswith("Surely better than A-1: +36.7 points of accuracy, ")
    decisions = AuditLogEntry.objects.filter(project=project, verb="adapter.decide").order_by("id")
    assert [(entry.target, entry.data["promoted"]) for entry in decisions] == [("A-2", False), ("A-3", True)]
    for entry, adapter in zip(decisions, (slightly, surely), strict=True):
        adapter.refresh_from_db()
        assert entry.data["comparison"] == adapter.comparison
        assert adapter.comparison["against"] == "A-1"
        assert (adapter.comparison["rule"], adapter.comparison["margin"]) == ("better", 0.01)
        assert (adapter.comparison["n"], adapter.comparison["queries"], adapter.comparison["level"]) == (60, 30, 0.95)
        assert 0 <= adapter.comparison["p"] <= 1
        assert adapter.comparison["difference"]["low"] < adapter.comparison["difference"]["high"]


def test_tie_is_promoted_where_the_project_lets_pass_what_is_not_worse_by_a_margin() -> None:
    project = make_project(promotion_rule="not_worse", promotion_margin=0.1)
    pairs = holdout(project)
    champion = challenger(project, pairs, 48)
    promote_adapter(champion, None)
    same, worse = challenger(project, pairs, 48), challenger(project, pairs, 30)
    assert not decide_promotion(worse, champion)
    assert worse.verdict.startswith("Surely worse than A-1: -30.0 points of accuracy, ")
    assert decide_promotion(same, champion)
    assert same.verdict.startswith("Surely not worse than A-1 by 10 points: +0.0 points of accuracy, ")


def test_champion_that_came_meanwhile_stays() -> None:
    project = make_project()
    pairs = holdout(project)
    before = challenger(project, pairs, 20)
    promote_adapter(before, None)
    better = challenger(project, pairs, 58)
    meanwhile = challenger(project, pairs, 30)
    promote_adapter(meanwhile, make_user("lead"))
    assert not decide_promotion(better, before)
    assert better.verdict.startswith("It was not compared with A-3, which is in use now. Accuracy 0.800 against")
    meanwhile.refresh_from_db()
    assert meanwhile.state == "champion"
    assert better.comparison["against"] == "A-1"


def test_champion_that_was_not_measured_on_the_same_pairs_stays() -> None:
    project = make_project()
    pairs = holdout(project)
    champion = make_adapter(project)
    better = challenger(project, pairs, 58)
    assert not decide_promotion(better, None)
    assert not decide_promotion(better, champion)
    measure(champion, pairs[:40], ["ES"] * 40)
    assert not decide_promotion(better, champion, "its folder is gone")
    assert better.verdict == "It was not compared with A-1, which is in use now: its folder is gone"
    assert better.comparison == {"against": "A-1", "promoted": False}
    measure(champion, pairs[40:], ["ES"] * 20)
    assert decide_promotion(better, champion)


def test_champion_that_is_lost_gives_way_to_one_that_beats_the_commonest_label() -> None:
    project = make_project()
    pairs = holdout(project)
    lost = challenger(project, pairs, 58)
    promote_adapter(lost, None)
    worse = challenger(project, pairs, 48)
    assert not decide_promotion(worse, lost, "no network")
    assert not decide_promotion(worse, None, "the folder is gone", lost=True)
    assert decide_promotion(worse, lost, "The folder is gone.", lost=True)
    assert worse.verdict.startswith("A-1 cannot be used any more: The folder is gone. Accuracy 0.800 against 0.500")
    assert states(project) == {1: "retired", 2: "champion"}
