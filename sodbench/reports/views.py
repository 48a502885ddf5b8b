"""What a table shows, as plain data: texts, which cells are marked and how, footnotes, caption.

Any kind of table becomes a `TableView`, which the formats write without knowing what it was made from.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from string import ascii_lowercase
from typing import NamedTuple

from sodbench.protocol import split_signature
from sodbench.reports.table import MEAN_OF_ALL, MEAN_RANK, Cell, Grid, Section, Table, TableRow


class Format(NamedTuple):
    """A format: its files' suffix, how many columns of metrics fit side by side, and its words for marks."""

    suffix: str
    widest: int
    marks: str


TABLE_FORMATS: Mapping[str, Format] = {
    "text": Format(".txt", 5, "marked (1), (2) and (3)"),
    "latex": Format(".tex", 15, "bold red, underlined green and italic blue"),
    "markdown": Format(".md", 15, "bold, underlined and italic"),
    "html": Format(".html", 15, "bold red, underlined green and italic blue"),
    "csv": Format(".csv", 15, ""),
}

MARKS: Mapping[str, tuple[str, ...]] = {
    "best3": ("first", "second", "third"),
    "bold": ("best",),
    "none": (),
}
"""What ranks are marked with, by the name of the style."""


class Footnotes:
    """Letters for texts, in the order in which they are asked for."""

    def __init__(self) -> None:
        self.letters: dict[str, str] = {}

    def letter(self, text: str) -> str:
        """Return the letter of a text; none for no text.

        >>> notes = Footnotes()
        >>> notes.letter("one"), notes.letter(""), notes.letter("two"), notes.letter("one")
        ('a', '', 'b', 'a')
        >>> [notes.letter(str(k)) for k in range(3, 30)][-3:]
        ['aa', 'ab', 'ac']
        """
        if text and text not in self.letters:
            number, letters = len(self.letters) + 1, ""
            while number:
                number, low = divmod(number - 1, len(ascii_lowercase))
                letters = ascii_lowercase[low] + letters
            self.letters[text] = letters
        return self.letters[text] if text else ""

    def all(self) -> tuple[tuple[str, str], ...]:
        """Return each letter and its text."""
        return tuple((letter, text) for text, letter in self.letters.items())


class ShownCell(NamedTuple):
    """A cell ready for markup: text, which mark, which footnote."""

    text: str
    mark: str
    note: str


class ShownColumn(NamedTuple):
    """The head of a column of numbers; columns of one group share what stands above them."""

    group: str
    label: str


@dataclass(frozen=True)
class ShownRow:
    """A row: its name, what stands beside the name, and a cell for every column."""

    name: ShownCell
    facts: tuple[str, ...]
    cells: tuple[ShownCell, ...]


@dataclass(frozen=True)
class ShownSection:
    """Rows under one title, and if asked for a row of their means."""

    rows: tuple[ShownRow, ...]
    title: str = ""
    means: ShownRow | None = None


