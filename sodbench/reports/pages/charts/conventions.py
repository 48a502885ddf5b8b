"""The same maps under several conventions: how far apart their figures are."""

import math
from collections.abc import Mapping

from sodbench.analysis.explain.explain import Explanation
from sodbench.metrics import METRICS
from sodbench.reports.figures.style import COLOURS, DASHES, GREEN, PINK
from sodbench.reports.pages.charts.chart import TICKS, by_entry, chart, row_axis, shown
from sodbench.reports.pages.charts.theme import Spec, legend_entry
from sodbench.reports.pages.charts.values import drawn_number, figure_format, figure_text, shown_names
from sodbench.utils.text import counted, printable

STEP = 38.0
"""Height of a method's row."""

EFFECT_STEP = 24.0
"""Height of a convention's row."""

DIGITS = 4
"""Of effects; smaller ones are left out."""


def gap_chart(figures: Mapping[str, Mapping[str, float]], metric: str, dataset: str) -> Spec:
    """Return a metric of the same maps under each preset or convention, a line a method, with its gap.

    Parameters
    ----------
    figures
        By method and preset; undefined ones are left out.
    metric
        Its id.
    dataset
        Its name.
    """
    label = METRICS[metric].label
    methods = shown_names(figures)
    presets = shown_names(dict.fromkeys(preset for own in figures.values() for preset in own))
    colours = (*COLOURS, GREEN, PINK)
    legend = [
        legend_entry(preset, colours[k % len(colours)], k % len(DASHES))
        for k, preset in enumerate(presets.values())
    ]
    defined = {
        method: {presets[preset]: value for preset, value in own.items() if not math.isnan(value)}
        for method, own in figures.items()
    }
    dots, lines = [], []
    for row, (method, own) in enumerate(defined.items()):
        if not own:
            continue
        low, high = min(own.values()), max(own.values())
        gap = figure_text(high - low, metric)
        lines.append({"row": row, "low": drawn_number(low), "high": drawn_number(high), "gap": gap})
        dots += [
            {
                "name": preset,
                "method": methods[method],
                "row": row,
                "value": drawn_number(value),
                "all": "; ".join(f"{each} {figure_text(v, metric)}" for each, v in own.items()),
                "gap": gap,
            }
            for preset, value in own.items()
        ]
    gaps = ", ".join(
        f"{methods[method]} {' to '.join(figure_text(end(own.values()), metric) for end in (min, max))}"
        for method, own in defined.items()
        if own
    )
    x = {
        "type": "quantitative",
        "title": f"{label}{METRICS[metric].arrow}",
        "scale": {"zero": False, "nice": True, "padding": 14},
        "axis": TICKS,
    }
    y = row_axis(len(methods), head=0.75)
    own_rows = {"data": {"values": lines}, "transform": []}
    return chart(
        f"{label} of the same maps on {printable(dataset)} under {counted(len(presets), 'protocol')}: "
        f"{gaps}.",
        values=dots,
        rows=list(methods.values()),
        note="At each line: the highest minus the lowest value.",
        legend=legend,
        buttons="point",
        height=STEP * (len(methods) + 0.25),
        encoding={"y": y},
        layer=[
            {
                **own_rows,
                "mark": {"type": "rule", "style": "muted", "strokeWidth": 2},
                "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}},
            },
            {
                **own_rows,
                "mark": {"type": "text", "style": "ink", "align": "right", "baseline": "bottom", "dy": -7},
                "encoding": {"x": {"field": "high", **x}, "text": {"field": "gap"}},
            },
            {
                "mark": {"type": "point", "filled": False, "strokeWidth": 2.5, "size": 80, "opacity": 1},
                "encoding": {
                    "x": {"field": "value", **x},
                    "color": by_entry(legend),
                    "shape": by_entry(legend, "shape"),
                    "tooltip": [
                        shown("method", "Method"),
                        shown("name", "Protocol"),
                        shown("value", label, figure_format(metric, DIGITS)),
                        shown("gap", "Gap"),
                        shown("all", "All"),
                    ],
                },
            },
        ],
    )


def effects_chart(explanation: Explanation, metric: str) -> Spec | None:
    """Return what each convention alone adds to a metric, largest effect first; None if none moves it.

    Parameters
    ----------
    explanation
        Of one method on one dataset.
    metric
        Its id.
    """
    visible = 0.5 * 10.0 ** -METRICS[metric].decimals(DIGITS)
    moved = [
        effect
        for effect in explanation.effects
        if effect.metric == metric and abs(effect.difference) >= visible
    ]
    if not moved:
        return None
    label, method = METRICS[metric].label, printable(explanation.method)
    form = figure_format(metric, DIGITS, sign=True)
    names = list(shown_names(effect.convention for effect in moved).values())
    values = [
        {
            "row": row,
            "none": 0,
            "name": names[row],
            "difference": drawn_number(effect.difference),
            "value": drawn_number(effect.value),
            "text": printable(effect.text),
            "tools": printable(effect.tools),
            "top": row - 0.32,
            "bottom": row + 0.32,
            "end": 0 if effect.difference < 0 else drawn_number(effect.difference),
        }
        for row, effect in enumerate(moved)
    ]
    reach = max(abs(effect.difference) for effect in moved)
    base = figure_text(explanation.base[metric], metric, DIGITS)
    x = {
        "type": "quantitative",
        "title": f"Change of {label} ({base})",
        "scale": {"domain": [drawn_number(-1.05 * reach), drawn_number(1.45 * reach)], "nice": False},
        "axis": {**TICKS, "format": "+~g"},
    }
    y = row_axis(len(values))
    return chart(
        f"What one convention changed adds to {label} of {method} ({base}): "
        + ", ".join(
            f"{row['name']} {effect.difference:+.{METRICS[metric].decimals(DIGITS)}f}"
            for row, effect in zip(values, moved, strict=True)
        )
        + ".",
        values=values,
        rows=names,
        height=EFFECT_STEP * len(values),
        encoding={"y": y},
        layer=[
            {
                "mark": {"type": "rect", "style": "main"},
                "encoding": {
                    "x": {"field": "none", **x},
                    "x2": {"field": "difference"},
                    "y": {**y, "field": "top"},
                    "y2": {"field": "bottom"},
                    "tooltip": [
                        shown("name", "Convention"),
                        shown("text", "What it does"),
                        shown("tools", "Used by"),
                        shown("value", label, figure_format(metric, DIGITS)),
                        shown("difference", "Change", form),
                    ],
                },
            },
            {
                "data": {"values": [{"none": 0}]},
                "mark": {"type": "rule", "style": "ink"},
                "encoding": {"x": {"field": "none", **x}, "y": None},
            },
            {
                "mark": {"type": "text", "style": "ink", "align": "left", "dx": 5},
                "encoding": {
                    "x": {"field": "end", **x},
                    "text": {"field": "difference", "type": "quantitative", "format": form},
                },
            },
        ],
    )
