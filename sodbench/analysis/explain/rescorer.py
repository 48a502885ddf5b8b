"""Figures of a method's maps under any `Reading`, from stored rows or by one pass over the maps.

A metric of a dataset is made of *pieces* of its images: their level histograms, or the statistics of a
family, such as weighted precision and recall. A piece depends on few fields of a reading, so that hundreds of
readings share some dozens of pieces. Those that the stored rows hold need no image; the rest is computed in
one pass that decodes each mask and each map once. A mask rule does not matter for masks of 0 and 255 only.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sodbench.data.images.decoding import SaliencyMap
from sodbench.data.images.maps import binarise, mask_from, prediction_from, resized_mask
from sodbench.data.locations import Location
from sodbench.data.pairing import pair
from sodbench.data.sources import ImageFile, seen_from
from sodbench.errors import DatasetError, PredictionError, ScoresError
from sodbench.metrics import METRICS, PARTS, family_of, part_of
from sodbench.metrics.histogram import (
    Above,
    Counts,
    LevelCounts,
    Reals,
    centroid,
    normalised,
    quadrant_counts,
    sides,
)
from sodbench.metrics.parts import COUNTING, MASK, THRESHOLDS, Curve, Images, MapOnMask, Part, Statistics
from sodbench.protocol import Protocol, fixed_size
from sodbench.protocol.conventions import Reading
from sodbench.scoring.counting import Counting
from sodbench.scoring.levels import AT_ONCE
from sodbench.scoring.scores import Scores
from sodbench.utils.executors import Workers, streamed
from sodbench.utils.process import Progress

LEVELS = "levels"
"""The kind of piece that every part can be made of; other kinds are a family and a way of its statistics."""

ABOVE_KEPT = 1
"""Sets of counts above each threshold that are kept, 10 MB each for 5,000 images; the base comes first.

Threads that collected more at once would each hold a set.
"""

TIMED = 10
"""Images after which the time of a pass is estimated."""


Places: TypeAlias = NDArray[np.intp]
"""Of some images in the order of the scores' ids."""


class Piece(NamedTuple):
    """What is kept of every image for some metrics, and the values of the fields that it is made by.

    `kind` is `LEVELS`, or the family whose statistics they are and the way in which they are made.
    """

    kind: str
    values: tuple[object, ...]


@dataclass(frozen=True)
class Pixels:
    """The location of the maps and masks of some scores, and where to compute; by default threads."""

    entries: Sequence[ImageFile]
    location: Location
    strip: tuple[str, ...] = ()
    loose: bool = False
    jobs: int | None = None
    workers: Workers | None = None


