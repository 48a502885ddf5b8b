"""The two 256-bin level histograms of a pair, and everything computed from them without its pixels.

How many pixels inside and outside the object have each of the 256 levels is a sufficient statistic
for MAE, precision, recall, F and E: normalising and thresholding act on levels, not on pixels.

*Shapes.* Histograms are ``(..., 256)`` counts; leading axes are images. Curves are ``(..., K)``
over ascending thresholds, K = 256, or what `n_thresholds` says.

*Conventions.* All-zero map under ``max``: the maximum counts as 255. Constant map under ``minmax``:
p = v / 255; under ``mat2gray`` its range is 0 to 1, so that p = 1, or 0 of an all-zero map. Level 0,
which every pixel reaches, counts as a threshold, as in every toolbox.

A constant added to a map changes no F and no E under ``minmax`` where thresholds are exact (``256``,
``256above``, ``21``). The other thresholds meet levels in floating point, as the toolboxes compute them:
there the last bit of p can decide whether a level counts, and it differs in the shifted map.
"""

from typing import Any, NamedTuple, TypeAlias
from warnings import warn

import numpy as np
from numpy.typing import NDArray

from sodbench.errors import PredictionError, first_few
from sodbench.protocol import Protocol
from sodbench.utils.kernels import kernel

Counts: TypeAlias = NDArray[np.int64]
Reals: TypeAlias = NDArray[np.float64]


MATLAB_EPS = 2.0**-52
"""MATLAB's `eps`, as the original programs add it."""

STEPS = {"256": 255, "256above": 255, "21": 20}
"""Thresholds compared in exact integers: p against 0, 1/n, ..., 1."""


class LevelCounts(NamedTuple):
    """Level histograms inside (`fg`) and outside (`bg`) the object, each ``(..., 256)``."""

    fg: Counts
    bg: Counts


class Centroid(NamedTuple):
    """1-based centre of a mask: how many rows and columns belong to the upper left quadrant."""

    row: int
    col: int


@kernel
def _count_stretch(levels, inside, levels8, inside8, start, stop, bins):  # type: ignore[no-untyped-def]
    """Count levels of flat pixels: eight at once where all are alike, else in four sets of bins in turn.

    Neighbours are often equal, and an increment need not wait for the previous one in another set. Indices
    are unsigned: none is negative.
    """
    one, three, seven, eight = np.uint64(1), np.uint64(3), np.uint64(7), np.uint64(8)
    ones, low = np.uint64(0x0101010101010101), np.uint64(255)
    a, b, c, d = bins[0], bins[1], bins[2], bins[3]
    at, end = np.uint64(start), np.uint64(stop)
    while at < end:
        if at & seven == 0 and at + eight <= end:
            word, side = levels8[at >> three], inside8[at >> three]
            if side == 0 or side == ones:
                base = (side & low) << eight
                if word == (word & low) * ones:
                    a[base | word & low] += 8
                else:
                    for _ in range(2):
                        a[base | word & low] += 1
                        b[base | word >> eight & low] += 1
                        c[base | word >> np.uint64(16) & low] += 1
                        d[base | word >> np.uint64(24) & low] += 1
                        word >>= np.uint64(32)
                at += eight
                continue
        upto = min((at | seven) + one, end)
        while at < upto:
            a[np.uint64(inside[at]) << eight | levels[at]] += 1
            at += one


@kernel
def _count_quadrants(levels, inside, levels8, inside8, width, split_row, split_col, counts):  # type: ignore[no-untyped-def]
    height = len(levels) // width
    bins = np.zeros((4, 4, 512), np.int32)
    for row in range(height):
        left, start = 2 * (row >= split_row), row * width
        split, stop = start + split_col, start + width
        _count_stretch(levels, inside, levels8, inside8, start, split, bins[left])
        _count_stretch(levels, inside, levels8, inside8, split, stop, bins[left + 1])
    for quadrant in range(4):
        for k in range(512):
            total = np.int64(0)
            for each in range(4):
                total += bins[quadrant, each, k]
            counts[quadrant, k >> 8, k & 255] = total


