"""Files: atomic writes, and the files that come with the package."""

import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sodbench.errors import FileError

PACKAGE = Path(__file__).parent.parent

_PROBE = 1 << 16
"""Bytes that must fit: a full disk often still allows an empty file."""


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
    anything but a regular file (``/dev/stdout``) is written to directly.

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
        part = _created(path)
        try:
            yield part
            if path.exists():
                part.chmod(stat.S_IMODE(path.stat().st_mode))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileError(f"{path}: cannot write this file ({error.strerror}).") from error


def _created(path: Path) -> Path:
    """Create an empty file beside `path`, with the rights that a new file gets (umask)."""
    part = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return part


def config_file(name: str) -> Path:
    """Return the path of a file in the user's config folder, whether or not it exists."""
    import platformdirs

    return platformdirs.user_config_path("sodbench") / name
