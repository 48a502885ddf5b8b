"""Grey boundary IoU: boundary IoU of a map that is not binarised, over all thresholds.

Zheng, Gao, Fan, Liu, Laaksonen, Ouyang, Sebe: BiRefNet, CAAI Artificial Intelligence Research 3, 2024,
doi:10.26599/AIR.2024.9150038, whose program (and InSPyReNet's before it) calls it BIoU. It is not Cheng
et al.'s boundary IoU (`sodbench.metrics.biou`) at each threshold:

    q = number of the last threshold that a pixel's p reaches,
    m = q - least q up to d rows and columns away,
    BIoU_k = |{m >= k} within g| / (|g| + |{m >= k} outside g|),

with g the mask's margin and d its width as in `sodbench.metrics.biou`.

*Conventions.* Thresholds and normalisation are the protocol's; under ``pysodmetrics`` (min-max, rounded down
in floating point) q is theirs to the last bit. Outside the image q is 0, and so is q of a level that reaches
no threshold. Maximum and mean are over the
thresholds of each image; a dataset's are the means of the images' own.

*Edge cases.* |g| counts as 1 if it is 0, so an empty mask has 0 throughout.

*Cost.* A minimum over a square window of each pixel, and a histogram, for each map.

*Revisions.* 1: first.
"""

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.biou import Margin, eroded, margin_width, mask_margin
from sodbench.metrics.histogram import (
    Counts,
    LevelCounts,
    Reals,
    check_pair,
    level_counts,
    n_thresholds,
    thresholds_passed,
)
from sodbench.metrics.parts import SHARE, THRESHOLDS, Images, MapOnMask, Metric, Part, Statistics
from sodbench.protocol import Protocol
from sodbench.utils.kernels import kernel


@kernel
def _count_steps(levels, least, inside, passed, counts):  # type: ignore[no-untyped-def]
    """Count pixels by side of the mask's margin, and by how many thresholds lie between two levels."""
    height, width = levels.shape
    for row in range(height):
        for col in range(width):
            step = passed[levels[row, col]] - passed[least[row, col]]
            counts[np.uint64(inside[row, col]), step] += 1


def max_grey_biou(
    pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net"
) -> float:
    """Return the maximum of one map's grey boundary IoU over the thresholds.

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
    >>> max_grey_biou(gt * np.uint8(200), gt)
    1.0
    """
    return float(_curve_of(pred, gt, protocol).max())


def mean_grey_biou(
    pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net"
) -> float:
    """Return the mean of one map's grey boundary IoU over the thresholds.

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
    >>> 256 * mean_grey_biou(gt * np.uint8(200), gt)  # at threshold 0 all pixels are predicted
    255.19753086419752
    """
    return float(_curve_of(pred, gt, protocol).mean())


def grey_biou_curve(mask: Margin, pred: NDArray[np.uint8], counts: LevelCounts, protocol: Protocol) -> Reals:
    """Return grey boundary IoU at each threshold, ``(K,)``.

    Parameters
    ----------
    mask
        `mask_margin` of the mask.
    pred
        ``(h, w)`` uint8 levels.
    counts
        The level histograms of the pair.
    protocol
        Its `normalise`, `thresholds` and `eps` are used.
    """
    n, passed = n_thresholds(protocol), last_passed(counts, protocol)
    steps = np.zeros((2, n), np.int64)
    _count_steps(pred, eroded(pred, mask.distance), mask.pixels, passed, steps)
    fp, tp = steps[:, ::-1].cumsum(axis=1)[:, ::-1]
    return np.asarray(tp / (max(mask.n, 1) + fp), np.float64)


def last_passed(counts: LevelCounts, protocol: Protocol) -> Counts:
    """Return q of each level, ``(256,)``; that of level 0 is also what lies outside the image."""
    passed = np.clip(thresholds_passed(counts, protocol), 0, n_thresholds(protocol) - 1)
    passed[0] = 0
    return passed


def _curve_of(pred: NDArray[np.uint8], gt: NDArray[np.bool_], protocol: str | Protocol) -> Reals:
    pred, gt = check_pair(pred, gt)
    return grey_biou_curve(
        mask_margin(gt, margin_width(*gt.shape)), pred, level_counts(pred, gt), Protocol.of(protocol)
    )


def _of_mask(gt: NDArray[np.bool_], protocol: Protocol) -> Margin:
    return mask_margin(gt, margin_width(*gt.shape))


def _of_map(work: Margin, pair: MapOnMask, protocol: Protocol) -> tuple[float, ...]:
    curve = grey_biou_curve(work, pair.pred, pair.levels, protocol)
    return float(curve.max()), float(curve.mean())


def _max_values(images: Images, protocol: Protocol) -> Reals:
    return images.statistics["grey_margin_max"]


def _mean_values(images: Images, protocol: Protocol) -> Reals:
    return images.statistics["grey_margin_mean"]


_REFERENCE = "Zheng et al., CAAI AIR 2024"

PART = Part(
    revision=1,
    optional=True,
    statistics=Statistics(
        names=("grey_margin_max", "grey_margin_mean"),
        depends=THRESHOLDS,
        of_map=_of_map,
        of_mask=_of_mask,
        bounds=SHARE,
    ),
    metrics=(
        Metric(
            id="max_grey_biou",
            label="maxGreyBIoU",
            words="maximum grey boundary IoU",
            higher_is_better=True,
            reference=_REFERENCE,
            function=max_grey_biou,
            values=_max_values,
        ),
        Metric(
            id="mean_grey_biou",
            label="meanGreyBIoU",
            words="mean grey boundary IoU",
            higher_is_better=True,
            reference=_REFERENCE,
            function=mean_grey_biou,
            values=_mean_values,
        ),
    ),
)
