"""Rows by columns: what is kept of many pairs in a tenth of the memory of as many `Row` objects.

A `RowTable` is a mapping of image ids to rows, in the order of the ids; a `Row` is made when it is asked
for. What goes over all images takes the columns. Histograms lie in `sodbench.scoring.levels.Levels`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.histogram import Reals
from sodbench.protocol import Protocol
from sodbench.scoring.levels import AT_ONCE, Levels
from sodbench.scoring.rows import NO_NUMBERS, Row, lacking, levels_hold, lost_numbers
from sodbench.scoring.texts import Texts

Told = TypeVar("Told")


@dataclass(frozen=True, eq=False)
class RowTable(Mapping[str, Row]):
    """Rows of images, by columns.

    Parameters
    ----------
    ids
        Sorted, each once: the order of all columns.
    shapes
        ``(images, 2)``: height and width.
    numbers
        Statistics by name, ``(images,)``; NaN where one is undefined or was not computed.
    computed
        Of which images each was computed, ``(images,)``.
    notes, digests
        Of each image; see `Row`.
    unknown
        By image, where there is any.
    levels
        The histograms.
    """

    ids: tuple[str, ...]
    shapes: NDArray[np.int64]
    numbers: Mapping[str, Reals]
    computed: Mapping[str, NDArray[np.bool_]]
    notes: tuple[tuple[str, ...], ...]
    digests: Texts
    unknown: Mapping[str, Mapping[str, str]]
    levels: Levels

    @classmethod
    def of(cls, rows: Mapping[str, Row], aside: bool = False) -> "RowTable":
        """Return rows as a table, with their histograms in memory, or put `aside`; a table as it is.

        An image's id is the key, whatever its row says.
        """
        if isinstance(rows, RowTable):
            return rows
        ids = tuple(sorted(rows))
        each = [rows[image] for image in ids]
        names = tuple(dict.fromkeys(name for row in each for name in row.numbers))
        pairs = np.array([(row.fg, row.bg) for row in each], np.uint32).reshape(-1, 2, 256)
        return cls.made(
            ids,
            np.array([row.shape for row in each], np.int64).reshape(-1, 2),
            {name: np.array([row.numbers.get(name, np.nan) for row in each]) for name in names},
            {name: np.array([name in row.numbers for row in each]) for name in names},
            (row.notes for row in each),
            (row.digest for row in each),
            {image: row.unknown for image, row in zip(ids, each, strict=True) if row.unknown},
            Levels.of([pairs], aside),
        )

    @classmethod
    def made(
        cls,
        ids: Sequence[str],
        shapes: NDArray[np.int64],
        numbers: Mapping[str, Reals],
        computed: Mapping[str, NDArray[np.bool_]],
        notes: Iterable[tuple[str, ...]],
        digests: Iterable[str],
        unknown: Mapping[str, Mapping[str, str]],
        levels: Levels,
    ) -> "RowTable":
        """Make a table of columns in the order of `ids`, which is any; what is alike is kept once."""
        kinds: dict[tuple[str, ...], tuple[str, ...]] = {}
        of_images = tuple(kinds.setdefault(some, some) for some in notes)
        table = cls(tuple(ids), shapes, numbers, computed, of_images, Texts(digests), unknown, levels)
        if any(a >= b for a, b in pairwise(table.ids)):
            order = sorted(range(len(ids)), key=table.ids.__getitem__)
            table = table.take(np.array(order, np.intp))
        return replace(table, ids=_once(table.ids))

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return _places(self.ids)

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self.ids)

    def __iter__(self) -> Iterator[str]:
        """Yield the ids, sorted."""
        return iter(self.ids)

    def __contains__(self, image: object) -> bool:
        """Tell whether there is an image."""
        return image in self._places

    def __getitem__(self, image: str) -> Row:
        """Return the row of an image."""
        at = self._places[image]
        fg, bg = self.levels.pairs(slice(at, at + 1))[0]
        return self.bare(image)._replace(fg=fg, bg=bg)

    def bare(self, image: str) -> Row:
        """Return the row of an image, but without its histograms, which need not be read then."""
        at = self._places[image]
        numbers = {name: float(self.numbers[name][at]) for name, has in self.computed.items() if has[at]}
        height, width = self.shapes[at].tolist()
        unknown = self.unknown.get(image, NO_NUMBERS)
        return Row(image, (height, width), _NONE, _NONE, numbers, self.notes[at], self.digests[at], unknown)

    def __eq__(self, other: object) -> bool:
        """Tell whether other rows are the same, all values alike."""
        if not isinstance(other, Mapping):
            return NotImplemented
        if self is other:
            return True
        them = RowTable.of(other)
        return (
            self.ids == them.ids
            and self.is_as(them)
            and all(np.array_equal(self.levels.pairs(part), them.levels.pairs(part)) for part in self.parts())
        )

    __hash__ = None  # type: ignore[assignment]

    def is_as(self, other: "RowTable") -> bool:
        """Tell whether another table has all these images, with the same in all but the histograms.

        Those are of the same files where digests are alike.
        """
        if not other._places.keys() >= self._places.keys():
            return False
        them = other.only(self.ids)
        return (
            np.array_equal(self.shapes, them.shapes)
            and (self.notes, [*self.digests], dict(self.unknown))
            == (them.notes, [*them.digests], dict(them.unknown))
            and all(
                np.array_equal(self._computed(name), them._computed(name))
                and np.array_equal(self._number(name), them._number(name), equal_nan=True)
                for name in {*self.numbers, *them.numbers}
            )
        )

    def parts(self) -> Iterator[slice]:
        """Yield slices of the images, `AT_ONCE` each."""
        return (slice(start, start + AT_ONCE) for start in range(0, len(self.ids), AT_ONCE))

    def at(self, images: Iterable[str]) -> NDArray[np.intp]:
        """Return the positions of some images."""
        places = self._places
        return np.array([places[image] for image in images], np.intp)

    def _number(self, name: str) -> Reals:
        return self.numbers[name] if name in self.numbers else np.full(len(self.ids), np.nan)

    def _computed(self, name: str) -> NDArray[np.bool_]:
        return self.computed[name] if name in self.computed else np.zeros(len(self.ids), bool)

    @cached_property
    def pixels(self) -> NDArray[np.int64]:
        """How many pixels are inside and outside each object, ``(images, 2)``."""
        sums = [self.levels.pairs(part).sum(axis=2, dtype=np.int64) for part in self.parts()]
        return np.concatenate([np.zeros((0, 2), np.int64), *sums])

    def take(self, at: NDArray[np.intp]) -> "RowTable":
        """Return the rows at some positions; their ids must be sorted, and each once."""
        ids = tuple(self.ids[k] for k in at.tolist())
        return RowTable(
            ids,
            self.shapes[at],
            {name: column[at] for name, column in self.numbers.items()},
            {name: column[at] for name, column in self.computed.items()},
            tuple(self.notes[k] for k in at.tolist()),
            Texts(self.digests[k] for k in at.tolist()),
            {image: self.unknown[image] for image in ids if image in self.unknown} if self.unknown else {},
            self.levels.only(at),
        )

    def only(self, images: Iterable[str]) -> "RowTable":
        """Return the rows of some images, each given once."""
        wanted = sorted(images)
        if len(wanted) == len(self.ids) and tuple(wanted) == self.ids:
            return self
        taken = self.take(self.at(wanted))
        return replace(taken, ids=_once(taken.ids))

    def without(self, names: Iterable[str]) -> "RowTable":
        """Return the rows without some numbers."""
        lost = {*names}
        if not lost & self.numbers.keys():
            return self
        return replace(
            self,
            numbers={name: column for name, column in self.numbers.items() if name not in lost},
            computed={name: column for name, column in self.computed.items() if name not in lost},
        )

    def known(self) -> "RowTable":
        """Return the rows without what is unknown of them."""
        return replace(self, unknown={}) if self.unknown else self

    @classmethod
    def joined(cls, tables: Sequence["RowTable"]) -> "RowTable":
        """Return the rows of several tables; of an image that several have, the last one's."""
        if len(tables) == 1:
            return tables[0]
        last = {image: k for k, image in enumerate(image for table in tables for image in table.ids)}
        names = tuple(dict.fromkeys(name for table in tables for name in table.numbers))
        unknown: dict[str, Mapping[str, str]] = {}
        for table in tables:
            unknown = {image: some for image, some in unknown.items() if image not in table} | dict(
                table.unknown
            )
        whole = cls(
            tuple(image for table in tables for image in table.ids),
            np.concatenate([np.zeros((0, 2), np.int64), *(table.shapes for table in tables)]),
            {name: np.concatenate([table._number(name) for table in tables]) for name in names},
            {name: np.concatenate([table._computed(name) for table in tables]) for name in names},
            tuple(some for table in tables for some in table.notes),
            Texts(digest for table in tables for digest in table.digests),
            unknown,
            Levels.joined([table.levels for table in tables]),
        )
        ids = sorted(last)
        table = whole.take(np.array([last[image] for image in ids], np.intp))
        return replace(table, ids=_once(table.ids))

    def with_more(self, other: "RowTable") -> "RowTable":
        """Add the rows of another table, which take the place of those of the same image and other files.

        Rows of the same files share their numbers; where both have one, it is these rows'.
        """
        both = [image for image in other.ids if image in self]
        here, there = self.at(both), other.at(both)
        alike = [
            k for k, (a, b) in enumerate(zip(here, there, strict=True)) if self.digests[a] == other.digests[b]
        ]
        here, there = here[alike], there[alike]
        numbers, computed = dict(self.numbers), dict(self.computed)
        for name in other.numbers:
            lack = other.computed[name][there] & ~self._computed(name)[here]
            numbers[name], computed[name] = self._number(name).copy(), self._computed(name).copy()
            numbers[name][here[lack]] = other.numbers[name][there[lack]]
            computed[name][here[lack]] = True
        same = {both[k] for k in alike}
        others = other.only(image for image in other.ids if image not in same)
        return RowTable.joined([replace(self, numbers=numbers, computed=computed), others])

    def held(self, made: Protocol, wanted: Protocol) -> "RowTable":
        """Return what holds under another protocol, without rows of which not even the histograms do."""
        if made == wanted:
            return self
        holds = self.told(lambda notes, numbers: levels_hold(notes, made, wanted))
        kept = self.only(image for image, one in zip(self.ids, holds, strict=True) if one)
        return kept.without(lost_numbers(made, wanted)).known()

    def lacking(self, protocol: Protocol, metrics: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the metrics whose statistics each row lacks."""
        return self.told(lambda notes, numbers: lacking(notes, numbers, protocol, metrics))

    def told(self, tell: Callable[[tuple[str, ...], frozenset[str]], Told]) -> list[Told]:
        """Return what follows of each row from its notes and its numbers' names, told once of all alike."""
        names = [*self.computed]
        has = np.array([self.computed[name] for name in names], bool).reshape(len(names), len(self.ids))
        bits = [row.tobytes() for row in np.packbits(has, axis=0).T]
        known: dict[tuple[tuple[str, ...], bytes], Told] = {}
        told = []
        for k, key in enumerate(zip(self.notes, bits, strict=True)):
            if key not in known:
                known[key] = tell(
                    key[0], frozenset(n for n, one in zip(names, has[:, k], strict=True) if one)
                )
            told.append(known[key])
        return told


_NONE = np.zeros(0, np.uint32)


@lru_cache(maxsize=8)
def _once(ids: tuple[str, ...]) -> tuple[str, ...]:
    """Return the same object for equal ids: the methods of a dataset have the same images."""
    return ids


@lru_cache(maxsize=8)
def _places(ids: tuple[str, ...]) -> Mapping[str, int]:
    return {image: k for k, image in enumerate(ids)}
