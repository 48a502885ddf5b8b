"""Configurations of training runs: TOML files, whose values are all checked on loading."""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import Any

from sodbench.errors import TrainingError
from sodbench.models.networks import NETWORKS
from sodbench.models.predictor import PRECISIONS
from sodbench.utils.files import check_path
from sodbench.utils.process import Say
from sodbench.utils.toml import FLAG, TEXT, Check, checked_table, read_toml

CONFIGS = Path(__file__).parent / "configs"
INITS = ("xavier", "torch")
FORMER_KEYS = {"tensorboard"}
"""Keys of earlier configurations that did not affect the result of training."""


@dataclass(frozen=True)
class Matching:
    """How photos and masks are paired, and the photos turned.

    Parameters
    ----------
    strip, loose
        Affixes to remove from the names of photos and masks; whether names may differ in case or leading
        zeros. See `sodbench.data.pairing.pair`.
    exif
        Apply the photos' EXIF rotation.
    """

    strip: tuple[str, ...] = ()
    loose: bool = False
    exif: bool = False


AS_NAMED = Matching()
"""Names pair as they are, and photos lie as their pixels are stored."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that determines the result of training.

    The defaults are those of section 4.3, each explained in ``u2net.toml``. `factory` is the
    ``module:function`` of a network that is not registered, and `weights` a file to start from instead of
    `init`.
    """

    model: str
    factory: str = ""
    weights: str = ""
    init: str = "xavier"
    seed: int = 0
    resize: int = 320
    crop: int = 288
    vertical_flip: float = 0.5
    horizontal_flip: float = 0.5
    workers: int = 2
    loss_weights: tuple[float, ...] = (1.0,) * 7
    lr: float = 1e-3
    betas: tuple[float, ...] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    batch: int = 12
    accumulate: int = 1
    iterations: int = 600_000
    precision: str = "fp32"
    channels_last: bool = True
    checkpoint_every: int = 2000
    log_every: int = 20
    validate_every: int = 0
    holdout: float = 0.0

    @property
    def own_factory(self) -> str:
        """The factory, if it is the user's own and none of sodbench's networks."""
        return "" if self.factory in NETWORKS.values() else self.factory

    def plain(self) -> dict[str, Any]:
        """Return the keys and values as in TOML."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }


def load_config(path: Path, say: Say = lambda line: None) -> Config:
    """Read a configuration: a file, or the name of one that comes with sodbench.

    A key of earlier versions that is off is left out, and `say` is called with it.

    Raises
    ------
    TrainingError
        It is missing, not valid TOML, or holds an unknown key or an invalid value.

    Examples
    --------
    >>> load_config(Path("configs/u2netp.toml")).iterations
    600000
    """
    file = _find(path)
    values = read_toml(file, TrainingError)
    for key in sorted(FORMER_KEYS & values.keys()):
        if values[key] is False:
            say(f"{file}: {key} = false is left out: there is no such key any more. Delete the line.")
            del values[key]
    return config_of(values, str(file))


def config_of(values: Mapping[str, Any], where: str) -> Config:
    """Check values and make a configuration of them; `where` names their source in messages.

    Raises
    ------
    TrainingError
        A key is unknown, or a value invalid.

    Examples
    --------
    >>> config_of({"model": "u2net", "bach": 12}, "my.toml")
    Traceback (most recent call last):
    sodbench.errors.TrainingError: my.toml: unknown key bach; did you mean batch?
    """
    facts = checked_table(where, values, _KEYS, TrainingError)
    if "model" not in values:
        raise TrainingError(f"{where}: model is missing, expected a name of `sodbench models`.")
    config = Config(**facts)
    _check_together(config, where)
    return config


def _check_together(config: Config, where: str) -> None:
    if config.crop > config.resize:
        raise TrainingError(
            f"{where}: crop is {config.crop}, expected at most resize, which is {config.resize}."
        )
    if config.batch % config.accumulate:
        raise TrainingError(
            f"{where}: batch is {config.batch}, expected a multiple of accumulate, "
            f"which is {config.accumulate}."
        )
    if bool(config.validate_every) != bool(config.holdout):
        raise TrainingError(
            f"{where}: validate_every is {config.validate_every} and holdout {config.holdout}, "
            "expected both or neither to be 0."
        )
    if not any(config.loss_weights):
        raise TrainingError(f"{where}: loss_weights are all 0, expected at least one that is not.")


def _find(path: Path) -> Path:
    parts = PurePath(path).parts
    name = Path(*(parts[1:] if len(parts) > 1 and parts[0] == "configs" else parts))
    places = (path, CONFIGS / name.with_suffix(".toml")) if name.name else (path,)
    check_path(path, TrainingError)
    for place in places:
        if place.exists() and not place.is_dir():
            return place
    shipped = [file.relative_to(CONFIGS).as_posix() for file in sorted(CONFIGS.rglob("*.toml"))]
    raise TrainingError(
        f"{path}: no such configuration; those that come with sodbench: {', '.join(shipped)}."
    )


def _is_whole(low: int, high: float = math.inf) -> Callable[[Any], bool]:
    return lambda v: type(v) is int and low <= v <= high


def _is_real(is_valid: Callable[[float], bool]) -> Callable[[Any], bool]:
    return lambda v: type(v) in (int, float) and abs(v) <= sys.float_info.max and is_valid(v)


def _is_reals(is_valid: Callable[[float], bool]) -> Callable[[Any], bool]:
    real = _is_real(is_valid)
    return lambda v: isinstance(v, list | tuple) and all(real(item) for item in v)


_STEPS = ("a whole number from 1", _is_whole(1))
_SIDE = ("a whole number of pixels from 1 to 4096", _is_whole(1, 4096))
_SHARE = ("a number from 0 to 1", _is_real(lambda v: 0 <= v <= 1))
_POSITIVE = ("a number above 0, at most 1000", _is_real(lambda v: 0 < v <= 1000))
_BETAS = _is_reals(lambda v: 0 <= v < 1)
_WEIGHTS = _is_reals(lambda v: v >= 0)
_KEYS: dict[str, Check] = {
    "model": ("a name", lambda v: isinstance(v, str) and v.strip() != ""),
    "factory": ('"module:function"', lambda v: isinstance(v, str) and (not v or ":" in v[1:-1])),
    "weights": TEXT,
    "init": ("xavier or torch", lambda v: v in INITS),
    "seed": ("a whole number from 0 to 2^32 - 1", _is_whole(0, 2**32 - 1)),
    "resize": _SIDE,
    "crop": _SIDE,
    "vertical_flip": _SHARE,
    "horizontal_flip": _SHARE,
    "workers": ("a whole number from 0 to 256", _is_whole(0, 256)),
    "loss_weights": ("a list of numbers from 0, fused map first", lambda v: _WEIGHTS(v) and len(v) > 0),
    "lr": _POSITIVE,
    "betas": ("two numbers from 0 to below 1", lambda v: _BETAS(v) and len(v) == 2),
    "eps": _POSITIVE,
    "weight_decay": ("a number from 0 to 1000", _is_real(lambda v: 0 <= v <= 1000)),
    "batch": _STEPS,
    "accumulate": _STEPS,
    "iterations": _STEPS,
    "precision": (" or ".join(PRECISIONS), lambda v: v in PRECISIONS),
    "channels_last": FLAG,
    "checkpoint_every": _STEPS,
    "log_every": _STEPS,
    "validate_every": ("a whole number from 0", _is_whole(0)),
    "holdout": ("a share from 0 to below 1", _is_real(lambda v: 0 <= v < 1)),
}
