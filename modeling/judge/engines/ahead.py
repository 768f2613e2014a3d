"""Doing the next thing while the present one is used."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def made_ahead(make: Callable[[Given], Made], things: Iterable[Given], *, ahead: bool = True) -> Iterator[Made]:
    """What `make` makes of each thing, in their order; while one is used, the next is made in a thread.

    One at most is ready and one in use, so that memory stays bounded. What `make` raises is raised here. With `ahead`
    false everything is made when it is its turn.
    """
    if not ahead:
        yield from map(make, things)
        return
    left = iter(things)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead") as thread:
        following = next(left, None)
        if following is None:
            return
        waiting = thread.submit(make, following)
        for thing in left:
            made = waiting.result()
            waiting = thread.submit(make, thing)
            yield made
        yield waiting.result()