class Rescorer:
    """The figures of one method on one dataset under any reading.

    Parameters
    ----------
    scores
        Rows of all images; a missing map is an all-zero one.
    pixels
        Without them, readings that need the images have no figure.
    """

    def __init__(self, scores: Scores, pixels: Pixels | None = None) -> None:
        self.scores, self.pixels = scores, pixels
        notes = scores.table.notes
        self._grey = np.array(["grey-mask" in image_notes for image_notes in notes])
        self._missing = np.array(["missing" in image_notes for image_notes in notes])
        self._groups_present = sorted({*self._grey.tolist()})
        self._place = np.where(self._grey, self._grey.cumsum(), (~self._grey).cumsum()) - 1
        self._known: dict[tuple[bool, Piece], NDArray[Any]] = {}
        self._above: dict[object, list[Above]] = {}
        self._values: dict[object, float] = {}

    def lacking(self, wanted: Iterable[tuple[str, Reading]]) -> dict[tuple[bool, Piece], Protocol]:
        """Return the pieces, of images with grey masks or of the others, that some figures lack."""
        pieces = {}
        for metric, reading in wanted:
            for kind in _kinds(reading.metric(metric), reading):
                for grey in self._groups(kind):
                    piece = self._piece(grey, kind, reading)
                    if (grey, piece) not in self._known and not self._is_stored(piece):
                        pieces[grey, piece] = self._protocol(grey, reading)
        return pieces

    def compute(
        self,
        lacking: Mapping[tuple[bool, Piece], Protocol],
        say: Callable[[str], None] = lambda line: None,
        progress: Progress | None = None,
    ) -> None:
        """Compute pieces in one pass over the masks and maps; `say` gets an estimate of the time.

        Raises
        ------
        ScoresError
            The images are not at hand.
        DatasetError, PredictionError
            A mask or a map cannot be read.
        """
        if self.pixels is None:
            raise ScoresError(
                f"{self.scores.method}: stored scores do not suffice, give the maps themselves."
            )
        masks = {mask.stem: mask for mask in self.pixels.location.mask_files}
        pixels = self.pixels
        paired = pair(pixels.entries, list(masks.values()), pixels.strip, loose=pixels.loose).pairs
        maps = {image: entry for image, entry, _ in paired}
        graded = self.pixels.location.dataset.grey_masks
        groups = {grey for grey, _ in lacking}
        start, done, total = time.perf_counter(), 0, int(np.isin(self._grey, [*groups]).sum())
        for group in groups:
            pieces = {piece: protocol for (grey, piece), protocol in lacking.items() if grey == group}
            images = [image for image, grey in zip(self.scores.ids, self._grey, strict=True) if grey == group]
            work = partial(
                _pieces_of,
                pieces=pieces,
                base=self.scores.protocol,
                graded=graded,
                directory=str(Path.cwd()),
            )
            tasks = [(image, masks[image], maps.get(image)) for image in images]
            places = {image: place for place, image in enumerate(images)}
            columns: dict[Piece, NDArray[Any]] = {}
            with ExitStack() as stack:
                workers = pixels.workers or stack.enter_context(Workers("threads", pixels.jobs))
                for (image, _, _), row in streamed(workers.executor(len(tasks)), work, tasks):
                    for piece, numbers in row.items():
                        if piece not in columns:
                            columns[piece] = np.empty((len(images), *np.shape(numbers)), _dtype(piece))
                        columns[piece][places[image]] = numbers
                    done += 1
                    if done == TIMED:
                        left = (time.perf_counter() - start) / TIMED * (total - TIMED)
                        if left >= 1:
                            say(f"Reading the images again (about {left:.0f} s).")
                    if progress:
                        progress(done, total)
            self._known |= {(group, piece): column for piece, column in columns.items()}

    def value(self, metric: str, reading: Reading) -> float:
        """Return a metric of the dataset, NaN where it is undefined on every image.

        Pieces that are `lacking` must have been computed.
        """
        name = reading.metric(metric)
        kinds = _kinds(name, reading)
        pieces = [self._piece(grey, kind, reading) for kind in kinds for grey in self._groups(kind)]
        acting = [getattr(reading.protocol, field) for field in _acting(name)]
        key = (name, *pieces, *acting, np.packbits(self._chosen(reading)).tobytes())
        if key not in self._values:
            self._values[key] = self._value(name, reading)
        return self._values[key]

    def _value(self, name: str, reading: Reading) -> float:
        protocol, metric, part = reading.protocol, METRICS[name], part_of(name)
        chosen = np.flatnonzero(self._chosen(reading))
        if not len(chosen):
            return math.nan
        ids = self.scores.ids
        counting = Counting([ids[k] for k in chosen.tolist()], protocol)
        if metric.curve and not metric.by_image(protocol):
            return float(metric.reduced(self._curve(part.curves[metric.curve], reading, chosen, counting)))
        values = []
        if metric.values:
            numbers = self._numbers(name, reading)
            for some in _some(chosen):
                levels = self._levels(reading, some)
                images = Images(levels, {each: column[some] for each, column in numbers.items()})
                values.append(counting.values(metric.values(images, protocol), levels))
        else:
            curve = part.curves[metric.curve]
            for some, above in self._counts(curve, reading, chosen):
                own = metric.reduced(curve.of_images(above, protocol))
                values.append(own if counting.plain else counting.values(own, self._levels(reading, some)))
        return counting.mean(np.concatenate(values))

    def _numbers(self, name: str, reading: Reading) -> dict[str, Reals]:
        """Return the statistics that a metric's values are made of, of all images."""
        kinds = _kinds(name, reading)
        numbers: dict[str, Reals] = {}
        if stored := _stored_way(part_of(name), reading):
            numbers = {each: np.full(len(self._grey), np.nan) for each in stored.names}
            kind = _kind(family_of(name), part_of(name), reading)
            for grey in self._groups(kind) if kind in kinds else ():
                for each, column in zip(stored.names, self._rows(grey, kind, reading).T, strict=True):
                    numbers[each][self._grey == grey] = column
        return numbers

    def _levels(self, reading: Reading, images: Places) -> LevelCounts:
        """Return the histograms of some images, which are few."""
        levels = np.empty((len(images), 2, 256), np.int64)
        for grey in self._groups_present:
            there = self._grey[images] == grey
            levels[there] = self._rows(grey, LEVELS, reading)[self._place[images[there]]]
        return LevelCounts(levels[:, 0], levels[:, 1])

    def _counts(self, curve: Curve, reading: Reading, chosen: Places) -> Iterator[tuple[Places, Above]]:
        """Yield some images and their pixels above each threshold; those of the first reading are kept."""
        protocol = reading.protocol
        cut = curve.cut(protocol)
        fields = (getattr(protocol, name) for name in THRESHOLDS)
        images = () if len(chosen) == len(self._grey) else (reading.missing, reading.empty)
        pieces = (self._piece(grey, LEVELS, reading) for grey in self._groups(LEVELS))
        key = (*pieces, *fields, cut, *images)
        if key in self._above:
            yield from zip(_some(chosen), self._above[key], strict=True)
            return
        kept = []
        for some in _some(chosen):
            above = cut(self._levels(reading, some), protocol)
            if len(self._above) < ABOVE_KEPT and above.tp.shape[-1] > 1:
                kept.append(above)
            yield some, above
        if len(kept) == len(range(0, len(chosen), AT_ONCE)) and len(self._above) < ABOVE_KEPT:
            self._above[key] = kept

    def _curve(self, curve: Curve, reading: Reading, chosen: Places, counting: Counting) -> Reals:
        """Return the dataset's curve ``(K,)``, from some images at a time."""
        protocol = reading.protocol
        averaged, total, done = curve.averaged(protocol), None, 0
        for some, above in self._counts(curve, reading, chosen):
            columns = averaged.columns(above, protocol)
            if not counting.plain:
                columns = counting.columns(columns, averaged, self._levels(reading, some))
            if not counting.grouped:
                columns = columns.sum(axis=0, keepdims=True)
            total = counting.added(total, columns, done)
            done += len(some)
        assert total is not None
        return counting.curve(averaged, total)

    def _chosen(self, reading: Reading) -> NDArray[np.bool_]:
        """Return which images count."""
        chosen = np.ones(len(self._grey), np.bool_)
        if reading.missing == "skip":
            chosen &= ~self._missing
        if reading.empty == "dropped":
            for grey in self._groups_present:
                chosen[self._grey == grey] &= self._rows(grey, LEVELS, reading)[:, 0].any(axis=1)
        return chosen

    def _groups(self, kind: str) -> list[bool]:
        """Return which groups of images have a kind of piece: those with grey masks, the others, or both."""
        grey_only = kind != LEVELS and _way(kind).grey_only
        return [grey for grey in self._groups_present if grey or not grey_only]

    def _rows(self, grey: bool, kind: str, reading: Reading) -> NDArray[Any]:
        """Return a piece of a group's images, in the order of the scores' ids."""
        key = grey, self._piece(grey, kind, reading)
        if key not in self._known:
            table, here = self.scores.table, np.flatnonzero(self._grey == grey)
            if kind == LEVELS:
                self._known[key] = table.levels.pairs(here)
            else:
                self._known[key] = np.stack([table.numbers[name][here] for name in _way(kind).names], axis=1)
        return self._known[key]

    def _is_stored(self, piece: Piece) -> bool:
        """Tell whether the rows hold a piece: made as the scores were, and asked for then."""
        base = self.scores.protocol
        if piece != _piece(piece.kind, base):
            return False
        if piece.kind == LEVELS:
            return True
        family, way = piece.kind.split(":")
        part = PARTS[family]
        return (
            not way
            and part.statistics is not None
            and part.statistics.applies(base)
            and any(metric.id in self.scores.metrics for metric in part.metrics)
        )

    def _protocol(self, grey: bool, reading: Reading) -> Protocol:
        rule = self.scores.protocol.mask_threshold
        return reading.protocol if grey else reading.protocol.change(mask_threshold=rule)

    def _piece(self, grey: bool, kind: str, reading: Reading) -> Piece:
        return _piece(kind, self._protocol(grey, reading))


