"""Which images count in a dataset's values, and how much.

By default every image counts once: a dataset's value is a mean over its images, or a curve of such means. Two
fields of a protocol change that:

*Degenerate images*, with an empty mask or an all-zero map, count like all others (`Protocol.degenerate`
``kept``), are left out of every mean (``skip``), or count as 0 in every mean (``zero``), of errors too: so
F3Net's program treats them. A missing map that is scored as an all-zero map is one.

*Groups* (`Protocol.group_average` ``groups``) are images whose ids have all before the last slash in common,
as in ``apple/01``. A dataset's mean is then that of the groups' means, so that an image counts 1 / (images of
its group) / (groups); images that are left out, or on which a value is undefined, count in neither.
Precision, recall and other curves are averaged in the same way, threshold by threshold; pooled pixels count
with their image's share. An id without a slash is a group of its own: of a dataset without groups nothing
changes.

*Units* are what is averaged in the end: images, or groups. Resampling draws units, since the images of a
group are alike: to draw single images would make intervals too narrow.
"""

import math
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.histogram import LevelCounts, Reals
from sodbench.metrics.parts import Averaged
from sodbench.protocol import Protocol


def degenerate(levels: LevelCounts) -> NDArray[np.bool_]:
    """Tell which images, ``(images,)``, have an empty mask or an all-zero map.

    >>> levels = np.zeros((2, 256), int)
    >>> levels[:, 0] = 9
    >>> levels[1, 7] = 1
    >>> degenerate(LevelCounts(levels, levels)).tolist()
    [True, False]
    """
    not_zero = levels.fg[..., 1:].any(axis=-1) | levels.bg[..., 1:].any(axis=-1)
    return np.asarray(~(levels.fg.any(axis=-1) & not_zero))


def group_of(image: str) -> str:
    """Return the group of an image by its id, empty if it has none.

    >>> group_of("apple/01"), group_of("01")
    ('apple', '')
    """
    return image.rpartition("/")[0]


