"""Relaxed boundary F-measure: how well does the map's outline follow the object's?

Qin, Zhang, Huang, Dehghan, Zaiane, Jagersand: U2-Net, Pattern Recognition 106, 2020,
doi:10.1016/j.patcog.2020.107404, section 4.2 (6), after Ehrig and Euzenat 2005. The authors never
published code; this reading gives the printed value where their maps are public.

    precision = share of predicted boundary pixels within rho of the object's boundary,
    recall = share of the object's boundary pixels within rho of the predicted one,
    F = (1 + beta2) P R / (beta2 P + R)

*Conventions.* The map is binarised at p > 0.5. A boundary is a region minus its erosion with the
3x3 cross; outside the image is background. Within rho = 3 pixels, Euclidean, inclusive. A ratio
over an empty boundary is 0. beta2 = 0.3 per image. Each of these is a `Protocol` field.

*Revisions.* 1: first.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sodbench.metrics.fmeasure import f_from_pr
from sodbench.metrics.histogram import Reals, check_pair, level_counts, normalised
from sodbench.protocol import Protocol


@njit(cache=True, nogil=True)
def _outline(levels, cut, square, outside, boundary):  # type: ignore[no-untyped-def]
    """Mark the pixels of {levels >= cut} that have a neighbour not in it; return how many."""
    height, width = levels.shape
    inside = np.full((height + 2, width + 2), outside, np.uint8)
    for row in range(height):
        line, out = levels[row], inside[row + 1, 1 : width + 1]
        for col in range(width):
            out[col] = line[col] >= cut
    n = 0
    for row in range(height):
        up, here, down = inside[row], inside[row + 1], inside[row + 2]
        out = boundary[row]
        for col in range(width):
            kept = up[col + 1] & down[col + 1] & here[col] & here[col + 2]
            if square:
                kept &= up[col] & up[col + 2] & down[col] & down[col + 2]
            out[col] = here[col + 1] & (kept ^ 1)
            n += out[col]
    return n


@njit(cache=True, nogil=True)
def _spread(boundary, half_widths, near):  # type: ignore[no-untyped-def]
    """Mark every pixel near a boundary pixel: up to half_widths[d] columns away, d rows away."""
    height, width = boundary.shape
    rows_away, cols_away = len(half_widths) - 1, half_widths[0]
    padded = np.zeros(width + 2 * cols_away, np.uint8)
    for row in range(height):
        centre = padded[cols_away : cols_away + width]
        source = boundary[row]
        found = np.uint8(0)
        for col in range(width):
            centre[col] = source[col]
            found |= source[col]
        if not found:
            continue
        wide = source.copy()
        reached = 0
        for down in range(rows_away, -1, -1):
            while reached < half_widths[down]:
                reached += 1
                left, right = padded[cols_away - reached :], padded[cols_away + reached :]
                for col in range(width):
                    wide[col] |= left[col] | right[col]
            for side in range(-1, 2, 2):
                at = row + side * down
                if 0 <= at < height:
                    target = near[at]
                    for col in range(width):
                        target[col] |= wide[col]


@njit(cache=True, nogil=True)
def _overlap(a, b):  # type: ignore[no-untyped-def]
    n = 0
    for row in range(a.shape[0]):
        one, two = a[row], b[row]
        for col in range(a.shape[1]):
            n += one[col] & two[col]
    return n


class Outline(NamedTuple):
    """A boundary as 0/1 bytes ``(h, w)``, its number of pixels, and the pixels within rho of it."""

    boundary: NDArray[np.uint8]
    n: int
    near: NDArray[np.uint8]


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
    check_pair(pred, gt)
    protocol = Protocol.of(protocol)
    p = normalised(level_counts(pred, gt), protocol)
    precision, recall = relaxed_pr_on(mask_outline(gt, protocol), pred, p, protocol)
    return float(f_from_pr(np.array(precision), np.array(recall), protocol.change(eps=0)))


def mask_outline(gt: NDArray[np.bool_], protocol: Protocol) -> Outline:
    """Do the work of relaxed F on a mask."""
    return outline(gt.view(np.uint8), 1, protocol)


def relaxed_pr_on(
    mask: Outline, pred: NDArray[np.uint8], p: Reals, protocol: Protocol
) -> tuple[float, float]:
    """Return relaxed precision and recall of a map on a mask already worked on.

    Parameters
    ----------
    mask
        `mask_outline` of the mask.
    pred
        ``(h, w)`` uint8 levels.
    p
        ``(256,)`` normalised value of each level.
    protocol
        Its `relax_...` fields and `rho` are used.
    """
    cut = int(np.searchsorted(p, protocol.relax_threshold, side="right"))
    if cut > 255:
        return 0.0, 0.0
    found = outline(pred, cut, protocol)
    precision = _overlap(found.boundary, mask.near) / found.n if found.n else 0.0
    recall = _overlap(mask.boundary, found.near) / mask.n if mask.n else 0.0
    return precision, recall


def outline(levels: NDArray[np.uint8], cut: int, protocol: Protocol) -> Outline:
    """Return the boundary of {levels >= cut} and the pixels near it.

    Examples
    --------
    >>> found = outline(np.array([[9, 9, 9, 0, 0, 0]], np.uint8), 9, Protocol(rho=1))
    >>> found.boundary.tolist(), found.near.tolist()
    ([[1, 1, 1, 0, 0, 0]], [[1, 1, 1, 1, 0, 0]])
    """
    boundary = np.empty(levels.shape, np.uint8)
    n = _outline(
        levels,
        np.uint8(cut),
        protocol.relax_element == "square",
        protocol.relax_border == "foreground",
        boundary,
    )
    near = np.zeros(levels.shape, np.uint8)
    _spread(boundary, half_widths(protocol.rho, protocol.relax_distance), near)
    return Outline(boundary, n, near)


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