def _some(places: Places) -> Iterator[Places]:
    """Yield some places at a time."""
    return (places[start : start + AT_ONCE] for start in range(0, len(places), AT_ONCE))


def _dtype(piece: Piece) -> type[np.uint32 | np.float64]:
    return np.uint32 if piece.kind == LEVELS else np.float64


def _kind(family: str, part: Part, reading: Reading) -> str:
    """Name the statistics of a part, and the way in which a reading makes them."""
    way = getattr(reading, part.way) if part.way else ""
    return f"{family}:{way if way in part.ways else ''}"


def _way(kind: str) -> Statistics:
    """Return the statistics of a kind."""
    family, way = kind.split(":")
    stored = PARTS[family].ways[way] if way else PARTS[family].statistics
    assert stored is not None
    return stored


def _stored_way(part: Part, reading: Reading) -> Statistics | None:
    return None if part.statistics is None else _way(_kind(_family(part), part, reading))


def _family(part: Part) -> str:
    return family_of(part.metrics[0].id)


def _kinds(metric: str, reading: Reading) -> list[str]:
    """Return which kinds of pieces a metric is made of."""
    part = part_of(metric)
    if part.statistics and part.statistics.applies(reading.protocol):
        return [LEVELS, _kind(_family(part), part, reading)]
    return [LEVELS]


