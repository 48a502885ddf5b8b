"""A figure of what a metric sees of one map on its mask, beside its value."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics import METRICS, family_of
from sodbench.metrics.histogram import check_pair, level_counts
from sodbench.metrics.parts import Metric
from sodbench.protocol import Protocol
from sodbench.reports.figures.metric import levels, regions
from sodbench.reports.figures.metric.panels import Drawing, Key, OnePair, Panel, errors_at_128
from sodbench.reports.figures.style import COLOURS, FIGURE_WIDTHS, text_width
from sodbench.reports.metrics import acting_choices

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DRAWINGS: Mapping[str, Callable[[OnePair], Drawing]] = {
    "f": levels.draw_f,
    "m": levels.draw_mae,
    "w": regions.draw_weighted_f,
    "s": levels.draw_s_measure,
    "r": regions.draw_relaxed_f,
    "e": levels.draw_e_measure,
    "si": regions.draw_size_invariant,
    "c": regions.draw_context,
    "h": regions.draw_hce,
    "o": levels.draw_overlap,
    "a": levels.draw_auc,
    "ba": regions.draw_boundary_accuracy,
    "bi": regions.draw_boundary_iou,
    "bg": regions.draw_grey_boundary_iou,
}
"""What draws what a family sees, by its name in `sodbench.metrics.PARTS`; of others, errors are shown."""

EDGE, GAP = 0.06, 0.1
"""Margin of the figure, and gaps between panels, in inches."""

LINE, HEAD = 0.13, 0.15
"""Height of a line of text, and of a panel's title, in inches."""

LEFT, BELOW = 0.4, 0.3
"""What the labels of a plot take to its left and below it, in inches."""

SWATCH = {"scale": 0.45, "line": 0.22, "dashes": 0.22}
"""Width of what stands before the words of a key, in inches; else `SQUARE`."""

SQUARE = 0.1

ENLARGED = Key(COLOURS[1], "part that is enlarged", "line")

TITLE, SAID, SMALL = 8.5, 6.5, 6.0
"""Font sizes."""


