"""Adds scores to leaderboards: checks whether they are accepted, and writes rows and curves.

A measured row is refused, with the fields that differ, unless it was scored as the board's rows are. Its
precision, recall and F curves are stored beside the board in ``curves/DATASET/METHOD.csv``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sodbench.data.registry import lookup
from sodbench.errors import OWN_NAMES, LeaderboardError, first_few, nearest
from sodbench.leaderboard.boards import (
    Board,
    BoardRow,
    board_columns,
    board_csv,
    check_board,
    expected_signature,
    parse_board,
    parse_row,
    read_board,
    read_boards,
    row_cells,
)
from sodbench.leaderboard.conventions import conventions_name, conventions_without, read_conventions
from sodbench.leaderboard.curves import board_with_curves, curves_name, curves_text, read_curves, with_digest
from sodbench.leaderboard.folder import beginnings, board_file_text, board_files, change, locked_boards
from sodbench.leaderboard.gate import check_gate
from sodbench.metrics import PAPER_METRICS, check_metrics, family_of, metric_differences, revisions_of
from sodbench.protocol import Signature, differences_text, revisions_text
from sodbench.scoring.scores import Scores
from sodbench.utils.files import check_writable


@dataclass(frozen=True, kw_only=True)
class MethodFacts:
    """What a measured row says about its method; None if not given.

    Parameters
    ----------
    method
        Name on the board, in place of the scores' own.
    venue, year, backbone, size_mb, supervision, reference, note
        See `sodbench.leaderboard.boards.BoardRow`.
    """

    method: str | None = None
    venue: str | None = None
    year: int | None = None
    backbone: str | None = None
    size_mb: float | None = None
    supervision: str | None = None
    reference: str | None = None
    note: str | None = None

    def given(self) -> dict[str, Any]:
        """Return the facts that are given, by the names of a row's fields."""
        return {name: value for name, value in vars(self).items() if value is not None}


NO_FACTS = MethodFacts()
"""Nothing is given: the scores' own name, and what the board already says about the method."""

FACTS = tuple(spec.name for spec in fields(MethodFacts) if spec.name != "method")
"""The fields of a row that describe its method."""


def check_boards(folder: Path, add_digests: bool = False) -> list[str]:
    """Check every board of a folder, its curves and conventions; return a line for each board.

    This is what a contributed row has to pass, see `sodbench.leaderboard.gate`.

    Parameters
    ----------
    folder
        Folder of boards.
    add_digests
        Write a digest into files of curves that have none, if all boards and curves are valid.

    Raises
    ------
    LeaderboardError
        A board, a curve or a file of conventions is malformed, a row is incomplete or contradicts
        another, a measured row lacks its curves or was made before a metric was revised, or a file belongs
        to no row.
    """
    if add_digests:
        read_boards(folder)
        with locked_boards(folder):
            change(folder, _with_digests(folder))
    said = []
    boards = read_boards(folder)
    for name in boards:
        board, curves = board_with_curves(folder, name)
        measured = board.of("measured")
        now = revisions_of(metric for entry in measured for metric in entry.values)
        if stale := [entry.method for entry in measured if _is_stale(entry, now)]:
            raise LeaderboardError(
                f"{folder / name}.csv: {first_few(stale)} scored before a metric was revised "
                f"(now {revisions_text(now)}). Score again and add the scores."
            )
        if bare := [entry.method for entry in measured if entry.method not in curves]:
            raise LeaderboardError(
                f"{folder / name}.csv: {first_few(bare)}: no curves, expected "
                f"{folder / curves_name(name, bare[0])}. Add the scores again."
            )
        by_convention = read_conventions(folder, board)
        published, how_many = len(board.of("published")), f"{len(curves)} with curves"
        if lacking := sum(not stored.has_digest for stored in curves.values()):
            how_many += f" ({lacking} without a digest: add it by check --add-digests)"
        if methods := {row.method for row in by_convention}:
            how_many += f", {len(methods)} by convention"
        said.append(f"{name}: {published} published, {len(measured)} measured, {how_many}: ok")
    stray = [
        *(n for n in board_files(folder, "curves/*/*.csv") if Path(n).parent.name not in boards),
        *(n for n in board_files(folder, "conventions/*.csv") if Path(n).stem not in boards),
    ]
    if stray:
        raise LeaderboardError(f"{folder}: {first_few(stray)}: of no board here. Delete them.")
    check_gate(str(folder), boards)
    return said


