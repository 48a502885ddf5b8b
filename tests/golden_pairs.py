"""Pairs with values of original programs: 54 synthetic ones, and real ones that SODBENCH_REFERENCE names."""

import csv
import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

TESTS = Path(__file__).parent
REFERENCE = Path(os.environ.get("SODBENCH_REFERENCE", "unset"))
REAL = ("PiCANet", "u2netp")


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


@cache
def levels(file: Path) -> np.ndarray:
    return np.array(Image.open(file).convert("L"), order="C")


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
