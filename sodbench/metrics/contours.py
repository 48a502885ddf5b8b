"""Borders of regions, and the corners of curves.

Suzuki, Abe: Topological structural analysis of digitized binary images by border following, Computer Vision,
Graphics, and Image Processing 30(1), 1985, doi:10.1016/0734-189X(85)90016-7: all outer borders and borders of
holes of 8-connected regions, each as the list of its pixels.

Ramer: An iterative procedure for the polygonal approximation of plane curves, Computer Graphics and Image
Processing 1(3), 1972, doi:10.1016/S0146-664X(72)80017-0; Douglas, Peucker: Algorithms for the reduction of
the number of points required to represent a digitized line, Cartographica 10(2), 1973,
doi:10.3138/FM57-6770-U75U-7727: the points of a curve that a polygon needs to stay within a distance of it.

*Conventions.* Both as OpenCV has them: `borders` gives the pixels of its ``findContours`` without
approximation, `corners` finds the points of its ``approxPolyDP`` of an open curve, which thins the polygon
in a last pass. OpenCV measures the distance to the line through a part's ends before 4.13, to the segment
between them from 4.13 on.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.bitrows import WORD
from sodbench.utils.kernels import kernel


@kernel
def has(bits, p):  # type: ignore[no-untyped-def]
    """Tell whether pixel p of bit rows is set."""
    return bits[p // WORD] >> np.uint64(p % WORD) & np.uint64(1) != 0


@kernel
def _follow(bits, ring, start, background, region, marks, points, size):  # type: ignore[no-untyped-def]
    """Follow a border from a pixel and the side of it that is background; return the new number of points.

    ``ring`` holds the offsets to the neighbours of a pixel, clockwise from the one above. A pixel is marked
    by its region, negative where the border passes between it and the pixel to its right.
    """
    last = start
    for step in range(1, 8):
        k = (background + step) % 8
        if has(bits, start + ring[k]):
            last = start + ring[k]
            break
    if last == start:
        marks[start] = -region
        points[size] = start
        return size + 1
    here, back = start, k
    while True:
        right = False
        k = (back + 7) % 8
        while not has(bits, here + ring[k]):
            right |= k == 2
            k = (k + 7) % 8
        if right:
            marks[here] = -region
        elif marks[here] == 0:
            marks[here] = region
        points[size] = here
        size += 1
        after = here + ring[k]
        if after == start and here == last:
            return size
        here, back = after, (k + 4) % 8


@kernel
def _borders(bits, words, marks, points, ends, regions):  # type: ignore[no-untyped-def]
    """Follow all borders in the order of a raster scan; return how many there are, and how many regions."""
    width = words * WORD
    ring = np.array([-width, 1 - width, 1, width + 1, width, width - 1, -1, -width - 1])
    step, last = np.uint64(1), np.uint64(WORD - 1)
    borders = size = n_regions = region = 0
    for k in range(words, len(bits) - words):
        here = bits[k]
        if here == 0:
            continue
        starts = here & ~(here << step | bits[k - 1] >> last)
        stops = here & ~(here >> step | bits[k + 1] << last)
        for bit in range(WORD):
            p = k * WORD + bit
            if starts >> np.uint64(bit) & step:
                if marks[p] == 0:
                    n_regions += 1
                    size = _follow(bits, ring, p, 6, n_regions, marks, points, size)
                    ends[borders], regions[borders] = size, n_regions
                    borders += 1
                region = abs(marks[p])
            if stops >> np.uint64(bit) & step and marks[p] >= 0:
                size = _follow(bits, ring, p, 2, region, marks, points, size)
                ends[borders], regions[borders] = size, -region
                borders += 1
    return borders, n_regions


@kernel
def _beyond(y, x, down, right, segment):  # type: ignore[no-untyped-def]
    """Squared distance of (y, x) to the line or segment from the origin, times its squared length."""
    if segment:
        length, along = down * down + right * right, y * down + x * right
        if along < 0:
            return (y * y + x * x) * length
        if along > length:
            return ((y - down) ** 2 + (x - right) ** 2) * length
    return (y * right - x * down) ** 2


@kernel
def corners(ys, xs, start, stop, epsilon, segment, kept, stack):  # type: ignore[no-untyped-def]
    """Find the points that the polygon of an open curve of distinct pixels has; return how many.

    Parameters
    ----------
    ys, xs
        Rows and columns of pixels; the curve is ``start`` to ``stop`` of them.
    start, stop
        See `ys`.
    epsilon
        How far the curve may lie off its polygon, in pixels; a whole number.
    segment
        Whether distance is measured to segments, else to lines.
    kept, stack
        Room for ``stop - start`` whole numbers each; what they hold does not matter. Which pixels are points
        is written to the front of `kept`.
    """
    if stop - start <= 2:
        for k in range(stop - start):
            kept[k] = start + k
        return stop - start
    tolerance = epsilon * epsilon
    points, waiting = 1, 1
    kept[0], stack[0] = start, stop - 1
    while waiting:
        first, final = kept[points - 1], stack[waiting - 1]
        down, right = ys[final] - ys[first], xs[final] - xs[first]
        most, far = 0, first
        for k in range(first + 1, final):
            off = _beyond(ys[k] - ys[first], xs[k] - xs[first], down, right, segment)
            if off > most:
                most, far = off, k
        if most > tolerance * (down * down + right * right):
            stack[waiting] = far
            waiting += 1
        else:
            kept[points] = final
            points += 1
            waiting -= 1
    left, before, k, n = points, start, 1, 1
    while k < points - 1 and left > 2:
        here, after = kept[k], kept[k + 1]
        down, right = ys[after] - ys[before], xs[after] - xs[before]
        up, aside = ys[here] - ys[before], xs[here] - xs[before]
        off = up * right - aside * down
        near = 2 * off * off <= tolerance * (down * down + right * right)
        if near and down != 0 and right != 0 and up * (down - up) + aside * (right - aside) >= 0:
            left -= 1
            k += 1
        before = kept[k]
        kept[n] = before
        n += 1
        k += 1
    for other in range(k, points):
        kept[n + other - k] = kept[other]
    return left


class Borders(NamedTuple):
    """All borders of an image.

    Parameters
    ----------
    points
        Their pixels one border after the other, as offsets in bit rows.
    ends
        ``(n,)`` where each border ends in `points`.
    regions
        ``(n,)`` the region, from 1 on, that each is a border of; negative for the border of a hole.
    n_regions
        How many 8-connected regions there are.
    """

    points: NDArray[np.int32]
    ends: NDArray[np.int32]
    regions: NDArray[np.int32]
    n_regions: int


def borders(bits: NDArray[np.uint64], words: int) -> Borders:
    """Follow all borders of an image, in the order in which a raster scan meets them.

    Each begins with the pixel that the scan meets first; outer borders run down first.

    Parameters
    ----------
    bits
        Bit rows of `words` words; see `sodbench.metrics.bitrows`.
    words
        How many words a row takes.

    Examples
    --------
    >>> from sodbench.metrics.bitrows import bit_rows
    >>> ring = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8)
    >>> points, ends, regions, _ = borders(bit_rows(ring), 1)
    >>> ends.tolist(), regions.tolist()
    ([8, 12], [1, -1])
    >>> [divmod(int(p), WORD) for p in points[8:]]
    [(2, 1), (1, 2), (2, 3), (3, 2)]
    """
    rows = bits.reshape(-1, words)
    sides = int(np.bitwise_count(rows[:-1] ^ rows[1:]).sum())
    step, last = np.uint64(1), np.uint64(WORD - 1)
    sides += int(np.bitwise_count(bits[1:] ^ (bits[1:] << step | bits[:-1] >> last)).sum())
    points, ends, regions = (np.empty(sides, np.int32) for _ in range(3))
    marks = np.zeros(len(bits) * WORD, np.int32)
    n, n_regions = _borders(bits, words, marks, points, ends, regions)
    return Borders(points[: ends[n - 1] if n else 0], ends[:n], regions[:n], n_regions)
