"""Figures: precision-recall and F curves, and size against score, of many methods at once.

The functions that draw take Axes and return them, and change nothing but these Axes. `figure_style` sets the
fonts and line widths of a printed column; `save_figure` writes the same bytes for the same input.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sodbench.errors import LeaderboardError, ScoresError, nearest
from sodbench.leaderboard.boards import Board
from sodbench.metrics import METRICS, PAPER_METRICS
from sodbench.reports.figures.label_placement import NEAR, place_labels
from sodbench.reports.figures.panels import Curves, Reals
from sodbench.reports.figures.qualitative import ShownImage, errors, overlaid
from sodbench.utils.files import check_writable, replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

FIGURE_WIDTHS: Mapping[str, float] = {"single": 3.5, "double": 7.16}
"""Widths of one and of two columns of a two-column journal page, in inches."""

ZOOMS: Mapping[str, tuple[float, float]] = {"paper": (0.2, 0.4), "full": (0.0, 0.0)}
"""Where the recall axis and the precision (or F) axis begin; both end at 1."""

FIGURE_FORMATS = (".pdf", ".svg", ".png")
"""What `save_figure` writes, by suffix."""

HIGHLIGHTED = re.compile(r"u[2²]-?net(p|†)?", re.IGNORECASE)
"""The methods drawn in red and on top unless others are chosen: U2-Net and its small version."""

RED = "#D00000"
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#000000", "#56B4E9")
"""Okabe and Ito's colours without yellow, too pale for a line, and without vermilion, too near to `RED`."""

DASHES: tuple[Any, ...] = ("-", (0, (4, 1.4)), (0, (1.2, 1.2)), (0, (5, 1.2, 1.2, 1.2)), (0, (8, 2)))
"""Solid, dashed, dotted, dash-dotted, long dashes."""

SAME = 12.0
"""Two rows of one method this near to each other share a label, in points."""

NAME_LENGTH = 40
"""Longer names are cut in a figure."""

STYLE: Mapping[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so figures are alike on every machine
    "font.size": 7.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.4,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.width": 0.4,
    "figure.dpi": 300.0,
    "pdf.fonttype": 42,  # TrueType: text stays text that can be searched and edited
    "svg.fonttype": "none",
    "svg.hashsalt": "sodbench",
}