def _acting(metric: str) -> tuple[str, ...]:
    """Return what makes a metric of its pieces."""
    part = part_of(metric)
    curve = METRICS[metric].curve
    return (*COUNTING, *METRICS[metric].depends, *(part.curves[curve].depends if curve else ()))


def _piece(kind: str, protocol: Protocol) -> Piece:
    fields = MASK if kind == LEVELS else _way(kind).fields
    values = tuple(getattr(protocol, name) for name in fields)
    on_eps = "mask_threshold" in fields and protocol.mask_threshold.startswith("norm")
    return Piece(kind, (*values, protocol.eps) if on_eps else values)


class _View:
    """One map on its mask, binarised by one rule and at one size, and what several pieces share of it."""

    def __init__(self, pred: NDArray[np.uint8], gt: NDArray[np.bool_], mask: NDArray[np.uint8]) -> None:
        self.pred, self.gt, self.mask = pred, gt, mask
        self._counted: dict[str, tuple[Counts, LevelCounts]] = {}
        self._work: dict[object, Any] = {}

    def counted(self, rounding: str) -> tuple[Counts, LevelCounts]:
        if rounding not in self._counted:
            quadrants = quadrant_counts(self.pred, self.gt, *centroid(self.gt, rounding))
            self._counted[rounding] = quadrants, sides(quadrants)
        return self._counted[rounding]

    def numbers(self, kind: str, protocol: Protocol) -> tuple[Any, ...]:
        """Return one piece."""
        quadrants, levels = self.counted(protocol.s_centroid)
        if kind == LEVELS:
            return levels
        stored = _way(kind)
        p = normalised(levels, protocol)
        pair = MapOnMask(self.pred, self.gt, self.mask, quadrants, levels, p)
        key = kind.partition(":")[0], *(getattr(protocol, name) for name in stored.mask_depends)
        if key not in self._work:
            self._work[key] = stored.of_mask(self.gt, protocol)
        return stored.of_map(self._work[key], pair, protocol)


def _pieces_of(
    task: tuple[str, ImageFile, ImageFile | None],
    pieces: Mapping[Piece, Protocol],
    base: Protocol,
    graded: bool,
    directory: str,
) -> dict[Piece, tuple[Any, ...]]:
    """Compute the parts of one image."""
    _, mask_entry, entry = task
    mask = mask_from(
        seen_from(mask_entry, directory).content(DatasetError),
        mask_entry.where,
        rule=base.mask_threshold,
        eps=base.eps,
        graded=graded,
    )
    data = seen_from(entry, directory).content(PredictionError) if entry else b""
    views: dict[object, _View] = {}
    computed = {}
    for piece, protocol in pieces.items():
        key = (protocol.mask_threshold, protocol.eps, protocol.resize)
        if key not in views:
            gt = binarise(mask.levels, protocol.mask_threshold, protocol.eps)
            sized = mask._replace(gt=gt)
            if size := fixed_size(protocol.resize):
                sized = resized_mask(sized, size)
            how = "bilinear" if size else base.resize
            pred = SaliencyMap(np.zeros(sized.gt.shape, np.uint8), ())
            if entry:
                pred = prediction_from(data, entry.where, shape=sized.gt.shape, resize=how)
            views[key] = _View(pred.levels, sized.gt, sized.levels)
        computed[piece] = views[key].numbers(piece.kind, protocol)
    return computed
