"""``sodbench plot-qualitative``."""

from dataclasses import dataclass
from pathlib import Path

import click

from sodbench.cli.options import FOLDER, WIDTH, gathered, names_option, out_option
from sodbench.cli.output import say, show


@dataclass(frozen=True)
class QualitativeOptions:
    """What ``sodbench plot-qualitative`` is asked for."""

    preds: tuple[Path, ...]
    dataset: str
    data: Path | None
    images: tuple[str, ...]
    pick: str | None
    by: str
    count: int
    scores: tuple[Path, ...]
    kind: str
    width: str
    out: Path


@click.command()
@click.argument("preds", nargs=-1, type=FOLDER, required=True)
@click.option("--dataset", "-d", required=True, help="Registered name.")
@click.option("--data", type=FOLDER, help="Folder that holds dataset folders.")
@names_option("--images", help="ID,ID: which images, in this order.")
@click.option("--pick", type=click.Choice(["worst", "best", "disagree"]), help="Choose by --by instead.")
@click.option("--by", default="max_f", show_default=True, help="Metric that ranks the images.")
@click.option("--count", type=click.IntRange(1, 26), default=6, show_default=True, help="Images to pick.")
@click.option("--scores", type=FOLDER, multiple=True, help="Scores of these methods, for --pick. Repeatable.")
@click.option(
    "--maps",
    "kind",
    type=click.Choice(["grey", "errors", "overlay"]),
    default="grey",
    show_default=True,
    help="Show maps as they are, their errors, or maps laid over the photo.",
)
@click.option("--width", type=WIDTH, default="double", show_default=True, help="3.5 or 7.16 inches.")
@out_option("qualitative.pdf")
@gathered(QualitativeOptions)
def plot_qualitative(options: QualitativeOptions) -> None:
    """Show photos, masks and maps side by side, a row for each image, a column for each method.

    PREDS are folders of maps, as for `sodbench score`. Errors are shown at level 128: true positives white,
    false positives orange, misses blue.

    \b
    sodbench plot-qualitative preds/ -d SOD --pick worst --scores scores/
    sodbench plot-qualitative preds/A preds/B -d SOD --images 100075,100080 --maps errors --out q.png
    """  # noqa: D301 (click needs the character \b)
    from sodbench.analysis.pictures import load_shown, pick_images
    from sodbench.reports.figures.qualitative import qualitative_figure
    from sodbench.reports.figures.style import check_figure_target, figure_style, save_figure
    from sodbench.scoring.runs import collect_jobs
    from sodbench.scoring.scores import load_scores

    check_figure_target(options.out)
    if bool(options.images) == bool(options.pick) or (options.pick and not options.scores):
        raise click.UsageError("expected either --images ID,ID, or --pick with --scores.")
    (job,), notices = collect_jobs(options.preds, [options.dataset], None, options.data)
    for line in (*notices, *job.location.photos_passed_over):
        say(line)
    images = list(options.images)
    if options.pick:
        name = job.location.dataset.name
        stored = [
            scores
            for scores in load_scores(options.scores)
            if scores.method in job.methods and scores.dataset_name == name
        ]
        images = pick_images(stored, list(job.methods), options.pick, options.by, options.count)
    rows = load_shown(images, job.location, job.methods)
    with figure_style():
        figure = qualitative_figure(rows, options.kind, options.width)
        save_figure(figure, options.out, ", ".join(images))
    say(f"images: {', '.join(images)}")
    show(str(options.out))
