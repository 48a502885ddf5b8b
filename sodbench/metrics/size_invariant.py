"""Size-invariant F and MAE: how well is each object found, a small one counting as much as a large one?

Li, Xu, Bao, Yang, Cong, Cao, Huang: Size-invariance Matters, ICML 2024, doi:10.48550/arXiv.2405.09782.

    targets: 4-connected components of the mask of 50 pixels or more; if there is none, all of the largest
    area; K targets, each with its bounding box; B pixels in no box; alpha = B / (N - B)
    SI-maxF, SI-meanF = mean over targets of the maximum, of the mean over thresholds, of F of the map and
    the mask that are 0 outside the target's box
    SI-MAE = (sum over boxes of mean |p - g| + alpha * mean |p - g| in no box) / (K + alpha)

The authors' program prints F both ways, as the maximum and as the mean.

*Conventions.* As ``pysodmetrics`` has them. F is that of `sodbench.metrics.fmeasure`, by the protocol's own
normalisation, thresholds and beta2; the whole image counts, so the threshold 0 finds all of it. The values
of a dataset are the means of its images'.

``si_metric`` of `Protocol.si_convention` is the authors' program, SI_Metric, without its resizing to
384x384. Of components below 50 pixels only the first, by rows, is a target. For F: min-max (a flat map is
1), 100 thresholds from 0 to 1 in single precision, 1 is added to the denominators of P and R. For MAE: p =
level / 255, and the divisor is K + 1 + alpha where B > 0, else K. This is its formula for boxes: with three
targets or more, or boxes that overlap, the program itself takes other regions for F.

*Edge cases.* Empty mask: the whole image is the one target, so F is 0. Full mask, or boxes that leave no
pixel out (``pysodmetrics`` fails, or gives NaN): there is no background term, alpha = 0. Any number of
targets (``pysodmetrics`` fails from 64 on).

*Cost.* A level histogram of each target's box and of what lies in none, for each map: at 481x321 pixels
about twice as long as counting the histograms of the whole image, which is all that MAE needs.

*Revisions.* 1: first.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.fmeasure import f_from_pr, pr_above
from sodbench.metrics.histogram import (
    Above,
    Counts,
    LevelCounts,
    Reals,
    check_pair,
    level_counts,
    level_range,
    n_thresholds,
    normalised,
    thresholds_passed,
)
from sodbench.metrics.parts import SHARE, Images, MapOnMask, Metric, P, Part, Statistics
from sodbench.metrics.runs import object_runs
from sodbench.protocol import Protocol
from sodbench.utils.kernels import kernel

LEAST_AREA = 50
"""Pixels of the smallest component that is a target of its own."""

SI_METRIC_THRESHOLDS = 100
"""Number of SI_Metric's thresholds."""

AT_ONCE = 256
"""Targets whose histograms are in memory at one time."""


@kernel
def _root(parents, k):  # type: ignore[no-untyped-def]
    """Return the first run of a run's component."""
    while parents[k] != k:
        parents[k] = parents[parents[k]]
        k = parents[k]
    return k


@kernel
def _join(runs, parents):  # type: ignore[no-untyped-def]
    """Link runs that touch along a row's edge, each component to its first run."""
    above = 0
    for k in range(len(runs)):
        row, first, end = runs[k, 0], runs[k, 1], runs[k, 2]
        parents[k] = k
        while above < k and (
            runs[above, 0] < row - 1 or (runs[above, 0] == row - 1 and runs[above, 2] <= first)
        ):
            above += 1
        other = above
        while other < k and runs[other, 0] == row - 1 and runs[other, 1] < end:
            a, b = _root(parents, other), _root(parents, k)
            if a < b:
                parents[b] = a
            else:
                parents[a] = b
            other += 1


@kernel
def _measure(runs, parents, areas, boxes):  # type: ignore[no-untyped-def]
    """Fill area and bounding box of each component at its first run; the areas of other runs are 0."""
    for k in range(len(runs)):
        row, first, end = runs[k, 0], runs[k, 1], runs[k, 2]
        root = _root(parents, k)
        box = boxes[root]
        if areas[root] == 0:
            box[0], box[2], box[3] = row, first, end
        areas[root] += end - first
        box[1] = row + 1
        box[2], box[3] = min(box[2], first), max(box[3], end)


@kernel
def _count_in_boxes(pred, gt, boxes, counts):  # type: ignore[no-untyped-def]
    for k in range(len(boxes)):
        outside, inside = counts[k, 0], counts[k, 1]
        for row in range(boxes[k, 0], boxes[k, 1]):
            levels, line = pred[row], gt[row]
            for col in range(boxes[k, 2], boxes[k, 3]):
                if line[col]:
                    inside[levels[col]] += 1
                else:
                    outside[levels[col]] += 1


