"""Weighted F-measure: F with errors weighted by their location and their neighbourhood.

Margolin, Zelnik-Manor, Tal: How to Evaluate Foreground Maps?, CVPR 2014, doi:10.1109/CVPR.2014.39.

    E = |p - g|; inside the object E becomes min(E, (7x7 Gaussian, sigma 5) * Et), where Et outside
    the object is E of the nearest object pixel; outside, E is weighted by
    B = 2 - exp(log(0.5) / 5 * D), D the distance to the object.
    TP = G - sum of E inside, FP = sum of E outside,
    P = TP / (TP + FP + eps), R = 1 - mean of E inside, F = (1 + beta2) R P / (R + beta2 P + eps)

*Conventions.* beta2 = 1. D is exact Euclidean, in double precision; of several nearest pixels the
one with the smallest column-major index counts, as in MATLAB and scipy. Zero outside the image.

*Edge cases.* Undefined (NaN) for an empty mask, and left out of a dataset's mean, or 0 where
`Protocol.wf_empty` says so (``pysodmetrics``). Of a full mask no pixel is outside, so FP is 0.

*Cost.* The distance to the object once a mask, its errors for each map: at 481x321 pixels about 4 times and
once as long as counting the level histograms, which is all that MAE needs.

*Revisions.* 1: first.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.histogram import MATLAB_EPS, Reals, check_pair, eights, level_counts, normalised
from sodbench.metrics.nearest import FAR, Nearest, nearest_inside
from sodbench.metrics.parts import SHARE, Images, MapOnMask, Metric, P, Part, Statistics
from sodbench.protocol import Protocol
from sodbench.utils.kernels import kernel

RADIUS = 3
"""Half width of the Gaussian window."""

PAD = 4
"""How far outside the object pixels lie whose squared distance is at most 2 * RADIUS**2."""

SIGMA = 5.0
"""Standard deviation of the Gaussian window, and the distance over which B halves its gap to 2: at
`sodbench.metrics.nearest.BEYOND` it is 2 in double precision."""


@kernel
def _join(line, cols):  # type: ignore[no-untyped-def]
    """Add the object's columns in a row to those in the rows above; return how many pixels it has there."""
    n = np.int64(0)
    for col in range(len(line)):
        cols[col] |= line[col]
    for col in range(len(line)):
        n += line[col]
    return n


@kernel
def _spans(gt, spans):  # type: ignore[no-untyped-def]
    """Fill the object's first column in each row and the one after its last, counted from `left`.

    Returns its number of pixels and its box: the first row and the one after the last, and so the columns.
    """
    height, width = gt.shape
    cols = np.zeros(width, np.uint8)
    n = bottom = 0
    top = height
    for row in range(height):
        found = _join(gt[row], cols)
        if found:
            n += found
            top, bottom = min(top, row), row + 1
    left, right = 0, width
    while left < right and not cols[left]:
        left += 1
    while left < right and not cols[right - 1]:
        right -= 1
    for row in range(top, bottom):
        line = gt[row]
        first, stop = left, right
        while first < stop and not line[first]:
            first += 1
        while first < stop and not line[stop - 1]:
            stop -= 1
        spans[row, 0], spans[row, 1] = first - left, stop - left
    return n, (top, bottom, left, right)


@kernel
def _object_errors(levels, line, q, out):  # type: ignore[no-untyped-def]
    for col in range(len(levels)):
        out[col] = q[levels[col]] * line[col]


@kernel
def _smooth_row(error, window, out):  # type: ignore[no-untyped-def]
    edge, outer, inner, centre = window[0], window[1], window[2], window[3]
    e1, e2, e3, e4, e5, e6 = error[1:], error[2:], error[3:], error[4:], error[5:], error[6:]
    for col in range(len(out)):
        far, near = edge * (error[col] + e6[col]), outer * (e1[col] + e5[col])
        out[col] = far + near + inner * (e2[col] + e4[col]) + centre * e3[col]


@kernel
def _smooth_columns(s0, s1, s2, s3, s4, s5, s6, line, error, window, out):  # type: ignore[no-untyped-def]
    edge, outer, inner, centre = window[0], window[1], window[2], window[3]
    for col in range(len(out)):
        far, near = edge * (s0[col] + s6[col]), outer * (s1[col] + s5[col])
        mean = far + near + inner * (s2[col] + s4[col]) + centre * s3[col]
        out[col] += line[col] * (mean if mean < error[col] else error[col])


