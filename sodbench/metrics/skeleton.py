"""Skeleton of an object: its medial lines, one pixel wide.

Zhang, Suen: A fast parallel algorithm for thinning digital patterns, Communications of the ACM 27(3), 1984,
doi:10.1145/357994.358023. Two passes take turns until neither removes a pixel; a pass looks at all pixels
before it removes any. Whether a pixel goes depends on its eight neighbours; outside the image is background.

*Conventions.* The neighbourhoods are those of ``skimage.morphology.skeletonize``, which treats 25 of the 256
unlike the paper (`DEPARTURES`); so does every program that calls it.
"""

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.bitrows import WORD, enclosed, packed, unpacked, words_of
from sodbench.utils.kernels import kernel

FIRST, SECOND, BOTH = 1, 2, 3

RING = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
"""The neighbours of a pixel, clockwise; the k-th one sets bit k of a neighbourhood."""

DEPARTURES = {
    0: "SE+S NW+W",
    FIRST: "NW+N N+NE NW+N+E NE+E N+NE+E NW+N+W N+NE+W NW+S+W N+SW+W N+NE+SW+W",
    SECOND: "E+SE N+E+SE E+SE+S S+SW E+S+SW NE+E+S+SW SE+S+W SW+W S+SW+W",
    BOTH: "N+E E+S N+W S+W",
}
"""Neighbourhoods, by the neighbours that are set, that are removed in these passes, not in the paper's."""


def _papers_passes(around: int) -> int:
    """Return the passes in which the paper removes a pixel with these neighbours."""
    ring = [around >> k & 1 for k in range(8)]
    north, east, south, west = ring[::2]
    transitions = sum(not ring[k - 1] and ring[k] for k in range(8))
    if not (2 <= sum(ring) <= 6 and transitions == 1):
        return 0
    first = not (north and east and south) and not (east and south and west)
    second = not (north and east and west) and not (north and south and west)
    return FIRST * first + SECOND * second


def _passes() -> NDArray[np.uint8]:
    table = np.array([_papers_passes(around) for around in range(256)], np.uint8)
    for passes, neighbourhoods in DEPARTURES.items():
        for names in neighbourhoods.split():
            table[sum(1 << RING.index(name) for name in names.split("+"))] = passes
    return table


PASSES = _passes()
"""``(256,)`` passes in which a pixel is removed, by its neighbourhood."""

_BOTH_QUEUED = 7


@kernel
def _listed(bits, places):  # type: ignore[no-untyped-def]
    """List the set pixels of bit rows; return how many there are."""
    step = np.uint64(1)
    n = 0
    for k in range(len(bits)):
        word, place = bits[k], k * WORD
        while word:
            if word & step:
                places[n] = place
                n += 1
            word >>= step
            place += 1
    return n


@kernel
def _pass(pixels, width, table, passes, mine, queue, size, other, n_other, removed):  # type: ignore[no-untyped-def]
    """Do a pass over rows of `width` pixels, in place; return the new lengths of its queue and the other.

    It looks only at pixels that had a neighbour removed since it last looked at them: those in its queue. A
    pixel is 0, or 1 plus `mine` if it stands in this queue, and `_BOTH_QUEUED` if it stands in both.
    """
    theirs = _BOTH_QUEUED - 1 - mine
    ring = (-width, 1 - width, 1, width + 1, width, width - 1, -1, -width - 1)
    gone = 0
    for i in range(size):
        p = queue[i]
        if pixels[p]:
            pixels[p] ^= mine
            around = 0
            for k in range(8):
                around |= (pixels[p + ring[k]] & 1) << k
            removed[gone] = p  # for good if it goes: a branch would cost more
            gone += 1 if table[around] & passes else 0
    for i in range(gone):
        pixels[removed[i]] = 0
    size = 0
    for i in range(gone):
        for k in range(8):
            p = removed[i] + ring[k]
            state = pixels[p]
            if state and state != _BOTH_QUEUED:
                pixels[p] = _BOTH_QUEUED
                queue[size] = other[n_other] = p  # for good if it is not yet there
                size += 0 if state & mine else 1
                n_other += 0 if state & theirs else 1
    return size, n_other


@kernel
def _thin(pixels, width, table, first, n, second, removed):  # type: ignore[no-untyped-def]
    """Do passes until neither removes a pixel; the first n of `first` are those with an empty neighbour."""
    for i in range(n):
        second[i] = first[i]
        pixels[first[i]] = _BOTH_QUEUED
    m = n
    while n or m:
        n, m = _pass(pixels, width, table, FIRST, 2, first, n, second, m, removed)
        m, n = _pass(pixels, width, table, SECOND, 4, second, m, first, n, removed)


def thinned(gt: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Return the skeleton of a mask as bit rows; see `sodbench.metrics.bitrows`."""
    height, width = gt.shape
    words = words_of(width)
    pixels = np.zeros((height + 2, words * WORD), np.uint8)
    pixels[1:-1, 1 : width + 1] = gt
    bits = packed(pixels.view(bool))
    room = int(np.bitwise_count(bits).sum()) + 1  # a place behind the last, which a pass writes to
    first, second, removed = (np.empty(room, np.int32) for _ in range(3))
    n = _listed(bits & ~enclosed(bits, words), first)
    _thin(pixels.reshape(-1), words * WORD, PASSES, first, n, second, removed)
    return packed(pixels.view(bool))


def skeleton(gt: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the skeleton of a mask.

    Parameters
    ----------
    gt
        ``(h, w)`` bool mask.

    Returns
    -------
    NDArray[np.bool_]
        ``(h, w)``, some of the mask's pixels.

    Examples
    --------
    >>> skeleton(np.ones((4, 9), bool)).astype(int)
    array([[0, 0, 0, 0, 0, 0, 0, 0, 0],
           [0, 0, 1, 1, 1, 1, 1, 0, 0],
           [0, 1, 0, 0, 0, 0, 0, 0, 0],
           [0, 0, 0, 0, 0, 0, 0, 0, 0]])
    """
    return unpacked(thinned(gt), gt.shape)
