"""What a terminal shows while a command works."""

import io
import os
import pty
import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from stored import made, store
from workspace import good

from sodbench.cli import main
from sodbench.utils.text import shown_rate

Terminal = Callable[..., tuple[str, str]]


@pytest.fixture
def stored(here: Path) -> None:
    for k, name in enumerate("ABC"):
        store(made(name, 25, k, dataset="own@1"), "stored")


@pytest.fixture
def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Run a command with stderr on a terminal; return what it shows there, without colours, and stdout."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str) -> tuple[str, str]:
        ours, theirs = pty.openpty()
        stdout = io.StringIO()
        with ThreadPoolExecutor(1) as threads, monkeypatch.context() as patched:
            shown = threads.submit(read_all, ours)
            with os.fdopen(theirs, "w", encoding="utf-8") as stderr:
                patched.setattr(sys, "path", sys.path[:])
                patched.setattr(sys, "stdout", stdout)
                patched.setattr(sys, "stderr", stderr)
                main(arguments, standalone_mode=False)
        os.close(ours)
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.result().decode()), stdout.getvalue()

    return run


def read_all(terminal: int) -> bytes:
    """Return what is written to a terminal until its other end is closed."""
    shown = b""
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # Linux says so when the other end is closed
            part = b""
        if not part:
            return shown
        shown += part


@pytest.mark.parametrize(
    ("arguments", "title", "total"),
    [
        (("compare", "stored", "--resamples", "100"), "compare", 6),
        (("compare", "scores", "--by", "size", "--resamples", "100"), "resampling", 16),
        (("worst", "scores/blurred", "--out", "w.png"), "sheet", 24),
        (("plot-pr", "stored", "--band"), "curves", 3),
        (("table", "--datasets", "own", "--with", "stored", "--ci", "--significance"), "resampling", 9),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
@pytest.mark.usefixtures("stored")
def test_a_bar_is_shown(arguments: tuple[str, ...], title: str, total: int, on_a_terminal: Terminal) -> None:
    if "scores" in arguments[1]:
        good("score", "--dataset", "demo", "--metrics", "paper")
    shown, stdout = on_a_terminal(*arguments)
    assert re.search(rf"{title} \S* *{total}/{total}", shown), shown
    assert title not in stdout


@pytest.mark.usefixtures("stored")
def test_what_is_said_during_the_work_stands_on_a_line_of_its_own(on_a_terminal: Terminal) -> None:
    shown, _ = on_a_terminal("compare", "stored", "--resamples", "100")
    assert re.search(r"(^|[\r\n])100 resamples are too few for 15 tests", shown), shown


NETWORK = """
from torch import nn

class Net(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 1, 1)
"""


@pytest.mark.usefixtures("here")
def test_training_shows_one_bar_after_the_other(on_a_terminal: Terminal) -> None:
    """The log's lines stand above the bar of the steps, none of them glued to what is left of one."""
    Path("progress_net.py").write_text(NETWORK)
    Path("c.toml").write_text(
        'model = "mine"\nloss_weights = [1.0]\nresize = 8\ncrop = 8\nbatch = 2\nworkers = 0\n'
        "iterations = 40\n"
    )
    data = ("--dataset", "demo", "--device", "cpu", "--model-module", "progress_net:Net")
    shown, _ = on_a_terminal("train", "--config", "c.toml", "--run", "r", *data)
    assert re.search(r"checking pairs \S* *8/8 ", shown), shown
    assert re.search(r"training \S* *40/40 loss 0\.\d{4} ", shown), shown
    assert shown.rindex("checking pairs") < shown.index("training ")
    for step in (20, 40):
        assert re.search(rf"(^|[\r\n])step {step}/40: loss \d\.\d{{4}}, \S+ \S+ *[\r\n]", shown), shown


@pytest.mark.parametrize(
    ("speed", "shown"),
    [
        (None, ""),
        (0.0, ""),
        (1.0, "1 images/s"),
        (81.7, "82 images/s"),
        (2.43, "2.4 images/s"),
        (0.4, "2.5 s/image"),
    ],
)
def test_rates(speed: float | None, shown: str) -> None:
    assert shown_rate(speed, "image") == shown
