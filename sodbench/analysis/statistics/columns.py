"""Numbers of images whose means make a dataset's value, some images at a time, and exact sums of them.

A curve has hundreds of numbers of each image, 4 KB. They are made of the level histograms whenever they are
gone over, and never in memory for all images.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.histogram import Reals
from sodbench.scoring.levels import AT_ONCE

CURVES_AT_ONCE = 512
"""Resamples whose curves are held in memory at once."""

ROWS = 1024
"""Resamples whose weights are held as floating point numbers at once."""

BUDGET = 2**26
"""Bytes that the weights and sums of resamples take at once, about."""

LEAST = 256
"""Resamples at once at least: going over the columns takes as long as 200 of them."""

Weights = Callable[[slice, slice], NDArray[np.uint8]]
"""How often some resamples have some units, ``(resamples, units)``."""


@dataclass(frozen=True, eq=False)
class Columns:
    """Numbers of each unit of a dataset, ``(units, C)``: of its images, or of groups of them.

    Parameters
    ----------
    units
        How many there are.
    part
        The numbers of some units, ``(some, C)``.

    Examples
    --------
    >>> Columns.of(np.array([[1.0, -5.0], [2.0, 3.0]])).mean
    array([ 1.5, -1. ])
    """

    units: int
    part: Callable[[slice], Reals]

    @classmethod
    def of(cls, numbers: Reals) -> "Columns":
        """Take numbers that are in memory, ``(units, C)``."""
        return cls(len(numbers), numbers.__getitem__)

    def parts(self) -> Iterator[Reals]:
        """Yield the numbers of `AT_ONCE` units after the other."""
        return map(self.part, some_units(self.units))

    @cached_property
    def _sum_and_largest(self) -> tuple[Reals, Reals]:
        parts = self.parts()
        first = next(parts)
        total, largest = np.add.reduce(first), np.abs(first).max(axis=0)
        for numbers in parts:
            total = np.add.reduce(np.concatenate((total[None], numbers)))
            largest = np.maximum(largest, np.abs(numbers).max(axis=0))
        return total, largest

    @property
    def total(self) -> Reals:
        """The sum over units, added one after the other, ``(C,)``."""
        return self._sum_and_largest[0]

    @property
    def largest(self) -> Reals:
        """The largest absolute value, ``(C,)``."""
        return self._sum_and_largest[1]

    @property
    def mean(self) -> Reals:
        """The mean over units, ``(C,)``."""
        return self.total / self.units


def some_units(units: int) -> Iterator[slice]:
    """Yield `AT_ONCE` units after the other."""
    return (slice(start, min(start + AT_ONCE, units)) for start in range(0, units, AT_ONCE))


def even_slices(total: int, most: int) -> Iterator[slice]:
    """Divide a number of resamples evenly into blocks of at most so many.

    >>> [(block.start, block.stop) for block in even_slices(9, 4)]
    [(0, 3), (3, 6), (6, 9)]
    """
    ends = np.linspace(0, total, -(-total // most) + 1).astype(int).tolist()
    return (slice(*ends) for ends in pairwise(ends))


def at_a_time(bytes_each: int) -> int:
    """Return of how many resamples weights and sums are held at once, each of so many bytes."""
    return max(BUDGET // bytes_each, LEAST)


def places_of(columns: Iterable[Columns]) -> list[slice]:
    """Return where columns lie that stand side by side."""
    ends = np.cumsum([0, *(len(each.largest) for each in columns)]).tolist()
    return [slice(*place) for place in pairwise(ends)]


def largest_of(columns: Iterable[Columns]) -> Reals:
    """Return the largest absolute values of columns side by side, ``(C,)``."""
    return np.concatenate([each.largest for each in columns])


def exact_scale(units: int, largest: Reals) -> Reals:
    """Return powers of two ``(C,)`` by which columns are scaled to whole numbers.

    Any `units` of these, of columns that are at most so large, have an exact sum.
    """
    return np.ldexp(1.0, 52 - np.frexp(units * largest)[1])


def whole_numbers(
    columns: Sequence[Columns], some: slice, scale: Reals, chosen: NDArray[np.intp] | slice = slice(None)
) -> Reals:
    """Return columns of some units side by side, scaled and rounded to whole numbers, ``(some, C)``."""
    whole = np.concatenate([each.part(some) for each in columns], axis=1)[:, chosen]
    whole *= scale
    return np.rint(whole, out=whole)


def weighted_sums(weights: Weights, shape: tuple[int, int], parts: Iterable[tuple[slice, Reals]]) -> Reals:
    """Return the sums of resamples.

    Parameters
    ----------
    weights
        How often each resample has each unit.
    shape
        Of the result: ``(C, resamples)``, the order in which matrix products are fast.
    parts
        Some units, and their whole numbers ``(some, C)``.
    """
    total = np.zeros(shape)
    for some, whole in parts:
        for rows in even_slices(shape[1], ROWS):
            total[:, rows] += whole.T @ weights(rows, some).T.astype(np.float64)
    return total
