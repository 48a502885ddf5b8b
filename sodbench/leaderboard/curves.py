"""Curves beside the boards: one CSV per measured row, ``curves/DATASET/METHOD.csv``."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sodbench.errors import LeaderboardError
from sodbench.leaderboard.boards import BoardRow
from sodbench.utils.files import replacing

BOARD_CURVES = ("precision", "recall", "f")
"""The curves stored for a measured row."""


def curves_file(folder: Path, dataset: str, method: str) -> Path:
    """Return the path of a measured row's curves."""
    return folder / "curves" / dataset / f"{method}.csv"


def write_curves(
    folder: Path, dataset: str, entry: BoardRow, curves: Mapping[str, NDArray[np.float64]]
) -> None:
    """Write the curves of a row, with five decimals, thresholds ascending."""
    file = io.StringIO()
    file.write(f"# {entry.signature}\n")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(BOARD_CURVES)
    writer.writerows(
        [f"{value:.5f}" for value in line] for line in zip(*(curves[c] for c in BOARD_CURVES), strict=True)
    )
    path = curves_file(folder, dataset, entry.method)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        part.write_text(file.getvalue(), encoding="utf-8")


def read_curves(folder: Path, dataset: str, entry: BoardRow) -> dict[str, NDArray[np.float64]] | None:
    """Return the curves of a row, ``(K,)`` each; None if there are none.

    Raises
    ------
    LeaderboardError
        The file is malformed, or its signature is not the row's.
    """
    path = curves_file(folder, dataset, entry.method)
    if not path.is_file():
        return None
    try:
        first, head, *lines = path.read_text(encoding="utf-8").splitlines()
        values = np.array([[float(cell) for cell in line.split(",")] for line in lines])
        well_formed = head.split(",") == list(BOARD_CURVES) and values.shape[1:] == (len(BOARD_CURVES),)
        well_formed = well_formed and len(values) > 1 and bool(((values >= 0) & (values <= 1)).all())
    except (OSError, ValueError) as error:
        raise LeaderboardError(f"{path}: damaged ({error}). Add the scores again.") from error
    if not well_formed:
        raise LeaderboardError(f"{path}: damaged, expected lines of {', '.join(BOARD_CURVES)} in [0, 1].")
    if first != f"# {entry.signature}":
        raise LeaderboardError(
            f"{path}: belongs to other scores of {entry.method} than the board's row. Add the scores again."
        )
    curves = {name: values[:, k] for k, name in enumerate(BOARD_CURVES)}
    if "max_f" in entry.values and abs(curves["f"].max() - float(entry.values["max_f"])) > 1e-5:
        raise LeaderboardError(
            f"{path}: its highest F is {curves['f'].max():.5f}, the row of {entry.method} says "
            f"{entry.values['max_f']:.5f}. Add the scores again."
        )
    return curves
