"""Test whether methods differ significantly: bootstrap of images, intervals, effects.

*Reproducible.* Numbers are drawn by PCG64 from a seed. Columns are rounded to whole multiples of a
power of two (2^-39 for 5,000 images) so that every sum is exact: the same seed gives the same bits
for any number of threads, any BLAS, and whatever else is resampled at the same time.

References: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 to 15; Holm,
Scandinavian Journal of Statistics 6 (1979).
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.random import PCG64, Generator
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from sodbench.analysis.statistics.columns import (
    CURVES_AT_ONCE,
    Columns,
    Weights,
    at_a_time,
    even_slices,
    exact_scale,
    largest_of,
    places_of,
    some_units,
    weighted_sums,
    whole_numbers,
)
from sodbench.analysis.statistics.measured import Measured
from sodbench.errors import ScoresError
from sodbench.metrics.histogram import Reals

WIDTH = 1024
"""Columns that are summed up at once."""

TIE = 1e-10
"""Values nearer to each other than this differ by rounding only."""

ALPHA = 0.05
"""Level of tests."""

FEWEST_IMAGES = 20
"""No interval, p-value or rank test is given for fewer."""

TAILS = (ALPHA / 2, 1 - ALPHA / 2)
"""Quantiles at the ends of a 95 % interval."""


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
    together = _together(dict.fromkeys(metric.columns for metric in measured))
    places = {each: at for columns in together for each, at in zip(columns, places_of(columns), strict=True)}
    width = max(len(largest_of(columns)) for columns in together)
    for block, counts in _drawn(measured[0].columns.units, resamples, seed, width):
        for columns in together:
            means = _means(columns, counts, block.stop - block.start)
            for row, metric in zip(samples[:, block], measured, strict=True):
                if metric.columns in columns:
                    of_metric = means[:, places[metric.columns]]
                    for some in even_slices(len(means), CURVES_AT_ONCE):
                        row[some] = metric.of(of_metric[some])
    return samples


def resampled(columns: Columns, resamples: int = 10_000, seed: int = 0) -> Iterator[Reals]:
    """Yield the column means of resamples, some at a time, ``(some, C)``.

    Parameters
    ----------
    columns
        Of which the means are taken.
    resamples, seed
        As for `bootstrap`, which draws the same images.
    """
    for block, counts in _drawn(columns.units, resamples, seed, len(columns.largest)):
        yield _means([columns], counts, block.stop - block.start)


def _together(columns: Iterable[Columns]) -> list[list[Columns]]:
    """Divide columns into those that are summed up together, side by side."""
    together: list[list[Columns]] = []
    room = 0
    for each in columns:
        width = len(each.largest)
        if width > room:
            together.append([])
            room = WIDTH
        together[-1].append(each)
        room -= width
    return together


def _drawn(units: int, resamples: int, seed: int, width: int) -> Iterator[tuple[slice, Weights]]:
    """Yield some resamples at a time, and how often each unit is drawn in them: less than 256 times."""
    rng = Generator(PCG64(seed))
    for block in even_slices(resamples, at_a_time(units + 2 * 8 * width)):
        counts = np.empty((block.stop - block.start, units), np.uint8)
        for row in counts:
            row[:] = np.bincount(rng.integers(0, units, units), minlength=units)
        yield block, partial(_taken, counts)


def _taken(counts: NDArray[np.uint8], rows: slice, some: slice) -> NDArray[np.uint8]:
    return counts[rows, some]


def _means(columns: Sequence[Columns], counts: Weights, resamples: int) -> Reals:
    """Return the column means of resamples, ``(resamples, C)``."""
    units, largest = columns[0].units, largest_of(columns)
    scale = exact_scale(units, largest)
    parts = ((some, whole_numbers(columns, some, scale)) for some in some_units(units))
    sums = weighted_sums(counts, (len(scale), resamples), parts)
    sums /= (units * scale)[:, None]
    return sums.T


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
    columns = measured.columns
    left_out = ((columns.total - part) / (columns.units - 1) for part in columns.parts())
    return np.concatenate([measured.of(means) for means in left_out])


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
