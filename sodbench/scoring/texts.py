"""Many short texts in little memory."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import overload

import numpy as np


class Texts(Sequence[str]):
    """Many short texts, written one after the other into one.

    >>> texts = Texts(["ab", "", "c"])
    >>> texts[2], texts[-3], texts[:2]
    ('c', 'ab', ['ab', ''])
    """

    def __init__(self, texts: Iterable[str]) -> None:
        listed = list(texts)
        self._text = "".join(listed)
        self._ends = np.array([0, *accumulate(map(len, listed))], np.int64)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._ends) - 1

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        """Return one, or a list of some."""
        if isinstance(at, slice):
            return [self[k] for k in range(*at.indices(len(self)))]
        at = range(len(self))[at]
        return self._text[self._ends[at] : self._ends[at + 1]]

    def __iter__(self) -> Iterator[str]:
        """Yield each."""
        return (self._text[a:b] for a, b in pairwise(self._ends.tolist()))
