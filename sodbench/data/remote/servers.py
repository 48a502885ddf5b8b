"""What every kind of server elsewhere has in common: entries of a folder, time to wait, packages."""

import os
from typing import NamedTuple

from sodbench.errors import FileError
from sodbench.utils.urls import Url

TIMEOUT = 30.0
"""Seconds without an answer after which a try is given up; SODBENCH_TIMEOUT is another number of them."""


class Listed(NamedTuple):
    """A file or folder in a folder elsewhere; `size` in bytes, if the server says it."""

    name: str
    is_folder: bool
    size: int | None = None


class AbsentError(FileError):
    """A server has nothing at an address, or does not show it."""


def seconds_to_wait() -> float:
    """Return after how many seconds without an answer a try is given up.

    Raises
    ------
    FileError
        SODBENCH_TIMEOUT is no positive number.
    """
    given = os.environ.get("SODBENCH_TIMEOUT", "")
    try:
        seconds = float(given) if given else TIMEOUT
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise FileError(f"SODBENCH_TIMEOUT is {given!r}, expected a positive number of seconds.")
    return seconds


def not_installed(url: Url) -> FileError:
    """Return the error that names what to install to read an address."""
    package = {"s3": " s3fs", "gs": " gcsfs", "hf": " huggingface_hub"}.get(url.scheme, "")
    return FileError(
        f"{url}: to read {url.scheme}:// needs packages that are not installed. Run: "
        f"pip install 'sodbench[remote]'{package}"
    )
