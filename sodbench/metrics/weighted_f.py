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

from sodbench.metrics.histogram import MATLAB_EPS, Reals, check_pair, level_counts, normalised
from sodbench.metrics.parts import SHARE, Images, MapOnMask, Metric, P, Part, Statistics
from sodbench.protocol import Protocol
from sodbench.utils.kernels import kernel

RADIUS = 3
"""Half width of the Gaussian window."""

SIGMA = 5.0
"""Standard deviation of the Gaussian window, and the distance over which B halves its gap to 2."""

PAD = 4
"""How far outside the object pixels lie whose squared distance is at most 2 * RADIUS**2."""

FAR = 266**2
"""Squared distance from which on B is 2 in double precision."""


@kernel
def _rows_below(gt, below):  # type: ignore[no-untyped-def]
    """Fill how many rows below each pixel the nearest object pixel of its column lies, a large value if none.

    In 32 bits throughout: numba's default is 64, of which the processor handles fewer at once.
    """
    height, width = gt.shape
    zero, step, far = np.int32(0), np.int32(1), np.int32(4 * (height + width))
    for col in range(width):
        below[height - 1, col] = zero if gt[height - 1, col] else far
    for row in range(height - 2, -1, -1):
        line, out, under = gt[row], below[row], below[row + 1]
        for col in range(width):
            out[col] = zero if line[col] else under[col] + step


@kernel
def _weigh(gt, below, table, weights, rim, source):  # type: ignore[no-untyped-def]
    """Fill B of every pixel outside; list the pixels near the object and their nearest in it.

    Nearest in each column first (ties: the upper); then, row by row, the lower envelope of the
    columns' parabolas (ties: the left), as Meijster, Roerdink, Hesselink 2000 do. `gt` must not be
    empty. Returns the number of pixels listed.

    A column inside a run of object pixels is nearest to no pixel outside, so it is skipped.
    """
    height, width = gt.shape
    far, reach = len(table) - 1, 2 * RADIUS * RADIUS
    above = np.empty(width, np.int32)
    for col in range(width):
        above[col] = 4 * (height + width)
    seat, depth, start = np.empty(width, np.int64), np.empty(width, np.int64), np.empty(width + 1, np.int64)
    n = 0
    for row in range(height):
        line, under, out = gt[row], below[row], weights[row]
        for col in range(width):
            above[col] = 0 if line[col] else above[col] + 1
        top = -1
        for col in range(width):
            away = min(above[col], under[col])
            hidden = 0 < col < width - 1 and line[col - 1] and line[col] and line[col + 1]
            if hidden or away >= height:
                continue
            here = np.int64(away) * away
            begin = np.int64(0)
            while top >= 0:
                old = seat[top]
                if col - old == 1:
                    begin = ((col + old + here - depth[top]) >> 1) + 1
                else:
                    rise = (col + old) * (col - old) + here - depth[top]
                    # Exact: below 2**52 no quotient of integers is rounded to a whole number.
                    begin = np.int64(np.floor(rise / (2.0 * (col - old)))) + 1
                if begin > start[top]:
                    break
                top -= 1
                begin = np.int64(0)
            if begin < width:
                top += 1
                seat[top], depth[top], start[top] = col, here, begin
        start[top + 1] = width
        for k in range(top + 1):
            centre, base = seat[k], depth[k]
            for col in range(start[k], start[k + 1]):
                out[col] = 0.0 if line[col] else table[min((col - centre) ** 2 + base, far)]
            if base <= reach:
                at = row - above[centre] if above[centre] <= under[centre] else row + under[centre]
                for col in range(max(start[k], centre - PAD), min(start[k + 1], centre + PAD + 1)):
                    if not line[col] and (col - centre) ** 2 + base <= reach:
                        rim[n] = row * width + col
                        source[n] = at * width + centre
                        n += 1
    return n


