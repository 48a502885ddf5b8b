"""Adds scores to leaderboards: checks whether they are accepted, and writes rows and curves.

A measured row is refused, with the fields that differ, unless it was scored as the board's rows are. Its
precision, recall and F curves are stored beside the board in ``curves/DATASET/METHOD.csv``.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sodbench.data.registry import lookup
from sodbench.errors import LeaderboardError, first_few
from sodbench.leaderboard.boards import (
    INCOMING,
    Board,
    BoardRow,
    board_csv,
    check_board,
    expected_signature,
    parse_row,
    read_board,
    read_boards,
    row_cells,
    shipped_boards,
)
from sodbench.leaderboard.curves import read_curves, write_curves
from sodbench.metrics import PAPER_METRICS, family_of, metric_differences, revisions_of
from sodbench.protocol import Signature, differences_text, revisions_text
from sodbench.scoring.scores import Scores
from sodbench.utils.files import check_writable, replacing


@dataclass(frozen=True, kw_only=True)
class MethodFacts:
    """What a measured row says about its method; None if not given.

    Parameters
    ----------
    method
        Name on the board, in place of the scores' own.
    venue, year, backbone, size_mb, reference, note
        See `sodbench.leaderboard.boards.BoardRow`.
    """

    method: str | None = None
    venue: str | None = None
    year: int | None = None
    backbone: str | None = None
    size_mb: float | None = None
    reference: str | None = None
    note: str | None = None

    def given(self) -> dict[str, Any]:
        """Return the facts that are given, by the names of a row's fields."""
        return {name: value for name, value in vars(self).items() if value is not None}


NO_FACTS = MethodFacts()
"""Nothing is given: the scores' own name, and what the board already says about the method."""

FACTS = tuple(spec.name for spec in fields(MethodFacts) if spec.name != "method")
"""The fields of a row that describe its method."""

LOCK_SECONDS = 30.0
"""How long to wait for another process that writes to the same boards."""


def own_folder(chosen: Path | None = None) -> Path:
    """Return the folder of boards to write to: the user's own, or that of a checkout of sodbench.

    Raises
    ------
    LeaderboardError
        The shipped boards are part of an installed package, which is never written to.
    """
    chosen = chosen or (Path(named) if (named := os.environ.get("SODBENCH_LEADERBOARDS")) else None)
    ours = shipped_boards()
    folder = chosen or ours.path
    if ours.installed and folder.resolve() == ours.path.resolve():
        raise LeaderboardError(
            f"{folder}: part of the installed package, which is not written to. Pass --boards DIR, "
            "or set SODBENCH_LEADERBOARDS; an empty DIR begins as a copy of the shipped boards."
        )
    return folder


def check_boards(folder: Path) -> list[str]:
    """Check every board of a folder and its curves; return a line for each board.

    Raises
    ------
    LeaderboardError
        A board or a curve is malformed, a measured row's metrics have been revised since, or curves
        belong to no row.
    """
    said = []
    for name, board in read_boards(folder).items():
        measured = board.of("measured")
        now = revisions_of(PAPER_METRICS)
        if stale := [entry.method for entry in measured if _is_stale(entry, now)]:
            raise LeaderboardError(
                f"{folder / name}.csv: {first_few(stale)} scored before a metric was revised "
                f"(now {revisions_text(now)}). Score again and add the scores."
            )
        curves = [entry.method for entry in measured if read_curves(folder, name, entry) is not None]
        methods = sorted(path.stem for path in (folder / "curves" / name).glob("*.csv"))
        if orphans := [method for method in methods if method not in curves]:
            raise LeaderboardError(
                f"{folder / 'curves' / name}: {first_few(orphans)}: curves of no measured row. Delete them."
            )
        published = len(board.of("published"))
        said.append(f"{name}: {published} published, {len(measured)} measured, {len(curves)} with curves: ok")
    return said


def _is_stale(entry: BoardRow, now: Mapping[str, int]) -> bool:
    """Tell whether a metric of a row has been revised since it was scored."""
    families = {family_of(metric) for metric in entry.values}
    made = Signature.parse(entry.signature).revisions
    return any(made[family] != now[family] for family in families & made.keys())


def entry_from(scores: Scores, facts: MethodFacts = NO_FACTS) -> BoardRow:
    """Make a measured row of scores, if a board accepts them.

    Parameters
    ----------
    scores
        Of the whole dataset, under the board's protocol: ``u2net``, with the paper's five metrics.
    facts
        What the row says about its method.

    Raises
    ------
    LeaderboardError
        Images or metrics are missing, or another protocol was used; the message says which.
    """
    name = scores.dataset_name
    where = f"{scores.method} on {name}"
    if scores.n != scores.of:
        raise LeaderboardError(
            f"{where}: {scores.n} of {scores.of} images were scored, expected all. Scores over part of a "
            "dataset are not comparable; complete the maps and score again."
        )
    if lacking := [metric for metric in PAPER_METRICS if metric not in scores.metrics]:
        raise LeaderboardError(
            f"{where}: {', '.join(lacking)} {'was' if len(lacking) == 1 else 'were'} not computed. "
            "Score again with --metrics paper."
        )
    expected = str(expected_signature(scores.dataset, scores.of))
    if fields := metric_differences(expected, scores.signature, PAPER_METRICS):
        raise LeaderboardError(
            f"{where}: scored in another way than the board's rows: {differences_text(fields)}. "
            "Score again with the default protocol."
        )
    summary = scores.summary()
    values = {metric: Decimal(repr(summary[metric])) for metric in PAPER_METRICS}
    if undefined := [metric for metric, value in values.items() if not value.is_finite()]:
        raise LeaderboardError(f"{where}: {', '.join(undefined)} is defined on no image.")
    today = datetime.now(UTC).date().isoformat()
    entry = BoardRow(scores.method, "measured", values, n=scores.n, signature=scores.signature, date=today)
    return parse_row(where, row_cells(replace(entry, **facts.given())))


