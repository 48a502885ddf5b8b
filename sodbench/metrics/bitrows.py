"""Images as rows of bits, 64 pixels a word, so that one operation processes 64 pixels.

The rows of an image stand one after the other, with a margin of one pixel around it that is never set:
each pixel has eight neighbours, and all offsets to them are the same.
"""

import numpy as np
from numpy.typing import NDArray

from sodbench.utils.kernels import kernel

WORD = 64
"""Pixels per word."""


@kernel
def _grow(bits, within, words, reached):  # type: ignore[no-untyped-def]
    """Set the pixels of `within` that are set or have a set pixel above, below, left or right."""
    step, last = np.uint64(1), np.uint64(WORD - 1)
    for k in range(words, len(bits) - words):
        here = bits[k]
        sides = here << step | bits[k - 1] >> last | here >> step | bits[k + 1] << last
        reached[k] = (here | sides | bits[k - words] | bits[k + words]) & within[k]


def words_of(width: int) -> int:
    """Return how many words a row takes, its margin included.

    >>> words_of(62), words_of(63)
    (1, 2)
    """
    return -(-(width + 2) // WORD)


def packed(inside: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Return pixels ``(rows, words * WORD)`` as words ``(rows * words,)``, the first in the lowest bit."""
    return np.packbits(inside, bitorder="little").view("<u8").astype(np.uint64, copy=False)


def bit_rows(levels: NDArray[np.uint8], cut: int = 1) -> NDArray[np.uint64]:
    """Return the bit rows of {levels >= cut}, of ``(h, w)`` levels.

    >>> bit_rows(np.array([[0, 7, 9]], np.uint8), 7).tolist()
    [0, 12, 0]
    """
    height, width = levels.shape
    inside = np.zeros((height + 2, words_of(width) * WORD), bool)
    np.greater_equal(levels, cut, out=inside[1:-1, 1 : width + 1])
    return packed(inside)


def unpacked(bits: NDArray[np.uint64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the ``(h, w)`` pixels of bit rows."""
    height, width = shape
    rows = np.unpackbits(bits.view(np.uint8), bitorder="little").reshape(height + 2, -1)
    return rows[1:-1, 1 : width + 1].astype(bool)


def grown(
    bits: NDArray[np.uint64], within: NDArray[np.uint64], words: int, times: int = 1
) -> NDArray[np.uint64]:
    """Dilate by the 3x3 cross so many times, each time only within the pixels of `within`.

    Parameters
    ----------
    bits, within
        Bit rows of `words` words; the margin of `within` is not set.
    words
        See `words_of`.
    times
        How often, at least once.

    Examples
    --------
    >>> within = bit_rows(np.array([[1, 1, 1, 0, 1]], np.uint8))
    >>> unpacked(grown(bit_rows(np.array([[1, 0, 0, 0, 0]], np.uint8)), within, 1, 4), (1, 5)).astype(int)
    array([[1, 1, 1, 0, 0]])
    """
    before, reached = np.zeros_like(bits), np.zeros_like(bits)
    _grow(bits, within, words, reached)
    for _ in range(times - 1):
        before, reached = reached, before
        _grow(before, within, words, reached)
    return reached


def enclosed(bits: NDArray[np.uint64], words: int) -> NDArray[np.uint64]:
    """Return the set pixels whose eight neighbours are set.

    >>> unpacked(enclosed(bit_rows(np.ones((3, 4), np.uint8)), 1), (3, 4)).astype(int)
    array([[0, 0, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 0, 0]])
    """
    step, last = np.uint64(1), np.uint64(WORD - 1)
    columns = bits.copy()
    columns[words:-words] &= bits[: -2 * words] & bits[2 * words :]
    inside = columns.copy()
    inside[1:] &= columns[1:] << step | columns[:-1] >> last
    inside[:-1] &= columns[:-1] >> step | columns[1:] << last
    return inside
