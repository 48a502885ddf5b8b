"""``sodbench plot-size``."""

from pathlib import Path

import click

from sodbench.cli.plotting import BOARDS, HIGHLIGHT, METHODS, WIDTH, dataset_name, finish, out_option


@click.command()
@click.option("--dataset", "-d", default="ECSSD", show_default=True)
@click.option("--metric", default="max_f", show_default=True, help="ID of one of the paper's five metrics.")
@METHODS
@click.option("--source", type=click.Choice(["published", "measured"]), help="Only these rows  [both].")
@BOARDS
@HIGHLIGHT
@click.option("--log", is_flag=True, help="Sizes on a logarithmic axis.")
@click.option("--width", type=WIDTH, default="single", show_default=True, help="3.5 or 7.16 inches.")
@out_option("size.pdf")
def plot_size(
    dataset: str,
    metric: str,
    methods: tuple[str, ...],
    source: str | None,
    boards: Path | None,
    highlight: tuple[str, ...],
    log: bool,
    width: str,
    out: Path,
) -> None:
    """Draw a metric against the size of the weights, from a leaderboard.

    Measured rows are hollow. Put your own method on a board of yours with
    `sodbench leaderboard add SCORES --boards DIR --size-mb MB`, then pass --boards DIR here.

    \b
    sodbench plot-size --log
    sodbench plot-size --dataset SOD --metric mae --width double --out size.svg
    """  # noqa: D301 (click needs the character \b)
    from sodbench import plots
    from sodbench.boards import boards_folder, read_boards

    plots.check_target(out)
    (board,) = read_boards(boards_folder(boards), [dataset_name(dataset)]).values()
    board, said = plots.sized(board, metric, methods, source)
    with plots.style():
        fig, (ax,) = plots.figure([""], width)
        plots.size_plot(ax, board, metric=metric, log=log, highlight=highlight)
        signatures = list(dict.fromkeys(entry.signature for entry in board.of("measured")))
        plots.save(fig, out, "; ".join(signatures))
    finish(out, said, [entry.method for entry in board.entries], highlight, signatures)