def _with_digests(folder: Path) -> dict[str, str]:
    """Return the files of curves of a locked folder that lack a digest, each with one, by path inside it."""
    files = [
        curves_name(name, method)
        for name in read_boards(folder)
        for method, stored in board_with_curves(folder, name)[1].items()
        if not stored.has_digest
    ]
    texts = {file: board_file_text(folder, file, "a file of curves") or "" for file in files}
    return {file: with_digest(text.splitlines()) for file, text in texts.items()}


def _is_stale(entry: BoardRow, now: Mapping[str, int]) -> bool:
    """Tell whether a metric of a row has been revised since it was scored."""
    families = {family_of(metric) for metric in entry.values}
    made = Signature.parse(entry.signature).revisions
    return any(made[family] != now[family] for family in families & made.keys())


def entry_from(scores: Scores, facts: MethodFacts = NO_FACTS, metrics: Sequence[str] = ()) -> BoardRow:
    """Make a measured row of scores, if a board accepts them.

    Parameters
    ----------
    scores
        Of the whole dataset, under the board's protocol: ``u2net``, with the paper's five metrics.
    facts
        What the row says about its method.
    metrics
        Which the row has beside the paper's.

    Raises
    ------
    LeaderboardError
        Images or metrics are missing, another protocol was used, or the maps were made in half precision; the
        message says which.
    """
    name = scores.dataset_name
    where = f"{scores.method} on {name}"
    dataset = lookup(name)
    if dataset and not dataset.confirmed:
        raise LeaderboardError(
            f"{where}: no board takes rows of {name}, since no source confirms how many images it has, and "
            "two rows may be about different ones. If you know the number, register the dataset in your "
            "datasets.toml, under another name."
        )
    if scores.n != scores.of:
        raise LeaderboardError(
            f"{where}: {scores.n} of {scores.of} images were scored, expected all. Scores over part of a "
            "dataset are not comparable; complete the maps and score again."
        )
    if scores.precision != "fp32":
        raise LeaderboardError(
            f"{where}: the maps were made in {scores.precision}, expected fp32: half precision moves scores. "
            "Make the maps again without --precision, in a new folder, and score those."
        )
    wanted = check_metrics([*PAPER_METRICS, *metrics])
    if lacking := [metric for metric in wanted if metric not in scores.metrics]:
        others = [metric for metric in wanted if metric not in PAPER_METRICS]
        raise LeaderboardError(
            f"{where}: {', '.join(lacking)} {'was' if len(lacking) == 1 else 'were'} not computed. "
            f"Score again with --metrics {','.join(['paper', *others])}."
        )
    expected = str(expected_signature(scores.dataset, scores.of))
    if fields := metric_differences(expected, scores.signature, wanted):
        of_paper = metric_differences(expected, scores.signature, PAPER_METRICS)
        raise LeaderboardError(
            f"{where}: scored in another way than the board's rows: {differences_text(fields)}. "
            f"Score again with the default protocol{'.' if of_paper else ', or pass --metrics paper.'}"
        )
    summary = scores.summary()
    values = {metric: Decimal(repr(summary[metric])) for metric in wanted}
    if undefined := [metric for metric, value in values.items() if not value.is_finite()]:
        raise LeaderboardError(f"{where}: {', '.join(undefined)} is defined on no image.")
    today = datetime.now(UTC).date().isoformat()
    signature = replace(scores, metrics=wanted).signature
    entry = BoardRow(scores.method, "measured", values, n=scores.n, signature=signature, date=today)
    columns = board_columns([entry])
    return parse_row(where, row_cells(replace(entry, **facts.given()), columns), columns)


