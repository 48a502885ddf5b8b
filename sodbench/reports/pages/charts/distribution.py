"""How the scores of the images of each method spread."""

from collections.abc import Mapping, Sequence

import numpy as np

from sodbench.metrics import METRICS
from sodbench.metrics.histogram import Reals
from sodbench.reports.pages.charts.chart import TICKS, by_entry, chart, row_axis, shown
from sodbench.reports.pages.charts.theme import Spec, legend_entries
from sodbench.reports.pages.charts.values import column, drawn_number, figure_format, figure_text, shown_names
from sodbench.utils.text import printable

STEP = 34.0
"""Height of a method's row."""

HALF = 0.42
"""Of the outline's height at its highest, in rows."""

POINTS = 64
"""Of an outline."""

QUANTILES: Mapping[str, float] = {"lowest": 0, "first": 0.25, "median": 0.5, "third": 0.75, "highest": 1}


def distribution_chart(
    values: Mapping[str, Reals], metric: str, dataset: str, among: Sequence[str] = ()
) -> Spec:
    """Return how the scores of the images of each method spread: outline, middle half and median.

    Parameters
    ----------
    values
        By method, of each image; NaN is left out, and a method that has nothing else, too.
    metric
        Its id.
    dataset
        Its name.
    among
        The methods out of which these were chosen, see `line_styles`.
    """
    label, bounds = METRICS[metric].label, METRICS[metric].bounds
    defined = {name: kept for name, own in values.items() if len(kept := own[~np.isnan(own)])}
    order = sorted(defined, key=lambda name: -METRICS[metric].sign * float(np.median(defined[name])))
    names = shown_names(order)
    legend = legend_entries(names, among)
    rows = [_row(names[name], row, defined[name], bounds) for row, name in enumerate(order)]
    medians = ", ".join(
        f"{names[name]} {figure_text(float(np.median(defined[name])), metric)}" for name in order
    )
    form = figure_format(metric)
    x = {
        "type": "quantitative",
        "title": f"{label}{METRICS[metric].arrow} of each image",
        "scale": {"zero": False, "nice": True},
        "axis": TICKS,
    }
    y, colour = row_axis(len(rows)), by_entry(legend)
    return chart(
        f"Distribution of {label} over the images of {printable(dataset)}; medians: {medians}.",
        values=rows,
        rows=list(names.values()),
        note="Outline: how many images have which value. Thick line: the middle half. Mark: the median.",
        legend=legend,
        height=STEP * len(rows),
        encoding={"y": y},
        layer=[
            {
                "transform": [{"flatten": ["at", "above", "below"]}],
                "mark": {"type": "area", "fillOpacity": 0.3, "strokeWidth": 1.2},
                "encoding": {
                    "x": {"field": "at", **x},
                    "y": {**y, "field": "above"},
                    "y2": {"field": "below"},
                    "color": colour,
                    "stroke": colour,
                },
            },
            {
                "mark": {"type": "rule", "strokeWidth": 4},
                "encoding": {"x": {"field": "first", **x}, "x2": {"field": "third"}, "color": colour},
            },
            {
                "mark": {"type": "tick", "style": "ink", "thickness": 3, "size": 20, "orient": "vertical"},
                "encoding": {"x": {"field": "median", **x}},
            },
            {
                "mark": {"type": "rect", "opacity": 0},
                "encoding": {
                    "x": {"field": "lowest", **x},
                    "x2": {"field": "highest"},
                    "y": {**y, "field": "top"},
                    "y2": {"field": "bottom"},
                    "tooltip": [
                        shown("name", "Method"),
                        shown("median", "Median", form),
                        shown("first", "First quartile", form),
                        shown("third", "Third quartile", form),
                        shown("lowest", "Lowest", form),
                        shown("highest", "Highest", form),
                        shown("images", "Images", "d"),
                    ],
                },
            },
        ],
    )


def _row(name: str, row: int, values: Reals, bounds: tuple[float, float]) -> Spec:
    at, height = density_outline(values, bounds)
    places = np.quantile(values, list(QUANTILES.values()))
    return {
        "name": name,
        "row": row,
        "top": row - HALF,
        "bottom": row + HALF,
        "images": len(values),
        **{key: drawn_number(place) for key, place in zip(QUANTILES, places, strict=True)},
        "at": column(at, 4),
        "above": column(row - HALF * height, 3),
        "below": column(row + HALF * height, 3),
    }


def density_outline(values: Reals, bounds: tuple[float, float]) -> tuple[Reals, Reals]:
    """Return a smoothed histogram, its highest point 1, from the lowest to the highest value.

    A Gaussian kernel of Silverman's width; what it would put beyond the bounds is folded back.

    Parameters
    ----------
    values
        One at least.
    bounds
        The least and the greatest value there can be.
    """
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.array([low, high]), np.ones(2)
    first, third = np.quantile(values, [0.25, 0.75])
    spread = min(filter(None, [float(values.std()), float(third - first) / 1.34]))
    width = 0.9 * spread * len(values) ** -0.2
    at = np.linspace(low, high, POINTS)
    height = np.zeros(POINTS)
    for centres in (values, *(2 * bound - values for bound in bounds if np.isfinite(bound))):
        height += np.exp(-0.5 * ((at[:, None] - centres) / width) ** 2).sum(axis=1)
    return at, height / height.max()
