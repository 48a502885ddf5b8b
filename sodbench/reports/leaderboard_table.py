"""Comparison tables: which rows and columns, what a cell shows, and how it ranks; `rendering` writes them.

*Conventions.* A rank is the dense rank of the values *as shown*: equal values share it, and the next value
gets the next rank. Rows are ranked among rows made alike and shown together: published rows among
themselves, measured rows among those of the same signature (the program's version apart), never one with
the other; a value that has no rival has no rank. A published value is never shown with more digits than
its paper prints. Means and mean ranks are given only to methods that have every value they are made of.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from string import ascii_uppercase

from sodbench.data.registry import fold
from sodbench.errors import LeaderboardError, first_few, nearest
from sodbench.leaderboard.boards import Board, BoardRow
from sodbench.leaderboard.submission import entry_from
from sodbench.metrics import METRICS, PAPER_METRICS, family_of, protocol_fields
from sodbench.protocol import acting_parts
from sodbench.reports.table import (
    MEAN_OF_ALL,
    MEAN_RANK,
    SECTION_TITLES,
    Cell,
    Column,
    Marks,
    Section,
    Table,
    TableRow,
)
from sodbench.scoring.scores import Scores
from sodbench.utils.text import aligned

PAPER_DATASETS = ("DUT-OMRON", "DUTS-TE", "HKU-IS", "ECSSD", "PASCAL-S", "SOD")
"""The datasets of the U2-Net paper's Tables 3 and 4, in their order."""

SORTS = ("method", "year", "size", "rank", *PAPER_METRICS)
"""What rows can be sorted by; without, they stand as on the boards."""


def assemble(
    boards: Mapping[str, Board],
    scores: Sequence[Scores] = (),
    *,
    paper: bool = False,
    datasets: Sequence[str] = (),
    methods: Sequence[str] = (),
) -> dict[str, Board]:
    """Return the boards to show.

    Parameters
    ----------
    boards
        By dataset.
    scores
        One's own, as measured rows, in the place of a board's measured row of the same method; see
        `sodbench.leaderboard.submission.entry_from`. A dataset that has no board gets one.
    paper
        Leave the boards' own measured rows out, and show `PAPER_DATASETS` if no datasets are asked for.
    datasets, methods
        Which, and in which order; none: all.

    Raises
    ------
    LeaderboardError
        A name is unknown, there is no row at all, or scores are of part of a dataset, under another
        protocol, or given twice.
    """
    found = {name: replace(b, entries=b.of("published")) if paper else b for name, b in boards.items()}
    given: list[str] = []
    for one in scores:
        dataset = one.dataset_name
        board = boards.get(dataset, Board(dataset, ()))
        entry = _with_facts(entry_from(one), board)
        given.append(f"{entry.method} on {dataset}")
        found[dataset] = found.get(dataset, Board(dataset, ())).put(entry)
    if twice := sorted({name for name in given if given.count(name) > 1}):
        raise LeaderboardError(f"{first_few(twice)}: given twice, expected each row once. Give one of them.")
    own = [one.dataset_name for one in scores]
    asked = datasets or ((*PAPER_DATASETS, *own) if paper else ())
    found = {name: found[name] for name in named(asked, list(found), "dataset") or found}
    known = list(dict.fromkeys(entry.method for board in found.values() for entry in board.entries))
    if not known:
        raise LeaderboardError(
            f"{first_few(list(found))}: no rows to show. Add some with `sodbench leaderboard add`, or show "
            "scores of your own with --with."
        )
    if order := named(methods, known, "method"):
        return {name: replace(b, entries=_in_order(b.entries, order)) for name, b in found.items()}
    return found


def notices(shown: Mapping[str, Board], boards: Mapping[str, Board], scores: Sequence[Scores]) -> list[str]:
    """Say which of one's own scores are not shown, and which stand in the place of a board's row."""
    said = []
    for one in scores:
        dataset = one.dataset_name
        if dataset not in shown or shown[dataset].find(one.method, "measured") is None:
            said.append(f"{one.method} on {dataset}: left out, as --datasets or --methods do not name it.")
        elif dataset in boards and boards[dataset].find(one.method, "measured"):
            said.append(f"{one.method} on {dataset}: shown from the scores given, not from the board.")
    return said


def _with_facts(entry: BoardRow, board: Board) -> BoardRow:
    """Take the facts about a method from its row on the board."""
    known = board.find(entry.method, "measured") or board.find(entry.method, "published")
    if known is None:
        return entry
    facts = {name: getattr(known, name) for name in ("venue", "year", "backbone", "size_mb", "reference")}
    return replace(entry, **facts)


