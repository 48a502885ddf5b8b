"""The site's data for machines: what its pages show, as JSON and CSV.

Values and sizes are texts with the digits of the boards (``"0.730"``), since JSON's numbers have no digits;
years and numbers of images are numbers. What is not known is left out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sodbench.data.registry import lookup
from sodbench.leaderboard.boards import BoardRow, board_columns, board_csv, row_cells
from sodbench.leaderboard.conventions import CONVENTION_COLUMNS
from sodbench.metrics import METRICS
from sodbench.reports.pages.site.content import Content
from sodbench.utils.text import csv_text, json_text

SCHEMA = 1
"""Rises when a key changes its meaning or goes; keys may be added."""

ROW_TEXTS = ("signature", "printed_in", "date", "note")


def index_json(content: Content) -> str:
    """Return what there is, with the address of each part as seen from the site's front page."""
    return json_text(
        {
            "schema": SCHEMA,
            "datasets": [
                {
                    **_dataset(content, name),
                    "methods": len({entry.method for entry in board.entries}),
                    "published": len(board.of("published")),
                    "measured": len(board.of("measured")),
                    "page": content.dataset_page(name),
                    "json": content.dataset_page(name, "json"),
                    "csv": content.dataset_page(name, "csv"),
                }
                for name, board in content.boards.items()
            ],
            "methods": [
                {
                    "name": method,
                    **_plain(content.facts(method)),
                    "datasets": list(rows),
                    "page": content.method_page(method),
                    "json": content.method_page(method, "json"),
                    "csv": content.method_page(method, "csv"),
                }
                for method, rows in content.methods.items()
            ],
            "metrics": _metrics(content, list(content.boards)),
            "conventions": (
                {"page": "conventions.html", "json": "conventions.json", "csv": "conventions.csv"}
                if content.conventions
                else None
            ),
        }
    )


def dataset_json(content: Content, dataset: str) -> str:
    """Return the rows of a dataset."""
    board = content.boards[dataset]
    return json_text(
        {
            "schema": SCHEMA,
            "dataset": _dataset(content, dataset),
            "metrics": _metrics(content, [dataset]),
            "rows": [_row(content, dataset, entry) for entry in board.entries],
        }
    )


def dataset_csv(content: Content, dataset: str) -> str:
    """Return the rows of a dataset, as the board's file has them."""
    return board_csv(content.boards[dataset])


def method_json(content: Content, method: str) -> str:
    """Return the rows of a method on all datasets, and its differences of measured to published values."""
    rows = content.methods[method]
    return json_text(
        {
            "schema": SCHEMA,
            "method": {"name": method, **_plain(content.facts(method))},
            "metrics": _metrics(content, list(rows)),
            "rows": [_row(content, dataset, entry) for dataset, own in rows.items() for entry in own],
            "differences": {
                dataset: {metric: str(value) for metric, value in moved_values(own).items()}
                for dataset, own in rows.items()
                if len(own) > 1
            },
        }
    )


def method_csv(content: Content, method: str) -> str:
    """Return the rows of a method: the columns of a board behind the dataset's name."""
    rows = content.methods[method]
    columns = board_columns(entry for own in rows.values() for entry in own)
    cells = [[dataset, *row_cells(entry, columns)] for dataset, own in rows.items() for entry in own]
    return csv_text([["dataset", *columns], *cells])


def moved_values(rows: Sequence[BoardRow]) -> Mapping[str, Any]:
    """Return measured minus published values of a method's two rows on a dataset, where it has both."""
    by_source = {entry.source: entry.values for entry in rows}
    measured, published = by_source.get("measured", {}), by_source.get("published", {})
    return {metric: value - published[metric] for metric, value in measured.items() if metric in published}


def conventions_json(content: Content) -> str:
    """Return the rows by convention."""
    return json_text(
        {
            "schema": SCHEMA,
            "rows": [
                {"dataset": dataset, **{name: str(getattr(row, name)) for name in CONVENTION_COLUMNS}}
                for dataset, rows in content.conventions.items()
                for row in rows
            ],
        }
    )


def conventions_csv(content: Content) -> str:
    """Return the rows by convention: the columns of a board's file behind the dataset's name."""
    cells = [
        [dataset, *(getattr(row, name) for name in CONVENTION_COLUMNS)]
        for dataset, rows in content.conventions.items()
        for row in rows
    ]
    return csv_text([["dataset", *CONVENTION_COLUMNS], *cells])


def _dataset(content: Content, dataset: str) -> dict[str, Any]:
    known = lookup(dataset)
    found = {"images": known.count, "version": known.version, "paper": known.paper} if known else {}
    return {"name": dataset, **{key: value for key, value in found.items() if value}}


def _metrics(content: Content, datasets: Sequence[str]) -> dict[str, Any]:
    there = {metric for name in datasets for metric in content.sheets[name].metrics}
    return {
        name: {"label": metric.label, "higher_is_better": metric.higher_is_better}
        for name, metric in METRICS.items()
        if name in there
    }


def _row(content: Content, dataset: str, entry: BoardRow) -> dict[str, Any]:
    texts = {name: getattr(entry, name) for name in ROW_TEXTS}
    facts = {name: getattr(entry, name) for name in ("venue", "year", "backbone", "size_mb", "supervision")}
    return {
        "dataset": dataset,
        "method": entry.method,
        "source": entry.source,
        "page": f"../{content.dataset_page(dataset)}#{content.anchor(entry)}",
        "values": {metric: str(value) for metric, value in entry.values.items()},
        **({"n": entry.n} if entry.n else {}),
        **_plain({**texts, **facts, "reference": entry.reference}),
        **(
            {"curves": f"../{content.curve_file(dataset, entry.method)}"}
            if entry.source == "measured" and entry.method in content.curves.get(dataset, {})
            else {}
        ),
    }


def _plain(facts: Mapping[str, object]) -> dict[str, Any]:
    """Return facts that are known, sizes as text."""
    return {
        name: value if isinstance(value, int) else str(value)
        for name, value in facts.items()
        if value not in (None, "")
    }
