"""Figures: precision-recall and F curves, and size against score, of many methods at once.

The functions that draw take Axes and return them, and change nothing but these Axes. `figure_style` sets the
fonts and line widths of a printed column; `save_figure` writes the same bytes for the same input.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sodbench.errors import FileError, ScoresError
from sodbench.utils.files import check_folder, check_writable, replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

FIGURE_WIDTHS: Mapping[str, float] = {"single": 3.5, "double": 7.16}
"""Widths of one and of two columns of a two-column journal page, in inches."""


FIGURE_FORMATS = (".pdf", ".svg", ".png")
"""What `save_figure` writes, by suffix."""

HIGHLIGHTED = re.compile(r"u[2²]-?net(p|†)?", re.IGNORECASE)
"""The methods drawn in red and on top unless others are chosen: U2-Net and its small version."""

RED = "#D00000"
COLOURS = ("#0072B2", "#E69F00", "#56B4E9", "#000000")
GREEN, PINK = "#009E73", "#CC79A7"
"""Okabe and Ito's colours without yellow, too pale for a line, and without vermilion, too near to `RED`.

Green and pink look alike to a colour-blind reader (deuteranopia), so no dash has both.
"""

DASHES: tuple[Any, ...] = (
    *("-", (0, (4, 1.4)), (0, (1.2, 1.2))),
    *((0, (5, 1.2, 1.2, 1.2)), (0, (9, 2)), (0, (5, 1.2, 1.2, 1.2, 1.2, 1.2))),
)
"""Solid, dashed, dotted, dash-dotted, long dashes, dashed with two dots."""

LINES = tuple(
    (colour, dash) for k, dash in enumerate(DASHES) for colour in (*COLOURS, PINK if k % 2 else GREEN)
)
"""The lines that can be distinguished, also by a colour-blind reader: colour and dash."""

SALT = "2696443"
"""Chosen so that no two of the paper's 22 methods have the same line."""


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


def line_styles(
    methods: Sequence[str], highlight: Sequence[str] = (), among: Sequence[str] = ()
) -> dict[str, dict[str, Any]]:
    """Give every method a line of its own, by its name: it is the same whatever else is shown.

    A name stands for one of `LINES`. Where two names stand for the same line, the first by alphabet has it
    and the other has the next free one.

    Parameters
    ----------
    methods
        As many as there are `LINES` at most, and as many highlighted ones as `DASHES`.
    highlight
        Which to draw red, thick and on top; none: U2-Net.
    among
        The methods out of which these were chosen; any choice out of them has the same lines, unless there
        are more of them than `LINES`.

    Returns
    -------
    What to pass to `Axes.plot`.

    Raises
    ------
    ScoresError
        More methods than lines that can be distinguished.

    Examples
    --------
    >>> styles = line_styles(["PiCANet", "U2-Net", "DSS"])
    >>> [styles[name]["color"] for name in styles]
    ['#E69F00', '#D00000', '#009E73']
    """
    red = {
        method: highlight.index(method) if highlight else int(_is_small(method))
        for method in methods
        if is_highlighted(method, highlight)
    }
    if len(set(methods)) > len(LINES) or len(red) > len(DASHES):
        raise ScoresError(
            f"{len(methods)} methods, {len(red)} of them highlighted: at most {len(LINES)} and {len(DASHES)} "
            "lines can be distinguished. Choose with --methods."
        )
    known = {*methods, *among}
    chosen = _places(
        {name: _hashed(name) for name in (known if len(known) <= len(LINES) else methods)}, len(LINES)
    )
    dashes = _places(red, len(DASHES))
    styles: dict[str, dict[str, Any]] = {}
    for name in methods:
        colour, dash = LINES[chosen[name]]
        styles[name] = {"color": colour, "linestyle": dash, "linewidth": 0.9, "zorder": 2.0}
        if name in red:
            k = dashes[name]
            styles[name] = {"color": RED, "linestyle": DASHES[k], "linewidth": 1.7, "zorder": 3.0 - k / 10}
    return styles


