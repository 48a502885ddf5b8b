"""Was a map enlarged, and from which size?

*Nearest neighbour* repeats whole rows and columns, and only where its rounding says so. *Bilinear* maps
along an axis are ``A x`` for the small map's x and a known matrix A of two weights a row: what is left
after projecting the map on the columns of A is rounding. The sizes that networks use are tried; one counts
if it leaves far less than sizes slightly smaller and larger, which can follow the same content.

Bicubic enlarging mostly passes the same test, so the two are called ``smooth``; whether the small map was
rounded before is not determined. Not found: sizes that are not in `SIZES`, enlarging by less than a tenth,
letterboxing, and maps that were sharpened, thresholded or compressed afterwards.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SIZES = (
    *(28, 32, 40, 48, 56, 64, 72, 80, 88, 96, 100, 104, 112, 120, 128, 144, 160, 176, 192, 200, 208, 224),
    *(240, 256, 280, 288, 300, 304, 320, 336, 352, 368, 384, 400, 416, 448, 480, 500, 512, 576, 640, 768),
)  # fmt: skip
"""Sides of network outputs in use."""
CLEARANCE = 0.9
"""Larger than this share of the map's side, a size leaves too few pixels over to be tested."""
NEIGHBOUR = 4
"""Pixels between a size and those it is compared with."""
FAR_LESS = 0.6
"""Share of its neighbours' residual that a size may leave; measured on maps of known size, see the tests."""
MOST_RESIDUAL = 1.0
"""Levels (root mean square) that rounding, twice in some libraries, may leave."""
LINES = 32
"""Rows or columns that are looked at, those with most structure."""
FEW_CHANGES = 0.95
"""Above this share of rows that differ from the row above, none are said to be repeated."""
MANY_CHANGES = 0.6
"""Share of the borders between repeated rows at which something must change."""
BORDER = 1e-6
"""Pixels within which two neighbours are equally near."""
FEWEST_ROWS = 16
"""Smallest side before enlarging, and fewest repeated rows, that are called a pattern."""


class Enlarging(NamedTuple):
    """How a map was enlarged: ``nearest`` or ``smooth``, and its side along the longer axis before."""

    kind: str
    side: int


def enlarged_from(levels: NDArray[np.uint8]) -> Enlarging | None:
    """Return how a map was enlarged, or None if that cannot be determined.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> small = rng.integers(0, 256, (60, 50), np.uint8)
    >>> enlarged_from(small.repeat(4, axis=0).repeat(3, axis=1))
    Enlarging(kind='nearest', side=60)
    >>> enlarged_from(small) is None
    True
    """
    longer = levels if levels.shape[0] >= levels.shape[1] else levels.T
    if side := repeated_from(longer):
        return Enlarging("nearest", side)
    side = interpolated_from(longer)
    return Enlarging("smooth", side) if side else None


def repeated_from(levels: NDArray[np.uint8]) -> int | None:
    """Return from how many rows a map was enlarged by repeating rows, or None if it was not.

    >>> repeated_from(np.arange(20, dtype=np.uint8).repeat(3)[:, None])
    20
    """
    changed = (levels[1:] != levels[:-1]).any(axis=1)
    where = np.flatnonzero(changed)
    if len(where) < FEWEST_ROWS:
        return None
    first, last = int(where[0]), int(where[-1]) + 1
    seen = changed[first:last]
    if seen.mean() > FEW_CHANGES:
        return None
    n, at = len(levels), np.arange(len(levels))
    best, most = None, MANY_CHANGES
    for size in range(FEWEST_ROWS, int(CLEARANCE * n)):
        for centre in (0.5, 0.0):
            # A tie falls to either side, depending on the library.
            ways = [((at + centre + d) * size / n).astype(int) for d in (-BORDER, BORDER)]
            borders = [np.diff(way)[first:last] > 0 for way in ways]
            border = borders[0] | borders[1]
            if (seen & ~border).any() or (~border).sum() < FEWEST_ROWS:
                continue
            share = float(seen.sum() / borders[0].sum())
            if share > most:
                best, most = size, share
    return best


