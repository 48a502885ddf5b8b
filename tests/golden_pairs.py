"""Pairs with values of original programs: 54 synthetic ones, and real ones that SODBENCH_REFERENCE names."""

import csv
import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

TESTS = Path(__file__).parent
REFERENCE = Path(os.environ.get("SODBENCH_REFERENCE", "unset"))
REAL = ("PiCANet", "u2netp")

SETS = ("golden50", "golden50_core", "golden54", *(f"{method}_SOD60" for method in REAL))
"""Sets of pairs of which the programs gave values of the whole: see `pairs_of` and `of_set`."""

needs_real_maps = pytest.mark.skipif(
    "SODBENCH_REFERENCE" not in os.environ, reason="SODBENCH_REFERENCE names no reference material"
)
sets = [pytest.param(name, marks=needs_real_maps) if name.endswith("SOD60") else name for name in SETS]


class GoldenPair(NamedTuple):
    """One pair: its row of values, and where its map and its mask lie."""

    row: dict[str, str]
    pred_file: Path
    mask_file: Path

    @property
    def name(self) -> str:
        return self.row["name"]

    @property
    def pred(self) -> np.ndarray:
        """Levels of the map."""
        return levels(self.pred_file)

    @property
    def mask(self) -> np.ndarray:
        """Levels of the mask."""
        return levels(self.mask_file)

    @property
    def gt(self) -> np.ndarray:
        """The mask as the programs got it."""
        return self.mask > 128

    def flagged(self, flag: str) -> bool:
        return self.row[flag] == "1"

    def value(self, column: str) -> float | None:
        """What a program returned, None where it returned NaN or raised an error."""
        return float(self.row[column]) if self.row[column] else None

    @property
    def curves(self) -> dict[str, np.ndarray]:
        """The programs' curves of this pair, by key."""
        file = TESTS / "golden2" / "curves2.npz"
        if TESTS not in self.pred_file.parents:
            file = REFERENCE / "golden2" / f"real2_curves_{self.pred_file.parents[1].name}.npz"
        stored = arrays(file)
        place = stored["names"].tolist().index(self.name)
        return {key: values[place] for key, values in stored.items() if key != "names"}


@cache
def levels(file: Path) -> np.ndarray:
    return np.array(Image.open(file).convert("L"), order="C")


@cache
def arrays(file: Path) -> dict[str, np.ndarray]:
    with np.load(file) as archive:
        return {key: archive[key] for key in archive}


def histograms(pred: np.ndarray, gt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The level histograms inside and outside the object, by numpy: no kernel need be compiled."""
    return np.bincount(pred[gt], minlength=256), np.bincount(pred[~gt], minlength=256)


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@cache
def synthetic_pairs() -> list[GoldenPair]:
    pairs = []
    for row in rows(TESTS / "golden2" / "golden2.csv"):
        name = f"{row['name']}.png"
        folder = next(TESTS / part for part in ("golden", "golden2") if (TESTS / part / "gt" / name).exists())
        pairs.append(GoldenPair(row, folder / "pred" / name, folder / "gt" / name))
    return pairs


@cache
def real_pairs() -> list[GoldenPair]:
    """The first 60 images of SOD with the maps of each of `REAL`."""
    return [
        GoldenPair(
            row,
            REFERENCE / "preds" / method / "SOD" / f"{row['name']}.png",
            REFERENCE / "data" / "SOD" / "masks" / f"{row['name']}.png",
        )
        for method in REAL
        for row in rows(REFERENCE / "golden2" / f"real2_{method}.csv")
    ]


def pairs_of(name: str) -> list[GoldenPair]:
    """The pairs of one of `SETS`."""
    if name.endswith("_SOD60"):
        return [pair for pair in real_pairs() if pair.pred_file.parents[1].name == name[: -len("_SOD60")]]
    return [
        pair
        for pair in synthetic_pairs()
        if name == "golden54"
        or (not pair.name.startswith("g_") and (name == "golden50" or pair.flagged("set_core")))
    ]


def of_set(name: str) -> dict[str, float]:
    """The values of one of `SETS` as a whole, by quantity."""
    values = [row for row in rows(TESTS / "golden2" / "dataset2.csv") if row["set"] == name]
    return {row["quantity"]: float(row["value"] or "nan") for row in values}