def _places(wanted: Mapping[str, int], places: int) -> dict[str, int]:
    """Give each name the place it wants, or the next free one; the first by alphabet chooses first."""
    given: dict[str, int] = {}
    for name in sorted(wanted):
        taken = given.values()
        given[name] = next(
            k % places for k in range(wanted[name], wanted[name] + places) if k % places not in taken
        )
    return given


def _hashed(name: str) -> int:
    return int.from_bytes(sha256(f"{SALT}{name}".encode(errors="surrogatepass")).digest()[:8])


def is_highlighted(method: str, highlight: Sequence[str] = ()) -> bool:
    """Say whether a method is among the chosen ones, or U2-Net if none are chosen."""
    return method in highlight if highlight else HIGHLIGHTED.fullmatch(method) is not None


def _is_small(method: str) -> bool:
    """Say whether a method is the small version of U2-Net."""
    return method.endswith(("p", "P", "†"))


def new_figure(titles: Sequence[str], width: str = "double", most: int = 3) -> tuple["Figure", list["Axes"]]:
    """Return a figure with one panel a title, in rows of at most `most` (single column: two)."""
    from matplotlib.figure import Figure

    n = len(titles)
    across = min(n, most, 2 if width == "single" or n == 4 else 3)
    down = -(-n // across)
    inches = FIGURE_WIDTHS[width]
    height = min(0.85 * inches / across, 3.6) if across > 1 else min(0.8 * inches, 4.2 if n == 1 else 2.6)
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
        legend = fig.legend(
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
        for text in legend.get_texts():
            text.set_parse_math(False)
        box = legend.get_window_extent()
        if box.width <= fig.bbox.width or columns == 1:
            break
        legend.remove()
    fig.set_figheight(fig.get_figheight() + box.height / fig.dpi)
    return legend


def shown_name(name: str) -> str:
    """Return a name as a figure shows it: on one line, and cut where it is very long.

    >>> shown_name("a" * 50) == "a" * 39 + "…"
    True
    """
    plain = "".join(char if char.isprintable() else "?" for char in name)
    return plain if len(plain) <= NAME_LENGTH else plain[: NAME_LENGTH - 1] + "…"


def text_width(fig: "Figure", text: str, size: float) -> float:
    """Return how wide a text of a font size is in a figure, in inches."""
    artist = fig.text(0, 0, text, fontsize=size, parse_math=False)
    width = artist.get_window_extent().width / fig.dpi
    artist.remove()
    return width


def fitted_name(fig: "Figure", name: str, size: float, inches: float) -> str:
    """Return `shown_name`, without its middle where it is wider than so many inches."""
    text = shown_name(name)
    shorter = (
        text[: kept - kept // 2] + "…" + text[len(text) - kept // 2 :] for kept in range(len(text))[::-1]
    )
    return next((t for t in (text, *shorter) if text_width(fig, t, size) <= inches), "…")


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
        filterwarnings("ignore", r"Glyph .* missing from font")  # reported once, by `unknown_glyphs`
        rcdefaults()
        settings: Any = STYLE  # matplotlib's type has every key as a literal
        rcParams.update(settings)
        yield


def check_figure_target(path: Path, option: str = "--out") -> None:
    """Find out before the work starts whether `save_figure` can write this file.

    Raises
    ------
    FileError
        Its suffix is unknown, it is a folder, or its folder is not there or cannot be written.
    """
    if path.suffix.lower() not in FIGURE_FORMATS:
        raise FileError(
            f"{path}: unknown kind of figure {path.suffix!r}; pass {option} with {', '.join(FIGURE_FORMATS)}."
        )
    if path.is_dir():
        raise FileError(f"{path}: a folder is in the way, expected a file. Pass another {option}.")
    check_folder(path, option)
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
    FileError
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
