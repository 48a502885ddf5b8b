"""Files of object stores, by way of fsspec: ``s3://``, ``gs://`` and ``hf://``.

Their own clients wait, try again and find credentials (environment, configuration files).
"""

import os
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from sodbench.data.remote.servers import AbsentError, Listed, not_installed, seconds_to_wait
from sodbench.errors import FileError, SodbenchError
from sodbench.utils.text import shortened
from sodbench.utils.urls import Url

T = TypeVar("T")

_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or FSSPEC_S3_ANON=true for a "
    "public bucket",
    "gs": "`gcloud auth application-default login`, GOOGLE_APPLICATION_CREDENTIALS, or "
    "FSSPEC_GS_TOKEN=anon for a public bucket",
    "hf": "`hf auth login`, or HF_TOKEN",
}


def list_prefix(url: Url) -> list[Listed]:
    """List what lies in a folder of a store."""
    path = _path(url)

    def ask() -> list[Listed]:
        entries = _filesystem(url.scheme, os.getpid()).ls(path, detail=True)
        return [
            Listed(name, entry["type"] == "directory", entry.get("size"))
            for entry in entries
            if (name := entry["name"].rstrip("/").rpartition("/")[2]) and entry["name"].strip("/") != path
        ]

    return _told(url, ask)


def content(url: Url, span: tuple[int, int] | None) -> bytes:
    """Read a file, or a part of it."""
    part = {"start": span[0], "end": span[1]} if span else {}
    return _told(url, lambda: _filesystem(url.scheme, os.getpid()).cat_file(_path(url), **part))


def object_size(url: Url) -> int:
    """Return the number of bytes of a file."""
    return _told(url, lambda: int(_filesystem(url.scheme, os.getpid()).info(_path(url))["size"]))


def _path(url: Url) -> str:
    return "/".join((url.host, *url.names))


@lru_cache(maxsize=8)
def _filesystem(scheme: str, process: int) -> Any:
    """Return a store's client, which the threads of a process share; a forked one needs its own."""
    import fsspec

    options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    if scheme == "s3":
        seconds = seconds_to_wait()
        waiting = {"connect_timeout": seconds, "read_timeout": seconds, "retries": {"max_attempts": 1}}
        options |= {"config_kwargs": waiting, "max_concurrency": 1}  # with more, the size is asked for first
    client = fsspec.filesystem(scheme, **options)
    if scheme == "s3":
        client.retries = 2  # around those of botocore, and once more around these
    return client


def _told(url: Url, ask: Callable[[], T]) -> T:
    """Ask a store, and say in one line what failed."""
    try:
        return ask()
    except SodbenchError:
        raise
    except ImportError as cause:
        raise not_installed(url) from cause
    except FileNotFoundError:
        raise AbsentError(f"{url}: there is nothing at this address.") from None
    except IsADirectoryError:
        raise FileError(f"{url}: is a folder, expected a file.") from None
    except Exception as cause:  # each client has errors of its own
        kind = AbsentError if isinstance(cause, PermissionError) else FileError
        raise kind(f"{url}: {_reason(url, cause)}") from cause


def _reason(url: Url, cause: Exception) -> str:
    kind = type(cause).__name__
    if isinstance(cause, PermissionError) or "Credential" in kind or "Authentication" in kind:
        way = _CREDENTIALS[url.scheme]
        return f"may not be read with the credentials that were found, or without any. Set {way}."
    if isinstance(cause, TimeoutError) or "Timeout" in kind:
        return f"no answer within {seconds_to_wait():g} s (SODBENCH_TIMEOUT). Try again later."
    said = re.sub(r"(://[^\s?]*)\?\S*", r"\1", str(cause).partition("\n")[0])  # queries may be signatures
    return f"cannot be read ({kind}: {shortened(said, 200)}). Check the address and the network."
