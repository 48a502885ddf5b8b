"""What C libraries print is told apart from what others print meanwhile."""

import os
import re
from pathlib import Path

import pytest

from sodbench.utils.process import captured_lines

LINES = re.compile(rb"lib: .*\n?")


def test_only_lines_of_the_library_are_kept_back(capfd: pytest.CaptureFixture[str]) -> None:
    with captured_lines(LINES) as lines:
        os.write(2, b"50 %\rlib: no such tag\nlib: \xff\n75 %")
    assert lines == ["lib: no such tag", "lib: \N{REPLACEMENT CHARACTER}"]
    assert capfd.readouterr().err == "50 %\r75 %"


def test_an_error_passes_and_stderr_is_back(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FileNotFoundError), captured_lines(LINES):
        os.write(2, b"lib: lost\n") and Path("none").stat()
    os.write(2, b"lib: shown\n")
    assert capfd.readouterr().err == "lib: shown\n"


def test_closed_stderr() -> None:
    kept = os.dup(2)
    os.close(2)
    try:
        with captured_lines(LINES) as lines:
            pass
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    assert lines == []
