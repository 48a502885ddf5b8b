"""``sodbench plot-size``."""

from dataclasses import dataclass
from pathlib import Path

import click

from sodbench.cli.conventions import gathered
from sodbench.cli.options import (
    BOARDS_OPTION,
    HIGHLIGHT_OPTION,
    METHODS_OPTION,
    dataset_option,
    figure_option,
    metric_option,
    width_option,
)
from sodbench.cli.output import finish_figure, say
from sodbench.cli.parameters import option
from sodbench.data.registry import dataset_name


@dataclass(frozen=True)
class SizeOptions:
    """What ``sodbench plot-size`` is asked for."""

    dataset: str
    metric: str
    methods: tuple[str, ...]
    source: str | None
    boards: Path | None
    highlight: tuple[str, ...]
    log: bool
    width: str
    out: Path


@click.command()
@dataset_option(default="ECSSD", show_default=True)
@metric_option()
@METHODS_OPTION
@option("--source", type=click.Choice(["published", "measured"]), help="Only these rows  [both].")
@BOARDS_OPTION
@HIGHLIGHT_OPTION
@option("--log", is_flag=True, help="Sizes on a logarithmic axis.")
@width_option("single")
@figure_option("size.pdf")
@gathered(SizeOptions)
def plot_size(options: SizeOptions) -> None:
    """Draw a metric against the size of the weights, from a leaderboard.

    Measured rows are hollow. Put your own method on a board of yours with
    `sodbench leaderboard add SCORES --boards DIR --size-mb MB`, then pass --boards DIR here.

    \b
    sodbench plot-size --log
    sodbench plot-size --dataset SOD --metric mae --width double --out size.svg
    """  # noqa: D301 (click needs the character \b)
    from sodbench.leaderboard.boards import read_boards
    from sodbench.leaderboard.folder import boards_folder
    from sodbench.metrics import find_metric, signature_about
    from sodbench.reports.figures.size import size_plot, sized
    from sodbench.reports.figures.style import check_figure_target, figure_style, new_figure, save_figure

    check_figure_target(options.out)
    (board,) = read_boards(boards_folder(options.boards, say), [dataset_name(options.dataset)]).values()
    metric = find_metric(options.metric).id
    board, lines = sized(board, metric, options.methods, options.source)
    with figure_style():
        fig, (ax,) = new_figure([""], options.width)
        size_plot(ax, board, metric=metric, log=options.log, highlight=options.highlight)
        made = (signature_about(entry.signature, [metric]) for entry in board.of("measured"))
        signatures = list(dict.fromkeys(made))
        save_figure(fig, options.out, "; ".join(signatures))
    methods = [entry.method for entry in board.entries]
    finish_figure(options.out, lines, methods, options.highlight, signatures)
