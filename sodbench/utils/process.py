"""The process: its memory, its CPUs, and how work reports its progress."""

import ctypes
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from threading import Lock, current_thread, main_thread
from typing import Protocol

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
KEPT = (1 << 31) - 1
GROWTH = 16 << 20


@cache
def keep_freed_memory() -> bool:
    """Keep large freed blocks in the process instead of giving them back to the system.

    Scoring allocates and frees a few megabytes per image, a network some hundred. By default glibc
    returns such blocks at once and faults them in again for the next image, which costs a fifth of the
    time of either (measured). Sets glibc's thresholds for the whole process, so the command line calls it
    and the library does not; returns False if the C library has no such setting.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return False
    settings = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, KEPT), (M_TOP_PAD, GROWTH))
    return all(library.mallopt(option, size) for option, size in settings)


def release_freed_memory() -> None:
    """Give all freed memory back to the system, also what `keep_freed_memory` keeps, and what threads freed.

    Called between stages that take much memory each: what one has freed, in pieces or in the pools that glibc
    has for each thread, is seldom of use to the next. Nothing is done if the C library has no such call.
    """
    if sys.platform.startswith("linux") and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)


def import_from_here() -> None:
    """Let this process import modules from the current folder, after everything that is installed.

    The command line calls it where users name a model of their own as ``module:function``, and only there:
    with the current folder on the path, a folder named like a missing package is imported in its place.
    """
    if "" not in sys.path:
        sys.path.append("")


_STDERR = Lock()


@contextmanager
def captured_lines(pattern: re.Pattern[bytes]) -> Iterator[list[str]]:
    """Collect the lines that a C library prints to stderr, which are there when the block has ended.

    For that time all that the process prints there is held back; what `pattern` does not match, such as
    another thread's progress bar, is printed afterwards. One thread at a time.

    Examples
    --------
    >>> with captured_lines(re.compile(rb"lib: .*")) as lines:
    ...     _ = os.write(2, b"lib: no such tag")
    >>> lines
    ['lib: no such tag']
    """
    lines: list[str] = []
    with _STDERR, tempfile.TemporaryFile() as held:
        try:
            stderr = os.dup(2)
        except OSError:  # it is closed, and nothing can be printed
            yield lines
            return
        os.dup2(held.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            text = held.read()
            lines += [line.decode(errors="replace").strip() for line in pattern.findall(text)]
            os.write(2, pattern.sub(b"", text))


ENDINGS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals by which a process is asked to end: Ctrl-C, a system or a queue, a terminal that is closed."""


class Ended(KeyboardInterrupt):
    """The process is asked to end, by another signal than that of Ctrl-C."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, by an exception; what is finished is then kept.

    Later ones are ignored until the block has ended, since a terminal that is closed sends two. A signal that
    the host handles or ignores (nohup) is left to it, and so are all of them outside the main thread.
    """
    if current_thread() is not main_thread():
        yield
        return
    ours = [number for number in ENDINGS if signal.getsignal(number) is signal.SIG_DFL]

    def end(number: int, frame: object) -> None:
        for other in ours:
            signal.signal(other, signal.SIG_IGN)
        raise Ended(number)

    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


Progress = Callable[[int, int], None]
"""Called with the number of images or steps done and their total."""

Say = Callable[[str], None]
"""Takes a line of information for the user."""


def step_counter(progress: Progress | None, total: int) -> Callable[[], None]:
    """Return what reports one more step of so many, each time it is called.

    >>> step = step_counter(lambda done, total: print(done, "of", total), 2)
    >>> step(), step()
    1 of 2
    2 of 2
    (None, None)
    """
    steps = iter(range(1, total + 1))
    return lambda: progress(next(steps), total) if progress else None


Bar = Callable[[str], AbstractContextManager[Progress | None]]
"""Given the name of a task, shows its progress."""


class NotedProgress(Protocol):
    """A `Progress` that also shows a note, such as the loss."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Show how much is done."""


UnitBar = Callable[[str, str], AbstractContextManager[NotedProgress | None]]
"""A `Bar` that is also given the unit of the task: image, step, byte."""


def no_bar(what: str, unit: str) -> AbstractContextManager[None]:
    """Show no progress."""
    return nullcontext()


def cpus() -> int:
    """Count the CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
