"""What a metric family stores of a pair, how its values follow, and which choices each step depends on.

A family is one `Part`, declared in the module of its metric and listed in `sodbench.metrics.PARTS` under the
name that stands in a signature's ``rev:``. Scoring, storage, rescoring, explanations, comparisons and tables
ask the parts; none of them names a metric.

*Level metrics* follow from the two level histograms of a pair, which are stored of every pair; the
metric says how (`Metric.values`), or of which `Curve` it is the maximum, mean or minimum.
*Pixel metrics* need the pixels: their `Statistics` are a few numbers of each pair, which are stored, and
`Metric.values` makes the metric of them, so that what only acts on the numbers can change later.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.histogram import Above, Counts, LevelCounts, Reals, counts_above, exceeded
from sodbench.protocol import Protocol

Fields: TypeAlias = tuple[str, ...]
"""Names of a protocol's fields, or of properties made of them."""

MASK: Fields = ("mask_threshold", "resize")
"""What decides which pixels are object, and at which size."""

COUNTING: Fields = ("degenerate", "group_average")
"""What decides which images count in a dataset's values, and how much."""

P: Fields = ("normalise", "reciprocal", "eps")
"""What p of a level depends on, to the last bit."""

THRESHOLDS: Fields = ("normalise", "thresholds", "eps")
"""What decides which levels reach which thresholds."""

ROUNDING = 1e-9
"""How far beyond its bounds a number may be rounded."""

SHARE = (-ROUNDING, 1 + ROUNDING)
"""The bounds of a share."""


class MapOnMask(NamedTuple):
    """One map on its mask, and what several metrics share of it.

    Parameters
    ----------
    pred, gt
        ``(h, w)`` uint8 levels and bool mask.
    mask
        ``(h, w)`` uint8 levels that `gt` was made of.
    quadrants
        ``(4, 2, 256)`` counts, split at the mask's centroid; see `sodbench.metrics.histogram`.
    levels
        The two level histograms, ``(256,)`` each.
    p
        ``(256,)`` normalised value of each level.
    """

    pred: NDArray[np.uint8]
    gt: NDArray[np.bool_]
    mask: NDArray[np.uint8]
    quadrants: Counts
    levels: LevelCounts
    p: Reals


class Images(NamedTuple):
    """What is stored of some images: level histograms ``(n, 256)``, and statistics by name, ``(n,)`` each.

    A statistic is NaN where it is undefined or was not computed.
    """

    levels: LevelCounts
    statistics: Mapping[str, Reals]


def _nothing(gt: NDArray[np.bool_], protocol: Protocol) -> None:
    """Do no work on a mask."""


def _always(protocol: Protocol) -> bool:
    return True


def _never(protocol: Protocol) -> bool:
    return False


Cut: TypeAlias = Callable[[LevelCounts, Protocol], Above]
"""Counts the pixels of images that reach each point of a curve, and is a name for that by itself."""


