"""E-measure: does the binarised map align with the mask, pixel by pixel and as a whole?

Fan, Gong, Cao, Ren, Cheng, Borji: Enhanced-alignment Measure for Binary Foreground Map Evaluation,
IJCAI 2018, doi:10.24963/ijcai.2018/97.

    a = b - mean(b),  c = g - mean(g),  E = sum of ((2 a c / (a^2 + c^2 + eps) + 1)^2 / 4) / (N - 1 + eps)

with b the map binarised at a threshold.

*Conventions.* Max E and mean E of a dataset are taken from the mean of the images' E curves. b is p >= t, or
p > t where `Protocol.e_compare` says so (``fan``). Adaptive E binarises at min(2 mean(p), 1), or at 2 mean(p)
where `Protocol.e_adaptive` says so (``f3net``: of a map with mean(p) > 0.5 nothing is foreground). Under
``minmax`` a constant added to a map can change E where it can change F: by thresholds in floating point.

*Edge cases.* Empty mask: sum(1 - b) / (N - 1 + eps); full mask: sum(b) / (N - 1 + eps). The
original's divisor N - 1 is kept, so a perfect map can exceed 1 by 1 / (N - 1): 2 on two pixels. On an
image of one pixel the originals divide by eps and return 0 or 4.5e15; here E is undefined (NaN), and the
image is left out.

*Cost.* From the stored level histograms; no pixel is read.

*Revisions.* 1: first.
"""

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.histogram import (
    MATLAB_EPS,
    Above,
    Counts,
    LevelCounts,
    Reals,
    adaptive_counts,
    counts_above,
    exceeded,
    level_counts,
)
from sodbench.metrics.parts import THRESHOLDS, Averaged, Curve, Cut, Images, Metric, Part, own_mean
from sodbench.protocol import Protocol


def max_e(pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net") -> float:
    """Return the maximum over thresholds of one map's E-measure, NaN on one pixel.

    Examples
    --------
    >>> round(max_e(np.array([[0, 200, 0, 0]], np.uint8), np.array([[False, True, False, False]])), 6)
    1.333333
    """
    return float(e_from_levels(level_counts(pred, gt), Protocol.of(protocol)).max())


def mean_e(pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net") -> float:
    """Return the mean over thresholds of one map's E-measure, NaN on one pixel.

    Examples
    --------
    >>> pred, gt = np.array([[0, 200, 0, 0]], np.uint8), np.array([[False, True, False, False]])
    >>> mean_e(pred, gt) < max_e(pred, gt)
    True
    """
    return float(e_from_levels(level_counts(pred, gt), Protocol.of(protocol)).mean())


def adp_e(pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net") -> float:
    """Return the E-measure of one map binarised at twice its mean, NaN on one pixel.

    Examples
    --------
    >>> round(adp_e(np.array([[0, 200, 0, 0]], np.uint8), np.array([[False, True, False, False]])), 6)
    1.333333
    """
    return float(adaptive_e_from_levels(level_counts(pred, gt), Protocol.of(protocol)))


def e_from_levels(counts: LevelCounts, protocol: Protocol) -> Reals:
    """Return E curves of images, ``(..., K)``, from their level histograms."""
    return e_above(counts_above(counts, protocol, protocol.e_compare), protocol)


def e_above(above: Above, protocol: Protocol) -> Reals:
    """Return E curves of images, ``(..., K)``, from the counts of pixels that reach the thresholds."""
    return _alignment(*above)


def adaptive_e_from_levels(counts: LevelCounts, protocol: Protocol) -> Reals:
    """Return adaptive E of images, ``(...)``, from their level histograms."""
    clipped = protocol.e_adaptive == "clipped"
    tp, fp = adaptive_counts(counts, protocol, protocol.e_compare, clipped=clipped)
    return _alignment(tp, fp, counts.fg.sum(axis=-1), counts.bg.sum(axis=-1))


def _alignment(tp: Counts, fp: Counts, inside: Counts, outside: Counts) -> Reals:
    total = inside + outside
    aligned = np.zeros(tp.shape)
    for number, each in zip(
        (tp, fp, inside - tp, outside - fp), alignments(tp, fp, inside, outside), strict=True
    ):
        aligned += number * each
    return np.where(total > 1, aligned / (total - 1 + MATLAB_EPS), np.nan)


def alignments(tp: Counts, fp: Counts, inside: Counts, outside: Counts) -> list[Reals]:
    """Return the alignment of one pixel of each kind: true, false positives, misses, true negatives.

    >>> [each.round(2).tolist() for each in alignments(*(np.array(n) for n in (1, 0, 1, 3)))]
    [1.0, 0.04, 0.04, 1.0]
    """
    total = inside + outside
    mean_b, mean_g = (tp + fp) / total, inside / total
    kinds = []
    for b in (1, 0):
        for g in (1, 0):
            product = 2 * ((b - mean_b) * (g - mean_g))
            aligned = (product / ((b - mean_b) ** 2 + (g - mean_g) ** 2 + MATLAB_EPS) + 1) ** 2 / 4
            kinds.append(np.where(inside == 0, 1 - b, np.where(outside == 0, b, aligned)))
    return kinds


def _cut(protocol: Protocol) -> Cut:
    return exceeded if protocol.e_compare == ">" else counts_above


def _averaged(protocol: Protocol) -> Averaged:
    return own_mean("e", e_above)


def _adaptive(images: Images, protocol: Protocol) -> Reals:
    return adaptive_e_from_levels(images.levels, protocol)


_REFERENCE = "Fan et al., IJCAI 2018"
_UNDEFINED = "one pixel"
_BOUNDS = (0.0, 2.0)

PART = Part(
    revision=1,
    always_signed=True,
    curves={"e": Curve((*THRESHOLDS, "e_compare"), e_above, _averaged, _cut)},
    metrics=(
        Metric(
            id="max_e",
            label="maxE",
            words="max E",
            higher_is_better=True,
            reference=_REFERENCE,
            undefined=_UNDEFINED,
            bounds=_BOUNDS,
            function=max_e,
            curve="e",
            reduction="max",
        ),
        Metric(
            id="mean_e",
            label="meanE",
            words="mean E",
            higher_is_better=True,
            reference=_REFERENCE,
            undefined=_UNDEFINED,
            bounds=_BOUNDS,
            function=mean_e,
            curve="e",
            reduction="mean",
        ),
        Metric(
            id="adp_e",
            label="adpE",
            words="adaptive E",
            higher_is_better=True,
            reference=_REFERENCE,
            undefined=_UNDEFINED,
            bounds=_BOUNDS,
            function=adp_e,
            depends=(*THRESHOLDS, "e_compare", "e_adaptive"),
            values=_adaptive,
        ),
    ),
)
