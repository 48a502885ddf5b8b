"""``sodbench leaderboard``."""

from pathlib import Path
from typing import Any

import click

from sodbench.cli.options import BOARDS_OPTION, FOLDER
from sodbench.cli.output import say, show


@click.group()
def leaderboard() -> None:
    """Keep published and measured scores as one CSV a dataset."""


@leaderboard.command()
@click.argument("scores", nargs=-1, type=FOLDER, required=True)
@click.option(
    "--boards",
    type=FOLDER,
    help="Folder of DATASET.csv; an empty one begins as a copy of the shipped boards.",
)
@click.option("--method", help="Name on the board, in place of the scores' own.")
@click.option("--venue", help="Where the method was published, without the year: CVPR.")
@click.option("--year", type=int)
@click.option("--backbone")
@click.option("--size-mb", type=float, help="Size of the weights' file.")
@click.option("--reference", help="The method's paper.")
@click.option("--note", help="What a reader must know of this row; `mae: text` concerns one metric.")
def add(scores: tuple[Path, ...], boards: Path | None, **facts: Any) -> None:
    """Put SCORES (folders that `sodbench score` wrote, or one above) on their boards, with PR curves."""
    from sodbench.leaderboard.submission import add_rows as put
    from sodbench.leaderboard.submission import own_folder
    from sodbench.scoring.scores import load_scores

    for line in put(
        own_folder(boards), load_scores(scores), **{k: v for k, v in facts.items() if v is not None}
    ):
        say(line)


@leaderboard.command("show")
@click.argument("datasets", nargs=-1)
@BOARDS_OPTION
def show_(datasets: tuple[str, ...], boards: Path | None) -> None:
    """Print the rows of the boards of DATASETS (all), with notes and signature."""
    from sodbench.leaderboard.boards import boards_folder, read_boards
    from sodbench.reports.leaderboard_table import board_text

    found = read_boards(boards_folder(boards), datasets)
    show("\n\n".join(board_text(board) for board in found.values()))


@leaderboard.command()
@BOARDS_OPTION
def check(boards: Path | None) -> None:
    """Check every board and curve of a folder."""
    from sodbench.leaderboard.boards import boards_folder
    from sodbench.leaderboard.submission import check_boards as check_all

    for line in check_all(boards_folder(boards)):
        show(line)
