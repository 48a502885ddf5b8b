"""Zips as published: the names in them, and their members read within bounds.

A zip says of each name whether it is UTF-8. Where it does not, the name may be in any encoding: UTF-8 is
tried, then that of the locale, then the format's own (cp437). Archives are never extracted.
"""

import io
import locale
import re
import shutil
import zipfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from sodbench.errors import FileError, PredictionError, first_few
from sodbench.utils.text import counted
from sodbench.utils.urls import PathOrUrl, Url

MAX_MEMBER_BYTES = 1 << 27
"""Of one file in a zip: room for the grey levels of the largest image that is decoded (89 million)."""

MOST_OPEN = 128
"""Zips kept open: opening one reads its whole list of members, which takes longer than reading an image."""

_PIECE = 1 << 20
_UTF8_FLAG = 1 << 11
_ENCRYPTED_FLAG = 1
_METHODS = {0: "none", 8: "deflate", 9: "deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ"}
_UNPACK = "Unpack it, and pass the folder."


class Member(NamedTuple):
    """A file in a zip: its path, with ``/`` between folders, and what the zip says of it."""

    name: str
    info: zipfile.ZipInfo


class Members(NamedTuple):
    """The files in a zip, and the encoding of names that are not UTF-8 and not said to be (else "")."""

    files: tuple[Member, ...]
    encoding: str


def list_members(path: PathOrUrl) -> Members:
    """List the files in a zip.

    Raises
    ------
    PredictionError
        It is no zip, or a damaged one.
    """
    try:
        infos = [info for info in _infos(path) if not info.is_dir()]
    except FileError as cause:
        raise PredictionError(str(cause)) from cause
    except Exception as cause:  # UnicodeDecodeError, NotImplementedError: whatever the bytes lead to
        raise PredictionError(
            f"{path}: cannot read this zip ({_reason(cause)}). Download it again, or unpack it yourself."
        ) from cause
    encoding = _encoding([raw for info in infos if (raw := _raw_name(info))])
    files = [Member(_name(info, encoding), info) for info in infos]
    return Members(
        tuple(file for file in files if not file.name.endswith("/")), "" if encoding == "utf-8" else encoding
    )


def check_members(path: PathOrUrl, members: Sequence[Member]) -> None:
    """Check that members can be read at all.

    Raises
    ------
    PredictionError
        Some are encrypted, or compressed in a way that cannot be read within bounds.
    """
    if locked := [name for name, info in members if info.flag_bits & _ENCRYPTED_FLAG]:
        raise PredictionError(
            f"{path}: {counted(len(locked), 'image')} encrypted ({first_few(locked)}), expected a zip "
            f"without a password. {_UNPACK}"
        )
    if odd := [(name, info.compress_type) for name, info in members if info.compress_type not in (0, 8)]:
        methods = sorted({_METHODS.get(method, f"method {method}") for _, method in odd})
        raise PredictionError(
            f"{path}: {counted(len(odd), 'image')} compressed by {', '.join(methods)} "
            f"({first_few([name for name, _ in odd])}), expected deflate. {_UNPACK}"
        )


def read_member(path: PathOrUrl, info: zipfile.ZipInfo, where: str) -> bytes:
    """Read one member: as many bytes as the zip says that it has, and at most `MAX_MEMBER_BYTES`.

    Raises
    ------
    FileError
        It is damaged, or larger.
    """
    size = max(info.file_size, info.compress_size)
    if size > MAX_MEMBER_BYTES:
        raise FileError(f"{where}: has {size} bytes, expected at most {MAX_MEMBER_BYTES}. {_UNPACK}")
    try:
        content = _content(path, info)
        if len(content) < info.file_size:
            raise EOFError(f"{len(content)} bytes, expected {info.file_size}")
        return content
    except FileError:
        raise
    except Exception as cause:
        raise FileError(
            f"{where}: cannot read this member of the zip ({_reason(cause)}). "
            "Download the zip again, or unpack it yourself."
        ) from cause


def _infos(path: PathOrUrl) -> Sequence[zipfile.ZipInfo]:
    if isinstance(path, Url):
        from sodbench.data.remote.zips import remote_members

        return remote_members(path)
    return _archive(path).infolist()


def _content(path: PathOrUrl, info: zipfile.ZipInfo) -> bytes:
    if isinstance(path, Url):
        from sodbench.data.remote.zips import remote_member

        return remote_member(path, info)
    content = io.BytesIO()
    with _archive(path).open(info) as member:
        shutil.copyfileobj(member, content, _PIECE)
    return content.getvalue()


def _archive(path: Path) -> zipfile.ZipFile:
    state = path.stat()
    return _opened(path, state.st_ino, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=MOST_OPEN)
def _opened(path: Path, *state: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def _reason(cause: Exception) -> str:
    if isinstance(cause, UnicodeDecodeError):
        return "a name that is said to be UTF-8 is not"
    if isinstance(cause, NotImplementedError):
        return f"not supported: {cause}"
    return str(cause).partition("\n")[0] or type(cause).__name__


def _raw_name(info: zipfile.ZipInfo) -> bytes:
    """Return the bytes of a name whose encoding the zip does not say, and which matters; else nothing."""
    if info.flag_bits & _UTF8_FLAG or info.filename != info.orig_filename or info.filename.isascii():
        return b""
    return info.orig_filename.encode("cp437")  # as which zipfile decoded it


def _encoding(names: Sequence[bytes]) -> str:
    """Return the first encoding in which all names are valid."""
    for encoding in ("utf-8", locale.getencoding()):
        try:
            for name in names:
                name.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        return encoding
    return "cp437"


def _name(info: zipfile.ZipInfo, encoding: str) -> str:
    """Return a path whose folders are separated by ``/``; some archives made on Windows have backslashes.

    In names of an unknown encoding, a backslash after another letter than ASCII may be its second byte.
    """
    raw = _raw_name(info)
    name = raw.decode(encoding) if raw else info.filename
    return re.sub(r"(?<![^\x00-\x7f])\\" if raw and encoding == "cp437" else r"\\", "/", name)
