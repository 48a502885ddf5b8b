"""Boundary IoU: how much do the object's margin and the map's have in common?

Cheng, Girshick, Dollár, Berg, Kirillov: Boundary IoU, CVPR 2021, doi:10.1109/CVPR46437.2021.01508.

    d = max(1, round(0.02 sqrt(h^2 + w^2))),
    margin of a region = its pixels with a pixel outside it at most d rows and d columns away,
    BIoU = |margin of mask & margin of map| / |margin of mask | margin of map|

*Conventions.* The map is binarised at level >= 128, or at min-max > 0.5 in exact numbers; a flat map is not
normalised. d is rounded half to even. What lies outside the image is outside every region. ``min`` takes the
lesser of it and the IoU of map and mask, as the authors' program does since it went into pycocotools; the
paper's formula is ``boundary``.

*Edge cases.* 0 where both margins are empty, as in pycocotools.

*Cost.* A minimum over a square window of each pixel, for each map and once for a mask, whatever d; the rest
counts pixels.

*Revisions.* 1: first.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.histogram import LevelCounts, Reals, check_pair, level_counts, lowest_predicted
from sodbench.metrics.parts import SHARE, Images, MapOnMask, Metric, Part, Statistics
from sodbench.protocol import Protocol
from sodbench.utils.kernels import kernel

RATIO = 0.02
"""Width of a margin, as a share of the image's diagonal."""

AT_ONCE = 1 << 14
"""Pixels of whole rows that are processed together: as many as stay in a core's nearest cache."""


@kernel
def _lesser(a, b, out):  # type: ignore[no-untyped-def]
    for k in range(len(out)):
        out[k] = a[k] if a[k] < b[k] else b[k]


@kernel
def _copy(a, out):  # type: ignore[no-untyped-def]
    for k in range(len(out)):
        out[k] = a[k]


@kernel
def _lower(a, b):  # type: ignore[no-untyped-def]
    """Lower `a` to `b` where that is less."""
    for k in range(len(a)):
        a[k] = a[k] if a[k] < b[k] else b[k]


@kernel
def _lower_both(start, following, end, out):  # type: ignore[no-untyped-def]
    """Lower `start` to `following`, and give the lesser of it and `end`."""
    for k in range(len(out)):
        least = start[k] if start[k] < following[k] else following[k]
        start[k] = least
        out[k] = least if least < end[k] else end[k]


@kernel
def _row_minima(levels, width, size, here, other, out):  # type: ignore[no-untyped-def]
    """Minimum of each pixel and the size - 1 to its right, of rows that lie one after the other.

    By windows of 2, 4, 8 ... pixels, of some rows at a time; what reaches past a row's end is meaningless.
    """
    step = len(here) // width * width
    for first in range(0, len(levels), step):
        n = min(step, len(levels) - first)
        source = levels[first : first + n]
        _lesser(source, source[1:], here[: n - 1])
        reached = 2
        while 2 * reached < size:
            _lesser(here, here[reached:], other[: n - 2 * reached + 1])
            here, other = other, here
            reached *= 2
        _lesser(here, here[size - reached :], out[first : first + n - size + 1])


@kernel
def _window_minima(levels, size, out):  # type: ignore[no-untyped-def]
    """Minimum of each size x size window within the image, at the window's centre.

    Blocks of `size` rows: a window is the end of a block and the start of the next, whatever its size.
    """
    height, width = levels.shape
    middle, inner = size // 2, width - size + 1
    flat = levels.reshape(height * width)
    here, other = np.empty(max(width, AT_ONCE), np.uint8), np.empty(max(width, AT_ONCE), np.uint8)
    block, following = np.empty((size, width), np.uint8), np.empty((size, width), np.uint8)
    start = np.empty(inner, np.uint8)
    _row_minima(flat[: size * width], width, size, here, other, block.reshape(size * width))
    for first in range(0, height - size + 1, size):
        below = flat[(first + size) * width : min(height, first + 2 * size) * width]
        _row_minima(below, width, size, here, other, following.reshape(size * width))
        for row in range(size - 2, -1, -1):
            _lower(block[row], block[row + 1])
        _copy(block[0], out[first + middle, middle : middle + inner])
        start[:] = 255
        for row in range(1, min(size, height - size - first + 1)):
            _lower_both(
                start, following[row - 1], block[row], out[first + middle + row, middle : middle + inner]
            )
        block, following = following, block


@kernel
def _count_margin(levels, least, cut, margin):  # type: ignore[no-untyped-def]
    """Count the pixels of the margin of {levels >= cut}, and those of them in the mask's margin.

    By columns, in bytes, so that many are counted at once.
    """
    height, width = levels.shape
    n, common = 0, 0
    in_column, common_in_column = np.zeros(width, np.uint8), np.zeros(width, np.uint8)
    for first in range(0, height, 255):
        for row in range(first, min(first + 255, height)):
            high, low, of_mask = levels[row], least[row], margin[row]
            for col in range(width):
                here = np.uint8(high[col] >= cut) & np.uint8(low[col] < cut)
                in_column[col] += here
                common_in_column[col] += here & of_mask[col]
        for col in range(width):
            n += int(in_column[col])
            common += int(common_in_column[col])
        in_column[:] = 0
        common_in_column[:] = 0
    return n, common


