"""What was measured on a set of maps, and how findings are worded."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sodbench.analysis.diagnostics.evidence import Evidence, Thumb, Unreadable, correlation
from sodbench.analysis.diagnostics.ordering import Order

MOST = 0.8
"""Share of maps that makes a problem one of the set: real methods fail on some images, not on nearly all."""
HALF_OF_MAPS = 0.5
"""The same, for what no good map shows by chance (two levels, one exact earlier size)."""
FEWEST = 5
"""With fewer maps nothing is concluded about a set."""


@dataclass(frozen=True)
class Finding:
    """Something that the maps show.

    Parameters
    ----------
    name
        Name of the check, e.g. ``low-contrast``.
    text
        The problem, on how many maps, the evidence, and what to do.
    images
        The images concerned (names of files where a map has no mask).
    count, examined
        Number of maps with this problem, and number of maps examined for it.
    """

    name: str
    text: str
    images: tuple[str, ...]
    count: int
    examined: int


@dataclass(frozen=True)
class View:
    """The evidence on a set of maps.

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
        """Maps with more than one level whose masks have object and background: these can be compared."""
        return tuple(
            evidence for evidence in self.seen if evidence.levels > 1 and 0 < evidence.mask_thumb.mean() < 1
        )

    @cached_property
    def maps(self) -> NDArray[np.float32]:
        """Thumbnails of the varied maps, as if they were not inverted."""
        return self.sign * np.stack([evidence.thumb for evidence in self.varied])

    @cached_property
    def masks(self) -> NDArray[np.float32]:
        """Thumbnails of their masks."""
        return np.stack([evidence.mask_thumb for evidence in self.varied])

    @cached_property
    def raw(self) -> NDArray[np.float64]:
        """Correlation of each varied map with its own mask."""
        return np.array(
            [
                float(correlation(evidence.thumb[None], evidence.mask_thumb[None])[0, 0])
                for evidence in self.varied
            ]
        )

    @cached_property
    def own(self) -> NDArray[np.float64]:
        """The same, as if the maps were not inverted."""
        return self.sign * self.raw

    @cached_property
    def inverted(self) -> NDArray[np.bool_]:
        """Varied maps that are nearer to their masks inverted, both by MAE and by correlation."""
        nearer = [evidence.mae_inverted < evidence.mae for evidence in self.varied]
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
    """Test whether at least this share of the maps is hit, and there are enough maps."""
    return len(hits) >= FEWEST and float(hits.mean()) >= share


def paired(maps: NDArray[np.float32], masks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the correlation of each thumbnail with the other in its place."""
    return np.array([float(correlation(a[None], b[None])[0, 0]) for a, b in zip(maps, masks, strict=True)])


def mean_of(maps: Sequence[Evidence], field: str) -> float:
    """Return the mean of a field over the maps."""
    return float(np.mean([getattr(evidence, field) for evidence in maps]))


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
