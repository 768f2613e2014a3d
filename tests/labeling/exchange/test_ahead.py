"""Reading ahead."""

import threading
from collections.abc import Iterator

import pytest

from labeling.exchange.ahead import map_ahead, read_ahead


def test_read_ahead_keeps_the_order_and_the_end() -> None:
    assert list(read_ahead(iter(range(100)))) == list(range(100))
    assert list(read_ahead(iter(()))) == []


def test_read_ahead_passes_an_error_on_after_what_came_before() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("third")

    ahead = read_ahead(items())

    assert next(ahead) == 1
    assert next(ahead) == 2
    with pytest.raises(ValueError, match="third"):
        next(ahead)


def test_read_ahead_is_ahead_by_no_more_than_its_depth() -> None:
    made = []
    third = threading.Event()

    def items() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            if number == 2:
                third.set()
            yield number

    ahead = read_ahead(items(), depth=2)

    assert next(ahead) == 0
    assert third.wait(5)
    assert made == [0, 1, 2]
    assert list(ahead) == list(range(1, 10))


def test_read_ahead_ends_its_thread_when_it_is_left_early() -> None:
    before = threading.active_count()
    ahead = read_ahead(iter(range(100)))
    next(ahead)
    ahead.close()  # type: ignore[attr-defined]

    assert threading.active_count() == before


def test_map_ahead_keeps_the_order_and_takes_items_in_the_callers_thread() -> None:
    takers, makers = set(), set()

    def items() -> Iterator[int]:
        for number in range(20):
            takers.add(threading.get_ident())
            yield number

    def double(number: int) -> int:
        makers.add(threading.get_ident())
        return 2 * number

    assert list(map_ahead(double, items())) == list(range(0, 40, 2))
    assert takers == {threading.get_ident()}
    assert threading.get_ident() not in makers


def test_map_ahead_passes_an_error_on_in_its_place() -> None:
    ahead = map_ahead(lambda number: 1 / number, [1, 0, 2])
    assert next(ahead) == 1
    with pytest.raises(ZeroDivisionError):
        next(ahead)
