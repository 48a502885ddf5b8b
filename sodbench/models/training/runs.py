"""Begin a training run, or go on with one: from what a user names to the training loop's arguments."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sodbench.errors import TrainingError
from sodbench.models.training.config import AS_NAMED, Matching
from sodbench.utils.process import Say, UnitBar

if TYPE_CHECKING:
    from sodbench.models.training.config import Config
    from sodbench.models.training.data import Data
    from sodbench.models.training.loop import Score, TrainingOutcome


class Pairs(NamedTuple):
    """Where photos and masks lie: a dataset (below `data`), or a folder or zip of each; none: as before."""

    dataset: str | None = None
    data: Path | None = None
    images: Path | None = None
    masks: Path | None = None
    matching: Matching = AS_NAMED

    @property
    def given(self) -> bool:
        """Whether a place is named."""
        return bool(self.dataset or self.images)

    def listed(self, name: str = "") -> "Data":
        """List them; `name` is what the data is called if it is no dataset."""
        from sodbench.models.training.data import data_of, find_data

        if self.dataset:
            return find_data(self.dataset, self.data, self.matching)
        assert self.images is not None
        assert self.masks is not None
        return data_of(self.images, self.masks, name, self.matching)


def train_new(
    config: Path,
    pairs: Pairs,
    out: Path,
    weights: Path | None,
    model_module: str | None,
    device: str,
    score: "Score",
    bar: UnitBar,
    say: Say,
) -> "TrainingOutcome":
    """Begin a run in a folder, from a configuration's file and weights to start from.

    `model_module` is the ``module:function`` of the network, in place of the configuration's.

    For a process that does nothing else: changes torch's settings by `fix_cudnn`.

    Raises
    ------
    TrainingError, WeightsError, DatasetError, PredictionError, FileError
        See `sodbench.models.training.loop.train`.
    """
    from sodbench.models.predictor import need_torch
    from sodbench.models.training.config import load_config

    recipe = load_config(config, say)
    if weights:
        recipe = replace(recipe, weights=str(weights.absolute()))
    if model_module:
        recipe = replace(recipe, factory=model_module)
    need_torch()
    return _train(recipe, pairs.listed(), out, None, device, score, bar, say)


def train_on(
    folder: Path,
    pairs: Pairs,
    model_module: str | None,
    device: str,
    score: "Score",
    bar: UnitBar,
    say: Say,
) -> "TrainingOutcome":
    """Go on with a run, on the pairs that it names or on those given, if they have moved.

    A checkpoint is data and its code is not run: a network that sodbench does not know is built by
    `model_module`, which the user names again.

    For a process that does nothing else: changes torch's settings by `fix_cudnn`.

    Raises
    ------
    TrainingError, WeightsError, DatasetError, PredictionError, FileError
        See `sodbench.models.training.loop.train`.
    """
    from sodbench.models.predictor import need_torch

    need_torch()
    from sodbench.models.training.checkpoint import CHECKPOINT_FILE, read_checkpoint
    from sodbench.models.training.config import config_of

    state = read_checkpoint(folder)
    config = config_of(state["config"], str(folder / CHECKPOINT_FILE))
    if model_module:
        config = replace(config, factory=model_module)
    elif factory := config.own_factory:
        raise TrainingError(
            f"{folder / CHECKPOINT_FILE}: trained with a network of your own, {factory!r}. A checkpoint is "
            f"never asked which code to run: name it again, with --model-module {factory}."
        )
    begun = state["data"]
    matching = Matching(tuple(begun.get("strip", ())), begun.get("loose", False), begun.get("exif", False))
    if pairs.given:
        data = pairs._replace(matching=matching).listed()
    else:
        before = Pairs(images=Path(begun["images"]), masks=Path(begun["masks"]), matching=matching)
        data = before.listed(begun["name"])
    return _train(config, data, folder, state, device, score, bar, say)


def _train(
    config: "Config",
    data: "Data",
    folder: Path,
    state: Mapping[str, object] | None,
    device: str,
    score: "Score",
    bar: UnitBar,
    say: Say,
) -> "TrainingOutcome":
    from sodbench.models.predictor import fix_cudnn
    from sodbench.models.training.loop import train

    fix_cudnn()
    for line in data.notices:
        say(line)
    return train(config, data, folder, state=state, device=device, score=score, say=say, bar=bar)
