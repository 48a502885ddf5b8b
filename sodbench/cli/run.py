"""``sodbench run``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sodbench.cli.conventions import gathered
from sodbench.cli.options import (
    DATA_OPTION,
    DEVICE_OPTION,
    EXIF_OPTION,
    IMAGES_OPTION,
    MODEL_MODULE_OPTION,
    MODEL_OPTION,
    PRECISION_OPTION,
    datasets_option,
    maps_option,
    weights_option,
)
from sodbench.cli.output import progress_bar, report, say, say_where
from sodbench.cli.parameters import option
from sodbench.errors import first_lines
from sodbench.utils.process import import_from_here
from sodbench.utils.text import counted

if TYPE_CHECKING:
    from sodbench.models.inference import PhotoSet
    from sodbench.scoring.runs import Results


@dataclass(frozen=True)
class RunOptions:
    """What ``sodbench run`` is asked for."""

    model: str
    model_module: str | None
    weights: Path | None
    datasets: tuple[str, ...]
    data: Path | None
    images: Path | None
    maps: Path
    then_score: bool
    device: str
    precision: str
    batch: int | None
    workers: int
    compile: bool
    postprocess: str
    exif: bool


@click.command()
@MODEL_OPTION
@MODEL_MODULE_OPTION
@weights_option("the published ones")
@datasets_option()
@DATA_OPTION
@IMAGES_OPTION
@maps_option("preds", default="preds", aliases=("--out",))
@option("--score", "then_score", is_flag=True, help="Score the maps, into scores/.")
@DEVICE_OPTION
@PRECISION_OPTION
@option("--batch", type=click.IntRange(min=1), help="Photos per batch  [1 on a CPU, else 8].")
@option(
    "--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Threads that decode photos."
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
@gathered(RunOptions)
def run(options: RunOptions) -> None:
    """Make saliency maps of photos with a network.

    Maps go to MAPS/MODEL/DATASET, those of --images to MAPS. A network of your own needs --weights.
    Without --dataset or --images, it makes maps of every registered test set on this disk. Finished maps
    are kept: run the same command again to continue.

    \b
    sodbench run --model u2netp --dataset demo --score
    sodbench run --model u2net --dataset SOD,ECSSD --data DIR --score
    sodbench run --model u2net --images photos/ --maps maps/
    """  # noqa: D301 (click needs the character \\b)
    from sodbench.models.inference import RunSettings, photo_sets, run_sets

    if options.images and (options.datasets or options.then_score):
        raise click.UsageError("--images takes photos without masks: no --dataset, no --score.")
    if options.model_module:
        import_from_here()
    sets = photo_sets(options.images, options.datasets, options.data, options.maps, options.model)
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
    failed = run_sets(sets, settings, progress_bar, say)
    if options.then_score and not failed:
        results = _score_maps(sets, options.data)
        report(results.scores)
        say_where(results)
    if failed:
        raise click.ClickException(f"{counted(len(failed), 'photo')} failed:\n{first_lines(failed)}")


def _score_maps(sets: "Sequence[PhotoSet]", data: Path | None) -> "Results":
    """Score the maps of all sets under the default protocol."""
    from sodbench.protocol import Protocol
    from sodbench.scoring.plan import Plan
    from sodbench.scoring.runs import collect_jobs, score_jobs

    jobs, _ = collect_jobs([photos.out for photos in sets], [photos.name for photos in sets], None, data)
    for line in (line for job in jobs for line in job.location.passed_over):
        say(line)
    return score_jobs(jobs, Plan(Protocol()), Path("scores"), bar=progress_bar, say=say)
