"""A metric by an attribute of the images."""

import math
from collections.abc import Sequence

from sodbench.analysis.attributes import meaning_of
from sodbench.analysis.breakdown import Breakdown
from sodbench.metrics import METRICS
from sodbench.reports.pages.charts.chart import TICKS, by_entry, chart, row_axis, shown
from sodbench.reports.pages.charts.theme import Spec, legend_entries
from sodbench.reports.pages.charts.values import drawn_number, figure_format, figure_text, shown_names
from sodbench.utils.text import printable

STEP = 11.0
"""Height of a method's row in a group."""

SPREAD = 0.8
"""What the methods of a group take of its height."""


def attribute_chart(breakdown: Breakdown, among: Sequence[str] = ()) -> Spec:
    """Return a metric of methods group by group, with the 95 % interval of each.

    Of two methods, a star beside a group says that the interval of their paired difference excludes 0.

    Parameters
    ----------
    breakdown
        Of one dataset and metric.
    among
        The methods out of which these were chosen, see `line_styles`.
    """
    metric = METRICS[breakdown.metric]
    names = shown_names(breakdown.methods)
    legend = legend_entries(names, among)
    pair = len(names) == 2
    labels = shown_names(group.label for group in breakdown.groups)
    values, rows = [], []
    for k, group in enumerate(breakdown.groups):
        star = " ★" if pair and group.ahead(metric.higher_is_better) is not None else ""
        rows.append(f"{labels[group.label]}\nn = {group.n}{star}")
        for j, (name, value, interval) in enumerate(
            zip(names.values(), group.values, group.intervals, strict=True)
        ):
            if math.isnan(value):
                continue
            low, high = interval or (value, value)
            given = interval is not None
            values.append(
                {
                    "name": name,
                    "group": labels[group.label],
                    "row": round(k + SPREAD * ((j + 0.5) / len(names) - 0.5), 3),
                    "value": drawn_number(value),
                    "low": drawn_number(low),
                    "high": drawn_number(high),
                    "n": group.n,
                    "interval": " to ".join(figure_text(end, metric.id) for end in (low, high))
                    if given
                    else "-",
                }
            )
    meaning = meaning_of(breakdown.attribute)
    spans = "; ".join(
        f"{labels[group.label]} "
        + ", ".join(
            f"{name} {figure_text(value, metric.id)}"
            for name, value in zip(names.values(), group.values, strict=True)
            if not math.isnan(value)
        )
        for group in breakdown.groups
    )
    x = {
        "type": "quantitative",
        "title": f"{metric.label}{metric.arrow}",
        "scale": {"zero": False, "nice": True, "padding": 8},
        "axis": TICKS,
    }
    colour = by_entry(legend)
    y = row_axis(len(rows))
    return chart(
        f"{metric.label} on {printable(breakdown.dataset)} by {printable(meaning)}: {spans}.",
        values=values,
        rows=rows,
        note="Lines: 95 % CI." + (" ★: the 95 % CI of the difference excludes 0." if pair else ""),
        legend=legend,
        buttons="point",
        height=len(rows) * max(48.0, STEP * len(names) + 14),
        encoding={"y": y, "color": colour},
        layer=[
            {
                "mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.7},
                "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
                "encoding": {
                    "x": {"field": "value", **x},
                    "shape": by_entry(legend, "shape"),
                    "tooltip": [
                        shown("name", "Method"),
                        shown("group", "Group"),
                        shown("value", metric.label, figure_format(metric.id)),
                        shown("interval", "95 % CI"),
                        shown("n", "Images", "d"),
                    ],
                },
            },
        ],
    )
