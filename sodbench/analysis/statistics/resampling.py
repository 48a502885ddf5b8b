"""Test whether methods differ significantly: resampling of images, intervals, permutation.

A dataset's value of every metric is a function of *column means over its images*: max F of the mean
precision and recall, weighted F of the sum over the images where it is defined and of their number.
So a resample of the images is a vector of counts times a matrix, and all metrics and methods of a
dataset share one resampling.

*Reproducible.* Numbers are drawn by PCG64 from a seed. Columns are rounded to whole multiples of a
power of two (2^-39 for 5,000 images) so that every sum is exact: the same seed gives the same bits
for any number of threads, any BLAS, and whatever else is resampled at the same time.

References: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 to 15; Holm,
Scandinavian Journal of Statistics 6 (1979).
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.random import PCG64, Generator
from scipy.special import ndtr, ndtri

from sodbench.errors import ScoresError
from sodbench.metrics import METRICS, part_of
from sodbench.metrics.histogram import Reals, counts_above
from sodbench.metrics.parts import Averaged, Cut, Metric
from sodbench.scoring.levels import AT_ONCE
from sodbench.scoring.scores import Scores

AT_A_TIME = 512
"""Resamples held in memory at once."""

TIE = 1e-10
"""Values nearer to each other than this differ by rounding only."""

ALPHA = 0.05
"""Level of tests."""

FEWEST_IMAGES = 20
"""No interval, p-value or rank test is given for fewer."""

TAILS = (ALPHA / 2, 1 - ALPHA / 2)
"""Quantiles at the ends of a 95 % interval."""

ColumnsKey = TypeVar("ColumnsKey", bound=Hashable)


@dataclass(frozen=True, eq=False)
class Measured:
    """A metric of a dataset, in the form that can be resampled.

    Parameters
    ----------
    metric
        Column id.
    columns
        ``(images, C)``, in the order of the scores' `ids`.
    of
        The metric as a function of the columns' means, ``(..., C)`` to ``(...)``.
    values
        The metric of each image alone, ``(images,)``; NaN where it is undefined.
    is_mean
        Whether the metric of the dataset is the mean of `values`; max F is not.
    """

    metric: str
    columns: Reals
    of: Callable[[Reals], Reals]
    values: Reals
    is_mean: bool

    @property
    def value(self) -> float:
        """The dataset's value."""
        return float(self.of(self.columns.mean(axis=0)))


def measured(scores: Scores, metrics: Sequence[str] = ()) -> dict[str, Measured]:
    """Return metrics of scores in the form that can be resampled, by column id.

    Parameters
    ----------
    scores
        Of one method on one dataset.
    metrics
        Column ids; none: all that were asked for when scoring.

    Raises
    ------
    ScoresError
        A metric was not computed, or is defined on no image.
    """
    metrics = metrics or scores.metrics
    start = f"{scores.method} on {scores.dataset_name}"
    scores.check_computed(metrics)
    columns: dict[str, Reals] = {}
    measured_metrics = {}
    for name in metrics:
        metric, of_images = METRICS[name], scores.values(name)
        values = scores.counting.unit_values(of_images)
        if np.isnan(values).all():
            raise ScoresError(f"{start}: {name} is defined on no image. Leave it out.")
        if part_of(name).is_mean(metric, scores.protocol):
            both = scores.counting.with_counts(of_images)
            measured_metrics[name] = Measured(name, both, _defined_mean, values, True)
            continue
        curve = part_of(name).curves[metric.curve]
        averaged = curve.averaged(scores.protocol)
        if averaged.key not in columns:
            columns[averaged.key] = image_columns(scores, averaged, curve.cut(scores.protocol))
        of = partial(_of_means, metric=metric, averaged=averaged, scores=scores)
        if scores.counting.grouped:
            values = of(columns[averaged.key])
        measured_metrics[name] = Measured(name, columns[averaged.key], of, values, False)
    return measured_metrics


def defined_units(scores: Sequence[Scores], metric: str) -> int:
    """Return on how many units all of some methods' scores define a metric: images, or groups of them."""
    return int((~np.isnan([s.counting.unit_values(s.values(metric)) for s in scores]).any(axis=0)).sum())


def image_columns(scores: Scores, averaged: Averaged, cut: Cut = counts_above) -> Reals:
    """Return what a dataset's curve is averaged of, ``(units, C)`` in the order of the scores' `ids`."""
    ids, protocol, counting = scores.ids, scores.protocol, scores.counting
    chunks = (scores.levels(ids[start : start + AT_ONCE]) for start in range(0, len(ids), AT_ONCE))
    columns = [
        counting.columns(averaged.columns(cut(levels, protocol), protocol), averaged, levels)
        for levels in chunks
    ]
    return counting.unit_columns(np.concatenate(columns))


