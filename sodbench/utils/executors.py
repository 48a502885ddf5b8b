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

import logging
import math
import os
import platform
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from sodbench.errors import WorkerError, first_few
from sodbench.utils.process import Say, cpus, keep_freed_memory
from sodbench.version import __version__

if TYPE_CHECKING:
    from distributed import Client

KINDS = ("threads", "processes", "dask")
"""Where work can be done."""

MANY_ITEMS = 2000
"""Items from which processes are worth their start (two seconds of computing, half of them spent at once)."""

CHUNK_SECONDS = 0.25
"""What a chunk should take: an interrupt waits for it, and progress is shown after it."""

CHUNK_ITEMS = 64
"""The most items of a chunk."""

CONNECT_SECONDS = 10
"""How long a scheduler may take to answer."""

WORKERS_SECONDS = 60
"""How long workers are waited for."""

NO_PORT = {"dashboard_address": "127.0.0.1:0"}
"""Without a dashboard, a scheduler still serves its state, and warns where the usual port is taken."""

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
        """Return the executor for so many items; it stays open until the block ends."""
        many = items >= MANY_ITEMS and self.jobs > 1
        kind = self.kind or ("processes" if many else "threads")
        if kind not in self._opened:
            self._opened[kind] = self._stack.enter_context(self._open(kind))
        return self._opened[kind]

    @contextmanager
    def _open(self, kind: str) -> Iterator[Executor]:
        if kind == "dask":
            with _dask(self.jobs, self.scheduler, self._say) as executor:
                yield executor
            return
        executor = (
            ThreadPoolExecutor(self.jobs) if kind == "threads" else _processes(self.jobs, self._preload)
        )
        try:
            yield executor
        finally:
            executor.shutdown(cancel_futures=True)


def streamed(
    executor: Executor, work: Callable[[Item], Result], items: Sequence[Item]
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with its result as they are finished.

    Items are sent in chunks whose size follows from the time that the last one took, a bounded number of them
    at once; those that have not begun are cancelled when the iterator is closed.

    Raises
    ------
    WorkerError
        A worker died, or has other versions of what numbers depend on; all are gone, or the scheduler is.
    """
    expected = _versions()
    start, size, width = 0, 1, max(1, _width(executor))
    looked, gone = time.monotonic(), math.inf
    running: dict[Future[tuple[float, list[Result]]], Sequence[Item]] = {}
    try:
        while running or start < len(items):
            while start < len(items) and len(running) < 2 * width:
                some = items[start : start + size]
                running[executor.submit(_work_on, work, some, expected)] = some
                start += len(some)
            for future in wait(running, CONNECT_SECONDS, FIRST_COMPLETED).done:
                some = running.pop(future)
                seconds, results = future.result()
                fitting = int(CHUNK_SECONDS * len(some) / max(seconds, 1e-9))
                rest = (len(items) - start) // (2 * width)
                size = max(1, min(fitting, 2 * size, CHUNK_ITEMS, rest))
                yield from zip(some, results, strict=True)
            if (now := time.monotonic()) - looked > CONNECT_SECONDS:
                looked, there = now, _width(executor)
                width, gone = (there, math.inf) if there else (width, min(gone, now))
                if now - gone > WORKERS_SECONDS:
                    raise WorkerError(
                        f"all Dask workers are gone, waited {WORKERS_SECONDS} s for one. Look into their "
                        "logs, and start some."
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


def worker_name() -> str:
    """Return the address of the Dask worker in which this is called, an empty text elsewhere."""
    if "distributed" not in sys.modules:
        return ""
    from distributed import get_worker

    try:
        return str(get_worker().address)
    except ValueError:
        return ""


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


def _processes(jobs: int, preload: Sequence[str]) -> Executor:
    """Start worker processes, which ignore Ctrl-C: whoever waits for them ends them."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    way = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(way)
    if way == "forkserver":
        context.set_forkserver_preload([*preload])
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin_worker)
    with _one_thread_each(), no_interrupt():
        for _ in range(jobs):
            pool.submit(_versions)
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