@dataclass(frozen=True)
class TableView:
    """A table ready for markup; nothing in it is escaped yet.

    Parameters
    ----------
    label
        The label by which LaTeX refers to it.
    left
        The heads of the columns that are flush left: of the rows' names, then of their facts.
    columns, sections
        The rest of the head, and the body.
    caption
        Sentences.
    footnotes
        Letter and text.
    signatures
        How measured rows were measured.
    letters
        How many letters follow a number at most; they ask for room between columns.
    """

    label: str
    left: tuple[str, ...]
    columns: tuple[ShownColumn, ...]
    sections: tuple[ShownSection, ...]
    caption: tuple[str, ...]
    footnotes: tuple[tuple[str, str], ...]
    signatures: tuple[str, ...] = ()
    letters: int = 0

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Each group of columns and its width; nothing where no column has one."""
        if not any(column.group for column in self.columns):
            return ()
        runs = groupby(column.group for column in self.columns)
        return tuple((group, len(list(columns))) for group, columns in runs)

    @property
    def starts(self) -> tuple[bool, ...]:
        """Which columns open a new group."""
        groups = [column.group for column in self.columns]
        return tuple(k > 0 and group != groups[k - 1] for k, group in enumerate(groups))


def table_view(table: Table, style: str, mark: str, opening: str) -> TableView:
    """Return what is shown of a comparison of methods; see `sodbench.reports.formats.render_table`."""
    notes = Footnotes()
    all_rows = [row for section in table.sections for row in section.rows]
    facts = [name for name in ("venue", "backbone") if any(getattr(row, name) for row in all_rows)]

    def shown_row(row: TableRow) -> ShownRow:
        letters = [notes.letter(text) for text in _row_notes(row, several=len(table.datasets) > 1)]
        name = ShownCell(row.method, "", ",".join(filter(None, [row.letter, *letters])))
        beside = tuple(getattr(row, fact) or "-" for fact in facts)
        return ShownRow(name, beside, tuple(_shown_cell(cell, mark, notes) for cell in row.cells))

    def shown_section(section: Section) -> ShownSection:
        rows = tuple(shown_row(row) for row in section.rows)
        if section.means is None:
            return ShownSection(rows, section.title)
        return ShownSection(rows, section.title, replace(shown_row(section.means), facts=("",) * len(facts)))

    sections = tuple(shown_section(section) for section in table.sections)
    return TableView(
        label=_label("-".join(table.groups)),
        left=("Method", *(name.capitalize() for name in facts)),
        columns=tuple(ShownColumn(column.group, column.label) for column in table.columns),
        sections=sections,
        caption=tuple(_caption(table, style, _marks_shown(sections), opening)),
        footnotes=notes.all(),
        signatures=tuple(caption_signatures(table)),
        letters=max((len(cell.better) for row in all_rows for cell in row.cells), default=0),
    )


def grid_view(grid: Grid, style: str, mark: str) -> TableView:
    """Return what is shown of a grid; see `sodbench.reports.formats.render_grids`."""
    notes = Footnotes()

    def shown_row(row: tuple[Cell, ...]) -> ShownRow:
        name, *cells = (_shown_cell(cell, mark, notes) for cell in row)
        beside, numbers = cells[: grid.left - 1], cells[grid.left - 1 :]
        return ShownRow(name, tuple(cell.text for cell in beside), tuple(numbers))

    sections = (ShownSection(tuple(shown_row(row) for row in grid.rows)),)
    numbered = () if style == "latex" else (f"{grid.title}.",)  # LaTeX numbers its tables itself
    return TableView(
        label=_label(grid.title),
        left=grid.head[: grid.left],
        columns=tuple(ShownColumn(group, label) for group, label in grid.columns[grid.left :]),
        sections=sections,
        caption=(*numbered, grid.caption, *_on_marks(_marks_shown(sections), style, grid.ranked)),
        footnotes=notes.all(),
    )


def caption_signatures(table: Table) -> list[str]:
    """Return the signatures of measured rows; those that differ only in the dataset as one.

    A single signature is returned unchanged.
    """
    rows = [row for section in table.sections for row in section.rows]
    heads: dict[str, list[str]] = {}
    for signature in dict.fromkeys(text for row in rows for _, text in row.signatures):
        parts = [f"{key}:{value}" for key, value in split_signature(signature).items()]
        own = [part for part in parts if part.startswith(("data:", "n:"))]
        rest = "|".join(part for part in parts if part not in own)
        heads.setdefault(rest, []).append("|".join(own))
    return [
        f"{datasets[0]}|{rest}" if len(datasets) == 1 else f"{rest} with {', '.join(datasets)}"
        for rest, datasets in heads.items()
    ]


def _shown_cell(cell: Cell, mark: str, notes: Footnotes) -> ShownCell:
    ranked = cell.rank is not None and cell.rank <= len(MARKS[mark])
    text = f"{cell.text} ±{cell.spread}" if cell.spread else cell.text
    above = ",".join(filter(None, ["".join(cell.better), notes.letter(cell.note)]))
    return ShownCell(text, MARKS[mark][(cell.rank or 1) - 1] if ranked else "", above)


def _label(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.casefold())


def _marks_shown(sections: Iterable[ShownSection]) -> set[str]:
    return {cell.mark for section in sections for row in section.rows for cell in row.cells} - {""}


def _on_marks(shown: set[str], style: str, ranked: str) -> list[str]:
    """Say what the marks mean, if there are some."""
    if "best" in shown:
        return [f"Best of {ranked} {'marked (1)' if style == 'text' else 'bold'}, by the values shown."]
    if shown:
        return [
            f"Best, second and third of {ranked} {TABLE_FORMATS[style].marks}, by the values shown; "
            "equal values share a mark."
        ]
    return []


def _row_notes(row: TableRow, several: bool) -> list[str]:
    """Return the notes on a row, each with the datasets it is about where there are several."""
    about: dict[str, list[str]] = {}
    for dataset, text in row.notes:
        about.setdefault(text, []).append(dataset)
    return [f"{', '.join(names)}: {text}" if several else text for text, names in about.items()]


def _caption(table: Table, style: str, shown: set[str], opening: str) -> list[str]:
    """Return the sentences of the caption but for the signatures."""
    sources = [section.source for section in table.sections]
    said = [opening or f"Salient object detection: {_and(table.groups)}."]
    said += _on_marks(shown, style, "each column")
    if shown and len(sources) > 1:
        said.append("Published and measured rows are ranked separately.")
    if "published" in sources:
        values = (
            "values as printed in papers" if table.datasets else "means made of values as printed in papers"
        )
        said.append(f"{'Published' if len(sources) > 1 else 'All'} {values}.")
    if "measured" in sources:
        said.append(f"{'Measured' if len(sources) > 1 else 'All'} values computed with sodbench.")
    said += table.said
    if any(column.delta for column in table.columns):
        said.append("Δ: measured minus published.")
    if any(section.means for section in table.sections):
        said.append("Row mean: over the methods above that have a value.")
    if MEAN_RANK in table.groups:
        said.append("Mean rank: of a method's ranks in all columns of datasets.")
    if {MEAN_OF_ALL, MEAN_RANK} & {*table.groups}:
        said.append("Methods that lack a value have no such mean.")
    return said


def _and(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
