"""What the pictures of metrics are made of: panels, keys of colours, and the pair that they show."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.histogram import LevelCounts, Reals
from sodbench.metrics.parts import Metric
from sodbench.protocol import Protocol
from sodbench.reports.figures.qualitative import FALSE, HIT, MISS, errors_of
from sodbench.reports.figures.style import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Colour: TypeAlias = str | tuple[int, int, int]
Draw: TypeAlias = Callable[["Axes"], object]

BAND: Colour = (96, 96, 96)
"""Colour of the neighbourhood of a boundary."""

MOST = 200
"""Pixels of the longer side of a picture on which each pixel can be seen; of larger ones a part is shown."""

VALUES = "viridis"
"""Colours of values from 0 up, for all readers: dark blue, green, yellow."""


class OnePair(NamedTuple):
    """A map on its mask, and the metric and protocol under which it is looked at.

    `pred` and `gt` are ``(h, w)`` uint8 levels and bool mask, `counts` their level histograms.
    """

    pred: NDArray[np.uint8]
    gt: NDArray[np.bool_]
    counts: LevelCounts
    metric: Metric
    protocol: Protocol


class Window(NamedTuple):
    """A part of a picture: rows `top` to `bottom`, columns `left` to `right`."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True)
class Panel:
    """One picture or plot of a figure.

    Parameters
    ----------
    title
        What it shows.
    draw
        Draws it on axes of its own.
    plot
        It is a plot with labels, and not a picture.
    part
        The part of the picture that is shown; None: all.
    """

    title: str
    draw: Draw
    plot: bool = False
    part: Window | None = None


class Key(NamedTuple):
    """What a colour means: of a ``patch``, ``line``, ``dashes``, ``dot``, ``cross`` or ``scale``."""

    colour: Any
    words: str
    kind: str = "patch"


class Drawing(NamedTuple):
    """What a metric sees of a pair: panels, what their colours mean, and what was counted, in a sentence."""

    panels: Sequence[Panel]
    keys: Sequence[Key]
    words: str


RIGHT_AND_WRONG = (
    Key(HIT, "object in both (true positive)"),
    Key(FALSE, "only in the map (false positive)"),
    Key(MISS, "only in the mask (miss)"),
)

BEST = Key("black", "best threshold", "dot")


def picture(
    title: str, pixels: NDArray[Any], over: Draw | None = None, part: Window | None = None, **shown: Any
) -> Panel:
    """Return a panel of grey, bool or RGB pixels, with what `over` draws over them.

    `shown` is what `Axes.imshow` takes; without it, values from 0 to 1, or levels to 255, are grey.
    """
    if pixels.dtype == np.bool_:
        pixels = pixels * np.uint8(255)
    most = 255 if pixels.dtype == np.uint8 else 1

    def draw(ax: "Axes") -> None:
        ax.imshow(pixels, **{"cmap": "gray", "vmin": 0, "vmax": most, **shown})
        if over:
            over(ax)

    return Panel(title, draw, part=part)


def values(title: str, pixels: Reals, most: float, over: Draw | None = None) -> Panel:
    """Return a panel of values from 0 to `most`, in the colours of `scale`."""
    return picture(title, pixels, over, cmap=VALUES, vmin=0, vmax=most or 1)


def scale(words: str) -> Key:
    """Return the key of `values`."""
    return Key(VALUES, words, "scale")


def confusion(
    title: str, found: NDArray[np.bool_], gt: NDArray[np.bool_], part: Window | None = None
) -> Panel:
    """Return a panel of a binarised map's errors; see `RIGHT_AND_WRONG`."""
    return picture(title, errors_of(found, gt), part=part)


def on_black(gt: NDArray[np.bool_], *layers: tuple[NDArray[np.bool_], Colour]) -> NDArray[np.uint8]:
    """Return ``(h, w, 3)`` black pixels, of which each layer colours some."""
    pixels = np.zeros((*gt.shape, 3), np.uint8)
    for where, colour in layers:
        pixels[where] = colour
    return pixels


def highest(pred: NDArray[np.uint8], n: int) -> NDArray[np.bool_]:
    """Return the `n` pixels of the highest levels: those that reach a threshold which `n` pixels reach.

    >>> highest(np.array([[3, 9, 9, 4]], np.uint8), 2).tolist()
    [[False, True, True, False]]
    """
    reaching = np.bincount(pred.ravel(), minlength=257)[::-1].cumsum()[::-1]
    return pred >= np.flatnonzero(reaching <= n)[0]