@kernel
def _inside(pred, gt, q, box, spans, rim, source, window, out):  # type: ignore[no-untyped-def]
    """Add E inside the object, smoothed, to `out`, of one row, or as many as the box: by columns, or pixels.

    Row after row; of the errors, and of their sums along rows, only the last few rows are kept.
    """
    top, bottom, left, right = box
    width, flat = pred.shape[1], pred.ravel()
    rows, cols = bottom - top, right - left
    error, smooth = np.zeros((8, cols + 2 * PAD)), np.empty((8, cols))
    k = 0
    while k < len(rim) and rim[k] < (top - RADIUS) * width:
        k += 1
    for row in range(-RADIUS, rows + RADIUS):
        e = error[row & 7]
        e[:] = 0
        if 0 <= row < rows:
            first, stop = spans[row, 0], spans[row, 1]
            begin, end = left + first, left + stop
            _object_errors(pred[row + top, begin:end], gt[row + top, begin:end], q, e[PAD + first :])
        start = (row + top) * width
        while k < len(rim) and rim[k] < start + width:
            e[rim[k] - start - left + PAD] = q[flat[source[k]]]
            k += 1
        first, stop = cols, 0
        for near in range(max(row - RADIUS, 0), min(row + RADIUS + 1, rows)):
            first, stop = min(first, spans[near, 0]), max(stop, spans[near, 1])
        _smooth_row(e[PAD - RADIUS + first :], window, smooth[row & 7, first:stop])
        row -= RADIUS
        if row >= 0:
            first, stop = spans[row, 0], spans[row, 1]
            _smooth_columns(
                smooth[(row - 3) & 7, first:],
                smooth[(row - 2) & 7, first:],
                smooth[(row - 1) & 7, first:],
                smooth[row & 7, first:],
                smooth[(row + 1) & 7, first:],
                smooth[(row + 2) & 7, first:],
                smooth[(row + 3) & 7, first:],
                gt[row + top, left + first :],
                error[row & 7, PAD + first :],
                window,
                out[min(row, len(out) - 1), first:stop],
            )


@kernel
def _outside(pred, gt, change, eights, p, column, depth, ends, table, out):  # type: ignore[no-untyped-def]
    """Add E outside the object, weighed, to `out`, of one row, or as many as the image: by columns or pixels.

    `p` is 0 where its index has 256 more than a level, for pixels of the object. Eight pixels are passed over
    at once where all are object, or 0, as most of most maps are. Indices are unsigned: none is negative.
    """
    width, (levels8, gt8, change8) = np.uint64(pred.shape[1]), eights
    one, seven, eight, object_word = np.uint64(1), np.uint64(7), np.uint64(8), np.uint64(0x0101010101010101)
    blank, k, start = p[0] == 0, np.uint64(0), np.uint64(0)
    for row in range(len(pred)):
        levels, line, turns, sums = pred[row], gt[row], change[row], out[min(row, len(out) - 1)]
        col = np.uint64(0)
        while col < width:
            at = start + col
            stop = min(col + eight - (at & seven), width)
            if stop - col == eight:
                at //= eight
                if (blank and levels8[at] == 0) or gt8[at] == object_word:
                    turned = change8[at]
                    turned += turned >> np.uint64(32)
                    turned += turned >> np.uint64(16)
                    k += (turned + (turned >> eight)) & np.uint64(15)
                    col = stop
                    continue
            while col < stop:
                k += np.uint64(turns[col])
                away = np.int64(col) - column[k]
                weight = table[min(np.uint64(away * away + depth[k]), np.uint64(FAR))]
                sums[col] += p[np.uint64(line[col]) << eight | levels[col]] * weight
                col += one
        k = np.uint64(ends[row])
        start += width


class WeightedMask(NamedTuple):
    """What weighted F needs of a mask, whatever the map.

    `box` bounds the object (top, bottom, left, right), `spans` its columns in each row of the box, counted
    from the box's left. `away` says how far the pixels outside lie from it, and what is nearest to those
    within the window's reach.
    """

    n: int
    box: tuple[int, int, int, int]
    spans: NDArray[np.int32]
    away: Nearest


def weighted_f(
    pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net"
) -> float:
    """Return the weighted F-measure of one map, NaN where it is undefined.

    Parameters
    ----------
    pred, gt
        ``(h, w)`` uint8 levels and bool mask.
    protocol
        A preset's name, a signature, or a Protocol.

    Examples
    --------
    >>> gt = np.zeros((4, 4), bool)
    >>> gt[1:3, 1:3] = True
    >>> round(weighted_f(gt * np.uint8(255), gt), 12)
    1.0
    """
    pred, gt = check_pair(pred, gt)
    protocol = Protocol.of(protocol)
    p = normalised(level_counts(pred, gt), protocol)
    precision, recall = weighted_pr_on(weighted_mask(gt), pred, gt, p)
    return float(weighted_f_from_pr(np.array(precision), np.array(recall), protocol))


def weighted_mask(gt: NDArray[np.bool_]) -> WeightedMask | None:
    """Compute what weighted F needs of a mask, None for an empty one.

    Examples
    --------
    >>> mask = weighted_mask(np.array([[True, False, False]]))
    >>> mask.box, mask.away.rim.tolist(), mask.away.source.tolist()
    ((0, 1, 0, 1), [1, 2], [0, 0])
    """
    spans = np.empty((len(gt), 2), np.int32)
    n, box = _spans(gt.view(np.uint8), spans)
    if n == 0:
        return None
    away = nearest_inside(gt, box[2], box[3], 2 * RADIUS * RADIUS)
    return WeightedMask(n, box, spans[box[0] : box[1]], away)


