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
def _outline(levels, cut, square, outside, margin, boundary):  # type: ignore[no-untyped-def]
    """Mark the pixels of {levels >= cut} that have a neighbour not in it; return how many."""
    height, width = levels.shape
    inside = np.full((height + 2, width + 2), outside, np.uint8)
    for row in range(height):
        line, out = levels[row], inside[row + 1, 1 : width + 1]
        for col in range(width):
            out[col] = line[col] >= cut
    n = np.int64(0)
    for row in range(height):
        up, here, down = inside[row], inside[row + 1], inside[row + 2]
        out = boundary[row + margin, margin : margin + width]
        for col in range(width):
            kept = up[col + 1] & down[col + 1] & here[col] & here[col + 2]
            if square:
                kept &= up[col] & up[col + 2] & down[col] & down[col + 2]
            out[col] = here[col + 1] & (kept ^ 1)
            n += out[col]
    return n


@njit(cache=True, nogil=True)
def _join(target, source):  # type: ignore[no-untyped-def]
    for k in range(len(source)):
        target[k] |= source[k]


@njit(cache=True, nogil=True)
def _spread(boundary, half_widths, near):  # type: ignore[no-untyped-def]
    """Mark every pixel near a boundary pixel: up to half_widths[d] columns away, d rows away.

    Shifts the whole image at once; what runs over a row's end falls into the margin.
    """
    flat, out, stride = boundary.ravel(), near.ravel(), boundary.shape[1]
    size = flat.size
    wide = flat.copy()
    reached = 0
    for down in range(len(half_widths) - 1, -1, -1):
        while reached < half_widths[down]:
            reached += 1
            _join(wide[reached:], flat[: size - reached])
            _join(wide, flat[reached:])
        _join(out[down * stride :], wide[: size - down * stride])
        _join(out, wide[down * stride :])


@njit(cache=True, nogil=True)
def _overlap(a, b):  # type: ignore[no-untyped-def]
    a, b = a.ravel(), b.ravel()
    n = np.int64(0)
    for k in range(len(a)):
        n += a[k] & b[k]
    return n


class Outline(NamedTuple):
    """A boundary as 0/1 bytes, its number of pixels, and the pixels within rho of it.

    Both images have a margin of rho around them, ``(h + 2 rho, w + 2 rho)``, of no meaning in `near`.
    """

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
    >>> found.boundary[1, 1:-1].tolist(), found.near[1, 1:-1].tolist()
    ([1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 0, 0])
    """
    half = half_widths(protocol.rho, protocol.relax_distance)
    margin = int(half[0])
    boundary = np.zeros((levels.shape[0] + 2 * margin, levels.shape[1] + 2 * margin), np.uint8)
    square, outside = protocol.relax_element == "square", protocol.relax_border == "foreground"
    n = _outline(levels, np.uint8(cut), square, outside, margin, boundary)
    near = np.zeros_like(boundary)
    _spread(boundary, half, near)
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
