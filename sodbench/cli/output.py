"""What commands print and write."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sodbench.cli.options import FILE

if TYPE_CHECKING:
    from sodbench.scoring.scores import Scores


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--csv``, ``--per-image`` and ``--json``."""
    options: tuple[Callable[..., Any], ...] = (
        click.option("--json", "as_json", is_flag=True, help="Print JSON, in full precision."),
        click.option("--per-image", "images_file", type=FILE, help="Write per-image values as CSV."),
        click.option(
            "--csv", "csv_file", type=FILE, help="Write the table as CSV, in full precision (-: to stdout)."
        ),
    )
    for option in options:
        command = option(command)
    return command


def say(line: str) -> None:
    """Tell the user something on stderr that is not a result."""
    click.echo(line, err=True)


def show(text: str, newline: bool = True) -> None:
    """Print a result; characters that stdout cannot encode are replaced by ASCII."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = text.translate({ord("↑"): "^", ord("↓"): "v"})
        text = plain.encode(encoding, "backslashreplace").decode(encoding)
    click.echo(text, nl=newline)


def deliver(text: str, file: Path | None) -> None:
    """Write a finished text to a file, or print it."""
    from sodbench.utils.files import replacing

    if file is None or _is_stdout(file):
        show(text, newline=False)
    else:
        with replacing(file) as part:
            part.write_text(text, encoding="utf-8")


def _is_stdout(file: Path) -> bool:
    return file.name == "-" or str(file) == "/dev/stdout"


def check_targets(*files: Path | None, as_json: bool = False) -> None:
    """Check before the work starts that the files asked for are distinct and can be written."""
    from sodbench.utils.files import check_writable

    given = [file.absolute() for file in files if file is not None]
    if twice := [file for file in given if given.count(file) > 1]:
        raise click.UsageError(f"two outputs both name {twice[0]}, expected two files.")
    if as_json and any(_is_stdout(file) for file in given):
        raise click.UsageError("--json and a file both go to stdout, expected one output there.")
    for file in given:
        if not _is_stdout(file) and (file.is_file() or not file.exists()):
            check_writable(file.parent)


def report(scores: "list[Scores]", csv_file: Path | None, images_file: Path | None, as_json: bool) -> None:
    """Write the files asked for, and print the table or JSON."""
    from sodbench.reports.scores import images_csv, scores_csv, scores_json, text_table
    from sodbench.utils.files import replacing

    writers: dict[Path | None, Callable[[list[Scores]], str]]
    writers = {csv_file: scores_csv, images_file: images_csv}
    for file, text in writers.items():
        if file is not None and _is_stdout(file):
            show(text(scores), newline=False)
        elif file is not None:
            with replacing(file) as part:
                part.write_text(text(scores), encoding="utf-8")
    show(scores_json(scores) if as_json else text_table(scores))


@contextmanager
def progress_bar(what: str) -> "Iterator[Callable[[int, int], None] | None]":
    """Show images done, rate and time left on stderr; nothing if that is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, rate="")

        def update(done: int, total: int) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=done, total=total, rate=f"{speed:.0f} images/s" if speed else "")

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
