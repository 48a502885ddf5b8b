"""Skeleton of an object: its medial lines, one pixel wide.

Zhang, Suen: A fast parallel algorithm for thinning digital patterns, Communications of the ACM 27(3), 1984,
doi:10.1145/357994.358023. Two passes take turns until neither removes a pixel; a pass looks at all pixels
before it removes any. Whether a pixel goes depends on its eight neighbours; outside the image is background.

*Conventions.* The neighbourhoods are those of ``skimage.morphology.skeletonize``, which treats 25 of the 256
unlike the paper (`DEPARTURES`); so does every program that calls it.
"""

import numpy as np
from numpy.typing import NDArray

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

_SET, _QUEUED = 1, 2


@kernel
def _thin(pixels, width, table):  # type: ignore[no-untyped-def]
    """Thin padded rows of `width` pixels, each 0 or 1, in place.

    A pass looks only at pixels that had a neighbour removed since it last looked at them; for each pass a
    bit of a pixel says that it stands in the queue.
    """
    ring = np.array([-width, 1 - width, 1, width + 1, width, width - 1, -1, -width - 1])
    n = 0
    for p in range(len(pixels)):
        if pixels[p]:
            n += 1
    queues = np.empty((2, n), np.int32)
    sizes = np.zeros(2, np.int64)
    removed = np.empty(n, np.int32)
    for p in range(len(pixels)):
        if pixels[p]:
            whole = True
            for k in range(8):
                whole &= pixels[p + ring[k]] != 0
            if not whole:
                for which in range(2):
                    queues[which, sizes[which]] = p
                    sizes[which] += 1
                pixels[p] |= 3 * _QUEUED
    which = 0
    while sizes[0] or sizes[1]:
        gone = 0
        for i in range(sizes[which]):
            p = queues[which, i]
            if pixels[p]:
                pixels[p] ^= _QUEUED << which
                around = 0
                for k in range(8):
                    around |= (pixels[p + ring[k]] & _SET) << k
                if table[around] >> which & 1:
                    removed[gone] = p
                    gone += 1
        sizes[which] = 0
        for i in range(gone):
            pixels[removed[i]] = 0
        for i in range(gone):
            for k in range(8):
                p = removed[i] + ring[k]
                if pixels[p]:
                    for queue in range(2):
                        if not pixels[p] & _QUEUED << queue:
                            pixels[p] |= _QUEUED << queue
                            queues[queue, sizes[queue]] = p
                            sizes[queue] += 1
        which = 1 - which


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
    height, width = gt.shape
    padded = np.zeros((height + 2, width + 2), np.uint8)
    padded[1:-1, 1:-1] = gt
    _thin(padded.reshape(-1), width + 2, PASSES)
    return padded[1:-1, 1:-1].astype(bool)