def named(names: Sequence[str], valid: Sequence[str], what: str) -> list[str]:
    """Return the valid spellings of names; case, ``-``, ``_`` and spaces do not matter.

    Raises
    ------
    LeaderboardError
        A name is unknown.

    Examples
    --------
    >>> named(["dut_omron"], ["SOD", "DUT-OMRON"], "dataset")
    ['DUT-OMRON']
    """
    folded = {fold(name): name for name in reversed(valid)}
    found = []
    for name in names:
        if name not in valid and fold(name) not in folded:
            raise LeaderboardError(f"unknown {what} {name!r}; {nearest(name, valid)}")
        found.append(name if name in valid else folded[fold(name)])
    return list(dict.fromkeys(found))


def build_table(
    boards: Mapping[str, Board],
    *,
    metrics: Sequence[str] = (),
    sort: str = "",
    decimals: int = 3,
    delta: bool = False,
    mean_rank: bool = False,
    average: bool = False,
    marks: Marks | None = None,
) -> Table:
    """Lay out boards as one table.

    Parameters
    ----------
    boards
        By dataset, in the order of columns; their rows in the order of rows. See `assemble`.
    metrics
        Which of the boards' metrics; none: all.
    sort
        One of `SORTS`: best, smallest or newest first; a metric counts by its mean over the datasets, and
        rows that lack it come last.
    decimals
        Digits after the point.
    delta
        Add columns of measured minus published values, from the measured value in full precision.
    mean_rank
        Add the mean of a row's ranks over all datasets and metrics shown.
    average
        Add a row of means over the methods, and columns of means over the datasets.
    marks
        What resampling adds to measured rows.

    Raises
    ------
    LeaderboardError
        A metric or sort is unknown, or no row has a difference to show.
    """
    metrics = named(metrics, PAPER_METRICS, "metric") or list(PAPER_METRICS)
    sheet = _Sheet(boards, metrics, decimals, marks or Marks())
    sections = [_sorted(sheet, rows, sort) for rows in sheet.sections()]
    measured = [name for rows in sections for name, source in rows if source == "measured"]
    sheet.letters = dict(
        zip([name for name in measured if name in sheet.marks.compared], ascii_uppercase, strict=False)
    )
    columns = list(sheet.columns(delta))
    if average and len(boards) > 1:
        columns += [Column(MEAN_OF_ALL, metric) for metric in metrics]
    if mean_rank:
        columns.append(Column(MEAN_RANK, "rank"))
    found = tuple(_section(sheet, rows, columns, average) for rows in sections)
    return Table(tuple(columns), found, sheet.marks.said)


def dense_ranks(texts: Sequence[str], higher_is_better: bool) -> list[int | None]:
    """Rank numbers as they are shown: equal ones share a rank, the next one gets the next rank.

    Examples
    --------
    >>> dense_ranks(["0.9", "0.8", "-", "0.9", "0.7"], True)
    [1, 2, None, 1, 3]
    """
    values = [None if text in ("-", "") else Decimal(text) for text in texts]
    order = sorted({value for value in values if value is not None}, reverse=higher_is_better)
    return [None if value is None else order.index(value) + 1 for value in values]


def split_note(note: str) -> dict[str, str]:
    """Split the note of a board's row by the metric it concerns; what concerns the row has the key ``""``.

    Examples
    --------
    >>> split_note("other maps; mae: printed 0.908; .092 elsewhere; max_f: .854 elsewhere")
    {'': 'other maps', 'mae': 'printed 0.908; .092 elsewhere', 'max_f': '.854 elsewhere'}
    """
    found: dict[str, list[str]] = {}
    metric = ""
    for piece in note.split("; ") if note else ():
        head, colon, text = piece.partition(": ")
        if colon and head in PAPER_METRICS:
            metric, piece = head, text
        found.setdefault(metric, []).append(piece)
    return {key: "; ".join(pieces) for key, pieces in found.items()}


RowKey = tuple[str, str]
"""Method and source: what makes a row."""


