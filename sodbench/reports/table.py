"""Tables as shown, in no particular format: columns, cells, ranks, marks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sodbench.metrics import METRICS

MEAN_OF_ALL = "mean of all"
"""What stands above the columns of means over all datasets."""

MEAN_RANK = "mean rank"
"""What stands above the column of mean ranks."""

SECTION_TITLES = {"published": "Published", "measured": "Measured with sodbench"}


@dataclass(frozen=True)
class Column:
    """A column of numbers: a metric of a dataset (or ``size``, ``rank``), or its difference to the paper."""

    group: str
    metric: str
    delta: bool = False

    @property
    def label(self) -> str:
        """What stands above it."""
        if self.metric not in METRICS:
            return {"size": "MB", "rank": "↓"}[self.metric]
        metric = METRICS[self.metric]
        return f"Δ{metric.label}" if self.delta else metric.arrowed

    @property
    def higher_is_better(self) -> bool:
        """Whether the highest value is the best one."""
        return self.metric in METRICS and METRICS[self.metric].higher_is_better


@dataclass(frozen=True)
class Cell:
    """What a cell shows: a number, ``-`` where there is none, or nothing; its rank; a footnote.

    `spread` follows a number as ±; `better` are the letters of the methods it is better than.
    """

    text: str
    rank: int | None = None
    note: str = ""
    spread: str = ""
    better: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableRow:
    """One method of a section; `cells` has one for every column of the table.

    `notes` are footnotes to the whole row, by dataset; `signatures` say how it was measured, by dataset;
    `letter` is what other rows' cells call it by.
    """

    method: str
    venue: str
    backbone: str
    cells: tuple[Cell, ...]
    datasets: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    signatures: tuple[tuple[str, str], ...] = ()
    letter: str = ""


@dataclass(frozen=True)
class Marks:
    """What resampling of one's own scores adds to their rows, by method, dataset and metric.

    Parameters
    ----------
    spreads
        Half the width of a value's interval.
    better
        The methods that a value is better than.
    compared
        The methods that `better` is about; they get letters in the order of their rows.
    said
        Sentences for the caption.
    """

    spreads: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    better: Mapping[tuple[str, str, str], tuple[str, ...]] = field(default_factory=dict)
    compared: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """Rows of one source, and if asked for a row of their means."""

    source: str
    rows: tuple[TableRow, ...]
    means: TableRow | None = None

    @property
    def title(self) -> str:
        """What stands above its rows."""
        return SECTION_TITLES[self.source]


@dataclass(frozen=True)
class Table:
    """A table as shown, in no particular format; `notebook` says how a notebook shows it."""

    columns: tuple[Column, ...]
    sections: tuple[Section, ...]
    said: tuple[str, ...] = ()
    notebook: "Callable[[Table], str] | None" = field(default=None, compare=False, repr=False)

    def _repr_html_(self) -> str | None:
        """Show the table in a notebook, as its maker said."""
        return self.notebook(self) if self.notebook else None

    @property
    def groups(self) -> tuple[str, ...]:
        """The datasets, then what was made of them."""
        return tuple(dict.fromkeys(column.group for column in self.columns if column.group))

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets shown."""
        return tuple(group for group in self.groups if group not in (MEAN_OF_ALL, MEAN_RANK))

    def split(self, widest: int) -> "list[Table]":
        """Cut into tables of at most `widest` columns of metrics; a dataset is never cut."""
        parts: list[list[str]] = []
        width = widest + 1
        for group in self.groups:
            count = sum(column.group == group for column in self.columns)
            if group != MEAN_RANK and width + count > widest:
                parts, width = [*parts, []], 0
            if not parts:
                parts = [[]]
            parts[-1].append(group)
            width += count
        return [self._part(groups) for groups in parts]

    def _part(self, groups: Sequence[str]) -> "Table":
        kept = [k for k, column in enumerate(self.columns) if column.group in ("", *groups)]
        datasets = [group for group in groups if group not in (MEAN_OF_ALL, MEAN_RANK)]

        def belongs(row: TableRow) -> bool:
            if datasets:
                return bool({*row.datasets} & {*datasets})
            return any(row.cells[k].text != "-" for k in kept if self.columns[k].group)

        def cut(row: TableRow) -> TableRow:
            notes = tuple(note for note in row.notes if note[0] in datasets)
            signatures = tuple(pair for pair in row.signatures if not datasets or pair[0] in datasets)
            return replace(row, cells=tuple(row.cells[k] for k in kept), notes=notes, signatures=signatures)

        sections = (
            Section(
                section.source,
                tuple(cut(row) for row in section.rows if belongs(row)),
                section.means and cut(section.means),
            )
            for section in self.sections
        )
        return Table(tuple(self.columns[k] for k in kept), tuple(s for s in sections if s.rows), self.said)


@dataclass(frozen=True)
class Grid:
    """A table of plain cells, in no particular format.

    Parameters
    ----------
    title
        As the paper numbers it, without a full stop.
    caption
        What it shows; what marks mean follows.
    head, rows
        As many cells each.
    left
        How many columns are flush left; these have no marks, and only the first has footnotes.
    groups
        What stands above each column; none: nothing stands above any.
    ranked
        Which columns have ranks.
    """

    title: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left: int
    groups: tuple[str, ...] = ()
    ranked: str = "each column"

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Each column's group and head."""
        return tuple(zip(self.groups or ("",) * len(self.head), self.head, strict=True))
