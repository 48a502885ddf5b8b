"""What commands print and write."""

import errno
import io
import os
import shlex
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from sodbench.errors import SodbenchWarning, escaped, first_few
from sodbench.utils.text import readable, shown_rate

if TYPE_CHECKING:
    from sodbench.scoring.runs import Results
    from sodbench.scoring.scores import Scores
    from sodbench.utils.process import NotedProgress


class Stream(io.TextIOBase):
    """A standard stream to which everything can be printed, whatever its encoding and wherever it leads.

    It has no ``buffer``, so nothing gets past `readable`.

    Parameters
    ----------
    stream
        The stream itself, None where the process was started with it closed.
    needed
        Whether it is an error that something cannot be printed.
    steering
        Whether control characters pass, as those of a progress bar have to. Otherwise they are escaped in all
        that goes to stderr or a terminal, line breaks and tabs excepted.
    """

    def __init__(self, stream: TextIO | None, needed: bool, steering: bool = False) -> None:
        self._stream, self._needed, self._steering = stream, needed, steering

    def steerable(self) -> "Stream":
        """Return this stream for a progress bar."""
        return Stream(self._stream, self._needed, steering=True)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The stream's own encoding."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        """What becomes of other letters: there are none."""
        return "strict"

    def isatty(self) -> bool:
        """Tell whether the stream is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Return the stream's number, where it has one."""
        return super().fileno() if self._stream is None else self._stream.fileno()

    def writable(self) -> bool:
        """Tell that the stream may be written to."""
        return True

    def write(self, text: str | bytes) -> int:
        """Write the text, with the letters that the stream has.

        Click writes shell completions as bytes where it finds no ``buffer``, and asks with none of them
        whether a stream takes bytes.
        """
        if isinstance(text, bytes):
            if not text:
                raise TypeError("expected str")
            text = text.decode()
        bare = self._steering or (self._needed and not self.isatty())
        plain = readable(text if bare else escaped(text, keep="\n\t"), self.encoding)
        if plain:  # click tries streams with an empty text, for which nothing may happen
            with self._told():
                if self._stream is None:
                    raise OSError(errno.EBADF, "it is closed")
                self._stream.write(plain)
        return len(text)

    def flush(self) -> None:
        """Write what is held back."""
        with self._told():
            if self._stream is not None:
                self._stream.flush()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what is wrong with stdout into one line, once; what is wrong with stderr cannot be told."""
        try:
            yield
        except OSError as error:
            self._drop()
            if isinstance(error, BrokenPipeError) and self._needed:
                raise
            if self._needed:
                raise click.ClickException(f"stdout: cannot print the result ({error.strerror}).") from error

    def _drop(self) -> None:
        """Let what is held back go nowhere, or Python tries to write it once more when it ends."""
        if self._stream is not None:
            with suppress(OSError, ValueError):
                number = self._stream.fileno()
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, number)
                os.close(nowhere)


@contextmanager
def readable_streams() -> Iterator[None]:
    """Let all that is printed go through `Stream`, tracebacks excepted."""
    before = sys.stdout, sys.stderr
    for number, stream in enumerate(before, 1):
        if stream is None:
            _occupy(number)
    sys.stdout, sys.stderr = Stream(before[0], needed=True), Stream(before[1], needed=False)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _occupy(number: int) -> None:
    """Open a closed standard stream's number, or the next file gets it, and what a C library prints."""
    try:
        os.fstat(number)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != number:
            os.dup2(nowhere, number)
            os.close(nowhere)


def say(line: str) -> None:
    """Tell the user something on stderr that is not a result."""
    click.echo(line, err=True)


@contextmanager
def said_warnings() -> Iterator[None]:
    """Print what the library warns of as a line of information, each once."""
    said: set[str] = set()
    with warnings.catch_warnings():
        show_others = warnings.showwarning

        def show_one(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, SodbenchWarning):
                if str(message) not in said:
                    say(str(message))
                said.add(str(message))
            else:
                show_others(message, category, filename, lineno, file, line)

        warnings.simplefilter("always", SodbenchWarning)
        warnings.showwarning = show_one
        yield


def show(text: str, newline: bool = True) -> None:
    """Print a result."""
    click.echo(text, nl=newline)


def deliver(text: str | Iterable[str], file: Path | None) -> None:
    """Write a finished text, or one part of it after the other, to a file, or print it."""
    from sodbench.utils.files import replacing

    parts = [text] if isinstance(text, str) else text
    if file is None or is_stdout(file):
        for some in parts:
            show(some, newline=False)
    else:
        with replacing(file) as part, part.open("w", encoding="utf-8") as stream:
            stream.writelines(parts)


