"""How a site comes into a folder: whole files, and only those that are the site's.

`LISTED` in the folder lists the files that the site has there; only those are replaced and removed. All new
files are first written to `PART` inside the folder. Then the list is made to name the old and the new files,
each new one is renamed to its place, what the new site lacks is removed, and the list is written anew. Killed
at any moment, every file is an old or a new one, each is listed, and the next run finishes the work.
"""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from sodbench.errors import FileError, first_few
from sodbench.utils.files import locked, read_file, replacing
from sodbench.utils.text import counted

LISTED = "sodbench-site.json"

PART = ".sodbench-site.part"


def write_site(folder: Path, files: Mapping[str, bytes]) -> str:
    """Make a folder hold a site, and nothing else that an earlier site left; say what was done.

    Parameters
    ----------
    folder
        Created if needed. If it holds anything, then a site that was written by this function.
    files
        Content by path.

    Raises
    ------
    FileError
        It holds files that no list names, or cannot be written.
    """
    before = check_site(folder, files)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            return _written(folder, files, before)
    except OSError as error:
        raise FileError(f"{error.filename or folder}: cannot write here ({error.strerror}).") from error


def check_site(folder: Path, files: Iterable[str] = ()) -> set[str]:
    """Return the files of the site that a folder holds, none for a new or empty folder.

    Raises
    ------
    FileError
        It holds something else, or a path that is needed is not the site's.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise FileError(f"{folder}: is a file, expected a folder. Pass another --site.")
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if LISTED not in there:
        if others := [name for name in there if name != PART]:
            raise FileError(
                f"{folder}: holds {first_few(others)}, and no {LISTED}, so it is no site that sodbench "
                "wrote. Nothing is changed; pass an empty or new folder."
            )
        return set()
    before = _listed(folder / LISTED)
    for name in sorted({*before, *files}):
        if link := next((p for p in PurePosixPath(name).parents[:-1] if (folder / p).is_symlink()), None):
            raise FileError(f"{folder / link}: is a link, expected a folder of the site. Remove it.")
    if strange := [n for n in files if n not in before and os.path.lexists(folder / n)]:
        raise FileError(
            f"{folder}: {first_few(strange)} would be replaced, and {LISTED} does not name "
            f"{'it' if len(strange) == 1 else 'them'}. Move {'it' if len(strange) == 1 else 'them'} away."
        )
    return before


def _listed(path: Path) -> set[str]:
    """Read the list of a site's files."""
    try:
        names = json.loads(read_file(path, FileError))["files"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileError(f"{path}: damaged. Remove the folder, or pass another --site.") from error
    if not isinstance(names, list) or not all(isinstance(name, str) and _is_inside(name) for name in names):
        raise FileError(f"{path}: names files outside its folder. Remove it, or pass another --site.")
    return set(names)


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    parts = name.split("/")
    return not path.is_absolute() and "\\" not in name and "\0" not in name and not {"", ".", ".."} & {*parts}


def _written(folder: Path, files: Mapping[str, bytes], before: set[str]) -> str:
    part = folder / PART
    shutil.rmtree(part, ignore_errors=True)
    changed = [name for name, content in files.items() if _content(folder / name) != content]
    for name in changed:
        (part / name).parent.mkdir(parents=True, exist_ok=True)
        (part / name).write_bytes(files[name])
    gone = before - {*files}
    if before != {*files}:
        _list(folder, {*before, *files})
    for name in changed:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (part / name).replace(folder / name)
    for name in sorted(gone):
        (folder / name).unlink(missing_ok=True)
        for parent in PurePosixPath(name).parents[:-1]:
            with suppress(OSError):
                (folder / parent).rmdir()
    if gone:
        _list(folder, files)
    shutil.rmtree(part, ignore_errors=True)
    what = [f"{counted(len(changed), 'file')} written"] if changed else ["nothing has changed"]
    return ", ".join([*what, *([f"{counted(len(gone), 'file')} removed"] if gone else [])])


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() and not path.is_symlink() else None
    except OSError:
        return None


def _list(folder: Path, names: Iterable[str]) -> None:
    text = json.dumps({"made_by": "sodbench site", "files": sorted(names)}, indent=1, ensure_ascii=False)
    with replacing(folder / LISTED) as file:
        file.write_text(f"{text}\n", encoding="utf-8", newline="")
