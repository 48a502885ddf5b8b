"""``sodbench train``."""

import sys
from pathlib import Path
from typing import Any

import click

from sodbench.cli.options import FOLDER
from sodbench.cli.output import progress_bar, say


@click.command()
@click.option("--config", type=FOLDER, help="TOML file, or a name such as u2netp of those that ship.")
@click.option("--data", metavar="DATASET", help="A registered dataset, or a dataset's own folder.")
@click.option("--images", type=FOLDER, help="Folder or zip of photos, in place of --data.")
@click.option("--masks", type=FOLDER, help="Folder or zip of their masks.")
@click.option(
    "--out", type=FOLDER, help="The run's folder: checkpoint.pt, last.safetensors, log.csv, run.json."
)
@click.option("--weights", type=FOLDER, help="Start from these instead of a fresh initialisation.")
@click.option("--resume", type=FOLDER, metavar="RUN", help="Go on with the run in this folder.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps.")
def train(config: Path | None, data: str | None, out: Path | None, resume: Path | None, **how: Any) -> None:
    """Train a network on photos and masks.

    SIGTERM or Ctrl-C ends a run after its current step, with a checkpoint and exit code 143 or 130.
    On several GPUs: torchrun --no-python --nproc-per-node 4 sodbench train ...

    \b
    sodbench train --config u2netp --data DUTS-TR --out runs/u2netp
    sodbench train --resume runs/u2netp
    sodbench run --model u2netp --weights runs/u2netp/last.safetensors --dataset SOD --score
    """  # noqa: D301 (click needs the character \\b)
    from sodbench.cli.training import held_out_scores
    from sodbench.models.training.runs import Pairs, train_new, train_on
    from sodbench.reports.figures.cost import draw_losses

    if bool(how["images"]) != bool(how["masks"]) or (data and how["images"]):
        raise click.UsageError("pass either --data, or both --images and --masks.")
    pairs = Pairs(data, how["images"], how["masks"])
    if resume:
        if config or out or how["weights"]:
            raise click.UsageError("--resume takes all from its folder: no --config, --out or --weights.")
        done = train_on(resume, pairs, how["device"], held_out_scores, progress_bar, say)
    else:
        if not (config and out and (data or how["images"])):
            raise click.UsageError("a new run needs --config, --out, and --data (or --images and --masks).")
        done = train_new(
            config, pairs, out, how["weights"], how["device"], held_out_scores, progress_bar, say
        )
    folder = resume or out
    assert folder is not None
    if done.first and (folder / "log.csv").exists():
        draw_losses(folder)
    if done.signal:
        say(f"Stopped after step {done.step}. Go on: sodbench train --resume {folder}")
        sys.exit(128 + done.signal)
    if done.first:
        say(f"{done.step} steps -> {folder}/last.safetensors")