def at_thresholds(protocol: Protocol) -> Cut:
    """Say that a curve goes over the protocol's thresholds, compared with levels by ``>=``."""
    return counts_above


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Numbers that are stored of a pair, since they need its pixels.

    Parameters
    ----------
    names
        What they are called; unique among all parts.
    depends
        What they depend on, beside the choices in `MASK`.
    of_map
        The numbers of a map, given the work on its mask.
    of_mask
        The work on a mask that all methods' maps share.
    mask_depends
        What of a protocol that work depends on.
    grey_only
        They concern only masks with levels other than 0 and 255, which are then not binarised.
    applies
        Whether they are needed at all under a protocol.
    bounds
        The least and the greatest value that they can have; stored ones beyond are damaged.
    """

    names: tuple[str, ...]
    depends: Fields
    of_map: Callable[[Any, MapOnMask, Protocol], tuple[float, ...]]
    of_mask: Callable[[NDArray[np.bool_], Protocol], Any] = _nothing
    mask_depends: Fields = ()
    grey_only: bool = False
    applies: Callable[[Protocol], bool] = _always
    bounds: tuple[float, float] = (-inf, inf)

    @property
    def fields(self) -> Fields:
        """All that they depend on."""
        return (*(MASK[1:] if self.grey_only else MASK), *self.depends)


class Averaged(NamedTuple):
    """What is averaged over the images to make a dataset's curve.

    Parameters
    ----------
    key
        Curves of one key are made of the same columns.
    columns
        ``(images, C)`` of some images.
    curve
        The dataset's curve ``(..., K)`` of the columns' means ``(..., C)``.
    of_sums
        `curve` takes the columns' sums in place of their means.
    linear
        The dataset's curve is the mean of the images' own, and `curve` of one image's columns is its own.
    shares
        Which columns say of which images the others are defined, being 0 where they are not: the last one
        (``image``), one for each of them, behind them all (``point``), or none.
    """

    key: str
    columns: Callable[[Above, Protocol], Reals]
    curve: Callable[[Reals, Protocol], Reals]
    of_sums: bool = False
    linear: bool = False
    shares: str = ""


class Curve(NamedTuple):
    """A curve over the thresholds, from the pixels that reach each of them; or at one threshold, K = 1.

    Parameters
    ----------
    depends
        What it depends on, beside the choices in `MASK`.
    of_images
        The curve of each image, ``(images, K)``.
    averaged
        What a dataset's curve is made of, under a protocol.
    cut
        How pixels are counted, under a protocol: at its thresholds, or at one of a map's own.
    """

    depends: Fields
    of_images: Callable[[Above, Protocol], Reals]
    averaged: Callable[[Protocol], Averaged]
    cut: Callable[[Protocol], Cut] = at_thresholds

    def over_thresholds(self, protocol: Protocol) -> bool:
        """Tell whether its points are the protocol's thresholds."""
        return self.cut(protocol) in (counts_above, exceeded)


def own_mean(key: str, of_images: Callable[[Above, Protocol], Reals]) -> Averaged:
    """Make a dataset's curve the mean of the images' curves, as far as they are defined.

    `of_images` gives NaN throughout for an image on which the curve is undefined.
    """

    def columns(above: Above, protocol: Protocol) -> Reals:
        curves = of_images(above, protocol)
        defined = ~np.isnan(curves[:, :1])
        return np.concatenate((np.where(defined, curves, 0), defined), axis=1)

    return Averaged(key, columns, lambda means, protocol: _of_defined(means), linear=True, shares="image")


def _of_defined(means: Reals) -> Reals:
    """Divide means over all images by the share of images with a value, the last column."""
    share = means[..., -1:]
    return np.divide(means[..., :-1], share, out=np.full(means[..., :-1].shape, np.nan), where=share > 0)


def _mean(curves: Reals, axis: int) -> Reals:
    """Return the mean of what is defined of each curve."""
    means = np.mean(curves, axis=axis)
    undefined = np.isnan(curves)
    if not undefined.any():
        return means
    total, points = np.where(undefined, 0, curves).sum(axis=axis), (~undefined).sum(axis=axis)
    return np.divide(total, points, out=np.full_like(means, np.nan), where=points > 0)


