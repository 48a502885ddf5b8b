"""Valid files, the same files broken, and what reading them may come to.

Each module of this package has a hypothesis strategy for a kind of file, and a probe that reads one. A file
may be accepted, or refused by a `SodbenchError` whose message is short and names it. All else is a fault.
`tests/fuzz` tries a fixed number of each kind, ``benchmarks/fuzz.py`` as many as time allows.
"""

import logging
import os
import re
import resource
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, TypeVar

from hypothesis.strategies import SearchStrategy

from sodbench.errors import SodbenchError, SodbenchWarning

SECONDS = 10
"""Processor time that reading one file may take."""

MEMORY = 3 << 30
"""Bytes of address space that reading one file may add: the largest image allowed, a few times over."""

MOST_LINES, MOST_LETTERS = 9, 2000
"""Size of a message: a heading, the first five and a count."""

Result = TypeVar("Result")

logging.getLogger("PIL").addHandler(logging.NullHandler())


class FaultError(AssertionError):
    """What reading a file may not come to."""


@dataclass(frozen=True, repr=False)
class Case:
    """A file or folder to read.

    Parameters
    ----------
    files
        Path below the folder -> content.
    how
        What was done to it.
    origin
        The files as they were before, where a probe compares.
    """

    files: Mapping[str, bytes]
    how: str = ""
    origin: Mapping[str, bytes] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Tell what was done, as the bytes would fill a screen."""
        sizes = ", ".join(f"{name}: {len(content)} bytes" for name, content in self.files.items())
        return f"Case({self.how!r}, {sizes})"


class Kind(NamedTuple):
    """A kind of file: how to make one, and how to read it; the probe tells whether it was accepted."""

    cases: SearchStrategy[Case]
    probe: Callable[[Case, Path], bool]


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def is_accepted(kind: Kind, case: Case) -> bool:
    """Read a case within bounds, and tell whether it was accepted.

    Raises
    ------
    FaultError
        It was read or refused in a way that is not allowed.
    Exception
        Whatever reading it raised besides `SodbenchError`.
    """
    with tempfile.TemporaryDirectory() as name, _bounded(), _quiet():
        write_files(case.files, Path(name))
        return kind.probe(case, Path(name))


def read_or_refused(read: Callable[[], Result], *names: str) -> Result | None:
    """Return what is read, or None if that is refused by a message that names one of `names`."""
    try:
        return read()
    except SodbenchError as error:
        check_message(str(error), *names)
        return None


def check_message(text: str, *names: str) -> None:
    """Hold a message against what every message must be."""
    if len(text) > MOST_LETTERS or text.count("\n") >= MOST_LINES:
        raise FaultError(f"message of {len(text)} letters, {text.count(chr(10)) + 1} lines: {text[:300]!r}")
    if found := re.search(r"\bat 0x[0-9a-f]{6,}|Traceback|<[\w.]+ object", text):
        raise FaultError(f"message with {found[0]!r}: {text!r}")
    if names and not any(name in text for name in names):
        raise FaultError(f"message that does not name {names[0]}: {text!r}")


class Canary:
    """Writes a file into the current folder if it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Tell what unpickling calls."""
        return Path.touch, (Path("executed"),)


def check_canary() -> None:
    """Tell if a `Canary` was unpickled, which executes what a file says."""
    if Path("executed").exists():
        Path("executed").unlink()
        raise FaultError("a pickle was executed")


@contextmanager
def _bounded() -> Iterator[None]:
    """Bound the processor time and the memory of what runs inside."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise FaultError(f"more than {SECONDS} s")

    size = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGPROF, stop)
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, hard))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGPROF, before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Let nothing be printed, not by a C library either, and no warning be given."""
    kept, said = os.dup(2), os.memfd_create("stderr")
    os.dup2(said, 2)
    caught: list[warnings.WarningMessage]
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.filterwarnings("ignore", module="PIL")  # as the command line does, and with its log
            yield
    finally:
        os.dup2(kept, 2)
        printed = os.pread(said, 300, 0).decode(errors="replace")
        os.close(said)
        os.close(kept)
    for warning in caught:
        if not issubclass(warning.category, SodbenchWarning):
            raise FaultError(f"warning: {warning.category.__name__}: {warning.message}")
        check_message(str(warning.message))
    if printed:
        raise FaultError(f"printed: {printed!r}")
