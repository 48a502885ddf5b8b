"""Average ranks, and which of them are too near to each other to differ significantly (Demšar 2006)."""

from collections.abc import Sequence

import numpy as np

from sodbench.analysis.statistics.ranks import Ranks
from sodbench.metrics import METRICS
from sodbench.reports.pages.charts.chart import chart, row_axis, shown
from sodbench.reports.pages.charts.theme import Spec
from sodbench.reports.pages.charts.values import drawn_number, shown_names
from sodbench.utils.text import counted

STEP = 26.0
"""Height of a method's row."""

GROUP = 0.035
"""From one bar of methods that do not differ to the next, as a share of the axis."""

HEAD = -1.1
"""The row of the critical difference."""


def ranks_chart(methods: Sequence[str], ranks: Ranks, metric: str, over: str) -> Spec:
    """Return average ranks, the best on top; bars join methods that do not differ significantly.

    Parameters
    ----------
    methods
        In the order of `ranks`.
    ranks
        Of `sodbench.analysis.compare.Comparison.ranks`.
    metric
        Its id.
    over
        What was ranked on: ``images``, ``groups`` or ``datasets``.
    """
    count = len(methods)
    order = np.argsort(ranks.mean, kind="stable").tolist()
    names = list(shown_names([methods[k] for k in order]).values())
    bars = [(order.index(group[0]), order.index(group[-1])) for group in ranks.groups]
    columns = _columns(bars)
    step = GROUP * (count - 1)
    end = count + step * (max(columns, default=-1) + 2)
    rows: list[Spec] = [
        {
            "row": row,
            "best": 1,
            "name": names[row],
            "rank": drawn_number(ranks.mean[k], 3),
            "alike": ", ".join(
                names[j]
                for j in range(count)
                if j != row and any(a <= row <= b and a <= j <= b for a, b in bars)
            )
            or "none",
        }
        for row, k in enumerate(order)
    ]
    joined = [
        {"from": a - 0.3, "to": b + 0.3, "at": drawn_number(count + step * (column + 1), 3)}
        for (a, b), column in zip(bars, columns, strict=True)
    ]
    difference = ranks.critical_difference
    fits = difference <= count - 1
    text = f"CD = {difference:.2f}" + ("" if fits else ", wider than this axis")
    scale = {"row": HEAD, "from": 1, "to": drawn_number(1 + difference if fits else 1, 3), "text": text}
    y = row_axis(count, head=-HEAD + 0.6)
    ticks = list(range(1, count + 1)) if count <= 10 else [1, *range(5, count + 1, 5)]
    x = {
        "type": "quantitative",
        "title": "Average rank, 1 is best",
        "scale": {"domain": [1, drawn_number(end, 3)], "nice": False, "zero": False},
        "axis": {"values": ticks, "labelFlush": False, "format": "d"},
    }
    label = METRICS[metric].label
    alone = count - len({row for a, b in bars for row in range(a, b + 1)})
    return chart(
        f"Average ranks of {count} methods by {label} over {ranks.blocks} {over}, best first: "
        + ", ".join(f"{row['name']} {row['rank']:.2f}" for row in rows)
        + f". Critical difference {difference:.2f}; {counted(len(bars), 'group')} of methods that do not "
        f"differ significantly, {counted(alone, 'method')} in none.",
        values=rows,
        rows=names,
        note="Bars join methods whose ranks do not differ significantly: "
        "by less than the critical difference (CD), or by Friedman's test.",
        height=STEP * (count + 1.6),
        encoding={},
        layer=[
            {
                "mark": {"type": "rule", "style": "muted", "strokeWidth": 1, "strokeDash": [1, 3]},
                "encoding": {"x": {"field": "best", **x}, "x2": {"field": "rank"}, "y": y},
            },
            {
                "mark": {"type": "point", "style": "main", "filled": True, "size": 90, "opacity": 1},
                "encoding": {
                    "x": {"field": "rank", **x},
                    "y": y,
                    "tooltip": [
                        shown("name", "Method"),
                        shown("rank", "Average rank", ".2f"),
                        shown("alike", "Not significantly different from"),
                    ],
                },
            },
            {
                "data": {"values": joined},
                "mark": {"type": "rule", "style": "accent", "strokeWidth": 4},
                "encoding": {
                    "x": {"field": "at", **x},
                    "y": {**y, "field": "from"},
                    "y2": {"field": "to"},
                },
            },
            {
                "data": {"values": [scale]},
                "mark": {"type": "rule", "style": "ink", "strokeWidth": 2},
                "encoding": {"x": {"field": "from", **x}, "x2": {"field": "to"}, "y": y},
            },
            {
                "data": {"values": [scale]},
                "mark": {"type": "text", "style": "ink", "align": "left", "dx": 8},
                "encoding": {"x": {"field": "to", **x}, "y": y, "text": {"field": "text"}},
            },
        ],
    )


def _columns(bars: Sequence[tuple[int, int]]) -> list[int]:
    """Give bars that share a row columns of their own, the first that is free.

    >>> _columns([(0, 2), (1, 3), (3, 4)])
    [0, 1, 0]
    """
    ends: list[int] = []
    columns = []
    for first, last in bars:
        column = next((k for k, end in enumerate(ends) if end < first), len(ends))
        ends[column : column + 1] = [last]
        columns.append(column)
    return columns