def line_styles(methods: Sequence[str], highlight: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Give every method a line of its own, by its place in the list.

    Parameters
    ----------
    methods
        At most 30, and 5 highlighted ones.
    highlight
        Which to draw red, thick and on top; none: U2-Net.

    Returns
    -------
    What to pass to `Axes.plot`.

    Raises
    ------
    ScoresError
        More methods than can be told apart.

    Examples
    --------
    >>> styles = line_styles(["PiCANet", "U2-Net", "DSS"])
    >>> [styles[name]["color"] for name in styles]
    ['#0072B2', '#D00000', '#E69F00']
    """
    red = [method for method in methods if is_highlighted(method, highlight)]
    plain = [method for method in methods if method not in red]
    most = len(COLOURS) * len(DASHES)
    if len(plain) > most or len(red) > len(DASHES):
        raise ScoresError(
            f"{len(plain)} methods and {len(red)} highlighted: at most {most} and {len(DASHES)} lines can be "
            "told apart. Choose with --methods."
        )
    styles: dict[str, dict[str, Any]] = {}
    for k, name in enumerate(plain):
        dash, colour = divmod(k, len(COLOURS))
        styles[name] = {"color": COLOURS[colour], "linestyle": DASHES[dash], "linewidth": 0.9, "zorder": 2.0}
    for k, name in enumerate(red):
        styles[name] = {"color": RED, "linestyle": DASHES[k], "linewidth": 1.7, "zorder": 3.0 - k / 10}
    return {method: styles[method] for method in methods}


def is_highlighted(method: str, highlight: Sequence[str] = ()) -> bool:
    """Say whether a method is among the chosen ones, or U2-Net if none are chosen."""
    return method in highlight if highlight else HIGHLIGHTED.fullmatch(method) is not None


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
        Where.
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
    lines = {method: (one.recall, one.precision) for method, one in curves.items()}
    styles = styles or line_styles(list(curves))
    for method, one in curves.items():
        if one.band:
            shade = {"color": styles[method]["color"], "alpha": 0.18, "linewidth": 0}
            ax.fill_between(one.band.recall, one.band.low, one.band.high, **shade)
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
    lines = {method: (np.linspace(0, 255, len(one.f)), one.f) for method, one in curves.items()}
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
    return [m for m, one in curves.items() if not ((one.recall >= low) & (one.precision >= high)).any()]


def new_figure(titles: Sequence[str], width: str = "double") -> tuple["Figure", list["Axes"]]:
    """Return a figure with one panel a title, in rows of at most three (single column: two)."""
    from matplotlib.figure import Figure

    n = len(titles)
    across = min(n, 2 if width == "single" or n == 4 else 3)
    down = -(-n // across)
    inches = FIGURE_WIDTHS[width]
    height = min(0.85 * inches / across, 3.6) if n > 1 else min(0.8 * inches, 4.2)
    fig = Figure(figsize=(inches, down * height), layout="constrained")
    axes = [fig.add_subplot(down, across, k + 1) for k in range(n)]
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(shown_name(title), parse_math=False)
    return fig, axes


def label_outer(axes: Sequence["Axes"]) -> None:
    """Keep axis labels at the left and at the lowest panel of each column."""
    for k, ax in enumerate(axes):
        place = ax.get_subplotspec()
        across = place.get_gridspec().ncols if place else 1
        if k % across:
            ax.set_ylabel("")
        if k + across < len(axes):
            ax.set_xlabel("")


def add_legend(fig: "Figure", styles: Mapping[str, Mapping[str, Any]]) -> "Legend":
    """Put one legend below all panels, as wide as fits, and make the figure higher by it."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **style) for style in styles.values()]
    for columns in range(min(len(styles), 8), 0, -1):
        rows = -(-len(styles) // columns)
        found = fig.legend(
            handles,
            [shown_name(method) for method in styles],
            loc="outside lower center",
            ncols=-(-len(styles) // rows),
            frameon=False,
            handlelength=3.4,
            columnspacing=1.4,
            labelspacing=0.35,
            borderpad=0.2,
            borderaxespad=0.0,
        )
        for text in found.get_texts():
            text.set_parse_math(False)
        box = found.get_window_extent()
        if box.width <= fig.bbox.width or columns == 1:
            break
        found.remove()
    fig.set_figheight(fig.get_figheight() + box.height / fig.dpi)
    return found


def size_plot(
    ax: "Axes", board: Board, *, metric: str = "max_f", log: bool = False, highlight: Sequence[str] = ()
) -> "Axes":
    """Draw a metric against the size of the weights, every point with its name.

    Parameters
    ----------
    ax
        Where; the figure's layout must not change much afterwards, as names are placed for it.
    board
        Rows without a size or the metric are passed over. Published rows are filled, measured ones hollow.
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
    better = "↑" if METRICS[metric].higher_is_better else "↓"
    ax.set_xlabel("Model size (MB)")
    ax.set_ylabel(shown_name(f"{METRICS[metric].label} {better} on {board.dataset}"), parse_math=False)
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


def cost_plot(ax: "Axes", curves: Mapping[str, Mapping[int, int]], *, flops: bool = False) -> "Axes":
    """Draw what blocks cost against their middle channels, with a legend.

    Parameters
    ----------
    ax
        Where.
    curves
        Block -> M -> multiply-accumulates. RSU blocks are drawn red.
    flops
        Show operations, two for each multiply-accumulate.
    """
    styles = line_styles(list(curves), [name for name in curves if name.startswith("RSU")])
    for k, (name, curve) in enumerate(curves.items()):
        look = styles[name]
        if look["color"] != RED:  # PLN and RES nearly coincide
            look |= {"linestyle": DASHES[k % len(DASHES)], "zorder": 2 + k / 100}
        middle = sorted(curve)
        ax.plot(middle, [(1 + flops) * curve[m] / 1e9 for m in middle], label=name, **look)
    ax.set_xlabel("M (middle channels)")
    ax.set_ylabel("GFLOPs (2 × GMACs)" if flops else "GMACs (half the FLOPs)")
    ax.set_xlim(left=0)
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False, handlelength=3.4)
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
    """Return the board of those rows that `size_plot` can draw, and what to tell of the others.

    Parameters
    ----------
    board
        Of one dataset.
    metric
        Its id.
    methods
        Which; none: all.
    source
        ``published`` or ``measured``; None: both.

    Raises
    ------
    LeaderboardError
        The metric or a method is not on the board, or no row has a size.
    """
    if metric not in PAPER_METRICS:
        raise LeaderboardError(f"unknown metric {metric!r}; {nearest(metric, PAPER_METRICS)}")
    rows = [entry for entry in board.entries if source in (None, entry.source)]
    there = list(dict.fromkeys(entry.method for entry in rows))
    if unknown := [method for method in methods if method not in there]:
        raise LeaderboardError(
            f"{unknown[0]}: not on the board of {board.dataset}; {nearest(unknown[0], there)}"
        )
    rows = [entry for entry in rows if not methods or entry.method in methods]
    found = [entry for entry in rows if entry.size_mb and metric in entry.values]
    if not found:
        raise LeaderboardError(
            f"{board.dataset}: no {source or 'published or measured'} row with a size and {metric}. Add rows "
            "with `sodbench leaderboard add SCORES --size-mb MB`, or choose other rows."
        )
    left = [entry.method for entry in rows if entry not in found]
    said = [f"{board.dataset}: no size or {metric} of {', '.join(left)}; left out."] if left else []
    return replace(board, entries=tuple(found)), said


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


def loss_curves(ax: "Axes", steps: Sequence[float], losses: Mapping[str, Sequence[float]]) -> "Axes":
    """Draw losses over training steps, on a logarithmic axis; `losses` by name, the total first.

    >>> from matplotlib.figure import Figure
    >>> ax = loss_curves(Figure().add_subplot(), [1, 2], {"loss": [3, 2], "fused": [1, 0.5]})
    >>> [line.get_label() for line in ax.lines]
    ['loss', 'fused']
    """
    for k, (name, values) in enumerate(losses.items()):
        colour = RED if k == 0 else COLOURS[(k - 1) % len(COLOURS)]
        dash = DASHES[0 if k == 0 else 1 + (k - 1) // len(COLOURS) % (len(DASHES) - 1)]
        ax.plot(steps, values, color=colour, linestyle=dash, linewidth=1.2 if k == 0 else 0.8, label=name)
    ax.set_yscale("log")
    ax.set_xlabel("Step")
    ax.set_ylabel("Loss")
    ax.legend(frameon=False, fontsize="small", ncols=2)
    return ax


def qualitative_figure(rows: Sequence[ShownImage], kind: str = "grey", width: str = "double") -> "Figure":
    """Return a figure of photos, masks and maps side by side, a row an image.

    Parameters
    ----------
    rows
        Images with maps of the same methods.
    kind
        ``grey`` maps as they are, their ``errors``, or an ``overlay`` on the photo.
    width
        ``single`` or ``double`` column.
    """
    from matplotlib.figure import Figure

    columns = ["Image", "Mask", *(shown_name(method) for method in rows[0].maps)]
    inches, margin, gap, head = FIGURE_WIDTHS[width], 0.2, 0.04, 0.18
    across = (inches - margin) / len(columns)
    heights = [(across - gap) * row.gt.shape[0] / row.gt.shape[1] for row in rows]
    high = head + sum(heights) + gap * len(rows)
    fig = Figure(figsize=(inches, high))
    top = high - head
    for k, (row, height) in enumerate(zip(rows, heights, strict=True)):
        pictures = [row.photo, row.gt * np.uint8(255), *(_picture(m, row, kind) for m in row.maps.values())]
        letter = f"({ascii_lowercase[k % 26]})"
        fig.text(0.02 / inches, (top - height / 2) / high, letter, fontsize=7, va="center")
        for j, picture in enumerate(pictures):
            left, bottom = margin + j * across, top - height
            ax = fig.add_axes((left / inches, bottom / high, (across - gap) / inches, height / high))
            ax.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest", aspect="auto")
            ax.set_axis_off()
            if k == 0:
                ax.set_title(columns[j], fontsize=7, pad=2, parse_math=False)
        top -= height + gap
    return fig


def _picture(levels: NDArray[np.uint8], row: ShownImage, kind: str) -> NDArray[np.uint8]:
    if kind == "errors":
        return errors(levels, row.gt)
    return overlaid(levels, row.photo) if kind == "overlay" else levels


def shown_name(name: str) -> str:
    """Return a name as a figure shows it: on one line, and cut where it is very long.

    >>> shown_name("a" * 50) == "a" * 39 + "…"
    True
    """
    plain = "".join(char if char.isprintable() else "?" for char in name)
    return plain if len(plain) <= NAME_LENGTH else plain[: NAME_LENGTH - 1] + "…"


def unknown_glyphs(names: Sequence[str]) -> str:
    """Return the characters that the font lacks; PDF and PNG show boxes in their place."""
    from matplotlib.font_manager import findfont, get_font

    font = get_font(findfont(STYLE["font.family"]))
    characters = dict.fromkeys("".join(shown_name(name) for name in names))
    return "".join(char for char in characters if not font.get_char_index(ord(char)))


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw with `STYLE` and matplotlib's defaults, whatever the user's own settings are."""
    from warnings import catch_warnings, filterwarnings

    from matplotlib import rc_context, rcdefaults, rcParams

    with rc_context(), catch_warnings():
        filterwarnings("ignore", r"Glyph .* missing from font")  # told once, by `unknown_glyphs`
        rcdefaults()
        settings: Any = STYLE  # matplotlib's type has every key as a literal
        rcParams.update(settings)
        yield


def check_figure_target(path: Path, option: str = "--out") -> None:
    """Find out before the work starts whether `save_figure` can write this file.

    Raises
    ------
    ScoresError
        Its suffix is unknown, it is a folder, or the folder cannot be written.
    """
    if path.suffix.lower() not in FIGURE_FORMATS:
        raise ScoresError(
            f"{path}: unknown kind of figure {path.suffix!r}; pass {option} with {', '.join(FIGURE_FORMATS)}."
        )
    if path.is_dir():
        raise ScoresError(f"{path}: a folder is in the way, expected a file. Pass another {option}.")
    check_writable(path.absolute().parent, option)


def save_figure(fig: "Figure", path: Path, description: str = "") -> None:
    """Write a figure as its suffix says, whole or not at all.

    Parameters
    ----------
    fig
        Drawn within `figure_style`, in which this must be called too.
    path
        Ends with one of `FIGURE_FORMATS`.
    description
        Kept inside the file: how what is shown was made.

    Raises
    ------
    ScoresError
        See `check_figure_target`.
    """
    check_figure_target(path)
    kind = path.suffix.lower()
    metadata: dict[str, dict[str, str | None]] = {
        ".pdf": {"Creator": "sodbench", "CreationDate": None, "Keywords": description},
        ".svg": {"Creator": "sodbench", "Date": None, "Description": description},
        ".png": {"Software": "sodbench", "Description": description},
    }
    with replacing(path) as part:
        fig.savefig(part, format=kind[1:], metadata=metadata[kind])
