"""Boards: one CSV per dataset, with rows printed in papers and rows measured with sodbench.

A published row keeps the digits of its paper. A measured row has the signature of its score,
covers the whole dataset, and shares a board only with measured rows of the same signature (apart from
the program's version).
"""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from sodbench.data.registry import dataset_name, lookup, registry
from sodbench.errors import LeaderboardError, ProtocolError, first_few, nearest
from sodbench.leaderboard.folder import board_file_text, board_files
from sodbench.metrics import METRICS, PAPER_METRICS, metric_differences, revisions_of
from sodbench.protocol import Protocol, Signature, differences_text, split_dataset
from sodbench.utils.text import counted, csv_text, shortened

FACT_COLUMNS = ("method", "venue", "year", "backbone", "size_mb", "supervision")
LAST_COLUMNS = ("n", "source", "signature", "reference", "printed_in", "date", "note")
"""The columns of a board before and behind the metrics'."""

OPTIONAL_COLUMNS = ("supervision", "printed_in")
"""Those of them that a board may lack, and has where some row needs them."""

SUPERVISIONS = ("full", "semi", "weak", "unsupervised")
"""What a method learns from: masks of all images, of some, labels that are no masks, no labels at all."""

METHOD_FACTS = ("venue", "year", "backbone", "size_mb", "supervision", "reference")
"""What all rows of a method say alike."""

TEXT_COLUMNS = ("venue", "backbone", "signature", "reference", "printed_in", "date", "note")
"""The columns of free text."""

SOURCES = ("published", "measured")
"""Where a row's values come from: a paper, or scores that sodbench computed."""


@dataclass(frozen=True)
class BoardRow:
    """One row of a board.

    Parameters
    ----------
    method
        The method's name; with `source` it is the row's key.
    source
        ``published`` or ``measured``.
    values
        Metric id -> value, as far as a paper prints them. A Decimal keeps the digits as printed.
    venue, year, backbone, size_mb, supervision, reference
        Facts about the method; empty or None where unknown. `size_mb` is the size of its weights' file,
        `supervision` one of `SUPERVISIONS`.
    n
        Number of images scored.
    signature
        How a measured row was made.
    printed_in
        Where a published row's values are printed; empty: in the method's own paper, its `reference`.
    date
        When a measured row was added, ISO 8601.
    note
        What a reader should know about this row, such as a known misprint.
    """

    method: str
    source: str
    values: Mapping[str, Decimal]
    venue: str = ""
    year: int | None = None
    backbone: str = ""
    size_mb: Decimal | None = None
    supervision: str = ""
    n: int | None = None
    signature: str = ""
    reference: str = ""
    printed_in: str = ""
    date: str = ""
    note: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Method and source, which no two rows of a board share."""
        return self.method, self.source


@dataclass(frozen=True)
class Board:
    """The rows of one dataset: published ones in their paper's order, then measured ones by method."""

    dataset: str
    entries: tuple[BoardRow, ...]

    def find(self, method: str, source: str) -> BoardRow | None:
        """Return the row of that key, None if there is none."""
        return next((entry for entry in self.entries if entry.key == (method, source)), None)

    def of(self, source: str) -> tuple[BoardRow, ...]:
        """Return the rows of one source."""
        return tuple(entry for entry in self.entries if entry.source == source)

    def put(self, entry: BoardRow) -> "Board":
        """Return the board with this row added, or in the place of the one of its key."""
        kept = [row for row in self.entries if row.key != entry.key]
        replaced = self.find(*entry.key)
        if replaced is not None and entry.source == "published":
            kept.insert(self.entries.index(replaced), entry)
        else:
            kept.append(entry)
        return replace(self, entries=_sorted(kept))

    def without(self, entry: BoardRow) -> "Board":
        """Return the board without a row."""
        return replace(self, entries=tuple(row for row in self.entries if row.key != entry.key))


def board_columns(entries: Iterable[BoardRow] = ()) -> tuple[str, ...]:
    """Return the columns of a board, in order: the paper's metrics, and others that some of its rows have.

    >>> board_columns()[5:11]
    ('max_f', 'mae', 'weighted_f', 's_measure', 'relax_f', 'n')
    """
    entries = tuple(entries)
    there = {name for name in OPTIONAL_COLUMNS if any(getattr(entry, name) for entry in entries)}
    return _columns({*there, *(name for entry in entries for name in entry.values)})


def board_metrics(entries: Iterable[BoardRow]) -> tuple[str, ...]:
    """Return the metrics that a board has columns of, in their order."""
    return tuple(name for name in board_columns(entries) if name in METRICS)


def _columns(there: Container[str]) -> tuple[str, ...]:
    """Return all columns of a board; `there` has those that not every board has."""
    others = [name for name in METRICS if name in there and name not in PAPER_METRICS]
    columns = (*FACT_COLUMNS, *PAPER_METRICS, *others, *LAST_COLUMNS)
    return tuple(name for name in columns if name not in OPTIONAL_COLUMNS or name in there)


