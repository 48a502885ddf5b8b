"""Context measure: is what the map finds near the object, and is all of the object near what it finds?

Wang, Ji, Shao, Cheng, Fan: Context-measure: Contextualizing Metric for Camouflage, 2025,
doi:10.48550/arXiv.2512.07076.

    S = alpha^2 cov / trace(cov), cov the covariance of the object's (row, column) coordinates, alpha = 6
    K(z) ~ exp(-z' S^-1 z / 2), of sum 1, on round(3 sqrt(S_rr)) rows and round(3 sqrt(S_cc)) columns each way
    w = sum of p (K * g) / (sum of p + eps)
    r = sum over the object of e / (e - 1) (1 - exp(-(K * p))) / (G + eps)
    C = (1 + beta2) w r / (beta2 w + r + eps)

*Conventions.* p = level / 255, whatever `Protocol.normalise` says, as in the authors' program, or min-max
(`Protocol.context_normalise`; the preset ``pysodmetrics`` has it; a flat map keeps level / 255). beta2 = 1
(`Protocol.context_beta2`; the authors' camouflage variant has 1.2). eps = 1e-8. Outside the image lies its
mirror image, the edge pixel not repeated. cov has the divisor G - 1.

*Edge cases.* Empty mask or all-zero map: 0. Where cov is singular the authors' program fails;
``pysodmetrics`` does too, or gives NaN or what rounding makes of it, unless the object lies in one row or
column. Here the kernel of an *object on a line*, of any direction, is the one that Gaussians of ever thinner
objects come to: exp(-z'z / (2 alpha^2)) along the line, 0 beside it. Of *one pixel* it is the Gaussian of S =
diag(1/4, 1/4) on 3x3 pixels. Both are what ``pysodmetrics`` has where it is defined.

*Cost.* K * g is made once a mask, from the ends of the mask's runs only; K * p is made inside the object
only. In double precision: the originals' K * g is in single.

*Revisions.* 1: first.
"""

from math import e, gcd, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.histogram import LevelCounts, Reals, check_pair, level_counts, level_range
from sodbench.metrics.parts import SHARE, Images, MapOnMask, Metric, Part, Statistics
from sodbench.metrics.runs import object_runs
from sodbench.protocol import Protocol
from sodbench.utils.kernels import kernel

ALPHA = 6.0
"""Standard deviation of the kernel, both directions taken together, in pixels."""

EPS = 1e-8
"""Added to each denominator."""

TAPS = 4
"""Columns of the kernel that one pass over a stretch of pixels adds up."""


@kernel
def _moments(runs):  # type: ignore[no-untyped-def]
    """Sum up 1, row, column, row^2, column^2, row * column over the object."""
    n, by_row, by_col, row_row, col_col, row_col = 0, 0, 0, 0, 0, 0
    for k in range(len(runs)):
        row, first, end = int(runs[k, 0]), int(runs[k, 1]), int(runs[k, 2])
        length, cols = end - first, (end - first) * (first + end - 1) // 2
        n += length
        by_row += row * length
        by_col += cols
        row_row += row * row * length
        row_col += row * cols
        for col in range(first, end):
            col_col += col * col
    return n, by_row, by_col, row_row, col_col, row_col


@kernel
def _smooth_object(runs, starts, rows_at, turned, near):  # type: ignore[no-untyped-def]
    """Fill K * g from the ends of the runs of a mask with mirrored margins on the left and on the right.

    Along a row, K * g changes only as ends of runs pass through the window: by a row of `turned`, the kernel
    turned by 180 degrees, from where a run begins, and by its negative from where one ends. `starts` is the
    first run of each row, and after the last.
    """
    height, width = near.shape
    rows, cols = turned.shape
    change = np.empty(width + 2 * cols)
    for row in range(height):
        change[:] = 0.0
        for down in range(rows):
            weights = turned[rows - 1 - down]
            at = rows_at[row + down]
            for k in range(starts[at], starts[at + 1]):
                begun, ended = change[runs[k, 1] :], change[runs[k, 2] :]
                for col in range(cols):
                    begun[col] += weights[col]
                for col in range(cols):
                    ended[col] -= weights[col]
        out = near[row]
        total = 0.0
        for col in range(cols - 1):
            total += change[col]
        for col in range(width):
            total += change[col + cols - 1]
            out[col] = total


@kernel
def _weighed(pred, p, near):  # type: ignore[no-untyped-def]
    """Sum of p, and of p (K * g); by columns."""
    height, width = pred.shape
    total, relevant = np.zeros(width), np.zeros(width)
    for row in range(height):
        levels, line = pred[row], near[row]
        for col in range(width):
            value = p[levels[col]]
            total[col] += value
            relevant[col] += value * line[col]
    return total, relevant


