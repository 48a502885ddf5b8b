"""Mean absolute error: how far, on average, is a pixel's saliency from the mask?

Perazzi, Krähenbühl, Pritch, Hornung: Saliency Filters, CVPR 2012, doi:10.1109/CVPR.2012.6247743.

    MAE = mean |p - g|

with p the map's value and g the mask's, at each of N pixels.

*Conventions.* p is normalised as `Protocol.normalise_mae` says; g is 0 or 1, or with
``mask_mae="soft"`` (``qin``) level / (max + eps). The divisor is N + eps.

*Edge cases.* None: of an empty mask it is the mean of p, of a full one 1 minus that.

*Cost.* From the stored level histograms; pixels are read only of grey masks under ``mask_mae="soft"``.

*Revisions.* 1: first.
"""

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.histogram import LevelCounts, Reals, level_counts, normalised
from sodbench.metrics.parts import SHARE, Images, MapOnMask, Metric, Part, Statistics
from sodbench.protocol import Protocol


def mae(pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net") -> float:
    """Return the mean absolute error of one map.

    Parameters
    ----------
    pred, gt
        ``(h, w)`` uint8 levels and bool mask.
    protocol
        A preset's name, a signature, or a Protocol.

    Examples
    --------
    >>> mae(np.array([[0, 255]], np.uint8), np.array([[True, True]]))
    0.5
    """
    return float(mae_from_levels(level_counts(pred, gt), Protocol.of(protocol)))


def mae_from_levels(counts: LevelCounts, protocol: Protocol) -> Reals:
    """Return the MAE of images, ``(...)``, from their level histograms; conventions as in the module."""
    p = normalised(counts, protocol, protocol.mae_normalise)
    full = 255 / (255 + protocol.eps) if protocol.mask_mae == "soft" else 1.0
    error = (counts.fg * np.abs(p - full)).sum(axis=-1) + (counts.bg * p).sum(axis=-1)
    return error / ((counts.fg + counts.bg).sum(axis=-1) + protocol.eps)


def soft_mae(pred: NDArray[np.uint8], mask: NDArray[np.uint8], protocol: Protocol) -> float:
    """Return the MAE against a grey mask that is not binarised, g = level / (max + eps).

    Parameters
    ----------
    pred, mask
        ``(h, w)`` uint8 levels of the map and of the mask.
    protocol
        Its `normalise_mae`, `normalise` and `eps` are used.
    """
    counts = level_counts(pred, np.zeros(pred.shape, np.bool_))
    p = normalised(counts, protocol, protocol.mae_normalise)
    g = mask / (max(int(mask.max()), 1) + protocol.eps)
    return float(np.abs(p[pred] - g).sum() / (pred.size + protocol.eps))


def _is_soft(protocol: Protocol) -> bool:
    return protocol.mask_mae == "soft"


def _of_map(work: None, pair: MapOnMask, protocol: Protocol) -> tuple[float, ...]:
    return (soft_mae(pair.pred, pair.mask, protocol),)


def _values(images: Images, protocol: Protocol) -> Reals:
    soft = images.statistics["soft_mae"]
    return np.where(np.isnan(soft), mae_from_levels(images.levels, protocol), soft)


_DEPENDS = ("mae_normalise", "mae_reciprocal", "eps")

PART = Part(
    revision=1,
    always_signed=True,
    statistics=Statistics(
        names=("soft_mae",),
        depends=_DEPENDS,
        of_map=_of_map,
        grey_only=True,
        applies=_is_soft,
        bounds=SHARE,
    ),
    metrics=(
        Metric(
            id="mae",
            label="MAE",
            words="MAE",
            higher_is_better=False,
            reference="Perazzi et al., CVPR 2012",
            function=mae,
            depends=(*_DEPENDS, "mask_mae"),
            values=_values,
        ),
    ),
)
