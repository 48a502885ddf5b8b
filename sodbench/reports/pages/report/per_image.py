"""The table of all images: what `assets/per_image.js` sorts, filters and shows in parts, as compact data.

Values are kept as whole numbers, as many digits as are shown, in 2 or 4 bytes each. Without scripts the page
has the first `FALLBACK` rows.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sodbench.analysis.notable import image_values, scored_unlike
from sodbench.errors import first_few
from sodbench.metrics import METRICS, find_metric
from sodbench.metrics.parts import Metric
from sodbench.reports.pages.page import json_for_script
from sodbench.reports.pages.report.gallery import MAX_SIZE, MEGABYTE, gallery_macro
from sodbench.reports.pages.report.grouping import by_dataset
from sodbench.reports.pages.report.header import signatures
from sodbench.reports.pages.tables import DataCell, DataColumn
from sodbench.scoring.rows import ROW_NOTES
from sodbench.scoring.scores import Scores
from sodbench.utils.text import counted, printable

PER_IMAGE = "per-image"
"""The id of the table's data, and of its element."""

FALLBACK = 100
"""Rows of the page without scripts."""

NOTHING = {"i2": -(2**15), "i4": -(2**31)}
"""Stands for a value that is undefined or was not computed, by the type of a column."""


@dataclass(frozen=True, kw_only=True)
class PerImage:
    """The table.

    Parameters
    ----------
    images
        How many images it has.
    metrics
        Those that it can show; the first is shown at the start.
    columns, rows
        What stands in the page itself.
    data
        All rows, for the script; the page has it under the id `PER_IMAGE`.
    notes
        Lines that stand above what is copied, as comments: how its numbers were made.
    said
        Sentences about what is not in it.
    """

    images: int
    metrics: tuple[Metric, ...]
    columns: tuple[DataColumn, ...]
    rows: tuple[tuple[DataCell, ...], ...]
    data: Mapping[str, object]
    notes: tuple[str, ...]
    said: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Of its element and of its data."""
        return PER_IMAGE

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets to choose from; none where there is one."""
        names: tuple[str, ...] = tuple(self.data["datasets"])  # type: ignore[arg-type]
        return names if len(names) > 1 else ()

    @cached_property
    def html(self) -> str:
        """The table as it stands in the page, without its data."""
        return gallery_macro("per_image_table", self)

    @cached_property
    def size(self) -> int:
        """Bytes of table and data."""
        return len(self.html.encode()) + len(json_for_script(self.data).encode())


@dataclass(frozen=True)
class _Board:
    """One dataset's images: their notes, and the values and spread of each metric."""

    name: str
    images: tuple[str, ...]
    notes: tuple[str, ...]
    values: Mapping[str, NDArray[np.float64]]
    spread: Mapping[str, NDArray[np.float64]]


def gather_per_image(
    scores: Sequence[Scores],
    metric: str,
    metrics: Sequence[str] = (),
    *,
    budget: int = MAX_SIZE,
    max_size: int = MAX_SIZE,
) -> PerImage:
    """Gather the values of all images, worst first on average over the methods.

    Parameters
    ----------
    scores
        Of methods on one dataset or more.
    metric
        Orders the images, and is shown at the start.
    metrics
        Others that can be shown instead.
    budget
        Bytes that the table may take. Metrics are left out first, from the last, then the best images.
    max_size
        Bytes of the whole page, for the sentence that says what was left out.

    Raises
    ------
    MetricError
        A metric is unknown.
    """
    main = find_metric(metric)
    shown = (main, *(METRICS[name] for name in metrics if name != main.id))
    methods = tuple(dict.fromkeys(s.method for s in scores))
    boards = [_board(name, board, methods, shown) for name, board in by_dataset(scores).items()]
    images = [(k, place) for k, board in enumerate(boards) for place in range(len(board.images))]
    order = [images[k] for k in np.argsort(_badness(boards, main), kind="stable")]
    unlike = [
        f"{name}: {said}; spreads are not shown."
        for name, board in by_dataset(scores).items()
        if (said := scored_unlike(board, main.id))
    ]
    signed = signatures(scores, [metric.id for metric in shown]).whole
    notes = tuple(f"signature: {line}" for line in signed)
    return _Whole(boards, methods, shown, order, notes, tuple(unlike)).within(budget, max_size)


