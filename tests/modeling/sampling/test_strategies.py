"""One contract for every strategy there is, and what each of them means by its scores."""

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.stats import beta, entropy

import modeling.sampling
from modeling.sampling import contract
from modeling.sampling.contract import Pool, Reason, Scored, Strategy
from modeling.sampling.strategies import STRATEGIES, strategy_of
from tests.modeling.sampling.pools import make_pool, simplex

FOLDER = Path(str(modeling.sampling.__file__)).parent
OTHERS = {"uniform", "typical"}  # which go by chance and by the neighbours, not by probabilities
every_strategy = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES.keys())
judging = [one for key, one in STRATEGIES.items() if key not in OTHERS]
sure = pytest.mark.parametrize("strategy", judging, ids=lambda one: one.key)


def scored(strategy: Strategy, pool: Pool, seed: int = 1) -> Scored:
    return strategy.score(pool, np.random.default_rng(seed))


def scores_of(key: str, rows: list[list[float]], **fields: Any) -> list[float]:
    table = np.array(rows, dtype=np.float32)
    pool = make_pool(len(rows), table.shape[1], probabilities=table, **fields)
    found: list[float] = scored(strategy_of(key), pool).scores.tolist()
    return found


def test_every_file_with_a_strategy_is_on_the_list() -> None:
    files = {
        path.stem
        for path in FOLDER.glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "STRATEGY"
    }
    assert files == set(STRATEGIES)


@every_strategy
def test_strategy_says_what_it_does(strategy: Strategy) -> None:
    assert strategy.name[0].isupper()
    assert strategy.sentence[0].isupper()
    assert strategy.sentence.endswith(".")
    assert len(strategy.sentence) < 130


@every_strategy
@settings(max_examples=25)
@given(n=st.integers(0, 40), labels=st.integers(2, 6), seed=st.integers(0, 99))
def test_strategy_gives_one_score_a_pair_and_a_reason(strategy: Strategy, n: int, labels: int, seed: int) -> None:
    pool = make_pool(n, labels, seed=seed)
    found = scored(strategy, pool)
    assert found.scores.shape == (n,)
    assert found.scores.dtype == np.float32
    known = ~np.isnan(found.scores)
    assert ((found.scores[known] >= 0) & (found.scores[known] <= 1)).all()
    assert known[pool.pickable()].all()
    for position in np.flatnonzero(known).tolist():
        reason = found.reason(position)
        assert isinstance(reason, Reason)
        assert 5 < len(str(reason)) < 120
        assert "%" not in str(reason)


@every_strategy
def test_strategy_repeats_with_the_seed_and_changes_nothing(strategy: Strategy) -> None:
    pool, before = make_pool(80), make_pool(80)
    np.testing.assert_array_equal(scored(strategy, pool).scores, scored(strategy, pool).scores)
    for name in ("pair_ids", "query_ids", "gains", "probabilities", "rival", "votes", "ambiguity", "excluded"):
        np.testing.assert_array_equal(getattr(pool, name), getattr(before, name))


@sure
def test_strategy_scores_a_pair_whatever_its_neighbours(strategy: Strategy) -> None:
    pool = make_pool(60)
    rows = np.random.default_rng(2).permutation(60)[:31]
    np.testing.assert_array_equal(scored(strategy, pool.take(rows)).scores, scored(strategy, pool).scores[rows])


