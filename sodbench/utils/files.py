"""Files: bounded reads, atomic writes, and the files that come with the package."""

import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from sodbench.errors import FileError, SodbenchError
from sodbench.utils.text import shortened

PACKAGE = Path(__file__).parent.parent

MAX_FILE_BYTES = 1 << 30
"""What a file that is read whole may hold, unless its reader says otherwise."""

_PROBE = 1 << 16
"""Bytes that must fit: a full disk often still allows an empty file."""

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe (FIFO)",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


class Shipped(NamedTuple):
    """A file or folder that comes with sodbench, and whether it is inside an installed package."""

    path: Path
    installed: bool


def shipped(inside: str, beside: str) -> Shipped:
    """Find a file or folder that comes with sodbench.

    Parameters
    ----------
    inside
        Its path below an installed package.
    beside
        Its path in a checkout, below the folder that holds the package.

    Raises
    ------
    FileError
        It is in neither place.

    Examples
    --------
    >>> shipped("data/datasets.toml", "datasets.toml").path.name
    'datasets.toml'
    """
    places = [Shipped(PACKAGE / inside, True), Shipped(PACKAGE.parent / beside, False)]
    for place in places:
        if place.path.exists():
            return place
    looked = ", ".join(str(place.path) for place in places)
    raise FileError(f"{beside}: not found. Looked at: {looked}. Install sodbench again.")


def check_regular(
    path: Path | str, error: type[SodbenchError] = FileError, expected: str = "a file"
) -> os.stat_result:
    """Check that an input is a regular file or a link to one, without opening it; return its state.

    A pipe would be waited for, and a device (``/dev/zero``) read, for ever.

    Parameters
    ----------
    path
        The file.
    error
        Exception to raise.
    expected
        What it should be, for the message.

    Raises
    ------
    FileError
        It is missing, or a folder, pipe, device or socket.

    Examples
    --------
    >>> check_regular("/dev/zero")
    Traceback (most recent call last):
    sodbench.errors.FileError: /dev/zero: is a device, expected a file.
    """
    try:
        state = os.stat(path)  # noqa: PTH116 (a set has thousands)
    except (OSError, ValueError) as cause:
        raise error(f"{path}: {_unreadable(cause)}") from cause
    kind = stat.S_IFMT(state.st_mode)
    if kind != stat.S_IFREG:
        raise error(f"{path}: is {_KINDS.get(kind, 'no file')}, expected {expected}.")
    return state


def check_path(path: Path | str, error: type[SodbenchError] = FileError) -> None:
    """Check that the system can look a path up, whether or not something lies there.

    Raises
    ------
    FileError
        It is longer than paths may be, holds a null character, or is in a folder that may not be entered.

    Examples
    --------
    >>> check_path("a" * 300)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    sodbench.errors.FileError: 'aa...aa... (300 characters): cannot look this path up (File name too long).
    """
    try:
        os.stat(path)  # noqa: PTH116 (Path.stat and Path.exists differ by version)
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as cause:
        reason = getattr(cause, "strerror", None) or cause
        raise error(f"{shortened(str(path))}: cannot look this path up ({reason}).") from cause


def read_file(
    path: Path | str,
    error: type[SodbenchError] = FileError,
    expected: str = "a file",
    most: int = MAX_FILE_BYTES,
) -> bytes:
    """Read an input file whole: a regular one, of at most `most` bytes; see `check_regular`.

    Raises
    ------
    FileError
        It cannot be read, is not a regular file, or is larger.
    """
    check_regular(path, error, expected)
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (a set has thousands)
            # What was opened may have replaced what was checked.
            size = os.fstat(file.fileno()).st_size
            if size > most:
                raise error(f"{path}: has {size} bytes, expected at most {most}.")
            return file.read(size)
    except OSError as cause:
        raise error(f"{path}: {_unreadable(cause)}") from cause


def _unreadable(cause: OSError | ValueError) -> str:
    return f"cannot read this file ({getattr(cause, 'strerror', None) or cause})."


def check_folder(file: Path, option: str = "") -> None:
    """Check that the folder of a file to be written is there; `option` names the file in the message.

    Raises
    ------
    FileError
        It is not: a mistyped folder is not made.
    """
    if not os.path.lexists(file.absolute().parent):
        raise FileError(
            f"{file}: there is no folder {file.parent}. Make it (mkdir -p '{file.parent}')"
            + (f", or pass another {option}." if option else ".")
        )


def check_writable(folder: Path, option: str = "") -> None:
    """Check before the work starts that a folder can be created and written to; creates nothing.

    Parameters
    ----------
    folder
        Where files are to be written.
    option
        Option that chooses another folder, for the message.

    Raises
    ------
    FileError
        It cannot be written to.
    """
    existing = folder
    while not os.path.lexists(existing):
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing) as probe:
            probe.write(bytes(_PROBE))
    except OSError as error:
        raise FileError(
            f"{folder}: cannot write here ({error.strerror}). Choose another folder"
            + (f" with {option}." if option else ".")
        ) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, which replaces it if the block ends without an error.

    A new file gets the rights that the umask leaves, a replaced one keeps its own. A link is followed;
    anything but a regular file (``/dev/stdout``) is written to directly. What a process that was killed has
    left beside `path` is removed by the next one that writes it.

    Raises
    ------
    FileError
        The file cannot be written.

    Examples
    --------
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with replacing(target) as part:
    ...     _ = part.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    try:
        if path.exists() and not path.is_file():
            yield path
            return
        path = path.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        part, number = _created(path)
        try:
            yield part
            if path.exists():
                part.chmod(stat.S_IMODE(path.stat().st_mode))
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        finally:
            if number is not None:
                os.close(number)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileError(f"{path}: cannot write this file ({error.strerror}).") from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder: other processes and threads that ask for it wait. It leaves no file behind.

    Where the system or the file system has no such locks, nothing is waited for.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


def _created(path: Path) -> tuple[Path, int | None]:
    """Create an empty file beside `path`, with the rights that a new file gets (umask).

    Its name is always the same unless another process is writing `path`, so what a process that was killed
    has left is found; that it is dead shows by its lock.

    Returns
    -------
    The new file, and its descriptor, which holds a lock on it until it is closed; None on Windows, where an
    open file cannot be renamed.
    """
    part = path.with_name(f".{path.name}.part")
    if os.name == "nt":
        part = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        return part, None
    _remove_stale(part)
    while True:
        try:
            number = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            part = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
            continue
        if not _is_locked_now(number) or os.fstat(number).st_nlink:
            return part, number
        os.close(number)  # another process took it for one that was left


def _remove_stale(part: Path) -> None:
    """Remove a temporary file that no process holds a lock on."""
    with suppress(OSError):
        number = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if _is_locked_now(number) and os.path.samestat(os.fstat(number), part.lstat()):
                part.unlink()
        finally:
            os.close(number)


def _is_locked_now(number: int) -> bool:
    """Lock an open file, if no other process has, and tell whether that was possible."""
    import fcntl

    with suppress(OSError):
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def config_file(name: str) -> Path:
    """Return the path of a file in the user's config folder, whether or not it exists."""
    import platformdirs

    return platformdirs.user_config_path("sodbench") / name
