"""Figures of many images: a contact sheet of the worst ones, and a metric by an attribute of the images."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics import METRICS
from sodbench.reports.figures.qualitative import errors
from sodbench.reports.figures.style import FIGURE_WIDTHS, add_legend, line_styles, new_figure, shown_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sodbench.analysis.breakdown import Breakdown
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

COLOURS_SAID = "Errors at level 128: found white, false positives orange, misses blue"

MARKERS = "osD^vP"

STAR: Mapping[str, Any] = {"color": "black", "marker": "*", "linestyle": "none", "markersize": 4.5}


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
    photos = any(one.photo is not None for one in pictures)
    titles = [*(["Image"] if photos else []), "Mask", *map(shown_name, names), "Errors"]
    width = FIGURE_WIDTHS["double"]
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
    for k, (one, found) in enumerate(zip(ranking.images, pictures, strict=False)):
        left, top = (k % across) * (block + BETWEEN), 3 * HEAD + (k // across) * step
        for j, picture in enumerate(_row(found, names, photos)):
            middle = left + (j + 0.5) * (cell + GAP)
            if k < across:
                ax.text(middle, 2.5 * HEAD, titles[j], **text, fontsize=6)
            if picture is not None:
                _place(ax, picture, middle, top + cell * BOX / 2, cell)
        ax.text(left, top + cell * BOX + CAPTION / 2, _caption(k, one), **(text | {"ha": "left"}), fontsize=6)
    return fig


def _title(ranking: "Ranking", shown: int) -> str:
    """Return the sheet's title, which says if it shows a part of the list."""
    return ranking.title + (f" (shown: {shown})" if shown < len(ranking.images) else "")


def _row(one: "Pictures", names: Sequence[str], photos: bool) -> list[NDArray[np.uint8] | None]:
    """List an image's pictures, as the titles name them; the last method is the one that is worst."""
    maps = [one.maps[name] for name in names]
    return [*([one.photo] if photos else []), one.gt * np.uint8(255), *maps, errors(maps[-1], one.gt)]


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


def _caption(k: int, one: "Ranked") -> str:
    values = f"{one.value:.3f}"
    if one.than is not None and one.difference is not None:
        values = f"{one.than:.3f} → {one.value:.3f} ({one.difference:+.3f})"
    return f"{k + 1}  {shown_name(one.image)}  {values}"


def draw_by_attribute(
    ax: "Axes", found: "Breakdown", styles: Mapping[str, Mapping[str, Any]] | None = None
) -> "Axes":
    """Draw a metric of methods group by group, with the 95 % interval of each.

    The number of images stands under each group. Of two methods, a star over a group says that the interval
    of their paired difference leaves out 0; it is narrower than the two intervals drawn suggest.

    Parameters
    ----------
    ax
        Where.
    found
        Of one dataset and metric.
    styles
        Of `point_styles`.
    """
    styles = styles or point_styles(found.methods)
    metric = METRICS[found.metric]
    apart = 0.6 / len(found.methods)
    for j, method in enumerate(found.methods):
        at = np.arange(len(found.groups)) + (j - (len(found.methods) - 1) / 2) * apart
        values = np.array([group.values[j] for group in found.groups])
        ends = [
            group.intervals[j] or (value, value) for group, value in zip(found.groups, values, strict=True)
        ]
        low, high = np.array(ends).T
        bars = np.array([values - low, high - values])
        ax.errorbar(at, values, np.maximum(bars, 0), label=shown_name(method), **styles[method])
    for k in _told_apart(found):
        ax.plot(k, 0.955, transform=ax.get_xaxis_transform(), **STAR)
    ax.set_xticks(range(len(found.groups)), [f"{group.label}\nn = {group.n}" for group in found.groups])
    ax.set_xlim(-0.5, len(found.groups) - 0.5)
    ax.margins(y=0.12)
    ax.grid(visible=False, axis="x")
    ax.set_ylabel(f"{metric.label} {'↑' if metric.higher_is_better else '↓'}")
    return ax


def _told_apart(found: "Breakdown") -> list[int]:
    """List the groups in which two methods are told apart; of more methods that would need more stars."""
    better = METRICS[found.metric].higher_is_better
    pair = len(found.methods) == 2
    return [k for k, group in enumerate(found.groups) if pair and group.ahead(better) is not None]


def point_styles(methods: Sequence[str], highlight: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Give every method a colour and a marker of its own, in the colours of `line_styles`."""
    return {
        method: {
            "color": style["color"],
            "marker": MARKERS[k % len(MARKERS)],
            "linestyle": "none",
            "markersize": 3.5,
            "elinewidth": 0.9,
            "capsize": 1.8,
        }
        for k, (method, style) in enumerate(line_styles(methods, highlight).items())
    }


def by_attribute_figure(found: Sequence["Breakdown"], width: str = "double") -> "Figure":
    """Return a figure with one panel a dataset and metric, and one legend.

    Parameters
    ----------
    found
        Of the same methods and attribute.
    width
        ``single`` or ``double`` column.
    """
    from sodbench.analysis.attributes import ATTRIBUTES

    styles = point_styles(found[0].methods)
    fig, axes = new_figure([one.dataset for one in found], width)
    for ax, one in zip(axes, found, strict=True):
        draw_by_attribute(ax, one, styles)
        ax.set_xlabel(ATTRIBUTES[one.attribute].meaning.capitalize())
    marks = ("color", "marker", "linestyle", "markersize")
    entries = {method: {key: style[key] for key in marks} for method, style in styles.items()}
    if any(_told_apart(one) for one in found):
        entries["interval of the difference leaves out 0"] = dict(STAR)
    add_legend(fig, entries)
    return fig
