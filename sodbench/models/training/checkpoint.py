"""Checkpoints: everything that a run needs to resume, in one file that is written atomically.

``checkpoint.pt`` holds only tensors, numbers and strings, so `load_tensors` reads it.
``last.safetensors`` beside it holds the network alone, under the names of the authors' code.

What is read back is data, which may be damaged: every field is checked before it is used, and none of them
names code to run.
"""

import io
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from reprlib import repr as brief
from typing import Any

import torch
from torch import nn

from sodbench.errors import TrainingError, first_few
from sodbench.models.loading import load_tensors, misfit
from sodbench.models.training.config import FORMER_KEYS, Config, config_of
from sodbench.utils.files import replacing
from sodbench.utils.text import counted
from sodbench.utils.toml import FLAG, Check

CHECKPOINT_FILE, WEIGHTS, RUN_RECORD = "checkpoint.pt", "last.safetensors", "run.json"
CHECKPOINT_FORMAT = 1


def _is_whole(low: int) -> Callable[[Any], bool]:
    return lambda v: type(v) is int and low <= v < 2**63


def _is_tensors(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in value.items()
    )


def _is_bytes(value: Any) -> bool:
    return (
        isinstance(value, torch.Tensor)
        and (value.dtype, value.layout, value.dim()) == (torch.uint8, torch.strided, 1)
        and not value.is_meta
    )


def _is_path(value: Any) -> bool:
    return (
        isinstance(value, str)
        and len(value) < 4096
        and "\0" not in value
        and all(len(part.encode("utf-8", "surrogatepass")) < 256 for part in value.split("/"))
    )


_TABLE: Check = ("a dictionary", lambda v: isinstance(v, dict))
_PATH: Check = ("a path that a file can have", _is_path)
_FIELDS: Mapping[str, Check] = {
    "format": (str(CHECKPOINT_FORMAT), lambda v: type(v) is int and v == CHECKPOINT_FORMAT),
    "config": _TABLE,
    "data": _TABLE,
    "world": ("a number of processes from 1", _is_whole(1)),
    "step": ("a whole number from 0", _is_whole(0)),
    "model": ("a state_dict (name -> tensor)", _is_tensors),
    "optimiser": _TABLE,
    "scaler": _TABLE,
    "rng": _TABLE,
}
_DATA: Mapping[str, Check] = {
    "name": _PATH,
    "images": _PATH,
    "masks": _PATH,
    "count": ("a number of pairs from 1", _is_whole(1)),
    "digest": ("a sha256", lambda v: isinstance(v, str) and bool(re.fullmatch("[0-9a-f]{64}", v))),
}
_MATCHING: Mapping[str, Check] = {
    "strip": (
        "a list of texts",
        lambda v: isinstance(v, tuple) and all(isinstance(s, str) for s in v),
    ),
    "loose": FLAG,
    "exif": FLAG,
}
"""How pairs were made; earlier checkpoints do not say."""
_RNG: Check = ("the bytes of a generator's state", _is_bytes)


def write_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint, then the network's weights: a run can be resumed as soon as it has left anything.

    Raises
    ------
    FileError
        The disk is full, or the folder cannot be written; an earlier checkpoint is left as it was.
    """
    buffer = io.BytesIO()
    torch.save({"format": CHECKPOINT_FORMAT, **state}, buffer)
    _replace(folder / CHECKPOINT_FILE, buffer.getbuffer())
    write_weights(folder, state["model"])


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
        state = load_tensors(path)
    except Exception as error:
        raise TrainingError(
            f"{path}: damaged or incomplete, or holds objects other than tensors, numbers and texts. Start "
            f"again, from {WEIGHTS} if it is intact: --weights FILE."
        ) from error
    if not isinstance(state, dict) or state.get("format") is None:
        raise TrainingError(
            f"{path}: expected a checkpoint of `sodbench train` of format {CHECKPOINT_FORMAT}."
        )
    _check_fields(path, "", state, _FIELDS)
    state["config"] = {key: value for key, value in state["config"].items() if key not in FORMER_KEYS}
    config = _config(path, state["config"])
    _check_fields(path, "data", state["data"], _DATA, _MATCHING)
    _check_fields(path, "rng", state["rng"], {"cpu": _RNG}, {"cuda": _RNG})
    if state["step"] > config.iterations:
        raise _damaged(path, "step", state["step"], f"at most iterations, which is {config.iterations}")
    return state


def _config(path: Path, values: Mapping[str, Any]) -> Config:
    """Check a checkpoint's configuration: unlike a file that a user writes, it names every key."""
    if absent := [spec.name for spec in fields(Config) if spec.name not in values]:
        raise TrainingError(f"{path}: config has no {first_few(absent)}. {_START_AGAIN}")
    return config_of(values, f"{path}: config")


