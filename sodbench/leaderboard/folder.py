"""A folder of boards on disk: where it lies, and how several of its files change at one moment.

What changes is written to a folder inside it, which one rename puts in force: from then on readers take
files from there first. The files are then moved to their places, by the next writer if this one is killed,
and no reader ever sees a part of a change.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from sodbench.errors import LeaderboardError
from sodbench.utils.files import Shipped, check_regular, read_file, replacing, shipped
from sodbench.utils.process import Say

CHANGED = ".changed"
"""Folder inside a folder of boards with files that hold in the place of those outside; an empty one: none."""

LOCK_SECONDS = 30.0
"""How long to wait for another process that writes to the same boards."""

LARGEST = 1 << 24
"""Bytes of a file; a board of 20,000 rows has half of that."""


def shipped_boards() -> Shipped:
    """Return the boards of a checkout, or those that an installed package has inside."""
    return shipped("leaderboard/shipped", "leaderboards")


def boards_folder(chosen: Path | None = None, say: Say = lambda line: None) -> Path:
    """Return the folder of boards to read: the one chosen, else ``SODBENCH_LEADERBOARDS``, else the shipped.

    For an empty folder the shipped one stands in, which it will begin as a copy of; `say` is told.

    Raises
    ------
    LeaderboardError
        There is no such folder.
    """
    folder = _named(chosen)
    if folder is None:
        return shipped_boards().path
    if not folder.is_dir():
        raise LeaderboardError(f"{folder}: no such folder, expected one of boards, DATASET.csv.")
    if _is_empty(folder):
        say(
            f"{folder}: empty, so these are the boards that come with sodbench. "
            "`sodbench leaderboard add` begins the folder as a copy of them."
        )
        return shipped_boards().path
    return folder


def own_folder(chosen: Path | None = None) -> Path:
    """Return the folder of boards to write to: the user's own, or that of a checkout of sodbench.

    Raises
    ------
    LeaderboardError
        The shipped boards are part of an installed package, which is never written to.
    """
    ours = shipped_boards()
    folder = _named(chosen) or ours.path
    if ours.installed and folder.resolve() == ours.path.resolve():
        raise LeaderboardError(
            f"{folder}: part of the installed package, which is not written to. Pass --boards DIR, "
            "or set SODBENCH_LEADERBOARDS; an empty DIR begins as a copy of the shipped boards."
        )
    return folder


def board_files(folder: Path, pattern: str) -> list[str]:
    """Return which files of a folder match a pattern, as paths inside it; hidden ones are none."""
    changed = folder / CHANGED
    places = [
        place for place in (changed, folder) if place.is_dir()
    ]  # in this order: files move to the latter
    names = {path.relative_to(place).as_posix() for place in places for path in place.glob(pattern)}
    return sorted(
        name for name in names if not Path(name).name.startswith(".") and not _is_removed(changed / name)
    )


def board_file_text(folder: Path, name: str, expected: str) -> str | None:
    """Return the text of a file of a folder of boards, None if there is none.

    Raises
    ------
    LeaderboardError
        It is anything but a regular file of text, or too large.
    """
    for path in (folder / CHANGED / name, folder / name):
        try:
            data = read_file(path, LeaderboardError, expected, LARGEST)
        except LeaderboardError:
            if os.path.lexists(path):
                raise
            continue
        if not data and path.is_relative_to(folder / CHANGED):
            return None
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise LeaderboardError(
                f"{path}: not valid UTF-8, expected {expected} as CSV in UTF-8."
            ) from error
    return None


def beginnings(folder: Path, dataset: str) -> dict[str, str]:
    """Return the shipped files that a board of a folder begins with, by path inside it.

    They are all of them where the folder has no boards, those of the dataset where it lacks this board.
    """
    ours, there = shipped_boards().path, board_files(folder, "*.csv")
    if f"{dataset}.csv" in there or ours.resolve() == folder.resolve():
        return {}
    patterns = (
        (f"{escape(dataset)}.csv", f"conventions/{escape(dataset)}.csv", f"curves/{escape(dataset)}/*.csv")
        if there
        else ("*.csv", "conventions/*.csv", "curves/*/*.csv")
    )
    names = [name for pattern in patterns for name in board_files(ours, pattern)]
    return {name: board_file_text(ours, name, "a board or a curve") or "" for name in names}


@contextmanager
def locked_boards(folder: Path) -> Iterator[None]:
    """Keep other writers of a folder out, and finish what one that was killed has begun.

    Raises
    ------
    LeaderboardError
        Another process writes for too long, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=LOCK_SECONDS):
            _finish(folder)
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


def change(folder: Path, texts: Mapping[str, str]) -> None:
    """Write files of a locked folder, all of them or none; an empty text removes one."""
    if not texts:
        return
    for name in texts:
        if os.path.lexists(folder / name):
            check_regular(folder / name, LeaderboardError)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    part = folder / f"{CHANGED}.part"
    for name, text in texts.items():
        path = part / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    part.rename(folder / CHANGED)
    _finish(folder)


def _finish(folder: Path) -> None:
    """Move changed files to their places, and remove what was never put in force."""
    shutil.rmtree(folder / f"{CHANGED}.part", ignore_errors=True)
    changed = folder / CHANGED
    if not changed.is_dir():
        return
    for path in sorted(changed.rglob("*.csv")):
        target = folder / path.relative_to(changed)
        if _is_removed(path):
            target.unlink(missing_ok=True)
            with suppress(OSError):
                target.parent.rmdir()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as part:
                shutil.copyfile(path, part)
        path.unlink()
    shutil.rmtree(changed)


def _named(chosen: Path | None) -> Path | None:
    """Return the folder asked for, None if none is."""
    named = os.environ.get("SODBENCH_LEADERBOARDS")
    folder = chosen or (Path(named) if named else None)
    if folder is not None and folder.exists() and not folder.is_dir():
        raise LeaderboardError(f"{folder}: is a file, expected a folder of boards, DATASET.csv.")
    return folder


def _is_empty(folder: Path) -> bool:
    """Tell whether nothing is in a folder but what a writer that was killed at once leaves there."""
    if (folder / CHANGED).is_dir():
        return False
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if any(not name.startswith(".") for name in files) or any(name.endswith(".csv") for name in folders):
            return False
    return True


def _is_removed(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return False