def add_rows(folder: Path, scores: Sequence[Scores], facts: MethodFacts = NO_FACTS) -> list[str]:
    """Put measured rows and their curves on the boards of a folder: either all of them or none.

    A folder without boards begins as a copy of the shipped ones. A row that is replaced keeps the facts that
    are not given again. Other processes wait meanwhile.

    Parameters
    ----------
    folder
        Folder of boards; created if needed.
    scores
        See `entry_from`.
    facts
        See `entry_from`.

    Returns
    -------
    A line for each row: added, or which values it replaced.

    Raises
    ------
    LeaderboardError
        A row is refused, or the folder stays locked for too long.
    FileError
        The folder cannot be written.
    """
    given = facts.given()
    methods = sorted({stored.method for stored in scores})
    if given and len(methods) > 1:
        raise LeaderboardError(
            f"{', '.join(given)}: given for {first_few(methods)}, expected facts about one method. "
            "Add one method at a time."
        )
    entries = [(stored.dataset_name, entry_from(stored, facts), stored.curves()) for stored in scores]
    keys = [(dataset, entry.key) for dataset, entry, _ in entries]
    if twice := sorted(
        {f"{entry.method} on {d}" for d, entry, _ in entries if keys.count((d, entry.key)) > 1}
    ):
        raise LeaderboardError(f"{first_few(twice)}: given twice, expected each row once.")
    check_writable(folder, "--boards")
    with _locked(folder):
        _complete(folder)
        boards: dict[str, Board] = {}
        said = []
        rows = []
        for dataset, entry, curves in entries:
            board = boards.get(dataset) or _begun(folder, dataset)
            row = _with_facts(entry, board.find(*entry.key), given)
            said.append(_said(board, row))
            boards[dataset] = board.put(row)
            rows.append((dataset, row, curves))
        for name, board in boards.items():
            check_board(board, f"{folder / name}.csv")
        texts = {name: board_csv(board) for name, board in boards.items()}
        _begin(folder)
        for dataset, row, curves in rows:
            write_curves(folder, dataset, row, curves)
        for name, text in texts.items():
            with replacing(folder / f"{name}.csv") as part:
                part.write_text(text, encoding="utf-8")
    return said


def _begun(folder: Path, dataset: str) -> Board:
    """Read a board, or begin one from the shipped board."""
    for place in (folder, shipped_boards().path):
        if (place / f"{dataset}.csv").is_file():
            return read_board(place / f"{dataset}.csv")
    if lookup(dataset) is None:
        raise LeaderboardError(
            f"{dataset}: not a registered dataset, so it has no board. Register it in datasets.toml."
        )
    return Board(dataset, ())


def _begin(folder: Path) -> None:
    """Copy the shipped boards and their curves into a folder that has no boards.

    They are copied to a folder of their own inside it, which is renamed when it is whole, and moved from
    there: a copy that is interrupted before is begun again, one that is interrupted after is completed.
    """
    if any(folder.glob("*.csv")):
        return
    ours = shipped_boards().path
    part = folder / f"{INCOMING}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    for path in (*ours.glob("*.csv"), *ours.glob("curves/*/*.csv")):
        copy = part / path.relative_to(ours)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    part.rename(folder / INCOMING)
    _complete(folder)


def _complete(folder: Path) -> None:
    """Move the copied boards that are not in their place yet."""
    incoming = folder / INCOMING
    if not incoming.is_dir():
        return
    for path in sorted(incoming.rglob("*.csv")):
        target = folder / path.relative_to(incoming)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            path.replace(target)
    shutil.rmtree(incoming)


def _with_facts(entry: BoardRow, old: BoardRow | None, given: Mapping[str, Any]) -> BoardRow:
    """Keep the facts of the replaced row that are not given again."""
    kept = {name: getattr(old, name) for name in FACTS if name not in given} if old else {}
    return replace(entry, **kept)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=LOCK_SECONDS):
            yield
    except Timeout as error:
        raise LeaderboardError(
            f"{folder}: another process has been writing here for {LOCK_SECONDS:.0f} s. Try again, or "
            f"delete {folder / '.lock'} if no such process is running."
        ) from error
    except OSError as error:
        raise LeaderboardError(
            f"{error.filename or folder}: cannot write here ({error.strerror})."
        ) from error


def _said(board: Board, entry: BoardRow) -> str:
    old = board.find(*entry.key)
    if old is None:
        return f"{board.dataset}: added {entry.method}."
    moved = [
        f"{metric} {old.values[metric]:.4f} -> {value:.4f}"
        for metric, value in entry.values.items()
        if metric in old.values and old.values[metric] != value
    ]
    return (
        f"{board.dataset}: replaced {entry.method} of {old.date} ({', '.join(moved) or 'the same values'})."
    )
