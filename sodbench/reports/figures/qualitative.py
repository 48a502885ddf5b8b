"""Photos, masks and maps side by side: which images, and their pixels.

Images are named, or chosen by a metric's per-image values: the k on which the methods shown are worst or
best on average, or disagree most (highest minus lowest). Images on which the metric is undefined for a method
are not chosen; of equal values the first by name is.
"""

from collections.abc import Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sodbench.analysis.pictures import ShownImage
from sodbench.reports.figures.style import FIGURE_WIDTHS, shown_name, text_width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEAD_SIZE = 7.0
"""Font size of the names over the columns, which stand upright where one is wider than its column."""

HIT, FALSE, MISS = (255, 255, 255), (213, 94, 0), (0, 114, 178)
"""Colours of true positives, false positives and misses."""


def errors(levels: NDArray[np.uint8], gt: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a picture of a map's errors at level 128, in white, orange and blue.

    True positives are white, false positives orange, misses blue.

    Parameters
    ----------
    levels, gt
        ``(h, w)`` uint8 map and bool mask.

    Returns
    -------
    ``(h, w, 3)`` uint8.

    Examples
    --------
    >>> errors(np.array([[255, 255, 0, 0]], np.uint8), np.array([[True, False, True, False]])).tolist()
    [[[255, 255, 255], [213, 94, 0], [0, 114, 178], [0, 0, 0]]]
    """
    return errors_of(levels >= 128, gt)


def errors_of(found: NDArray[np.bool_], gt: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a picture of a binarised map's errors, in the colours of `errors`."""
    picture = np.zeros((*gt.shape, 3), np.uint8)
    picture[found & gt] = HIT
    picture[found & ~gt] = FALSE
    picture[~found & gt] = MISS
    return picture


def overlaid(levels: NDArray[np.uint8], photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the photo, darkened to a third where a map is black, ``(h, w, 3)`` uint8."""
    share = (levels[..., None].astype(np.float64) / 255 * 2 + 1) / 3
    return (photo * share).astype(np.uint8)


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
    inches, margin, gap = FIGURE_WIDTHS[width], 0.2, 0.04
    across = (inches - margin) / len(columns)
    fig = Figure()
    widest = max(text_width(fig, column, HEAD_SIZE) for column in columns)
    upright = widest > across - gap
    head = widest + 2 * gap if upright else 0.18
    heights = [(across - gap) * row.gt.shape[0] / row.gt.shape[1] for row in rows]
    high = head + sum(heights) + gap * len(rows)
    fig.set_size_inches(inches, high)
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
                ax.set_title(
                    columns[j], fontsize=HEAD_SIZE, pad=2, parse_math=False, rotation=90 if upright else 0
                )
        top -= height + gap
    return fig


def _picture(levels: NDArray[np.uint8], row: ShownImage, kind: str) -> NDArray[np.uint8]:
    if kind == "errors":
        return errors(levels, row.gt)
    return overlaid(levels, row.photo) if kind == "overlay" else levels