class _Sheet:
    """The numbers behind a table."""

    def __init__(
        self, boards: Mapping[str, Board], metrics: Sequence[str], decimals: int, marks: Marks
    ) -> None:
        self.datasets, self.metrics, self.decimals, self.marks = tuple(boards), metrics, decimals, marks
        self.letters: dict[str, str] = {}
        self.rows: dict[RowKey, dict[str, BoardRow]] = {}
        self._ranks: dict[Column, dict[RowKey, int | None]] = {}
        for name, board in boards.items():
            for entry in board.entries:
                self.rows.setdefault(entry.key, {})[name] = entry

    def sections(self) -> Iterator[list[RowKey]]:
        """Yield the rows of each source that has some."""
        for source in SECTION_TITLES:
            if rows := [key for key in self.rows if key[1] == source]:
                yield rows

    def columns(self, delta: bool) -> Iterator[Column]:
        """Yield size and values, and of each dataset the differences that some row has."""
        if any(self.fact(key, "size_mb") is not None for key in self.rows):
            yield Column("", "size")
        found = False
        for name in self.datasets:
            yield from (Column(name, metric) for metric in self.metrics)
            for column in (Column(name, metric, delta=True) for metric in self.metrics if delta):
                if any(self.value(key, column) is not None for key in self.rows):
                    found = True
                    yield column
        if delta and not found:
            raise LeaderboardError(
                "--delta: no method shown has both a published and a measured value. Add a row of the same "
                "name with `sodbench leaderboard add --method NAME`, or leave --delta out."
            )

    def fact(self, key: RowKey, name: str) -> object:
        """Return what the first board that knows says of a method."""
        facts = (getattr(entry, name) for entry in self.rows[key].values())
        return next((fact for fact in facts if fact not in (None, "")), None)

    def value(self, key: RowKey, column: Column) -> Decimal | None:
        """Return a number in full precision, None if there is none."""
        if column.metric == "size":
            size = self.fact(key, "size_mb")
            return size if isinstance(size, Decimal) else None
        if column.metric == "rank":
            ranks = [self.ranks(Column(d, m))[key] for d in self.datasets for m in self.metrics]
            return _mean([None if rank is None else Decimal(rank) for rank in ranks])
        if column.group == MEAN_OF_ALL:
            return _mean([self.value(key, Column(name, column.metric)) for name in self.datasets])
        entry = self.rows[key].get(column.group)
        value = entry.values.get(column.metric) if entry else None
        if not column.delta:
            return value
        printed = self.rows.get((key[0], "published"), {}).get(column.group)
        base = printed.values.get(column.metric) if printed and key[1] == "measured" else None
        return None if value is None or base is None else value - base

    def text(self, key: RowKey, column: Column) -> str:
        """Return what a cell shows."""
        if column.delta and key[1] == "published":
            return ""
        places = {"size": 1, "rank": 2}.get(column.metric, self.decimals)
        value = self.value(key, column)
        if value is not None and key[1] == "published" and column.group in self.datasets:
            places = min(places, -int(value.as_tuple().exponent))
        return _shown(value, places, signed=column.delta)

    def marked(self, key: RowKey, column: Column) -> tuple[str, tuple[str, ...]]:
        """Return what resampling adds to a cell: half its interval, and the letters of whom it beats."""
        if key[1] == "published" or column.delta:
            return "", ()
        what = key[0], column.group, column.metric
        spread, better = self.marks.spreads.get(what), self.marks.better.get(what, ())
        letters = tuple(sorted(self.letters[name] for name in better if name in self.letters))
        return "" if spread is None else f"{spread:.{self.decimals}f}", letters

    def kind(self, key: RowKey, column: Column) -> tuple[str, ...]:
        """Return how a value was made: only equal ones are ranked together."""
        names = [column.group] if column.group in self.datasets else self.datasets if column.group else ()
        entries = [self.rows[key][name] for name in names if name in self.rows[key]]
        return key[1], *(_acting(entry.signature, column.metric) for entry in entries if entry.signature)

    def ranks(self, column: Column) -> dict[RowKey, int | None]:
        """Rank the rows in a column; a row without rivals has no rank."""
        if column in self._ranks:
            return self._ranks[column]
        found = self._ranks[column] = dict.fromkeys(self.rows)
        kinds: dict[tuple[str, ...], list[RowKey]] = {}
        for key in self.rows:
            kinds.setdefault(self.kind(key, column), []).append(key)
        for keys in kinds.values():
            ranks = dense_ranks([self.text(key, column) for key in keys], column.higher_is_better)
            if len(ranks) - ranks.count(None) > 1:
                found.update(zip(keys, ranks, strict=True))
        return found


def _section(sheet: _Sheet, rows: Sequence[RowKey], columns: Sequence[Column], average: bool) -> Section:
    ranks = {column: sheet.ranks(column) for column in columns if not column.delta}
    return Section(
        rows[0][1],
        tuple(
            _row(sheet, key, columns, {column: found[key] for column, found in ranks.items()}) for key in rows
        ),
        _means(sheet, rows, columns) if average else None,
    )