def dataset_curve(means: Reals, averaged: Averaged, scores: Scores) -> Reals:
    """Return the curves of datasets ``(..., K)`` whose columns have some means ``(..., C)``."""
    return scores.counting.curve_of_means(averaged, means, len(scores.rows))


def _of_means(means: Reals, metric: Metric, averaged: Averaged, scores: Scores) -> Reals:
    return metric.reduced(dataset_curve(means, averaged, scores))


def _defined_mean(means: Reals) -> Reals:
    total, share = means[..., 0], means[..., 1]
    return np.divide(total, share, out=np.full(share.shape, np.nan), where=share > 0)


def bootstrap(measured: Sequence[Measured], resamples: int = 10_000, seed: int = 0) -> Reals:
    """Resample images with replacement and return each metric of each resample.

    The same images are drawn for all, and in every call with as many images and the same seed, so
    that differences between methods are paired.

    Parameters
    ----------
    measured
        Metrics of one dataset, with as many images each.
    resamples, seed
        Their number, and the seed of PCG64.

    Returns
    -------
    ``(len(measured), resamples)``.
    """
    samples = np.empty((len(measured), resamples))
    columns, places = _side_by_side({id(metric.columns): metric.columns for metric in measured})
    done = 0
    for means in resampled(columns, resamples, seed):
        for row, metric in zip(samples, measured, strict=True):
            row[done : done + len(means)] = metric.of(means[:, places[id(metric.columns)]])
        done += len(means)
    return samples


def resampled(columns: Reals, resamples: int = 10_000, seed: int = 0) -> Iterator[Reals]:
    """Yield the column means of resamples, some at a time, ``(some, C)``.

    Parameters
    ----------
    columns
        ``(images, C)``.
    resamples, seed
        As for `bootstrap`, which draws the same images.
    """
    n = len(columns)
    whole, scale = _whole(columns)
    rng = Generator(PCG64(seed))
    for start in range(0, resamples, AT_A_TIME):
        some = min(AT_A_TIME, resamples - start)
        drawn = rng.integers(0, n, (some, n)) + np.arange(some)[:, None] * n
        counts = np.bincount(drawn.ravel(), minlength=some * n).reshape(some, n)
        yield _product(counts.astype(np.float64), whole) / (n * scale)


def _side_by_side(parts: Mapping[ColumnsKey, Reals]) -> tuple[Reals, dict[ColumnsKey, slice]]:
    """Join matrices side by side; return the columns of each, too."""
    ends = np.cumsum([part.shape[1] for part in parts.values()]).tolist()
    starts = [0, *ends[:-1]]
    places = {key: slice(*place) for key, place in zip(parts, zip(starts, ends, strict=True), strict=True)}
    return np.concatenate(list(parts.values()), axis=1), places


def _whole(columns: Reals, largest: Reals | None = None) -> tuple[Reals, Reals]:
    """Scale columns to whole numbers, any `images` of which have an exact sum; return the scale, too."""
    bound = len(columns) * (np.abs(columns).max(axis=0) if largest is None else largest)
    scale = np.ldexp(1.0, 52 - np.frexp(bound)[1])
    whole = columns * scale
    return np.rint(whole, out=whole), scale


def _product(counts: Reals, whole: Reals) -> Reals:
    """Return ``counts @ whole``, in the order that BLAS is fastest in for few rows: 1.5 times as fast."""
    return (whole.T @ counts.T).T


def percentile_interval(samples: Reals) -> tuple[float, float]:
    """Return the middle 95 % of resamples; quantiles are linear between order statistics, as in scipy.

    >>> low, high = percentile_interval(np.arange(41.0))
    >>> round(low, 9), round(high, 9)
    (1.0, 39.0)
    """
    low, high = np.quantile(samples, TAILS)
    return float(low), float(high)


def bca_interval(samples: Reals, value: float, left_out: Reals) -> tuple[float, float]:
    """Return the bias-corrected and accelerated 95 % interval; formulas and quantiles are those of scipy.

    Parameters
    ----------
    samples
        The statistic of each resample.
    value
        The statistic of the data.
    left_out
        The statistic with each image left out in turn; see `jackknife`.

    Raises
    ------
    ScoresError
        All resamples lie on one side of the value, so that the bias has no estimate.
    """
    if np.ptp(samples) <= TIE:
        return float(samples[0]), float(samples[0])
    below = np.mean(samples < value - TIE) / 2 + np.mean(samples <= value + TIE) / 2
    if not 0 < below < 1:
        raise ScoresError(
            f"BCa interval: all {len(samples)} resamples lie on one side of the value {value:.4f}. "
            "Take the percentile interval."
        )
    bias = ndtri(below)
    pull = left_out.mean() - left_out
    acceleration = (pull**3).sum() / (6 * (pull**2).sum() ** 1.5)
    z = bias + ndtri(TAILS)
    low, high = np.quantile(samples, ndtr(bias + z / (1 - acceleration * z)))
    return float(low), float(high)


