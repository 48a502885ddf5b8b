"""Does each map lie nearest to the mask of its own name?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Order:
    """The dataset's images in one order; `place` holds the position of each."""

    names: tuple[str, ...]
    place: dict[str, int]

    def at(self, name: str, step: int) -> str | None:
        """Return the name that many places after this one."""
        k = self.place[name] + step
        return self.names[k] if 0 <= k < len(self.names) else None

    def around(self, name: str) -> tuple[str, ...]:
        """Return the names just before and after this one."""
        return tuple(other for step in (-1, 1) if (other := self.at(name, step)))


def orders(names: Sequence[str]) -> list[Order]:
    """Return the orders in which programs list files: by letters, and by numbers if that is another one.

    >>> [order.names for order in orders(["10", "9", "1"])]
    [('1', '10', '9'), ('1', '9', '10')]
    """
    ways = dict.fromkeys((tuple(sorted(names)), tuple(sorted(names, key=_numbered))))
    return [Order(way, {name: k for k, name in enumerate(way)}) for way in ways]


def _numbered(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name) if part]
