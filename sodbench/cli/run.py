"""``sodbench run``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from sodbench.cli.conventions import gathered
from sodbench.cli.options import (
    DATA_OPTION,
    DEVICE_OPTION,
    EXIF_OPTION,
    IMAGES_OPTION,
    LOOSE_OPTION,
    MODEL_MODULE_OPTION,
    MODEL_OPTION,
    PRECISION_OPTION,
    SCHEDULER_OPTION,
    SHARD_OPTION,
    STRIP_OPTION,
    datasets_option,
    executor_option,
    maps_option,
    weights_option,
)
from sodbench.cli.output import progress_bar, report, say, say_where
from sodbench.cli.parameters import option
from sodbench.errors import SodbenchError, first_lines
from sodbench.utils.process import import_from_here
from sodbench.utils.shards import Shard
from sodbench.utils.text import counted
from sodbench.utils.urls import PathOrUrl, on_this_disk

if TYPE_CHECKING:
    from sodbench.models.photo_sets import PhotoSet
    from sodbench.scoring.runs import Results


@dataclass(frozen=True)
class RunOptions:
    """What ``sodbench run`` is asked for."""

    model: str
    model_module: str | None
    weights: Path | None
    datasets: tuple[str, ...]
    data: Path | None
    images: PathOrUrl | None
    everything: bool
    maps: PathOrUrl
    shard: Shard | None
    then_score: bool
    device: str
    executor: str | None
    scheduler: str | None
    precision: str
    batch: int | None
    workers: int | None
    compile: bool
    postprocess: str
    exif: bool
    strip: tuple[str, ...]
    loose: bool


@click.command()
@MODEL_OPTION
@MODEL_MODULE_OPTION
@weights_option("the published ones")
@datasets_option()
@DATA_OPTION
@IMAGES_OPTION
@option("--all", "everything", is_flag=True, help="Every registered test set on this disk.")
@maps_option(default="preds", show_default=True, aliases=("--out",))
@SHARD_OPTION
@option("--score", "then_score", is_flag=True, help="Score the maps, into scores/.")
@DEVICE_OPTION
@executor_option("threads", ("threads", "dask"))
@SCHEDULER_OPTION
@PRECISION_OPTION
@option("--batch", type=click.IntRange(min=1), help="Photos per batch  [CPU 1, CUDA 32, else 8].")
@option(
    "--workers",
    type=click.IntRange(min=1),
    help="Threads that prepare photos, and as many that write maps  [one a CPU].",
)
@option("--compile", is_flag=True, help="Let torch compile the network.")
@option(
    "--postprocess",
    type=click.Choice(["official", "none"]),
    default="official",
    show_default=True,
    help="Stretch each map to 0..255 as the authors' script does, or keep the network's values.",
)
@EXIF_OPTION
@STRIP_OPTION
@LOOSE_OPTION
@gathered(RunOptions)
def run(options: RunOptions) -> None:
    """Make saliency maps of photos with a network.

    Maps go to MAPS/MODEL/DATASET, those of --images to MAPS. A network of your own needs --weights.
    A --model without --dataset or --images makes maps of every registered test set on this disk, as --all
    does. Finished maps are kept: run the same command again to continue.

    \b
    sodbench run --model u2netp --dataset demo --score
    sodbench run --model u2net --dataset SOD,ECSSD --data DIR --score
    sodbench run --model u2net --images photos/ --maps maps/
    sodbench run --model u2net --all --device cuda:0,cuda:1
    """  # noqa: D301 (click needs the character \\b)
    from sodbench.models.photo_sets import Target, photo_sets
    from sodbench.models.predictor import check_model
    from sodbench.models.runs import Elsewhere, RunSettings, run_sets

    if options.images and (options.datasets or options.then_score):
        raise click.UsageError("--images takes photos without masks: no --dataset, no --score.")
    if options.shard and options.then_score:
        raise click.UsageError("--shard makes a part of the maps: no --score. Score them when all are made.")
    if options.executor == "processes":
        raise click.UsageError("run has one process a device: name several, as --device cuda:0,cuda:1.")
    if options.scheduler and options.executor != "dask":
        raise click.UsageError("--scheduler is for --executor dask.")
    if (options.strip or options.loose) and not options.then_score:
        raise click.UsageError("--strip and --loose-names pair maps with masks, which is for --score.")
    if options.everything and (options.images or options.datasets):
        raise click.UsageError("--all takes every test set: no --dataset, no --images.")
    if not (options.everything or options.images or options.datasets or _given("model")):
        raise click.UsageError(
            f"no photos are named. Pass --images DIR, --dataset NAME, or --all ({_test_sets(options.data)})."
        )
    if options.model_module:
        import_from_here()
    check_model(options.model, options.model_module, options.weights)
    elsewhere = Elsewhere(options.scheduler) if options.executor == "dask" else None
    target = Target(options.images, options.datasets, options.data)
    maps = on_this_disk(options.maps, "--maps")
    if elsewhere:  # workers may run in another folder
        target = target.absolute()
    sets = photo_sets(target, maps, options.model, say)
    settings = RunSettings(
        model=options.model,
        model_module=options.model_module,
        weights=options.weights,
        device=options.device,
        precision=options.precision,
        batch=options.batch,
        workers=options.workers,
        compile=options.compile,
        postprocess=options.postprocess,
        exif=options.exif,
    )
    failed = run_sets(sets, settings, progress_bar, say, shard=options.shard, elsewhere=elsewhere)
    if options.then_score and not failed:
        try:
            results = _score_maps(sets, options)
        except SodbenchError:
            say(f"The maps are kept. To score them: {_next_command(options, sets)}")
            raise
        report(results.scores)
        say_where(results)
    if failed:
        raise click.ClickException(f"{counted(len(failed), 'photo')} failed:\n{first_lines(failed)}")
    if not options.then_score:
        when = f", when all {options.shard.parts} shards are made" if options.shard else ""
        say(f"Next{when}: {_next_command(options, sets)}")


def _given(name: str) -> bool:
    """Tell whether an option was given, and not left at its default."""
    return click.get_current_context().get_parameter_source(name) is not ParameterSource.DEFAULT


def _test_sets(data: Path | None) -> str:
    """Name the test sets with photos on this disk."""
    from sodbench.data.locations import locate_all

    places = [status.location for status in locate_all(data) if status.dataset.role == "test"]
    names = [place.dataset.name for place in places if place and place.photo_files]
    return (
        f"the test sets with photos here: {', '.join(names)}" if names else "no test set with photos is here"
    )


def _next_command(options: RunOptions, sets: "Sequence[PhotoSet]") -> str:
    """Return the command that scores the maps."""
    if options.images:
        return join(["sodbench", "score", str(options.maps), "--masks", "MASKS"])
    names = [photos.name for photos in sets]
    place = sets[0].out if len(sets) == 1 else sets[0].out.parent
    data = ["--data", str(options.data)] if options.data else []
    return join(["sodbench", "score", str(place), "--dataset", ",".join(names), *data])


def _score_maps(sets: "Sequence[PhotoSet]", options: RunOptions) -> "Results":
    """Score the maps of all sets under the default protocol."""
    from sodbench.protocol import Protocol
    from sodbench.scoring.plan import Plan
    from sodbench.scoring.runs import collect_jobs, score_jobs

    names = [photos.name for photos in sets]
    jobs, _ = collect_jobs([photos.out for photos in sets], names, None, options.data)
    plan = Plan(Protocol(), strip=options.strip, loose=options.loose)
    for line in (line for job in jobs for line in job.location.passed_over):
        say(line)
    return score_jobs(jobs, plan, Path("scores"), bar=progress_bar, say=say)
