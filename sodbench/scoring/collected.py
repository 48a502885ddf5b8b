"""The rows of a run under way: those of earlier runs, and those that it has made so far."""

import pickle
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from sodbench.protocol import Protocol
from sodbench.scoring.levels import Levels
from sodbench.scoring.rows import Row
from sodbench.scoring.spool import Aside
from sodbench.scoring.table import RowTable

FRESH = 128
"""Rows that are held as they were made, before they are put aside."""


class Earlier(NamedTuple):
    """What tells whether an earlier run's row is used again: the digest of its files, and what it lacks."""

    digest: str
    lacks: tuple[str, ...]


class _Part(NamedTuple):
    """Some rows that are put aside: their histograms, and the rest."""

    rest: Aside
    levels: Levels

    @classmethod
    def of(cls, rows: Mapping[str, Row]) -> "_Part":
        table = RowTable.of(rows, aside=True)
        return cls(Aside(pickle.dumps(replace(table, levels=Levels.of([])))), table.levels)

    def table(self) -> RowTable:
        rest: RowTable = pickle.loads(self.rest.read())
        return replace(rest, levels=self.levels)


class Collected(MutableMapping[str, Row]):
    """Rows by image id, into which finished ones are put as they come.

    A row of the same files as the one that is there adds its numbers to it, and replaces it otherwise.
    Little of them is kept in memory, so that many methods can be scored at once.

    Parameters
    ----------
    earlier
        Rows of earlier runs.

    Attributes
    ----------
    made
        The images of which a row was put in that was not there before.
    """

    def __init__(self, earlier: RowTable | None = None) -> None:
        self.earlier = RowTable.of({}) if earlier is None else earlier
        self.made: dict[str, int] = {}
        self._parts: list[_Part] = []
        self._fresh: dict[str, Row] = {}

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self.made.keys() | self.earlier.keys())

    def __iter__(self) -> Iterator[str]:
        """Yield the images of earlier runs, then those that only this one has."""
        return iter(dict.fromkeys((*self.earlier, *self.made)))

    def __contains__(self, image: object) -> bool:
        """Tell whether there is an image."""
        return image in self.made or image in self.earlier

    def __getitem__(self, image: str) -> Row:
        """Return the row of an image."""
        return self._fresh[image] if image in self._fresh else self._table_of(image)[image]

    def bare(self, image: str) -> Row:
        """Return the row of an image, which need not have its histograms."""
        return self._fresh[image] if image in self._fresh else self._table_of(image).bare(image)

    def _table_of(self, image: str) -> RowTable:
        return self._parts[self.made[image]].table() if image in self.made else self.earlier

    def __setitem__(self, image: str, row: Row) -> None:
        """Put a finished row in."""
        if image in self and (known := self.bare(image)).digest == row.digest:
            if row.numbers.keys() <= known.numbers.keys():
                return
            numbers = {**known.numbers, **row.numbers}
            row = row._replace(numbers=numbers, notes=known.notes, unknown=known.unknown)
        self._fresh[image] = row
        self.made[image] = len(self._parts)
        if len(self._fresh) >= FRESH:
            self._parts.append(_Part.of(self._fresh))
            self._fresh = {}

    def __delitem__(self, image: str) -> None:
        """Refuse to forget a row."""
        raise TypeError(f"{image}: finished rows stay")

    def table(self, images: Iterable[str]) -> RowTable:
        """Return the rows of some images."""
        made = [part.table() for part in self._parts]
        return RowTable.joined([self.earlier, *made, RowTable.of(self._fresh, aside=True)]).only(images)

    def used_again(self, protocol: Protocol, metrics: Sequence[str]) -> dict[str, Earlier]:
        """Return of the images of earlier runs what tells whether their rows are used again."""
        table = self.earlier
        lacks = table.lacking(protocol, metrics)
        return dict(zip(table.ids, map(Earlier, table.digests, lacks), strict=True))
