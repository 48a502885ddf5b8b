"""``sodbench score``."""

from pathlib import Path
from typing import Any

import click

from sodbench.cli.options import FOLDER, ProtocolCommand, chosen_protocol, protocol_options, split_names
from sodbench.cli.output import check_targets, output_options, progress_bar, report, say


@click.command(cls=ProtocolCommand)
@click.argument("preds", nargs=-1, type=FOLDER)
@click.option("--dataset", "-d", "datasets", multiple=True, callback=split_names, help="NAME or NAME,NAME.")
@click.option("--data", type=FOLDER, help="Folder that holds dataset folders [SODBENCH_DATA].")
@click.option("--masks", type=FOLDER, help="Folder or zip of this one dataset's masks.")
@click.option("--metrics", multiple=True, callback=split_names, help="IDs, 'paper' (five), or 'all'  [all].")
@click.option(
    "--missing", default="error", show_default=True, help="Missing predictions: error, zero or skip."
)
@click.option("--strip", multiple=True, help="Affix to remove from the names of maps, e.g. _sal.")
@click.option("--subset", is_flag=True, help="Accept a part of the dataset; the signature says n/N.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Threads  [one a CPU].")
@click.option("--out", type=FOLDER, default="scores", show_default=True, help="Where scores are kept.")
@output_options
@protocol_options(default="u2net")
def score(
    preds: tuple[Path, ...],
    datasets: tuple[str, ...],
    data: Path | None,
    masks: Path | None,
    metrics: tuple[str, ...],
    out: Path,
    csv_file: Path | None,
    images_file: Path | None,
    as_json: bool,
    protocol: str,
    **rest: Any,
) -> None:
    """Score folders or zips of predictions against a dataset's masks.

    PREDS is a folder (or zip) of maps, or one of METHOD/DATASET/*.png: then every method x dataset
    found is scored. Maps are paired with masks by file name without suffix.

    \b
    sodbench score preds/PiCANet/SOD --dataset SOD
    sodbench score preds/ --dataset DUT-OMRON,ECSSD
    sodbench score maps.zip --masks my/masks
    sodbench score --dataset demo            (built-in photos and maps)
    """  # noqa: D301 (click needs the character \b)
    from sodbench.metrics import check_metrics
    from sodbench.scoring.notices import moved_metrics
    from sodbench.scoring.plan import Plan
    from sodbench.scoring.runs import collect_jobs, score_jobs

    settings = {name: rest.pop(name) for name in ("missing", "strip", "subset", "jobs")}
    chosen = chosen_protocol(protocol, rest)
    plan = Plan(chosen, check_metrics(metrics or "all"), **settings)
    check_targets(csv_file, images_file)
    jobs, notices = collect_jobs(preds or builtin_maps(datasets), datasets, masks, data)
    for notice in (*moved_metrics(protocol), *notices):
        say(notice)
    rule = rest["mask_threshold"] or (chosen.mask_threshold if "|" in protocol else None)
    scores = score_jobs(jobs, plan, out, rule, progress_bar, say)
    report(scores, csv_file, images_file, as_json)


def builtin_maps(datasets: tuple[str, ...]) -> tuple[Path, ...]:
    """Return the built-in maps if it is the demo that is to be scored."""
    from sodbench.data.demo import demo_folder
    from sodbench.data.registry import find

    if {find(name).name for name in datasets} != {"demo"}:
        raise click.UsageError(
            "Missing argument 'PREDS': a folder or zip of maps. (Only --dataset demo has its own.)"
        )
    return (demo_folder() / "preds",)
