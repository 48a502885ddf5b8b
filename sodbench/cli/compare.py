"""``sodbench compare``."""

from pathlib import Path
from typing import Any

import click

from sodbench.cli.options import FILE, FOLDER, SpacedCommand, is_dataset, split_names
from sodbench.cli.output import check_targets, deliver, say, show
from sodbench.data.registry import dataset_name


@click.command(cls=SpacedCommand, spaced=dict.fromkeys(("--dataset", "-d"), is_dataset))
@click.argument("stored", nargs=-1, type=FOLDER, required=True, metavar="A B [C]...")
@click.option("--dataset", "-d", "datasets", multiple=True, callback=split_names, help="Which, one or more.")
@click.option("--metrics", multiple=True, callback=split_names, help="ID,ID, or paper, all  [paper].")
@click.option(
    "--by", "attribute", help="Break down by size, objects, border, thin or contrast of the images."
)
@click.option("--data", type=FOLDER, help="For --by: where masks and photos lie now.")
@click.option("--resamples", type=click.IntRange(100), default=10_000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--interval", type=click.Choice(["percentile", "bca"]), default="percentile", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, in full precision.")
@click.option("--csv", "csv_file", type=FILE, help="Write the differences as CSV (-: to stdout).")
@click.option("--plot", type=FILE, help="Draw differences (two methods), ranks, or --by; .pdf, .svg or .png.")
def compare(
    stored: tuple[Path, ...],
    datasets: tuple[str, ...],
    metrics: tuple[str, ...],
    attribute: str | None,
    data: Path | None,
    as_json: bool,
    csv_file: Path | None,
    plot: Path | None,
    **how: Any,
) -> None:
    """Tell whether the difference between methods is real.

    A, B, C are folders that `sodbench score` wrote, or one above. Differences are A - B, with a 95 %
    interval of a paired bootstrap over images and the p-value of a paired permutation, adjusted by
    Holm. Three methods or more are ranked, too, with Friedman's test and Nemenyi's critical difference.

    \b
    sodbench compare scores/PiCANet scores/DSS --dataset SOD
    sodbench compare scores/PiCANet scores/DSS --by size --metrics max_f,mae --plot size.pdf
    """  # noqa: D301 (click needs the character \b)
    from sodbench.analysis.compare import comparable, compare, paper_metrics
    from sodbench.reports.compare import comparison_csv, comparison_json, comparison_text
    from sodbench.reports.figures.style import check_figure_target
    from sodbench.scoring.scores import load_scores

    check_targets(csv_file, plot, as_json=as_json)
    if plot is not None:
        check_figure_target(plot, "--plot")
    scores = [one for path in stored for one in load_scores([path])]
    names = [dataset_name(name) for name in datasets]
    if attribute is not None:
        from sodbench.cli.by_attribute import break_down

        if csv_file is not None or how["interval"] == "bca":
            raise click.UsageError("--by has percentile intervals, and --json in place of --csv.")
        how.pop("interval")
        show(break_down(comparable(scores, names), attribute, data, metrics, plot, as_json, how))
        return
    found = compare(scores, datasets=names, metrics=metrics or paper_metrics(scores), **how)
    if plot is not None:
        from sodbench.reports.figures.compare import draw_comparison

        draw_comparison(found, plot)
        say(f"drawn: {plot}")
    if csv_file is not None:
        deliver(comparison_csv(found), csv_file)
    show(comparison_json(found) if as_json else comparison_text(found))