@kernel
def _first_moments(gt):  # type: ignore[no-untyped-def]
    """Count object pixels, and sum up their 1-based rows and columns."""
    height, width = gt.shape
    by_col = np.zeros(width, np.int64)
    n, row_sum, col_sum = 0, 0, 0
    for row in range(height):
        line = gt[row]
        in_row = 0
        for col in range(width):
            in_row += line[col]
            by_col[col] += line[col]
        n += in_row
        row_sum += (row + 1) * in_row
    for col in range(width):
        col_sum += (col + 1) * by_col[col]
    return n, row_sum, col_sum


def eights(pixels: NDArray[np.uint8] | NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Return pixels of a byte each, in flat order, eight to a number, without those left over in the end.

    >>> eights(np.arange(9, dtype=np.uint8) // 8).tolist()
    [0]
    """
    return pixels.ravel()[: pixels.size // 8 * 8].view(np.uint64)


def quadrant_counts(pred: NDArray[np.uint8], gt: NDArray[np.bool_], row: int, col: int) -> Counts:
    """Count levels by quadrant and side of the mask.

    Parameters
    ----------
    pred, gt
        ``(h, w)`` uint8 levels and bool mask.
    row, col
        Rows and columns that belong to the upper and left quadrants.

    Returns
    -------
    ``(4, 2, 256)`` counts; quadrants in the order upper left, upper right, lower left, lower right;
    then background, foreground.
    """
    counts = np.zeros((4, 2, 256), np.int64)
    _count_quadrants(pred.ravel(), gt.ravel(), eights(pred), eights(gt), pred.shape[1], row, col, counts)
    return counts


def centroid(gt: NDArray[np.bool_], rounding: str) -> Centroid:
    """Return the rounded 1-based centroid of a mask, the image's centre for an empty one.

    Examples
    --------
    >>> centroid(np.array([[False, True, True]]), "half-up")
    Centroid(row=1, col=3)
    """
    total, by_row, by_col = _first_moments(gt)
    if total == 0:
        return Centroid(*((side + 1) // 2 for side in gt.shape))
    return Centroid(_rounded(by_row, total, rounding), _rounded(by_col, total, rounding))


def _rounded(total: int, n: int, rounding: str) -> int:
    """Round the 1-based total / n exactly; half-even is even in 0-based coordinates."""
    quotient, rest = divmod(2 * total + n, 2 * n)
    if rounding == "half-even" and rest == 0 and quotient % 2 == 0:
        return quotient - 1
    return quotient


def centroid_on_edge(counts: Counts) -> bool:
    """Tell whether a quadrant of ``(4, 2, 256)`` counts is empty, where the originals return NaN."""
    return bool((counts.sum(axis=(1, 2)) == 0).any())


def sides(counts: Counts) -> LevelCounts:
    """Add up ``(4, 2, 256)`` quadrant counts to the two level histograms."""
    bg, fg = counts.sum(axis=0)
    return LevelCounts(fg, bg)


def level_counts(pred: NDArray[np.uint8], gt: NDArray[np.bool_]) -> LevelCounts:
    """Count the levels of one map inside and outside the object.

    Examples
    --------
    >>> counts = level_counts(np.array([[0, 9]], np.uint8), np.array([[False, True]]))
    >>> int(counts.bg[0]), int(counts.fg[9])
    (1, 1)
    """
    pred, gt = check_pair(pred, gt)
    bg, fg = quadrant_counts(pred, gt, *pred.shape)[0]
    return LevelCounts(fg, bg)


def check_pair(
    pred: NDArray[np.uint8], gt: NDArray[np.bool_] | NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Raise an error for arrays on which no metric is defined; return map and mask, which is bool.

    Both are C-contiguous and writable, copied where they are not: kernels are compiled for that alone.

    A uint8 mask of 0 and 255, or of 0 and 1 (with a warning), is read as a file would be. Which levels of any
    other are object is for a protocol to say.

    Raises
    ------
    PredictionError
        `pred` is not (h, w) uint8, `gt` neither bool nor of two such levels; the shapes differ, or are empty.

    Examples
    --------
    >>> check_pair(np.array([[7, 8]], np.uint8), np.array([[0, 255]], np.uint8))[1]
    array([[False,  True]])
    """
    for name, array, dtypes, way in (
        ("pred", pred, ("uint8",), "levels 0 to 255; read files with sodbench.data.images.maps"),
        (
            "gt",
            gt,
            ("bool", "uint8"),
            "convert it: gt > 0.5 if its values lie in [0, 1], gt > 128 if it has levels 0 to 255",
        ),
    ):
        if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.name not in dtypes:
            actual = (
                f"{array.ndim}-D {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
            )
            raise PredictionError(
                f"{name} must be a 2-D {' or '.join(dtypes)} array ({way}), found {actual}."
            )
    if pred.shape != gt.shape:
        raise PredictionError(f"pred is {pred.shape} and gt {gt.shape}; their shapes must be equal.")
    if pred.size == 0:
        raise PredictionError(f"pred and gt are empty, shape {pred.shape}.")
    return np.require(pred, requirements=["C", "W"]), np.require(_binary(gt), requirements=["C", "W"])


def _binary(levels: NDArray[np.bool_] | NDArray[np.uint8]) -> NDArray[np.bool_]:
    if levels.dtype == np.bool_:
        return levels.view(np.bool_)
    top = int(levels.max())
    if top == 1:
        warn("gt: mask with maximum 1, read as 0 and 255", stacklevel=4)
    elif not np.isin(levels, (0, 255)).all():
        listed = first_few([str(level) for level in np.unique(levels)])
        raise PredictionError(
            f"gt has the levels {listed}, expected bool, or 0 and 255: say which are object, "
            f"e.g. gt > {top // 2}."
        )
    return levels > 0


def level_range(counts: LevelCounts, how: str) -> tuple[Counts, Counts]:
    """Return the levels (lo, hi), each ``(...)``, that the normalisation `how` maps to 0 and 1."""
    present = (counts.fg + counts.bg) > 0
    low = present.argmax(axis=-1)
    high = 255 - present[..., ::-1].argmax(axis=-1)
    if how in ("minmax", "mat2gray"):
        constant = low == high
        return np.where(constant, 0, low), np.where(constant, 255 if how == "minmax" else 1, high)
    full = np.full_like(high, 255)
    if how == "max":
        return np.zeros_like(high), np.where(high == 0, full, high)
    return np.zeros_like(high), full


def lowest_predicted(counts: LevelCounts, how: str) -> int:
    """Return the lowest level of a map that counts as object: from a fixed level on, or at min-max > 0.5.

    The latter in exact numbers.

    Examples
    --------
    >>> counts = level_counts(np.array([[100, 110, 120]], np.uint8), np.eye(1, 3, dtype=bool))
    >>> [lowest_predicted(counts, how) for how in (">128", ">=128", "minmax>.5")]
    [129, 128, 111]
    """
    fixed = {">128": 129, ">=128": 128}
    if how in fixed:
        return fixed[how]
    low, high = (int(bound) for bound in level_range(counts, "minmax"))
    return low + (high - low) // 2 + 1


def normalised(counts: LevelCounts, protocol: Protocol, how: str = "") -> Reals:
    """Return p of every level, ``(..., 256)``; levels outside the map's range are meaningless.

    The operations are the toolboxes' own, bit for bit, because the last bit decides whether a level
    reaches a threshold: all divide images by 255 first; MATLAB's min-max (``fan``) multiplies by
    the reciprocal of the range, its mat2gray (``f3net``) does so with undivided levels, level by level and
    with the offset, and clips to [0, 1]; ``qin`` divides levels by max + eps.

    Parameters
    ----------
    counts
        Level histograms, for the range of levels present.
    protocol
        Its `normalise`, `thresholds` and `eps` are used.
    how
        Used in place of the protocol's `normalise`.

    Examples
    --------
    >>> counts = level_counts(np.array([[0, 100, 200]], np.uint8), np.zeros((1, 3), bool))
    >>> normalised(counts, Protocol())[[0, 100, 200]]
    array([0. , 0.5, 1. ])
    """
    how = how or protocol.normalise
    low, high = (bound[..., None] for bound in level_range(counts, how))
    levels = np.arange(256, dtype=np.float64)
    if how == "mat2gray":
        factor = 1 / (high - low + protocol.eps)
        return np.clip(factor * levels - low * factor, 0, 1)
    if protocol.eps > 0:
        return (levels - low) / (high - low + protocol.eps)
    above, span = levels / 255 - low / 255, high / 255 - low / 255
    if how == "minmax" and protocol.in_floats:
        return above * (1 / span)
    return above / span


def thresholds_passed(counts: LevelCounts, protocol: Protocol, compare: str = ">=") -> Counts:
    """Return for each level the index of the last threshold it passes, -1 for none, ``(..., 256)``.

    Parameters
    ----------
    counts
        Level histograms.
    protocol
        Its `thresholds` say which thresholds there are, its `normalise` what is compared with them.
    compare
        ``">="`` or ``">"``; the thresholds ``256above`` are always compared by ``">"``.
    """
    if steps := STEPS.get(protocol.thresholds):
        low, high = level_range(counts, protocol.normalise)
        levels = steps * (np.arange(256) - low[..., None])
        span = (high - low)[..., None]
        above = compare == ">" or protocol.thresholds == "256above"
        return -(-levels // span) - 1 if above else levels // span
    p = normalised(counts, protocol)
    if protocol.in_floats:
        return np.searchsorted(np.arange(256) / 255, p, side="right" if compare == ">=" else "left") - 1
    passed = np.floor(p * 255).astype(np.int64)
    if protocol.thresholds == "255bins":
        passed = np.minimum(passed, 254)
    return passed if compare == ">=" else passed - 1


def n_thresholds(protocol: Protocol) -> int:
    """Return how many thresholds the protocol's curves have.

    >>> n_thresholds(Protocol())
    256
    """
    return {"255bins": 255, "21": 21}.get(protocol.thresholds, 256)


def found_counts(counts: LevelCounts, protocol: Protocol, compare: str = ">=") -> LevelCounts:
    """Count the pixels inside and outside the object that reach each threshold, each ``(..., K)``.

    Which levels do depends only on a map's range, so it is computed once for each range that occurs.

    Parameters
    ----------
    counts
        Level histograms.
    protocol, compare
        See `thresholds_passed`.
    """
    n, shape = n_thresholds(protocol), counts.fg.shape[:-1]
    flat = LevelCounts(counts.fg.reshape(-1, 256), counts.bg.reshape(-1, 256))
    low, high = level_range(flat, protocol.normalise)
    _, sample, kind = np.unique(256 * low + high, return_index=True, return_inverse=True)
    passed = thresholds_passed(LevelCounts(flat.fg[sample], flat.bg[sample]), protocol, compare)
    first = _first_levels(np.clip(passed, -1, n - 1), n)
    fg, bg = (_reaching(side, first, kind).reshape(*shape, n) for side in flat)
    return LevelCounts(fg, bg)


class Above(NamedTuple):
    """Counts of pixels that reach each of K thresholds, and totals: what a metric of binarised maps needs.

    `tp`, `fp` are counts inside and outside the object, ``(..., K)``; `inside`, `outside` the numbers of
    pixels there, ``(..., 1)``.
    """

    tp: Counts
    fp: Counts
    inside: Counts
    outside: Counts


def counts_above(counts: LevelCounts, protocol: Protocol, compare: str = ">=") -> Above:
    """Count the pixels that reach each threshold; see `found_counts`."""
    tp, fp = found_counts(counts, protocol, compare)
    return Above(tp, fp, counts.fg.sum(axis=-1, keepdims=True), counts.bg.sum(axis=-1, keepdims=True))


def exceeded(counts: LevelCounts, protocol: Protocol) -> Above:
    """Count the pixels above each threshold; those at it do not count."""
    return counts_above(counts, protocol, ">")


def at_adaptive(counts: LevelCounts, protocol: Protocol) -> Above:
    """Count the pixels that reach the adaptive threshold, K = 1; see `adaptive_counts`."""
    tp, fp = adaptive_counts(counts, protocol)
    return _single(counts, tp, fp)


def above_half(counts: LevelCounts, protocol: Protocol) -> Above:
    """Count the pixels with p > .5, K = 1; exact in integers where the protocol's thresholds are."""
    if protocol.thresholds in STEPS:
        low, high = (bound[..., None] for bound in level_range(counts, protocol.normalise))
        reached = 2 * (np.arange(256) - low) > high - low
    else:
        reached = normalised(counts, protocol) > 0.5
    return _single(counts, (counts.fg * reached).sum(axis=-1), (counts.bg * reached).sum(axis=-1))


def _single(counts: LevelCounts, tp: Counts, fp: Counts) -> Above:
    inside, outside = (side.sum(axis=-1, keepdims=True) for side in counts)
    return Above(tp[..., None], fp[..., None], inside, outside)


def _first_levels(passed: Counts, n: int) -> Counts:
    """Return the lowest level that reaches each of `n` thresholds, 256 where none does, ``(ranges, n)``."""
    ranges = np.arange(len(passed))[:, None] * (n + 1)
    ends = np.bincount((passed + 1 + ranges).ravel(), minlength=len(passed) * (n + 1))
    return np.cumsum(ends.reshape(-1, n + 1), axis=1)[:, :n]


def _reaching(histogram: Counts, first: Counts, kind: NDArray[np.intp]) -> Counts:
    """Count the pixels of images at or above the first level of each threshold of their range."""
    above: NDArray[Any] = np.zeros((len(histogram), 257), np.int32)  # no image has 2^31 pixels
    np.cumsum(histogram[:, ::-1], axis=1, dtype=np.int32, out=above[:, 255::-1])
    if len(first) == 1:
        return np.take(above, first[0], axis=1)
    return np.take_along_axis(above, first[kind], axis=1)


def adaptive_counts(
    counts: LevelCounts, protocol: Protocol, compare: str = ">=", *, clipped: bool = True
) -> tuple[Counts, Counts]:
    """Count foreground and background pixels that reach the adaptive threshold min(2 mean(p), 1).

    Exact in integers where the protocol's thresholds are. The 1 stands for p of the level that the
    normalisation maps to 1, which ``qin``'s eps keeps a little below it. Of ``mat2gray`` in floating point it
    is 1 itself, as in the original, although the last bit can keep p of the highest level below it: then no
    pixel of a map with mean(p) > 0.5 reaches it. Not `clipped`, the threshold is 2 mean(p).

    Returns
    -------
    Two arrays ``(...)``: true and false positives.
    """
    total = counts.fg + counts.bg
    low, high = level_range(counts, protocol.normalise)
    if protocol.thresholds in STEPS:
        levels = np.arange(256) - low[..., None]
        value = levels * total.sum(axis=-1, keepdims=True)
        bound = 2 * (levels * total).sum(axis=-1, keepdims=True)
        top = (high - low)[..., None] * total.sum(axis=-1, keepdims=True)
    else:
        value = p = normalised(counts, protocol)
        exactly_one = protocol.normalise == "mat2gray" and protocol.eps == 0
        top = np.array(1.0) if exactly_one else np.take_along_axis(p, high[..., None], axis=-1)
        bound = 2 * mean_level(total, p)[..., None]
    if clipped:
        bound = np.minimum(bound, top)
    reached = value >= bound if compare == ">=" else value > bound
    return (counts.fg * reached).sum(axis=-1), (counts.bg * reached).sum(axis=-1)


def mean_level(histogram: Counts, p: Reals) -> Reals:
    """Return the mean of p over the pixels of a histogram, ``(...)``.

    Summed one level after the other, as MATLAB sums its pixels: where twice the mean is exactly a
    level, numpy's pairwise sum decides differently from the original program.
    """
    return np.cumsum(histogram * p, axis=-1)[..., -1] / histogram.sum(axis=-1)
