"""AUC and AP: does the map rank the object's pixels above the others, whatever the threshold?

Fawcett, Pattern Recognition Letters 27 (2006), doi:10.1016/j.patrec.2005.10.010; Everingham, Van Gool,
Williams, Winn, Zisserman, IJCV 88 (2010), doi:10.1007/s11263-009-0275-4.

    AUC = share of pairs (object pixel, other pixel) of which the object's level is higher, ties one half
    AP = sum over the map's levels, descending, of (R_k - R_{k-1}) P_k

AUC is the area under the curve of recall over false positive rate with its ends (0, 0) and (1, 1); AP is
not interpolated. Both are exact, of the levels themselves: no normalisation and no threshold acts on them.

*Conventions.* Exact values are those of scikit-learn's ``roc_auc_score`` and ``average_precision_score``.

``auc_thresholds="255"`` repeats eval-co-sod (zzhanghub/eval-co-sod): min-max and 255 thresholds i / 254 in
single precision, a flat map being all zero; AUC is the trapezoid without the point (0, 0), so that what lies
left of the top threshold is missing; AP interpolates (P is the best at this or a higher recall). On one class
it gives AUC 0, and counts the image; here the image is left out. Its own sort leaves open the order of points
with equal false positive rate; here they are in the order of thresholds, the only one that makes a curve.

``auc_average="mean-curve"``: a dataset's value is that of the images' mean precision, recall and false
positive rate at each threshold (eval-co-sod), or at each of the 256 levels where values are exact; else it is
the mean of the images' values.

*Edge cases.* Both are undefined where the mask is empty or full. scikit-learn has no AUC there either, but an
AP: 0 of an empty mask, with a warning, and 1 of a full one, whatever the map.

*Cost.* From the stored level histograms; no pixel is read.

*Revisions.* 1: first.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.histogram import Above, Counts, LevelCounts, Reals, level_counts
from sodbench.metrics.parts import Averaged, Curve, Cut, Metric, Part, own_mean
from sodbench.protocol import Protocol

_THRESHOLDS = np.arange(255, dtype=np.float32) / np.float32(254)


def auc(pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net") -> float:
    """Return the area under one map's ROC curve, NaN on an empty or full mask.

    Parameters
    ----------
    pred, gt
        ``(h, w)`` uint8 levels and bool mask.
    protocol
        A preset's name, a signature, or a Protocol.

    Examples
    --------
    >>> auc(np.array([[3, 7, 7, 9]], np.uint8), np.array([[False, False, True, True]]))
    0.875
    """
    return _of_map(pred, gt, Protocol.of(protocol), "roc")


def ap(pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net") -> float:
    """Return the average precision of one map, NaN on an empty or full mask.

    Parameters
    ----------
    pred, gt
        ``(h, w)`` uint8 levels and bool mask.
    protocol
        A preset's name, a signature, or a Protocol.

    Examples
    --------
    >>> round(ap(np.array([[3, 7, 7, 9]], np.uint8), np.array([[False, False, True, True]])), 6)
    0.833333
    """
    return _of_map(pred, gt, Protocol.of(protocol), "ranking")


def at_levels(counts: LevelCounts, protocol: Protocol) -> Above:
    """Count the pixels that reach each of the 256 levels."""
    return _reaching(counts)


def at_255(counts: LevelCounts, protocol: Protocol) -> Above:
    """Count the pixels that reach eval-co-sod's 255 thresholds, computed in single precision as there."""
    present = LevelCounts(*(side.reshape(-1, 256) for side in counts))
    levels = np.arange(256, dtype=np.float32) / np.float32(255)
    low, high = (levels[bound][:, None] for bound in _range(present))
    p = (levels - low) / (high - low + np.float32(1e-20))
    bins = np.searchsorted(_THRESHOLDS, p.ravel(), side="right") - 1
    images = np.repeat(np.arange(len(p)), 256) * 255
    places = images + np.clip(bins, 0, 254)
    sides = (np.bincount(places, side.ravel(), len(p) * 255).astype(np.int64) for side in present)
    return _reaching(LevelCounts(*(side.reshape(*counts.fg.shape[:-1], 255) for side in sides)))


def _range(counts: LevelCounts) -> tuple[Counts, Counts]:
    """Return the lowest and the highest level present."""
    present = (counts.fg + counts.bg) > 0
    return np.argmax(present, axis=-1), 255 - np.argmax(present[..., ::-1], axis=-1)


def _reaching(counts: LevelCounts) -> Above:
    tp, fp = (np.cumsum(side[..., ::-1], axis=-1)[..., ::-1] for side in counts)
    return Above(tp, fp, tp[..., :1], fp[..., :1])


def _cut(protocol: Protocol) -> Cut:
    return at_255 if protocol.auc_thresholds == "255" else at_levels


def _precision(above: Above) -> Reals:
    return above.tp / np.maximum(above.tp + above.fp, 1)