def read_boards(folder: Path, datasets: Sequence[str] = ()) -> dict[str, Board]:
    """Read the boards of a folder, in the registry's order of datasets, then by name.

    Parameters
    ----------
    folder
        Holds ``DATASET.csv`` files.
    datasets
        Which ones; if none, all of them.

    Raises
    ------
    LeaderboardError
        A board is missing or malformed.
    """
    paths = {Path(name).stem: folder / name for name in board_files(folder, "*.csv")}
    if not paths:
        raise LeaderboardError(f"{folder}: found no boards, expected DATASET.csv files.")
    wanted = [dataset_name(name) for name in datasets]
    for name in wanted:
        if name not in paths:
            raise LeaderboardError(f"{folder}: no board of {name!r}; {nearest(name, tuple(paths))}")
    known = [name for name in registry() if name in paths]
    order = wanted or [*known, *(name for name in paths if name not in known)]
    return {name: read_board(paths[name]) for name in order}


def read_board(path: Path) -> Board:
    """Read one board, with every check that `sodbench leaderboard check` makes.

    Raises
    ------
    LeaderboardError
        The file is missing or malformed: columns, numbers, repeated rows, measured rows without a
        signature, of part of the dataset, or scored in different ways.
    """
    text = board_file_text(path.parent, path.name, "a board")
    if text is None:
        raise LeaderboardError(f"{path}: there is no such board.")
    return parse_board(path, text)


def parse_board(path: Path, text: str) -> Board:
    """Read the text of a board's file; see `read_board`."""
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = next(lines, [])
        _check_head(path, head)
        rows = [(lines.line_num, line) for line in lines]
    except csv.Error as error:
        raise LeaderboardError(f"{path}: line {lines.line_num}: not valid CSV ({error}).") from error
    entries = tuple(parse_row(f"{path}: line {number}", line, head) for number, line in rows)
    board = Board(path.stem, entries)
    check_board(board, str(path))
    return board


def board_csv(board: Board) -> str:
    """Return a board as the text of its file."""
    columns = board_columns(board.entries)
    return csv_text([columns, *(row_cells(entry, columns) for entry in board.entries)])


def check_board(board: Board, where: str) -> None:
    """Check the rows together: none is repeated, they are in order, and measured ones were scored alike.

    Raises
    ------
    LeaderboardError
        A check fails; `where` names the board in the message.
    """
    keys = Counter(entry.key for entry in board.entries)
    if twice := sorted(f"{m} ({s})" for (m, s), count in keys.items() if count > 1):
        raise LeaderboardError(f"{where}: {first_few(twice)} occurs twice, expected once. Delete one.")
    if board.entries != _sorted(board.entries):
        raise LeaderboardError(
            f"{where}: rows are out of order, expected published rows first, then measured ones by method."
        )
    measured = board.of("measured")
    for entry in measured:
        signature = Signature.parse(entry.signature)
        data = f"{signature.dataset}@{signature.version}"
        if signature.dataset != board.dataset:
            raise LeaderboardError(f"{where}: {entry.method} was scored on {data}, expected {board.dataset}.")
        expected = str(expected_signature(data, entry.n or 0))
        fields = metric_differences(expected, entry.signature, entry.values)
        if odd := {key: values for key, values in fields.items() if key != "rev"}:
            raise LeaderboardError(
                f"{where}: {entry.method} was scored in another way than a board's rows are: "
                f"{differences_text(odd)}. Score it again with the default protocol."
            )
        for metric in entry.values:
            first = next(other for other in measured if metric in other.values)
            if fields := metric_differences(first.signature, entry.signature, [metric]):
                raise LeaderboardError(
                    f"{where}: {first.method} and {entry.method} were scored differently: "
                    f"{differences_text(fields)}. Score one of them again, as the other was."
                )


def expected_signature(data: str, n: int) -> Signature:
    """Return the signature that every measured row of a board has, apart from the program's version.

    Parameters
    ----------
    data
        Dataset and version, ``SOD@1``; for a registered dataset, the registered version is used.
    n
        Images of the whole dataset; for a registered dataset, the registered count is used.
    """
    name, version = split_dataset(data)
    dataset, protocol = lookup(name), Protocol()
    if dataset is not None and dataset.confirmed:
        name, version, n = dataset.name, f"{dataset.version}", dataset.count
        if dataset.mask_threshold:
            protocol = protocol.change(mask_threshold=dataset.mask_threshold)
    revisions = revisions_of(PAPER_METRICS, protocol)
    return Signature(dataset=name, version=version, n=n, of=n, protocol=protocol, revisions=revisions)


