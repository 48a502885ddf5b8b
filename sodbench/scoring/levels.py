"""The level histograms of many images: 2 KB each, so that they are not all in memory.

They lie in blocks of some images: in memory, or compressed and put aside (`sodbench.scoring.spool`).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from sodbench.metrics.histogram import LevelCounts
from sodbench.scoring.spool import Aside

AT_ONCE = 512
"""Images whose histograms or curves are held in memory at once."""

Pairs: TypeAlias = NDArray[np.uint32]
"""Counts inside and outside the object, ``(images, 2, 256)``."""

At: TypeAlias = NDArray[np.intp] | slice
"""Which images: their positions, or a slice of all."""


class Held:
    """A block in memory."""

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs

    def pairs(self) -> Pairs:
        """Return the histograms."""
        return self._pairs


class PutAside:
    """A block that is put aside; it is pickled as the histograms themselves."""

    def __init__(self, pairs: Pairs) -> None:
        self._aside = Aside(isal_zlib.compress(np.ascontiguousarray(pairs), 1))

    def pairs(self) -> Pairs:
        """Return the histograms; those read last are kept."""
        return _read(self)

    def read(self) -> Pairs:
        """Read the histograms."""
        data = isal_zlib.decompress(self._aside.read())
        return np.frombuffer(data, np.uint32).reshape(-1, 2, 256)

    def __reduce__(self) -> tuple[Callable[[Pairs], "Block"], tuple[Pairs]]:
        """Say how to pickle it."""
        return Held, (self.read(),)


Block: TypeAlias = Held | PutAside


@lru_cache(maxsize=2)
def _read(block: PutAside) -> Pairs:
    return block.read()


class Levels:
    """The histograms of images, in their order.

    Parameters
    ----------
    blocks
        Where they lie.
    block, row
        Which block has those of each image, and in which of its rows, ``(images,)``.
    """

    def __init__(self, blocks: Sequence[Block], block: NDArray[np.int32], row: NDArray[np.int32]) -> None:
        self.blocks, self.block, self.row = tuple(blocks), block, row

    @classmethod
    def of(cls, parts: Iterable[Pairs], aside: bool = True) -> "Levels":
        """Take histograms some images at a time; put them `aside`, or hold them."""
        sizes, blocks = [], list[Block]()
        for pairs in parts:
            sizes.append(len(pairs))
            blocks.append(PutAside(pairs) if aside else Held(pairs))
        block = np.repeat(np.arange(len(blocks), dtype=np.int32), sizes)
        rows = [np.arange(size, dtype=np.int32) for size in sizes]
        return cls(blocks, block, np.concatenate([np.zeros(0, np.int32), *rows]))

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self.block)

    def pairs(self, at: At) -> Pairs:
        """Return the histograms of some images, ``(images, 2, 256)``; of each block once, in its turn."""
        block, row = self.block[at], self.row[at]
        pairs = np.empty((len(block), 2, 256), np.uint32)
        for number in np.unique(block):
            here = block == number
            pairs[here] = self.blocks[number].pairs()[row[here]]
        return pairs

    def counts(self, at: At) -> LevelCounts:
        """Return the histograms of some images, as metrics take them."""
        pairs = self.pairs(at)
        return LevelCounts(pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64))

    def only(self, at: At) -> "Levels":
        """Return those of some images, without the blocks of which none is left."""
        used, block = np.unique(self.block[at], return_inverse=True)
        return Levels([self.blocks[number] for number in used], block.astype(np.int32), self.row[at])

    @classmethod
    def joined(cls, parts: Sequence["Levels"]) -> "Levels":
        """Return the histograms of several parts, one after the other."""
        starts = np.cumsum([0, *(len(part.blocks) for part in parts)]).tolist()
        block = [part.block + np.int32(start) for part, start in zip(parts, starts, strict=False)]
        blocks = [block for part in parts for block in part.blocks]
        none = np.zeros(0, np.int32)
        return cls(
            blocks, np.concatenate([none, *block]), np.concatenate([none, *(part.row for part in parts)])
        )
