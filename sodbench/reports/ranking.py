"""The numbers behind a comparison table: what a cell shows, and how it ranks.

*Conventions.* A rank is the dense rank of the values *as shown*: equal values share it, and the next value
gets the next rank. Rows are ranked among rows made alike and shown together: published rows among
themselves, measured rows among those of the same signature (the program's version apart), never one with
the other; a value that has no rival has no rank. A published value is never shown with more digits than
its paper prints. Means and mean ranks are given only to methods that have every value they are made of.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from sodbench.errors import LeaderboardError, first_few
from sodbench.leaderboard.boards import Board, BoardRow
from sodbench.metrics import METRICS, family_of, protocol_fields
from sodbench.protocol import acting_parts
from sodbench.reports.table import MEAN_OF_ALL, SECTION_TITLES, Column, Marks

RowKey = tuple[str, str]
"""Method and source: what makes a row."""


class Sheet:
    """The numbers behind a table.

    Parameters
    ----------
    boards
        By dataset, in the order of columns; their rows in the order of rows.
    metrics
        Which columns each dataset has.
    decimals
        Digits after the point.
    marks
        What resampling adds to measured rows.

    Attributes
    ----------
    rows
        The entries of each row, by dataset.
    letters
        What other rows' cells call a measured method by; set once the order of rows is known.
    """

    def __init__(
        self, boards: Mapping[str, Board], metrics: Sequence[str], decimals: int, marks: Marks
    ) -> None:
        self.datasets, self.metrics, self.decimals, self.marks = tuple(boards), metrics, decimals, marks
        self.letters: dict[str, str] = {}
        self.rows: dict[RowKey, dict[str, BoardRow]] = {}
        self._ranks: dict[Column, dict[RowKey, int | None]] = {}
        for name, board in boards.items():
            for entry in board.entries:
                self.rows.setdefault(entry.key, {})[name] = entry

    def sections(self) -> Iterator[list[RowKey]]:
        """Yield the rows of each source that has some."""
        for source in SECTION_TITLES:
            if rows := [key for key in self.rows if key[1] == source]:
                yield rows

    def columns(self, delta: bool) -> Iterator[Column]:
        """Yield size and values, and of each dataset the differences that some row has."""
        if any(self.fact(key, "size_mb") is not None for key in self.rows):
            yield Column("", "size")
        differs = False
        for name in self.datasets:
            yield from (Column(name, metric) for metric in self.metrics)
            for column in (Column(name, metric, delta=True) for metric in self.metrics if delta):
                if any(self.value(key, column) is not None for key in self.rows):
                    differs = True
                    yield column
        if delta and not differs:
            labels = first_few([METRICS[metric].label for metric in self.metrics])
            raise LeaderboardError(
                f"--delta: no method shown has both a published and a measured value of {labels}. Choose "
                "other --metrics, add a row of the same name with `sodbench leaderboard add --method NAME`, "
                "or leave --delta out."
            )

    def fact(self, key: RowKey, name: str) -> object:
        """Return what the first board that knows says of a method."""
        facts = (getattr(entry, name) for entry in self.rows[key].values())
        return next((fact for fact in facts if fact not in (None, "")), None)

    def value(self, key: RowKey, column: Column) -> Decimal | None:
        """Return a number in full precision, None if there is none."""
        if column.metric == "size":
            size = self.fact(key, "size_mb")
            return size if isinstance(size, Decimal) else None
        if column.metric == "rank":
            ranks = [self.ranks(Column(d, m))[key] for d in self.datasets for m in self.metrics]
            return complete_mean([None if rank is None else Decimal(rank) for rank in ranks])
        if column.group == MEAN_OF_ALL:
            return complete_mean([self.value(key, Column(name, column.metric)) for name in self.datasets])
        entry = self.rows[key].get(column.group)
        value = entry.values.get(column.metric) if entry else None
        if not column.delta:
            return value
        printed = self.rows.get((key[0], "published"), {}).get(column.group)
        base = printed.values.get(column.metric) if printed and key[1] == "measured" else None
        return None if value is None or base is None else value - base

    def text(self, key: RowKey, column: Column) -> str:
        """Return what a cell shows."""
        if column.delta and key[1] == "published":
            return ""
        places = self._places(column)
        value = self.value(key, column)
        if value is not None and key[1] == "published" and column.group in self.datasets:
            places = min(places, -int(value.as_tuple().exponent))
        return number_text(value, places, signed=column.delta)

    def marked(self, key: RowKey, column: Column) -> tuple[str, tuple[str, ...]]:
        """Return what resampling adds to a cell: half its interval, and the letters of whom it beats."""
        if key[1] == "published" or column.delta:
            return "", ()
        what = key[0], column.group, column.metric
        spread, better = self.marks.spreads.get(what), self.marks.better.get(what, ())
        letters = tuple(sorted(self.letters[name] for name in better if name in self.letters))
        return "" if spread is None else f"{spread:.{self._places(column)}f}", letters

    def _places(self, column: Column) -> int:
        """Return how many digits after the point a column has."""
        if column.metric in METRICS:
            return METRICS[column.metric].decimals(self.decimals)
        return {"size": 1, "rank": 2}[column.metric]

    def kind(self, key: RowKey, column: Column) -> tuple[str, ...]:
        """Return how a value was made: only equal ones are ranked together."""
        names = [column.group] if column.group in self.datasets else self.datasets if column.group else ()
        entries = [self.rows[key][name] for name in names if name in self.rows[key]]
        metrics = [column.metric] if column.metric in METRICS else self.metrics
        return key[1], *(_acting(entry.signature, metrics) for entry in entries if entry.signature)

    def ranks(self, column: Column) -> dict[RowKey, int | None]:
        """Rank the rows in a column; a row without rivals has no rank."""
        if column in self._ranks:
            return self._ranks[column]
        of_rows = self._ranks[column] = dict.fromkeys(self.rows)
        kinds: dict[tuple[str, ...], list[RowKey]] = {}
        for key in self.rows:
            kinds.setdefault(self.kind(key, column), []).append(key)
        for keys in kinds.values():
            ranks = dense_ranks([self.text(key, column) for key in keys], column.higher_is_better)
            if len(ranks) - ranks.count(None) > 1:
                of_rows.update(zip(keys, ranks, strict=True))
        return of_rows


def dense_ranks(texts: Sequence[str], higher_is_better: bool) -> list[int | None]:
    """Rank numbers as they are shown: equal ones share a rank, the next one gets the next rank.

    Examples
    --------
    >>> dense_ranks(["0.9", "0.8", "-", "0.9", "0.7"], True)
    [1, 2, None, 1, 3]
    """
    values = [None if text in ("-", "") else Decimal(text) for text in texts]
    order = sorted({value for value in values if value is not None}, reverse=higher_is_better)
    return [None if value is None else order.index(value) + 1 for value in values]


def complete_mean(values: Sequence[Decimal | None]) -> Decimal | None:
    """Return the mean; None for no values, and where one is missing.

    Examples
    --------
    >>> complete_mean([Decimal(1), Decimal(2)]), complete_mean([Decimal(1), None])
    (Decimal('1.5'), None)
    """
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) / len(known) if known and len(known) == len(values) else None


def number_text(value: Decimal | None, places: int, signed: bool = False) -> str:
    """Write a number with so many digits after the point; ``-`` if there is none, and no sign before 0.

    Examples
    --------
    >>> number_text(Decimal("0.0504"), 2), number_text(None, 2)
    ('0.05', '-')
    >>> number_text(Decimal("0.02"), 2, signed=True), number_text(Decimal("-0.001"), 2, signed=True)
    ('+0.02', '0.00')
    """
    if value is None:
        return "-"
    text = f"{value:{'+' if signed else ''}.{places}f}"
    return text if Decimal(text) else text.lstrip("+-")


def _acting(signature: str, metrics: Sequence[str]) -> str:
    """Return what of a signature some metrics depend on."""
    return "|".join(acting_parts(signature, protocol_fields(metrics), {family_of(m) for m in metrics}))
