"""Tables of pages: what `assets/tables.js` sorts, filters, cuts and copies, as plain data.

Without scripts such a table is a plain table, and reads so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby

from sodbench.reports.formats import TEX

TABLE_TEX = "table-tex"
"""The id of the data that copying as LaTeX needs; see `rendered`."""


@dataclass(frozen=True, kw_only=True)
class DataCell:
    """A cell.

    Parameters
    ----------
    text
        What it shows; ``-`` where there is nothing.
    value
        What it is sorted by, where that is a number; None: nothing, sorted last.
    mark
        ``first``, ``second`` or ``third`` of its column.
    note
        Letters of footnotes.
    href
        Where it leads.
    anchor
        Id of its element, where it names a row that others lead to.
    extras
        What it shows on request, by the name of the switch: ``{"ci": "±.012"}``.
    """

    text: str
    value: float | None = None
    mark: str = ""
    note: str = ""
    href: str = ""
    anchor: str = ""
    extras: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DataColumn:
    """A column: its label, what stands above it, and how it is used.

    Parameters
    ----------
    id
        Its name in copied CSV.
    label, group
        Its head, and what it shares with its neighbours above that.
    sign
        1: numbers, of which the highest is best; -1: the lowest; 0: numbers without a best one; None: text.
    choices
        Whether rows are also chosen by its values, each of which is a choice.
    hidden
        Whether it is shown on request only.
    title
        What a pointer over its head shows.
    """

    id: str
    label: str
    group: str = ""
    sign: int | None = None
    choices: bool = False
    hidden: bool = False
    title: str = ""

    @property
    def number(self) -> bool:
        """Whether it holds numbers."""
        return self.sign is not None


@dataclass(frozen=True, kw_only=True)
class DataTable:
    """A table whose first column names its rows.

    Parameters
    ----------
    id
        Of its element.
    caption
        What it shows.
    columns, rows
        One cell a column.
    footnotes
        Letter and text.
    switches
        What its cells show on request: name and label, ``(("ci", "95 % intervals"),)``.
    notes
        Lines that stand above what is copied, as comments: how its numbers were made.
    """

    id: str
    caption: str
    columns: tuple[DataColumn, ...]
    rows: tuple[tuple[DataCell, ...], ...]
    footnotes: tuple[tuple[str, str], ...] = ()
    switches: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Each group of columns and its width; nothing where no column has one."""
        if not any(column.group for column in self.columns):
            return ()
        return tuple(
            (group, len(list(columns))) for group, columns in groupby(column.group for column in self.columns)
        )

    @property
    def chosen(self) -> tuple[tuple[int, DataColumn, tuple[str, ...]], ...]:
        """The columns with choices: place, column, and the values to choose from."""
        return tuple(
            (k, column, tuple(sorted({row[k].text for row in self.rows} - {"", "-"})))
            for k, column in enumerate(self.columns)
            if column.choices
        )


def tables_data() -> dict[str, object]:
    """Return the data that pages with tables need, for `sodbench.reports.pages.page.rendered`."""
    return {TABLE_TEX: dict(TEX)}
