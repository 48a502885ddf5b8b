"""The gallery of a report: photo, mask, maps and errors of the worst and the most disputed images.

Maps are shown as they are stored, before any normalisation; one whose levels are all low is stretched, and
says so. Errors are those of the stored map at level 128, as on the contact sheet of `sodbench worst`.
Pictures are made smaller, never larger.
"""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from math import isnan, nan
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.analysis.at_hand import AtHand, PictureFiles, picture_files
from sodbench.analysis.notable import Notable, NotableImage, notable, scored_unlike
from sodbench.analysis.pictures import of_files
from sodbench.data.images.thumbnails import data_uri, shrunk
from sodbench.errors import ScoresError, SodbenchError, first_few
from sodbench.metrics import METRICS, find_metric
from sodbench.metrics.parts import Metric
from sodbench.reports.figures.qualitative import FALSE, HIT, MISS, errors
from sodbench.reports.pages.page import environment
from sodbench.reports.pages.report.grouping import by_dataset
from sodbench.scoring.rows import ROW_NOTES
from sodbench.scoring.scores import Scores
from sodbench.utils.process import Progress, step_counter
from sodbench.utils.text import counted
from sodbench.utils.urls import PathOrUrl

COUNT, SIDE = 24, 160
"""How many images of each dataset, and the pixels of a picture's longer side, unless asked otherwise."""

MEGABYTE = 1_000_000
MAX_SIZE = 15 * MEGABYTE
"""Bytes of a page, unless asked otherwise."""

DARK = 64
"""A map whose highest level is lower would look black."""

LEGEND = (
    (HIT, "object found"),
    (FALSE, "background taken for object"),
    (MISS, "object missed"),
)

NO_PICTURES = (
    "{datasets}: the masks or maps that were scored are not here, so only numbers are shown. Give their "
    "places with --data DIR (or --masks DIR) and --maps DIR, and make the report again."
)


class Picture(NamedTuple):
    """A picture, or an empty place of its size.

    Parameters
    ----------
    uri
        The picture itself; empty: there is none.
    width, height
        In pixels.
    text
        What it shows, in words; why it is not there.
    """

    uri: str
    width: int
    height: int
    text: str


class GalleryMap(NamedTuple):
    """A method's map of an image, and what the errors are.

    Parameters
    ----------
    method
        Its name.
    value
        Of the metric; ``-`` where there is none.
    best
        Whether no other method's is better, as shown, and another's is worse.
    map, errors
        Pictures; None where no pictures are shown.
    note
        What differs from the stored map.
    """

    method: str
    value: str
    best: bool
    map: Picture | None
    errors: Picture | None
    note: str = ""


class Number(NamedTuple):
    """A value as text, and whether it is the best of its column, in which others are worse."""

    text: str
    best: bool


@dataclass(frozen=True, kw_only=True)
class GalleryItem:
    """An image of the gallery.

    Parameters
    ----------
    id
        Of its element.
    image, dataset
        Their names.
    disputed
        Its rank among the most disputed images; None: it is not one of them.
    why
        Why it was chosen.
    photo, mask
        Pictures; None where none are shown.
    maps
        One a method.
    numbers
        Method -> the values of all metrics shown.
    notes
        What the scores note of it.
    """

    id: str
    image: str
    dataset: str
    disputed: int | None
    why: str
    photo: Picture | None
    mask: Picture | None
    maps: tuple[GalleryMap, ...]
    numbers: Mapping[str, tuple[Number, ...]]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """What the gallery shows.

    Parameters
    ----------
    metric
        The metric by which images were chosen.
    metrics
        All whose numbers are shown.
    items
        The images, in the order in which they were chosen.
    left_out
        Names of images that had no room.
    room
        What says so; empty where there was room.
    said
        Sentences about what is not shown, or not as it was.
    notices
        What was not found or is not used, with paths: for the terminal.
    legend
        Colours and meanings.
    """

    metric: Metric
    metrics: tuple[Metric, ...]
    items: tuple[GalleryItem, ...]
    left_out: tuple[str, ...] = ()
    room: str = ""
    said: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    legend: tuple[tuple[str, str], ...] = tuple(
        (f"#{red:02x}{green:02x}{blue:02x}", meaning) for (red, green, blue), meaning in LEGEND
    )

    @property
    def groups(self) -> tuple[tuple[str, str, tuple[GalleryItem, ...]], ...]:
        """The id, title and images of each group that has any."""
        disputed = tuple(
            sorted((item for item in self.items if item.disputed), key=lambda i: i.disputed or 0)
        )
        worst = tuple(item for item in self.items if not item.disputed)
        groups = (("disputed", "Most disputed images", disputed), ("worst", "Worst images", worst))
        return tuple(group for group in groups if group[2])

    @property
    def pictures(self) -> bool:
        """Whether any picture is shown."""
        return any(item.mask for item in self.items)

    @property
    def html(self) -> str:
        """The section as it stands in the page."""
        return gallery_macro("gallery_section", self)


