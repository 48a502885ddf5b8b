"""A metric by an attribute of the images."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sodbench.analysis.breakdown import Breakdown
from sodbench.metrics import METRICS
from sodbench.reports.figures.style import (
    DASHES,
    FIGURE_WIDTHS,
    add_legend,
    line_styles,
    new_figure,
    shown_name,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = "osD^vP"
"""One for each of `DASHES`."""

POINT = 0.07
"""Room for a method's value in a group, in inches; it decides how many panels stand side by side."""

STAR: Mapping[str, Any] = {"color": "black", "marker": "*", "linestyle": "none", "markersize": 4.5}


def draw_by_attribute(
    ax: "Axes", breakdown: "Breakdown", styles: Mapping[str, Mapping[str, Any]] | None = None
) -> "Axes":
    """Draw a metric of methods group by group, with the 95 % interval of each.

    The number of images stands under each group. Of two methods, a star over a group says that the interval
    of their paired difference excludes 0; it is narrower than the two intervals drawn suggest.

    Parameters
    ----------
    ax
        The axes to draw on.
    breakdown
        Of one dataset and metric.
    styles
        Of `point_styles`.
    """
    styles = styles or point_styles(breakdown.methods)
    metric = METRICS[breakdown.metric]
    apart = min(0.3, 0.86 / len(breakdown.methods))
    for j, method in enumerate(breakdown.methods):
        at = np.arange(len(breakdown.groups)) + (j - (len(breakdown.methods) - 1) / 2) * apart
        values = np.array([group.values[j] for group in breakdown.groups])
        ends = [
            group.intervals[j] or (value, value)
            for group, value in zip(breakdown.groups, values, strict=True)
        ]
        low, high = np.array(ends).T
        bars = np.array([values - low, high - values])
        ax.errorbar(at, values, np.maximum(bars, 0), label=shown_name(method), **styles[method])
    for k in _distinguished(breakdown):
        ax.plot(k, 0.955, transform=ax.get_xaxis_transform(), **STAR)
    ax.set_xticks(
        range(len(breakdown.groups)), [f"{group.label}\nn = {group.n}" for group in breakdown.groups]
    )
    ax.set_xlim(-0.5, len(breakdown.groups) - 0.5)
    ax.margins(y=0.12)
    ax.grid(visible=False, axis="x")
    ax.set_ylabel(f"{metric.label} {metric.arrow}")
    return ax


def _distinguished(breakdown: "Breakdown") -> list[int]:
    """List the groups on which two methods differ significantly; none for more than two methods."""
    better = METRICS[breakdown.metric].higher_is_better
    pair = len(breakdown.methods) == 2
    return [k for k, group in enumerate(breakdown.groups) if pair and group.ahead(better) is not None]


def point_styles(methods: Sequence[str], among: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Give every method a colour and a marker of its own: those of `line_styles`, a marker for a dash."""
    return {
        method: {
            "color": style["color"],
            "marker": MARKERS[DASHES.index(style["linestyle"])],
            "linestyle": "none",
            "markersize": 3.5,
            "elinewidth": 0.9,
            "capsize": 1.8,
        }
        for method, style in line_styles(methods, among=among).items()
    }


def by_attribute_figure(
    breakdowns: Sequence["Breakdown"], width: str = "double", among: Sequence[str] = ()
) -> "Figure":
    """Return a figure with one panel a dataset and metric, and one legend.

    Parameters
    ----------
    breakdowns
        Of the same methods and attribute.
    width
        ``single`` or ``double`` column.
    among
        See `line_styles`.
    """
    from sodbench.analysis.attributes import meaning_of

    styles = point_styles(breakdowns[0].methods, among)
    points = max(len(breakdown.groups) for breakdown in breakdowns) * len(styles)
    most = max(1, int(FIGURE_WIDTHS[width] / (points * POINT)))
    fig, axes = new_figure([breakdown.dataset for breakdown in breakdowns], width, most)
    for ax, breakdown in zip(axes, breakdowns, strict=True):
        draw_by_attribute(ax, breakdown, styles)
        meaning = meaning_of(breakdown.attribute)
        ax.set_xlabel(meaning[:1].upper() + meaning[1:])
    marks = ("color", "marker", "linestyle", "markersize")
    entries = {method: {key: style[key] for key in marks} for method, style in styles.items()}
    if any(_distinguished(breakdown) for breakdown in breakdowns):
        entries["95 % CI of the difference excludes 0"] = dict(STAR)
    add_legend(fig, entries)
    return fig
