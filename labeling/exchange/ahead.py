"""Work ahead of whoever uses its results."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
Result = TypeVar("Result")


def read_ahead(items: Iterator[T], depth: int = 2) -> Iterator[T]:
    """Yield the items, with up to `depth` further ones made meanwhile in a thread; their errors come in their place."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        waiting: deque[Future[T | object]] = deque(pool.submit(next, items, end) for _ in range(depth))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(pool.submit(next, items, end))
            yield item  # type: ignore[misc]


def map_ahead(function: Callable[[T], Result], items: Iterable[T], depth: int = 1) -> Iterator[Result]:
    """Yield the function's results in order, with up to `depth` further ones made meanwhile in a thread.

    The items themselves are taken in the caller's thread.
    """
    with ThreadPoolExecutor(1) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
