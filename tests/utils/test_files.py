"""Reading input files: regular ones only, whole, and of a bounded size."""

import os
import socket
from pathlib import Path

import pytest

from sodbench.errors import DatasetError, FileError
from sodbench.utils.files import read_file


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_file_and_a_link_to_one() -> None:
    Path("a").write_bytes(b"abc")
    Path("link").symlink_to("a")
    assert read_file(Path("a"), most=3) == read_file("link") == b"abc"


def test_larger_than_allowed() -> None:
    Path("a").write_bytes(b"abcd")
    with pytest.raises(FileError, match=r"^a: has 4 bytes, expected at most 3\.$"):
        read_file("a", most=3)


def test_pipes_devices_sockets_and_folders_are_never_opened() -> None:
    os.mkfifo("pipe")
    Path("zero").symlink_to("/dev/zero")
    Path("folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
    for name, kind in {
        "pipe": r"a named pipe \(FIFO\)",
        "zero": "a device",
        "folder": "a directory",
        "socket": "a socket",
    }.items():
        with pytest.raises(DatasetError, match=rf"^{name}: is {kind}, expected a map\.$"):
            read_file(name, DatasetError, "a map")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none", "No such file or directory"),
        ("loop", "Too many levels of symbolic links"),
        ("a\0b", "embedded null (byte|character)"),
        ("x" * 5000, "File name too long"),
    ],
)
def test_what_cannot_be_read(name: str, reason: str) -> None:
    Path("loop").symlink_to("loop")
    with pytest.raises(FileError, match=rf"cannot read this file \(.*{reason}.*\)\.$"):
        read_file(name)
