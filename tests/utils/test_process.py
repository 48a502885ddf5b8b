"""Signals end a process as Ctrl-C does, and what C libraries print is told apart from what others print."""

import ctypes
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sodbench.utils.process import Ended, captured_lines, ended_by_signals

FREED = """
import psutil
from sodbench.utils.process import keep_freed_memory, release_freed_memory

keep_freed_memory()
size = lambda: psutil.Process().memory_info().rss >> 20
start = size()
blocks = [bytes(1000) for _ in range(100_000)]
last = bytes(1000)
del blocks
kept = size()
release_freed_memory()
print(kept - start, size() - start)
"""

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


@pytest.fixture(params=["SIGTERM", "SIGHUP"])
def number(request: pytest.FixtureRequest) -> int:
    return int(getattr(signal, request.param))


def test_a_signal_is_an_exception(number: int) -> None:
    with pytest.raises(Ended, match=signal.Signals(number).name) as info, ended_by_signals():
        os.kill(os.getpid(), number)
    assert info.value.number == number
    assert isinstance(info.value, KeyboardInterrupt)
    assert signal.getsignal(number) is signal.SIG_DFL


def test_later_ones_do_not_disturb_what_is_put_away(number: int) -> None:
    def work() -> None:
        try:
            os.kill(os.getpid(), number)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGHUP)

    with pytest.raises(Ended, match=signal.Signals(number).name), ended_by_signals():
        work()


def test_a_signal_that_is_ignored_or_handled_is_left_to_its_host(number: int) -> None:
    """As with nohup."""
    for handler in (signal.SIG_IGN, lambda *_: None):
        signal.signal(number, handler)
        try:
            with ended_by_signals():
                os.kill(os.getpid(), number)
                assert signal.getsignal(number) is handler
        finally:
            signal.signal(number, signal.SIG_DFL)


def test_outside_the_main_thread(number: int) -> None:
    def handler() -> object:
        with ended_by_signals():
            return signal.getsignal(number)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(handler).result() is signal.SIG_DFL


@pytest.mark.skipif(
    not (sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "malloc_trim")),
    reason="glibc's allocator",
)
def test_freed_memory_goes_back_to_the_system() -> None:
    made = subprocess.run([sys.executable, "-c", FREED], check=True, capture_output=True, text=True).stdout
    kept, released = map(int, made.split())
    assert kept > 80
    assert released < 40