@kernel
def _error_sums(pred, gt, p, weights, box, rim, source, window, inside):  # type: ignore[no-untyped-def]
    """Add E inside the object, smoothed, to `inside`, and sum up E outside, weighed, by columns.

    `inside` has one row, or as many as the box: it gets the sums of its columns, or each pixel's E.
    """
    top, bottom, left, right = box
    height, width = pred.shape
    rows, cols = bottom - top, right - left
    outside = np.zeros(width)
    for row in range(height):
        levels, weight = pred[row], weights[row]
        for col in range(width):
            value = p[levels[col]]
            if value != 0:  # most pixels of most maps are 0: their weights need not be read
                outside[col] += value * weight[col]
    error = np.zeros((rows + 2 * PAD, cols + 2 * PAD))
    for row in range(rows):
        levels, line, out = pred[row + top, left:right], gt[row + top, left:right], error[row + PAD, PAD:]
        for col in range(cols):
            if line[col]:
                out[col] = 1 - p[levels[col]]
    flat = pred.ravel()
    for k in range(len(rim)):
        row, col = divmod(rim[k], width)
        error[row - top + PAD, col - left + PAD] = 1 - p[flat[source[k]]]
    edge, outer, inner, centre = window[0], window[1], window[2], window[3]
    smooth = np.empty((rows + 2 * RADIUS, cols))
    for row in range(rows + 2 * RADIUS):
        e, out = error[row + PAD - RADIUS, PAD - RADIUS :], smooth[row]
        for col in range(cols):
            far, near = edge * (e[col] + e[col + 6]), outer * (e[col + 1] + e[col + 5])
            out[col] = far + near + inner * (e[col + 2] + e[col + 4]) + centre * e[col + 3]
    for row in range(rows):
        s0, s1, s2, s3 = smooth[row], smooth[row + 1], smooth[row + 2], smooth[row + 3]
        s4, s5, s6 = smooth[row + 4], smooth[row + 5], smooth[row + 6]
        line, here = gt[row + top, left:right], error[row + PAD, PAD:]
        out = inside[min(row, len(inside) - 1)]
        for col in range(cols):
            far, near = edge * (s0[col] + s6[col]), outer * (s1[col] + s5[col])
            mean = far + near + inner * (s2[col] + s4[col]) + centre * s3[col]
            out[col] += line[col] * min(mean, here[col])
    return outside


class WeightedMask(NamedTuple):
    """What weighted F needs of a mask, whatever the map.

    `weights` is B outside the object and 0 inside, ``(h, w)``; `box` bounds the object (top,
    bottom, left, right); `rim` and `source` are flat indices of the pixels outside within the
    window's reach of the object, and of the object pixel nearest to each.
    """

    n: int
    weights: Reals
    box: tuple[int, int, int, int]
    rim: NDArray[np.int32]
    source: NDArray[np.int32]


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
    >>> mask.rim.tolist(), mask.source.tolist(), mask.weights.round(2).tolist()
    ([1, 2], [0, 0], [[0.0, 1.13, 1.24]])
    """
    n = int(np.count_nonzero(gt))
    if n == 0:
        return None
    below = np.empty(gt.shape, np.int32)
    _rows_below(gt, below)
    weights = np.empty(gt.shape)
    rim, source = np.empty(gt.size, np.int32), np.empty(gt.size, np.int32)
    reached = _weigh(gt, below, _importance(), weights, rim, source)
    rows, cols = np.flatnonzero(gt.any(axis=1)), np.flatnonzero(gt.any(axis=0))
    box = (int(rows[0]), int(rows[-1]) + 1, int(cols[0]), int(cols[-1]) + 1)
    return WeightedMask(n, weights, box, rim[:reached].copy(), source[:reached].copy())


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
    by_column = np.zeros((1, mask.box[3] - mask.box[2]))
    outside = float(
        _error_sums(pred, gt, p, mask.weights, mask.box, mask.rim, mask.source, _window(), by_column).sum()
    )
    inside = float(by_column[0].sum())
    true = mask.n - inside
    return true / (MATLAB_EPS + true + outside), 1 - inside / mask.n


def weighted_errors(mask: WeightedMask, pred: NDArray[np.uint8], gt: NDArray[np.bool_], p: Reals) -> Reals:
    """Return the weighted error of each pixel, ``(h, w)``: what `weighted_pr_on` sums up.

    >>> gt = np.array([[True, False, False]])
    >>> weighted_errors(weighted_mask(gt), gt * np.uint8(51), gt, np.arange(256) / 255).round(2).tolist()
    [[0.06, 0.0, 0.0]]
    """
    top, bottom, left, right = mask.box
    errors = p[pred] * mask.weights
    inside = np.zeros((bottom - top, right - left))
    _error_sums(pred, gt, p, mask.weights, mask.box, mask.rim, mask.source, _window(), inside)
    errors[top:bottom, left:right] += inside
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
