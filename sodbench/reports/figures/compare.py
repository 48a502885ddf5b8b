"""Figures of a comparison: differences with their intervals, or average ranks (Demšar 2006)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sodbench.analysis.compare import Comparison, Difference
from sodbench.analysis.statistics.ranks import Ranks
from sodbench.analysis.statistics.resampling import FEWEST_IMAGES
from sodbench.errors import ScoresError
from sodbench.metrics import METRICS
from sodbench.reports.figures.style import COLOURS, FIGURE_WIDTHS, RED, figure_style, save_figure, shown_name
from sodbench.utils.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE = 0.14
"""Height of a line of text in a diagram, in inches; what is above and below its axis is in such lines."""

TOP, CD_LINE = -3.8, -2.0
"""Where a diagram ends above its axis, and where its critical difference is drawn."""

NARROWEST = 1.2
"""An axis of ranks is at least this wide, in inches, or has the page's whole width."""

THIN: Mapping[str, Any] = {"color": "black", "linewidth": 0.7}
"""The lines of a diagram."""


def draw_comparison(comparison: Comparison, path: Path) -> None:
    """Write the figure of a comparison: ranks of three methods or more, else differences.

    Raises
    ------
    ScoresError
        There are three methods or more and no ranks.
    FileError
        The file cannot be written.
    """
    many = len(comparison.methods) > 2
    if many and not comparison.ranks:
        raise ScoresError(f"{path}: no ranks to draw, for fewer than {FEWEST_IMAGES} images.")
    with figure_style():
        fig = ranks_figure(comparison) if many else differences_figure(comparison)
        save_figure(fig, path, "; ".join(comparison.signatures.values()))


def differences_figure(comparison: Comparison) -> "Figure":
    """Return a figure of two methods' differences, a panel a dataset, to one scale.

    Counts of hundreds, such as HCE, have panels and a scale of their own: shares would be dots at 0 there.
    """
    from matplotlib.figure import Figure

    fig = Figure(layout="constrained")
    scales = sorted({METRICS[metric].coarse for metric in comparison.metrics})
    panels = [(scale, dataset) for scale in scales for dataset in comparison.images]
    rows = [
        [each for each in comparison.differences if (METRICS[each.metric].coarse, each.dataset) == panel]
        for panel in panels
    ]
    axes = fig.subplots(
        len(panels), squeeze=False, gridspec_kw={"height_ratios": [len(each) + 2.25 for each in rows]}
    )[:, 0]
    for ax, differences, (_, dataset) in zip(axes, rows, panels, strict=True):
        forest(ax, differences)
        images = counted(comparison.images[dataset], "image")
        ax.set_title(shown_name(f"{dataset}, {images}"), parse_math=False)
    for scale in scales:
        alike = [ax for ax, (its, _) in zip(axes, panels, strict=True) if its == scale]
        reach = max(ax.get_xlim()[1] for ax in alike)
        for ax in alike:
            ax.set_xlim(-reach, reach)
        for ax in alike[:-1]:
            ax.tick_params(labelbottom=False)
    for ax in axes[:-1]:
        ax.set_xlabel("")
    heights = 0.3 + sum(len(each) * 0.2 + 0.45 for each in rows)
    fits = 0.07 * len(_advantage(comparison.differences[0])) < FIGURE_WIDTHS["single"]
    fig.set_size_inches(FIGURE_WIDTHS["single" if fits else "double"], heights)
    return fig


def forest(ax: "Axes", rows: Sequence[Difference]) -> "Axes":
    """Draw differences of two methods with their intervals, a line a metric.

    To the right the first method is better, whichever way a metric goes; what is distinguishable is filled.

    Parameters
    ----------
    ax
        The axes to draw on.
    rows
        Of one dataset and two methods.
    """
    for k, difference in enumerate(rows):
        face = COLOURS[0] if difference.significant else "white"
        if difference.low is not None and difference.high is not None:
            ax.plot(
                [difference.sign * difference.low, difference.sign * difference.high],
                [k, k],
                color=COLOURS[0],
                linewidth=1.2,
            )
        ax.plot(
            difference.sign * difference.difference,
            k,
            "o",
            ms=4.5,
            mfc=face,
            mec=COLOURS[0],
            mew=1.0,
            zorder=3,
        )
    ax.axvline(0, color="black", linewidth=0.6, zorder=1)
    reach = max([abs(bound) for bound in ax.get_xlim()])
    ax.set(xlim=(-reach, reach), ylim=(len(rows) - 0.5, -0.5))
    ax.set_yticks(range(len(rows)), [METRICS[difference.metric].label for difference in rows])
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(_advantage(rows[0]), parse_math=False)
    return ax


