"""Timing of contenders, each in a process of its own, in interleaved rounds."""

import os
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from typing import Any, NamedTuple


class Contender(NamedTuple):
    """What to time: a function of a module, its arguments, and on how many CPUs (None: all)."""

    run: Callable[..., object]
    arguments: tuple[Any, ...]
    cpus: int | None = None


def medians(contenders: Mapping[str, Contender], rounds: int) -> dict[str, float]:
    """Return median seconds of each contender over interleaved rounds; one round before them warms up.

    Each has a process of its own, so that none gains or loses by another's allocator or threads.
    """
    with ExitStack() as stack:
        spawn = get_context("spawn")
        pools = {name: stack.enter_context(ProcessPoolExecutor(1, mp_context=spawn)) for name in contenders}
        times: dict[str, list[float]] = {name: [] for name in contenders}
        for k in range(rounds + 1):
            for name, contender in contenders.items():
                taken = pools[name].submit(_seconds, contender).result()
                if k:
                    times[name].append(taken)
    return {name: statistics.median(values) for name, values in times.items()}


def _seconds(contender: Contender) -> float:
    """Time one round, inside the contender's own process."""
    if contender.cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-contender.cpus :])
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    contender.run(*contender.arguments)
    return time.perf_counter() - start
