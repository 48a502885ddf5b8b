"""Overlap measures: how do a binarised map and the mask agree, counted in pixels?

Jaccard, New Phytologist 11 (1912), doi:10.1111/j.1469-8137.1912.tb05611.x (IoU); Dice, Ecology 26 (1945),
doi:10.2307/1932409; Cohen, Educational and Psychological Measurement 20 (1960),
doi:10.1177/001316446002000104 (kappa); the others as in Fawcett, Pattern Recognition Letters 27 (2006),
doi:10.1016/j.patrec.2005.10.010.

    iou = TP / (TP + FP + FN)                    dice = 2 TP / (2 TP + FP + FN)
    precision = TP / (TP + FP)                   recall = TP / (TP + FN)
    specificity = TN / (TN + FP)                 fpr = FP / (TN + FP)
    oa = (TP + TN) / N                           ber = 1 - (recall + specificity) / 2
    kappa = 2 (TP TN - FP FN) / ((TP + FP) (FP + TN) + (TP + FN) (FN + TN))

Each measure X is four metrics: ``max_X`` and ``mean_X`` over the thresholds of F (of the errors ber and
fpr ``min_X`` and ``mean_X``: their maximum is that of the worst threshold), ``adp_X`` at the adaptive
threshold min(2 mean(p), 1), and ``bin_X`` at p > .5. The lowest threshold takes every pixel, so that the
maximum of recall is always 1; that of specificity and the minimum of fpr are those of the top threshold.

*Functions.* Each of the 36 is a function of this module, called like the metric:

    >>> from sodbench.metrics.overlap import bin_iou, max_iou
    >>> pred, gt = np.array([[0, 90, 200]], np.uint8), np.array([[False, True, True]])
    >>> max_iou(pred, gt), bin_iou(pred, gt)
    (1.0, 0.5)
    >>> bin_iou(pred, gt, protocol="pysodmetrics")
    0.5

*Conventions.* Levels meet thresholds as `Protocol.thresholds` and `Protocol.normalise` say for F. p > .5 is
decided in integers where the thresholds are exact, else in floating point, as PySODMetrics does it; there a
level at exactly half of the range can count. `Protocol.eps` acts on p only.

A dataset's value (`Protocol.overlap_average`) is the maximum, minimum or mean over thresholds of the mean of
the images' curves, and the mean of the images at the adaptive threshold and at .5 (PySODMetrics with
``sample_based=True``); ``mean-max``: the mean of the images' own maximum, minimum or mean; ``pooled``: all
pixels of the dataset counted together, at every threshold and at both single ones (PySODMetrics with
``sample_based=False`` pools p > .5; CascadePSP's IoU is the sum of intersections over the sum of unions).

PySODMetrics 1.6.2 computes kappa with a wrong chance term, (TN + FN)(TN + TP) where Cohen's is
(TN + FN)(TN + FP), and gives e.g. .676 for .781. Here it is Cohen's, as in scikit-learn.

*Edge cases.* A ratio 0/0 is 0, as in PySODMetrics, also inside ber; or 1; or undefined
(`Protocol.overlap_zero`). So with 0, IoU of an empty mask is 0 even for an all-zero map, and specificity of a
full mask is 0. With 1, fpr of a full mask is 1. Undefined, a curve lacks the points at which it is 0/0: an
image counts at those thresholds at which it has a value, its maximum and mean are over them, and it is left
out and counted where it has none. Precision is then undefined at thresholds that no pixel reaches, so few
images can decide its maximum. Kappa is 0/0 where chance agreement is 1: mask and binarised map are both
empty, or both full.

*Cost.* From the stored level histograms; no pixel is read.

*Revisions.* 1: first.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.histogram import (
    Above,
    Reals,
    above_half,
    at_adaptive,
    counts_above,
    level_counts,
)
from sodbench.metrics.parts import REDUCTIONS, THRESHOLDS, Averaged, Curve, Cut, Metric, Part, own_mean
from sodbench.protocol import Protocol

ZERO: Mapping[str, float] = {"zero": 0.0, "one": 1.0, "undefined": np.nan}
"""What a ratio 0/0 is."""


class Confusion(NamedTuple):
    """Pixels by mask and binarised map, each ``(..., K)``: true and false positives and negatives."""

    tp: Reals
    fp: Reals
    fn: Reals
    tn: Reals


class Measure(NamedTuple):
    """One measure of overlap.

    Parameters
    ----------
    label, words
        What it is called in tables, and in sentences.
    of
        It of counts, given what 0/0 is.
    reference
        The paper that defines it.
    undefined
        Where it is 0/0, in a word or two; empty where it never is.
    error
        Whether lower is better.
    least
        The least value that it can have.
    """

    label: str
    words: str
    of: Callable[[Confusion, float], Reals]
    reference: str
    undefined: str = ""
    error: bool = False
    least: float = 0.0


def _ratio(part: Reals, whole: Reals, zero: float) -> Reals:
    return np.divide(part, whole, out=np.full_like(part, zero), where=whole > 0)


def _iou(c: Confusion, zero: float) -> Reals:
    return _ratio(c.tp, c.tp + c.fp + c.fn, zero)


def _dice(c: Confusion, zero: float) -> Reals:
    return _ratio(2 * c.tp, 2 * c.tp + c.fp + c.fn, zero)


def _precision(c: Confusion, zero: float) -> Reals:
    return _ratio(c.tp, c.tp + c.fp, zero)


def _recall(c: Confusion, zero: float) -> Reals:
    return _ratio(c.tp, c.tp + c.fn, zero)


def _specificity(c: Confusion, zero: float) -> Reals:
    return _ratio(c.tn, c.tn + c.fp, zero)


def _fpr(c: Confusion, zero: float) -> Reals:
    return _ratio(c.fp, c.tn + c.fp, zero)


def _ber(c: Confusion, zero: float) -> Reals:
    return 1 - (_recall(c, zero) + _specificity(c, zero)) / 2


def _oa(c: Confusion, zero: float) -> Reals:
    return _ratio(c.tp + c.tn, c.tp + c.fp + c.fn + c.tn, np.nan)


def _kappa(c: Confusion, zero: float) -> Reals:
    chance = (c.tp + c.fp) * (c.fp + c.tn) + (c.tp + c.fn) * (c.fn + c.tn)
    return _ratio(2 * (c.tp * c.tn - c.fp * c.fn), chance, zero)


_ROC = "Fawcett, Pattern Recognit. Lett. 2006"

MEASURES: Mapping[str, Measure] = {
    "iou": Measure("IoU", "IoU", _iou, "Jaccard, New Phytologist 1912", "empty mask and map"),
    "dice": Measure("Dice", "Dice", _dice, "Dice, Ecology 1945", "empty mask and map"),
    "ber": Measure("BER", "BER", _ber, _ROC, "empty or full mask", error=True),
    "oa": Measure("OA", "OA", _oa, _ROC),
    "specificity": Measure("Specificity", "specificity", _specificity, _ROC, "full mask"),
    "fpr": Measure("FPR", "FPR", _fpr, _ROC, "full mask", error=True),
    "kappa": Measure(
        "Kappa",
        "kappa",
        _kappa,
        "Cohen, Educ. Psychol. Meas. 1960",
        "mask and map empty, or full",
        least=-1.0,
    ),
    "precision": Measure("Precision", "precision", _precision, _ROC, "no pixel predicted"),
    "recall": Measure("Recall", "recall", _recall, _ROC, "empty mask"),
}
"""Every measure, by its name in metrics' ids."""