@kernel
def _covered(pred, p, gt, spans, window, rows_at, cols_at, shown):  # type: ignore[no-untyped-def]
    """Sum over the object of 1 - exp(-(K * p)); see `Surroundings`.

    Two rows at a time, and `TAPS` columns of the window: each p that is read counts for eight products.
    `shown` has no rows, or gets K * p where the object is.
    """
    rows, cols = window.shape
    wide = np.zeros((len(rows_at), len(cols_at)))
    if len(spans):
        for row in range(2 * spans[0, 0], 2 * spans[len(spans) - 1, 0] + rows - 1):
            levels, out = pred[rows_at[row]], wide[row]
            for col in range(len(cols_at)):
                out[col] = p[levels[cols_at[col]]]
    upper, lower = np.empty(len(cols_at)), np.empty(len(cols_at))
    covered = 0.0
    for k in range(len(spans)):
        top, first, n = 2 * spans[k, 0], spans[k, 1], spans[k, 2] - spans[k, 1]
        for col in range(n):
            upper[col] = 0.0
            lower[col] = 0.0
        for down in range(rows - 1):
            line, ahead, behind = wide[top + down, first:], window[down + 1], window[down]
            for right in range(0, cols, TAPS):
                a, b, c, d = ahead[right], ahead[right + 1], ahead[right + 2], ahead[right + 3]
                e, f, g, h = behind[right], behind[right + 1], behind[right + 2], behind[right + 3]
                x = line[right:]
                for col in range(n):
                    x0, x1, x2, x3 = x[col], x[col + 1], x[col + 2], x[col + 3]
                    upper[col] += (a * x0 + b * x1) + (c * x2 + d * x3)
                    lower[col] += (e * x0 + f * x1) + (g * x2 + h * x3)
        for row in range(top, min(top + 2, len(gt))):
            sums, line = upper if row == top else lower, gt[row, first:]
            if len(shown):
                shown[row, first : first + n] = sums[:n] * line[:n]
            in_row = 0.0
            for col in range(n):
                if line[col]:
                    in_row += 1 - np.exp(-sums[col])
            covered += in_row
    return covered


class Surroundings(NamedTuple):
    """What the context measure needs of a mask, whatever the map.

    `near` is K * g, ``(h, w)``. `spans` are the stretches of columns with an object pixel in one of two rows.
    `window` is the kernel between two rows of zeros, with columns of zeros up to a multiple of `TAPS`;
    `rows_at` and `cols_at` say which row and column of the image lie where in the mirrored one.
    """

    gt: NDArray[np.bool_]
    near: Reals
    spans: NDArray[np.int32]
    window: Reals
    rows_at: NDArray[np.intp]
    cols_at: NDArray[np.intp]


def context_measure(
    pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net"
) -> float:
    """Return the context measure of one map.

    Parameters
    ----------
    pred, gt
        ``(h, w)`` uint8 levels and bool mask.
    protocol
        A preset's name, a signature, or a Protocol.

    Examples
    --------
    >>> gt = np.zeros((40, 40), bool)
    >>> gt[5:35, 5:35] = True
    >>> round(context_measure(gt * np.uint8(255), gt), 6)
    0.82129
    """
    pred, gt = check_pair(pred, gt)
    protocol = Protocol.of(protocol)
    p = context_p(level_counts(pred, gt), protocol)
    forward, reverse = context_halves(surroundings(gt), pred, p)
    return float(context_from_halves(np.array(forward), np.array(reverse), protocol))