def gather_gallery(
    scores: Sequence[Scores],
    metric: str,
    metrics: Sequence[str] = (),
    *,
    count: int = COUNT,
    side: int = SIDE,
    budget: int = MAX_SIZE,
    max_size: int = MAX_SIZE,
    data: Path | None = None,
    masks: PathOrUrl | None = None,
    maps: PathOrUrl | None = None,
    called: Mapping[str, str] = MappingProxyType({}),
    progress: Progress | None = None,
) -> Gallery:
    """Choose images, and read their pictures as far as they are at hand and there is room.

    Parameters
    ----------
    scores
        Of methods on one dataset or more.
    metric
        Chooses the images, and stands under the maps.
    metrics
        Others whose numbers are shown, too.
    count
        Images of each dataset.
    side
        Pixels of a picture's longer side.
    budget
        Bytes that the section may take; `Gallery.html` is never longer, as long as its frame fits.
    max_size
        Bytes of the whole page, for the sentence that says what was left out.
    data, masks, maps, called
        See `sodbench.analysis.at_hand.picture_files`.
    progress
        Called with the number of images read, and their total.

    Raises
    ------
    MetricError
        A metric is unknown.
    ScoresError
        `count` is below 1.
    """
    main = find_metric(metric)
    others = tuple(METRICS[name] for name in metrics if name != main.id)
    chosen: list[list[_Chosen]] = []
    said: list[str] = []
    notices: list[str] = []
    without: list[str] = []
    for name, board in by_dataset(scores).items():
        try:
            of_board = notable(board, main.id, count)
        except ScoresError as error:
            if count < 1:
                raise
            said.append(f"{name}: {error}")
            continue
        in_memory = maps is None and not any(of_files(s) for s in board)
        shown = [one.image for one in of_board.images]
        files = None if in_memory else _files(board, shown, data, masks, maps, called, notices)
        said += _said(name, of_board, main)
        if in_memory:
            said.append(f"{name}: arrays in memory were scored, not files, so only numbers are shown.")
        elif files is None:
            without.append(name)
        elif not files.photos:
            said.append(f"{name}: no photos are here.")
        unlike = frozenset(m.id for m in (main, *others) if scored_unlike(board, m.id))
        chosen.append([_Chosen(board, image, files, unlike) for image in of_board.images])
    if without:
        said.append(NO_PICTURES.format(datasets=first_few(without)))
    queue = [one for turn in zip_longest(*chosen) for one in turn if one is not None]
    frame = Gallery(metric=main, metrics=(main, *others), items=(), said=tuple(said))
    room, step = budget - len(frame.html.encode()), step_counter(progress, len(queue))
    items: list[GalleryItem] = []
    for number, one in enumerate(queue, start=1):
        item = _item(f"gallery-{number}", one, frame.metrics, side)
        room -= len(gallery_macro("gallery_item", item, frame).encode())
        if room < 0:
            break
        items.append(item)
        step()
    for files in dict.fromkeys(one.files for one in queue if one.files):
        notices += files.notices
    gallery = replace(frame, items=tuple(items), notices=tuple(dict.fromkeys(notices)))
    return _within(gallery, [one.image.image for one in queue], budget, max_size)


