"""Executors: where work is done in chunks, on threads, processes or Dask, and how its results come back.

`streamed` runs a function over items on any `concurrent.futures.Executor`. `Workers` opens one of a kind when
it is first needed, and closes it however the block ends::

    with Workers("dask", jobs=4, scheduler="tcp://host:8786", say=say) as workers:
        for item, result in streamed(workers.executor(len(items)), work, items):
            ...

For processes and Dask, `work` has to pickle (a module's function, or a `functools.partial` of one), and so
have the items, the results, and the exceptions that it raises. What is large or slow to make, such as a
network, is named in the partial, not held by it, and made once in each process (`functools.cache`). Results
come as they are finished, in no fixed order. What an item raises ends the stream.
"""

import math
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from threading import Timer
from types import TracebackType
from typing import Any, Self, TypeVar

from sodbench.errors import WorkerError
from sodbench.utils import dask_workers
from sodbench.utils.dask_workers import dask_executor, worker_name
from sodbench.utils.process import Say, cpus
from sodbench.utils.worker_processes import no_interrupt, process_pool, start_method
from sodbench.version import __version__

KINDS = ("threads", "processes", "dask")
"""Where work can be done."""

MANY_ITEMS = 2000
"""Items from which processes are worth their start (two seconds of computing, half of them spent at once)."""

STARTED_SECONDS = 3
"""Seconds after which it is said that worker processes are being started."""

SLOW_START = "Starting worker processes, which load what they need or compile it ..."

CHUNK_SECONDS = 0.25
"""What a chunk should take: an interrupt waits for it, and progress is shown after it."""

