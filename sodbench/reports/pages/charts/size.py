"""A metric against the size of the weights."""

from collections.abc import Sequence

import numpy as np

from sodbench.leaderboard.boards import Board
from sodbench.metrics import METRICS
from sodbench.metrics.histogram import Reals
from sodbench.reports.figures.label_placement import NEAR, place_labels
from sodbench.reports.figures.style import is_highlighted, shown_name
from sodbench.reports.pages.charts.chart import chart, shown
from sodbench.reports.pages.charts.theme import Spec
from sodbench.reports.pages.charts.values import drawn_number, figure_format, figure_text
from sodbench.utils.text import printable

HEIGHT = 440.0

WIDTHS = (270.0, 560.0, 1000.0)
"""Names are placed for plots of these widths, in pixels: a phone's, a tablet's, a desktop's."""

UP_TO = (420.0, 760.0)
"""A plot narrower than this has the first places, the second ones."""

LETTER, LINE = 6.8, 13.0
"""How wide a letter and how high a line is, in pixels."""

SCALE = 1.3
"""Pixels to a unit of `place_labels`, whose marks are smaller."""

SAME = 14.0
"""Two rows of one method this near to each other share a name, in pixels."""

MOST_NAMED = 40
"""Of more points none has its name beside it; a pointer over one shows it."""

MARGIN = 0.08
"""Room around the points, as a share of the axis."""


def size_chart(board: Board, metric: str, highlight: Sequence[str] = ()) -> Spec:
    """Return a metric against the size of the weights, every point with its name, unless they are many.

    Published rows are filled, measured ones hollow.

    Parameters
    ----------
    board
        Of `sodbench.reports.figures.size.sized`: every row has a size and the metric.
    metric
        Its id.
    highlight
        Which to draw in red; none: U2-Net.
    """
    entries = board.entries
    points = np.array([(float(row.size_mb or 0), float(row.values[metric])) for row in entries]).reshape(
        -1, 2
    )
    low, high = points.min(axis=0), points.max(axis=0)
    x = np.log10([low[0], high[0]]) + np.array([-1, 1]) * max(MARGIN * np.log10(high[0] / low[0]), 0.05)
    y = np.array([low[1], high[1]]) + np.array([-1, 1]) * max(MARGIN * (high[1] - low[1]), 0.005)
    share = np.column_stack(
        [(np.log10(points[:, 0]) - x[0]) / (x[1] - x[0]), (points[:, 1] - y[0]) / (y[1] - y[0])]
    )
    label = METRICS[metric].label
    methods = [entry.method for entry in entries]
    named = _named_nearby(share * [WIDTHS[1], HEIGHT], methods)
    labels = ["" if twice else shown_name(name) for name, twice in zip(methods, named, strict=True)]
    labels = labels if len(labels) <= MOST_NAMED else [""] * len(labels)
    rows: list[Spec] = [
        {
            "name": printable(entry.method),
            "label": name,
            "size": drawn_number(size, 2),
            "value": drawn_number(value),
            "source": printable(entry.source),
            "red": is_highlighted(entry.method, highlight),
        }
        for entry, (size, value), name in zip(entries, points, labels, strict=True)
    ]
    for k, width in enumerate(WIDTHS):
        for row, place in zip(rows, _places(share * [width, HEIGHT], labels, width), strict=True):
            row.update({f"{key}{k}": value for key, value in place.items()})
    best = max(entries, key=lambda entry: METRICS[metric].sign * float(entry.values[metric]))
    smallest = min(entries, key=lambda entry: entry.size_mb or 0)
    axes = {
        "x": {
            "field": "size",
            "type": "quantitative",
            "title": "Size of the weights (MB)",
            "scale": {"type": "log", "domain": [float(f"{10**end:.4g}") for end in x], "nice": False},
            "axis": {"values": _sizes(x), "format": "~r"},
        },
        "y": {
            "field": "value",
            "type": "quantitative",
            "title": f"{label}{METRICS[metric].arrow}",
            "scale": {"domain": [round(float(end), 5) for end in y], "nice": False, "zero": False},
        },
    }
    tooltip = [
        shown("name", "Method"),
        shown("size", "MB", "~r"),
        shown("value", label, figure_format(metric)),
        shown("source", "Source"),
    ]
    layer: list[Spec] = [
        {
            "transform": [{"filter": "datum.led2 || datum.led1 || datum.led0"}],
            "mark": {
                "type": "rule",
                "style": "muted",
                "strokeWidth": 0.7,
                "opacity": {"expr": f"{_by_width('led')} ? 1 : 0"},
                "x2Offset": {"expr": _by_width("endx")},
                "y2Offset": {"expr": _by_width("endy")},
            },
            "encoding": {"x2": {"field": "size"}, "y2": {"field": "value"}},
        }
    ]
    for source, filled in (("measured", False), ("published", True)):
        for red in (False, True):
            here = (
                f"datum.red == {str(red).lower()} && (datum.source == 'published') == {str(filled).lower()}"
            )
            mark = {"type": "point", "style": "accent" if red else "main", "opacity": 1}
            look = (
                {"filled": True, "size": 45} if filled else {"filled": False, "size": 150, "strokeWidth": 2}
            )
            if any(row["red"] == red and (row["source"] == "published") == filled for row in rows):
                layer.append(
                    {
                        "transform": [{"filter": here}],
                        "mark": {**mark, **look, "description": source},
                        "encoding": {"tooltip": tooltip},
                    }
                )
    text = {"type": "text", "fontSize": 11, "dx": {"expr": _by_width("dx")}, "dy": {"expr": _by_width("dy")}}
    for red in (False, True):
        layer.append(
            {
                "transform": [{"filter": f"datum.red == {str(red).lower()}"}],
                "mark": {**text, "style": "accent" if red else "ink"},
                "encoding": {"text": {"field": "label"}},
            }
        )
    return chart(
        f"Size of the weights against {label} of {len(rows)} rows on {printable(board.dataset)}; best: "
        f"{printable(best.method)} {figure_text(float(best.values[metric]), metric)} with {best.size_mb} MB; "
        f"smallest: {printable(smallest.method)} {smallest.size_mb} MB with "
        f"{figure_text(float(smallest.values[metric]), metric)}.",
        values=rows,
        height=HEIGHT,
        note="Filled: published. Hollow: measured.",
        encoding=axes,
        layer=layer,
    )


