"""Worker processes of one thread each: Ctrl-C is for the process that started them, and they end with it."""

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager

from sodbench.utils.process import keep_freed_memory


def start_method() -> str:
    """Return how worker processes are started: ``forkserver`` where there is one, else ``spawn``."""
    import multiprocessing

    return "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def process_pool(jobs: int, preload: Sequence[str]) -> Executor:
    """Start worker processes, which ignore Ctrl-C: whoever waits for them ends them."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    way = start_method()
    context = multiprocessing.get_context(way)
    if way == "forkserver":
        context.set_forkserver_preload([*preload])
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin_worker)
    with _one_thread_each(), no_interrupt():
        for _ in range(jobs):
            pool.submit(os.getpid)
    return pool


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes that are started in the block have one thread each, unless the user says otherwise."""
    names = [f"{library}_NUM_THREADS" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")]
    ours = [name for name in names if name not in os.environ]
    os.environ.update(dict.fromkeys(ours, "1"))
    try:
        yield
    finally:
        for name in ours:
            del os.environ[name]


@contextmanager
def no_interrupt() -> Iterator[None]:
    """Hold Ctrl-C back for the time of the block, and for ever in processes that are started in it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def settle_in() -> None:
    """Let a worker process leave Ctrl-C to the process that started it, and keep its memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()


def _begin_worker() -> None:
    """Prepare a worker process, which ends with the process that started it."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait as wait_for
    from threading import Thread

    settle_in()
    parent = parent_process()
    assert parent is not None

    def end_with_parent() -> None:
        wait_for([parent.sentinel])
        os._exit(1)

    Thread(target=end_with_parent, daemon=True).start()
