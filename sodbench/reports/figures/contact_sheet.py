"""Figures of many images: a contact sheet of the worst ones, and a metric by an attribute of the images."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics import METRICS
from sodbench.metrics.parts import Metric
from sodbench.reports.figures.qualitative import errors
from sodbench.reports.figures.style import FIGURE_WIDTHS, fitted_name, text_width
from sodbench.reports.worst import ranking_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sodbench.analysis.pictures import Pictures
    from sodbench.analysis.worst import Ranked, Ranking

PAGE = 24
"""Images on one sheet: with four pictures each they fill a printed page."""

SMALLEST = 0.68
"""Least width of a picture, in inches; it decides how many images stand side by side."""

BOX = 0.74
"""Height of a picture's box over its width; most photos fill it, upright ones are made narrower."""

HEAD, CAPTION, GAP, BETWEEN = 0.16, 0.14, 0.03, 0.16
"""Heights of column titles and captions, gaps of pictures and of images, in inches."""

COLOURS_SAID = "Errors at level 128: true positives white, false positives orange, misses blue"


def contact_sheet(ranking: "Ranking", pictures: Sequence["Pictures"]) -> "Figure":
    """Return a sheet of images: photo, mask, the other method's map if there is one, map and its errors.

    Parameters
    ----------
    ranking
        Whose first images are shown.
    pictures
        Of these images, in the same order. If no image has a photo there is no column of photos.
    """
    from matplotlib.figure import Figure

    names = [name for name in (ranking.than, ranking.method) if name]
    photos = any(image_pictures.photo is not None for image_pictures in pictures)
    titles = [*(["Image"] if photos else []), "Mask", *names, "Errors"]
    metric, width = METRICS[ranking.metric], FIGURE_WIDTHS["double"]
    across = min(len(pictures), int((width + BETWEEN) / (len(titles) * SMALLEST + BETWEEN)))
    down = -(-len(pictures) // across)
    block = min((width + BETWEEN) / across - BETWEEN, len(titles) * 2 * SMALLEST)
    cell = block / len(titles) - GAP
    step = cell * BOX + CAPTION + GAP
    high = 3 * HEAD + down * step
    fig = Figure(figsize=(width, high))
    ax = fig.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(high, 0))
    ax.set_axis_off()
    text: dict[str, Any] = {"ha": "center", "va": "center", "parse_math": False}
    for line, title in enumerate((_title(ranking, len(pictures)), COLOURS_SAID)):
        ax.text(0, (line + 0.5) * HEAD, title, **(text | {"ha": "left"}), fontsize=7 - line)
    for k, (ranked, image_pictures) in enumerate(zip(ranking.images, pictures, strict=False)):
        left, top = (k % across) * (block + BETWEEN), 3 * HEAD + (k // across) * step
        for j, picture in enumerate(_row(image_pictures, names, photos)):
            middle = left + (j + 0.5) * (cell + GAP)
            if k < across:
                ax.text(middle, 2.5 * HEAD, fitted_name(fig, titles[j], 6, cell), **text, fontsize=6)
            if picture is not None:
                _place(ax, picture, middle, top + cell * BOX / 2, cell)
        before, after = f"{k + 1}  ", f"  {_values(ranked, metric)}"
        caption = (
            before + fitted_name(fig, ranked.image, 6, block - text_width(fig, before + after, 6)) + after
        )
        ax.text(left, top + cell * BOX + CAPTION / 2, caption, **(text | {"ha": "left"}), fontsize=6)
    return fig


def _title(ranking: "Ranking", shown: int) -> str:
    """Return the sheet's title, which says if it shows a part of the list."""
    return ranking_title(ranking) + (f" (shown: {shown})" if shown < len(ranking.images) else "")


def _row(pictures: "Pictures", names: Sequence[str], photos: bool) -> list[NDArray[np.uint8] | None]:
    """List an image's pictures, as the titles name them; the last method is the one that is worst."""
    maps = [pictures.maps[name] for name in names]
    return [
        *([pictures.photo] if photos else []),
        pictures.gt * np.uint8(255),
        *maps,
        errors(maps[-1], pictures.gt),
    ]


def _place(ax: "Axes", picture: NDArray[np.uint8], x: float, y: float, cell: float) -> None:
    """Draw a picture as large as fits its box."""
    height, width = picture.shape[:2]
    scale = min(cell / width, cell * BOX / height) / 2
    extent = (x - width * scale, x + width * scale, y + height * scale, y - height * scale)
    limits = ax.get_xlim(), ax.get_ylim()
    ax.imshow(picture, cmap="gray", vmin=0, vmax=255, extent=extent, aspect="auto")
    ax.set(xlim=limits[0], ylim=limits[1])
    left, right, bottom, top = extent
    frame = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    ax.plot(*zip(*frame, strict=True), color="#888888", linewidth=0.3)


def _values(ranked: "Ranked", metric: Metric) -> str:
    value = metric.shown(ranked.value, 3)
    if ranked.than is None or ranked.difference is None:
        return value
    return f"{metric.shown(ranked.than, 3)} → {value} ({metric.shown(ranked.difference, 3, signed=True)})"
