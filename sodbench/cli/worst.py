"""``sodbench worst``."""

from pathlib import Path

import click

from sodbench.cli.options import FILE, FOLDER


@click.command()
@click.argument("stored", type=FOLDER, metavar="SCORES")
@click.option("--than", type=FOLDER, help="Scores of another method: where the first is furthest behind it.")
@click.option("--metric", default="max_f", show_default=True, help="Whose per-image values rank.")
@click.option("-k", "count", type=int, default=24, show_default=True, help="Images at most.")
@click.option("--dataset", "-d", help="Which, if there are scores on several.")
@click.option("--out", type=FILE, help="Contact sheet that ends in .pdf, .svg or .png.")
@click.option("--maps", type=FOLDER, help="Where the maps lie now, if not where they were scored.")
@click.option("--data", type=FOLDER, help="Where the datasets lie now; of a dataset of your own, its masks.")
@click.option("--csv", "csv_file", type=FILE, help="Write the list as CSV, in full precision (-: to stdout).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, in full precision.")
def worst(
    stored: Path,
    than: Path | None,
    metric: str,
    count: int,
    dataset: str | None,
    out: Path | None,
    maps: Path | None,
    data: Path | None,
    csv_file: Path | None,
    as_json: bool,
) -> None:
    """List the images on which a method is worst, and show them on one sheet.

    SCORES is a folder that `sodbench score` wrote. The sheet has the photo, the mask, the map, and its
    errors at level 128: found white, false positives orange, misses blue.

    \b
    sodbench worst scores/PiCANet/SOD --metric relax_f -k 24 --out worst.pdf
    sodbench worst scores/PiCANet/SOD --than scores/DSS/SOD --metric mae
    """  # noqa: D301 (click needs the character \b)
    from sodbench.analysis.worst import one_of, rank
    from sodbench.cli.contact_sheet import draw
    from sodbench.cli.output import check_targets, deliver, show
    from sodbench.data.registry import dataset_name
    from sodbench.reports.figures.style import check_figure_target
    from sodbench.reports.worst import ranking_csv, ranking_json, ranking_text
    from sodbench.scoring.scores import load_scores

    if out:
        check_figure_target(out)
    check_targets(csv_file, out, as_json=as_json)
    scores = one_of(load_scores([stored]), stored, dataset and dataset_name(dataset))
    name = scores.dataset_name
    other = one_of(load_scores([than]), than, name) if than else None
    ranking = rank(scores, metric.replace("-", "_"), count, other)
    if out:
        draw(ranking, [one for one in (scores, other) if one], maps, data, out)
    if csv_file:
        deliver(ranking_csv(ranking), csv_file)
    show(ranking_json(ranking) if as_json else ranking_text(ranking))
