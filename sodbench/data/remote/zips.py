"""Zips elsewhere: of the archive its list of members is read, and then each member that is asked for."""

import io
import zipfile

from sodbench.data.remote.reading import read_range, size_of
from sodbench.errors import FileError
from sodbench.utils.urls import Url

TAIL_BYTES = 1 << 16
"""Of the end of a zip, which holds the list of members or says where it begins."""

MAX_LIST_BYTES = 1 << 28
_HEADER, _HEADER_BYTES = b"PK\3\4", 30
_EXTRA_BYTES = 512
"""Room for what stands before a member and not in the list; more is read if it is larger."""


def remote_members(url: Url) -> list[zipfile.ZipInfo]:
    """Read the list of members.

    Raises
    ------
    FileError
        The zip cannot be read in parts.
    zipfile.BadZipFile
        It is no zip, or a damaged one.
    """
    with zipfile.ZipFile(_Ranges(url)) as archive:
        return archive.infolist()


def remote_member(url: Url, info: zipfile.ZipInfo) -> bytes:
    """Read one member: its part of the zip, and no more of its content than the list says that it has.

    Raises
    ------
    FileError, zipfile.BadZipFile, zlib.error
        It cannot be read, or is damaged.
    """
    start = info.header_offset
    known = _HEADER_BYTES + len(info.orig_filename.encode("utf-8")) + len(info.extra) + info.compress_size
    data = read_range(url, start, start + known + _EXTRA_BYTES)
    if data[:4] != _HEADER or len(data) < _HEADER_BYTES:
        raise zipfile.BadZipFile("there is no member where the list says, as if the zip had changed")
    name, extra = (int.from_bytes(data[k : k + 2], "little") for k in (26, 28))
    begin = _HEADER_BYTES + name + extra
    end = begin + info.compress_size
    if len(data) < end:
        data = read_range(url, start, start + end)
    with zipfile.ZipExtFile(io.BytesIO(data[begin:end]), "r", info) as member:
        return member.read(info.file_size + 1)


class _Ranges:
    """A file elsewhere, as far as `zipfile` asks of one to list its members; its end is read once."""

    def __init__(self, url: Url) -> None:
        self._url = url
        self._size = size_of(url)
        self._at = 0
        self._tail_start = max(0, self._size - TAIL_BYTES)
        self._tail = read_range(url, self._tail_start, self._size) if self._size else b""

    def seek(self, offset: int, whence: int = 0) -> int:
        at = offset + (0, self._at, self._size)[whence]
        if at < 0:
            raise OSError("before the beginning")
        self._at = at
        return at

    def tell(self) -> int:
        return self._at

    def read(self, count: int = -1) -> bytes:
        stop = self._size if count < 0 else min(self._at + count, self._size)
        start, self._at = self._at, max(self._at, stop)
        if start >= stop:
            return b""
        if start >= self._tail_start:
            return self._tail[start - self._tail_start : stop - self._tail_start]
        if stop - start > MAX_LIST_BYTES:
            size = stop - start
            raise FileError(f"{self._url}: its list has {size} bytes, expected at most {MAX_LIST_BYTES}.")
        return read_range(self._url, start, stop)
