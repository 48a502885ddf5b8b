"""``sodbench table``."""

from dataclasses import dataclass
from pathlib import Path

import click

from sodbench.cli.conventions import gathered
from sodbench.cli.options import (
    BOARDS_OPTION,
    METHODS_OPTION,
    datasets_option,
    metrics_option,
    text_option,
)
from sodbench.cli.output import check_targets, deliver, is_stdout, progress_bar, say
from sodbench.cli.parameters import FOLDER, option

STYLES = click.Choice(["text", "latex", "markdown", "html", "csv"])


@dataclass(frozen=True)
class TableOptions:
    """What ``sodbench table`` is asked for."""

    paper: bool
    ablation: bool
    measure: bool
    datasets: tuple[str, ...]
    methods: tuple[str, ...]
    metrics: tuple[str, ...]
    own: tuple[Path, ...]
    sort: str | None
    mark: str
    decimals: int
    delta: bool
    mean_rank: bool
    means: bool
    ci: bool
    significance: bool
    caption: str | None
    style: str | None
    out: Path | None
    boards: Path | None


@click.command()
@option("--paper", is_flag=True, help="Tables 3 and 4 of the U2-Net paper: published rows, six datasets.")
@option("--ablation", is_flag=True, help="Tables 1 and 2 of the paper: blocks, and what networks cost.")
@option("--measure", is_flag=True, help="Like --ablation, and time all 13 networks on this machine.")
@datasets_option()
@METHODS_OPTION
@metrics_option("paper")
@option("--with", "own", type=FOLDER, multiple=True, help="Add scores of `sodbench score`. Repeatable.")
@option("--sort", help="method, year, size, rank or a metric  [as on the boards].")
@option(
    "--mark",
    type=click.Choice(["best3", "bold", "none"]),
    default="best3",
    show_default=True,
    help="Mark the best three, the best, or none.",
)
@option("--decimals", type=click.IntRange(1, 6), default=3, show_default=True, help="Digits after the point.")
@option("--delta", is_flag=True, help="Add columns of measured minus published values.")
@option("--mean-rank", is_flag=True, help="Add the mean of each method's ranks.")
@option(
    "--means", is_flag=True, aliases=("--average",), help="Add means over the methods, and over the datasets."
)
@option("--ci", is_flag=True, help="Add ± half the 95 % bootstrap interval to rows of --with.")
@option("--significance", is_flag=True, help="Mark which of the rows of --with each is better than.")
@option("--caption", help="Start of the caption; marks, sources and signatures follow.")
@option("--format", "style", type=STYLES, help="By default that of --out's suffix, else text.")
@text_option()
@BOARDS_OPTION
@gathered(TableOptions)
def table(options: TableOptions) -> None:
    """Show methods side by side: published values, measured values, and your own.

    \b
    sodbench table --paper --format latex --out tables.tex
    sodbench table --dataset SOD --with scores/mine --delta
    sodbench table --ablation --measure
    """  # noqa: D301 (click needs the character \b)
    from sodbench.reports.formats import style_of

    check_targets(options.out)
    style = options.style or style_of(options.out)
    ablation = options.ablation or options.measure
    deliver(_ablation(options, style) if ablation else _side_by_side(options, style), options.out)
    if options.out and not is_stdout(options.out):
        say(f"written: {options.out}")


def _ablation(options: TableOptions, style: str) -> str:
    """Return the tables of blocks and of networks."""
    from sodbench.reports.ablation import ablation_tables

    if options.paper or options.datasets or options.methods or options.own or options.boards:
        raise click.UsageError("--ablation shows tables of its own: no datasets, methods or scores.")
    return ablation_tables(style, measure=options.measure, mark=options.mark)


def _side_by_side(options: TableOptions, style: str) -> str:
    """Return the table of methods, and say what it leaves out."""
    from sodbench.leaderboard.boards import read_boards
    from sodbench.leaderboard.folder import boards_folder
    from sodbench.metrics import metric_ids
    from sodbench.reports.formats import render_table
    from sodbench.reports.leaderboard_table import assemble, build_table, notices, own_scores
    from sodbench.scoring.selection import read_scores, stored_under

    metrics = metric_ids(options.metrics)
    boards = read_boards(boards_folder(options.boards, say))
    stored = stored_under(options.own)
    scores = read_scores(own_scores(stored, options.datasets, options.methods), metrics)
    shown = assemble(boards, scores, paper=options.paper, datasets=options.datasets, methods=options.methods)
    for line in notices(shown, boards, stored):
        say(line)
    resampled = None
    if options.ci or options.significance:
        from sodbench.reports.confidence import marks

        with progress_bar("resampling", "step") as progress:
            wanted = {"spreads": options.ci, "better": options.significance}
            resampled = marks(scores, metrics, **wanted, progress=progress)
    table = build_table(
        shown,
        metrics=metrics,
        sort=options.sort or "",
        decimals=options.decimals,
        delta=options.delta,
        mean_rank=options.mean_rank,
        average=options.means,
        marks=resampled,
    )
    return render_table(table, style, mark=options.mark, caption=options.caption or "")
