"""What figures a method's maps have under any `Reading`, from stored rows or by one pass over the maps.

A metric of a dataset is made of *parts* of its images: their level histograms, or a pair of numbers such as
weighted precision and recall. A part depends on few fields of a reading, so that hundreds of readings share
some dozens of parts. Those that the stored rows hold need no image; the rest is computed in one pass that
decodes each mask and each map once. A mask rule is no matter for masks of 0 and 255 only.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.data.images.decoding import SaliencyMap
from sodbench.data.images.maps import binarise, mask_from, prediction_from, resized_mask
from sodbench.data.locations import Location
from sodbench.data.pairing import pair
from sodbench.data.sources import ImageFile
from sodbench.errors import DatasetError, PredictionError, ScoresError
from sodbench.metrics.emeasure import adaptive_e_from_levels, e_from_levels
from sodbench.metrics.fmeasure import adaptive_f_from_levels, f_from_pr, pr_from_found
from sodbench.metrics.histogram import (
    Counts,
    LevelCounts,
    Reals,
    found_counts,
    mean_level,
    normalised,
    quadrant_counts,
)
from sodbench.metrics.mae import mae_from_levels, soft_mae
from sodbench.metrics.relaxed_f import Outline, mask_outline, relaxed_pr_at, relaxed_pr_on
from sodbench.metrics.smeasure import centroid, s_from_halves, s_halves, sides
from sodbench.metrics.weighted_f import WeightedMask, weighted_f_from_pr, weighted_mask, weighted_pr_on
from sodbench.protocol import FIXED_SIZES, Protocol
from sodbench.protocol.conventions import Reading
from sodbench.scoring.scores import AT_ONCE, Scores
from sodbench.utils.process import Progress, cpus

_MASK = ("mask_threshold", "resize")
_P = ("normalise", "reciprocal", "eps")
_RELAX = ("rho", "relax_element", "relax_border", "relax_distance")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "levels": _MASK,
    "soft": ("resize", "normalise", "normalise_mae", "in_floats", "eps"),
    "s": (*_MASK, *_P, "s_centroid"),
    "w": (*_MASK, *_P),
    "fixed": (*_MASK, *_P, *_RELAX, "relax_threshold"),
    "adaptive": (*_MASK, *_P, *_RELAX),
    "maximum": (*_MASK, *_RELAX, "beta2"),
}
"""What each kind of part depends on; the last three are relaxed F's, by how it binarises."""

_LEVELS = ("normalise", "thresholds", "eps")
ACTING: Mapping[str, tuple[str, ...]] = {
    "max_f": (*_LEVELS, "average", "beta2"),
    "mean_f": (*_LEVELS, "average", "beta2"),
    "adp_f": (*_LEVELS, "beta2"),
    **dict.fromkeys(("max_e", "mean_e", "adp_e"), (*_LEVELS, "e_compare")),
    "s_measure": ("s_alpha",),
    "weighted_f": ("wf_beta2", "wf_empty"),
    "relax_f": ("beta2",),
}
"""What makes a metric of its parts; MAE apart, see `Rescorer`."""

STORED: Mapping[str, tuple[str, tuple[str, str]]] = {
    "s": ("s_measure", ("s_object", "s_region")),
    "w": ("weighted_f", ("w_precision", "w_recall")),
    "fixed": ("relax_f", ("r_precision", "r_recall")),
}
"""The kinds that rows hold where a metric was computed, and in which of their fields."""


FOUND_KEPT = 2
"""Sets of counts above each threshold that are kept, 20 MB each for 5,000 images; the base comes first."""

TIMED = 10
"""Images after which the time of a pass is foretold."""


class Part(NamedTuple):
    """A kind of part, and the values of `FIELDS` that it is made by."""

    kind: str
    values: tuple[object, ...]


@dataclass(frozen=True)
class Pixels:
    """Where the maps and masks of some scores lie."""

    entries: Sequence[ImageFile]
    location: Location
    strip: tuple[str, ...] = ()
    jobs: int | None = None