@kernel
def _count_elsewhere(pred, gt, covered, counts):  # type: ignore[no-untyped-def]
    height, width = pred.shape
    for row in range(height):
        levels, line, boxed = pred[row], gt[row], covered[row]
        for col in range(width):
            counts[np.int64(line[col]), levels[col]] += not boxed[col]


class Targets(NamedTuple):
    """The objects of a mask: boxes ``(K, 4)`` top, bottom, left, right; ``(h, w)`` pixels that lie in one."""

    boxes: NDArray[np.int32]
    covered: NDArray[np.bool_]


def si_f(pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net") -> float:
    """Return the mean over a mask's objects of max F in the object's box.

    Parameters
    ----------
    pred, gt
        ``(h, w)`` uint8 levels and bool mask.
    protocol
        A preset's name, a signature, or a Protocol.

    Examples
    --------
    >>> gt = np.zeros((40, 40), bool)
    >>> gt[:8, :8] = gt[20:40, 20:40] = True
    >>> pred = gt * np.uint8(255)
    >>> pred[:8, :8] = 0
    >>> round(si_f(pred, gt), 4), round(si_f(pred, gt, protocol=Protocol(si_convention="si_metric")), 4)
    (0.5257, 0.5244)
    """
    return _of_pair(pred, gt, protocol)[0]


def si_mean_f(pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net") -> float:
    """Return the mean over a mask's objects of mean F in the object's box; see `si_f`.

    >>> gt = np.eye(9, dtype=bool)
    >>> si_mean_f(gt * np.uint8(255), gt, protocol="pysodmetrics") > 0.99
    True
    """
    return _of_pair(pred, gt, protocol)[1]


def si_mae(pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net") -> float:
    """Return the mean absolute error of one map in each object's box and outside all; see `si_f`.

    >>> gt = np.zeros((40, 40), bool)
    >>> gt[:8, :8] = gt[20:40, 20:40] = True
    >>> pred = gt * np.uint8(255)
    >>> pred[:8, :8] = 0
    >>> round(si_mae(pred, gt), 6)  # 1 / (2 + 1136 / 464)
    0.224806
    """
    return _of_pair(pred, gt, protocol)[2]


def components(gt: NDArray[np.bool_]) -> tuple[Counts, NDArray[np.int32]]:
    """Return areas ``(n,)`` and boxes ``(n, 4)`` of a mask's 4-connected components, in the order of rows.

    Examples
    --------
    >>> areas, boxes = components(np.array([[True, False, True], [True, True, False]]))
    >>> areas.tolist(), boxes.tolist()
    ([3, 1], [[0, 2, 0, 2], [0, 1, 2, 3]])
    """
    runs = object_runs(gt)
    parents = np.empty(len(runs), np.int64)
    areas, boxes = np.zeros(len(runs), np.int64), np.empty((len(runs), 4), np.int32)
    _join(runs, parents)
    _measure(runs, parents, areas, boxes)
    return areas[areas > 0], boxes[areas > 0]


def targets(gt: NDArray[np.bool_], protocol: Protocol) -> Targets:
    """Return the objects of a mask; of an empty mask, the whole image is the one target."""
    areas, boxes = components(gt)
    if len(boxes) == 0:
        boxes = np.array([[0, gt.shape[0], 0, gt.shape[1]]], np.int32)
    elif areas.max() >= LEAST_AREA:
        boxes = boxes[areas >= LEAST_AREA]
    elif protocol.si_convention == "si_metric":
        boxes = boxes[:1]
    else:
        boxes = boxes[areas == areas.max()]
    covered = np.zeros(gt.shape, np.bool_)
    for top, bottom, left, right in boxes.tolist():
        covered[top:bottom, left:right] = True
    return Targets(boxes, covered)


def size_invariant(
    mask: Targets, pred: NDArray[np.uint8], gt: NDArray[np.bool_], levels: LevelCounts, protocol: Protocol
) -> tuple[float, float, float]:
    """Return SI-maxF, SI-meanF and SI-MAE of a map.

    Parameters
    ----------
    mask
        `targets` of `gt`.
    pred, gt
        ``(h, w)`` uint8 levels and bool mask.
    levels
        The two level histograms, ``(256,)`` each.
    protocol
        What F depends on, and its `si_convention`.
    """
    own = protocol.si_convention == "si_metric"
    p = np.arange(256) / 255 if own else normalised(levels, protocol)
    first, at_zero = _si_metric_levels(levels) if own else _first_levels_reaching(levels, protocol)
    best, average, error = 0.0, 0.0, 0.0
    for k in range(0, len(mask.boxes), AT_ONCE):
        counts = np.zeros((len(mask.boxes[k : k + AT_ONCE]), 2, 256), np.int64)
        _count_in_boxes(pred, gt, mask.boxes[k : k + AT_ONCE], counts)
        curves = _f_curves(counts, pred.size, first, at_zero, protocol)
        best += float(curves.max(axis=1).sum())
        average += float(curves.mean(axis=1).sum())
        error += float((_errors(counts, p) / counts.sum(axis=(1, 2))).sum())
    n = len(mask.boxes)
    elsewhere = np.zeros((2, 256), np.int64)
    _count_elsewhere(pred, gt, mask.covered, elsewhere)
    background = int(elsewhere.sum())
    ratio = background / (pred.size - background)
    error += float(_errors(elsewhere, p)) / (pred.size - background)
    return best / n, average / n, error / (n + ratio + (own and background > 0))


def _f_curves(counts: Counts, size: int, first: Counts, at_zero: Counts, protocol: Protocol) -> Reals:
    """Return the F curves of targets, ``(K, thresholds)``, from their boxes' counts ``(K, 2, 256)``.

    `first` are the lowest levels that reach each threshold; `at_zero` is 1 where p = 0, as outside, does.
    """
    above = np.zeros((*counts.shape[:2], 257), np.int64)
    above[..., :256] = np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1]
    fp, tp = np.moveaxis(above[..., first], 1, 0)
    inside, outside = counts[:, 1].sum(axis=-1, keepdims=True), counts[:, 0].sum(axis=-1, keepdims=True)
    fp = fp + at_zero * (size - inside - outside)
    if protocol.si_convention == "si_metric":
        return f_from_pr(tp / (tp + fp + 1), tp / (inside + 1), protocol.change(eps=0))
    return f_from_pr(*pr_above(Above(tp, fp, inside, size - inside), protocol), protocol)


def _first_levels_reaching(levels: LevelCounts, protocol: Protocol) -> tuple[Counts, Counts]:
    """Return the lowest level that reaches each threshold, 256 if none; and 1 where p = 0 reaches it."""
    passed = thresholds_passed(levels, protocol)
    k = np.arange(n_thresholds(protocol))
    zero = passed[level_range(levels, protocol.normalise)[0]]
    return np.searchsorted(passed, k), (k <= zero).astype(np.int64)


def _si_metric_levels(levels: LevelCounts) -> tuple[Counts, Counts]:
    """Return the same as `_first_levels_reaching` for SI_Metric's thresholds and its min-max."""
    rising = np.arange(SI_METRIC_THRESHOLDS) * float(np.float32(1 / (SI_METRIC_THRESHOLDS - 1)))
    halves = np.where(rising < 0.5, rising, 1 - rising[::-1])
    thresholds = halves.astype(np.float32).astype(np.float64)
    present = np.flatnonzero(levels.fg + levels.bg)
    low, high = present[0] / 255, present[-1] / 255
    p = (np.arange(256) / 255 - low + 1e-20) / (high - low + 1e-20)
    return np.searchsorted(p, thresholds), (thresholds <= 0).astype(np.int64)


def _errors(counts: Counts, p: Reals) -> Reals:
    """Return the sums of |p - g| over pixels, ``(...)``, from their counts ``(..., 2, 256)``."""
    return np.asarray((counts[..., 0, :] * p + counts[..., 1, :] * (1 - p)).sum(axis=-1))


def _of_pair(
    pred: NDArray[np.uint8], gt: NDArray[np.bool_], protocol: str | Protocol
) -> tuple[float, float, float]:
    pred, gt = check_pair(pred, gt)
    protocol = Protocol.of(protocol)
    return size_invariant(targets(gt, protocol), pred, gt, level_counts(pred, gt), protocol)


def _of_map(work: Targets, pair: MapOnMask, protocol: Protocol) -> tuple[float, ...]:
    return size_invariant(work, pair.pred, pair.gt, pair.levels, protocol)


def _best(images: Images, protocol: Protocol) -> Reals:
    return images.statistics["si_best"]


def _average(images: Images, protocol: Protocol) -> Reals:
    return images.statistics["si_average"]


def _error(images: Images, protocol: Protocol) -> Reals:
    return images.statistics["si_error"]


_REFERENCE = "Li et al., ICML 2024"

PART = Part(
    revision=1,
    optional=True,
    statistics=Statistics(
        names=("si_best", "si_average", "si_error"),
        depends=(*P, "thresholds", "beta2", "si_convention"),
        of_map=_of_map,
        of_mask=targets,
        mask_depends=("si_convention",),
        bounds=SHARE,
    ),
    metrics=(
        Metric(
            id="si_f",
            label="SI-maxF",
            words="size-invariant max F",
            higher_is_better=True,
            reference=_REFERENCE,
            function=si_f,
            values=_best,
        ),
        Metric(
            id="si_mean_f",
            label="SI-meanF",
            words="size-invariant mean F",
            higher_is_better=True,
            reference=_REFERENCE,
            function=si_mean_f,
            values=_average,
        ),
        Metric(
            id="si_mae",
            label="SI-MAE",
            words="size-invariant MAE",
            higher_is_better=False,
            reference=_REFERENCE,
            function=si_mae,
            values=_error,
        ),
    ),
)
