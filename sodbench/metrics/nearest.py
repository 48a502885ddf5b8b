"""Which object pixels are nearest to the pixels of an image, and how far away.

Meijster, Roerdink, Hesselink: A general algorithm for computing distance transforms in linear time, ISMM
2000, doi:10.1007/0-306-47025-X_36: the nearest pixel in each column first, then, row by row, the lower
envelope of the columns' parabolas.

*Conventions.* Euclidean, exact, in whole numbers. Of several nearest pixels the one with the smallest
column-major index counts, as in MATLAB and scipy.

*Cost.* Of most columns a neighbour is nearer wherever they would count, which is seen of many columns at
once; only the others are held against each other one by one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.utils.kernels import kernel

BEYOND = 266
"""Distance from which on no difference is made."""

FAR = BEYOND**2
"""Its square."""


@kernel
def _step_away(line, before, out):  # type: ignore[no-untyped-def]
    """Count rows from the last object pixel of each column, at most BEYOND: 0 in it, else one more."""
    for col in range(len(line)):
        rows = before[col]
        out[col] = (rows + (rows < BEYOND)) * (1 - line[col])


@kernel
def _square(above, under, depth):  # type: ignore[no-untyped-def]
    for col in range(len(depth)):
        rows = np.float32(min(above[col], under[col]))
        depth[col] = rows * rows


@kernel
def _higher(a, b):  # type: ignore[no-untyped-def]
    return a if a > b else b


@kernel
def _lower(a, b):  # type: ignore[no-untyped-def]
    return a if a < b else b


@kernel
def _contend(depth, first, last, keep):  # type: ignore[no-untyped-def]
    """Mark the columns of a row that may be nearest to a pixel outside, by 4 columns on either side of each.

    The object pixel of column c, at the squared depth d(c) = `depth[c + 8]`, is nearer to the pixel in column
    c + t than that of column c - n where t > (d(c) - d(c - n) - n^2) / 2n, and not farther than that of
    column c + n where t <= (d(c + n) - d(c) + n^2) / 2n. t is a whole number, from `first` - c to `last` - c
    for the image's first and last column, and not 0 in the object. Single precision is exact here, and fast.
    """
    d1, d2, d4, d8 = np.float32(1), np.float32(4), np.float32(16), np.float32(64)
    by1, by2, by4, by8 = np.float32(1 / 2), np.float32(1 / 4), np.float32(1 / 8), np.float32(1 / 16)
    left8, left4, left2, left1, here = depth, depth[4:], depth[6:], depth[7:], depth[8:]
    right1, right2, right4, right8 = depth[9:], depth[10:], depth[12:], depth[16:]
    zero, far = np.float32(0), np.float32(FAR)
    for col in range(len(keep)):
        d = here[col]
        after = np.float32(np.int32(first - col)) - by1
        after = _higher(after, _higher((d - left1[col] - d1) * by1, (d - left2[col] - d2) * by2))
        after = _higher(after, _higher((d - left4[col] - d4) * by4, (d - left8[col] - d8) * by8))
        upto = np.float32(np.int32(last - col))
        upto = _lower(upto, _lower((right1[col] - d + d1) * by1, (right2[col] - d + d2) * by2))
        upto = _lower(upto, _lower((right4[col] - d + d4) * by4, (right8[col] - d + d8) * by8))
        upto = np.floor(upto)
        keep[col] = (upto > after) & (d < far) & ((d > zero) | (upto > zero) | (after < -d1))


@kernel
def _listed(keep, places):  # type: ignore[no-untyped-def]
    n = np.int64(0)
    for k in range(len(keep)):
        places[n] = k
        n += np.int64(keep[k])
    return n


@kernel
def _envelope(gt, left, right, reach, change, column, depth, ends, rim, source):  # type: ignore[no-untyped-def]
    """List which columns are nearest to the pixels of each row; list the pixels near the object.

    Fills the arrays of `Nearest`, and returns how many columns and pixels are listed. The object lies in the
    columns from `left` to `right`, which must not be none. Ties go to the upper pixel and the left column.
    """
    height, width = gt.shape
    cols, pad = right - left, int(np.sqrt(reach))
    below = np.empty((height + 1, cols), np.uint16)
    below[height, :] = BEYOND
    for row in range(height - 1, -1, -1):
        _step_away(gt[row, left:right], below[row + 1], below[row])
    before, above = np.empty(cols, np.uint16), np.empty(cols, np.uint16)
    squares, keep = np.empty(cols + 16, np.float32), np.empty(cols, np.uint8)
    above[:], squares[:] = BEYOND, 16 * FAR
    inner, places, start = squares[8:-8], np.empty(cols + 1, np.int32), np.empty(cols + 1, np.int64)
    n, listed, one = np.int64(0), 0, np.uint64(1)
    for row in range(height):
        line, under, turns = gt[row], below[row], change[row]
        before, above = above, before
        _step_away(line[left:right], before, above)
        _square(above, under, inner)
        _contend(squares, -left, width - 1 - left, keep)
        seats, bases = column[n:], depth[n:]
        size = np.uint64(0)
        for k in range(_listed(keep, places)):
            place = places[k]
            here, col, begin = np.int64(inner[place]), np.int64(place + left), np.int64(0)
            while size > 0:
                top = size - one
                old = np.int64(seats[top])
                rise, twice = (col + old) * (col - old) + here - bases[top], 2 * (col - old)
                if rise >= start[top] * twice:
                    # Exact: below 2**52 no quotient of integers is rounded to a whole number.
                    begin = np.int64(np.floor(rise / np.float64(twice))) + 1
                    break
                size = top
            if begin < width:
                start[size], seats[size], bases[size] = begin, col, here
                size += one
        if size == 0:
            start[0], seats[0], bases[0] = 0, 0, FAR
            size += one
        start[size] = width
        count = np.int64(size)
        for k in range(count):
            first, stop, centre, base = start[k], start[k + 1], np.int64(seats[k]), bases[k]
            turns[first] = k > 0
            if base <= reach:
                up, down = np.int64(above[centre - left]), np.int64(under[centre - left])
                at = row - up if up <= down else row + down
                for near in range(max(first, centre - pad), min(stop, centre + pad + 1)):
                    if not line[near] and (near - centre) ** 2 + base <= reach:
                        rim[listed] = row * width + near
                        source[listed] = at * width + centre
                        listed += 1
        n += count
        ends[row] = n
    return n, listed


class Nearest(NamedTuple):
    """Which columns of an object the pixels outside are nearest to, row by row, and which pixels are near.

    Parameters
    ----------
    change
        ``(h, w)`` where, from left to right, a row's pixels become nearest to the next column in `column`.
    column
        The columns, row after row: that of the row's first pixel, and one for each `change`.
    depth
        Squared distance of the row to the column's nearest object pixel. Columns with none nearer than
        `BEYOND` are left out; where that leaves none, one at `FAR` stands for all.
    ends
        ``(h,)`` where each row's columns end.
    rim, source
        Flat indices, in ascending order, of the pixels outside within reach of the object, and of the object
        pixel nearest to each.
    """

    change: NDArray[np.bool_]
    column: NDArray[np.int32]
    depth: NDArray[np.int32]
    ends: NDArray[np.int64]
    rim: NDArray[np.int32]
    source: NDArray[np.int32]


def nearest_inside(gt: NDArray[np.bool_], left: int, right: int, reach: int) -> Nearest:
    """Find which columns the pixels outside an object are nearest to.

    Parameters
    ----------
    gt
        ``(h, w)`` mask, not empty.
    left, right
        The first column with a pixel of the object, and the one after the last.
    reach
        Squared distance up to which pixels are listed with the object pixel nearest to them.

    Examples
    --------
    >>> found = nearest_inside(np.array([[True, False, False, False, False, True]]), 0, 6, 1)
    >>> found.change.astype(int).tolist(), found.column.tolist(), found.depth.tolist()
    ([[0, 0, 0, 1, 0, 0]], [0, 5], [0, 0])
    >>> found.rim.tolist(), found.source.tolist()
    ([1, 4], [0, 5])
    """
    change, ends = np.zeros(gt.shape, np.bool_), np.empty(len(gt), np.int64)
    column, depth = (np.empty(len(gt) * (right - left), np.int32) for _ in range(2))
    rim, source = (np.empty(gt.size, np.int32) for _ in range(2))
    n, listed = _envelope(gt, left, right, reach, change, column, depth, ends, rim, source)
    return Nearest(
        change, column[:n].copy(), depth[:n].copy(), ends, rim[:listed].copy(), source[:listed].copy()
    )