def interpolated_from(levels: NDArray[np.uint8]) -> int | None:
    """Return from how many rows a map was enlarged by linear interpolation, or None if unknown."""
    sizes = [size for size in SIZES if size + NEIGHBOUR <= CLEARANCE * len(levels)]
    if not sizes:
        return None
    bends = np.abs(np.diff(levels.astype(np.int16), 2, axis=0)).sum(axis=0)
    lines = levels[:, np.sort(np.argsort(-bends, kind="stable")[:LINES])].astype(np.float64)
    left = _residuals(lines, _systems(len(levels), tuple(sizes))).reshape(len(sizes), len(_TRIED))
    own, around = left[:, :2].min(axis=1), left[:, 2:].min(axis=1)
    share = np.where(own <= MOST_RESIDUAL, own / np.maximum(around, 1e-9), np.inf)
    best = int(share.argmin())
    return sizes[best] if share[best] < FAR_LESS and around[best] > 0 else None


_TRIED = ((0, False), (0, True), (-NEIGHBOUR, False), (NEIGHBOUR, False))
"""What is tried of a size: pixels more, and whether the corner pixels' centres stay where they are."""


class _System(NamedTuple):
    """The normal equations of interpolation: tridiagonal, as L D L^T.

    Each row of the large map lies between small rows `low` and `low` + 1, `part` of the way; the small
    rows' first large rows are `first`. `lower` is L below its diagonal, `pivots` is D.
    """

    size: int
    part: NDArray[np.float64]
    first: NDArray[np.intp]
    lower: NDArray[np.float64]
    pivots: NDArray[np.float64]


@lru_cache(maxsize=16)
def _systems(n: int, sizes: tuple[int, ...]) -> list[_System]:
    return [_system(n, size + more, corners) for size in sizes for more, corners in _TRIED]


def _system(n: int, size: int, corners: bool) -> _System:
    at = np.linspace(0, size - 1, n) if corners else ((np.arange(n) + 0.5) * size / n - 0.5).clip(0, size - 1)
    low = np.minimum(at.astype(int), size - 2)
    part, first = at - low, np.searchsorted(low, np.arange(size - 1))
    diagonal = _gathered((1 - part) ** 2, part**2, first)
    beside = np.add.reduceat(part * (1 - part), first)
    lower, pivots = np.zeros(size), np.zeros(size)
    pivots[0] = diagonal[0]
    for k in range(1, size):
        lower[k] = beside[k - 1] / pivots[k - 1]
        pivots[k] = diagonal[k] - lower[k] * beside[k - 1]
    return _System(size, part, first, lower, pivots)


def _gathered(
    left: NDArray[np.float64], right: NDArray[np.float64], first: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Sum over the large rows what each gives to the small row before it and to the one behind."""
    sums = np.zeros((len(first) + 1, *left.shape[1:]))
    sums[:-1] += np.add.reduceat(left, first, axis=0)
    sums[1:] += np.add.reduceat(right, first, axis=0)
    return sums


def _residuals(lines: NDArray[np.float64], systems: list[_System]) -> NDArray[np.float64]:
    """Return, of each system, what it cannot explain of the lines: root mean square a pixel that is free.

    All systems are eliminated side by side. |y|^2 - |A x|^2 = |y|^2 - sum of z^2 / D, with L z = A^T y.
    """
    longest = max(system.size for system in systems)
    z = np.zeros((longest, len(systems), lines.shape[1]))
    lower, weight = np.zeros((longest, len(systems), 1)), np.zeros((longest, len(systems), 1))
    for k, system in enumerate(systems):
        part = system.part[:, None]
        z[: system.size, k] = _gathered((1 - part) * lines, part * lines, system.first)
        lower[: system.size, k, 0] = system.lower
        weight[: system.size, k, 0] = 1 / system.pivots
    for k in range(1, longest):
        z[k] -= lower[k] * z[k - 1]
    explained = (z**2 * weight).sum(axis=(0, 2))
    free = lines.size - lines.shape[1] * np.array([system.size for system in systems])
    residuals: NDArray[np.float64] = np.sqrt(np.maximum((lines**2).sum() - explained, 0) / free)
    return residuals