def add_rows(
    folder: Path,
    scores: Sequence[Scores],
    facts: MethodFacts = NO_FACTS,
    metrics: Sequence[str] = (),
) -> list[str]:
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
    metrics
        Which the rows have beside the paper's; none: those that the board has and the scores too.

    Returns
    -------
    A line for each row: the file, and what was added, replaced or found to be there already.

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
    entries = [(stored.dataset_name, entry_from(stored, facts, metrics), stored) for stored in scores]
    keys = [(dataset, entry.key) for dataset, entry, _ in entries]
    if twice := sorted(
        {f"{entry.method} on {d}" for d, entry, _ in entries if keys.count((d, entry.key)) > 1}
    ):
        raise LeaderboardError(f"{first_few(twice)}: given twice, expected each row once.")
    check_writable(folder, "--boards")
    with locked_boards(folder):
        texts: dict[str, str] = {}
        for dataset, _, _ in entries:
            texts = beginnings(folder, dataset) | texts
        before = {dataset: _begun(folder, dataset, texts) for dataset, _, _ in entries}
        boards = dict(before)
        said = []
        for dataset, entry, stored in entries:
            if others := [] if metrics else _other_columns(boards[dataset], stored):
                entry = entry_from(stored, facts, others)
            old = boards[dataset].find(*entry.key)
            if old and _is_same(entry, old) and _has_curves(folder, dataset, old, texts):
                row = replace(old, **{name: getattr(entry, name) for name in given})
                what = _unchanged(old, row)
            else:
                row, source = _with_facts(entry, _others(folder, dataset), boards[dataset], given)
                texts[curves_name(dataset, entry.method)] = curves_text(row, stored.curves())
                what = _said(row, old, source)
            boards[dataset] = boards[dataset].put(row)
            said.append(f"{folder / dataset}.csv: {what}")
        for name, board in boards.items():
            check_board(board, f"{folder / name}.csv")
            if board != before[name]:
                texts[f"{name}.csv"] = board_csv(board)
                texts |= _conventions_without(folder, name, _otherwise_scored(before[name], board), texts)
        change(folder, texts)
    return said


def remove_rows(folder: Path, method: str, datasets: Sequence[str] = ()) -> list[str]:
    """Take a method's measured rows and their curves from the boards of a folder: either all or none.

    Parameters
    ----------
    folder
        Folder of boards.
    method
        Name on the boards.
    datasets
        From which boards; none: from all that have such a row.

    Returns
    -------
    A line for each row: the file, and the values that are gone.

    Raises
    ------
    LeaderboardError
        There is no such measured row on one of the boards, or the folder cannot be written.
    """
    read_boards(folder, datasets)
    check_writable(folder, "--boards")
    with locked_boards(folder):
        boards = read_boards(folder, datasets)
        rows = {name: board.find(method, "measured") for name, board in boards.items()}
        absent = [board for name, board in boards.items() if rows[name] is None]
        if absent and (datasets or len(absent) == len(boards)):
            raise LeaderboardError(_no_row(folder, method, absent))
        texts: dict[str, str] = {}
        said = []
        for name, row in rows.items():
            if row is not None:
                texts[f"{name}.csv"] = board_csv(boards[name].without(row))
                texts[curves_name(name, method)] = ""
                texts |= _conventions_without(folder, name, [method], texts)
                values = ", ".join(f"{metric} {value:.4f}" for metric, value in row.values.items())
                said.append(f"{folder / name}.csv: removed {method} of {row.date} and its curves ({values}).")
        change(folder, texts)
    return said


def _no_row(folder: Path, method: str, boards: Sequence[Board]) -> str:
    """Say that boards have no measured row of a method."""
    where = f"{folder}: no measured row of {method!r} on {first_few([board.dataset for board in boards])}"
    if any(board.find(method, "published") for board in boards):
        return (
            f"{where}. Its published rows are what a paper prints, and are not removed; edit the files by "
            "hand if one is wrong."
        )
    known = list(dict.fromkeys(entry.method for board in boards for entry in board.of("measured")))
    return (
        f"{where}; {nearest(method, known, OWN_NAMES)}" if known else f"{where}, which have no measured rows."
    )


def _begun(folder: Path, dataset: str, texts: Mapping[str, str]) -> Board:
    """Read a board, from its shipped text where it begins with that; else begin one."""
    path = folder / f"{dataset}.csv"
    if path.name in texts:
        return parse_board(path, texts[path.name])
    if path.name in board_files(folder, "*.csv"):
        return read_board(path)
    if lookup(dataset) is None:
        raise LeaderboardError(
            f"{dataset}: not a registered dataset, so it has no board. Register it in datasets.toml."
        )
    return Board(dataset, ())


