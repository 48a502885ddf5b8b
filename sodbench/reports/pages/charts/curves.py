"""PR and F curves, of one dataset and many methods."""

from collections.abc import Mapping, Sequence

import numpy as np

from sodbench.metrics.histogram import Reals
from sodbench.reports.figures.panels import Curves
from sodbench.reports.pages.charts.chart import TICKS, by_entry, chart, shown
from sodbench.reports.pages.charts.theme import Spec, legend_entries
from sodbench.reports.pages.charts.values import column, figure_text, needed_points, shown_names
from sodbench.utils.text import counted, printable

HEIGHT = 400.0

HIGHEST_LEVEL = 255.0

TOOLTIP = (
    shown("name", "Method"),
    shown("threshold", "Threshold", "~r"),
    *(shown(field, field.capitalize(), ".3f") for field in ("precision", "recall")),
    shown("f", "F", ".3f"),
)

WHEEL = "wheel![event.ctrlKey || event.metaKey || event.shiftKey]"
"""The wheel alone moves the page."""


def pr_chart(curves: Mapping[str, Curves], dataset: str, among: Sequence[str] = ()) -> Spec:
    """Return precision against recall.

    Parameters
    ----------
    curves
        By method, one at least.
    dataset
        Its name.
    among
        The methods out of which these were chosen, see `line_styles`.
    """
    recall = _beginning([curve.recall for curve in curves.values()], 0.02)
    precision = _beginning([curve.precision[1:] for curve in curves.values()])  # at 0 it is the masks' share
    return _curve_chart(
        curves,
        f"Precision-recall curves of {_whose(curves, dataset)}",
        among,
        {
            "x": {**_share("recall", "Recall", recall), "axis": TICKS},
            "y": _share("precision", "Precision", precision),
        },
    )


def f_chart(curves: Mapping[str, Curves], dataset: str, among: Sequence[str] = ()) -> Spec:
    """Return F against the threshold; the parameters are those of `pr_chart`."""
    threshold = {
        "field": "threshold",
        "type": "quantitative",
        "title": "Threshold",
        "scale": {"domain": [0, HIGHEST_LEVEL], "nice": False},
        "axis": TICKS,
    }
    low = _beginning([curve.f for curve in curves.values()], 0.04)
    return _curve_chart(
        curves,
        f"F-measure over thresholds of {_whose(curves, dataset)}",
        among,
        {"x": threshold, "y": _share("f", "F-measure", low)},
    )


def _curve_chart(curves: Mapping[str, Curves], what: str, among: Sequence[str], axes: Spec) -> Spec:
    names = shown_names(curves)
    legend = legend_entries(names, among)
    tops = {name: int(np.argmax(curve.f)) for name, curve in curves.items()}
    best = max(curves, key=lambda name: curves[name].f[tops[name]])
    at, top = thresholds(curves[best].f)[tops[best]], figure_text(curves[best].f[tops[best]], "max_f")
    nearest = {"type": "point", "nearest": True, "on": "pointerover", "clear": "pointerout"}
    hover = {"name": "hover", "select": {**nearest, "fields": ["name", "threshold"]}}
    zoom = {"name": "zoom", "select": {"type": "interval", "zoom": WHEEL}, "bind": "scales"}
    return chart(
        f"{what}; highest F: {names[best]} {top} at threshold {at:.4g}.",
        values=[_line(names[name], curves[name], tops[name]) for name in _thickest_last(curves, legend)],
        flatten=("threshold", "recall", "precision", "f"),
        legend=legend,
        buttons="line",
        zoom=[axes["x"]["field"], axes["y"]["field"]],
        height=HEIGHT,
        encoding={**axes, "color": by_entry(legend)},
        layer=[
            {
                "mark": {"type": "line", "clip": True, "strokeJoin": "round"},
                "encoding": {
                    "order": {"field": "threshold"},
                    "strokeDash": by_entry(legend, "dash"),
                    "strokeWidth": by_entry(legend, "width"),
                },
            },
            {
                "params": [hover, zoom],
                "mark": {"type": "point", "filled": True, "size": 80, "clip": True},
                "encoding": {
                    "opacity": {"condition": {"param": "hover", "empty": False, "value": 1}, "value": 0},
                    "tooltip": list(TOOLTIP),
                },
            },
        ],
    )


def thresholds(f: Reals) -> Reals:
    """Return the thresholds of a curve, on the scale of grey levels."""
    return np.linspace(0, HIGHEST_LEVEL, len(f))


def _line(name: str, curve: Curves, top: int) -> Spec:
    kept = needed_points([curve.precision, curve.recall, curve.f], always=[top])
    return {
        "name": name,
        "threshold": column(thresholds(curve.f)[kept], 2),
        **{field: column(getattr(curve, field)[kept]) for field in ("recall", "precision", "f")},
    }


def _thickest_last(curves: Mapping[str, Curves], legend: Sequence[Spec]) -> list[str]:
    """Return the methods in the order in which they are drawn, one over the other."""
    return [name for _, name in sorted(zip(legend, curves, strict=True), key=lambda pair: pair[0]["width"])]


def _whose(curves: Mapping[str, Curves], dataset: str) -> str:
    return f"{counted(len(curves), 'method')} on {printable(dataset)}"


def _beginning(lines: Sequence[Reals], share: float = 0.0) -> float:
    """Return where an axis begins so that all but a share of each line is seen without moving it."""
    low = min(float(np.nanquantile(line, share)) for line in lines)
    return min(0.9, max(0.0, np.floor(low * 10) / 10))


def _share(field: str, title: str, low: float) -> Spec:
    scale = {"domain": [round(low, 1), 1], "nice": False, "zero": False}
    return {"field": field, "type": "quantitative", "title": title, "scale": scale}
