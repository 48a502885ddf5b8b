"""Comparison tables: which rows and columns there are, in which order, and what notes they bear.

The numbers in them and their ranks come from `sodbench.reports.ranking`; `sodbench.reports.formats`
writes them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from string import ascii_uppercase

from sodbench.data.registry import fold
from sodbench.errors import LeaderboardError, first_few, nearest
from sodbench.leaderboard.boards import METHOD_FACTS, Board, BoardRow, board_metrics
from sodbench.leaderboard.submission import entry_from
from sodbench.metrics import METRICS, PAPER_METRICS, signature_about
from sodbench.reports.formats import notebook_html
from sodbench.reports.ranking import RowKey, Sheet, complete_mean, number_text
from sodbench.reports.table import MEAN_OF_ALL, MEAN_RANK, Cell, Column, Marks, Section, Table, TableRow
from sodbench.scoring.scores import Scores
from sodbench.scoring.selection import StoredScores, those_of
from sodbench.utils.text import broken

PAPER_DATASETS = ("DUT-OMRON", "DUTS-TE", "HKU-IS", "ECSSD", "PASCAL-S", "SOD")
"""The datasets of the U2-Net paper's Tables 3 and 4, in their order."""

SORTS = ("method", "year", "size", "rank")
"""What rows can be sorted by beside every metric; without, they stand as on the boards."""


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
    shown = {name: replace(b, entries=b.of("published")) if paper else b for name, b in boards.items()}
    given: list[str] = []
    for method_scores in scores:
        dataset = method_scores.dataset_name
        board = boards.get(dataset, Board(dataset, ()))
        entry = _with_facts(_with_all_metrics(entry_from(method_scores), method_scores), board)
        given.append(f"{entry.method} on {dataset}")
        shown[dataset] = shown.get(dataset, Board(dataset, ())).put(entry)
    if twice := sorted({name for name in given if given.count(name) > 1}):
        raise LeaderboardError(f"{first_few(twice)}: given twice, expected each row once. Give one of them.")
    own = [method_scores.dataset_name for method_scores in scores]
    asked = datasets or ((*PAPER_DATASETS, *own) if paper else ())
    shown = {name: shown[name] for name in named(asked, list(shown), "dataset") or shown}
    known = list(dict.fromkeys(entry.method for board in shown.values() for entry in board.entries))
    if not known:
        raise LeaderboardError(
            f"{first_few(list(shown))}: no rows to show. Add some with `sodbench leaderboard add`, or show "
            "scores of your own with --with."
        )
    if order := named(methods, known, "method"):
        return {name: replace(b, entries=_in_order(b.entries, order)) for name, b in shown.items()}
    return shown


def own_scores(
    stored: Sequence[StoredScores], datasets: Sequence[str] = (), methods: Sequence[str] = ()
) -> list[StoredScores]:
    """Return those of one's own scores that names of datasets and methods mean; see `named`."""
    of_datasets, of_methods = {fold(name) for name in datasets}, {fold(name) for name in methods}
    return those_of(
        stored,
        lambda s: (
            (not datasets or fold(s.dataset_name) in of_datasets)
            and (not methods or fold(s.method) in of_methods)
        ),
    )


def notices(
    shown: Mapping[str, Board], boards: Mapping[str, Board], scores: Sequence[StoredScores]
) -> list[str]:
    """Say which of one's own scores are not shown, and which stand in the place of a board's row."""
    messages = []
    for method_scores in scores:
        dataset = method_scores.dataset_name
        if dataset not in shown or shown[dataset].find(method_scores.method, "measured") is None:
            messages.append(
                f"{method_scores.method} on {dataset}: left out, as --dataset or --methods do not name it."
            )
        elif dataset in boards and boards[dataset].find(method_scores.method, "measured"):
            messages.append(
                f"{method_scores.method} on {dataset}: shown from the scores given, not from the board."
            )
    return messages


def _with_all_metrics(entry: BoardRow, scores: Scores) -> BoardRow:
    """Add the metrics that a board has no columns for, with how they were made."""
    summary = scores.summary()
    others = {name: summary[name] for name in scores.metrics if name not in entry.values}
    defined = {name: Decimal(repr(value)) for name, value in others.items() if not math.isnan(value)}
    values = {**entry.values, **defined}
    return replace(entry, values=values, signature=str(scores.sign(values)))


