"""Curves beside the boards: one CSV per measured row, ``curves/DATASET/METHOD.csv``.

Its first line is the row's signature, its second the number of thresholds and a digest of all other lines, so
that a digit changed anywhere is found. Files of before the digest came have no second line; what follows
from the row and the protocol is checked of all: the number of thresholds, max F, F of precision and recall,
and that recall never rises.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from glob import escape
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.errors import LeaderboardError, first_few
from sodbench.leaderboard.boards import Board, BoardRow, read_board
from sodbench.leaderboard.folder import board_file_text, board_files
from sodbench.metrics.fmeasure import f_from_pr
from sodbench.metrics.histogram import n_thresholds
from sodbench.protocol import Protocol
from sodbench.utils.text import csv_text

BOARD_CURVES = ("precision", "recall", "f")
"""The curves stored for a measured row."""

DECIMALS = 5
"""Digits after the point of a stored curve."""

_HALF = 0.5 * 10**-DECIMALS + 1e-12


class StoredCurves(NamedTuple):
    """Curves of a measured row, ``(K,)`` each, and whether their file has a digest."""

    curves: Mapping[str, NDArray[np.float64]]
    has_digest: bool


def curves_name(dataset: str, method: str) -> str:
    """Return the path of a measured row's curves inside a folder of boards."""
    return f"curves/{dataset}/{method}.csv"


def curves_text(entry: BoardRow, curves: Mapping[str, NDArray[np.float64]]) -> str:
    """Return the text of a row's file of curves, thresholds ascending."""
    values = zip(*(curves[name] for name in BOARD_CURVES), strict=True)
    cells = [[f"{value:.{DECIMALS}f}" for value in line] for line in values]
    return with_digest([f"# {entry.signature}", *csv_text([BOARD_CURVES, *cells]).splitlines()])


def with_digest(lines: Sequence[str]) -> str:
    """Return the text of a file of curves from its lines, without or with a digest in the second place."""
    first, *others = lines
    body = others[1:] if others[0].startswith("#") else others
    digest = hashlib.sha256("\n".join([first, *body]).encode()).hexdigest()
    return "\n".join([first, f"# {len(body) - 1} thresholds, sha256 {digest}", *body, ""])


def read_curves(folder: Path, dataset: str, entry: BoardRow) -> StoredCurves | None:
    """Return the curves of a row; None if there are none.

    Raises
    ------
    LeaderboardError
        The file is malformed, was edited, or does not belong to the row.
    """
    name = curves_name(dataset, entry.method)
    path, text = folder / name, board_file_text(folder, name, "a file of curves")
    if text is None:
        return None
    lines = text.splitlines()
    has_digest = len(lines) > 1 and lines[1].startswith("#")
    values = _values(path, lines[2:] if has_digest else lines[1:])
    if lines[0] != f"# {entry.signature}":
        raise LeaderboardError(
            f"{path}: belongs to other scores of {entry.method} than the board's row. Add the scores again."
        )
    protocol = Protocol.parse(entry.signature)
    if len(values) != n_thresholds(protocol):
        raise LeaderboardError(
            f"{path}: {len(values)} thresholds, expected {n_thresholds(protocol)}. Add the scores again."
        )
    curves = {column: values[:, k] for k, column in enumerate(BOARD_CURVES)}
    if "max_f" in entry.values and abs(curves["f"].max() - float(entry.values["max_f"])) > _HALF:
        raise LeaderboardError(
            f"{path}: its highest F is {curves['f'].max():.{DECIMALS}f}, the row of {entry.method} says "
            f"{entry.values['max_f']:.{DECIMALS}f}. Add the scores again."
        )
    if has_digest and with_digest(lines) != "\n".join([*lines, ""]):
        raise LeaderboardError(f"{path}: was edited, its digest is another. Add the scores again.")
    if (odd := _first_odd(curves, protocol)) is not None:
        raise LeaderboardError(
            f"{path}: at threshold {odd} recall rises, or F is not that of precision and recall. "
            "Add the scores again."
        )
    return StoredCurves(curves, has_digest)


def board_with_curves(folder: Path, dataset: str) -> tuple[Board, dict[str, StoredCurves]]:
    """Read a board and the curves of its measured rows, by method, as of one moment.

    Raises
    ------
    LeaderboardError
        One of them is malformed, or curves belong to no row.
    """
    path = folder / f"{dataset}.csv"
    while True:
        board, failed = read_board(path), None
        try:
            curves = _of_board(folder, board)
        except LeaderboardError as error:
            failed = error
        if read_board(path) != board:  # another process has changed both meanwhile
            continue
        if failed:
            raise failed
        return board, curves


def _of_board(folder: Path, board: Board) -> dict[str, StoredCurves]:
    read = {entry.method: read_curves(folder, board.dataset, entry) for entry in board.of("measured")}
    curves = {method: stored for method, stored in read.items() if stored is not None}
    stems = [Path(name).stem for name in board_files(folder, f"curves/{escape(board.dataset)}/*.csv")]
    if orphans := [method for method in stems if method not in curves]:
        raise LeaderboardError(
            f"{folder / 'curves' / board.dataset}: {first_few(orphans)}: curves of no measured row. "
            "Delete them."
        )
    return curves


def _values(path: Path, lines: Sequence[str]) -> NDArray[np.float64]:
    """Read precision, recall and F, ``(K, 3)``."""
    cells = [line.split(",") for line in lines[1:]]
    form = re.compile(rf"0\.[0-9]{{{DECIMALS}}}|1\.0{{{DECIMALS}}}")
    if lines[:1] != [",".join(BOARD_CURVES)] or not cells:
        raise LeaderboardError(
            f"{path}: damaged, expected lines of {', '.join(BOARD_CURVES)}. Add the scores again."
        )
    for number, line in enumerate(cells):
        if len(line) != len(BOARD_CURVES) or not all(form.fullmatch(cell) for cell in line):
            raise LeaderboardError(
                f"{path}: damaged at threshold {number}, expected {', '.join(BOARD_CURVES)} in [0, 1] with "
                f"{DECIMALS} decimals. Add the scores again."
            )
    return np.array(cells, float)


def _first_odd(curves: Mapping[str, NDArray[np.float64]], protocol: Protocol) -> int | None:
    """Find the first threshold at which recall rises, or F is not that of precision and recall as rounded."""
    precision, recall, f = (curves[name] for name in BOARD_CURVES)
    low, high = (
        f_from_pr(np.maximum(precision + side, 0), np.maximum(recall + side, 0), protocol)
        for side in (-_HALF, _HALF)
    )
    odd = (f < low - _HALF) | (f > high + _HALF)
    odd[1:] |= np.diff(recall) > 1e-12
    return int(np.argmax(odd)) if odd.any() else None
