"""Parts of a job, for machines that share nothing but the order of its items."""

import re
from collections.abc import Sequence
from typing import NamedTuple, Self, TypeVar

Item = TypeVar("Item")


class Shard(NamedTuple):
    """The `part`-th of `parts` parts, counted from 1."""

    part: int
    parts: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``K/N``.

        Raises
        ------
        ValueError
            It is something else, or K is not one of 1 to N.

        Examples
        --------
        >>> Shard.parse("3/16")
        Shard(part=3, parts=16)
        """
        numbers = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text.strip())
        shard = cls(int(numbers[1]), int(numbers[2])) if numbers else None
        if shard is None or not 1 <= shard.part <= shard.parts:
            raise ValueError(f"{text!r}: expected K/N, part K of 1 to N, such as 3/16.")
        return shard

    def take(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return every N-th item from the K-th on.

        >>> Shard(2, 3).take("abcdefgh")
        'beh'
        """
        return items[self.part - 1 :: self.parts]

    def __str__(self) -> str:
        """Return ``K/N``."""
        return f"{self.part}/{self.parts}"