def metric_figure(
    name: str,
    pred: NDArray[np.uint8],
    gt: NDArray[np.bool_],
    *,
    protocol: Protocol,
    width: str = "double",
    source: str = "",
) -> "Figure":
    """Return a figure of what a metric sees of one map.

    Parameters
    ----------
    name
        The metric's id.
    pred, gt
        ``(h, w)`` uint8 levels and bool mask.
    protocol
        How the map is scored.
    width
        ``single`` or ``double`` column.
    source
        What to call the pair.
    """
    from matplotlib.figure import Figure

    (pred, gt), metric = check_pair(pred, gt), METRICS[name]
    value = metric.function(pred, gt, protocol=protocol)
    pair = OnePair(pred, gt, level_counts(pred, gt), metric, protocol)
    drawing = DRAWINGS.get(family_of(name), errors_at_128)(pair)
    choices = ", ".join(
        f"{choice.replace('_', '-')} {setting.removesuffix('.0')}"
        for choice, setting, _ in acting_choices([name], protocol, of_pair=True)
    )
    inches = FIGURE_WIDTHS[width]
    fig = Figure(figsize=(inches, inches))
    room = inches - 2 * EDGE
    title = _wrapped(fig, figure_title(metric, value), TITLE, room)
    about = f"{f'Pair: {source}. ' if source else ''}{f'Options: {choices}.' if choices else ''}"
    options = _wrapped(fig, about, SMALL, room)
    words = _wrapped(fig, drawing.words, SAID, room)
    enlarged = [ENLARGED] if any(panel.part for panel in drawing.panels) else []
    keys = _rows_of_keys(fig, [*drawing.keys, *enlarged], room)
    across = _across(len(drawing.panels), width)
    cell = (room - GAP * (across - 1)) / across
    headings = [_wrapped(fig, panel.title, SAID, cell - LEFT * panel.plot) for panel in drawing.panels]
    heads = HEAD + LINE * (max(map(len, headings)) - 1)
    tall = cell * min(max(pred.shape[0] / pred.shape[1], 0.55), 1.25)
    down = -(-len(drawing.panels) // across)
    step = heads + tall + GAP
    lines = 1.35 * len(title) + len(options) + len(words) + 1.15 * len(keys)
    high = 3 * EDGE + LINE * (lines + 0.6) + down * step
    fig.set_size_inches(inches, high)
    top = _write(fig, title, TITLE, EDGE, 1.35 * LINE)
    top = _write(fig, options, SMALL, top, LINE, color="#555555") + EDGE
    for k, (panel, heading) in enumerate(zip(drawing.panels, headings, strict=True)):
        x, y = EDGE + k % across * (cell + GAP), top + k // across * step
        middle = x + (cell + LEFT * panel.plot) / 2
        _write(fig, heading, SAID, y + LINE * (max(map(len, headings)) - len(heading)), LINE, middle)
        _place_panel(fig, panel, (x, y + heads, cell, tall))
    top = _write(fig, words, SAID, top + down * step, LINE) + 0.3 * LINE
    for row in keys:
        x = EDGE
        for key in row:
            x = _place_key(fig, key, x, top)
        top += 1.15 * LINE
    return fig


def figure_title(metric: Metric, value: float) -> str:
    """Return what a figure is headed by: the metric, and its value on the pair.

    >>> figure_title(METRICS["mae"], 0.25), figure_title(METRICS["weighted_f"], float("nan"))
    ('MAE = 0.2500 (lower is better)', 'Weighted F, wF: undefined (empty mask)')
    """
    name = metric.words[:1].upper() + metric.words[1:]
    name += f", {metric.label}" if metric.label.casefold() != name.casefold() else ""
    if math.isnan(value):
        return f"{name}: undefined ({metric.undefined})" if metric.undefined else f"{name}: undefined"
    better = "higher" if metric.higher_is_better else "lower"
    return f"{name} = {value:.{metric.decimals(4) if metric.coarse < 3 else 0}f} ({better} is better)"


def _across(n: int, width: str) -> int:
    """Return how many panels stand side by side."""
    if width == "single":
        return min(n, 2)
    return n if n <= 4 else 3 if n <= 6 else 4


def _wrapped(fig: "Figure", text: str, size: float, inches: float) -> list[str]:
    """Break a text into lines that fit."""
    words, lines = text.split(), []
    while words:
        n = len(words)
        while n > 1 and (needed := text_width(fig, " ".join(words[:n]), size)) > inches:
            n = min(n - 1, max(1, int(n * inches / needed)))
        while n < len(words) and text_width(fig, " ".join(words[: n + 1]), size) <= inches:
            n += 1
        lines.append(" ".join(words[:n]))
        words = words[n:]
    return lines


def _write(
    fig: "Figure",
    lines: Sequence[str],
    size: float,
    top: float,
    line: float,
    centre: float | None = None,
    **look: Any,
) -> float:
    """Write lines from a height down, at the left or centred; return where the next would stand."""
    inches, high = fig.get_size_inches()
    for k, text in enumerate(lines):
        x, align = (EDGE, "left") if centre is None else (centre, "center")
        y = 1 - (top + (k + 0.5) * line) / high
        fig.text(x / inches, y, text, fontsize=size, ha=align, va="center", parse_math=False, **look)
    return top + len(lines) * line


def _place_panel(fig: "Figure", panel: Panel, box: tuple[float, float, float, float]) -> None:
    left, top, across, down = box
    if panel.plot:
        left, across, down = left + LEFT, across - LEFT - 0.05, down - BELOW
    ax = _axes(fig, left, top, across, down)
    panel.draw(ax)
    if panel.plot:
        ax.tick_params(labelsize=SMALL, pad=1.5)
        ax.xaxis.label.set_fontsize(SAID)
        ax.yaxis.label.set_fontsize(SAID)
        ax.xaxis.labelpad, ax.yaxis.labelpad = 1, 2
        return
    ax.set(xticks=(), yticks=())
    ax.grid(visible=False)
    if panel.part:
        first, bottom, start, end = (edge - 0.5 for edge in panel.part)
        ax.set(xlim=(start, end), ylim=(bottom, first))
    for spine in ax.spines.values():
        spine.set(linewidth=0.4, color="#888888")


def _axes(fig: "Figure", left: float, top: float, across: float, down: float) -> "Axes":
    inches, high = fig.get_size_inches()
    return fig.add_axes((left / inches, 1 - (top + down) / high, across / inches, down / high))


def _rows_of_keys(fig: "Figure", keys: Sequence[Key], inches: float) -> list[list[Key]]:
    rows: list[list[Key]] = []
    left = 0.0
    for key in keys:
        needed = _key_width(fig, key)
        if not rows or left + needed > inches:
            rows.append([])
            left = 0.0
        rows[-1].append(key)
        left += needed
    return rows


def _key_width(fig: "Figure", key: Key) -> float:
    return SWATCH.get(key.kind, SQUARE) + text_width(fig, key.words, SMALL) + 0.22


def _place_key(fig: "Figure", key: Key, left: float, top: float) -> float:
    """Draw what a colour looks like and means; return where the next may stand."""
    across = SWATCH.get(key.kind, SQUARE)
    ax = _axes(fig, left, top + 0.02, across, SQUARE)
    ax.set(xlim=(0, 1), ylim=(0, 1), xticks=(), yticks=())
    ax.grid(visible=False)
    colour: Any = key.colour if isinstance(key.colour, str) else tuple(part / 255 for part in key.colour)
    if key.kind == "patch":
        ax.set_facecolor(colour)
        ax.spines[:].set(linewidth=0.4, color="#888888")
    elif key.kind == "scale":
        ax.imshow(np.linspace(0, 1, 64)[None], cmap=colour, aspect="auto", extent=(0, 1, 0, 1))
        ax.spines[:].set(linewidth=0.4, color="#888888")
    else:
        ax.patch.set_visible(False)
        ax.spines[:].set_visible(False)
        mark = {"dot": "o", "cross": "x"}.get(key.kind)
        if mark:
            look = {"markeredgecolor": "black", "mew": 0.3} if mark == "o" else {"mew": 1.3}
            ax.plot(0.5, 0.5, mark, color=colour, markersize=4, clip_on=False, **look)
        else:
            ax.plot(
                (0, 1),
                (0.5, 0.5),
                color=colour,
                linewidth=1.3,
                linestyle="--" if key.kind == "dashes" else "-",
            )
    inches, high = fig.get_size_inches()
    x, y = (left + across + 0.05) / inches, 1 - (top + 0.02 + SQUARE / 2) / high
    fig.text(x, y, key.words, fontsize=SMALL, va="center_baseline", parse_math=False)
    return left + _key_width(fig, key)
