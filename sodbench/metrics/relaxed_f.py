"""Relaxed boundary F-measure: how well does the map's outline follow the object's?

Qin, Zhang, Huang, Dehghan, Zaiane, Jagersand: U2-Net, Pattern Recognition 106, 2020,
doi:10.1016/j.patcog.2020.107404, section 4.2 (6), after Ehrig and Euzenat 2005. The authors never
published code; this interpretation gives the printed value where their maps are public.

    precision = share of predicted boundary pixels within rho of the object's boundary,
    recall = share of the object's boundary pixels within rho of the predicted one,
    F = (1 + beta2) P R / (beta2 P + R)

*Conventions.* The map is binarised at p > 0.5, exactly: whether a level just at the threshold counts never
hangs on rounding. A boundary is a region minus its erosion with the 3x3 cross; outside the image is
background. Within rho = 3 pixels, Euclidean, inclusive. beta2 = 0.3, of each image; a dataset's value is
their mean. All of these are `Protocol` fields.

*Edge cases.* A ratio over an empty boundary is 0, so F is 0 if the mask is empty or nothing exceeds 0.5, even
if both are so. A full mask's boundary is the image's border.

*Cost.* Outlines on rows of 64 pixels at a time, for each map and once a mask: at 481x321 pixels about half
as long as counting the level histograms, which is all that MAE needs.

*Revisions.* 1: first. 2: p > threshold in exact numbers, not in floating point, in which a level just
at the threshold could count; nothing moved at the threshold 0.5 but under ``minmax``.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.bitrows import WORD, packed
from sodbench.metrics.fmeasure import f_from_pr
from sodbench.metrics.histogram import LevelCounts, Reals, check_pair, level_counts, level_range
from sodbench.metrics.parts import SHARE, Images, MapOnMask, Metric, Part, Statistics
from sodbench.protocol import Protocol
from sodbench.utils.kernels import kernel

GUARD = 2
"""Rows and columns around an image and its neighbourhood, so that no kernel needs a special case."""


@kernel
def _edge(inside, words, square, boundary):  # type: ignore[no-untyped-def]
    """Mark the pixels that the 3x3 cross, or square, erodes: rows of `words` words, one after the other."""
    step, last = np.uint64(1), np.uint64(WORD - 1)
    for k in range(words + 1, len(inside) - words - 1):
        column = inside[k - words] & inside[k] & inside[k + words]
        before, here, after = inside[k - 1], inside[k], inside[k + 1]
        if square:
            before &= inside[k - 1 - words] & inside[k - 1 + words]
            after &= inside[k + 1 - words] & inside[k + 1 + words]
            here = column
        sides = (here << step | before >> last) & (here >> step | after << last)
        boundary[k] = inside[k] & ~(column & sides)


@kernel
def _spread(boundary, words, half_widths, near):  # type: ignore[no-untyped-def]
    """Mark every pixel near a boundary pixel: up to half_widths[d] columns away, d rows away.

    Widens all rows at once as one long row; bits shifted past a row's end fall into the margin.
    """
    step, last, size = np.uint64(1), np.uint64(WORD - 1), len(boundary)
    wide, wider = boundary.copy(), np.zeros_like(boundary)
    reached = 0
    for down in range(len(half_widths) - 1, -1, -1):
        while reached < half_widths[down]:
            reached += 1
            for k in range(1, size - 1):
                sides = wide[k] << step | wide[k - 1] >> last | wide[k] >> step | wide[k + 1] << last
                wider[k] = wide[k] | sides
            wide, wider = wider, wide
        away = down * words
        for k in range(size - away):
            near[k + away] |= wide[k]
            near[k] |= wide[k + away]


class Outline(NamedTuple):
    """A boundary, its number of pixels, and the pixels within rho of it, as bit rows; see `pixels`."""

    boundary: NDArray[np.uint64]
    n: int
    near: NDArray[np.uint64]


def relax_f(pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net") -> float:
    """Return the relaxed boundary F-measure of one map.

    Parameters
    ----------
    pred, gt
        ``(h, w)`` uint8 levels and bool mask.
    protocol
        A preset's name, a signature, or a Protocol.

    Examples
    --------
    >>> gt = np.zeros((9, 9), bool)
    >>> gt[2:6, 2:6] = True
    >>> relax_f(np.roll(gt, 3, axis=1) * np.uint8(255), gt)
    1.0
    >>> relax_f(np.roll(gt, 3, axis=1) * np.uint8(255), gt, protocol=Protocol(rho=0))
    0.3333333333333333
    """
    pred, gt = check_pair(pred, gt)
    protocol = Protocol.of(protocol)
    cut = relaxed_cut(level_counts(pred, gt), protocol)
    precision, recall = relaxed_pr_at(mask_outline(gt, protocol), pred, cut, protocol)
    return float(f_from_pr(np.array(precision), np.array(recall), protocol.change(eps=0)))


def mask_outline(gt: NDArray[np.bool_], protocol: Protocol) -> Outline:
    """Compute what relaxed F needs of a mask, whatever the map."""
    return outline(gt.view(np.uint8), 1, protocol)


def relaxed_cut(counts: LevelCounts, protocol: Protocol) -> int:
    """Return the lowest level of a map whose p is above `Protocol.relax_threshold`, in exact numbers.

    Examples
    --------
    >>> relaxed_cut(level_counts(np.array([[100, 110, 120]], np.uint8), np.eye(1, 3, dtype=bool)),
    ...             Protocol(normalise="minmax"))
    111
    """
    low, high = (int(bound) for bound in level_range(counts, protocol.normalise))
    return low + _share_of(high - low, protocol.relax_threshold, protocol.eps) + 1


@cache
def _share_of(span: int, threshold: float, eps: float) -> int:
    return math.floor(Fraction(repr(threshold)) * (span + Fraction(repr(eps))))


def relaxed_pr_at(
    mask: Outline, pred: NDArray[np.uint8], cut: int, protocol: Protocol
) -> tuple[float, float]:
    """Return relaxed precision and recall of {pred >= cut}.

    Parameters
    ----------
    mask
        `mask_outline` of the mask.
    pred
        ``(h, w)`` uint8 levels.
    cut
        Lowest level that counts; see `relaxed_cut`.
    protocol
        Its `relax_...` fields and `rho` are used.
    """
    if cut > 255:
        return 0.0, 0.0
    predicted = outline(pred, cut, protocol)
    precision = _overlap(predicted.boundary, mask.near) / predicted.n if predicted.n else 0.0
    recall = _overlap(mask.boundary, predicted.near) / mask.n if mask.n else 0.0
    return precision, recall


def outline(levels: NDArray[np.uint8], cut: int, protocol: Protocol) -> Outline:
    """Return the boundary of {levels >= cut} and the pixels near it.

    Examples
    --------
    >>> outlined = outline(np.array([[9, 9, 9, 0, 0, 0]], np.uint8), 9, Protocol(rho=1))
    >>> pixels(outlined.boundary, (1, 6), 1).astype(int).tolist()
    [[1, 1, 1, 0, 0, 0]]
    >>> pixels(outlined.near, (1, 6), 1).astype(int).tolist()
    [[1, 1, 1, 1, 0, 0]]
    """
    half = half_widths(protocol.rho, protocol.relax_distance)
    margin = int(half[0]) + GUARD
    height, width = levels.shape
    square, outside = protocol.relax_element == "square", protocol.relax_border == "foreground"
    words = -(-(width + 2 * margin) // WORD)
    inside = np.full((height + 2 * margin, words * WORD), outside)
    picture = np.s_[margin : margin + height, margin : margin + width]
    np.greater_equal(levels, cut, out=inside[picture])
    boundary = np.zeros(inside.size // WORD, np.uint64)
    _edge(packed(inside), words, square, boundary)
    if outside:
        valid = np.zeros_like(inside)
        valid[picture] = True
        boundary &= packed(valid)
    near = np.zeros_like(boundary)
    _spread(boundary, words, half, near)
    return Outline(boundary, int(np.bitwise_count(boundary).sum()), near)


def pixels(bits: NDArray[np.uint64], shape: tuple[int, int], rho: int) -> NDArray[np.bool_]:
    """Return the ``(h, w)`` pixels of an `Outline`'s bit rows."""
    margin, (height, width) = rho + GUARD, shape
    rows = np.unpackbits(bits.view(np.uint8), bitorder="little").reshape(height + 2 * margin, -1)
    return rows[margin : margin + height, margin : margin + width].astype(bool)