CUTS: Mapping[str, Cut] = {"thresholds": counts_above, "adaptive": at_adaptive, "half": above_half}
"""How maps are binarised; of each measure and cut there is a curve, ``iou_adaptive``."""


def _of_above(above: Above, protocol: Protocol, measure: Measure) -> Reals:
    """Return a measure of images, ``(..., K)``, from the pixels that reach each threshold."""
    tp, fp = above.tp.astype(np.float64), above.fp.astype(np.float64)
    return measure.of(Confusion(tp, fp, above.inside - tp, above.outside - fp), ZERO[protocol.overlap_zero])


def _averaged(protocol: Protocol, measure: Measure, name: str, cut: str) -> Averaged:
    of_images = partial(_of_above, measure=measure)
    if protocol.overlap_average == "pooled":
        return Averaged(f"overlap_pooled_{cut}", _counted, partial(_of_pooled, measure=measure), of_sums=True)
    if protocol.overlap_zero == "undefined" and cut == "thresholds":
        return Averaged(name, partial(_points, of_images=of_images), _of_points, shares="point")
    return own_mean(name, of_images)


def _counted(above: Above, protocol: Protocol) -> Reals:
    return np.concatenate(above, axis=-1, dtype=np.float64)


def _of_pooled(sums: Reals, protocol: Protocol, measure: Measure) -> Reals:
    """Return a measure of all pixels together, from the sums of `_counted`."""
    tp, fp = np.split(sums[..., :-2], 2, axis=-1)
    inside, outside = sums[..., -2:-1], sums[..., -1:]
    return measure.of(Confusion(tp, fp, inside - tp, outside - fp), ZERO[protocol.overlap_zero])