class Counting:
    """How the images of a dataset count under a protocol.

    Parameters
    ----------
    ids
        Of the images, in the order of all arrays.
    protocol
        Its `degenerate` and `group_average` are used.
    """

    def __init__(self, ids: Sequence[str], protocol: Protocol) -> None:
        self.ids, self.protocol = ids, protocol
        self.grouped = protocol.group_average == "groups"
        self.plain = not self.grouped and protocol.degenerate == "kept"

    @cached_property
    def _unit(self) -> NDArray[np.intp]:
        """Which unit each image belongs to, ``(images,)``."""
        units: dict[tuple[str, str], int] = {}
        keys = ((group, "" if group else image) for image in self.ids for group in [group_of(image)])
        return np.array([units.setdefault(key, len(units)) for key in keys], np.intp)

    @property
    def units(self) -> int:
        """How many units there are."""
        return int(self._unit.max(initial=-1)) + 1 if self.grouped else len(self.ids)

    def values(self, values: Reals, levels: LevelCounts) -> Reals:
        """Return values of some images, ``(images, ...)``: NaN of those left out, 0 of those that are 0."""
        if self.protocol.degenerate == "kept":
            return values
        out = degenerate(levels).reshape(-1, *[1] * (values.ndim - 1))
        return np.where(out, np.nan if self.protocol.degenerate == "skip" else 0.0, values)

    def columns(self, columns: Reals, averaged: Averaged, levels: LevelCounts) -> Reals:
        """Return what is summed up of some images to make a dataset's curve.

        Parameters
        ----------
        columns
            ``(images, C)`` that `averaged` asks for.
        averaged
            Whose curve.
        levels
            Of the same images.

        Returns
        -------
        The columns where every image counts once. Otherwise ``(images, 2 C)``: the columns but for their
        `shares`, 0 where they do not count or are undefined; then where they do and are.
        """
        if self.plain:
            return columns
        return _with_counts(self.values(_own_columns(columns, averaged.shares), levels))

    def added(self, sums: Reals | None, columns: Reals, start: int) -> Reals:
        """Add `columns` of the images from the one numbered `start` on to sums; None: there are none yet.

        They are added one image after the other, so that the sums do not depend on how many at a time; over
        all images, ``(C,)``, or over the images of each group, ``(units, C)``.
        """
        if not self.grouped:
            return np.asarray(
                np.add.reduce(columns if sums is None else np.concatenate((sums[None], columns)))
            )
        if sums is None:
            sums = np.zeros((self.units, columns.shape[1]))
        np.add.at(sums, self._unit[start : start + len(columns)], columns)
        return sums

    def curve(self, averaged: Averaged, sums: Reals) -> Reals:
        """Make the dataset's curve ``(..., K)`` of the sums that `added` made of all images."""
        if self.plain:
            return averaged.curve(sums if averaged.of_sums else sums / len(self.ids), self.protocol)
        images = sums.reshape(-1, sums.shape[-1]).sum(axis=0)[sums.shape[-1] // 2 :].max(initial=0)
        means = _means(sums).mean(axis=0) if self.grouped else sums
        return self.curve_of_means(averaged, means, images)

    def curve_of_means(self, averaged: Averaged, means: Reals, images: float) -> Reals:
        """Make curves ``(..., K)`` of the means over units, ``(..., C)``, of what `unit_columns` gives.

        Parameters
        ----------
        averaged
            Whose curve.
        means
            Of some units; of the dataset's, or of a resample.
        images
            How many images pooled pixels are those of.
        """
        if self.plain:
            return averaged.curve(means * images if averaged.of_sums else means, self.protocol)
        total, share = np.split(means, 2, axis=-1)
        defined = share > 0
        own = np.divide(total, share, out=np.zeros_like(total), where=defined)
        nothing = ~defined.any(axis=-1, keepdims=True)
        if averaged.shares:
            own = np.concatenate((own, defined if averaged.shares == "point" else ~nothing), axis=-1)
        return np.where(
            nothing, np.nan, averaged.curve(own * images if averaged.of_sums else own, self.protocol)
        )

    def unit_columns(self, parts: Iterable[Reals]) -> Reals:
        """Return the columns of units, ``(units, C)``, of those of all images in parts; see `columns`."""
        if not self.grouped:
            return np.concatenate([*parts])
        sums: Reals | None = None
        start = 0
        for columns in parts:
            sums = self.added(sums, columns, start)
            start += len(columns)
        assert sums is not None
        return _means(sums)

    def with_counts(self, values: Reals) -> Reals:
        """Return values of units, 0 where undefined, and which are defined, ``(units, 2)``.

        A dataset's value is the sum of the first by that of the second.
        """
        return self.unit_columns([_with_counts(values[:, None])])

    def unit_values(self, values: Reals) -> Reals:
        """Return the means of units ``(units,)`` of values of all images, NaN where none is defined."""
        if not self.grouped:
            return values
        total, defined = self.with_counts(values).T
        return np.where(defined > 0, total, np.nan)

    def mean(self, values: Reals) -> float:
        """Return the dataset's value of values of all images ``(images,)``, NaN if none is defined.

        >>> Counting(["a/1", "a/2", "b/1"], Protocol(group_average="groups")).mean(np.array([0.0, 1.0, 1.0]))
        0.75
        """
        of_units = self.unit_values(values)
        defined = of_units[~np.isnan(of_units)]
        return float(defined.mean()) if len(defined) else math.nan


def _own_columns(columns: Reals, shares: str) -> Reals:
    """Return columns without their `Averaged.shares`, NaN where those say that they are undefined."""
    if not shares:
        return columns
    size = columns.shape[-1] // 2 if shares == "point" else columns.shape[-1] - 1
    return np.where(columns[..., size:] > 0, columns[..., :size], np.nan)


def _with_counts(columns: Reals) -> Reals:
    """Return columns, 0 where they are undefined, and beside them where they are defined, ``(..., 2 C)``."""
    defined = ~np.isnan(columns)
    return np.concatenate((np.where(defined, columns, 0), defined), axis=-1)


def _means(sums: Reals) -> Reals:
    """Return sums of columns `_with_counts` over some images as means, with which of them are defined."""
    total, images = np.split(sums, 2, axis=-1)
    means = np.divide(total, images, out=np.zeros_like(total), where=images > 0)
    return np.concatenate((means, images > 0), axis=-1)