def _overlap(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> int:
    return int(np.bitwise_count(a & b).sum())


@cache
def half_widths(rho: float, distance: str) -> NDArray[np.int64]:
    """Return how many columns away a pixel d rows away may lie within `rho`, for d = 0 to rho.

    >>> half_widths(3, "euclidean").tolist(), half_widths(3, "cityblock").tolist()
    ([3, 2, 2, 0], [3, 2, 1, 0])
    """
    away = np.arange(int(rho) + 1)
    down, right = away[:, None], away[None, :]
    length = {
        "euclidean": np.sqrt(down**2 + right**2),
        "chessboard": np.maximum(down, right),
        "cityblock": down + right,
    }[distance]
    return (length <= rho).sum(axis=1) - 1


def _of_map(work: Outline, pair: MapOnMask, protocol: Protocol) -> tuple[float, ...]:
    return relaxed_pr_at(work, pair.pred, relaxed_cut(pair.levels, protocol), protocol)


def _adaptive_of_map(work: Outline, pair: MapOnMask, protocol: Protocol) -> tuple[float, ...]:
    """Binarise at twice the map's mean, or at its highest level, in exact numbers."""
    low, high = (int(bound) for bound in level_range(pair.levels, protocol.normalise))
    above = int(((np.arange(256) - low) * (pair.levels.fg + pair.levels.bg)).sum())
    cut = low + min(math.ceil(Fraction(2 * above, pair.pred.size)), high - low)
    return relaxed_pr_at(work, pair.pred, cut, protocol)


def _best_of_map(work: Outline, pair: MapOnMask, protocol: Protocol) -> tuple[float, ...]:
    """Binarise at the level of the map that gives the highest F."""
    cuts = np.flatnonzero(pair.levels.fg + pair.levels.bg).tolist()
    ratios = np.array([relaxed_pr_at(work, pair.pred, cut, protocol) for cut in cuts])
    best = int(np.argmax(f_from_pr(ratios[:, 0], ratios[:, 1], protocol.change(eps=0))))
    return float(ratios[best, 0]), float(ratios[best, 1])


def _values(images: Images, protocol: Protocol) -> Reals:
    precision, recall = images.statistics["r_precision"], images.statistics["r_recall"]
    return np.where(np.isnan(recall), np.nan, f_from_pr(precision, recall, protocol.change(eps=0)))


_OUTLINE = ("rho", "relax_element", "relax_border", "relax_distance")


def _statistics(
    of_map: Callable[[Outline, MapOnMask, Protocol], tuple[float, ...]], *depends: str
) -> Statistics:
    return Statistics(
        names=("r_precision", "r_recall"),
        depends=(*depends, *_OUTLINE),
        of_map=of_map,
        of_mask=mask_outline,
        mask_depends=_OUTLINE,
        bounds=SHARE,
    )


def _revised(protocol: Protocol) -> bool:
    return protocol.normalise in ("minmax", "mat2gray") or protocol.relax_threshold != 0.5


PART = Part(
    revision=2,
    revised=_revised,
    always_signed=True,
    statistics=_statistics(_of_map, "normalise", "eps", "relax_threshold"),
    ways={
        "adaptive": _statistics(_adaptive_of_map, "normalise"),
        "maximum": _statistics(_best_of_map, "beta2"),
    },
    way="relax_cut",
    metrics=(
        Metric(
            id="relax_f",
            label="relaxF",
            words="relaxed F",
            higher_is_better=True,
            reference="Qin et al., Pattern Recognition 2020",
            function=relax_f,
            depends=("beta2",),
            values=_values,
        ),
    ),
)