def _settle_in() -> None:
    """Let a worker process leave Ctrl-C to the process that started it, and keep its memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()


def _begin_worker() -> None:
    """Prepare a worker process, which ends with the process that started it."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait as wait_for
    from threading import Thread

    _settle_in()
    parent = parent_process()
    assert parent is not None

    def end_with_parent() -> None:
        wait_for([parent.sentinel])
        os._exit(1)

    Thread(target=end_with_parent, daemon=True).start()


@contextmanager
def _dask(jobs: int, scheduler: str | None, say: Say) -> Iterator[Executor]:
    """Connect to a scheduler, or start a local cluster; yield its executor once it has a worker."""
    try:
        import distributed
        from distributed.utils import silence_logging_cmgr
    except ImportError as error:
        raise WorkerError(
            "Dask is not installed, which --executor dask needs: pip install 'sodbench[dask]'."
        ) from error
    with ExitStack() as stack:
        stack.enter_context(silence_logging_cmgr(logging.CRITICAL))  # what ends the work is said in one line
        if scheduler is None:
            client = _local_cluster(stack, jobs)
        else:
            client = _connected(scheduler)
            stack.callback(client.close)
            if not client.nthreads():
                say(f"{scheduler}: waiting for workers, at most {WORKERS_SECONDS} s ...")
                try:
                    client.wait_for_workers(1, timeout=WORKERS_SECONDS)
                except distributed.TimeoutError as error:
                    raise WorkerError(
                        f"{scheduler}: this scheduler has no workers, waited {WORKERS_SECONDS} s for one. "
                        f"Start some (dask worker {scheduler}), and run the same command again."
                    ) from error
            _check_installed(client, scheduler)
        executor = client.get_executor(pure=False)
        stack.callback(executor.shutdown, wait=False)
        yield executor


def _local_cluster(stack: ExitStack, jobs: int) -> "Client":
    """Start worker processes of one thread each on this machine."""
    from distributed import Client, LocalCluster

    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sodbench-dask-"))
    with no_interrupt():
        cluster = LocalCluster(
            n_workers=jobs,
            threads_per_worker=1,
            memory_limit=0,
            dashboard_address=None,
            scheduler_kwargs=NO_PORT,
            local_directory=folder,
            silence_logs=logging.CRITICAL,
        )
        stack.callback(cluster.close)
        client = Client(cluster, set_as_default=False)
        stack.callback(client.close)
        client.run(_settle_in)
    return client


def _check_installed(client: "Client", scheduler: str) -> None:
    """Refuse a scheduler or workers without sodbench: what they are sent ends them, without a word."""

    def has() -> bool:  # sent by its content, as it is a function in a function
        from importlib.util import find_spec

        return find_spec("sodbench") is not None

    there = {scheduler: client.run_on_scheduler(has), **client.run(has)}
    if lacking := [address for address, has_it in there.items() if not has_it]:
        raise WorkerError(
            f"{first_few(lacking)}: sodbench is not installed there. Install the same version on the "
            "scheduler's machine and on all workers."
        )


def _connected(scheduler: str) -> "Client":
    """Connect to a scheduler, after looking whether it is there: a client that fails holds up the end."""
    import asyncio

    from distributed import Client, Security
    from distributed.comm.core import connect

    async def look() -> None:
        with_what = Security().get_connection_args("client")
        await (await connect(scheduler, timeout=CONNECT_SECONDS, **with_what)).close()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other versions of Dask itself; `_work_on` looks at what matters
        try:
            asyncio.run(look())
            return Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:  # TimeoutError is an OSError
            raise WorkerError(
                f"--scheduler {scheduler}: no Dask scheduler answers there ({' '.join(str(error).split())}). "
                "Expected an address such as tcp://host:8786."
            ) from error
