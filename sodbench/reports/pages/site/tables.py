"""The tables of the site. Published and measured rows never stand in one table, and are ranked apart."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain

from sodbench.data.registry import lookup
from sodbench.leaderboard.boards import BoardRow
from sodbench.metrics import METRICS, PAPER_METRICS
from sodbench.reports.leaderboard_table import split_note
from sodbench.reports.pages.site.content import DECIMALS, Content
from sodbench.reports.pages.site.records import moved_values
from sodbench.reports.pages.tables import DataCell, DataColumn, DataTable
from sodbench.reports.ranking import dense_ranks, number_text
from sodbench.reports.table import Column
from sodbench.reports.views import MARKS, Footnotes

NONE = "-"

MARKED = dict(enumerate(MARKS["best3"], 1))
"""Mark of each rank."""

SECTIONS = {
    "published": "Published: as printed in papers",
    "measured": "Measured: maps scored with sodbench",
}

FACTS_SHOWN = (
    DataColumn(id="year", label="Year", sign=0, choices=True),
    DataColumn(id="venue", label="Venue"),
    DataColumn(id="backbone", label="Backbone", choices=True),
    DataColumn(id="supervision", label="Supervision", choices=True),
    DataColumn(id="size_mb", label="MB", sign=-1, title="Size of the weights' file in megabytes"),
)
"""Columns about a method."""


def text_cell(text: str) -> DataCell:
    """Return a cell of text."""
    return DataCell(text=text or NONE)


def figure_cell(text: str, value: float | Decimal | None, mark: str = "", note: str = "") -> DataCell:
    """Return a cell of a number as it is shown, sorted by its exact value."""
    return DataCell(text=text, value=None if value is None else float(value), mark=mark, note=note)


def fact_cells(facts: Mapping[str, object]) -> list[DataCell]:
    """Return the cells of `FACTS_SHOWN`."""
    year, size = facts.get("year"), facts.get("size_mb")
    return [
        figure_cell(str(year or NONE), year if isinstance(year, int) else None),
        *(text_cell(str(facts.get(name) or "")) for name in ("venue", "backbone", "supervision")),
        figure_cell(str(size or NONE), size if isinstance(size, Decimal) else None),
    ]


def metric_columns(metrics: Sequence[str], group: str = "") -> list[DataColumn]:
    """Return a column a metric."""
    return [
        DataColumn(
            id=f"{group} {metric}".strip(),
            label=METRICS[metric].arrowed,
            group=group,
            sign=1 if METRICS[metric].higher_is_better else -1,
        )
        for metric in metrics
    ]


def metric_cells(
    content: Content, dataset: str, entry: BoardRow, metrics: Sequence[str], footnotes: Footnotes
) -> list[DataCell]:
    """Return the values of a row with their marks and notes."""
    sheet, notes = content.sheets[dataset], split_note(entry.note)
    cells = []
    for metric in metrics:
        column = Column(dataset, metric)
        known = metric in sheet.metrics
        rank = sheet.ranks(column)[entry.key] if known else None
        cells.append(
            figure_cell(
                sheet.text(entry.key, column) if known else NONE,
                entry.values.get(metric),
                MARKED.get(rank or 0, ""),
                footnotes.letter(notes.get(metric, "")),
            )
        )
    return cells


def section_table(content: Content, dataset: str, source: str) -> DataTable | None:
    """Return the rows of one source on a dataset; None if there are none."""
    rows = content.boards[dataset].of(source)
    if not rows:
        return None
    metrics = [m for m in content.sheets[dataset].metrics if any(m in entry.values for entry in rows)]
    footnotes, places = Footnotes(), {entry.printed_in for entry in rows}
    published = source == "published"
    columns = [
        DataColumn(id="method", label="Method"),
        *metric_columns(metrics),
        *FACTS_SHOWN,
        *_last_columns(published, printed_apart=len(places) > 1),
    ]
    lines = []
    for entry in rows:
        note = footnotes.letter(split_note(entry.note).get("", ""))
        lines.append(
            (
                DataCell(
                    text=entry.method,
                    href=f"../{content.method_page(entry.method)}",
                    note=note,
                    anchor=content.anchor(entry),
                ),
                *metric_cells(content, dataset, entry, metrics, footnotes),
                *fact_cells(vars(entry)),
                *_last_cells(entry, published),
            )
        )
    place = places.pop() if published and len(places) == 1 else ""
    where = f" All values are printed in {place}." if place else ""
    return DataTable(
        id=source,
        caption=f"{SECTIONS[source]}, {len(rows)} rows on {dataset}.{where}",
        columns=tuple(columns),
        rows=tuple(lines),
        footnotes=footnotes.all(),
        notes=tuple(dict.fromkeys(f"signature: {entry.signature}" for entry in rows if entry.signature)),
    )


def _last_columns(published: bool, printed_apart: bool) -> list[DataColumn]:
    if published:
        return [
            DataColumn(id="printed_in", label="Printed in", hidden=not printed_apart),
            DataColumn(id="reference", label="The method's paper", hidden=True),
        ]
    return [
        DataColumn(id="n", label="Images", sign=0),
        DataColumn(id="convention", label="Convention"),
        DataColumn(id="date", label="Added"),
        DataColumn(id="reference", label="The method's paper", hidden=True),
    ]


def _last_cells(entry: BoardRow, published: bool) -> list[DataCell]:
    if published:
        return [text_cell(entry.printed_in or entry.reference), text_cell(entry.reference)]
    return [
        figure_cell(str(entry.n), entry.n),
        text_cell("u2net"),
        text_cell(entry.date),
        text_cell(entry.reference),
    ]


def difference_table(label: str, rows: Mapping[tuple[str, str], Sequence[BoardRow]]) -> DataTable | None:
    """Return measured minus published values, of methods or datasets that have both.

    Parameters
    ----------
    label
        What the lines are: ``Method``, ``Dataset``.
    rows
        The two rows of a line, by what the line is called and where it leads.
    """
    found = {key: moved for key, own in rows.items() if (moved := moved_values(own))}
    if not found:
        return None
    metrics = [metric for metric in METRICS if any(metric in moved for moved in found.values())]
    return DataTable(
        id="differences",
        caption="Measured minus published value.",
        columns=(DataColumn(id=label.lower(), label=label), *_plain_columns(metrics)),
        rows=tuple(
            (
                DataCell(text=name, href=href),
                *(
                    figure_cell(
                        number_text(moved.get(m), METRICS[m].decimals(DECIMALS), signed=True), moved.get(m)
                    )
                    for m in metrics
                ),
            )
            for (name, href), moved in found.items()
        ),
    )


def _plain_columns(metrics: Iterable[str]) -> list[DataColumn]:
    return [DataColumn(id=metric, label=METRICS[metric].label, sign=0) for metric in metrics]


def method_table(content: Content, method: str, source: str) -> DataTable | None:
    """Return a method's rows of one source, a line a dataset; None if there are none."""
    rows = {d: e for d, own in content.methods[method].items() for e in own if e.source == source}
    if not rows:
        return None
    there = {metric for entry in rows.values() for metric in entry.values}
    metrics = [metric for metric in METRICS if metric in there or metric in PAPER_METRICS]
    footnotes, published = Footnotes(), source == "published"
    last = _last_columns(published, printed_apart=True)[:-1]
    lines = [
        (
            DataCell(
                text=dataset,
                href=f"../{content.dataset_page(dataset)}#{content.anchor(entry)}",
                note=footnotes.letter(split_note(entry.note).get("", "")),
            ),
            *metric_cells(content, dataset, entry, metrics, footnotes),
            *_last_cells(entry, published)[:-1],
        )
        for dataset, entry in rows.items()
    ]
    return DataTable(
        id=source,
        caption=f"{SECTIONS[source]}. Marked: best three of the {source} rows of the dataset.",
        columns=(DataColumn(id="dataset", label="Dataset"), *metric_columns(metrics), *last),
        rows=tuple(lines),
        footnotes=footnotes.all(),
    )


