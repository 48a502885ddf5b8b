"""``sodbench train``."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sodbench.cli.options import FOLDER, gathered
from sodbench.cli.output import progress_bar, say
from sodbench.utils.process import import_from_here

if TYPE_CHECKING:
    from sodbench.models.training.loop import HeldOut

HELD_OUT = ("mae", "max_f", "s_measure")
"""The metrics of validation."""


@dataclass(frozen=True)
class TrainOptions:
    """What ``sodbench train`` is asked for."""

    config: Path | None
    data: str | None
    images: Path | None
    masks: Path | None
    out: Path | None
    weights: Path | None
    resume: Path | None
    model_module: str | None
    device: str


@click.command()
@click.option("--config", type=FOLDER, help="TOML file, or a name such as u2netp of those that ship.")
@click.option("--data", metavar="DATASET", help="A registered dataset, or a dataset's own folder.")
@click.option("--images", type=FOLDER, help="Folder or zip of photos, in place of --data.")
@click.option("--masks", type=FOLDER, help="Folder or zip of their masks.")
@click.option(
    "--out", type=FOLDER, help="The run's folder: checkpoint.pt, last.safetensors, log.csv, run.json."
)
@click.option("--weights", type=FOLDER, help="Start from these instead of a fresh initialisation.")
@click.option("--resume", type=FOLDER, metavar="RUN", help="Continue the run in this folder.")
@click.option(
    "--model-module", metavar="MODULE:FUNCTION", help="Build your own network; needed again on --resume."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps.")
@gathered(TrainOptions)
def train(options: TrainOptions) -> None:
    """Train a network on photos and masks.

    SIGTERM or Ctrl-C ends a run after its current step, with a checkpoint and exit code 143 or 130.
    On several GPUs: torchrun --no-python --nproc-per-node 4 sodbench train ...

    \b
    sodbench train --config u2netp --data DUTS-TR --out runs/u2netp
    sodbench train --resume runs/u2netp
    sodbench run --model u2netp --weights runs/u2netp/last.safetensors --dataset SOD --score
    """  # noqa: D301 (click needs the character \\b)
    from sodbench.models.training.runs import Pairs, train_new, train_on
    from sodbench.reports.figures.cost import draw_losses

    if options.model_module:
        import_from_here()
    config, out, resume, device = options.config, options.out, options.resume, options.device
    if bool(options.images) != bool(options.masks) or (options.data and options.images):
        raise click.UsageError("pass either --data, or both --images and --masks.")
    pairs = Pairs(options.data, options.images, options.masks)
    if resume:
        if config or out or options.weights:
            raise click.UsageError("--resume takes all from its folder: no --config, --out or --weights.")
        folder = resume
        outcome = train_on(folder, pairs, options.model_module, device, held_out_scores, progress_bar, say)
    else:
        if not (config and out and (options.data or options.images)):
            raise click.UsageError("a new run needs --config, --out, and --data (or --images and --masks).")
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
        say(f"{outcome.step} steps -> {folder}/last.safetensors")


def held_out_scores(pairs: "Iterable[HeldOut]") -> dict[str, float]:
    """Score held-out maps under the default protocol."""
    from sodbench.scoring.scorer import Scorer

    scorer = Scorer(dataset="held-out", metrics=HELD_OUT)
    for pair in pairs:
        scorer.update(pair.pred, pair.mask, pair.id)
    return scorer.compute().summary()
