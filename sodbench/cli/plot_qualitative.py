"""``sodbench plot-qualitative``."""

from dataclasses import dataclass
from pathlib import Path

import click

from sodbench.cli.conventions import gathered
from sodbench.cli.options import (
    DATA_OPTION,
    METHODS_OPTION,
    count_option,
    dataset_option,
    figure_option,
    metric_option,
    names_option,
    scores_option,
    width_option,
)
from sodbench.cli.output import say, show
from sodbench.cli.parameters import PLACE, argument, option
from sodbench.utils.urls import PathOrUrl


@dataclass(frozen=True)
class QualitativeOptions:
    """What ``sodbench plot-qualitative`` is asked for."""

    preds: tuple[PathOrUrl, ...]
    dataset: str
    data: Path | None
    methods: tuple[str, ...]
    ids: tuple[str, ...]
    pick: str | None
    metric: str
    count: int
    scores: tuple[Path, ...]
    kind: str
    width: str
    out: Path


@click.command()
@argument("preds", nargs=-1, type=PLACE, required=True)
@dataset_option(required=True)
@DATA_OPTION
@METHODS_OPTION
@names_option("--ids", aliases=("--images",), metavar="ID,ID", help="Which images, in this order.")
@option(
    "--pick",
    type=click.Choice(["worst", "best", "disagree"]),
    help="Choose --count images by --metric in --scores instead.",
)
@metric_option("--by")
@count_option(6, 26)
@scores_option(multiple=True)
@option(
    "--show",
    "kind",
    aliases=("--maps",),
    type=click.Choice(["grey", "errors", "overlay"]),
    default="grey",
    show_default=True,
    help="Show maps as they are, their errors, or maps laid over the photo.",
)
@width_option("double")
@figure_option("qualitative.pdf")
@gathered(QualitativeOptions)
def plot_qualitative(options: QualitativeOptions) -> None:
    """Show photos, masks and maps side by side, a row for each image, a column for each method.

    PREDS are folders of maps, as for `sodbench score`. Errors are shown at level 128: true positives white,
    false positives orange, misses blue.

    \b
    sodbench plot-qualitative preds/ -d SOD --pick worst --scores scores/
    sodbench plot-qualitative preds/A preds/B -d SOD --ids 100075,100080 --show errors --out q.png
    """  # noqa: D301 (click needs the character \b)
    from sodbench.analysis.pictures import load_shown, maps_without_a_mask, pick_images
    from sodbench.metrics import find_metric
    from sodbench.reports.figures.qualitative import qualitative_figure
    from sodbench.reports.figures.style import check_figure_target, figure_style, save_figure
    from sodbench.scoring.runs import collect_jobs
    from sodbench.scoring.selection import read_scores, stored_under, those_of

    check_figure_target(options.out)
    if bool(options.ids) == bool(options.pick) or (options.pick and not options.scores):
        raise click.UsageError("expected either --ids ID,ID, or --pick with --scores.")
    (job,), notices = collect_jobs(
        options.preds, [options.dataset], data=options.data, methods=options.methods
    )
    unpaired = maps_without_a_mask(job.methods, job.location)
    for line in (*notices, *unpaired, *job.location.photos_passed_over):
        say(line)
    images = list(options.ids)
    if options.pick:
        name = job.location.dataset.name
        chosen = those_of(
            stored_under(options.scores), lambda s: s.method in job.methods and s.dataset_name == name
        )
        metric = find_metric(options.metric).id
        scores = read_scores(chosen, [metric])
        images = pick_images(scores, list(job.methods), options.pick, metric, options.count)
    rows = load_shown(images, job.location, job.methods)
    with figure_style():
        figure = qualitative_figure(rows, options.kind, options.width)
        save_figure(figure, options.out, ", ".join(images))
    say(f"images: {', '.join(images)}")
    show(str(options.out))