class Rescorer:
    """The figures of one method on one dataset under any reading.

    Parameters
    ----------
    scores
        Rows of all images; a missing map is an all-zero one.
    pixels
        Without it, readings that need the images have no figure.
    """

    def __init__(self, scores: Scores, pixels: Pixels | None = None) -> None:
        self.scores, self.pixels = scores, pixels
        notes = [scores.rows[image].notes for image in scores.ids]
        self._grey = np.array(["grey-mask" in one for one in notes])
        self._missing = np.array(["missing" in one for one in notes])
        self._there = sorted({*self._grey.tolist()})
        self._known: dict[tuple[bool, Part], NDArray[Any]] = {}
        self._found: dict[object, tuple[Counts, Counts]] = {}
        self._curves: dict[object, Reals] = {}
        self._values: dict[object, float] = {}

    def lacking(self, wanted: Iterable[tuple[str, Reading]]) -> dict[tuple[bool, Part], Protocol]:
        """Return the parts, of images with grey masks or of the others, that some figures lack."""
        found = {}
        for metric, reading in wanted:
            for kind in _kinds(metric, reading):
                for grey in self._groups(kind):
                    part = self._part(grey, kind, reading)
                    if (grey, part) not in self._known and not self._is_stored(part):
                        found[grey, part] = self._protocol(grey, reading)
        return found

    def compute(
        self,
        lacking: Mapping[tuple[bool, Part], Protocol],
        say: Callable[[str], None] = lambda line: None,
        progress: Progress | None = None,
    ) -> None:
        """Compute parts in one pass over the masks and maps; `say` is told how long that will take.

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
        paired = pair(self.pixels.entries, list(masks.values()), self.pixels.strip).pairs
        maps = {image: entry for image, entry, _ in paired}
        graded = self.pixels.location.dataset.grey_masks
        groups = {grey for grey, _ in lacking}
        start, done, total = time.perf_counter(), 0, int(np.isin(self._grey, [*groups]).sum())
        for group in groups:
            parts = {part: protocol for (grey, part), protocol in lacking.items() if grey == group}
            images = [image for image, grey in zip(self.scores.ids, self._grey, strict=True) if grey == group]
            work = partial(_parts_of, parts=parts, base=self.scores.protocol, graded=graded)
            rows = []
            with ThreadPoolExecutor(self.pixels.jobs or cpus()) as pool:
                for row in pool.map(work, [(masks[image], maps.get(image)) for image in images]):
                    rows.append(row)
                    done += 1
                    if done == TIMED:
                        left = (time.perf_counter() - start) / TIMED * (total - TIMED)
                        say(f"The pixels are needed again: about {left:.0f} s.")
                    if progress:
                        progress(done, total)
            self._known |= {(group, part): np.array([row[part] for row in rows]) for part in parts}

    def value(self, metric: str, reading: Reading) -> float:
        """Return a metric of the dataset, NaN where it is undefined on every image.

        Parts that are `lacking` must have been computed.
        """
        metric = reading.metric(metric)
        kinds = _kinds(metric, reading)
        parts = [self._part(grey, kind, reading) for kind in kinds for grey in self._groups(kind)]
        key = (metric, *parts, *self._acting(metric, reading.protocol), self._chosen(reading).tobytes())
        if key not in self._values:
            self._values[key] = self._value(metric, reading)
        return self._values[key]

    def _acting(self, metric: str, protocol: Protocol) -> list[object]:
        """Return what makes a metric of its parts; for MAE, what is no matter here is left out."""
        if metric != "mae":
            return [getattr(protocol, name) for name in ACTING[metric]]
        how = protocol.normalise if protocol.normalise_mae == "same" else protocol.normalise_mae
        soft = protocol.mask_mae if protocol.eps or self._grey.any() else ""
        return [how, how == "minmax" and protocol.in_floats, protocol.eps, soft]

    def _value(self, metric: str, reading: Reading) -> float:
        protocol = reading.protocol
        chosen = self._chosen(reading)
        if not chosen.any():
            return math.nan
        if metric not in ("s_measure", "weighted_f", "relax_f"):
            levels = self._column("levels", reading)
            levels = levels if chosen.all() else levels[chosen]
            return self._of_levels(metric, reading, LevelCounts(levels[:, 0], levels[:, 1]), chosen)
        one, two = self._column(_kinds(metric, reading)[0], reading)[chosen].T
        if metric == "s_measure":
            values = s_from_halves(one, two, protocol)
        elif metric == "weighted_f":
            values = weighted_f_from_pr(one, two, protocol)
        else:
            values = f_from_pr(one, two, protocol.change(eps=0))
        return _mean(values)

    def _of_levels(
        self, metric: str, reading: Reading, counts: LevelCounts, chosen: NDArray[np.bool_]
    ) -> float:
        protocol = reading.protocol
        if metric == "mae":
            values = mae_from_levels(counts, protocol)
            if "soft" in _kinds(metric, reading) and self._grey.any():
                values[self._grey[chosen]] = self._rows(True, "soft", reading)[chosen[self._grey], 0]
            return _mean(values)
        if metric == "adp_f":
            return _mean(adaptive_f_from_levels(counts, protocol))
        if metric == "adp_e":
            return _mean(adaptive_e_from_levels(counts, protocol))
        if metric in ("max_e", "mean_e"):
            curve = self._e_curve(counts, reading)
        else:
            curve = self._f_curve(counts, reading)
            if protocol.average == "mean-max" and metric == "max_f":
                return _mean(curve.max(axis=1))
            curve = curve if curve.ndim == 1 else curve.mean(axis=0)
        return float(curve.max() if metric.startswith("max") else curve.mean())

    def _f_curve(self, counts: LevelCounts, reading: Reading) -> Reals:
        """Return the dataset's F curve ``(K,)``, or those of its images where these are averaged."""
        protocol = reading.protocol
        key = self._levels_key(counts, reading)
        tp, fp = self._found.get(key) or found_counts(counts, protocol)
        if len(self._found) < FOUND_KEPT:
            self._found[key] = tp, fp
        positives = counts.fg.sum(axis=-1)[:, None]
        if protocol.average == "pooled":
            tp, fp, positives = (side.sum(axis=0) for side in (tp, fp, positives))
        precision, recall = pr_from_found(tp, fp, positives, protocol)
        if protocol.average == "mean-pr":
            precision, recall = precision.mean(axis=0), recall.mean(axis=0)
        return f_from_pr(precision, recall, protocol)

    def _e_curve(self, counts: LevelCounts, reading: Reading) -> Reals:
        """Return the dataset's E curve ``(K,)``, from some images at a time."""
        key = (*self._levels_key(counts, reading), reading.protocol.e_compare)
        if key not in self._curves:
            total = np.zeros(1)
            for start in range(0, len(counts.fg), AT_ONCE):
                some = LevelCounts(*(side[start : start + AT_ONCE] for side in counts))
                total = total + e_from_levels(some, reading.protocol).sum(axis=0)
            self._curves[key] = total / len(counts.fg)
        return self._curves[key]

    def _levels_key(self, counts: LevelCounts, reading: Reading) -> tuple[object, ...]:
        """Return all that the counts above each threshold depend on."""
        fields = (getattr(reading.protocol, name) for name in _LEVELS)
        images = () if len(counts.fg) == len(self._grey) else (reading.missing, reading.empty)
        return (*(self._part(grey, "levels", reading) for grey in self._groups("levels")), *fields, *images)

    def _chosen(self, reading: Reading) -> NDArray[np.bool_]:
        """Return which images count."""
        chosen = np.ones(len(self._grey), np.bool_)
        if reading.missing == "skip":
            chosen &= ~self._missing
        if reading.empty == "dropped":
            chosen &= self._column("levels", reading)[:, 0].any(axis=1)
        return chosen

    def _groups(self, kind: str) -> list[bool]:
        """Return which groups of images have a kind of part: those with grey masks, the others, or both."""
        return [grey for grey in self._there if grey or kind != "soft"]

    def _column(self, kind: str, reading: Reading) -> NDArray[Any]:
        """Return a part of all images, in the order of the scores' ids."""
        groups = {grey: self._rows(grey, kind, reading) for grey in self._groups(kind)}
        if len(groups) == 1:
            return next(iter(groups.values()))
        column = np.empty((len(self._grey), *groups[True].shape[1:]), groups[True].dtype)
        for grey, rows in groups.items():
            column[self._grey == grey] = rows
        return column

    def _rows(self, grey: bool, kind: str, reading: Reading) -> NDArray[Any]:
        key = grey, self._part(grey, kind, reading)
        if key not in self._known:
            rows = [self.scores.rows[image] for image in np.array(self.scores.ids)[self._grey == grey]]
            if kind == "levels":
                self._known[key] = np.array([(row.fg, row.bg) for row in rows]).astype(np.int64)
            else:
                names = ("soft_mae", "soft_mae") if kind == "soft" else STORED[kind][1]
                self._known[key] = np.array([[getattr(row, name) for name in names] for row in rows])
        return self._known[key]

    def _is_stored(self, part: Part) -> bool:
        base = self.scores.protocol
        if part != _part(part.kind, base):
            return False
        if part.kind == "soft":
            return base.mask_mae == "soft"
        return part.kind == "levels" or (part.kind in STORED and STORED[part.kind][0] in self.scores.metrics)

    def _protocol(self, grey: bool, reading: Reading) -> Protocol:
        rule = self.scores.protocol.mask_threshold
        return reading.protocol if grey else reading.protocol.change(mask_threshold=rule)

    def _part(self, grey: bool, kind: str, reading: Reading) -> Part:
        return _part(kind, self._protocol(grey, reading))


