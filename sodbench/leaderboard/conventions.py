"""Measured rows under every convention, ``conventions/DATASET.csv``: how the same maps score elsewhere.

Each line has one metric of one method under a preset, or under the board's protocol with one convention
changed, in full precision, and its signature. ``sodbench explain`` computes them.
"""

import csv
import io
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from sodbench.errors import LeaderboardError, ProtocolError, first_few, nearest
from sodbench.leaderboard.boards import Board, BoardRow, cell_number
from sodbench.leaderboard.folder import board_file_text
from sodbench.metrics import METRICS, metric_differences, revisions_of
from sodbench.protocol import Protocol, Signature, differences_text
from sodbench.protocol.conventions import Reading, readings
from sodbench.utils.text import counted, csv_text, shortened

CONVENTION_COLUMNS = ("method", "convention", "metric", "value", "signature")

SAME = Decimal("5e-5")
"""How near a value under the board's own protocol is to the board's: a network's maps made anew, on another
machine, differ by less."""


@dataclass(frozen=True)
class ConventionRow:
    """A metric of a method on a dataset under a convention.

    Parameters
    ----------
    method
        Its name on the board, which has a measured row of it.
    convention
        A preset, or a convention of `sodbench.protocol.conventions` that is changed in the board's protocol.
    metric
        Its id, as it would be printed: ``max_f`` under ``max-f-is=adp_f`` is an adaptive F.
    value
        In full precision.
    signature
        How it was made. What no part of a signature says (``max-f-is=adp_f``) the convention's name says.
    """

    method: str
    convention: str
    metric: str
    value: Decimal
    signature: str


def conventions_name(dataset: str) -> str:
    """Return the path of a dataset's file inside a folder of boards."""
    return f"conventions/{dataset}.csv"


def conventions_text(rows: Sequence[ConventionRow]) -> str:
    """Return the text of a file."""
    return csv_text([CONVENTION_COLUMNS, *([getattr(row, c) for c in CONVENTION_COLUMNS] for row in rows)])


def read_conventions(folder: Path, board: Board) -> tuple[ConventionRow, ...]:
    """Return a board's rows by convention, in the order of their file; none if there is no such file.

    Raises
    ------
    LeaderboardError
        The file is malformed, or does not belong to the board's rows.
    """
    name = conventions_name(board.dataset)
    text = board_file_text(folder, name, "a file of conventions")
    if text is None:
        return ()
    path = folder / name
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head, *cells = list(lines) or [[]]
    except csv.Error as error:
        raise LeaderboardError(f"{path}: line {lines.line_num}: not valid CSV ({error}).") from error
    if tuple(head) != CONVENTION_COLUMNS:
        raise LeaderboardError(f"{path}: expected the columns {', '.join(CONVENTION_COLUMNS)}.")
    rows = tuple(_parsed(f"{path}: line {number}", line) for number, line in enumerate(cells, 2))
    keys = [(row.method, row.convention, row.metric) for row in rows]
    if len({*keys}) < len(keys):
        twice = sorted({" ".join(key) for key in keys if keys.count(key) > 1})
        raise LeaderboardError(f"{path}: {first_few(twice)} occurs twice, expected once. Delete one.")
    by_method = {method: _signatures(path, board, method) for method in dict.fromkeys(r.method for r in rows)}
    for row in rows:
        _check(f"{path}: {row.method}, {row.convention}, {row.metric}", row, board, by_method[row.method])
    return rows


def conventions_without(text: str, methods: Container[str]) -> str:
    """Return the text of a file without the lines of some methods; an empty one if none are left."""
    head, *lines = list(csv.reader(io.StringIO(text, newline=""))) or [[]]
    kept = [line for line in lines if line and line[0] not in methods]
    return csv_text([head, *kept]) if kept else ""


def signature_under(entry: BoardRow, convention: str, metric: str) -> str:
    """Return the signature of a measured row's metric under a convention.

    Raises
    ------
    LeaderboardError
        There is no such convention, or the row follows it already.
    """
    known = _readings(entry)
    if convention not in known:
        raise LeaderboardError(
            f"{entry.method}: convention {shortened(convention)}; {nearest(convention, tuple(known))}"
        )
    return _signed(entry, known[convention], metric)


def _readings(entry: BoardRow) -> dict[str, Reading]:
    return readings(Reading(Protocol.parse(entry.signature)))


def _signed(entry: BoardRow, reading: Reading, metric: str) -> str:
    made = Signature.parse(entry.signature)
    revisions = revisions_of([reading.metric(metric)], reading.protocol)
    return str(replace(made, protocol=reading.protocol, revisions=revisions))


def _signatures(path: Path, board: Board, method: str) -> Mapping[str, Reading]:
    entry = board.find(method, "measured")
    if entry is None:
        raise LeaderboardError(
            f"{path}: {method} has no measured row on the board. Delete its lines, or add the row."
        )
    return _readings(entry)


def _parsed(where: str, line: list[str]) -> ConventionRow:
    if len(line) != len(CONVENTION_COLUMNS):
        raise LeaderboardError(f"{where}: {counted(len(line), 'cell')}, expected {len(CONVENTION_COLUMNS)}.")
    method, convention, metric, value, signature = line
    if metric not in METRICS:
        raise LeaderboardError(f"{where}: metric {shortened(metric)}; {nearest(metric, tuple(METRICS))}")
    number = cell_number(where, metric, value, *METRICS[metric].bounds)
    return ConventionRow(method, convention, metric, number, signature)


def _check(where: str, row: ConventionRow, board: Board, known: Mapping[str, Reading]) -> None:
    entry = board.find(row.method, "measured")
    assert entry is not None
    reading = known.get(row.convention)
    if reading is None:
        raise LeaderboardError(f"{where}: {nearest(row.convention, tuple(known))}")
    expected = _signed(entry, reading, row.metric)
    try:
        Signature.parse(row.signature)
    except ProtocolError as error:
        raise LeaderboardError(f"{where}: {error}") from error
    if fields := metric_differences(expected, row.signature, [reading.metric(row.metric)]):
        raise LeaderboardError(
            f"{where}: its signature is another: {differences_text(fields)}. Compute it again."
        )
    is_own = not metric_differences(entry.signature, row.signature, [row.metric])
    own = entry.values.get(row.metric)
    if own is None or not is_own or reading != Reading(reading.protocol):
        return
    if abs(own - row.value) > SAME:
        raise LeaderboardError(
            f"{where}: {row.value}, but the board's row, made in the same way, says {own}. Compute it again."
        )