CHUNK_ITEMS = 64
"""The most items of a chunk."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """An executor of a kind, opened when it is first needed; a context manager.

    Parameters
    ----------
    kind
        One of `KINDS`; None: processes for at least `MANY_ITEMS`, else threads.
    jobs
        Threads or worker processes, also of a local Dask cluster; by default one a CPU.
    scheduler
        Address of a Dask scheduler, ``tcp://host:8786``; without it, Dask runs a local cluster.
    preload
        Modules that worker processes import once, before they are forked from one that did.
    say
        Told of what is waited for.

    Raises
    ------
    WorkerError
        When the executor is opened: Dask is not installed, or its scheduler or workers are not reached.

    Examples
    --------
    >>> with Workers("threads", jobs=2) as workers:
    ...     sorted(streamed(workers.executor(3), abs, [-1, 2, -3]))
    [(-3, 3), (-1, 1), (2, 2)]
    """

    def __init__(
        self,
        kind: str | None = None,
        jobs: int | None = None,
        scheduler: str | None = None,
        preload: Sequence[str] = (),
        say: Say = lambda line: None,
    ) -> None:
        self.kind, self.jobs, self.scheduler = kind, jobs or cpus(), scheduler
        self._preload, self._say = preload, say
        self._opened: dict[str, Executor] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.clear()
        self._stack.__exit__(kind, error, trace)

    def executor(self, items: int) -> Executor:
        """Return the executor for so many items; it stays open until the block ends, or `end_processes`."""
        kind = self._kind_for(items)
        if kind not in self._opened:
            self._opened[kind] = self._stack.enter_context(self._open(kind))
        return self._opened[kind]

    def load_apart(self, items: int) -> bool:
        """Tell whether so many items are done by forked processes, which load what they need themselves."""
        return self._kind_for(items) == "processes" and start_method() == "forkserver"

    def end_processes(self) -> None:
        """End worker processes, and free their memory; the next call of `executor` starts others.

        What they are forked from stays, with all that it has loaded.
        """
        if processes := self._opened.pop("processes", None):
            processes.shutdown()

    def _kind_for(self, items: int) -> str:
        many = items >= MANY_ITEMS and self.jobs > 1
        return self.kind or ("processes" if many else "threads")

    def _processes(self) -> Executor:
        slow = Timer(STARTED_SECONDS, self._say, [SLOW_START])
        slow.daemon = True
        with no_interrupt():  # else Ctrl-C would come through this thread while the pool holds it back
            slow.start()
        try:
            return process_pool(self.jobs, self._preload)
        finally:
            slow.cancel()

    @contextmanager
    def _open(self, kind: str) -> Iterator[Executor]:
        if kind == "dask":
            with dask_executor(self.jobs, self.scheduler, self._say) as executor:
                yield executor
            return
        executor = ThreadPoolExecutor(self.jobs) if kind == "threads" else self._processes()
        try:
            yield executor
        finally:
            executor.shutdown(cancel_futures=True)


def streamed(
    executor: Executor, work: Callable[[Item], Result], items: Iterable[Item], count: int | None = None
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with its result as they are finished.

    Items are sent in chunks whose size follows from the time that the last one took, a bounded number of them
    at once; those that have not begun are cancelled when the iterator is closed.

    Parameters
    ----------
    executor
        Where to work.
    work
        What to do with an item.
    items
        Taken as they are sent.
    count
        How many items there are, where they cannot tell; near the end chunks become smaller.

    Raises
    ------
    WorkerError
        A worker died, or has other versions of what numbers depend on; all are gone, or the scheduler is.
    """
    expected = _versions()
    left = len(items) if count is None and isinstance(items, Sized) else count or 0
    size, width, waiting = 1, max(1, _width(executor)), iter(items)
    looked, gone = time.monotonic(), math.inf
    running: dict[Future[tuple[float, list[Result]]], list[Item]] = {}
    try:
        while True:
            while len(running) < 2 * width and (chunk := list(islice(waiting, size))):
                running[executor.submit(_work_on, work, chunk, expected)] = chunk
                left -= len(chunk)
            if not running:
                return
            finished = wait(running, dask_workers.CONNECT_SECONDS, FIRST_COMPLETED).done
            for future in sorted(finished, key=_has_failed):  # what is finished is told before what ends all
                some = running.pop(future)
                seconds, results = future.result()
                fitting = int(CHUNK_SECONDS * len(some) / max(seconds, 1e-9))
                rest = left // (2 * width)
                size = max(1, min(fitting, 2 * size, CHUNK_ITEMS, rest))
                yield from zip(some, results, strict=True)
            if (now := time.monotonic()) - looked > dask_workers.CONNECT_SECONDS:
                looked, there = now, _width(executor)
                width, gone = (there, math.inf) if there else (width, min(gone, now))
                if now - gone > dask_workers.WORKERS_SECONDS:
                    raise WorkerError(
                        f"all Dask workers are gone, waited {dask_workers.WORKERS_SECONDS} s for one. Look "
                        "into their logs, and start some."
                    )
    except CancelledError as error:
        raise WorkerError(
            "chunks were cancelled: the Dask scheduler ended, or the connection to it was lost. Look into "
            "its log."
        ) from error
    except BrokenExecutor as error:
        time.sleep(0.3)  # a signal that ended the workers may be on its way to this process, too
        raise WorkerError(
            "a worker process died: it was killed, or the memory was full. Fewer --jobs, or --executor "
            "threads, take less memory."
        ) from error
    except Exception as error:
        if type(error).__name__ != "KilledWorker":
            raise
        raise WorkerError(
            "a chunk was given up: each of the Dask workers that had it died, as they do when memory "
            "is full. Look into their logs."
        ) from error
    finally:
        for future in running:
            future.cancel()


def _has_failed(future: Future[Any]) -> bool:
    return future.cancelled() or future.exception() is not None


def _work_on(
    work: Callable[[Item], Result], items: Sequence[Item], expected: Mapping[str, str]
) -> tuple[float, list[Result]]:
    """Return the seconds that a chunk took, and its results."""
    start, here = time.monotonic(), _versions()
    if other := [
        f"{name} {here[name]}, not {wanted}" for name, wanted in expected.items() if here[name] != wanted
    ]:
        raise WorkerError(
            f"worker {worker_name() or platform.node()} has {', '.join(other)} as here. Install the same "
            "versions on all machines."
        )
    results = [work(item) for item in items]
    return time.monotonic() - start, results


@cache
def _versions() -> dict[str, str]:
    """Return the versions on which numbers, and what is sent between processes, depend."""
    versions = {"sodbench": __version__, "python": ".".join(platform.python_version_tuple()[:2])}
    for package in ("numpy", "numba", "pillow"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "unknown"
    return versions


def _width(executor: Executor) -> int:
    """Return how many chunks an executor works on at once, as far as it tells; 0: its workers are gone."""
    if client := getattr(executor, "_client", None):  # distributed's
        return sum(client.nthreads().values())
    return int(getattr(executor, "_max_workers", 0)) or cpus()
