"""Precision, recall and F-measure: which pixels does the map find, which finds are right?

Achanta, Hemami, Estrada, Süsstrunk: Frequency-tuned salient region detection, CVPR 2009,
doi:10.1109/CVPR.2009.5206596.

    P_k = TP_k / (TP_k + FP_k),  R_k = TP_k / G,  F_k = (1 + beta2) P R / (beta2 P + R)

*Conventions.* A level passes threshold k as `Protocol.thresholds` says; P, R and F are 0 where
TP = 0; beta2 = 0.3. Max F and mean F are the maximum and the mean over thresholds of a dataset's F
curve, and that curve is F of the mean P and R, the mean of the images' curves, or F of all images'
pixels together; or max F is the mean of the images' maxima (`Protocol.average`). Adaptive F
binarises at min(2 mean(p), 1). `Protocol.eps` is added to each denominator (``qin``).

*Revisions.* 1: first.
"""

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.histogram import Counts, LevelCounts, Reals, adaptive_counts, found_counts, level_counts
from sodbench.protocol import Protocol


def precision_recall(
    pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net"
) -> tuple[Reals, Reals]:
    """Return precision and recall of one map over ascending thresholds, each ``(K,)``.

    Examples
    --------
    >>> precision, recall = precision_recall(np.array([[0, 255]], np.uint8), np.array([[False, True]]))
    >>> precision[[0, 255]], recall[[0, 255]]
    (array([0.5, 1. ]), array([1., 1.]))
    """
    return pr_from_levels(level_counts(pred, gt), Protocol.of(protocol))


def max_f(pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net") -> float:
    """Return the maximum over thresholds of one map's F-measure.

    Examples
    --------
    >>> max_f(np.array([[0, 200]], np.uint8), np.array([[False, True]]))
    1.0
    """
    return float(_f_curve(pred, gt, Protocol.of(protocol)).max())


def mean_f(pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net") -> float:
    """Return the mean over thresholds of one map's F-measure.

    Examples
    --------
    >>> mean_f(np.array([[0, 0]], np.uint8), np.array([[True, True]])) == 1 / 256
    True
    """
    return float(_f_curve(pred, gt, Protocol.of(protocol)).mean())


def adp_f(pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net") -> float:
    """Return the F-measure of one map binarised at twice its mean.

    Examples
    --------
    >>> adp_f(np.array([[0, 200]], np.uint8), np.array([[False, True]]))
    1.0
    """
    return float(adaptive_f_from_levels(level_counts(pred, gt), Protocol.of(protocol)))


def pr_from_levels(counts: LevelCounts, protocol: Protocol) -> tuple[Reals, Reals]:
    """Return precision and recall curves of images, each ``(..., K)``, from their level histograms."""
    tp, fp = found_counts(counts, protocol)
    return pr_from_found(tp, fp, counts.fg.sum(axis=-1)[..., None], protocol)


def pr_from_found(
    tp: Counts | Reals, fp: Counts | Reals, positives: Counts | Reals, protocol: Protocol
) -> tuple[Reals, Reals]:
    """Return precision and recall of true and false positives; `positives` is the object's size."""
    return tp / (np.maximum(tp + fp, 1) + protocol.eps), tp / (np.maximum(positives, 1) + protocol.eps)


def f_from_pr(precision: Reals, recall: Reals, protocol: Protocol) -> Reals:
    """Return F of precision and recall of any equal shape, 0 where both are."""
    weighted = protocol.beta2 * precision + recall + protocol.eps
    product = (1 + protocol.beta2) * precision * recall
    return np.divide(product, weighted, out=np.zeros_like(product), where=product > 0)


def adaptive_f_from_levels(counts: LevelCounts, protocol: Protocol) -> Reals:
    """Return adaptive F of images, ``(...)``, from their level histograms."""
    tp, fp = adaptive_counts(counts, protocol)
    return f_from_pr(*pr_from_found(tp, fp, counts.fg.sum(axis=-1), protocol), protocol)


def _f_curve(pred: NDArray[np.uint8], gt: NDArray[np.bool_], protocol: Protocol) -> Reals:
    return f_from_pr(*pr_from_levels(level_counts(pred, gt), protocol), protocol)