def _board(name: str, board: Sequence[Scores], methods: Sequence[str], metrics: Sequence[Metric]) -> _Board:
    values, spread = {}, {}
    images: tuple[str, ...] = ()
    for metric in metrics:
        images, of_board, between = image_values(board, metric.id)
        column = np.full((len(methods), len(images)), np.nan)
        column[[methods.index(s.method) for s in board]] = of_board
        values[metric.id] = column
        spread[metric.id] = np.full(len(images), np.nan) if scored_unlike(board, metric.id) else between
    return _Board(name, images, tuple(_noted(board, image) for image in images), values, spread)


def _noted(board: Sequence[Scores], image: str) -> str:
    """Return what is noted of an image, with the methods where it is not of all."""
    rows = {s.method: s.table.bare(image).notes for s in board if image in s.rows}
    said = []
    for note in dict.fromkeys(note for notes in rows.values() for note in notes):
        of = [method for method, notes in rows.items() if note in notes]
        said.append(note if len(of) == len(rows) else f"{note} ({first_few(of, 3)})")
    return ", ".join(sorted(said, key=lambda text: [*ROW_NOTES].index(text.partition(" ")[0])))


def _badness(boards: Sequence[_Board], metric: Metric) -> NDArray[np.float64]:
    """Return what images are ordered by: the mean of the methods' values, the worst lowest, NaN last."""
    means = []
    for board in boards:
        values = board.values[metric.id]
        known = ~np.isnan(values)
        total = np.where(known, values, 0).sum(axis=0)
        means.append(np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan))
    return np.concatenate(means) * metric.sign


@dataclass(frozen=True)
class _Whole:
    """All that the table could show, of which `of` takes a part."""

    boards: Sequence[_Board]
    methods: Sequence[str]
    metrics: Sequence[Metric]
    order: Sequence[tuple[int, int]]
    notes: tuple[str, ...]
    said: tuple[str, ...]

    def of(self, metrics: int, rows: int, *said: str) -> PerImage:
        """Return the table of the first metrics and rows."""
        main, order = self.metrics[0], self.order[:rows]
        several, among = len(self.boards) > 1, len(self.methods) > 1
        columns = [DataColumn(id="image", label="Image")]
        columns += [DataColumn(id="dataset", label="Dataset")] if several else []
        columns += [DataColumn(id=method, label=method, sign=main.sign) for method in self.methods]
        columns += [DataColumn(id="spread", label="Spread", sign=0)] if among else []
        columns.append(DataColumn(id="notes", label="Notes"))
        return PerImage(
            images=rows,
            metrics=tuple(self.metrics[:metrics]),
            columns=tuple(columns),
            rows=tuple(_row(self.boards[k], place, main, several) for k, place in order[:FALLBACK]),
            data=self._names(order) | {"metrics": [self._values(k, rows) for k in range(metrics)]},
            notes=self.notes,
            said=(*self.said, *said),
        )

    def _names(self, order: Sequence[tuple[int, int]]) -> dict[str, object]:
        notes = [self.boards[k].notes[place] for k, place in order]
        texts = list(dict.fromkeys(note for note in notes if note))
        number = {text: k for k, text in enumerate(texts)}
        noted = [row for row, note in enumerate(notes) if note]
        return {
            "images": [printable(self.boards[k].images[place]) for k, place in order],
            "datasets": [printable(board.name) for board in self.boards],
            "dataset": [k for k, _ in order] if len(self.boards) > 1 else [],
            "notes": {
                "texts": [printable(text) for text in texts],
                "rows": noted,
                "of": [number[notes[row]] for row in noted],
            },
        }

    def _values(self, k: int, rows: int) -> dict[str, object]:
        if (k, rows) not in self._made:
            metric, boards = self.metrics[k], self.boards
            starts = np.cumsum([0, *(len(board.images) for board in boards)])
            places = np.array([starts[b] + place for b, place in self.order[:rows]], dtype=np.int64)
            values = np.concatenate([board.values[metric.id] for board in boards], axis=1)[:, places]
            spread = np.concatenate([board.spread[metric.id] for board in boards])[places]
            self._made[k, rows] = {
                "id": metric.id,
                "label": metric.arrowed,
                "sign": metric.sign,
                "decimals": metric.decimals(4),
                "values": [packed_column(of_method, metric) for of_method in values],
                "spread": packed_column(spread, metric) if len(self.methods) > 1 else None,
            }
        return self._made[k, rows]

    _made: dict[tuple[int, int], dict[str, object]] = field(default_factory=dict)

    def within(self, budget: int, max_size: int) -> PerImage:
        """Leave out metrics, then images, until the table fits, and say which."""
        rows, others = len(self.order), [metric.label for metric in self.metrics[1:]]
        limit = f"Table of all images: the page's limit of {max_size / MEGABYTE:g} MB leaves out"
        way = "Raise it with --max-size."
        table = self.of(len(self.metrics), rows)
        for kept in range(len(self.metrics) - 1, 0, -1):
            if table.size <= budget:
                return table
            table = self.of(kept, rows, f"{limit} {', '.join(others[kept - 1 :])}. {way}")
        while table.size > budget and rows:
            rows = max(0, min(rows - 1, int(rows * budget / table.size)))
            best = f"all but the {counted(rows, 'image')} that are worst on average"
            table = self.of(1, rows, f"{limit} {', '.join([*others, best])}. {way}")
        return table