@every_strategy
def test_strategy_is_the_same_in_blocks(strategy: Strategy, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = make_pool(100)
    whole = scored(strategy, pool).scores
    monkeypatch.setattr(contract, "BLOCK_ROWS", 7)
    np.testing.assert_array_equal(scored(strategy, pool).scores, whole)


@every_strategy
def test_strategy_names_what_it_needs(strategy: Strategy) -> None:
    assert strategy.missing(make_pool(3)) == ()
    for name in strategy.needs:
        missing: dict[str, Any] = {name: None}
        poor = make_pool(3, **missing)
        assert strategy.missing(poor) == (name,)
        with pytest.raises(ValueError, match=r"the pool has no|needs a gain, got None"):
            scored(strategy, poor)


@sure
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.array([[0.5, 0.5], [np.nan, 1.0]]), r"got \[nan, 1.0\] in row 1"),
        (np.array([[0.5, 0.5], [1.5, -0.5]]), r"got \[1.5, -0.5\] in row 1"),
        (np.array([[1.0], [1.0]]), r"two labels or more, got shape \(2, 1\)"),
        (np.array([0.5, 0.5]), r"two labels or more, got shape \(2,\)"),
    ],
)
def test_strategy_refuses_what_are_no_probabilities(strategy: Strategy, bad: NDArray[np.float64], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scored(strategy, make_pool(2, 2, probabilities=bad))


@sure
def test_strategy_has_nothing_to_ask_where_the_judge_is_certain(strategy: Strategy) -> None:
    certain = np.tile(np.array([[0, 1, 0, 0]], dtype=np.float32), (3, 1))
    pool = make_pool(3, probabilities=certain, rival=certain, votes=np.zeros((3, 4), dtype=np.int8))
    assert scored(strategy, pool).scores.tolist() == [0, 0, 0]


def test_strategy_of_names_those_there_are() -> None:
    with pytest.raises(ValueError, match="there is no strategy 'margn'; there are uniform, least_confidence, margin,"):
        strategy_of("margn")


def test_margin_is_one_minus_the_lead_of_the_likeliest_label() -> None:
    rows = [[0.7, 0.2, 0.1], [0.4, 0.2, 0.4], [0.0, 0.0, 1.0], [0.25, 0.5, 0.25]]
    assert scores_of("margin", rows) == pytest.approx([0.5, 1.0, 0.0, 0.75])


def test_least_confidence_is_what_the_likeliest_label_leaves() -> None:
    rows = [[0.7, 0.2, 0.1], [0.4, 0.2, 0.4], [0.0, 0.0, 1.0], [1 / 3, 1 / 3, 1 / 3]]
    assert scores_of("least_confidence", rows) == pytest.approx([0.45, 0.9, 0.0, 1.0])


def test_entropy_is_scipys_over_the_largest_there_can_be() -> None:
    rows = [[0.7, 0.2, 0.1], [0.4, 0.2, 0.4], [0.5, 0.5, 0.0]]
    assert scores_of("entropy", rows) == pytest.approx([entropy(row, base=3) for row in rows], abs=1e-6)


def test_gain_loss_is_what_the_best_label_is_expected_to_be_wrong_by() -> None:
    gains = np.array([1, 0.1, 0.01, 0])
    rows = [[0.5, 0, 0, 0.5], [0.5, 0.5, 0, 0], [0, 0.5, 0.5, 0], [0.2, 0.3, 0.1, 0.4]]
    expected = [2 * min(sum(p * abs(g - d) for p, g in zip(row, gains, strict=True)) for d in gains) for row in rows]
    found = scores_of("gain_loss", rows, gains=gains)
    assert found == pytest.approx(expected, abs=1e-6)
    assert found[0] == pytest.approx(1)
    assert found[1] > 9 * found[2], "to take E for S costs more than to take S for C"
    assert scores_of("gain_loss", rows, gains=np.ones(4)) == [0, 0, 0, 0]
    with pytest.raises(ValueError, match="each of 4 labels needs a gain"):
        scores_of("gain_loss", rows, gains=np.ones(3))


def test_disagreement_is_scipys_divergence_in_bits() -> None:
    champion, rival = simplex(20, 4, 1), simplex(20, 4, 2)
    found = scored(strategy_of("disagreement"), make_pool(20, probabilities=champion, rival=rival)).scores
    assert found.tolist() == pytest.approx((jensenshannon(champion, rival, base=2, axis=1) ** 2).tolist(), abs=1e-6)
    apart = scores_of("disagreement", [[1, 0]], rival=np.array([[0, 1]], dtype=np.float32))
    assert apart == [1]
    with pytest.raises(ValueError, match=r"the same rows and labels, got shapes \(1, 2\) and \(1, 3\)"):
        scores_of("disagreement", [[1, 0]], rival=np.array([[0, 1, 0]]))


def test_relabel_weighs_what_people_said_with_what_the_judge_says() -> None:
    rows = [[0.4, 0.6, 0, 0]] * 6
    votes = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [2, 0, 0, 0], [2, 1, 0, 0], [1, 1, 0, 0]])
    # Label uncertainty from scipy's Beta distribution; a tie is for the label that the judge gives more.
    uncertainty = [min(1, 2 * beta.cdf(0.5, a + 1, b + 1)) for a, b in [(0, 0), (1, 0), (1, 0), (2, 0), (2, 1), (1, 1)]]
    left = [0.4, 0.6, 0.4, 0.6, 0.6, 0.4]
    expected = [(u * m) ** 0.5 for u, m in zip(uncertainty, left, strict=True)]
    assert scores_of("relabel", rows, votes=votes) == pytest.approx(expected, abs=1e-6)
    assert uncertainty == pytest.approx([1, 0.5, 0.5, 0.25, 0.625, 1])


