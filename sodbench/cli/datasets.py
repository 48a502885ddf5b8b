"""``sodbench datasets``."""

import sys
from pathlib import Path

import click

from sodbench.cli.completion import completed, dataset_names
from sodbench.cli.options import DATA_OPTION, MASKS_OPTION
from sodbench.cli.output import progress_bar, say, show
from sodbench.cli.parameters import argument
from sodbench.utils.urls import PathOrUrl


@click.group(invoke_without_command=True)
@DATA_OPTION
@click.pass_context
def datasets(ctx: click.Context, data: Path | None) -> None:
    """List datasets: name, number of images, where they are on this disk, and whether they are complete.

    `show` prints all that is known of one.
    """
    ctx.obj = data
    if ctx.invoked_subcommand is None:
        from sodbench.data.locations import absent_folders, locate_all
        from sodbench.reports.datasets import datasets_table

        for line in [] if data else absent_folders():
            say(line)
        show(datasets_table(locate_all(data)))


@datasets.command("show")
@argument("name", shell_complete=completed(dataset_names))
@DATA_OPTION
@click.pass_context
def show_(ctx: click.Context, name: str, data: Path | None) -> None:
    """Print versions, traps, source and licence of a dataset."""
    from sodbench.data.locations import status_of
    from sodbench.data.registry import find
    from sodbench.reports.datasets import dataset_text

    show(dataset_text(status_of(find(name), data or ctx.obj)))


@datasets.command()
@argument("name", shell_complete=completed(dataset_names))
@DATA_OPTION
@MASKS_OPTION
@click.pass_context
def verify(ctx: click.Context, name: str, data: Path | None, masks: PathOrUrl | None) -> None:
    """Read every mask of a dataset and list all errors. The exit code is 1 if there are any."""
    from sodbench.data.locations import place
    from sodbench.data.verification import verify_dataset as check
    from sodbench.reports.datasets import verification_text

    location = place(name, masks, data or ctx.obj)
    for line in (*location.root_passed_over, *location.passed_over, *location.photos_passed_over):
        say(line)
    with progress_bar(name) as progress:
        verification = check(location, progress)
    show(verification_text(verification))
    sys.exit(0 if verification.ok else 1)