class _Chosen(NamedTuple):
    board: Sequence[Scores]
    image: NotableImage
    files: PictureFiles | None
    unlike: frozenset[str]


def _files(
    board: Sequence[Scores],
    images: Sequence[str],
    data: Path | None,
    masks: PathOrUrl | None,
    maps: PathOrUrl | None,
    called: Mapping[str, str],
    notices: list[str],
) -> PictureFiles | None:
    """Find the pictures of a dataset; None where there are no masks or no maps."""
    try:
        files = picture_files(board, images, data, masks, maps, called)
    except SodbenchError as error:
        notices.append(str(error))
        return None
    if any(not isinstance(of_method, str) for of_method in files.maps.values()):
        return files
    notices += files.notices
    return None


def _said(dataset: str, chosen: Notable, metric: Metric) -> list[str]:
    said = [
        f"{dataset}: {metric.label} of {method} is undefined on {counted(len(images), 'image')}, not ranked: "
        f"{first_few(images)}."
        for method, images in chosen.undefined.items()
    ]
    if chosen.unlike:
        said.append(f"{dataset}: {chosen.unlike}; which images they dispute is not shown.")
    return said


def _within(gallery: Gallery, names: Sequence[str], budget: int, max_size: int) -> Gallery:
    """Leave out the last images until the section fits, and say which."""
    shown = len(gallery.items)
    while True:
        left_out = tuple(names[shown:])
        room = (
            f"{shown} of {counted(len(names), 'image')} {'is' if shown == 1 else 'are'} shown: the page's "
            f"limit of {max_size / MEGABYTE:g} MB leaves out {first_few(left_out, 12)}. Raise it with "
            "--max-size, or show smaller pictures with --thumbnails."
            if left_out
            else ""
        )
        fitted = replace(gallery, items=gallery.items[:shown], left_out=left_out, room=room)
        if shown == 0 or len(fitted.html.encode()) <= budget:
            return fitted
        shown -= 1


def _item(id_: str, chosen: _Chosen, metrics: Sequence[Metric], side: int) -> GalleryItem:
    board, (image, disputed, _, _), files, unlike = chosen
    numbers = _numbers(board, image, metrics, unlike)
    pictures = files.read(image) if files else None
    photo, mask = _photo_and_mask(image, pictures, side) if pictures else (None, None)
    if files and not files.photos:
        photo = None
    notes = dict.fromkeys(note for s in board if image in s.rows for note in s.table.bare(image).notes)
    return GalleryItem(
        id=id_,
        image=image,
        dataset=board[0].dataset_name,
        disputed=disputed,
        why=_why(chosen.image, metrics[0]),
        photo=photo,
        mask=mask,
        maps=tuple(
            _map(s.method, image, numbers[s.method][0], metrics[0], pictures, mask, side) for s in board
        ),
        numbers=numbers,
        notes=tuple(f"{ROW_NOTES[note]}{_of(board, image, note)}" for note in ROW_NOTES if note in notes),
    )


def _of(board: Sequence[Scores], image: str, note: str) -> str:
    """Name the methods that a note is of, where it is not of all."""
    of = [s.method for s in board if image in s.rows and note in s.table.bare(image).notes]
    return "" if len(of) == len(board) else f" ({first_few(of)})"


def _why(image: NotableImage, metric: Metric) -> str:
    why = []
    if image.disputed is not None and image.spread is not None:
        why.append(f"no. {image.disputed} by spread of {metric.label} ({metric.shown(image.spread)})")
    if image.worst:
        why.append("worst: " + first_few([f"no. {rank} of {method}" for method, rank in image.worst], 3))
    return "; ".join(why)


