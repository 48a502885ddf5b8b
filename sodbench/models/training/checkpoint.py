"""Checkpoints: everything that a run needs to resume, in one file that is written atomically.

``checkpoint.pt`` holds only tensors, numbers and strings, so ``torch.load(weights_only=True)`` reads it.
``last.safetensors`` beside it holds the network alone, under the names of the authors' code.
"""

import io
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from sodbench.errors import TrainingError
from sodbench.utils.files import replacing

if TYPE_CHECKING:
    from torch import nn

CHECKPOINT_FILE, WEIGHTS, RUN_RECORD = "checkpoint.pt", "last.safetensors", "run.json"
CHECKPOINT_FORMAT = 1
_KEYS = {"format", "config", "data", "world", "step", "model", "optimiser", "scaler", "rng"}
_FORMER_KEYS = {"tensorboard"}
"""Keys of earlier configurations that did not affect the result of training."""


def write_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Write the network's weights, then a checkpoint.

    Raises
    ------
    FileError
        The disk is full, or the folder cannot be written; an earlier checkpoint is left as it was.
    """
    write_weights(folder, state["model"])
    buffer = io.BytesIO()
    torch.save({"format": CHECKPOINT_FORMAT, **state}, buffer)
    _replace(folder / CHECKPOINT_FILE, buffer.getbuffer())


def write_weights(folder: Path, model: dict[str, torch.Tensor]) -> None:
    """Write the network's weights alone.

    Raises
    ------
    FileError
        The disk is full, or the folder cannot be written.
    """
    from safetensors.torch import save

    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.items()}
    _replace(folder / WEIGHTS, save(weights))


def read_checkpoint(folder: Path) -> dict[str, Any]:
    """Read a run's checkpoint; keys that configurations no longer have are dropped.

    Raises
    ------
    TrainingError
        There is none, it is damaged, or sodbench did not write it.
    """
    path = folder / CHECKPOINT_FILE
    if not path.is_file():
        raise TrainingError(
            f"{path}: no such checkpoint, expected the folder of an earlier `sodbench train`."
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise TrainingError(
            f"{path}: damaged or incomplete ({reason}). Start again, from {WEIGHTS} if it is intact: "
            "--weights FILE."
        ) from error
    if not isinstance(state, dict) or set(state) != _KEYS or state["format"] != CHECKPOINT_FORMAT:
        raise TrainingError(
            f"{path}: expected a checkpoint of `sodbench train` of format {CHECKPOINT_FORMAT}."
        )
    state["config"] = {key: value for key, value in state["config"].items() if key not in _FORMER_KEYS}
    return state


def restore_weights(network: "nn.Module", state: dict[str, torch.Tensor], path: Path, model: str) -> None:
    """Load a checkpoint's network.

    Raises
    ------
    TrainingError
        It belongs to another architecture.
    """
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        lines = str(error).splitlines()
        what = " ".join(line.strip() for line in lines[1:2])[:160]
        raise TrainingError(
            f"{path}: a checkpoint of another architecture than {model} ({what}). "
            "Resume with the code and configuration that it was written with."
        ) from error


def discard(folder: Path, made: Sequence[Path]) -> None:
    """Remove the files and folders of a run that made no step, so that it can be tried again."""
    for name in (CHECKPOINT_FILE, WEIGHTS, RUN_RECORD):
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):
        for path in made:
            path.rmdir()


def _replace(path: Path, content: bytes | memoryview) -> None:
    with replacing(path) as part, part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