REDUCTIONS: Mapping[str, Callable[..., Reals]] = {
    "max": np.fmax.reduce,
    "mean": _mean,
    "min": np.fmin.reduce,
}
"""What a metric can be of the points of a curve at which it is defined."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One column: how it is shown, which way is better, where it comes from, and how it is made.

    Parameters
    ----------
    id
        What it is called in the API, the CLI, CSV and JSON.
    label, words
        What it is called in tables, and in sentences.
    higher_is_better
        Which way is better.
    reference
        The paper that defines it.
    function
        Scores one map: ``function(pred, gt, *, protocol)``.
    depends
        What makes it of what is stored: fields beside those of the part's statistics and of its curve.
    values
        It of each image, ``(n,)``, NaN where it is undefined; of a metric that is no reduction of a curve.
    curve, reduction
        The part's curve that it is the ``max``, ``mean`` or ``min`` of; none for a metric with `values`.
    by_image
        Whether it is the mean of the images' own reductions, under a protocol.
    undefined
        Of which images it is undefined, in a word or two; empty where it never is.
    bounds
        The least and the greatest value that it can have.
    coarse
        How many digits less are shown than of a share: a count of hundreds needs none after the point.
    """

    id: str
    label: str
    words: str
    higher_is_better: bool
    reference: str
    function: Callable[..., float]
    depends: Fields = ()
    values: Callable[[Images, Protocol], Reals] | None = None
    curve: str = ""
    reduction: str = ""
    by_image: Callable[[Protocol], bool] = _never
    undefined: str = ""
    bounds: tuple[float, float] = (0.0, 1.0)
    coarse: int = 0

    @property
    def arrowed(self) -> str:
        """The label with an arrow in the better direction.

        >>> from sodbench.metrics import METRICS
        >>> METRICS["mae"].arrowed
        'MAE↓'
        """
        return self.label + self.arrow

    @property
    def arrow(self) -> str:
        """An arrow in the better direction."""
        return "↑" if self.higher_is_better else "↓"

    @property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is."""
        return 1 if self.higher_is_better else -1

    def shown(self, value: float, asked: int = 4, signed: bool = False) -> str:
        """Return a value as text, with as many digits after the point as `decimals` says.

        >>> from sodbench.metrics import METRICS
        >>> METRICS["mae"].shown(0.10208), METRICS["hce"].shown(-11.0833, signed=True)
        ('0.1021', '-11.1')
        """
        return f"{value:{'+' if signed else ''}.{self.decimals(asked)}f}"

    def decimals(self, asked: int) -> int:
        """Return how many digits after the point are shown where a share has so many."""
        return max(asked - self.coarse, 0)

    def reduced(self, curves: Reals) -> Reals:
        """Reduce curves ``(..., K)`` to what the metric is of them, ``(...)``."""
        return REDUCTIONS[self.reduction](curves, axis=-1)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A family of metrics that share what they store, and a revision.

    Parameters
    ----------
    revision
        Raised whenever a number of the family moves.
    revised
        Whether the last revision moved numbers under a protocol; under the others the one before it stands.
    metrics
        Its columns.
    curves
        The curves that its columns are reductions of, by name.
    statistics
        What it stores of a pair; None: nothing, all follows from the level histograms.
    ways
        Other ways in which its statistics can be made, which no protocol field asks for.
    way
        The field of a `sodbench.protocol.conventions.Reading` that names one of `ways`.
    always_signed
        Every signature names its revision, whichever metrics it is about.
    optional
        Its metrics are computed only where they are asked for.
    """

    revision: int
    metrics: tuple[Metric, ...]
    curves: Mapping[str, Curve] = field(default_factory=dict)
    statistics: Statistics | None = None
    ways: Mapping[str, Statistics] = field(default_factory=dict)
    way: str = ""
    always_signed: bool = False
    optional: bool = False
    revised: Callable[[Protocol], bool] = _always

    def revision_under(self, protocol: Protocol) -> int:
        """Return the revision of numbers that are made under a protocol."""
        return self.revision if self.revised(protocol) else self.revision - 1

    @property
    def needs_pixels(self) -> bool:
        """Whether its metrics need the pixels of every pair."""
        return self.statistics is not None and not self.statistics.grey_only

    def is_mean(self, metric: Metric, protocol: Protocol) -> bool:
        """Tell whether a metric of a dataset is the mean of its images' values."""
        if metric.values or metric.by_image(protocol):
            return True
        return metric.reduction == "mean" and self.curves[metric.curve].averaged(protocol).linear

    def depends(self, metric: Metric) -> Fields:
        """Return all that a metric depends on, of images and of a dataset."""
        stored = self.statistics.depends if self.statistics else ()
        curve = self.curves[metric.curve].depends if metric.curve else ()
        return tuple(dict.fromkeys((*MASK, *COUNTING, *stored, *curve, *metric.depends)))