def parse_row(where: str, line: Sequence[str], columns: Sequence[str]) -> BoardRow:
    """Read one row from its cells, in the order of a board's columns.

    Raises
    ------
    LeaderboardError
        A cell is not valid; `where` names the row in the message.
    """
    if len(line) != len(columns):
        raise LeaderboardError(f"{where}: {counted(len(line), 'cell')}, expected {len(columns)}.")
    cells = dict(zip(columns, line, strict=True))
    name = cells["method"]
    if not re.fullmatch(r"[^\W_=+@-][^/\\\x00-\x1f\x7f-\x9f]*(?<!\s)", name) or len(name.encode()) > 100:
        raise LeaderboardError(
            f"{where}: method {shortened(name)}, expected a name that begins with a letter or digit, has no "
            "slash, and at most 100 bytes. Rename its folder, or pass --method NAME where a row is added."
        )
    if cells["source"] not in SOURCES:
        raise LeaderboardError(
            f"{where}: source {shortened(cells['source'])}, expected {' or '.join(SOURCES)}."
        )
    texts = {key: cells.get(key, "") for key in TEXT_COLUMNS}
    if broken := [key for key, text in texts.items() if re.search(r"\A[=+@-]|[\x00-\x1f\x7f-\x9f]", text)]:
        raise LeaderboardError(
            f"{where}: {broken[0]} {shortened(texts[broken[0]])} begins with a character that spreadsheets "
            "take for a formula, or holds a control character."
        )
    if (supervision := cells.get("supervision", "")) not in ("", *SUPERVISIONS):
        raise LeaderboardError(
            f"{where}: supervision {shortened(supervision)}, expected {', '.join(SUPERVISIONS)} or nothing."
        )
    values = {
        metric: cell_number(where, metric, cells[metric], *METRICS[metric].bounds)
        for metric in METRICS
        if cells.get(metric)
    }
    entry = BoardRow(
        method=name,
        source=cells["source"],
        values=values,
        year=_whole(where, "year", cells["year"], 1950, 2100),
        size_mb=cell_number(where, "size_mb", cells["size_mb"], 0.001, 1e6) if cells["size_mb"] else None,
        supervision=supervision,
        n=_whole(where, "n", cells["n"], 1, 10**9),
        **texts,
    )
    if entry.source == "measured":
        _check_measured(f"{where}: {name}", entry)
    return entry


def row_cells(entry: BoardRow, columns: Sequence[str]) -> list[str]:
    """Return the cells of a row, as text, in the order of a board's columns."""
    cells: dict[str, object] = {**vars(entry), **entry.values}
    return ["" if cells.get(name) is None else str(cells[name]) for name in columns]


def _sorted(entries: Sequence[BoardRow]) -> tuple[BoardRow, ...]:
    published = [entry for entry in entries if entry.source == "published"]
    measured = [entry for entry in entries if entry.source == "measured"]
    return (*published, *sorted(measured, key=lambda entry: (entry.method.casefold(), entry.method)))


def _check_head(path: Path, head: Sequence[str]) -> None:
    expected = _columns(head)
    if tuple(head) == expected:
        return
    unknown = [name for name in head if name not in expected]
    missing = [name for name in expected if name not in head]
    problems = [
        *([f"unknown columns {first_few(unknown)}"] if unknown else []),
        *([f"missing columns {first_few(missing)}"] if missing else []),
    ]
    what = "; ".join(problems) or "columns repeated or in another order"
    raise LeaderboardError(f"{path}: {what}. Expected {', '.join(expected)}.")


def _check_measured(where: str, entry: BoardRow) -> None:
    if not entry.signature:
        raise LeaderboardError(f"{where}: a measured row without a signature. Add it from its scores.")
    try:
        signature = Signature.parse(entry.signature)
    except ProtocolError as error:
        raise LeaderboardError(f"{where}: {error}") from error
    if not entry.n == signature.n == signature.of:
        raise LeaderboardError(
            f"{where}: n is {entry.n} and the signature says n:{signature.n}/{signature.of}, expected all "
            "images."
        )
    if lacking := [metric for metric in PAPER_METRICS if metric not in entry.values]:
        raise LeaderboardError(f"{where}: a measured row lacks {', '.join(lacking)}.")


def cell_number(where: str, key: str, text: str, low: float, high: float) -> Decimal:
    """Return the number that a cell holds, with its digits.

    Raises
    ------
    LeaderboardError
        It holds none, or one out of bounds; `where` and `key` name it in the message.
    """
    if not re.fullmatch(r"-?[0-9]{0,30}\.?[0-9]{1,30}([eE]-[0-9]{1,2})?", text):
        raise LeaderboardError(f"{where}: {key} is {shortened(text)}, expected a number.")
    value = Decimal(text)
    if not low <= value <= high:
        bounds = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        raise LeaderboardError(f"{where}: {key} is {text}, expected a number {bounds}.")
    return value


def _whole(where: str, key: str, text: str, low: int, high: int) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,10}", text) or not low <= int(text) <= high:
        raise LeaderboardError(
            f"{where}: {key} is {shortened(text)}, expected a whole number from {low} to {high}."
        )
    return int(text)