def _row(
    sheet: _Sheet, key: RowKey, columns: Sequence[Column], ranks: Mapping[Column, int | None]
) -> TableRow:
    entries = sheet.rows[key]
    notes = {name: split_note(entry.note) for name, entry in entries.items()}

    def cell(column: Column) -> Cell:
        if column.group == MEAN_OF_ALL:
            parts = [
                f"{name}: {found[column.metric]}" for name, found in notes.items() if column.metric in found
            ]
            note = "; ".join(parts)
        else:
            note = "" if column.delta else notes.get(column.group, {}).get(column.metric, "")
        spread, better = sheet.marked(key, column)
        return Cell(sheet.text(key, column), ranks.get(column), note, spread, better)

    venue, year = sheet.fact(key, "venue"), sheet.fact(key, "year")
    return TableRow(
        method=key[0],
        venue=f"{venue or ''}{f'{year:02d}'[-2:] if isinstance(year, int) else ''}",
        backbone=str(sheet.fact(key, "backbone") or ""),
        cells=tuple(cell(column) for column in columns),
        datasets=tuple(entries),
        notes=tuple((name, found[""]) for name, found in notes.items() if "" in found),
        signatures=tuple((name, entry.signature) for name, entry in entries.items() if entry.signature),
        letter=sheet.letters.get(key[0], "") if key[1] == "measured" else "",
    )


def _means(sheet: _Sheet, rows: Sequence[RowKey], columns: Sequence[Column]) -> TableRow:
    """Average each column over the methods that have a value, if all were made alike."""

    def cell(column: Column) -> Cell:
        values = [value for key in rows if (value := sheet.value(key, column)) is not None]
        alike = len({sheet.kind(key, column) for key in rows if sheet.value(key, column) is not None}) == 1
        if column.metric not in METRICS or (column.delta and rows[0][1] == "published"):
            return Cell("")
        return Cell(_shown(_mean(values) if alike else None, sheet.decimals, signed=column.delta))

    return TableRow("mean", "", "", tuple(cell(column) for column in columns), sheet.datasets)


def _sorted(sheet: _Sheet, rows: Sequence[RowKey], by: str) -> list[RowKey]:
    if not by:
        return list(rows)
    (by,) = named([by], SORTS, "sort")
    if by == "method":
        return sorted(rows, key=lambda key: key[0].casefold())
    if by == "year":
        return sorted(rows, key=lambda key: -int(str(sheet.fact(key, "year") or 0)))
    column = Column(MEAN_OF_ALL, by) if by in METRICS else Column("", by)
    values = {key: sheet.value(key, column) for key in rows}
    return sorted(rows, key=lambda key: _last_if_none(values[key], column.higher_is_better))


def _last_if_none(value: Decimal | None, reverse: bool) -> tuple[bool, Decimal]:
    return value is None, Decimal(0) if value is None else -value if reverse else value


def _in_order(entries: Sequence[BoardRow], methods: Sequence[str]) -> tuple[BoardRow, ...]:
    kept = [entry for entry in entries if entry.method in methods]
    return tuple(sorted(kept, key=lambda entry: (entry.source == "measured", methods.index(entry.method))))


def _acting(signature: str, metric: str) -> str:
    """Return what of a signature a column depends on; sizes and ranks, as all metrics do."""
    metrics = [metric] if metric in METRICS else [*METRICS]
    return "|".join(acting_parts(signature, protocol_fields(metrics), {family_of(m) for m in metrics}))


def _mean(values: Sequence[Decimal | None]) -> Decimal | None:
    there = [value for value in values if value is not None]
    return sum(there, Decimal(0)) / len(there) if there and len(there) == len(values) else None


def _shown(value: Decimal | None, places: int, signed: bool = False) -> str:
    if value is None:
        return "-"
    text = f"{value:{'+' if signed else ''}.{places}f}"
    return text if Decimal(text) else text.lstrip("+-")


def board_text(board: Board) -> str:
    """Lay out a board for a terminal: its rows, under them their notes and the signature."""
    head = ["method", "year", "backbone", "MB", *(METRICS[m].label for m in PAPER_METRICS), "source"]
    lines = [head]
    for entry in board.entries:
        values = [entry.values.get(metric) for metric in PAPER_METRICS]
        digits = 3 if entry.source == "published" else 4
        shown = ["-" if value is None else f"{value:.{digits}f}" for value in values]
        facts = [entry.method, str(entry.year or "-"), entry.backbone or "-", str(entry.size_mb or "-")]
        lines.append([*facts, *shown, f"{entry.source}{' ' + entry.date if entry.date else ''}"])
    signatures = dict.fromkeys(entry.signature for entry in board.of("measured"))
    under = [f"signature of measured rows: {signature}" for signature in signatures]
    notes = [f"{entry.method} ({entry.source}): {entry.note}" for entry in board.entries if entry.note]
    return "\n".join([board.dataset, aligned(lines, left=(0, 2, 9)), *notes, *under])
