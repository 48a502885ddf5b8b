"""``sodbench leaderboard``."""

from dataclasses import dataclass
from pathlib import Path

import click

from sodbench.cli.completion import completed, dataset_names, stored_methods
from sodbench.cli.conventions import gathered
from sodbench.cli.options import BOARDS_OPTION, METHOD_OPTION, datasets_option, metrics_option
from sodbench.cli.output import say, show
from sodbench.cli.parameters import FOLDER, argument, option


@dataclass(frozen=True)
class AddOptions:
    """What ``sodbench leaderboard add`` is asked for."""

    scores: tuple[Path, ...]
    boards: Path | None
    method: str | None
    venue: str | None
    year: int | None
    backbone: str | None
    size_mb: float | None
    supervision: str | None
    reference: str | None
    note: str | None
    metrics: tuple[str, ...]


@click.group()
def leaderboard() -> None:
    """Keep published and measured scores in one CSV per dataset."""


@leaderboard.command()
@argument("scores", nargs=-1, type=FOLDER, required=True)
@BOARDS_OPTION
@METHOD_OPTION
@option("--venue", help="Where the method was published, without the year: CVPR.")
@option("--year", type=int, help="Year of publication.")
@option("--backbone", help="Backbone of the network: VGG-16.")
@option("--size-mb", type=float, help="Size of the weights' file.")
@option(
    "--supervision",
    type=click.Choice(["full", "semi", "weak", "unsupervised"]),
    help="What it learned from: masks of all images, of some, labels that are no masks, none at all.",
)
@option("--reference", help="The method's paper.")
@metrics_option("paper, which is there in any case, and what the board has")
@option("--note", help="What a reader should know about this row; `mae: text` concerns one metric.")
@gathered(AddOptions)
def add(options: AddOptions) -> None:
    """Add SCORES to their boards, with PR curves.

    SCORES are folders that `sodbench score` wrote, or one above. An empty folder of boards begins as a
    copy of the shipped ones.
    """
    from sodbench.leaderboard.folder import own_folder
    from sodbench.leaderboard.submission import MethodFacts, add_rows
    from sodbench.metrics import metric_ids
    from sodbench.scoring.selection import load_scores

    facts = MethodFacts(
        method=options.method,
        venue=options.venue,
        year=options.year,
        backbone=options.backbone,
        size_mb=options.size_mb,
        supervision=options.supervision,
        reference=options.reference,
        note=options.note,
    )
    metrics = metric_ids(options.metrics)
    stored = load_scores(options.scores, metrics=metrics)
    for line in add_rows(own_folder(options.boards), stored, facts, metrics):
        say(line)


@leaderboard.command("show")
@argument("datasets", nargs=-1, shell_complete=completed(dataset_names))
@BOARDS_OPTION
def show_(datasets: tuple[str, ...], boards: Path | None) -> None:
    """Print the boards of DATASETS (all), with notes and signature."""
    from sodbench.leaderboard.boards import read_boards
    from sodbench.leaderboard.folder import boards_folder
    from sodbench.reports.leaderboard_table import board_text

    shown = read_boards(boards_folder(boards, say), datasets)
    show("\n\n".join(board_text(board) for board in shown.values()))


@leaderboard.command()
@argument("method", shell_complete=completed(stored_methods))
@datasets_option()
@BOARDS_OPTION
def remove(method: str, datasets: tuple[str, ...], boards: Path | None) -> None:
    """Remove the measured rows of METHOD and their curves. Published rows stay."""
    from sodbench.data.registry import dataset_name
    from sodbench.leaderboard.folder import own_folder
    from sodbench.leaderboard.submission import remove_rows

    for line in remove_rows(own_folder(boards), method, [dataset_name(name) for name in datasets]):
        say(line)


@leaderboard.command()
@BOARDS_OPTION
@option("--add-digests", is_flag=True, help="Write a digest into files of curves that have none.")
def check(boards: Path | None, add_digests: bool) -> None:
    """Check every board and curve of a folder."""
    from sodbench.leaderboard.folder import boards_folder, own_folder
    from sodbench.leaderboard.submission import check_boards

    folder = own_folder(boards) if add_digests else boards_folder(boards, say)
    for line in check_boards(folder, add_digests):
        show(line)