def roc_points(
    tp: Counts | Reals, fp: Counts | Reals, protocol: Protocol
) -> tuple[Counts | Reals, Counts | Reals]:
    """Return the points of a ROC curve, thresholds ascending: with its end (0, 0), where values are exact."""
    if protocol.auc_thresholds == "exact":
        return _ending_in_zero(tp), _ending_in_zero(fp)
    return tp, fp


def pr_steps(precision: Reals, tp: Counts | Reals, protocol: Protocol) -> tuple[Reals, Counts | Reals]:
    """Return the precision of each step of a PR curve, and where the steps begin and end in `tp`."""
    if protocol.auc_thresholds == "255":
        precision = np.maximum.accumulate(precision, axis=-1)
    return precision, _ending_in_zero(tp)


def _roc_area(tp: Counts | Reals, fp: Counts | Reals, protocol: Protocol) -> Reals:
    """Return the area ``(..., 1)`` under `tp` over `fp`, thresholds ascending."""
    tp, fp = roc_points(tp, fp, protocol)
    steps = (fp[..., :-1] - fp[..., 1:]) * (tp[..., :-1] + tp[..., 1:])
    area: Reals = steps.sum(axis=-1, keepdims=True) / 2
    return area


def _pr_area(precision: Reals, tp: Counts | Reals, protocol: Protocol) -> Reals:
    """Return the area ``(..., 1)`` under precision over `tp`, thresholds ascending."""
    precision, tp = pr_steps(precision, tp, protocol)
    area: Reals = ((tp[..., :-1] - tp[..., 1:]) * precision).sum(axis=-1, keepdims=True)
    return area


def _ending_in_zero(curve: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate((curve, np.zeros_like(curve[..., :1])), axis=-1)


def _auc_of(above: Above, protocol: Protocol) -> Reals:
    """Return AUC of images, ``(..., 1)``."""
    return _of_both_classes(_roc_area(above.tp, above.fp, protocol), above, above.inside * above.outside)


def _ap_of(above: Above, protocol: Protocol) -> Reals:
    """Return AP of images, ``(..., 1)``."""
    return _of_both_classes(_pr_area(_precision(above), above.tp, protocol), above, above.inside)


def _of_both_classes(area: Reals, above: Above, whole: Counts) -> Reals:
    both = (above.inside > 0) & (above.outside > 0)
    return np.divide(area, whole, out=np.full(area.shape, np.nan), where=both)


def ranking_rates(above: Above, protocol: Protocol) -> Reals:
    """Return precision, recall and false positive rate of images, NaN throughout on one class."""
    both = (above.inside > 0) & (above.outside > 0)
    rates = (
        _precision(above),
        above.tp / np.maximum(above.inside, 1),
        above.fp / np.maximum(above.outside, 1),
    )
    return np.where(both, np.concatenate(rates, axis=-1), np.nan)


def _auc_of_rates(rates: Reals, protocol: Protocol) -> Reals:
    _, recall, fpr = np.split(rates, 3, axis=-1)
    return _roc_area(recall, fpr, protocol)


def _ap_of_rates(rates: Reals, protocol: Protocol) -> Reals:
    precision, recall, _ = np.split(rates, 3, axis=-1)
    return _pr_area(precision, recall, protocol)


_RATES = own_mean("auc_rates", ranking_rates)


def _averaged(protocol: Protocol, name: str) -> Averaged:
    of_images, of_rates = {"roc": (_auc_of, _auc_of_rates), "ranking": (_ap_of, _ap_of_rates)}[name]
    if protocol.auc_average == "mean":
        return own_mean(name, of_images)
    return _RATES._replace(curve=lambda means, how: of_rates(_RATES.curve(means, how), how), linear=False)


_DEPENDS = ("auc_thresholds", "auc_average")

_CURVES = {
    "roc": Curve(_DEPENDS, _auc_of, partial(_averaged, name="roc"), _cut),
    "ranking": Curve(_DEPENDS, _ap_of, partial(_averaged, name="ranking"), _cut),
}


def _of_map(pred: NDArray[np.uint8], gt: NDArray[np.bool_], protocol: Protocol, name: str) -> float:
    curve = _CURVES[name]
    return float(curve.of_images(curve.cut(protocol)(level_counts(pred, gt), protocol), protocol)[0])


_UNDEFINED = "empty or full mask"

PART = Part(
    revision=1,
    optional=True,
    curves=_CURVES,
    metrics=(
        Metric(
            id="auc",
            label="AUC",
            words="AUC",
            higher_is_better=True,
            reference="Fawcett, Pattern Recognit. Lett. 2006",
            undefined=_UNDEFINED,
            function=auc,
            curve="roc",
            reduction="mean",
        ),
        Metric(
            id="ap",
            label="AP",
            words="average precision",
            higher_is_better=True,
            reference="Everingham et al., IJCV 2010",
            undefined=_UNDEFINED,
            function=ap,
            curve="ranking",
            reduction="mean",
        ),
    ),
)
