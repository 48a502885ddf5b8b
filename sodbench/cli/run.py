"""``sodbench run``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sodbench.cli.options import FOLDER, gathered, names_option
from sodbench.cli.output import progress_bar, report, say
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
    out: Path
    then_score: bool
    device: str
    precision: str
    batch: int | None
    workers: int
    compile: bool
    postprocess: str
    exif: bool


@click.command()
@click.option(
    "--model",
    default="u2net",
    show_default=True,
    help="A model of `sodbench models`, or a name for your own.",
)
@click.option(
    "--model-module", metavar="MODULE:FUNCTION", help="Build your own model instead; needs --weights."
)
@click.option("--weights", type=FOLDER, help=".pth, .safetensors or .onnx in place of the published ones.")
@names_option("--dataset", "-d", "datasets", help="NAME or NAME,NAME.")
@click.option("--data", type=FOLDER, help="Folder that holds dataset folders [SODBENCH_DATA].")
@click.option("--images", type=FOLDER, help="Any folder or zip of photos, in place of a dataset.")
@click.option(
    "--out", type=FOLDER, default="preds", show_default=True, help="Maps go to OUT/MODEL/DATASET, or OUT."
)
@click.option("--score", "then_score", is_flag=True, help="Score the maps, into scores/.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps.")
@click.option("--precision", type=click.Choice(["fp32", "bf16", "fp16"]), default="fp32", show_default=True)
@click.option("--batch", type=click.IntRange(min=1), help="Photos per batch  [1 on a CPU, else 8].")
@click.option(
    "--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Threads that decode photos."
)
@click.option("--compile", is_flag=True, help="Let torch compile the network.")
@click.option("--postprocess", type=click.Choice(["official", "none"]), default="official", show_default=True)
@click.option("--exif", is_flag=True, help="Apply the photos' EXIF rotation.")
@gathered(RunOptions)
def run(options: RunOptions) -> None:
    """Make saliency maps of photos with a network.

    Without --dataset or --images, it makes maps of every registered test set on this disk. Finished maps
    are kept: run the same command again to continue.

    \b
    sodbench run --model u2netp --dataset demo --score
    sodbench run --model u2net --dataset SOD,ECSSD --data DIR --score
    sodbench run --model u2net --images photos/ --out maps/
    """  # noqa: D301 (click needs the character \\b)
    from sodbench.models.inference import RunSettings, photo_sets, run_sets

    if options.images and (options.datasets or options.then_score):
        raise click.UsageError("--images takes photos without masks: no --dataset, no --score.")
    if options.model_module:
        import_from_here()
    sets = photo_sets(options.images, options.datasets, options.data, options.out, options.model)
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
        report(results.scores, None, None, as_json=False)
        for line in results.stored:
            say(line)
    if failed:
        raise click.ClickException("\n".join([f"{counted(len(failed), 'photo')} failed:", *failed]))


def _score_maps(sets: "Sequence[PhotoSet]", data: Path | None) -> "Results":
    """Score the maps of all sets under the default protocol."""
    from sodbench.protocol import Protocol
    from sodbench.scoring.plan import Plan
    from sodbench.scoring.runs import collect_jobs, score_jobs

    jobs, _ = collect_jobs([photos.out for photos in sets], [photos.name for photos in sets], None, data)
    for line in (line for job in jobs for line in job.location.passed_over):
        say(line)
    return score_jobs(jobs, Plan(Protocol()), Path("scores"), bar=progress_bar, say=say)
