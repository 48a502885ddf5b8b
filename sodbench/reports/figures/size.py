"""A metric against the size of the weights."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sodbench.errors import LeaderboardError, nearest
from sodbench.leaderboard.boards import Board
from sodbench.metrics import METRICS, PAPER_METRICS
from sodbench.metrics.histogram import Reals
from sodbench.reports.figures.label_placement import NEAR, place_labels
from sodbench.reports.figures.style import COLOURS, RED, is_highlighted, shown_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SAME = 12.0
"""Two rows of one method this near to each other share a label, in points."""


def size_plot(
    ax: "Axes", board: Board, *, metric: str = "max_f", log: bool = False, highlight: Sequence[str] = ()
) -> "Axes":
    """Draw a metric against the size of the weights, every point with its name.

    Parameters
    ----------
    ax
        The axes to draw on; the figure's layout must not change much afterwards, as names are placed for it.
    board
        Rows without a size or the metric are skipped. Published rows are filled, measured ones hollow.
    metric
        Its id.
    log
        Sizes on a logarithmic axis.
    highlight
        Which to draw as red stars; none: U2-Net.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if log:
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("Model size (MB)")
    ax.set_ylabel(
        shown_name(f"{METRICS[metric].label} {METRICS[metric].arrow} on {board.dataset}"), parse_math=False
    )
    drawn = [entry for entry in board.entries if entry.size_mb and metric in entry.values]
    points = np.array([(float(e.size_mb or 0), float(e.values[metric])) for e in drawn]).reshape(-1, 2)
    stars = [is_highlighted(entry.method, highlight) for entry in drawn]
    for (x, y), entry, star in zip(points, drawn, stars, strict=True):
        ax.plot(x, y, **_mark(entry.source, star))
    sources = list(dict.fromkeys(entry.source for entry in drawn))
    if len(sources) > 1:
        handles = [ax.plot([], [], **_mark(source, False))[0] for source in sources]
        place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1, 1), "ncols": 2}
        ax.legend(handles, sources, frameon=False, handletextpad=0, borderpad=0, columnspacing=1, **place)
    _label(ax, points, [entry.method for entry in drawn], [RED if star else "black" for star in stars])
    return ax


def _mark(source: str, star: bool) -> dict[str, Any]:
    """Return a point's look; that of a measured row can be seen around a published one in the same place."""
    colour, hollow = RED if star else COLOURS[0], source == "measured"
    size = (11 if star else 6) if hollow else (7.5 if star else 3.5)
    edge = {
        "markeredgecolor": colour,
        "markerfacecolor": "white" if hollow else colour,
        "markeredgewidth": 0.7,
    }
    shape = {"marker": "*" if star else "o", "markersize": size, "linestyle": "none"}
    return {**edge, **shape, "zorder": 2.9 if hollow else 3.0}


def sized(
    board: Board, metric: str, methods: Sequence[str] = (), source: str | None = None
) -> tuple[Board, list[str]]:
    """Return the board of those rows that `size_plot` can draw, and a message about the others.

    Parameters
    ----------
    board
        Of one dataset.
    metric
        Its id.
    methods
        Names; none: all.
    source
        ``published`` or ``measured``; None: both.

    Raises
    ------
    LeaderboardError
        The metric or a method is not on the board, or no row has a size.
    """
    shown = {name for entry in board.entries for name in entry.values} | {*PAPER_METRICS}
    if metric not in shown:
        valid = [name for name in METRICS if name in shown]
        raise LeaderboardError(f"the board of {board.dataset} has no {metric}; valid: {', '.join(valid)}.")
    rows = [entry for entry in board.entries if source in (None, entry.source)]
    available = list(dict.fromkeys(entry.method for entry in rows))
    if unknown := [method for method in methods if method not in available]:
        raise LeaderboardError(
            f"{unknown[0]}: not on the board of {board.dataset}; {nearest(unknown[0], available)}"
        )
    rows = [entry for entry in rows if not methods or entry.method in methods]
    drawable = [entry for entry in rows if entry.size_mb and metric in entry.values]
    if not drawable:
        raise LeaderboardError(
            f"{board.dataset}: no {source or 'published or measured'} row with a size and {metric}. Add rows "
            "with `sodbench leaderboard add SCORES --size-mb MB`, or choose other rows."
        )
    left = [entry.method for entry in rows if entry not in drawable]
    messages = [f"{board.dataset}: no size or {metric} of {', '.join(left)}; left out."] if left else []
    return replace(board, entries=tuple(drawable)), messages


def _label(ax: "Axes", points: Reals, names: Sequence[str], colours: Sequence[str]) -> None:
    """Name points so that no name lies on another one or on a point, as near to its point as it can be."""
    fig = ax.get_figure(root=True)
    if not names or fig is None:
        return
    ax.margins(0.08)
    fig.draw_without_rendering()  # only now it is known where the points are
    at = ax.transData.transform(points) * 72 / fig.dpi
    near = [np.hypot(*(at[:k] - here).T) < SAME for k, here in enumerate(at)]
    again = [name in np.array(names)[:k][near[k]] for k, name in enumerate(names)]
    kind: dict[str, Any] = {"textcoords": "offset points", "in_layout": False}
    texts = [
        ax.annotate(
            "" if twice else shown_name(name), point, (0, 0),
            color=colour, ha="center", va="center", parse_math=False, zorder=4, **kind,
        )
        for name, point, colour, twice in zip(names, points, colours, again, strict=True)
    ]  # fmt: skip
    boxes = [text.get_window_extent() for text in texts]
    sizes = np.array([(box.width, box.height) for box in boxes]) * 72 / fig.dpi
    sizes = np.maximum(sizes + [1, -1], 0)  # the box of a text is higher than its letters
    frame = np.array([ax.bbox.min, ax.bbox.max]) * 72 / fig.dpi + [[2], [-2]]
    line = {"arrowstyle": "-", "lw": 0.4, "color": "#888888", "shrinkA": 0, "shrinkB": 2}
    for text, offset, size in zip(texts, place_labels(at, sizes, frame), sizes, strict=True):
        text.set_position(tuple(offset))
        end = np.clip(0, offset - size / 2, offset + size / 2)
        if text.get_text() and np.hypot(*end) > NEAR:
            ax.annotate("", text.xy, tuple(end), arrowprops=line, **kind)