def _numbers(
    board: Sequence[Scores], image: str, metrics: Sequence[Metric], unlike: Collection[str]
) -> dict[str, tuple[Number, ...]]:
    """Return each method's values as text; of each metric that is not in `unlike` the best is marked."""
    columns = []
    for metric in metrics:
        values = [_value(s, image, metric.id) for s in board]
        texts = ["-" if isnan(value) else metric.shown(value) for value in values]
        signed = [float(text) * metric.sign for text in texts if text != "-"]
        best = max(signed) if len(set(signed)) > 1 and metric.id not in unlike else None
        columns.append([Number(text, text != "-" and float(text) * metric.sign == best) for text in texts])
    return {s.method: row for s, row in zip(board, zip(*columns, strict=True), strict=True)}


def _value(scores: Scores, image: str, metric: str) -> float:
    if metric not in scores.metrics or image not in scores.rows:
        return nan
    return float(scores.values(metric)[bisect_left(scores.ids, image)])


def _photo_and_mask(image: str, pictures: AtHand, side: int) -> tuple[Picture, Picture]:
    photo, gt = pictures.photo, pictures.gt
    if isinstance(gt, str):
        mask = Picture("", side, side * 2 // 3, f"{image}: {gt}")
    else:
        share = f"object on {gt.mean():.1%} of the image"
        mask = _picture(gt * np.uint8(255), side, f"Mask of {image}: {share}")
    if isinstance(photo, str):
        return Picture("", mask.width, mask.height, f"{image}: {photo}"), mask
    return _picture(photo, side, f"Photo {image}", photo=True), mask


def _map(
    method: str,
    image: str,
    value: Number,
    metric: Metric,
    pictures: AtHand | None,
    mask: Picture | None,
    side: int,
) -> GalleryMap:
    if pictures is None or mask is None:
        return GalleryMap(method, value.text, value.best, None, None)
    levels, gt = pictures.maps[method], pictures.gt
    if isinstance(levels, str) or isinstance(gt, str):
        absent = Picture("", mask.width, mask.height, f"{method} on {image}: {levels}")
        return GalleryMap(method, value.text, value.best, absent, absent)
    top = int(levels.max())
    stretched = 0 < top < DARK
    shown = (levels.astype(np.uint16) * 255 // top).astype(np.uint8) if stretched else levels
    said = f"stretched: its highest level is {top}" if stretched else ""
    text = f"Map of {method} on {image}, {metric.label} {value.text}"
    return GalleryMap(
        method,
        value.text,
        value.best,
        _picture(shown, side, f"{text}, {said}" if said else text),
        _picture(errors(levels, gt), side, f"Errors of {method} on {image}, {_shares(levels, gt)}"),
        said or ("all levels are 0" if top == 0 else ""),
    )


def _shares(levels: NDArray[np.uint8], gt: NDArray[np.bool_]) -> str:
    """Say how much of the object is found at level 128, and how much of what is found is background."""
    found = levels >= 128
    recall = f"{(found & gt).sum() / gt.sum():.0%} of the object found" if gt.any() else "no object"
    false = f"{(found & ~gt).sum() / found.sum():.0%}" if found.any() else "0%"
    return f"{recall}, {false} of what is found is background"


def _picture(pixels: NDArray[np.uint8], side: int, text: str, *, photo: bool = False) -> Picture:
    small = shrunk(pixels, side)
    return Picture(data_uri(small, photo=photo), small.shape[1], small.shape[0], text)


def gallery_macro(name: str, *values: object) -> str:
    """Return what a macro of the gallery's template makes of some values.

    Parameters
    ----------
    name
        Of the macro.
    values
        What it takes.
    """
    return str(getattr(environment().get_template("pages/gallery.html.jinja").module, name)(*values))
