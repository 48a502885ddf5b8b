"""Input files are regular and bounded; output files are replaced at once, and nothing is left."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sodbench.errors import DatasetError, FileError
from sodbench.utils.files import read_file, replacing


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


WRITER = """
import sys
from pathlib import Path
from sodbench.utils.files import replacing
with replacing(Path("a.txt")) as part:
    part.write_text("half")
    print(part.name, flush=True)
    sys.stdin.read()
    part.write_text("whole")
"""


def writer() -> "subprocess.Popen[str]":
    """A process that is in the middle of writing a.txt."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == ".a.txt.part\n"
    return process


def names() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_what_a_killed_process_left_is_removed_by_the_next() -> None:
    Path("a.txt").write_text("old")
    with writer() as process:
        process.kill()
    assert names() == [".a.txt.part", "a.txt"]
    with replacing(Path("a.txt")) as part:
        assert part.read_bytes() == b""
        part.write_text("new")
    assert names() == ["a.txt"]
    assert Path("a.txt").read_text() == "new"


def test_what_another_process_is_writing_is_not_removed() -> None:
    with writer() as process:
        with replacing(Path("a.txt")) as part:
            part.write_text("ours")
        assert Path("a.txt").read_text() == "ours"
        assert names() == [".a.txt.part", "a.txt"]
        process.communicate("")
    assert process.returncode == 0
    assert names() == ["a.txt"]
    assert Path("a.txt").read_text() == "whole"


def test_a_link_in_the_place_of_a_temporary_file_is_not_followed() -> None:
    Path("mine.txt").write_text("mine")
    Path(".a.txt.part").symlink_to("mine.txt")
    with replacing(Path("a.txt")) as part:
        part.write_text("new")
    assert (Path("mine.txt").read_text(), Path("a.txt").read_text()) == ("mine", "new")
    assert names() == [".a.txt.part", "a.txt", "mine.txt"]


def test_a_writer_that_fails_leaves_nothing() -> None:
    def fail() -> None:
        with replacing(Path("a.txt")) as part:
            part.write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert names() == []
