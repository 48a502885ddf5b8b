"""What the site shows: a folder's boards, curves and rows by convention, and the address of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sodbench.analysis.explain.explain import Effect, Explanation
from sodbench.errors import LeaderboardError
from sodbench.leaderboard.boards import METHOD_FACTS, Board, BoardRow, board_metrics, read_boards
from sodbench.leaderboard.conventions import ConventionRow, read_conventions
from sodbench.leaderboard.curves import StoredCurves, board_with_curves
from sodbench.leaderboard.folder import shipped_boards
from sodbench.leaderboard.submission import check_boards
from sodbench.protocol import PRESETS
from sodbench.protocol.conventions import CONVENTIONS
from sodbench.reports.pages.site.slugs import slugs
from sodbench.reports.ranking import Sheet
from sodbench.reports.table import Marks

DECIMALS = 4
"""Digits of measured values; published ones keep those that are printed."""


@dataclass(frozen=True)
class Content:
    """What the site shows.

    Parameters
    ----------
    boards
        By dataset, in the registry's order.
    curves
        Of measured rows, by dataset and method.
    conventions
        Rows by dataset, of those that have some.
    shipped
        Whether these are the boards of sodbench, to which anyone may contribute, or somebody's own.
    """

    boards: Mapping[str, Board]
    curves: Mapping[str, Mapping[str, StoredCurves]] = field(default_factory=dict)
    conventions: Mapping[str, tuple[ConventionRow, ...]] = field(default_factory=dict)
    shipped: bool = False

    @cached_property
    def methods(self) -> Mapping[str, Mapping[str, tuple[BoardRow, ...]]]:
        """The rows of each method by dataset; methods in the order in which boards name them first."""
        found: dict[str, dict[str, list[BoardRow]]] = {}
        for dataset, board in self.boards.items():
            for entry in board.entries:
                found.setdefault(entry.method, {}).setdefault(dataset, []).append(entry)
        return {
            method: {dataset: tuple(rows) for dataset, rows in by_dataset.items()}
            for method, by_dataset in found.items()
        }

    @cached_property
    def dataset_slugs(self) -> Mapping[str, str]:
        """Address of each dataset."""
        return slugs(self.boards)

    @cached_property
    def method_slugs(self) -> Mapping[str, str]:
        """Address of each method."""
        return slugs(self.methods)

    @cached_property
    def sheets(self) -> Mapping[str, Sheet]:
        """The numbers and ranks of each dataset's table."""
        return {
            name: Sheet({name: board}, board_metrics(board.entries), DECIMALS, Marks())
            for name, board in self.boards.items()
        }

    def facts(self, method: str) -> dict[str, object]:
        """Return what its rows say about a method, as far as they do."""
        rows = [entry for entries in self.methods[method].values() for entry in entries]
        found = {name: next((f for row in rows if (f := getattr(row, name))), None) for name in METHOD_FACTS}
        return {name: fact for name, fact in found.items() if fact is not None}

    def dataset_page(self, dataset: str, suffix: str = "html") -> str:
        """Return the path of a dataset's page, or of its data, inside the site."""
        return f"datasets/{self.dataset_slugs[dataset]}.{suffix}"

    def method_page(self, method: str, suffix: str = "html") -> str:
        """Return the path of a method's page, or of its data, inside the site."""
        return f"methods/{self.method_slugs[method]}.{suffix}"

    def anchor(self, entry: BoardRow) -> str:
        """Return the anchor of a row on the page of its dataset."""
        return f"{self.method_slugs[entry.method]}-{entry.source}"

    def curve_file(self, dataset: str, method: str) -> str:
        """Return the path of a row's curves inside the site."""
        return f"curves/{self.dataset_slugs[dataset]}/{self.method_slugs[method]}.csv"


def explanation_of(content: Content, dataset: str, method: str) -> Explanation:
    """Return what conventions do to a method's figures, as ``sodbench explain`` would."""
    rows = [row for row in content.conventions[dataset] if row.method == method]
    entry = content.boards[dataset].find(method, "measured")
    presets: dict[str, dict[str, float]] = {}
    for row in rows:
        if row.convention in PRESETS:
            presets.setdefault(row.convention, {})[row.metric] = float(row.value)
    base = presets["u2net"]
    known = {convention.name: convention for convention in CONVENTIONS}
    effects = [
        Effect(
            row.metric,
            row.convention,
            known[row.convention].text,
            known[row.convention].tools,
            float(row.value),
            float(row.value) - base[row.metric],
        )
        for row in rows
        if row.convention in known and row.metric in base
    ]
    return Explanation(
        method=f"{method} on {dataset}",
        signature=entry.signature if entry else "",
        base=base,
        base_name="u2net",
        presets=presets,
        effects=tuple(sorted(effects, key=lambda effect: -abs(effect.difference))),
        unknown=(),
    )


def read_content(folder: Path) -> Content:
    """Read a folder of boards, after all checks of ``sodbench leaderboard check``.

    Raises
    ------
    LeaderboardError
        There is no board, or a check fails.
    """
    check_boards(folder)
    boards, curves = read_boards(folder), {}
    for name, board in boards.items():
        if board.of("measured"):
            boards[name], curves[name] = board_with_curves(folder, name)
    if not any(board.entries for board in boards.values()):
        raise LeaderboardError(f"{folder}: no board has a row, so there is nothing to show.")
    conventions = {name: rows for name, board in boards.items() if (rows := read_conventions(folder, board))}
    return Content(
        boards,
        {name: of_board for name, of_board in curves.items() if of_board},
        conventions,
        shipped=folder.resolve() == shipped_boards().path.resolve(),
    )
