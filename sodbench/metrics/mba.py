"""Mean boundary accuracy: what share of the pixels near the object's outline does the map get right?

Cheng, Chung, Tai, Tang: CascadePSP, CVPR 2020, doi:10.48550/arXiv.2005.02551, who propose it for
high-resolution segmentation; the formula is that of their program.

    r_i = 1 + trunc(((w + h) / 300 - 1) / 5 * i), i = 0 to 4,
    region_i = pixels within r_i of the other side of the outline,
    mBA = mean over i of the share of region_i in which map = mask

*Conventions.* The map is binarised at level > 128 (CascadePSP, BiRefNet, InSPyReNet), or at min-max > 0.5 in
exact numbers; a flat map is not normalised. Within r_i is by an elliptical element of OpenCV: d rows away, up
to rint(sqrt(r_i^2 - d^2)) columns away. Outside the image is neither object nor background, so that the
image's border is no outline. An image narrower and lower than 300 together has r_i = 1.

*Edge cases.* An empty or a full mask has no outline: undefined, and left out of a dataset's mean, where
CascadePSP's program returns NaN.

*Cost.* The regions are made once for a mask, on rows of bits, and kept as a list of pixels; each map takes
one pass over these.

*Revisions.* 1: first.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.bitrows import WORD, packed
from sodbench.metrics.histogram import Reals, check_pair, level_counts, lowest_predicted
from sodbench.metrics.parts import SHARE, Images, MapOnMask, Metric, Part, Statistics
from sodbench.protocol import Protocol
from sodbench.utils.kernels import kernel

STEPS_OF_RADIUS = 5


@kernel
def _dilate(bits, words, half_widths, near):  # type: ignore[no-untyped-def]
    """Mark in near[i] every pixel up to half_widths[i, d] columns away from a set one, d rows away.

    Widens all rows at once as one long row of bits; bits shifted past a row's end fall into its margin.
    """
    step, last, size = np.uint64(1), np.uint64(WORD - 1), len(bits)
    wide, wider = bits.copy(), np.zeros_like(bits)
    rings, rows = half_widths.shape
    reached, furthest = 0, half_widths.max()
    while True:
        for ring in range(rings):
            for down in range(rows):
                if half_widths[ring, down] == reached:
                    away = down * words
                    lower, upper = near[ring, away:], near[ring, : size - away]
                    source, further = wide[: size - away], wide[away:]
                    for k in range(size - away):
                        lower[k] |= source[k]
                    if down:
                        for k in range(size - away):
                            upper[k] |= further[k]
        if reached == furthest:
            break
        reached += 1
        before, here, after, out = wide[:-2], wide[1:-1], wide[2:], wider[1:-1]
        for k in range(size - 2):
            out[k] = here[k] | here[k] << step | before[k] >> last | here[k] >> step | after[k] << last
        wide, wider = wider, wide


@kernel
def _list_pixels(near, mask, words, first_row, height, width, places, inside, ends):  # type: ignore[no-untyped-def]
    """List the pixels of each ring near[i] less near[i - 1], as offsets into the image."""
    step, eight = np.uint64(1), np.uint64(8)
    n = 0
    for ring in range(len(near)):
        for row in range(height):
            for word in range(words):
                k = (first_row + row) * words + word
                left = near[ring, k]
                if ring:
                    left &= ~near[ring - 1, k]
                sides = mask[k]
                place = row * width + WORD * word
                while left:
                    if left & np.uint64(255):
                        for bit in range(8):
                            if left >> np.uint64(bit) & step:
                                places[n] = place + bit
                                inside[n] = sides >> np.uint64(bit) & step
                                n += 1
                    left >>= eight
                    sides >>= eight
                    place += 8
        ends[ring] = n


@kernel
def _count_right(levels, cut, places, inside, ends, right):  # type: ignore[no-untyped-def]
    """Count the pixels of each ring on which {level >= cut} is the mask."""
    start = 0
    for ring in range(len(ends)):
        n = 0
        for k in range(start, ends[ring]):
            n += (levels[places[k]] >= cut) == inside[k]
        right[ring] = n
        start = ends[ring]


class Rings(NamedTuple):
    """The pixels near a mask's outline.

    Parameters
    ----------
    radii
        ``(steps,)`` index of each step's radius among the different radii.
    places, inside
        ``(n,)`` offsets of the pixels into the image, ring by ring, and whether they are object.
    ends
        ``(R,)`` where the ring of each radius ends; the pixels of a region are all up to there.
    """

    radii: NDArray[np.intp]
    places: NDArray[np.int32]
    inside: NDArray[np.bool_]
    ends: NDArray[np.int64]


def mba(pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net") -> float:
    """Return the mean boundary accuracy of one map, NaN on an empty and on a full mask.

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
    >>> mba(gt * np.uint8(255), gt)
    1.0
    >>> mba(gt * np.uint8(100), gt)
    0.5714285714285714
    >>> mba(gt * np.uint8(100), gt, protocol=Protocol(mba_binarise="minmax>.5"))
    1.0
    """
    pred, gt = check_pair(pred, gt)
    protocol = Protocol.of(protocol)
    cut = lowest_predicted(level_counts(pred, gt), protocol.mba_binarise)
    return boundary_accuracy(mask_rings(gt, outline_radii(*gt.shape)), pred, cut)


def outline_radii(height: int, width: int) -> list[int]:
    """Return the five radii for an image's size, in the order of the original's floating point.

    >>> outline_radii(321, 481), outline_radii(2048, 2048)
    ([1, 1, 1, 2, 2], [1, 3, 6, 8, 11])
    """
    longest = (width + height) / 300
    return [1 + int((longest - 1) / STEPS_OF_RADIUS * i) for i in range(STEPS_OF_RADIUS)]


def ellipse(radius: int, rows: int) -> NDArray[np.int64]:
    """Return how many columns away an elliptical element reaches, d rows away, -1 beyond its radius.

    >>> ellipse(3, 5).tolist()
    [3, 3, 2, 0, -1]
    """
    squared = np.maximum(radius**2 - np.arange(rows) ** 2, -1)
    return np.where(squared < 0, -1, np.rint(np.sqrt(np.maximum(squared, 0)))).astype(np.int64)


def mask_rings(gt: NDArray[np.bool_], radii: Sequence[int]) -> Rings:
    """List the pixels near a mask's outline, whatever the map.

    Parameters
    ----------
    gt
        ``(h, w)`` bool mask.
    radii
        See `outline_radii`.

    Examples
    --------
    >>> mask_rings(np.array([[False, False, True, True, True]]), [1, 2, 2]).places.tolist()
    [1, 2, 0, 3]
    """
    height, width = gt.shape
    different, index = np.unique(radii, return_inverse=True)
    margin = int(different[-1])
    half_widths = np.array([ellipse(int(radius), margin + 1) for radius in different])
    words = -(-(width + margin) // WORD)
    rows = np.zeros((2, height + 2 * margin, words * WORD), bool)
    rows[0, margin : margin + height, :width] = gt
    np.logical_not(gt, out=rows[1, margin : margin + height, :width])
    sides = packed(rows).reshape(2, -1)
    near = np.zeros((2, len(different), sides.shape[1]), np.uint64)
    for side, close in zip(sides, near, strict=True):
        _dilate(side, words, half_widths, close)
    both = near[0] & near[1] & (sides[0] | sides[1])
    n = int(np.bitwise_count(both[-1]).sum())
    rings = Rings(index, np.empty(n, np.int32), np.empty(n, bool), np.empty(len(different), np.int64))
    _list_pixels(both, sides[0], words, margin, height, width, rings.places, rings.inside, rings.ends)
    return rings


def boundary_accuracy(rings: Rings, pred: NDArray[np.uint8], cut: int) -> float:
    """Return the mean share of the regions in which {pred >= cut} is the mask, NaN without an outline.

    Parameters
    ----------
    rings
        `mask_rings` of the mask.
    pred
        ``(h, w)`` uint8 levels.
    cut
        Lowest level that counts; see `sodbench.metrics.histogram.lowest_predicted`.
    """
    if not len(rings.places):
        return math.nan
    right = np.empty(len(rings.ends), np.int64)
    _count_right(np.ravel(pred), cut, rings.places, rings.inside, rings.ends, right)
    shares = (np.cumsum(right) / rings.ends)[rings.radii]
    return sum(shares.tolist()) / len(shares)


def _of_mask(gt: NDArray[np.bool_], protocol: Protocol) -> Rings:
    return mask_rings(gt, outline_radii(*gt.shape))


def _of_map(work: Rings, pair: MapOnMask, protocol: Protocol) -> tuple[float, ...]:
    return (boundary_accuracy(work, pair.pred, lowest_predicted(pair.levels, protocol.mba_binarise)),)


def _values(images: Images, protocol: Protocol) -> Reals:
    return images.statistics["boundary_accuracy"]


PART = Part(
    revision=1,
    optional=True,
    statistics=Statistics(
        names=("boundary_accuracy",),
        depends=("mba_binarise",),
        of_map=_of_map,
        of_mask=_of_mask,
        bounds=SHARE,
    ),
    metrics=(
        Metric(
            id="mba",
            label="mBA",
            words="mean boundary accuracy",
            higher_is_better=True,
            reference="Cheng et al., CVPR 2020",
            function=mba,
            values=_values,
            undefined="empty or full mask",
        ),
    ),
)
