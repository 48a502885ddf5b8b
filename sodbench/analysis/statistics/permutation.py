"""Paired permutation of images: whether the values of two methods differ by more than chance.

Each image's rows of the two are swapped with probability 1/2, and both values computed again. With d the
difference, p = (1 + number of resamples with abs(d*) >= abs(d)) / (1 + resamples), up to rounding (`TIE`).
Where all 2^n swaps are no more than the resamples, each is taken once and p is exact.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.random import PCG64, Generator
from numpy.typing import NDArray

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
from sodbench.analysis.statistics.resampling import TIE
from sodbench.metrics.histogram import Reals

Pair = tuple[Measured, Measured]
Parts = Iterator[tuple[slice, Reals]]


def permutation(pairs: Sequence[Pair], resamples: int = 10_000, seed: int = 0) -> Reals:
    """Return the two-sided p-value that two methods differ, of each pair, by swapping their images' rows.

    Parameters
    ----------
    pairs
        Two methods' same metric of one dataset; the order of the two does not matter.
    resamples, seed
        As for `sodbench.analysis.statistics.resampling.bootstrap`.
    """
    both = list(dict.fromkeys((a.columns, b.columns) for a, b in pairs))
    first, second = [a for a, _ in both], [b for _, b in both]
    places = dict(zip(both, places_of(first), strict=True))
    at = [places[a.columns, b.columns] for a, b in pairs]
    units = first[0].units
    scale = exact_scale(units, 2 * np.maximum(largest_of(first), largest_of(second)))
    reached = np.zeros(len(pairs))
    for some, swaps in _swaps(units, resamples, seed, len(scale)):
        sums = np.zeros((2, len(scale)))
        change = weighted_sums(swaps, (len(scale), some), _changes(first, second, scale, sums))
        for block in even_slices(some, CURVES_AT_ONCE):
            reached += _reached(sums, change[:, block], units * scale, pairs, at)
    return _p_values(reached, units, resamples)


def permutations(
    methods: Sequence[Sequence[Measured]],
    resamples: int = 10_000,
    seed: int = 0,
    step: Callable[[], None] = lambda: None,
) -> Reals:
    """Return `permutation` of all pairs of methods, ``(pairs, metrics)``.

    Which rows are swapped does not depend on the pair, so of three methods or more the sum over them is made
    once a method.

    Parameters
    ----------
    methods
        The same metrics of each; pairs are in the order of `itertools.combinations`.
    resamples, seed
        See `permutation`.
    step
        Called as often as there are pairs.
    """
    pairs = list(combinations(range(len(methods)), 2))
    if len(pairs) == 1:
        p = permutation(list(zip(*methods, strict=True)), resamples, seed)
        step()
        return p[None]
    columns = [list(dict.fromkeys(metric.columns for metric in own)) for own in methods]
    places = dict(zip(columns[0], places_of(columns[0]), strict=True))
    at = [places[metric.columns] for metric in methods[0]]
    units = columns[0][0].units
    largest = [2 * largest_of(own) for own in columns]
    scales = np.array([[exact_scale(units, np.maximum(a, b)) for b in largest] for a in largest])
    scaled = [_scaled(own) for own in scales]
    reached, done, steps = np.zeros((len(pairs), len(at))), 0, 0
    for some, swaps in _swaps(units, resamples, seed, sum(len(own.scale) for own in scaled)):
        sums = [np.zeros(len(own.scale)) for own in scaled]
        moved = [
            weighted_sums(swaps, (len(own.scale), some), _parts(of_method, own, total))
            for of_method, own, total in zip(columns, scaled, sums, strict=True)
        ]
        for number, (j, k) in enumerate(pairs):
            own, other = scaled[j].places[k], scaled[k].places[j]
            both = np.stack((sums[j][own], sums[k][other]))
            of_pair = list(zip(methods[j], methods[k], strict=True))
            for block in even_slices(some, CURVES_AT_ONCE):
                change = moved[k][:, block][other] - moved[j][:, block][own]
                reached[number] += _reached(both, change, units * scales[j, k], of_pair, at)
                done += block.stop - block.start
            while steps * _total(units, resamples) < done:
                step()
                steps += 1
    return _p_values(reached, units, resamples)


class _Scaled(NamedTuple):
    """Columns of a method at each scale that its pairs have: which, at which, and where each pair's lie."""

    column: NDArray[np.intp]
    scale: Reals
    places: NDArray[np.intp]


