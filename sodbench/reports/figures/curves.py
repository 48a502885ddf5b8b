"""PR and F curves."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sodbench.metrics.histogram import Reals
from sodbench.reports.figures.panels import Curves
from sodbench.reports.figures.style import line_styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ZOOMS: Mapping[str, tuple[float, float]] = {"paper": (0.2, 0.4), "full": (0.0, 0.0)}
"""Where the recall axis and the precision (or F) axis begin; both end at 1."""


def pr_curves(
    ax: "Axes",
    curves: Mapping[str, Curves],
    styles: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    zoom: str = "paper",
    mark_best: bool = False,
) -> "Axes":
    """Draw precision against recall, and its band if it has one.

    Nothing is drawn beyond the first and the last threshold.

    Parameters
    ----------
    ax
        The axes to draw on.
    curves
        Of one dataset, by method.
    styles
        Of `line_styles`.
    zoom
        A key of `ZOOMS`.
    mark_best
        Put a dot where F is highest.
    """
    low, high = ZOOMS[zoom]
    lines = {method: (curve.recall, curve.precision) for method, curve in curves.items()}
    styles = styles or line_styles(list(curves))
    for method, curve in curves.items():
        if curve.band:
            shade = {"color": styles[method]["color"], "alpha": 0.18, "linewidth": 0}
            ax.fill_between(curve.band.recall, curve.band.low, curve.band.high, **shade)
    _draw(ax, curves, lines, styles, mark_best)
    ax.set(xlim=(low, 1), ylim=(high, 1), xlabel="Recall", ylabel="Precision")
    return ax


def f_curves(
    ax: "Axes",
    curves: Mapping[str, Curves],
    styles: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    zoom: str = "paper",
    mark_best: bool = False,
) -> "Axes":
    """Draw F against the threshold; the parameters are those of `pr_curves`."""
    lines = {method: (np.linspace(0, 255, len(curve.f)), curve.f) for method, curve in curves.items()}
    _draw(ax, curves, lines, styles, mark_best)
    ax.set(xlim=(0, 255), ylim=(ZOOMS[zoom][1], 1), xlabel="Threshold", ylabel="F-measure")
    ax.set_xticks([0, 100, 200])
    return ax


def _draw(
    ax: "Axes",
    curves: Mapping[str, Curves],
    lines: Mapping[str, tuple[Reals, Reals]],
    styles: Mapping[str, Mapping[str, Any]] | None,
    mark_best: bool,
) -> None:
    styles = styles or line_styles(list(curves))
    for method, (x, y) in lines.items():
        ax.plot(x, y, **styles[method])
        if mark_best:
            best, colour = int(curves[method].f.argmax()), styles[method]["color"]
            ax.plot(x[best], y[best], "o", ms=3.2, mfc=colour, mec="white", mew=0.4, zorder=4)


def outside(curves: Mapping[str, Curves], zoom: str) -> list[str]:
    """Return the methods of which `pr_curves` would show nothing at this zoom.

    >>> outside({"poor": Curves("", np.full(2, 0.3), np.array([1.0, 0.5]), np.zeros(2))}, "paper")
    ['poor']
    """
    low, high = ZOOMS[zoom]
    return [m for m, curve in curves.items() if not ((curve.recall >= low) & (curve.precision >= high)).any()]