def part_with_most(marks: NDArray[np.bool_]) -> Window | None:
    """Return the part of a picture with most marks on which single pixels can be seen; None: all of it.

    >>> marks = np.zeros((300, 600), bool)
    >>> marks[280, 590] = True
    >>> part_with_most(marks)
    Window(top=200, bottom=300, left=400, right=600)
    """
    height, width = marks.shape
    if max(height, width) <= MOST:
        return None
    rows, cols = (max(1, round(side * MOST / max(height, width))) for side in (height, width))
    sums = np.zeros((height + 1, width + 1), np.int64)
    sums[1:, 1:] = marks.cumsum(axis=0).cumsum(axis=1)
    inside = sums[rows:, cols:] - sums[:-rows, cols:] - sums[rows:, :-cols] + sums[:-rows, :-cols]
    best = np.argwhere(inside == inside.max())
    top, left = (int(place) for place in best[len(best) // 2])
    middle = marks[top : top + rows, left : left + cols]
    if middle.any():
        at = np.argwhere(middle).mean(axis=0) + (top, left)
        top, left = (
            int(min(max(round(place - side / 2), 0), whole - side))
            for place, side, whole in zip(at, (rows, cols), marks.shape, strict=True)
        )
    return Window(top, top + rows, left, left + cols)


def framed(part: Window | None) -> Draw:
    """Return what draws a frame around a part of a picture."""

    def draw(ax: "Axes") -> None:
        if part:
            top, bottom, left, right = (edge - 0.5 for edge in part)
            rows, cols = (top, top, bottom, bottom, top), (left, right, right, left, left)
            ax.plot(cols, rows, color=COLOURS[1], linewidth=0.9)

    return draw


def curve(
    title: str, x: Reals, y: Reals, labels: tuple[str, str], marks: Sequence[tuple[float, float]]
) -> Panel:
    """Return a panel of a curve over [0, 1], with marked points, the first a dot and the others crosses."""

    def draw(ax: "Axes") -> None:
        ax.plot(x, y, color=COLOURS[0], linewidth=1.1)
        for at, form in zip(marks, "ox", strict=False):
            ax.plot(*at, form, color="black", markersize=4, clip_on=False)
        unit_axes(ax, *labels)
        if np.isfinite(y).any():
            ax.set_ylim(min(0, np.nanmin(y)), max(1, np.nanmax(y)))

    return Panel(title, draw, plot=True)


def unit_axes(ax: "Axes", x: str, y: str) -> None:
    """Label axes that go from 0 to 1."""
    ax.set(xlim=(0, 1), ylim=(0, 1), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1), xlabel=x, ylabel=y)


def map_and_mask(pair: OnePair, over: Draw | None = None) -> list[Panel]:
    """Return the first two panels of a figure."""
    return [picture("Map", pair.pred, over), picture("Mask", pair.gt, over)]


def errors_at_128(pair: OnePair) -> Drawing:
    """Draw the errors at level 128: of a family without a drawing of its own, or where it has no value."""
    found = confusion("Errors at level 128", pair.pred >= 128, pair.gt)
    return Drawing([*map_and_mask(pair), found], RIGHT_AND_WRONG, "")


def best_threshold(curves: Reals, lower: bool = False) -> int:
    """Return the threshold of the best value; the first, if all are undefined."""
    return int(np.argmax(np.nan_to_num(-curves if lower else curves, nan=-math.inf)))


def positions(n: int) -> Reals:
    """Return where thresholds lie between 0 and 1."""
    return np.arange(n) / (n - 1)


def label(ax: "Axes", x: float, y: float, text: str, ha: str = "center", va: str = "center") -> None:
    """Write on a picture, so that it can be read on every level."""
    from matplotlib.patheffects import withStroke

    ax.text(
        x, y, text, color="white", fontsize=6.5, ha=ha, va=va, parse_math=False, clip_on=True,
        path_effects=[withStroke(linewidth=1.6, foreground="black")],
    )  # fmt: skip


def several(n: int, what: str) -> str:
    """Return a number of things, in words.

    >>> several(1, "point"), several(2, "point")
    ('1 point', '2 points')
    """
    return f"{n} {what}{'s' * (n != 1)}"
