"""``sodbench run``."""

from pathlib import Path
from typing import Any

import click

from sodbench.cli.options import FOLDER, split_names
from sodbench.cli.output import progress_bar, report, say


@click.command()
@click.option(
    "--model", default="u2net", show_default=True, help="A model of `sodbench models`, or a name for yours."
)
@click.option(
    "--model-module", metavar="MODULE:FUNCTION", help="Build your own model instead (then --weights)."
)
@click.option("--weights", type=FOLDER, help=".pth, .safetensors or .onnx in place of the published ones.")
@click.option("--dataset", "-d", "datasets", multiple=True, callback=split_names, help="NAME or NAME,NAME.")
@click.option("--data", type=FOLDER, help="Folder that holds dataset folders [SODBENCH_DATA].")
@click.option("--images", type=FOLDER, help="Any folder or zip of photos, in place of a dataset.")
@click.option(
    "--out", type=FOLDER, default="preds", show_default=True, help="Maps go to OUT/MODEL/DATASET, or OUT."
)
@click.option("--score", "then_score", is_flag=True, help="Score the maps, into scores/.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps.")
@click.option("--precision", type=click.Choice(["fp32", "bf16", "fp16"]), default="fp32", show_default=True)
@click.option("--batch", type=click.IntRange(min=1), help="Photos at once  [1 on a CPU, else 8].")
@click.option(
    "--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Threads that decode."
)
@click.option("--compile", is_flag=True, help="Let torch compile the network.")
@click.option("--postprocess", type=click.Choice(["official", "none"]), default="official", show_default=True)
@click.option("--exif", is_flag=True, help="Apply the photos' EXIF rotation.")
def run(
    images: Path | None, datasets: tuple[str, ...], out: Path, then_score: bool, data: Path | None, **how: Any
) -> None:
    """Make saliency maps of photos with a network.

    Without --dataset or --images, of every registered test set on this disk. Finished maps are kept:
    the same command goes on where it stopped.

    \b
    sodbench run --model u2netp --dataset demo --score
    sodbench run --model u2net --dataset SOD,ECSSD --data DIR --score
    sodbench run --model u2net --images photos/ --out maps/
    """  # noqa: D301 (click needs the character \\b)
    from sodbench.cli.running import scored
    from sodbench.models.inference import photo_sets, run_sets

    if images and (datasets or then_score):
        raise click.UsageError("--images takes photos without masks: no --dataset, no --score.")
    sets = photo_sets(images, datasets, data, out, how["model"])
    failed = run_sets(sets, how, progress_bar, say)
    if then_score and not failed:
        report(scored(sets, data, progress_bar, say), None, None, as_json=False)
    if failed:
        raise click.ClickException("\n".join([f"{len(failed)} photos failed:", *failed]))
