"""What the champion says, as selection and the lead's page read it."""

import numpy as np
import pytest

from labeling.models import Split
from labeling.queries.predictions import candidates, champion_of, mean_confidence, pool_predictions
from tests.labeling.acting import judge, judge_all, make_adapter, make_members, predict
from tests.making import make_member, make_pair, make_pair_of, make_project, make_round

pytestmark = pytest.mark.django_db

SURE = [0.9, 0.05, 0.03, 0.02]
UNSURE = [0.4, 0.3, 0.2, 0.1]
CERTAIN = [1.0, 0.0, 0.0, 0.0]


def test_champion_is_the_adapter_in_use() -> None:
    project = make_project()
    assert champion_of(project) is None
    make_adapter(project)
    second = make_adapter(project)
    make_adapter(project, champion=False)
    make_adapter(make_project())
    assert champion_of(project) == second


def test_candidates_without_a_champion_are_the_untouched_pairs() -> None:
    project, other = make_project(), make_project()
    pairs = [make_pair(project, query_text=text) for text in ("mug", "mug", "lamp")]
    make_pair(other)
    make_round(project, pairs[:1])
    judge(make_member(project))
    found = candidates(project, None)
    assert found.pair_ids.tolist() == [pairs[1].pk, pairs[2].pk]
    assert found.query_ids.tolist() == [pairs[1].query_id, pairs[2].query_id]
    assert found.pair_ids.dtype == found.query_ids.dtype == np.int64
    assert found.probabilities is None


def test_candidates_of_an_empty_pool_are_none() -> None:
    project = make_project()
    found = candidates(project, None)
    assert (found.pair_ids.shape, found.query_ids.shape) == ((0,), (0,))
    assert candidates(project, make_adapter(project)).probabilities is None


@pytest.mark.parametrize("chunk", [1, 2, 3, 50_000])
def test_candidates_have_the_champions_probabilities(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project()
    pairs = [make_pair_of(project, split) for split in (*[Split.TRAIN] * 4, Split.HOLDOUT)]
    predict(make_adapter(project), dict.fromkeys(pairs, CERTAIN))
    champion = make_adapter(project)
    predict(champion, {pairs[3]: UNSURE, pairs[0]: UNSURE, pairs[2]: SURE, pairs[4]: UNSURE})
    make_round(project, pairs[:1])
    judge(make_member(project))
    found = candidates(project, champion)
    assert set(found.pair_ids.tolist()) >= {pair.pk for pair in pairs[1:]}
    wanted = np.isin(found.pair_ids, [pair.pk for pair in pairs[1:]])
    assert found.probabilities is not None
    assert found.probabilities.dtype == np.float32
    assert found.random_only is not None
    # Pairs that the champion has not scored, or that are of holdout queries, are for the random part only.
    assert found.random_only[wanted].tolist() == [True, False, False, True]
    expected = np.array([SURE, UNSURE], dtype=np.float32)
    np.testing.assert_array_equal(found.probabilities[wanted][1:3], expected)


def test_candidates_have_what_strategies_may_ask_for() -> None:
    project = make_project()
    pairs = [make_pair(project, query_text=text) for text in ("mug", "lamp")]
    champion, rival = make_adapter(project), make_adapter(project, champion=False)
    assert candidates(project, champion, rival).probabilities is None  # no adapter has scored anything yet
    predict(champion, dict.fromkeys(pairs, SURE))
    assert candidates(project, champion, rival).rival is None
    predict(rival, {pairs[1]: UNSURE})
    found = candidates(project, champion, rival)
    assert (found.labels, found.gains.tolist() if found.gains is not None else []) == (tuple("ESCI"), [1, 0.1, 0.01, 0])
    assert found.rival is not None
    # Of a pair that the challenger has not scored both say the same.
    np.testing.assert_array_equal(found.rival, np.array([SURE, UNSURE], dtype=np.float32))
    assert found.texts is not None
    texts = found.texts(found.pair_ids[::-1])
    assert [text.query for text in texts] == ["lamp", "mug"]
    assert [text.title for text in texts] == [str(pair.product.revision) for pair in pairs[::-1]]


def test_pool_predictions_are_the_champions_of_pairs_that_are_not_settled() -> None:
    project = make_project(overlap=2, max_overlap=2)
    pairs = [make_pair(project) for _ in range(4)]
    champion = make_adapter(project)
    predict(champion, dict.fromkeys(pairs, SURE))
    predict(make_adapter(project, champion=False), {pairs[0]: UNSURE})
    make_round(project, pairs[:3], stream="active")
    first, second = make_members(project, 2)
    for label in "EEE":
        judge(first, label)
    for label in "ES":
        judge(second, label)
    left = pool_predictions(project, champion).values_list("pair", flat=True)
    assert sorted(left) == [pairs[2].pk, pairs[3].pk]


def test_mean_confidence_is_of_pool_queue_and_active_part() -> None:
    project = make_project()
    champion = make_adapter(project)
    nothing = mean_confidence(project, champion)
    assert (nothing.pool, nothing.queue, nothing.active) == (None, None, None)
    pairs = [make_pair(project) for _ in range(4)]
    said = [[0.9, 0.1, 0, 0], [0.7, 0.3, 0, 0], [0.5, 0.5, 0, 0], [0.3, 0.3, 0.2, 0.2]]
    predict(champion, dict(zip(pairs, said, strict=True)))
    predict(make_adapter(project, champion=False), dict.fromkeys(pairs, CERTAIN))
    make_round(project, pairs[:1], stream="active")
    make_round(project, pairs[2:3], stream="random")
    queued = mean_confidence(project, champion)
    assert [queued.pool, queued.queue] == pytest.approx([0.6, 0.5])
    assert queued.active is None
    make_round(project, pairs[1:4], stream="active")
    judge_all(make_members(project, 2), dict.fromkeys(pairs[1:4], "E"))
    settled = mean_confidence(project, champion)
    assert [settled.pool, settled.queue, settled.active] == pytest.approx([0.9, 0.5, 0.5])