def is_stdout(file: Path) -> bool:
    """Tell whether a file to write stands for stdout."""
    return file.name == "-" or str(file) == "/dev/stdout"


def check_targets(*files: Path | None, as_json: bool = False) -> None:
    """Check before the work starts that the files asked for are distinct and can be written."""
    from sodbench.utils.files import check_writable

    given = [file.absolute() for file in files if file is not None]
    if twice := [file for file in given if given.count(file) > 1]:
        raise click.UsageError(f"two outputs both name {twice[0]}, expected two files.")
    if as_json and any(is_stdout(file) for file in given):
        raise click.UsageError("--json and a file both go to stdout, expected one output there.")
    for file in given:
        if not is_stdout(file) and (file.is_file() or not file.exists()):
            check_writable(file.parent)


def report(
    scores: "list[Scores]",
    csv_file: Path | None = None,
    images_file: Path | None = None,
    as_json: bool = False,
    all_metrics: bool = False,
) -> None:
    """Write the files asked for, and print JSON, or the table of the usual metrics or of all."""
    from sodbench.metrics import DEFAULT_METRICS, METRICS
    from sodbench.reports.scores import images_csv, scores_csv, scores_json, text_table, usual_metrics

    if csv_file is not None:
        deliver(scores_csv(scores), csv_file)
    if images_file is not None:
        deliver(images_csv(scores), images_file)
    if as_json:
        show(scores_json(scores))
        return
    columns = tuple(METRICS) if all_metrics else usual_metrics(scores)
    show(text_table(scores, metrics=columns))
    if more := [name for name in METRICS if name not in columns and any(name in s.metrics for s in scores)]:
        which = "default" if set(more) <= set(DEFAULT_METRICS) else "all"
        say(f"Also computed: {first_few(more)}. Pass --metrics {which} to score or rescore to see them.")


def say_where(results: "Results") -> None:
    """Say where scores are stored, and what to type next."""
    for line in results.stored:
        say(line)
    by_dataset: dict[str, list[tuple[Scores, str]]] = {}
    for scores, place in zip(results.scores, results.places, strict=True):
        if place.stored:
            by_dataset.setdefault(scores.dataset, []).append((scores, str(place.home)))
    if stored := max(by_dataset.values(), key=len, default=[]):
        scores, home = stored[0]
        if len(stored) > 1 and _can_be_compared(scores):
            words = ["sodbench", "compare", *(home for _, home in stored[:5])]
            say(f"Compare them, for example: {shlex.join(words)}")
        else:
            by = [] if "max_f" in scores.metrics else ["--metric", scores.metrics[0]]
            say(f"See the worst images: {shlex.join(['sodbench', 'worst', home, *by, '--out', 'worst.pdf'])}")


def _can_be_compared(scores: "Scores") -> bool:
    """Tell whether `sodbench compare` says more of so many images than that they are too few."""
    from sodbench.analysis.statistics.resampling import FEWEST_IMAGES

    return len(scores.ids) >= FEWEST_IMAGES


@contextmanager
def progress_bar(what: str, unit: str = "image") -> "Iterator[NotedProgress | None]":
    """Show units done, a note, rate and time left on stderr; nothing if that is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    stream: Any = sys.stderr.steerable() if isinstance(sys.stderr, Stream) else sys.stderr
    counts: tuple[ProgressColumn, ...] = (DownloadColumn(), TransferSpeedColumn())
    if unit != "byte":
        texts = (TextColumn(f"{{task.fields[{name}]}}") for name in ("note", "rate"))
        counts = (MofNCompleteColumn(), *texts)
    columns = (TextColumn(what), BarColumn(), *counts, TimeRemainingColumn())
    with Progress(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task(what, total=None, note="", rate="")

        def update(done: int, total: int, note: str = "") -> None:
            rate = shown_rate(bar.tasks[0].speed, unit)
            bar.update(task, completed=done, total=total, note=note, rate=rate)

        yield update


def finish_figure(
    out: Path, said: list[str], names: list[str], highlight: tuple[str, ...], signatures: list[str]
) -> None:
    """Print notices about the figure to stderr, and its path."""
    from sodbench.reports.figures.style import unknown_glyphs

    if absent := [name for name in highlight if name not in names]:
        said = [*said, f"--highlight {', '.join(absent)}: not in this figure."]
    if boxes := unknown_glyphs(names):
        said = [*said, f"the font lacks {boxes}, which are shown as boxes."]
    for line in [*said, *(f"signature: {signature}" for signature in signatures)]:
        say(line)
    show(str(out))