def overview_table(content: Content) -> DataTable:
    """Return the datasets, how many rows each has, and the best values of each source."""
    sources = [source for source in SECTIONS if any(board.of(source) for board in content.boards.values())]
    columns = [
        DataColumn(id="dataset", label="Dataset"),
        *chain.from_iterable(metric_columns(PAPER_METRICS, f"best {source}") for source in sources),
        DataColumn(id="images", label="Images", sign=0),
        DataColumn(id="methods", label="Methods", sign=0),
        *(DataColumn(id=source, label=source.capitalize(), sign=0, title="Rows") for source in SECTIONS),
    ]
    lines = []
    for name, board in content.boards.items():
        known = lookup(name)
        counts = [
            known.count if known and known.count else None,
            len({entry.method for entry in board.entries}),
            *(len(board.of(source)) for source in SECTIONS),
        ]
        lines.append(
            (
                DataCell(text=name, href=content.dataset_page(name)),
                *(best_cell(content, name, source, metric) for source in sources for metric in PAPER_METRICS),
                *(figure_cell(NONE if count is None else str(count), count) for count in counts),
            )
        )
    return DataTable(
        id="datasets",
        caption="Datasets, and the best value of each metric. A value leads to its row.",
        columns=tuple(columns),
        rows=tuple(lines),
        switches=(("who", "names of the best"),),
    )


def best_cell(content: Content, dataset: str, source: str, metric: str) -> DataCell:
    """Return the best value of a source as it is shown, and whose it is."""
    sheet, column = content.sheets[dataset], Column(dataset, metric)
    rows = [entry for entry in content.boards[dataset].of(source) if metric in entry.values]
    if not rows:
        return DataCell(text=NONE)
    texts = [sheet.text(entry.key, column) for entry in rows]
    ranks = dense_ranks(texts, METRICS[metric].higher_is_better)
    first, *others = [entry for entry, rank in zip(rows, ranks, strict=True) if rank == 1]
    who = ", ".join([first.method, *([f"+{len(others)}"] if others else [])])
    return DataCell(
        text=sheet.text(first.key, column),
        value=float(first.values[metric]),
        href=f"{content.dataset_page(dataset)}#{content.anchor(first)}",
        extras={"who": who},
    )


def methods_table(content: Content) -> DataTable:
    """Return the methods, what they are, and on how many datasets they have rows."""
    lines = []
    for method, rows in content.methods.items():
        sources = [entry.source for own in rows.values() for entry in own]
        counts = [sources.count(source) for source in SECTIONS]
        lines.append(
            (
                DataCell(text=method, href=content.method_page(method)),
                *fact_cells(content.facts(method)),
                *(figure_cell(str(count), count) for count in counts),
            )
        )
    return DataTable(
        id="methods",
        caption="Methods, and on how many datasets each has a published and a measured row.",
        columns=(
            DataColumn(id="method", label="Method"),
            *FACTS_SHOWN,
            *(DataColumn(id=source, label=source.capitalize(), sign=0) for source in SECTIONS),
        ),
        rows=tuple(lines),
    )