def _sizes(ends: Reals) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten between two decimal logarithms."""
    powers = range(int(np.floor(ends[0])), int(np.ceil(ends[1])))
    sizes = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
    return [size for size in sizes if ends[0] <= np.log10(size) <= ends[1]]


def _by_width(field: str) -> str:
    """Return the expression of a row's place at the width that the plot has."""
    return f"width < {UP_TO[0]:g} ? datum.{field}0 : width < {UP_TO[1]:g} ? datum.{field}1 : datum.{field}2"


def _named_nearby(at: Reals, methods: Sequence[str]) -> list[bool]:
    """Say of each point whether an earlier one of the same method is so near that its name serves both."""
    near = [np.hypot(*(at[:k] - here).T) < SAME for k, here in enumerate(at)]
    return [name in np.array(methods)[:k][near[k]] for k, name in enumerate(methods)]


def _places(at: Reals, labels: Sequence[str], width: float) -> list[Spec]:
    """Return where names stand beside their points, and where the line from point to name ends."""
    if not any(labels):
        return [dict.fromkeys(("dx", "dy", "endx", "endy", "led"), 0) for _ in labels]
    sizes = np.array([(LETTER * len(label), LINE if label else 0.0) for label in labels])
    frame = np.array([[2, 2], [width - 2, HEIGHT - 2]])
    offsets = SCALE * place_labels(at / SCALE, sizes / SCALE, frame / SCALE)
    ends = np.clip(0, offsets - sizes / 2, offsets + sizes / 2)
    return [
        {
            "dx": round(float(dx), 1),
            "dy": round(-float(dy), 1),
            "endx": round(float(end[0]), 1),
            "endy": round(-float(end[1]), 1),
            "led": int(np.hypot(*end) > SCALE * NEAR and label != ""),
        }
        for (dx, dy), end, label in zip(offsets, ends, labels, strict=True)
    ]