def restore_weights(network: nn.Module, state: Mapping[str, torch.Tensor], path: Path, model: str) -> None:
    """Load a checkpoint's network.

    Raises
    ------
    TrainingError
        It belongs to another architecture, or holds something other than finite numbers.
    """
    own = network.state_dict()
    if what := misfit(state, own):
        raise TrainingError(
            f"{path}: a checkpoint of another architecture than {model}: {what}. "
            "Resume with the code and configuration that it was written with."
        )
    if broken := [name for name, value in own.items() if not _is_like(state[name], value)]:
        raise TrainingError(
            f"{path}: model: {counted(len(broken), 'tensor')} of another type or with values that are not "
            f"finite ({first_few(broken, 3)}). {_START_AGAIN}"
        )
    network.load_state_dict(state, strict=True)


def restore_optimiser(
    optimiser: torch.optim.Optimizer,
    state: Mapping[str, Any],
    path: Path,
    step: int,
    exact: bool,
    idle: Callable[[], set[int]],
) -> None:
    """Load a checkpoint's optimiser; its settings are those of the configuration, and are checked.

    Parameters
    ----------
    optimiser
        A new one, of the network's parameters.
    state
        What the checkpoint holds of it.
    path
        The checkpoint, for messages.
    step
        Steps that the checkpoint's run has made.
    exact
        Whether the optimiser has made just as many; with scaled losses, some are left out.
    idle
        Returns the numbers of the parameters that the loss does not depend on, which have no state.

    Raises
    ------
    TrainingError
        It is damaged.
    """
    fresh = optimiser.state_dict()
    _check_fields(path, "optimiser", state, {"state": _TABLE, "param_groups": ("a list of one", _is_one)})
    (group,), (expected,) = state["param_groups"], fresh["param_groups"]
    for key in dict.fromkeys((*_SETTINGS, *(key for key in expected if key in group))):
        if repr(group.get(key)) != repr(expected[key]):
            raise _damaged(path, f"optimiser.{key}", group.get(key), f"{brief(expected[key])} as configured")
    parameters = [p for g in optimiser.param_groups for p in g["params"]]
    moments = state["state"]
    wanted = set(range(len(parameters))) if step else set()
    skipped = not exact and not moments  # the first scales are often too high for any step
    if not skipped and set(moments) != wanted and set(moments) != wanted - idle():
        raise TrainingError(
            f"{path}: optimiser.state has {len(moments)} entries, expected one for each of the "
            f"{len(wanted)} parameters trained. {_START_AGAIN}"
        )
    for k, values in moments.items():
        _check_fields(path, f"optimiser.state.{k}", values, _moments(parameters[k], step, exact))
    own = {
        k: {name: v.clone() if isinstance(v, torch.Tensor) else v for name, v in values.items()}
        for k, values in moments.items()
    }  # Adam writes into them, and in the file some may share memory
    optimiser.load_state_dict({"state": own, "param_groups": fresh["param_groups"]})