def _kinds(metric: str, reading: Reading) -> list[str]:
    """Return which kinds of parts a metric is made of."""
    metric = reading.metric(metric)
    kinds = [{"s_measure": "s", "weighted_f": "w", "relax_f": reading.relax_cut}.get(metric, "levels")]
    if metric == "mae" and reading.protocol.mask_mae == "soft":
        kinds.append("soft")
    if reading.empty == "dropped":
        kinds.append("levels")
    return kinds


def _part(kind: str, protocol: Protocol) -> Part:
    values = tuple(getattr(protocol, name) for name in FIELDS[kind])
    on_eps = "mask_threshold" in FIELDS[kind] and protocol.mask_threshold.startswith("norm")
    return Part(kind, (*values, protocol.eps) if on_eps else values)


def _mean(values: Reals) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else math.nan


class _View:
    """One map on its mask, binarised by one rule and at one size, and what several parts share of it."""

    def __init__(self, pred: NDArray[np.uint8], gt: NDArray[np.bool_], mask: NDArray[np.uint8]) -> None:
        self.pred, self.gt, self.mask = pred, gt, mask
        self._outlines: dict[object, Outline] = {}

    @cached_property
    def weighted(self) -> WeightedMask | None:
        return weighted_mask(self.gt)

    @cached_property
    def levels(self) -> LevelCounts:
        return sides(quadrant_counts(self.pred, self.gt, *self.gt.shape))

    def outline(self, protocol: Protocol) -> Outline:
        key = tuple(getattr(protocol, name) for name in _RELAX)
        if key not in self._outlines:
            self._outlines[key] = mask_outline(self.gt, protocol)
        return self._outlines[key]

    def numbers(self, kind: str, protocol: Protocol) -> tuple[Any, Any]:
        """Return one part."""
        if kind == "levels":
            return self.levels
        if kind == "soft":
            return soft_mae(self.pred, self.mask, protocol), math.nan
        p = normalised(self.levels, protocol)
        if kind == "w":
            return weighted_pr_on(self.weighted, self.pred, self.gt, p)
        if kind == "s":
            return s_halves(quadrant_counts(self.pred, self.gt, *centroid(self.gt, protocol.s_centroid)), p)
        outline = self.outline(protocol)
        if kind == "fixed":
            return relaxed_pr_on(outline, self.pred, p, protocol)
        total = self.levels.fg + self.levels.bg
        if kind == "adaptive":
            cuts = [int(np.searchsorted(p, min(2 * float(mean_level(total, p)), 1.0)))]
        else:
            cuts = np.flatnonzero(total).tolist()
        found = np.array([relaxed_pr_at(outline, self.pred, cut, protocol) for cut in cuts])
        best = int(np.argmax(f_from_pr(found[:, 0], found[:, 1], protocol.change(eps=0))))
        return found[best, 0], found[best, 1]