def weighted_pr_on(
    mask: WeightedMask | None, pred: NDArray[np.uint8], gt: NDArray[np.bool_], p: Reals
) -> tuple[float, float]:
    """Return weighted precision and recall of a map from its mask's `weighted_mask`, NaN for an empty one.

    Parameters
    ----------
    mask
        `weighted_mask` of `gt`.
    pred, gt
        ``(h, w)`` uint8 levels and bool mask.
    p
        ``(256,)`` normalised value of each level.
    """
    if mask is None:
        return float("nan"), float("nan")
    inside = float(_smoothed(mask, pred, gt, p, 1)[0].sum())
    outside = float(_weighed(mask, pred, gt, p, 1)[0].sum())
    true = mask.n - inside
    return true / (MATLAB_EPS + true + outside), 1 - inside / mask.n


def weighted_errors(mask: WeightedMask, pred: NDArray[np.uint8], gt: NDArray[np.bool_], p: Reals) -> Reals:
    """Return the weighted error of each pixel, ``(h, w)``: what `weighted_pr_on` sums up.

    >>> gt = np.array([[True, False, False]])
    >>> weighted_errors(weighted_mask(gt), gt * np.uint8(51), gt, np.arange(256) / 255).round(2).tolist()
    [[0.06, 0.0, 0.0]]
    """
    top, bottom, left, right = mask.box
    errors = _weighed(mask, pred, gt, p, len(gt))
    errors[top:bottom, left:right] += _smoothed(mask, pred, gt, p, bottom - top)
    return errors


def importance(mask: WeightedMask, gt: NDArray[np.bool_]) -> Reals:
    """Return B outside the object and 0 inside, ``(h, w)``.

    >>> gt = np.array([[True, False, False]])
    >>> importance(weighted_mask(gt), gt).round(2).tolist()
    [[0.0, 1.13, 1.24]]
    """
    return _weighed(mask, np.zeros(gt.shape, np.uint8), gt, np.ones(256), len(gt))


def _smoothed(
    mask: WeightedMask, pred: NDArray[np.uint8], gt: NDArray[np.bool_], p: Reals, rows: int
) -> Reals:
    """Return E inside the object, of each pixel of the box, or the sums of its columns: ``(rows, cols)``."""
    errors = np.zeros((rows, mask.box[3] - mask.box[2]))
    _inside(pred, gt, 1 - p, mask.box, mask.spans, mask.away.rim, mask.away.source, _window(), errors)
    return errors


def _weighed(
    mask: WeightedMask, pred: NDArray[np.uint8], gt: NDArray[np.bool_], p: Reals, rows: int
) -> Reals:
    """Return E outside the object, of each pixel, or the sums of columns: ``(rows, w)``."""
    errors = np.zeros((rows, gt.shape[1]))
    p = np.concatenate((p, np.zeros(256)))
    change, column, depth, ends, _, _ = mask.away
    words = (eights(pred), eights(gt), eights(change))
    _outside(pred, gt, change, words, p, column, depth, ends, _importance(), errors)
    return errors


def weighted_f_from_pr(precision: Reals, recall: Reals, protocol: Protocol) -> Reals:
    """Return weighted F, elementwise; NaN where it is undefined, or 0 under ``wf_empty="zero"``.

    >>> undefined = np.array([1.0, np.nan])
    >>> weighted_f_from_pr(undefined, undefined / 2, Protocol.of("pysodmetrics")).round(3)
    array([0.667, 0.   ])
    """
    beta2 = protocol.wf_beta2
    f = (1 + beta2) * recall * precision / (MATLAB_EPS + recall + beta2 * precision)
    return np.nan_to_num(f, nan=0.0) if protocol.wf_empty == "zero" else f


@cache
def _importance() -> Reals:
    """B by squared distance; 0 at distance 0, for pixels inside, which B does not weight."""
    table = 2 - np.exp(np.log(0.5) / SIGMA * np.sqrt(np.arange(FAR + 1)))
    table[0] = 0
    return table


@cache
def _window() -> Reals:
    """One axis of the separable Gaussian."""
    window = np.exp(-(np.arange(-RADIUS, RADIUS + 1) ** 2) / (2 * SIGMA**2))
    return np.asarray(window / window.sum(), np.float64)


def _of_mask(gt: NDArray[np.bool_], protocol: Protocol) -> WeightedMask | None:
    return weighted_mask(gt)


def _of_map(work: WeightedMask | None, pair: MapOnMask, protocol: Protocol) -> tuple[float, ...]:
    return weighted_pr_on(work, pair.pred, pair.gt, pair.p)


def _values(images: Images, protocol: Protocol) -> Reals:
    return weighted_f_from_pr(images.statistics["w_precision"], images.statistics["w_recall"], protocol)


PART = Part(
    revision=1,
    always_signed=True,
    statistics=Statistics(
        names=("w_precision", "w_recall"), depends=P, of_map=_of_map, of_mask=_of_mask, bounds=SHARE
    ),
    metrics=(
        Metric(
            id="weighted_f",
            label="wF",
            words="weighted F",
            higher_is_better=True,
            reference="Margolin et al., CVPR 2014",
            function=weighted_f,
            depends=("wf_beta2", "wf_empty"),
            values=_values,
            undefined="empty mask",
        ),
    ),
)