def _other_columns(board: Board, scores: Scores) -> list[str]:
    """Return the metrics beside the paper's that a board and scores both have."""
    shown = {name for entry in board.entries for name in entry.values} - {*PAPER_METRICS}
    return [name for name in scores.metrics if name in shown]


def _is_same(entry: BoardRow, old: BoardRow) -> bool:
    """Tell whether two rows of a method agree as printed, and were scored alike."""
    return _printed(entry) == _printed(old) and not _scored_otherwise(old, entry)


def _scored_otherwise(old: BoardRow, row: BoardRow) -> dict[str, tuple[str, str]]:
    shared = [metric for metric in row.values if metric in old.values]
    return metric_differences(old.signature, row.signature, shared)


def _printed(entry: BoardRow) -> dict[str, str]:
    return {metric: f"{value:.4f}" for metric, value in entry.values.items()}


def _has_curves(folder: Path, dataset: str, row: BoardRow, texts: Mapping[str, str]) -> bool:
    """Tell whether a row's curves are there and whole."""
    if curves_name(dataset, row.method) in texts:
        return True
    try:
        return read_curves(folder, dataset, row) is not None
    except LeaderboardError:
        return False


def _others(folder: Path, dataset: str) -> Iterator[Board]:
    """Yield the other boards of a folder, as far as they can be read; `check_boards` names the rest."""
    for name in board_files(folder, "*.csv"):
        if Path(name).stem != dataset:
            with suppress(LeaderboardError):
                yield read_board(folder / name)


def _with_facts(
    entry: BoardRow, others: Iterable[Board], board: Board, given: Mapping[str, Any]
) -> tuple[BoardRow, str]:
    """Take the facts that are not given from the method's other rows; return in words which were taken.

    They come from the row that is replaced, else from the method's measured row on another board, else from
    its published row; a note is about one row.
    """
    if old := board.find(*entry.key):
        return replace(entry, **{name: getattr(old, name) for name in FACTS if name not in given}), ""
    rows = [(other.find(*entry.key), f"its row on {other.dataset}") for other in others]
    rows.append((board.find(entry.method, "published"), "its published row"))
    for row, where in rows:
        names = [fact for fact in FACTS if fact not in (*given, "note") and row and getattr(row, fact)]
        if names:
            taken = {name: getattr(row, name) for name in names}
            return replace(entry, **taken), f"; {', '.join(names)} as in {where}"
    return entry, ""


def _otherwise_scored(before: Board, after: Board) -> list[str]:
    """Return the methods whose measured values have changed."""
    pairs = ((entry.method, entry, after.find(*entry.key)) for entry in before.of("measured"))
    return [method for method, old, new in pairs if new is None or new.values != old.values]


def _conventions_without(
    folder: Path, dataset: str, methods: Sequence[str], texts: Mapping[str, str]
) -> dict[str, str]:
    """Return a board's file of conventions without some methods, by its path, if it has lines of them."""
    name = conventions_name(dataset)
    text = texts.get(name) or board_file_text(folder, name, "a file of conventions")
    return {name: conventions_without(text, methods)} if text and methods else {}


def _unchanged(old: BoardRow, row: BoardRow) -> str:
    changed = [name for name in FACTS if getattr(old, name) != getattr(row, name)]
    what = f"changed {', '.join(changed)}" if changed else "nothing is changed"
    return f"{row.method} of {row.date} is there already, with the same values as printed; {what}."


def _said(row: BoardRow, old: BoardRow | None, source: str) -> str:
    if old is None:
        return f"added {row.method} and its curves{source}."
    before, after = _printed(old), _printed(row)
    moved = [f"{m} {before[m]} -> {after[m]}" for m in after if before.get(m, after[m]) != after[m]]
    moved += [f"{m} {after[m]} is new" for m in after if m not in before]
    moved += [f"{m} {before[m]} is gone" for m in before if m not in after]
    what = ", ".join(moved) or "the same values"
    if fields := _scored_otherwise(old, row):
        what += "; " + ", ".join(f"{key} {a} -> {b}" for key, (a, b) in fields.items())
    elif not moved:
        what += "; its curves were missing or damaged"
    return f"replaced {row.method} of {old.date} ({what})."
