"""``sodbench plot-qualitative``."""

from pathlib import Path

import click

from sodbench.cli.options import FOLDER, WIDTH, out_option, split_names
from sodbench.cli.output import say, show


@click.command()
@click.argument("preds", nargs=-1, type=FOLDER, required=True)
@click.option("--dataset", "-d", required=True, help="Registered name.")
@click.option("--data", type=FOLDER, help="Folder that holds dataset folders.")
@click.option("--images", multiple=True, callback=split_names, help="ID,ID: which, in this order.")
@click.option("--pick", type=click.Choice(["worst", "best", "disagree"]), help="Choose by --by instead.")
@click.option("--by", default="max_f", show_default=True, help="Metric whose per-image values choose.")
@click.option("--count", type=click.IntRange(1, 26), default=6, show_default=True, help="Images to pick.")
@click.option("--scores", type=FOLDER, multiple=True, help="Scores of these methods, for --pick. Repeatable.")
@click.option(
    "--maps",
    "kind",
    type=click.Choice(["grey", "errors", "overlay"]),
    default="grey",
    show_default=True,
    help="As they are, their errors, or as light on the photo.",
)
@click.option("--width", type=WIDTH, default="double", show_default=True, help="3.5 or 7.16 inches.")
@out_option("qualitative.pdf")
def plot_qualitative(
    preds: tuple[Path, ...],
    dataset: str,
    data: Path | None,
    images: tuple[str, ...],
    pick: str | None,
    by: str,
    count: int,
    scores: tuple[Path, ...],
    kind: str,
    width: str,
    out: Path,
) -> None:
    """Show photos, masks and maps side by side, a row an image, a column a method.

    PREDS are folders of maps, as for `sodbench score`. Errors are shown at level 128: found white, false
    positives orange, misses blue.

    \b
    sodbench plot-qualitative preds/ -d SOD --pick worst --scores scores/
    sodbench plot-qualitative preds/A preds/B -d SOD --images 100075,100080 --maps errors --out q.png
    """  # noqa: D301 (click needs the character \b)
    from sodbench.analysis.pictures import load_shown, pick_images
    from sodbench.reports.figures.qualitative import qualitative_figure
    from sodbench.reports.figures.style import check_figure_target, figure_style, save_figure
    from sodbench.scoring.runs import collect_jobs
    from sodbench.scoring.scores import load_scores

    check_figure_target(out)
    if bool(images) == bool(pick) or (pick and not scores):
        raise click.UsageError("expected either --images ID,ID, or --pick with --scores.")
    (job,), notices = collect_jobs(preds, [dataset], None, data)
    for line in notices:
        say(line)
    name = job.location.dataset.name
    made = [one for one in load_scores(scores) if one.method in job.methods] if pick else []
    made = [one for one in made if one.dataset_name == name]
    chosen = pick_images(made, list(job.methods), pick, by, count) if pick else list(images)
    rows = load_shown(chosen, job.location, job.methods)
    with figure_style():
        save_figure(qualitative_figure(rows, kind, width), out, ", ".join(chosen))
    say(f"images: {', '.join(chosen)}")
    show(str(out))