def restore_scaler(scaler: "torch.amp.GradScaler", state: Mapping[str, Any], path: Path) -> None:
    """Load the state of a checkpoint's loss scaler, which is empty if losses are not scaled.

    Raises
    ------
    TrainingError
        It is damaged.
    """
    fixed = {
        key: (repr(value), lambda v, value=value: type(v) is type(value) and v == value)
        for key, value in scaler.state_dict().items()
    }
    moving: Mapping[str, Check] = {
        "scale": ("a finite number above 0", lambda v: type(v) is float and math.isfinite(v) and v > 0),
        "_growth_tracker": ("a whole number from 0", _is_whole(0)),
    }
    _check_fields(path, "scaler", state, {**fixed, **{k: v for k, v in moving.items() if k in fixed}})
    scaler.load_state_dict(dict(state))


def restore_rng(state: Mapping[str, torch.Tensor], path: Path, cuda: bool) -> None:
    """Go on with a checkpoint's random numbers.

    Raises
    ------
    TrainingError
        They are damaged.
    """
    setters = {"cpu": torch.set_rng_state, **({"cuda": torch.cuda.set_rng_state} if cuda else {})}
    for kind, restore in setters.items():
        if kind in state:
            try:
                restore(state[kind])
            except RuntimeError as error:
                raise TrainingError(
                    f"{path}: rng.{kind} is no state of a random number generator. {_START_AGAIN}"
                ) from error


_SETTINGS = ("params", "lr", "betas", "eps", "weight_decay")
"""What an optimiser's group holds in any version of torch."""

_START_AGAIN = f"The file is damaged: start again, from {WEIGHTS} if it is intact: --weights FILE."


def _is_one(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict)


def _moments(parameter: torch.Tensor, step: int, exact: bool) -> Mapping[str, Check]:
    """Return the checks of what Adam keeps of a parameter."""
    shape = f"finite numbers of shape {tuple(parameter.shape)}"

    def is_step(value: Any) -> bool:
        if isinstance(value, torch.Tensor) and value.numel() == 1 and not value.is_meta:
            value = value.item()
        return type(value) in (int, float) and (value == step if exact else 1 <= value <= step)

    return {
        "step": (f"{'' if exact else 'at most '}{step}, the steps made", is_step),
        "exp_avg": (shape, lambda v: _is_like(v, parameter)),
        "exp_avg_sq": (f"{shape}, from 0", lambda v: _is_like(v, parameter) and not (v < 0).any()),
    }


def _is_like(value: Any, own: torch.Tensor) -> bool:
    """Tell whether a value is a dense tensor of the same shape and type as another, and finite."""
    return (
        isinstance(value, torch.Tensor)
        and (value.layout, value.dtype, value.shape) == (own.layout, own.dtype, own.shape)
        and not (value.is_meta or value.is_nested)
        and bool(value.isfinite().all())
    )


def _check_fields(
    path: Path,
    name: str,
    table: Any,
    needed: Mapping[str, Check],
    optional: Mapping[str, Check] | None = None,
) -> None:
    """Check that a table of a checkpoint has the fields that it needs, no unknown ones, and valid values."""
    checks = {**needed, **(optional or {})}
    if not isinstance(table, dict):
        raise _damaged(path, name, table, "a dictionary")
    dot = f"{name}." if name else ""
    if absent := [key for key in needed if key not in table]:
        raise TrainingError(f"{path}: {dot}{absent[0]} is missing. {_START_AGAIN}")
    if unknown := [brief(key) for key in table if key not in checks]:
        raise TrainingError(
            f"{path}: {name or 'it'} holds unknown fields: {first_few(unknown)}. {_START_AGAIN}"
        )
    for key, value in table.items():
        expected, is_valid = checks[key]
        if not is_valid(value):
            raise _damaged(path, f"{dot}{key}", value, expected)


def _damaged(path: Path, field: str, value: Any, expected: str) -> TrainingError:
    if isinstance(value, torch.Tensor) and value.numel() != 1:
        shown = f"a tensor of {value.dtype}, shape {tuple(value.shape)}"
    else:
        shown = brief(value)
    return TrainingError(f"{path}: {field} is {shown}, expected {expected}. {_START_AGAIN}")


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
