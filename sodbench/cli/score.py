"""``sodbench score``."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sodbench.cli.conventions import ProtocolChoice, ProtocolCommand, gathered, protocol_options
from sodbench.cli.options import (
    DATA_OPTION,
    EXECUTOR_OPTION,
    FORCE_OPTION,
    JOBS_OPTION,
    LOOSE_OPTION,
    MASKS_OPTION,
    METHOD_OPTION,
    METHODS_OPTION,
    SCHEDULER_OPTION,
    SHARD_OPTION,
    STRIP_OPTION,
    SUBSET_OPTION,
    datasets_option,
    metrics_option,
    output_options,
    scores_option,
    workers_of,
)
from sodbench.cli.output import check_targets, progress_bar, report, say, say_where
from sodbench.cli.parameters import PLACE, argument, option
from sodbench.protocol import Protocol
from sodbench.utils.shards import Shard
from sodbench.utils.urls import PathOrUrl

if TYPE_CHECKING:
    from sodbench.scoring.runs import Results


@dataclass(frozen=True)
class ScoreOptions:
    """What ``sodbench score`` is asked for."""

    preds: tuple[PathOrUrl, ...]
    datasets: tuple[str, ...]
    data: Path | None
    masks: PathOrUrl | None
    methods: tuple[str, ...]
    metrics: tuple[str, ...]
    missing: str
    strip: tuple[str, ...]
    loose: bool
    subset: bool
    jobs: int | None
    executor: str | None
    scheduler: str | None
    shard: Shard | None
    method: str | None
    force: bool
    scores: Path | None
    csv_file: Path | None
    images_file: Path | None
    as_json: bool
    protocol: ProtocolChoice


@click.command(cls=ProtocolCommand)
@argument("preds", nargs=-1, type=PLACE)
@datasets_option()
@DATA_OPTION
@MASKS_OPTION
@METHODS_OPTION
@metrics_option("default, of which the table shows paper")
@option("--missing", default="error", show_default=True, help="Missing predictions: error, zero or skip.")
@STRIP_OPTION
@LOOSE_OPTION
@SUBSET_OPTION
@JOBS_OPTION
@EXECUTOR_OPTION
@SCHEDULER_OPTION
@SHARD_OPTION
@METHOD_OPTION
@scores_option(show_default="scores, or scores-K-of-N", aliases=("--out",))
@FORCE_OPTION
@output_options
@protocol_options(default="u2net")
@gathered(ScoreOptions)
def score(options: ScoreOptions) -> None:
    """Score folders or zips of predictions against a dataset's masks.

    PREDS is a folder (or zip) of maps, or a folder of METHOD/DATASET/*.png, of which every method
    and dataset found is scored. Maps are paired with masks by file name without suffix. PREDS and
    --masks may be URLs: https://, s3://, gs://, hf://.

    \b
    sodbench score preds/PiCANet/SOD --dataset SOD
    sodbench score preds/ --dataset DUT-OMRON,ECSSD
    sodbench score maps.zip --masks my/masks
    sodbench score --dataset demo            (built-in photos and maps)
    """  # noqa: D301 (click needs the character \b)
    from sodbench.metrics import check_metrics
    from sodbench.scoring.plan import Plan
    from sodbench.scoring.runs import IN_WORKERS, collect_jobs, score_jobs
    from sodbench.scoring.slots import Others

    plan = Plan(
        options.protocol.of(Protocol()),
        check_metrics(options.metrics or "default"),
        options.missing,
        options.strip,
        options.loose,
        options.subset,
        options.jobs,
        options.shard,
    )
    workers = workers_of(options.executor, options.jobs, options.scheduler, IN_WORKERS)
    check_targets(options.csv_file, options.images_file)
    preds = options.preds or _builtin_maps(options.datasets)
    jobs, notices = collect_jobs(
        preds, options.datasets, options.masks, options.data, options.method, options.methods
    )
    for notice in (*options.protocol.notices(), *notices):
        say(notice)
    others: Others = "replace" if options.force else "refuse"
    rule, shard = options.protocol.mask_rule, options.shard
    out = options.scores or Path(f"scores-{shard.part}-of-{shard.parts}" if shard else "scores")
    with workers:
        results = score_jobs(jobs, plan, out, rule, progress_bar, say, others, workers)
    report(results.scores, options.csv_file, options.images_file, options.as_json, bool(options.metrics))
    say_where(results)
    if shard:
        say(f"These numbers are of shard {shard} of the images alone.")
        say(_merging(shard, options.scores, results))


def _merging(shard: Shard, scores: Path | None, results: "Results") -> str:
    """Say how to merge all shards, those under another protocol apart."""
    ways = []
    for tree in dict.fromkeys(place.home.parent.parent for place in results.places):
        apart = tree.name.startswith("@")
        default = f"scores-*-of-{shard.parts}{f'/{tree.name} --scores scores/{tree.name}' if apart else ''}"
        ways.append(f"sodbench merge {f'{tree} ...' if scores else default}")
    return f"When all {shard.parts} are scored: {'; '.join(ways)}"


def _builtin_maps(datasets: tuple[str, ...]) -> tuple[Path, ...]:
    """Return the built-in maps if only the demo dataset is to be scored."""
    from sodbench.data.demo import demo_folder
    from sodbench.data.registry import find

    if {find(name).name for name in datasets} != {"demo"}:
        raise click.UsageError(
            "Missing argument 'PREDS': a folder or zip of maps. (Only --dataset demo has its own.)"
        )
    return (demo_folder() / "preds",)