def _with_facts(entry: BoardRow, board: Board) -> BoardRow:
    """Take the facts about a method from its row on the board."""
    known = board.find(entry.method, "measured") or board.find(entry.method, "published")
    if known is None:
        return entry
    facts = {name: getattr(known, name) for name in METHOD_FACTS}
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
    spelled = []
    for name in names:
        if name not in valid and fold(name) not in folded:
            raise LeaderboardError(f"unknown {what} {name!r}; {nearest(name, valid)}")
        spelled.append(name if name in valid else folded[fold(name)])
    return list(dict.fromkeys(spelled))


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
        Which; none: the boards'. Others are there in rows of one's own scores only.
    sort
        One of `SORTS`, or a metric: best, smallest or newest first; a metric counts by its mean over the
        datasets, and rows that lack it come last.
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
        A metric or sort is unknown, no row has the metric, or none has a difference to show.
    """
    metrics = named(metrics, tuple(METRICS), "metric") or list(PAPER_METRICS)
    shown = {name for board in boards.values() for entry in board.entries for name in entry.values}
    if absent := [name for name in metrics if name not in {*shown, *PAPER_METRICS}]:
        raise LeaderboardError(
            f"{', '.join(absent)}: no row shown has a value. Give scores that have one with --with."
        )
    sheet = Sheet(boards, metrics, decimals, marks or Marks())
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
    table_sections = tuple(_section(sheet, rows, columns, average) for rows in sections)
    return Table(tuple(columns), table_sections, sheet.marks.said, notebook_html)


def split_note(note: str) -> dict[str, str]:
    """Split the note of a board's row by the metric it concerns; what concerns the row has the key ``""``.

    Examples
    --------
    >>> split_note("other maps; mae: printed 0.908; .092 elsewhere; max_f: .854 elsewhere")
    {'': 'other maps', 'mae': 'printed 0.908; .092 elsewhere', 'max_f': '.854 elsewhere'}
    """
    notes: dict[str, list[str]] = {}
    metric = ""
    for piece in note.split("; ") if note else ():
        head, colon, text = piece.partition(": ")
        if colon and head in METRICS:
            metric, piece = head, text
        notes.setdefault(metric, []).append(piece)
    return {key: "; ".join(pieces) for key, pieces in notes.items()}


def _section(sheet: Sheet, rows: Sequence[RowKey], columns: Sequence[Column], average: bool) -> Section:
    ranks = {column: sheet.ranks(column) for column in columns if not column.delta}
    return Section(
        rows[0][1],
        tuple(
            _row(sheet, key, columns, {column: by_row[key] for column, by_row in ranks.items()})
            for key in rows
        ),
        _means(sheet, rows, columns) if average else None,
    )


def _row(
    sheet: Sheet, key: RowKey, columns: Sequence[Column], ranks: Mapping[Column, int | None]
) -> TableRow:
    entries = sheet.rows[key]
    notes = {name: split_note(entry.note) for name, entry in entries.items()}

    def cell(column: Column) -> Cell:
        if column.group == MEAN_OF_ALL:
            parts = [
                f"{name}: {by_metric[column.metric]}"
                for name, by_metric in notes.items()
                if column.metric in by_metric
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
        notes=tuple((name, by_metric[""]) for name, by_metric in notes.items() if "" in by_metric),
        signatures=tuple(
            (name, signature_about(entry.signature, shown))
            for name, entry in entries.items()
            if entry.signature and (shown := [metric for metric in sheet.metrics if metric in entry.values])
        ),
        letter=sheet.letters.get(key[0], "") if key[1] == "measured" else "",
    )


def _means(sheet: Sheet, rows: Sequence[RowKey], columns: Sequence[Column]) -> TableRow:
    """Average each column over the methods that have a value, if all were made alike."""

    def cell(column: Column) -> Cell:
        values = [value for key in rows if (value := sheet.value(key, column)) is not None]
        alike = len({sheet.kind(key, column) for key in rows if sheet.value(key, column) is not None}) == 1
        if column.metric not in METRICS or (column.delta and rows[0][1] == "published"):
            return Cell("")
        return Cell(
            number_text(complete_mean(values) if alike else None, sheet.decimals, signed=column.delta)
        )

    return TableRow("mean", "", "", tuple(cell(column) for column in columns), sheet.datasets)


def _sorted(sheet: Sheet, rows: Sequence[RowKey], by: str) -> list[RowKey]:
    if not by:
        return list(rows)
    (by,) = named([by], (*SORTS, *METRICS), "sort")
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


def board_text(board: Board) -> str:
    """Lay out a board for a terminal: its rows, under them their notes and the signature."""
    shown_metrics = board_metrics(board.entries)
    head = ["method", "year", "backbone", "MB", *(METRICS[m].label for m in shown_metrics), "source"]
    lines = [head]
    for entry in board.entries:
        digits = 3 if entry.source == "published" else 4
        shown = [
            "-" if (value := entry.values.get(m)) is None else f"{value:.{METRICS[m].decimals(digits)}f}"
            for m in shown_metrics
        ]
        facts = [entry.method, str(entry.year or "-"), entry.backbone or "-", str(entry.size_mb or "-")]
        lines.append([*facts, *shown, f"{entry.source}{' ' + entry.date if entry.date else ''}"])
    signatures = dict.fromkeys(entry.signature for entry in board.of("measured"))
    under = [f"signature of measured rows: {signature}" for signature in signatures]
    notes = [f"{entry.method} ({entry.source}): {entry.note}" for entry in board.entries if entry.note]
    return "\n".join([board.dataset, broken(lines, left=(0, 2, len(head) - 1), kept=1), *notes, *under])