def _scaled(scales: Reals) -> _Scaled:
    """Return every column at every scale once, given the scales ``(methods, C)`` with each other method."""
    width = scales.shape[1]
    keys = np.frexp(scales)[1] * width + np.arange(width)
    kinds, places = np.unique(keys.ravel(), return_inverse=True)
    return _Scaled(kinds % width, np.ldexp(0.5, kinds // width), places.reshape(scales.shape))


def _parts(columns: Sequence[Columns], scaled: _Scaled, sums: Reals) -> Parts:
    """Yield whole numbers of a method's images, which are added to `sums`."""
    for some in some_units(columns[0].units):
        whole = whole_numbers(columns, some, scaled.scale, scaled.column)
        sums += whole.sum(axis=0)
        yield some, whole


def _changes(first: Sequence[Columns], second: Sequence[Columns], scale: Reals, sums: Reals) -> Parts:
    """Yield by how much swaps change the first method's sums; the sums themselves are added to `sums`."""
    for some in some_units(first[0].units):
        a, b = (whole_numbers(columns, some, scale) for columns in (first, second))
        sums += a.sum(axis=0), b.sum(axis=0)
        yield some, b - a


def _reached(sums: Reals, change: Reals, divisor: Reals, pairs: Sequence[Pair], at: Sequence[slice]) -> Reals:
    """Count the resamples in which each pair differs by as much as without swaps.

    Parameters
    ----------
    sums
        Of both methods, ``(2, C)``.
    change
        What swaps add to the first and take from the second, ``(C, resamples)``.
    divisor
        What makes means of sums, ``(C,)``.
    pairs, at
        Metrics of the two, and their places among the columns.
    """

    def gaps(change: Reals) -> Reals:
        first, second = (
            ((total[:, None] + moved) / divisor[:, None]).T
            for total, moved in zip(sums, (change, -change), strict=True)
        )
        of_pairs = zip(pairs, at, strict=True)
        return np.stack([np.abs(a.of(first[:, p]) - b.of(second[:, p])) for (a, b), p in of_pairs])

    observed = gaps(np.zeros((len(divisor), 1)))
    return (gaps(change) >= observed - TIE).sum(axis=1)


def _total(units: int, resamples: int) -> int:
    """Return how many swaps there are: all, where they are no more than resamples."""
    return 2**units if units < 63 and 2**units <= resamples else resamples


def _p_values(reached: Reals, units: int, resamples: int) -> Reals:
    total = _total(units, resamples)
    return reached / total if total == 2**units else (1 + reached) / (1 + total)


def _swaps(units: int, resamples: int, seed: int, width: int) -> Iterator[tuple[int, Weights]]:
    """Yield some resamples at a time: how many, and which units' rows are swapped in each."""
    words, total = -(-units // 64), _total(units, resamples)
    rng = Generator(PCG64(seed))
    for block in even_slices(total, at_a_time(8 * (words + width))):
        some = block.stop - block.start
        if total == 2**units:
            drawn = np.arange(block.start, block.stop, dtype="<u8")[:, None]
        else:
            drawn = rng.integers(0, 2**64, (some, words), dtype=np.uint64).astype("<u8", copy=False)
        yield some, partial(_unpacked, drawn.view(np.uint8))


def _unpacked(bits: NDArray[np.uint8], rows: slice, some: slice) -> NDArray[np.uint8]:
    within = bits[rows, some.start // 8 : -(-some.stop // 8)]
    return np.unpackbits(within, axis=1, count=some.stop - some.start, bitorder="little")