def context_kernel(runs: NDArray[np.int32]) -> Reals:
    """Return the Gaussian of an object's extent and direction, ``(2a + 1, 2b + 1)``, of sum 1.

    Examples
    --------
    >>> context_kernel(object_runs(np.eye(4, dtype=bool))).shape
    (27, 27)
    """
    n, by_row, by_col, row_row, col_col, row_col = (int(total) for total in _moments(runs))
    if n <= 1:
        down, right = np.ogrid[-1:2, -1:2]
        return _of_sum_1(np.exp(-2.0 * (down**2 + right**2)))
    rr, cc, rc = n * row_row - by_row**2, n * col_col - by_col**2, n * row_col - by_row * by_col
    a, b = (round(3 * (ALPHA * sqrt(own) / sqrt(rr + cc))) for own in (rr, cc))
    down, right = np.ogrid[-a : a + 1, -b : b + 1]
    if rr * cc == rc**2:
        u, v = (rr // gcd(rr, rc), rc // gcd(rr, rc)) if rr else (0, 1)
        return _of_sum_1(np.exp(-(down**2 + right**2) / (2 * ALPHA**2)) * (down * v == right * u))
    scale = (rr + cc) / ALPHA**2 / (rr * cc - rc**2)
    form = (cc * scale) * down**2 - (2 * rc * scale) * (down * right) + (rr * scale) * right**2
    return _of_sum_1(np.exp(-form / 2))


def surroundings(gt: NDArray[np.bool_]) -> Surroundings:
    """Compute what the context measure needs of a mask, whatever the map."""
    weights = context_kernel(object_runs(gt))
    rows_at, cols_at = (_mirrored(n, size // 2) for n, size in zip(gt.shape, weights.shape, strict=True))
    runs = object_runs(np.take(gt, cols_at, axis=1))
    starts = np.searchsorted(runs[:, 0], np.arange(len(gt) + 1))
    near = np.empty(gt.shape)
    _smooth_object(runs, starts, rows_at, np.ascontiguousarray(weights[::-1, ::-1]), near)
    two_rows = gt[::2].copy()
    two_rows[: len(gt) // 2] |= gt[1::2]
    more = -weights.shape[1] % TAPS
    window = np.pad(weights, ((1, 1), (0, more)))
    return Surroundings(
        gt, near, object_runs(two_rows), window, np.pad(rows_at, (0, 1)), np.pad(cols_at, (0, more))
    )


def context_halves(mask: Surroundings, pred: NDArray[np.uint8], p: Reals) -> tuple[float, float]:
    """Return w and r of a map: how near the object it lies, and how much of the object lies near it.

    Parameters
    ----------
    mask
        `surroundings` of the mask.
    pred
        ``(h, w)`` uint8 levels.
    p
        ``(256,)`` value of each level; see `context_p`.
    """
    total, relevant = (float(by_column.sum()) for by_column in _weighed(pred, p, mask.near))
    covered = _sum_covered(mask, pred, p, np.empty((0, 0)))
    n = np.count_nonzero(mask.gt)
    return relevant / (total + EPS), e / (e - 1) * covered / (n + EPS)


def near_map(mask: Surroundings, pred: NDArray[np.uint8], p: Reals) -> Reals:
    """Return K * p where the object is, 0 elsewhere, ``(h, w)``; see `context_halves`."""
    shown = np.zeros(pred.shape)
    _sum_covered(mask, pred, p, shown)
    return shown


def _sum_covered(mask: Surroundings, pred: NDArray[np.uint8], p: Reals, shown: Reals) -> float:
    return float(_covered(pred, p, mask.gt, mask.spans, mask.window, mask.rows_at, mask.cols_at, shown))


def context_p(counts: LevelCounts, protocol: Protocol) -> Reals:
    """Return p of every level, ``(256,)``; levels outside the map's range are meaningless.

    >>> counts = level_counts(np.array([[51, 102]], np.uint8), np.zeros((1, 2), bool))
    >>> context_p(counts, Protocol())[[51, 102]]
    array([0.2, 0.4])
    >>> context_p(counts, Protocol(context_normalise="minmax"))[[51, 102]]
    array([0., 1.])
    """
    low, high = level_range(counts, protocol.context_normalise)
    return (np.arange(256) / 255 - low / 255) / (high / 255 - low / 255)


def context_from_halves(forward: Reals, reverse: Reals, protocol: Protocol) -> Reals:
    """Return C of w and r, elementwise.

    >>> float(context_from_halves(np.array(1.0), np.array(0.5), Protocol()).round(6))
    0.666667
    """
    beta2 = protocol.context_beta2
    return (1 + beta2) * forward * reverse / (beta2 * forward + reverse + EPS)


def _of_sum_1(weights: Reals) -> Reals:
    return weights / weights.sum()


def _mirrored(side: int, margin: int) -> NDArray[np.intp]:
    """Return which of `side` pixels lies where in a row with a mirrored margin at either end.

    >>> _mirrored(3, 4).tolist()
    [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]
    """
    if side == 1:
        return np.zeros(1 + 2 * margin, np.intp)
    away = np.arange(-margin, side + margin) % (2 * side - 2)
    return np.minimum(away, 2 * side - 2 - away)


def _of_mask(gt: NDArray[np.bool_], protocol: Protocol) -> Surroundings:
    return surroundings(gt)


def _of_map(work: Surroundings, pair: MapOnMask, protocol: Protocol) -> tuple[float, ...]:
    return context_halves(work, pair.pred, context_p(pair.levels, protocol))


def _values(images: Images, protocol: Protocol) -> Reals:
    return context_from_halves(
        images.statistics["context_forward"], images.statistics["context_reverse"], protocol
    )


PART = Part(
    revision=1,
    optional=True,
    statistics=Statistics(
        names=("context_forward", "context_reverse"),
        depends=("context_normalise",),
        of_map=_of_map,
        of_mask=_of_mask,
        bounds=SHARE,
    ),
    metrics=(
        Metric(
            id="context",
            label="Cm",
            words="context measure",
            higher_is_better=True,
            reference="Wang et al., 2025",
            function=context_measure,
            depends=("context_beta2",),
            values=_values,
        ),
    ),
)
