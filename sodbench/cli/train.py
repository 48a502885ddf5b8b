"""``sodbench train``."""

import sys
from collections.abc import Iterable
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
    LOOSE_OPTION,
    MASKS_OPTION,
    MODEL_MODULE_OPTION,
    STRIP_OPTION,
    dataset_option,
    weights_option,
)
from sodbench.cli.output import progress_bar, say
from sodbench.cli.parameters import FOLDER, option
from sodbench.utils.process import import_from_here
from sodbench.utils.text import counted
from sodbench.utils.urls import PathOrUrl, on_this_disk

if TYPE_CHECKING:
    from sodbench.models.training.loop import HeldOut

HELD_OUT = ("mae", "max_f", "s_measure")
"""The metrics of validation."""


@dataclass(frozen=True)
class TrainOptions:
    """What ``sodbench train`` is asked for."""

    config: Path | None
    dataset: str | None
    data: Path | None
    images: PathOrUrl | None
    masks: PathOrUrl | None
    run: Path | None
    weights: Path | None
    resume: Path | None
    model_module: str | None
    device: str
    strip: tuple[str, ...]
    loose: bool
    exif: bool


@click.command()
@option("--config", type=FOLDER, help="TOML file, or a name such as u2netp of those that ship.")
@dataset_option()
@DATA_OPTION
@IMAGES_OPTION
@MASKS_OPTION
@option(
    "--run",
    type=FOLDER,
    aliases=("--out",),
    help="The run's folder: checkpoint.pt, last.safetensors, log.csv, run.json.",
)
@weights_option("a fresh initialisation")
@option("--resume", type=FOLDER, metavar="RUN", help="Continue the run in this folder.")
@MODEL_MODULE_OPTION
@DEVICE_OPTION
@STRIP_OPTION
@LOOSE_OPTION
@EXIF_OPTION
@gathered(TrainOptions)
def train(options: TrainOptions) -> None:
    """Train a network on photos and masks.

    SIGTERM or Ctrl-C ends a run after its current step, with a checkpoint and exit code 143 or 130.
    A run of a network of your own needs --model-module again when it is resumed.
    On several GPUs: torchrun --no-python --nproc-per-node 4 sodbench train ...

    \b
    sodbench train --config u2netp --dataset DUTS-TR --run runs/u2netp
    sodbench train --resume runs/u2netp
    sodbench run --model u2netp --weights runs/u2netp/last.safetensors --dataset SOD --score
    """  # noqa: D301 (click needs the character \\b)
    from sodbench.models.training.config import Matching
    from sodbench.models.training.runs import Pairs, train_new, train_on
    from sodbench.reports.figures.cost import draw_losses

    if options.model_module:
        import_from_here()
    config, out, resume, device = options.config, options.run, options.resume, options.device
    if bool(options.images) != bool(options.masks) or (options.images and (options.dataset or options.data)):
        raise click.UsageError("pass either --dataset, or both --images and --masks.")
    matching = Matching(options.strip, options.loose, options.exif)
    why = "Training reads its photos and masks many times: copy them."
    images = on_this_disk(options.images, "--images", why) if options.images else None
    masks = on_this_disk(options.masks, "--masks", why) if options.masks else None
    pairs = Pairs(options.dataset, options.data, images, masks, matching)
    if options.data and not options.dataset:
        say(
            f"--data {options.data} without --dataset: read as the dataset itself, as it used to be. Write "
            "--dataset NAME, or --images and --masks."
        )
        pairs = Pairs(str(options.data), matching=matching)
    if resume:
        if config or out or options.weights or matching != Matching():
            raise click.UsageError(
                "--resume takes all from its folder: no --config, --run, --weights, --strip, "
                "--loose-names or --exif."
            )
        folder = resume
        outcome = train_on(folder, pairs, options.model_module, device, held_out_scores, progress_bar, say)
    else:
        if not (config and out and pairs.given):
            raise click.UsageError(
                "a new run needs --config, --run, and --dataset (or --images and --masks)."
            )
        folder = out
        outcome = train_new(
            config,
            pairs,
            folder,
            options.weights,
            options.model_module,
            device,
            held_out_scores,
            progress_bar,
            say,
        )
    if outcome.first and (folder / "log.csv").exists():
        draw_losses(folder)
    if outcome.signal:
        own = f" --model-module {outcome.factory}" if outcome.factory else ""
        say(f"Stopped after step {outcome.step}. Go on: sodbench train --resume {folder}{own}")
        sys.exit(128 + outcome.signal)
    if outcome.first:
        say(f"{counted(outcome.step, 'step')} -> {folder}/last.safetensors")


def held_out_scores(pairs: "Iterable[HeldOut]") -> dict[str, float]:
    """Score held-out maps under the default protocol."""
    from sodbench.scoring.scorer import Scorer

    scorer = Scorer(dataset="held-out", metrics=HELD_OUT)
    for pair in pairs:
        scorer.update(pair.pred, pair.mask, pair.id)
    return scorer.compute().summary()
