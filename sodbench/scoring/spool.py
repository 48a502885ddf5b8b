"""Blocks of bytes that are put aside in a temporary file of this process, so that memory stays flat.

The file has no name: nobody else sees or changes what was put aside, and nothing is left behind. A block is
there as long as its object is; the room of others is used again. Where no file can be written, a block stays
in memory.
"""

import atexit
import os
import tempfile
import weakref
from collections import deque
from threading import Lock
from typing import IO


class Aside:
    """Bytes that were put aside."""

    def __init__(self, data: bytes) -> None:
        self._spool, self._size = _spools[-1], len(data)
        self._place = self._spool.write(data)
        self._data = data if self._place is None else b""
        if self._place is not None:
            weakref.finalize(self, self._spool.freed.append, (self._place, self._size)).atexit = False

    def read(self) -> bytes:
        """Return the bytes."""
        return self._data if self._place is None else self._spool.read(self._place, self._size)


class _Spool:
    """The temporary file, and which parts of it are free; `freed` are those that blocks gave back since."""

    def __init__(self) -> None:
        self.freed: deque[tuple[int, int]] = deque()
        self._file: IO[bytes] | None = None
        self._holes: list[tuple[int, int]] = []
        self._end = 0
        self._lock = Lock()

    def write(self, data: bytes) -> int | None:
        """Put bytes into the file, and return where; None if that cannot be done."""
        with self._lock:
            while self.freed:
                self._holes.append(self.freed.popleft())
            try:
                if self._file is None:
                    self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (as long as the process)
                    atexit.register(self._file.close)
                hole = next((k for k, (_, size) in enumerate(self._holes) if size >= len(data)), None)
                place = self._end if hole is None else self._holes[hole][0]
                self._file.seek(place)
                if self._file.write(data) < len(data):
                    return None
            except OSError:
                return None
            if hole is None:
                self._end += len(data)
            else:
                self._holes[hole] = (place + len(data), self._holes[hole][1] - len(data))
            return place

    def read(self, place: int, size: int) -> bytes:
        """Return bytes of the file."""
        assert self._file is not None
        if hasattr(os, "pread"):  # a process that was forked shares the position
            return os.pread(self._file.fileno(), size, place)
        with self._lock:
            self._file.seek(place)
            return self._file.read(size)


_spools = [_Spool()]
"""That of this process, the last one; a process that was forked reads its parent's, and writes its own."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _spools.append(_Spool()))
