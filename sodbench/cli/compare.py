"""``sodbench compare``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sodbench.cli.conventions import gathered
from sodbench.cli.options import (
    BY_OPTION,
    CSV_OPTION,
    DATA_OPTION,
    JSON_OPTION,
    MASKS_OPTION,
    METHODS_OPTION,
    datasets_option,
    metrics_option,
    resamples_option,
)
from sodbench.cli.output import check_targets, deliver, progress_bar, say, show
from sodbench.cli.parameters import FIGURE_FILE, FOLDER, argument, option
from sodbench.data.registry import dataset_name
from sodbench.utils.urls import PathOrUrl

if TYPE_CHECKING:
    from sodbench.analysis.breakdown import Breakdown
    from sodbench.scoring.scores import Scores


@dataclass(frozen=True)
class CompareOptions:
    """What ``sodbench compare`` is asked for."""

    stored: tuple[Path, ...]
    datasets: tuple[str, ...]
    methods: tuple[str, ...]
    metrics: tuple[str, ...]
    attribute: str | None
    data: Path | None
    masks: PathOrUrl | None
    resamples: int
    seed: int
    interval: str
    verbose: bool
    as_json: bool
    csv_file: Path | None
    plot: Path | None


@click.command()
@argument("stored", nargs=-1, type=FOLDER, required=True, metavar="A B [C]...")
@datasets_option()
@METHODS_OPTION
@metrics_option("paper")
@BY_OPTION
@DATA_OPTION
@MASKS_OPTION
@resamples_option(10_000)
@option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the random numbers.")
@option(
    "--interval",
    type=click.Choice(["percentile", "bca"]),
    default="percentile",
    show_default=True,
    help="Kind of bootstrap interval.",
)
@option("--verbose", is_flag=True, help="For three methods or more: list the differences of all pairs, too.")
@JSON_OPTION
@CSV_OPTION
@option(
    "--plot", type=FIGURE_FILE, help="Draw differences (two methods), ranks, or --by; .pdf, .svg or .png."
)
@gathered(CompareOptions)
def compare(options: CompareOptions) -> None:
    """Test whether methods differ significantly.

    A, B, C are folders that `sodbench score` wrote, or a folder above. Differences are A - B, with a 95 %
    interval of a paired bootstrap over images and the p-value of a paired permutation test, adjusted by
    Holm's method. Of three or more methods, those that do not differ significantly share a letter; they are
    also ranked, with Friedman's test and Nemenyi's critical difference.

    --by reads masks and photos where they were scored, else in --data or --masks. Lists of images (SOC's
    attributes: AC.txt, BO.txt ...) may overlap.

    \b
    sodbench compare scores/PiCANet scores/DSS --dataset SOD
    sodbench compare scores/PiCANet scores/DSS --by size --metrics max_f,mae --plot size.pdf
    """  # noqa: D301 (click needs the character \b)
    from sodbench.analysis.compare import compare as compare_methods
    from sodbench.analysis.compare import paper_metrics
    from sodbench.reports.compare import comparison_csv, comparison_json, comparison_text
    from sodbench.reports.figures.style import check_figure_target
    from sodbench.scoring.selection import load_scores, stored_under

    plot, csv_file = options.plot, options.csv_file
    check_targets(csv_file, plot, as_json=options.as_json)
    if plot is not None:
        check_figure_target(plot, "--plot")
    stored = load_scores(options.stored, options.datasets, options.methods, options.metrics)
    datasets = [dataset_name(name) for name in options.datasets]
    if options.attribute is not None:
        if csv_file is not None or options.interval == "bca":
            raise click.UsageError("--by has percentile intervals only, and --json in place of --csv.")
        among = [scores.method for scores in stored_under(options.stored)]
        _break_down(stored, datasets, options.attribute, options, among)
        return
    with progress_bar("compare", "step") as progress:
        comparison = compare_methods(
            stored,
            datasets=datasets,
            metrics=options.metrics or paper_metrics(stored),
            resamples=options.resamples,
            seed=options.seed,
            interval=options.interval,
            say=say,
            progress=progress,
        )
    if plot is not None:
        from sodbench.reports.figures.compare import draw_comparison

        draw_comparison(comparison, plot)
        say(f"drawn: {plot}")
    if csv_file is not None:
        deliver(comparison_csv(comparison), csv_file)
    show(comparison_json(comparison) if options.as_json else comparison_text(comparison, options.verbose))


def _break_down(
    stored: "Sequence[Scores]",
    datasets: Sequence[str],
    attribute: str,
    options: CompareOptions,
    among: Sequence[str],
) -> None:
    """Break scores down by an attribute of the images, draw that if asked, and print it.

    `among` names the methods from which those of `stored` were chosen.
    """
    from sodbench.analysis.attributes import ATTRIBUTES, find_attribute
    from sodbench.analysis.breakdown import break_down, break_down_by_lists
    from sodbench.analysis.compare import comparable, paper_metrics
    from sodbench.analysis.pictures import location_of
    from sodbench.metrics import check_metrics
    from sodbench.reports.breakdown import breakdown_text, breakdowns_json

    boards = comparable(stored, datasets)
    lists = Path(attribute) if attribute not in ATTRIBUTES and Path(attribute).is_dir() else None
    if lists is None:
        find_attribute(attribute)
    compared = [scores for board in boards.values() for scores in board]
    metrics = check_metrics(options.metrics or paper_metrics(compared))
    by_dataset: list[list[Breakdown]] = []
    for board in boards.values():
        sampling = {"resamples": options.resamples, "seed": options.seed}
        if lists is not None:
            by_dataset.append(
                break_down_by_lists(board, lists, metrics, **sampling, bar=progress_bar, say=say)
            )
            continue
        location = location_of(board[0], options.data, options.masks)
        by_dataset.append(break_down(board, attribute, location, metrics, **sampling, bar=progress_bar))
    breakdowns = [breakdown for of_dataset in by_dataset for breakdown in of_dataset]
    if options.plot is not None:
        from sodbench.reports.figures.attributes import by_attribute_figure
        from sodbench.reports.figures.style import figure_style, save_figure

        with figure_style():
            signatures = "; ".join(of_dataset[0].signature for of_dataset in by_dataset)
            figure = by_attribute_figure(breakdowns, among=among)
            save_figure(figure, options.plot, signatures)
        say(f"drawn: {options.plot}")
    if options.as_json:
        show(breakdowns_json(breakdowns))
    else:
        show("\n\n".join(breakdown_text(of_dataset) for of_dataset in by_dataset))
