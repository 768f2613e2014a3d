from collections import defaultdict
from itertools import islice

import pytest

from simulation.families import load_shop
from simulation.pairs import PAIRS_A_QUERY, RECENT, Results, results
from simulation.truth import LABELS, true_path

US = {"us": 1.0}
SHOWN: list[Results] = list(islice(results(load_shop(), 5, US), 300))


def test_results_carry_the_true_path_and_its_label() -> None:
    for shown in SHOWN:
        for pair in shown.pairs:
            assert pair.path == true_path(shown.query, pair.product)
            assert pair.label == LABELS[pair.path]


def test_results_have_every_path_of_the_tree() -> None:
    assert {pair.path for shown in SHOWN for pair in shown.pairs} == set(LABELS)


def test_results_never_show_a_product_twice_and_queries_never_repeat() -> None:
    for shown in SHOWN:
        ids = [pair.product.id for pair in shown.pairs]
        assert len(set(ids)) == len(ids)
        assert len(ids) <= PAIRS_A_QUERY + 4
    assert len({shown.query.text for shown in SHOWN}) == len(SHOWN)


def test_products_are_new_once_and_shared_by_queries() -> None:
    first: dict[str, int] = {}
    uses: dict[str, int] = defaultdict(int)
    for number, shown in enumerate(SHOWN):
        for pair in shown.pairs:
            assert pair.is_new == (pair.product.id not in first)
            first.setdefault(pair.product.id, number)
            uses[pair.product.id] += 1
    assert 0.6 < len(first) / sum(uses.values()) < 0.9
    assert max(uses.values()) < RECENT * 2


def test_exact_share_differs_from_query_to_query() -> None:
    shares = [sum(pair.label == "E" for pair in shown.pairs) / len(shown.pairs) for shown in SHOWN]
    assert sum(share < 0.45 for share in shares) > 15
    assert sum(share > 0.85 for share in shares) > 15


def test_results_stop_in_plain_words_when_the_shop_has_no_more_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulation.pairs.MAX_REPEATS", 2)
    with pytest.raises(ValueError, match=r"after \d+ queries the shop has no new one; ask for fewer queries"):
        list(islice(results(load_shop(), 5, {"jp": 1.0}), 100_000))
