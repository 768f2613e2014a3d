"""How many cores a judge takes."""

import os

import torch


def leave_a_core() -> int:
    """Let torch use all cores but one, unless OMP_NUM_THREADS says how many; returns how many it uses.

    Its threads wait for each other at every layer. On a core that the web process and the database use, too,
    one slow thread makes all of them slow: a step that took half a second was seen to take twelve.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) - 1))
    return torch.get_num_threads()


def has_a_core_to_spare() -> bool:
    """Whether a thread beside torch's takes nothing from them: they have left a core, or a GPU does their work."""
    return torch.cuda.is_available() or torch.get_num_threads() < len(os.sched_getaffinity(0))
