"""Files that are written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sodbench.errors import ScoresError

_PROBE = 1 << 16
"""Bytes that must fit: a full disk often lets an empty file be made."""


def check_writable(folder: Path, option: str = "") -> None:
    """Find out before the work starts whether a folder can be made and written; makes nothing.

    Parameters
    ----------
    folder
        Where files are to be written.
    option
        What chooses another folder, for the message.

    Raises
    ------
    ScoresError
        It cannot.
    """
    there = folder
    while not os.path.lexists(there):
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(bytes(_PROBE))
    except OSError as error:
        raise ScoresError(
            f"{folder}: cannot write here ({error.strerror}). Choose another folder"
            + (f" with {option}." if option else ".")
        ) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, which replaces it if the block ends without an error.

    A link is followed, and what is no regular file (``/dev/stdout``) is written to as it is.

    Raises
    ------
    ScoresError
        The file cannot be written.

    Examples
    --------
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with replacing(target) as part:
    ...     _ = part.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    if path.exists() and not path.is_file():
        yield path
        return
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", suffix=".part", dir=path.parent)
        os.close(handle)
        part = Path(name)
        try:
            yield part
            part.chmod(0o644)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise ScoresError(f"{path}: cannot write this file ({error.strerror}).") from error
