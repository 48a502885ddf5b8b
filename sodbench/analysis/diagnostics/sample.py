"""What was seen of a set of maps, and the form in which it is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sodbench.analysis.diagnostics.evidence import Evidence, Thumb, Unreadable, correlation
from sodbench.analysis.diagnostics.ordering import Order

MOST = 0.8
"""A set shows what this share of its maps show: real methods fail on some images, not on nearly all."""
HALF_OF_MAPS = 0.5
"""Share for what no good map shows by accident (two levels, one exact earlier size)."""
FEWEST = 5
"""Fewer maps say nothing about a set."""


@dataclass(frozen=True)
class Finding:
    """Something that the maps show.

    Parameters
    ----------
    name
        Which check speaks, e.g. ``low-contrast``.
    text
        What, on how many maps, the evidence, and what to do.
    images
        The images concerned (names of files where a map has no mask).
    count, examined
        On how many maps it was seen, of how many that were looked at for it.
    """

    name: str
    text: str
    images: tuple[str, ...]
    count: int
    examined: int


@dataclass(frozen=True)
class View:
    """What was seen of a set.

    Parameters
    ----------
    seen, unread
        The maps that were looked at, and those that could not be read.
    total
        How many maps have a mask.
    thumbs
        Image -> thumbnail of its mask, of the images seen and their neighbours by name.
    orders
        The dataset's images in order.
    """

    seen: tuple[Evidence, ...]
    unread: tuple[Unreadable, ...]
    total: int
    thumbs: dict[str, Thumb]
    orders: tuple[Order, ...]

    @cached_property
    def varied(self) -> tuple[Evidence, ...]:
        """Maps of more than one level whose masks hold object and background: what can be compared."""
        return tuple(one for one in self.seen if one.levels > 1 and 0 < one.mask_thumb.mean() < 1)

    @cached_property
    def maps(self) -> NDArray[np.float32]:
        """Thumbnails of the varied maps, as if they were not inverted."""
        return self.sign * np.stack([one.thumb for one in self.varied])

    @cached_property
    def masks(self) -> NDArray[np.float32]:
        """Thumbnails of their masks."""
        return np.stack([one.mask_thumb for one in self.varied])

    @cached_property
    def raw(self) -> NDArray[np.float64]:
        """Correlation of each varied map with its own mask."""
        return np.array(
            [float(correlation(one.thumb[None], one.mask_thumb[None])[0, 0]) for one in self.varied]
        )

    @cached_property
    def own(self) -> NDArray[np.float64]:
        """The same, as if the maps were not inverted."""
        return self.sign * self.raw

    @cached_property
    def inverted(self) -> NDArray[np.bool_]:
        """Varied maps that are nearer to their masks inverted, both by MAE and by correlation."""
        nearer = [one.mae_inverted < one.mae for one in self.varied]
        return np.array(nearer, bool) & (self.raw < 0)

    @property
    def sign(self) -> np.float32:
        """-1 if the set is inverted."""
        return np.float32(-1 if enough(self.inverted, MOST) else 1)

    @property
    def looked_at(self) -> int:
        """Number of maps that were looked at, read or not."""
        return len(self.seen) + len(self.unread)

    def of(self, count: int, examined: int) -> str:
        """Say how many maps of how many.

        >>> View((), (), 0, {}, ()).of(2, 300), View((), (), 5019, {}, ()).of(2, 300)
        ('2 of 300 maps', '2 of 300 maps (0 of 5019 looked at, evenly spaced by name)')
        """
        part = f" ({self.looked_at} of {self.total} looked at, evenly spaced by name)"
        return f"{count} of {examined} maps{part if self.looked_at < self.total else ''}"

    def finding(self, name: str, images: Sequence[str], text: str, examined: int | None = None) -> Finding:
        """Make a finding whose text begins with how many maps show it."""
        whole = self.looked_at if examined is None else examined
        return Finding(name, f"{self.of(len(images), whole)} {text}", tuple(images), len(images), whole)


def enough(hits: NDArray[np.bool_], share: float) -> bool:
    """Tell whether this share of enough maps shows something."""
    return len(hits) >= FEWEST and float(hits.mean()) >= share


def paired(maps: NDArray[np.float32], masks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the correlation of each thumbnail with the other in its place."""
    return np.array([float(correlation(a[None], b[None])[0, 0]) for a, b in zip(maps, masks, strict=True)])


def mean_of(maps: Sequence[Evidence], field: str) -> float:
    """Return the mean of a field over the maps."""
    return float(np.mean([getattr(one, field) for one in maps]))


def short(value: float | np.floating[Any], digits: int = 2) -> str:
    """Write .12 for 0.12, as the tables do.

    >>> short(0.123), short(-0.5, 1), short(1.0)
    ('.12', '-.5', '1.00')
    """
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def wxh(shape: Sequence[int]) -> str:
    """Write a size as width x height.

    >>> wxh((300, 400))
    '400x300'
    """
    return f"{shape[1]}x{shape[0]}"