def _points(above: Above, protocol: Protocol, of_images: Callable[[Above, Protocol], Reals]) -> Reals:
    """Return the points of the images' curves, and which of them are defined."""
    curves = of_images(above, protocol)
    defined = ~np.isnan(curves)
    return np.concatenate((np.where(defined, curves, 0), defined), axis=-1)


def _of_points(means: Reals, protocol: Protocol) -> Reals:
    """Return the mean curve, at each threshold of the images that are defined there."""
    total, share = np.split(means, 2, axis=-1)
    return np.divide(total, share, out=np.full(total.shape, np.nan), where=share > 0)


def _best_of_each_image(protocol: Protocol) -> bool:
    return protocol.overlap_average == "mean-max"


def _curve(name: str, measure: Measure, cut: str) -> Curve:
    acting = ("overlap_average", *(("overlap_zero",) if measure.undefined else ()))
    return Curve(
        (*THRESHOLDS, *acting),
        partial(_of_above, measure=measure),
        partial(_averaged, measure=measure, name=name, cut=cut),
        lambda protocol: CUTS[cut],
    )


_CURVES = {
    f"{name}_{cut}": _curve(f"{name}_{cut}", measure, cut)
    for name, measure in MEASURES.items()
    for cut in CUTS
}


def _function(name: str, words: str, curve: str, reduction: str) -> Callable[..., float]:
    """Make the function of a metric on one map."""

    def function(
        pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net"
    ) -> float:
        how = Protocol.of(protocol)
        above = _CURVES[curve].cut(how)(level_counts(pred, gt), how)
        return float(REDUCTIONS[reduction](_CURVES[curve].of_images(above, how), axis=-1))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return {words} of one map, given ``(h, w)`` uint8 levels and a bool mask."
    return function


def _metric(name: str, which: str, label: str, words: str, cut: str, reduction: str) -> Metric:
    measure, curve = MEASURES[name], f"{name}_{cut}"
    return Metric(
        id=f"{which}_{name}",
        label=label,
        words=words,
        higher_is_better=not measure.error,
        reference=measure.reference,
        function=_function(f"{which}_{name}", words, curve, reduction),
        curve=curve,
        reduction=reduction,
        by_image=_best_of_each_image,
        undefined=measure.undefined,
        bounds=(measure.least, 1.0),
    )


def _metrics_of(name: str) -> tuple[Metric, ...]:
    """Return the four metrics of a measure."""
    label, words = MEASURES[name].label, MEASURES[name].words
    best = "min" if MEASURES[name].error else "max"
    return (
        _metric(name, best, f"{best}{label}", f"{best} {words}", "thresholds", best),
        _metric(name, "mean", f"mean{label}", f"mean {words}", "thresholds", "mean"),
        _metric(name, "adp", f"adp{label}", f"adaptive {words}", "adaptive", "mean"),
        _metric(name, "bin", f"{label}@.5", f"{words} at .5", "half", "mean"),
    )


PART = Part(
    revision=1,
    optional=True,
    curves=_CURVES,
    metrics=tuple(metric for name in MEASURES for metric in _metrics_of(name)),
)

FUNCTIONS: Mapping[str, Callable[..., float]] = {metric.id: metric.function for metric in PART.metrics}
"""The function of each metric, by its id; each is a name of this module, too."""


def __getattr__(name: str) -> Any:
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