def jackknife(measured: Measured) -> Reals:
    """Return the metric with each image left out in turn, ``(images,)``."""
    n = len(measured.columns)
    return measured.of((measured.columns.sum(axis=0) - measured.columns) / (n - 1))


def permutation(pairs: Sequence[tuple[Measured, Measured]], resamples: int = 10_000, seed: int = 0) -> Reals:
    """Return the two-sided p-value that two methods differ, of each pair, by swapping their images' rows.

    Each image's rows are swapped with probability 1/2 and both values computed again. With d the
    difference, p = (1 + number of resamples with abs(d*) >= abs(d)) / (1 + resamples), up to rounding
    (`TIE`). Where all 2^n swaps are no more than `resamples`, each is taken once and p is exact.

    Parameters
    ----------
    pairs
        Two methods' same metric of one dataset; the order of the two does not matter.
    resamples, seed
        As for `bootstrap`.
    """
    keys = {(id(a.columns), id(b.columns)): (a.columns, b.columns) for a, b in pairs}
    first, places = _side_by_side({key: a for key, (a, _) in keys.items()})
    second, _ = _side_by_side({key: b for key, (_, b) in keys.items()})
    n = len(first)
    largest = 2 * np.maximum(np.abs(first).max(axis=0), np.abs(second).max(axis=0))
    (whole_first, scale), (whole_second, _) = _whole(first, largest), _whole(second, largest)
    sums, change = (whole_first.sum(axis=0), whole_second.sum(axis=0)), whole_second - whole_first

    def differences(moved: Reals) -> Reals:
        means = (sums[0] + moved) / (n * scale), (sums[1] - moved) / (n * scale)
        gaps = []
        for a, b in pairs:
            place = places[id(a.columns), id(b.columns)]
            gaps.append(np.abs(a.of(means[0][:, place]) - b.of(means[1][:, place])))
        return np.stack(gaps)

    observed = differences(np.zeros((1, first.shape[1])))
    exact = n < 63 and 2**n <= resamples
    total = 2**n if exact else resamples
    reached = np.zeros(len(pairs))
    for swaps in _swaps(n, total, None if exact else Generator(PCG64(seed))):
        reached += (differences(_product(swaps, change)) >= observed - TIE).sum(axis=1)
    return reached / total if exact else (1 + reached) / (1 + total)


def _swaps(n: int, total: int, rng: Generator | None) -> Iterator[Reals]:
    """Yield which images' rows are swapped, ``(some, n)`` of 0 and 1; without `rng` each way once."""
    words = -(-n // 64)
    for start in range(0, total, AT_A_TIME):
        some = min(AT_A_TIME, total - start)
        if rng is None:
            drawn = np.arange(start, start + some, dtype="<u8")[:, None]
        else:
            drawn = rng.integers(0, 2**64, (some, words), dtype=np.uint64).astype("<u8")
        bits = np.unpackbits(drawn.view(np.uint8), axis=1, count=n, bitorder="little")
        yield bits.astype(np.float64)


def win_tie_loss(a: Reals, b: Reals, higher_is_better: bool) -> tuple[int, int, int]:
    """Count the images on which a is better than, equal to, worse than b; undefined ones are left out.

    >>> win_tie_loss(np.array([0.1, 0.2, 0.3]), np.array([0.2, 0.2, np.nan]), higher_is_better=False)
    (1, 1, 0)
    """
    above, equal, below = (int(images.sum()) for images in (a > b, a == b, a < b))
    return (above, equal, below) if higher_is_better else (below, equal, above)


def cohens_d(a: Reals, b: Reals) -> float | None:
    """Return the mean of paired differences over their standard deviation, None if that is 0 or undefined.

    >>> cohens_d(np.array([1.0, 2.0, 6.0]), np.zeros(3)) == 3 / 7**0.5
    True
    """
    differences = (a - b)[~np.isnan(a - b)]
    if len(differences) < 2 or np.ptp(differences) == 0:
        return None
    return float(differences.mean() / differences.std(ddof=1))


def holm(p: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number by Holm's step-down method, in the order given.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(np.asarray(p)[order] * np.arange(len(p), 0, -1))
    return [float(value) for value in np.minimum(adjusted, 1)]