class Margin(NamedTuple):
    """The margin of a mask, ``(h, w)``, its number of pixels, and d."""

    pixels: NDArray[np.bool_]
    n: int
    distance: int


def biou(pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net") -> float:
    """Return the boundary IoU of one map.

    Parameters
    ----------
    pred, gt
        ``(h, w)`` uint8 levels and bool mask.
    protocol
        A preset's name, a signature, or a Protocol.

    Examples
    --------
    >>> gt = np.zeros((9, 9), bool)
    >>> gt[2:7, 2:7] = True
    >>> biou(gt * np.uint8(255), gt)
    1.0
    >>> pred = gt * np.uint8(255)
    >>> pred[4, 4] = 0
    >>> biou(pred, gt), biou(pred, gt, protocol=Protocol(biou_value="min"))
    (0.6666666666666666, 0.6666666666666666)
    """
    pred, gt = check_pair(pred, gt)
    protocol = Protocol.of(protocol)
    counts = level_counts(pred, gt)
    of_margins = margin_iou(
        mask_margin(gt, margin_width(*gt.shape)), pred, lowest_predicted(counts, protocol.biou_binarise)
    )
    return float(_chosen(np.array(of_margins), counts, protocol))


def margin_width(height: int, width: int, ratio: float = RATIO) -> int:
    """Return d for an image's size.

    >>> margin_width(321, 481), margin_width(4, 3)
    (12, 1)
    """
    return max(1, round(ratio * math.sqrt(height**2 + width**2)))


def eroded(levels: NDArray[np.uint8], distance: int) -> NDArray[np.uint8]:
    """Return each pixel's minimum up to `distance` rows and columns away, where outside the image is 0.

    >>> eroded(np.array([[9, 9, 9, 9], [9, 5, 9, 9], [9, 9, 9, 9]], np.uint8), 1).tolist()
    [[0, 0, 0, 0], [0, 5, 5, 0], [0, 0, 0, 0]]
    """
    size = 2 * distance + 1
    out = np.zeros(levels.shape, np.uint8)
    if min(levels.shape) >= size:
        _window_minima(np.ascontiguousarray(levels), size, out)
    return out


def mask_margin(gt: NDArray[np.bool_], distance: int) -> Margin:
    """Return a mask's margin of width `distance`, whatever the map.

    >>> mask_margin(np.ones((3, 4), bool), margin_width(3, 4)).n
    10
    """
    least = eroded(gt.view(np.uint8), distance)
    pixels = np.greater(gt.view(np.uint8), least, out=least.view(np.bool_))
    return Margin(pixels, int(np.count_nonzero(pixels)), distance)


def margin_iou(mask: Margin, pred: NDArray[np.uint8], cut: int) -> float:
    """Return the IoU of a mask's margin and that of {pred >= cut}, 0 where both are empty.

    Parameters
    ----------
    mask
        `mask_margin` of the mask.
    pred
        ``(h, w)`` uint8 levels.
    cut
        Lowest level that counts, at least 1; see `sodbench.metrics.histogram.lowest_predicted`.
    """
    pred = np.ascontiguousarray(pred)
    n, common = _count_margin(pred, eroded(pred, mask.distance), np.uint8(cut), mask.pixels)
    return common / (n + mask.n - common) if n + mask.n else 0.0


def mask_iou(counts: LevelCounts, how: str) -> Reals:
    """Return the IoU of the binarised maps with the masks, ``(...)``, 0 where both are empty.

    >>> float(mask_iou(level_counts(np.array([[0, 200, 255]], np.uint8), np.eye(1, 3, dtype=bool)), ">=128"))
    0.0
    """
    fg, bg = (side.reshape(-1, 256) for side in counts)
    cuts = [lowest_predicted(LevelCounts(*pair), how) for pair in zip(fg, bg, strict=True)]
    predicted = np.arange(256) >= np.array(cuts)[:, None]
    common, union = (fg * predicted).sum(axis=-1), fg.sum(axis=-1) + (bg * predicted).sum(axis=-1)
    return (common / np.maximum(union, 1)).reshape(counts.fg.shape[:-1])


def _chosen(of_margins: Reals, counts: LevelCounts, protocol: Protocol) -> Reals:
    if protocol.biou_value == "boundary":
        return of_margins
    return np.minimum(of_margins, mask_iou(counts, protocol.biou_binarise))


def _of_mask(gt: NDArray[np.bool_], protocol: Protocol) -> Margin:
    return mask_margin(gt, margin_width(*gt.shape))


def _of_map(work: Margin, pair: MapOnMask, protocol: Protocol) -> tuple[float, ...]:
    return (margin_iou(work, pair.pred, lowest_predicted(pair.levels, protocol.biou_binarise)),)


def _values(images: Images, protocol: Protocol) -> Reals:
    return _chosen(images.statistics["margin_iou"], images.levels, protocol)


PART = Part(
    revision=1,
    optional=True,
    statistics=Statistics(
        names=("margin_iou",),
        depends=("biou_binarise",),
        of_map=_of_map,
        of_mask=_of_mask,
        bounds=SHARE,
    ),
    metrics=(
        Metric(
            id="biou",
            label="BIoU",
            words="boundary IoU",
            higher_is_better=True,
            reference="Cheng et al., CVPR 2021",
            function=biou,
            depends=("biou_value",),
            values=_values,
        ),
    ),
)
