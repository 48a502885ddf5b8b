"""Precision, recall and F-measure: how much of what the map marks is object, and of the object is marked?

Achanta, Hemami, Estrada, Süsstrunk: Frequency-tuned salient region detection, CVPR 2009,
doi:10.1109/CVPR.2009.5206596.

    P_k = TP_k / (TP_k + FP_k)
    R_k = TP_k / G
    F_k = (1 + beta2) P_k R_k / (beta2 P_k + R_k)

with TP_k and FP_k the pixels inside and outside the object whose level passes threshold k, and G all of the
object's pixels.

*Conventions.* A level passes threshold k as `Protocol.thresholds` says; beta2 = 0.3. Max F and mean F are the
maximum and the mean over thresholds of a dataset's F curve, and that curve is F of the mean P and R, the mean
of the images' curves, or F of all images' pixels together; or max F is the mean of the images' maxima
(`Protocol.average`). Adaptive F binarises at min(2 mean(p), 1). `Protocol.eps` is added to each denominator
(``qin``). A constant added to a map changes no F under ``minmax`` with thresholds in integers (``256``,
``256above``, ``21``); by other thresholds it can, since they meet levels in floating point (``fan``,
``pysodmetrics``).

*Edge cases.* P, R and F are 0 where TP = 0, so of an empty mask at every threshold. Every pixel passes
threshold 0 (but under ``256above``), so there an all-zero map has R = 1, and P is the object's share.

*Cost.* From the stored level histograms; no pixel is read.

*Revisions.* 1: first.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.histogram import (
    Above,
    Counts,
    LevelCounts,
    Reals,
    adaptive_counts,
    counts_above,
    level_counts,
)
from sodbench.metrics.parts import THRESHOLDS, Averaged, Curve, Images, Metric, Part, own_mean
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
    return pr_above(counts_above(counts, protocol), protocol)


def pr_above(above: Above, protocol: Protocol) -> tuple[Reals, Reals]:
    """Return precision and recall curves, each ``(..., K)``, from the pixels that reach the thresholds."""
    return pr_from_found(above.tp, above.fp, above.inside, protocol)


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


def f_above(above: Above, protocol: Protocol) -> Reals:
    """Return F curves of images, ``(..., K)``, from the counts of pixels that reach the thresholds."""
    return f_from_pr(*pr_above(above, protocol), protocol)


def _f_curve(pred: NDArray[np.uint8], gt: NDArray[np.bool_], protocol: Protocol) -> Reals:
    return f_from_pr(*pr_from_levels(level_counts(pred, gt), protocol), protocol)


def _pr_columns(above: Above, protocol: Protocol) -> Reals:
    return np.concatenate(pr_above(above, protocol), axis=-1)


def _pooled_columns(above: Above, protocol: Protocol) -> Reals:
    return np.concatenate((above.tp, above.fp, above.inside), axis=-1, dtype=np.float64)


def _mean_pr(means: Reals, protocol: Protocol) -> tuple[Reals, Reals]:
    """Split the means of `_pr_columns`."""
    precision, recall = np.split(means, 2, axis=-1)
    return precision, recall


def _pooled_pr(sums: Reals, protocol: Protocol) -> tuple[Reals, Reals]:
    """Return precision and recall of all pixels together, from the sums of `_pooled_columns`."""
    tp, fp = np.split(sums[..., :-1], 2, axis=-1)
    return pr_from_found(tp, fp, sums[..., -1:], protocol)


def averaged_pr(
    protocol: Protocol, curve: Callable[[Reals, Reals, Protocol], Reals] = lambda p, r, how: np.stack((p, r))
) -> Averaged:
    """Return how a dataset's precision and recall are averaged: over images, or over all pixels together.

    `curve` combines the two; by default they are stacked, ``(2, ..., K)``.
    """
    pooled = protocol.average == "pooled"
    split = _pooled_pr if pooled else _mean_pr
    return Averaged(
        key="pooled" if pooled else "pr",
        columns=_pooled_columns if pooled else _pr_columns,
        curve=lambda total, how: curve(*split(total, how), how),
        of_sums=pooled,
    )


def _averaged_f(protocol: Protocol) -> Averaged:
    if protocol.average in ("mean-pr", "pooled"):
        return averaged_pr(protocol, f_from_pr)
    return own_mean("f", f_above)


def _best_of_each_image(protocol: Protocol) -> bool:
    return protocol.average == "mean-max"


def _adaptive(images: Images, protocol: Protocol) -> Reals:
    return adaptive_f_from_levels(images.levels, protocol)


_REFERENCE = "Achanta et al., CVPR 2009"

PART = Part(
    revision=1,
    always_signed=True,
    curves={
        "precision": Curve(
            (*THRESHOLDS, "average"),
            lambda above, how: pr_above(above, how)[0],
            partial(averaged_pr, curve=lambda p, r, how: p),
        ),
        "recall": Curve(
            (*THRESHOLDS, "average"),
            lambda above, how: pr_above(above, how)[1],
            partial(averaged_pr, curve=lambda p, r, how: r),
        ),
        "f": Curve((*THRESHOLDS, "average", "beta2"), f_above, _averaged_f),
    },
    metrics=(
        Metric(
            id="max_f",
            label="maxF",
            words="max F",
            higher_is_better=True,
            reference=_REFERENCE,
            function=max_f,
            curve="f",
            reduction="max",
            by_image=_best_of_each_image,
        ),
        Metric(
            id="mean_f",
            label="meanF",
            words="mean F",
            higher_is_better=True,
            reference=_REFERENCE,
            function=mean_f,
            curve="f",
            reduction="mean",
        ),
        Metric(
            id="adp_f",
            label="adpF",
            words="adaptive F",
            higher_is_better=True,
            reference=_REFERENCE,
            function=adp_f,
            depends=(*THRESHOLDS, "beta2"),
            values=_adaptive,
        ),
    ),
)