def _parts_of(
    entries: tuple[ImageFile, ImageFile | None], parts: Mapping[Part, Protocol], base: Protocol, graded: bool
) -> dict[Part, tuple[Any, Any]]:
    """Compute the parts of one image."""
    mask_entry, entry = entries
    mask = mask_from(
        mask_entry.content(DatasetError),
        mask_entry.where,
        rule=base.mask_threshold,
        eps=base.eps,
        graded=graded,
    )
    data = entry.content(PredictionError) if entry else b""
    views: dict[object, _View] = {}
    found = {}
    for part, protocol in parts.items():
        key = (protocol.mask_threshold, protocol.eps, protocol.resize)
        if key not in views:
            gt = binarise(mask.levels, protocol.mask_threshold, protocol.eps)
            sized = mask._replace(gt=gt)
            if size := FIXED_SIZES.get(protocol.resize):
                sized = resized_mask(sized, size)
            how = "bilinear" if size else base.resize
            pred = SaliencyMap(np.zeros(sized.gt.shape, np.uint8), ())
            if entry:
                pred = prediction_from(data, entry.where, shape=sized.gt.shape, resize=how)
            views[key] = _View(pred.levels, sized.gt, sized.levels)
        found[part] = views[key].numbers(part.kind, protocol)
    return found