def test_relabel_counts_many_votes_as_thirty() -> None:
    votes = np.array([[300, 0], [30, 0], [31, 300]])
    found = scores_of("relabel", [[0.1, 0.9]] * 3, votes=votes)
    assert found[0] == found[1] < 1e-4
    assert found[2] == pytest.approx((min(1, 2 * beta.cdf(0.5, 31, 31)) * 0.1) ** 0.5)
    with pytest.raises(ValueError, match=r"needs its votes, got shape \(3, 1\), not \(3, 2\)"):
        scores_of("relabel", [[0.1, 0.9]] * 3, votes=votes[:, :1])


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("uniform", "drawn by chance"),
        ("margin", "E 0.48 against S 0.45"),
        ("least_confidence", "E 0.48 against S 0.45"),
        ("entropy", "E 0.48 against S 0.45"),
        ("gain_loss", "taken for S it is expected to be wrong by 0.44 in gain"),
        ("disagreement", "champion says E, challenger I"),
        ("relabel", "2 said C and 1 another label; the judge gives C 0.04"),
    ],
)
def test_strategy_says_in_plain_words_why(key: str, reason: str) -> None:
    pool = make_pool(
        1,
        gains=np.array([1, 0.1, 0.01, 0]),
        probabilities=np.array([[0.48, 0.45, 0.04, 0.03]]),
        rival=np.array([[0.1, 0.1, 0.1, 0.7]]),
        votes=np.array([[1, 0, 2, 0]]),
    )
    assert str(scored(strategy_of(key), pool).reason(0)) == reason


def test_reasons_say_more_where_there_is_more_to_say() -> None:
    agreed = make_pool(1, 2, probabilities=np.array([[0.9, 0.1]]), rival=np.array([[0.6, 0.4]]))
    words = "both say E, the champion with 0.90, the challenger with 0.60"
    assert str(scored(strategy_of("disagreement"), agreed).reason(0)) == words
    new = replace(agreed, votes=np.zeros((1, 2), dtype=np.int8))
    assert str(scored(strategy_of("relabel"), new).reason(0)) == "new, and the judge gives E only 0.90"


def test_uniform_has_no_eye_for_probabilities() -> None:
    one, other = make_pool(30, seed=0), make_pool(30, seed=9)
    uniform = strategy_of("uniform")
    assert (scored(uniform, one).scores == scored(uniform, other).scores).all()
    assert (scored(uniform, one, seed=2).scores != scored(uniform, one).scores).any()


def test_the_manuals_example_of_a_strategy_keeps_the_contract() -> None:
    manual = (FOLDER.parents[1] / "docs" / "selection.md").read_text()
    code = manual.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {"np": np, **vars(contract)}
    exec(compile(code, "docs/selection.md", "exec"), names)  # noqa: S102 - our own page
    strategy = names["STRATEGY"]
    test_strategy_says_what_it_does(strategy)
    pool = make_pool(50)
    found = scored(strategy, pool)
    probabilities = pool.known_probabilities()
    assert found.scores.tolist() == pytest.approx((1 - probabilities.max(axis=1)).tolist())
    assert str(found.reason(3)) == f"likeliest label: {probabilities[3].max():.2f}"