def _advantage(difference: Difference) -> str:
    return f"Advantage of {shown_name(difference.a)} over {shown_name(difference.b)}"


def ranks_figure(comparison: Comparison) -> "Figure":
    """Return a figure with a critical-difference diagram a metric, in two columns where names are short."""
    from matplotlib.figure import Figure

    methods = [shown_name(method) for method in comparison.methods]
    narrow = FIGURE_WIDTHS["double"] / 2 - 2 * _side(methods) >= NARROWEST
    across = 2 if narrow and len(comparison.ranks) > 1 else 1
    down = -(-len(comparison.ranks) // across)
    inches = FIGURE_WIDTHS["single" if narrow and across == 1 else "double"]
    bottom = max(_bottom(ranks) for ranks in comparison.ranks.values())
    fig = Figure(figsize=(inches, down * (bottom - TOP) * LINE))
    for k, (metric, ranks) in enumerate(comparison.ranks.items()):
        row, column = divmod(k, across)
        ax = fig.add_axes((column / across, 1 - (row + 1) / down, 1 / across, 1 / down))
        title = f"{METRICS[metric].label}, {ranks.blocks} {comparison.over}"
        critical_difference_diagram(ax, methods, ranks, title)
        ax.set_ylim(bottom, TOP)
    return fig


def critical_difference_diagram(ax: "Axes", methods: Sequence[str], ranks: Ranks, title: str = "") -> "Axes":
    """Draw average ranks on an axis, the best to the right; bars join methods that do not differ.

    That is, their difference is not significant.

    Parameters
    ----------
    ax
        The axes to draw on, in their final place; their lines and ticks are hidden.
    methods
        Names, in the order of `ranks`.
    ranks
        Of `sodbench.analysis.statistics.ranks.friedman`.
    title
        Above the axis.
    """
    count, side = len(methods), _side(methods)
    inch = (count - 1) / (ax.get_window_extent().width / ax.figure.dpi - 2 * side)
    left, right = count + side * inch, 1 - side * inch
    ax.set(xlim=(left, right), ylim=(_bottom(ranks), TOP))
    ax.set_axis_off()
    ax.text(left - 0.08 * inch, TOP + 0.4, title, ha="left", va="top", fontsize=8, parse_math=False)
    ax.plot([1, count], [0, 0], **THIN)
    for rank in range(1, count + 1):
        ax.plot([rank, rank], [0, -0.3], **THIN)
        if rank % (1 + count // 12) == 1 or count < 12:
            ax.text(rank, -0.4, str(rank), ha="center", va="bottom")
    _draw_critical_difference(ax, ranks.critical_difference, count, inch)
    for k, group in enumerate(ranks.groups):
        ends = ranks.mean[group[0]] - 0.02 * inch, ranks.mean[group[-1]] + 0.02 * inch
        ax.plot(ends, [_bar(k)] * 2, color=RED, linewidth=2.2, solid_capstyle="butt", zorder=3)
    order = np.argsort(ranks.mean, kind="stable").tolist()
    half = -(-count // 2)
    for place, method in enumerate(order):
        y = _bar(len(ranks.groups)) + 0.4 + min(place, count - 1 - place)
        edge, away, align = (1, -inch, "left") if place < half else (count, inch, "right")
        ax.plot([ranks.mean[method]] * 2 + [edge + 0.1 * away], [0, y, y], **THIN)
        ax.text(edge + 0.13 * away, y, methods[method], ha=align, va="center", parse_math=False)
    return ax


def _draw_critical_difference(ax: "Axes", difference: float, count: int, inch: float) -> None:
    """Draw how far apart ranks must be, above the worst end of the axis."""
    text = f"CD = {difference:.2f}"
    if difference > count - 1:
        ax.text(count, CD_LINE, f"{text}, wider than this axis", ha="left", va="center")
        return
    end = count - difference
    ax.plot([count, end], [CD_LINE, CD_LINE], **THIN)
    for rank in (count, end):
        ax.plot([rank, rank], [CD_LINE - 0.25, CD_LINE + 0.25], **THIN)
    ax.text(end - 0.06 * inch, CD_LINE, text, ha="left", va="center")


def _bar(k: int) -> float:
    return 0.5 + 0.4 * k


def _bottom(ranks: Ranks) -> float:
    return _bar(len(ranks.groups)) + 0.4 + -(-len(ranks.mean) // 2)


def _side(methods: Sequence[str]) -> float:
    """Return the inches that names need beside the axis."""
    return 0.25 + 0.06 * max(len(method) for method in methods)
