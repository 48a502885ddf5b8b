"""What ``sodbench train`` does between its options and its output."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sodbench.cli.running import Bar, Say
from sodbench.models.training.loop import TrainingOutcome

if TYPE_CHECKING:
    from sodbench.models.training.config import Config
    from sodbench.models.training.data import Data

HELD_OUT = ("mae", "max_f", "s_measure")
"""The metrics of validation."""

LOSS_POINTS = 500
"""Of a loss curve: a longer log is averaged in groups of rows."""


def train_new(
    config: Path, data: str | None, out: Path, how: Mapping[str, Any], bar: Bar, say: Say
) -> "TrainingOutcome":
    """Begin a run."""
    from sodbench.models.inference import need_torch
    from sodbench.models.training.config import load_config

    recipe = load_config(config)
    if how["weights"]:
        recipe = replace(recipe, weights=str(how["weights"].absolute()))
    need_torch()
    return _train(recipe, _pairs(data, how), out, None, how["device"], bar, say)


def train_on(folder: Path, data: str | None, how: Mapping[str, Any], bar: Bar, say: Say) -> "TrainingOutcome":
    """Go on with a run, on the pairs that it names or on those given, if they have moved."""
    from sodbench.models.inference import need_torch

    need_torch()
    from sodbench.models.training.checkpoint import CHECKPOINT_FILE, read_checkpoint
    from sodbench.models.training.config import config_of

    state = read_checkpoint(folder)
    config = config_of(state["config"], str(folder / CHECKPOINT_FILE))
    earlier = {key: Path(state["data"][key]) for key in ("images", "masks")}
    given = data or how["images"]
    pairs = _pairs(data, how) if given else _pairs(None, earlier, state["data"]["name"])
    return _train(config, pairs, folder, state, how["device"], bar, say)


def held_out_scores(maps: Path, masks: Path) -> dict[str, float]:
    """Score held-out maps under the default protocol."""
    from sodbench.scoring.pipeline import score_folder

    return score_folder(maps, masks=masks, metrics=HELD_OUT).summary()


def draw_losses(folder: Path) -> None:
    """Draw a run's log into ``loss.svg``."""
    import csv
    from statistics import fmean

    from sodbench.reports.figures.style import figure_style, loss_curves, new_figure, save_figure

    with (folder / "log.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        return
    size = -(-len(rows) // LOSS_POINTS)
    groups = [rows[k : k + size] for k in range(0, len(rows), size)]
    names = [name for name in rows[0] if name not in ("step", "epoch")]
    losses = {name: [fmean(float(row[name]) for row in group) for group in groups] for name in names}
    with figure_style():
        fig, (ax,) = new_figure([folder.resolve().name], "single")
        loss_curves(ax, [int(group[-1]["step"]) for group in groups], losses)
        save_figure(fig, folder / "loss.svg")


def _train(
    config: "Config",
    pairs: "Data",
    folder: Path,
    state: Mapping[str, Any] | None,
    device: str,
    bar: Bar,
    say: Say,
) -> "TrainingOutcome":
    from sodbench.models.training.loop import train

    with bar("checking pairs") as progress:
        done = train(
            config,
            pairs,
            folder,
            state=state,
            device=device,
            score=held_out_scores,
            say=say,
            progress=progress,
        )
    if done.first and (folder / "log.csv").exists():
        draw_losses(folder)
    return done


def _pairs(data: str | None, folders: Mapping[str, Any], name: str = "") -> "Data":
    from sodbench.models.training.data import data_of, find_data

    return find_data(data) if data else data_of(folders["images"], folders["masks"], name)