def _row(board: _Board, place: int, metric: Metric, several: bool) -> tuple[DataCell, ...]:
    values = board.values[metric.id][:, place]
    texts = ["-" if np.isnan(value) else metric.shown(value) for value in values]
    signed = [float(text) * metric.sign for text in texts if text != "-"]
    spread = board.spread[metric.id][place]
    best = max(signed) if len(set(signed)) > 1 and not np.isnan(spread) else None
    cells = [
        DataCell(
            text=text,
            value=None if text == "-" else float(text),
            mark="first" if text != "-" and float(text) * metric.sign == best else "",
        )
        for text in texts
    ]
    if len(values) > 1:
        none = np.isnan(spread)
        cells.append(
            DataCell(text="-" if none else metric.shown(spread), value=None if none else float(spread))
        )
    names = [board.images[place], *([board.name] if several else [])]
    return (*(DataCell(text=name) for name in names), *cells, DataCell(text=board.notes[place]))


def packed_column(values: NDArray[np.float64], metric: Metric) -> dict[str, str]:
    """Return values, as many digits as are shown, as little-endian whole numbers in base64.

    Parameters
    ----------
    values
        ``(n,)``.
    metric
        Says how many digits.

    Examples
    --------
    >>> packed_column(np.array([0.5, np.nan]), METRICS["mae"])
    {'type': 'i2', 'data': 'iBMAgA=='}
    """
    decimals = metric.decimals(4)
    whole = values * 10**decimals
    known = np.isfinite(whole)
    doubtful = known & (np.abs(np.abs(whole - np.floor(whole)) - 0.5) < 1e-6)
    whole[doubtful] = [round(value, decimals) * 10**decimals for value in values[doubtful].tolist()]
    type_ = "i2" if np.abs(whole[known]).max(initial=0) < -NOTHING["i2"] - 1 else "i4"
    numbers = np.where(known, np.rint(np.where(known, whole, 0)), NOTHING[type_]).astype(f"<{type_}")
    return {"type": type_, "data": base64.b64encode(numbers.tobytes()).decode()}
