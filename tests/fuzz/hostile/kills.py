"""Commands that are killed at one of the things that they do to files, and then run again.

As a program of its own it forks: what is imported and compiled once serves all runs. Each run of a command
happens in a child, whose every write, rename, creation and removal below its folder is counted. A kill ends
the child at one of these at once, half of a write being done, as SIGKILL does. Then the same command runs
undisturbed: the folder must come to hold what it holds without the kill, and nothing else.

    python -m hostile.kills --kills 200
"""

import argparse
import builtins
import io
import json
import os
import pickle
import random
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

KILLED = 137
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
PATHS = {
    **dict.fromkeys(("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.utime"), (0,)),
    **dict.fromkeys(("os.rename", "os.link", "os.symlink"), (0, 1)),
}
"""Audit event -> which of its arguments are paths that it changes."""

VOLATILE = ("date", "seconds", "written", "sha256")
"""Keys of records that differ from run to run, or count what was done by runs that were not killed."""


class Interrupter:
    """Counts what this process does to files below a folder, and ends it at the event of a number."""

    def __init__(self, root: Path, at: int | None) -> None:
        self.root, self.at, self.count = str(root.resolve()) + os.sep, at, 0

    def install(self) -> None:
        """Begin to count, for the rest of this process's life."""
        import _io

        plain, owner = io.open, self

        class Counted(io.FileIO):
            """A file whose writes count."""

            def write(self, data: Any) -> int:
                """Write; at the chosen event only the first half."""
                if owner.is_last():
                    super().write(memoryview(data)[: len(memoryview(data)) // 2])
                owner.event()
                return super().write(data)

            def truncate(self, size: int | None = None) -> int:
                """Truncate."""
                owner.event()
                return super().truncate(size)

        def opened(file: Any, mode: str = "r", buffering: int = -1, *args: Any, **options: Any) -> Any:
            if not set(mode) & set("wax+") or not self._is_inside(file):
                return plain(file, mode, buffering, *args, **options)
            names = ("encoding", "errors", "newline", "closefd", "opener")
            given = dict(zip(names, args, strict=False)) | options
            raw = Counted(
                file,
                "".join(c for c in mode if c not in "bt"),
                given.get("closefd", True),
                given.get("opener"),
            )
            if buffering == 0:
                return raw
            buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            if "b" in mode:
                return buffered
            letters: dict[str, Any] = {name: given.get(name) for name in names[:3]}
            text: Any = io.TextIOWrapper(buffered, **letters)
            text.mode = mode
            return text

        for module in (builtins, io, _io):
            module.open = opened  # type: ignore[attr-defined]
        for name in (
            "write",
            "pwrite",
            "writev",
            "fsync",
            "fdatasync",
            "ftruncate",
            "sendfile",
            "copy_file_range",
        ):
            setattr(os, name, self._wrapped(getattr(os, name)))
        sys.addaudithook(self._hook)

    def is_last(self) -> bool:
        """Tell whether the next event is the one to end at."""
        return self.at is not None and self.count + 1 >= self.at

    def event(self) -> None:
        """Count an event that is about to happen."""
        if self.is_last():
            os._exit(KILLED)
        self.count += 1

    def _wrapped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(number: int, *args: Any, **options: Any) -> Any:
            if self._is_inside(number):
                self.event()
            return function(number, *args, **options)

        return counted

    def _hook(self, name: str, args: tuple[Any, ...]) -> None:
        if name == "open":
            if args[2] & WRITING and self._is_inside(args[0]):
                self.event()
        elif name in PATHS and any(self._is_inside(args[k], args) for k in PATHS[name]):
            self.event()

    def _is_inside(self, file: Any, args: tuple[Any, ...] = ()) -> bool:
        """Tell whether a path, or the file of a number, is below the folder."""
        if isinstance(file, int):
            try:
                return os.readlink(f"/proc/self/fd/{file}").startswith(self.root)  # noqa: PTH115
            except OSError:
                return False
        if file is None:
            return False
        path = os.fsdecode(file)
        if not path.startswith(os.sep) and any(type(arg) is int and arg > 2 for arg in args):
            return True  # relative to an open folder, as `shutil.rmtree` removes
        return os.path.abspath(path).startswith(self.root)  # noqa: PTH100


class Scenario(NamedTuple):
    """A command to be killed.

    Parameters
    ----------
    plant
        Writes into the current folder what the command starts from.
    command
        The command.
    shows
        Commands that only read. After a kill the first refuses, or each line that it shows is one that these
        show before or at the end.
    again
        The command that finishes the work, by what lies in the folder; None: the same.
    """

    plant: Callable[[], None]
    command: tuple[str, ...]
    shows: tuple[tuple[str, ...], ...] = ()
    again: Callable[[Path], tuple[str, ...]] | None = None


NETWORK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.fused, self.side = nn.Conv2d(4, 1, 1), nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, x):
        x = self.first(x)
        return self.fused(x), self.side(x)
"""
CONFIG = """
model = "tiny"
loss_weights = [1.0, 0.5]
resize = 24
crop = 16
batch = 2
workers = 0
iterations = 4
checkpoint_every = 2
log_every = 1
"""
OWN = "my notes, which sodbench did not write\n"


def _plant_score() -> None:
    from workspace import plant_maps, plant_masks

    plant_maps("preds/A")
    plant_maps("preds/B", seed=1)
    plant_masks("own/masks")


def _plant_shards() -> None:
    from sodbench.cli import main

    _plant_score()
    for shard in ("1/2", "2/2"):
        main([*SCORE, "--shard", shard], standalone_mode=False)


def _plant_scored() -> None:
    """Scores of other maps are there, beside files of the user's own."""
    from sodbench.cli import main

    _plant_score()
    main([*SCORE], standalone_mode=False)
    for name in ("A", "B"):
        shutil.rmtree(f"preds/{name}")
    from workspace import plant_maps

    plant_maps("preds/A", seed=5)
    plant_maps("preds/B", seed=6)
    for place in (
        "scores/A/own/notes.txt",
        "scores/A/own/deep/notes.txt",
        "scores/notes.txt",
        "scores/A/.mine",
    ):
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).write_text(OWN, encoding="utf-8")


def _plant_boards() -> None:
    from stored import made, store

    store(made("Mine", 300))
    store(made("Other", 300, seed=1))


def _plant_own_boards() -> None:
    from sodbench.cli import main

    _plant_boards()
    main(["leaderboard", "add", "scores/Mine", "--boards", "boards"], standalone_mode=False)
    Path("boards/notes.txt").write_text(OWN, encoding="utf-8")
    shutil.rmtree("scores/Mine")
    from stored import made, store

    store(made("Mine", 300, seed=2))


def _plant_site_boards() -> None:
    from sodbench.leaderboard.folder import shipped_boards

    ours = shipped_boards().path
    shutil.copytree(ours / "curves", "boards/curves")
    shutil.copy(ours / "SOD.csv", "boards")


def _plant_site() -> None:
    """A site is there, beside a file of the user's own, and the boards have changed since."""
    from sodbench.cli import main
    from sodbench.leaderboard.boards import Board, board_csv, read_board

    _plant_site_boards()
    main([*SITE], standalone_mode=False)
    Path("public/CNAME").write_text(OWN, encoding="utf-8")
    shutil.rmtree("boards/curves")
    rows = read_board(Path("boards/SOD.csv")).of("published")[:9]
    Path("boards/SOD.csv").write_text(board_csv(Board("SOD", rows)), encoding="utf-8")


def _plant_photos() -> None:
    import numpy as np
    from workspace import IDS, mask_of, save

    for k, name in enumerate(IDS):
        save(np.repeat(mask_of(k)[:, :, None], 3, axis=2) // 2, f"set/images/{name}.png")
        save(mask_of(k), f"set/masks/{name}.png")
    Path("tinykill.py").write_text(NETWORK, encoding="utf-8")
    Path("tiny.toml").write_text(CONFIG, encoding="utf-8")


def _plant_weights() -> None:
    import torch
    from safetensors.torch import save_file

    _plant_photos()
    space: dict[str, Any] = {}
    exec(NETWORK, space)
    torch.manual_seed(0)
    save_file(space["Net"]().state_dict(), "tiny.safetensors")


def _resumed(folder: Path) -> tuple[str, ...]:
    if (folder / "run/checkpoint.pt").exists():
        return ("train", "--resume", "run", *TRAIN[-4:])
    return TRAIN


SHOW_SCORES = ("rescore", "scores")
ADD = ("leaderboard", "add", "scores", "--boards", "boards")
CHECK = ("leaderboard", "check", "--boards", "boards")
SITE = ("site", "--boards", "boards", "--out", "public")
SCORE = ("score", "preds", "--masks", "own/masks", "--jobs", "1")
TRAIN = (
    *("train", "--config", "tiny.toml", "--images", "set/images", "--masks", "set/masks", "--out", "run"),
    *("--model-module", "tinykill:Net", "--device", "cpu"),
)
RUN = (
    *("run", "--images", "set/images", "--out", "maps", "--model", "tiny", "--model-module", "tinykill:Net"),
    *("--weights", "tiny.safetensors", "--device", "cpu", "--workers", "1"),
)
SCENARIOS = {
    "score": Scenario(_plant_score, SCORE, (SHOW_SCORES,)),
    "score again": Scenario(_plant_scored, SCORE, (SHOW_SCORES,)),
    "score --csv": Scenario(_plant_scored, (*SCORE, "--csv", "all.csv", "--per-image", "images.csv")),
    "merge": Scenario(_plant_shards, ("merge", "scores-1-of-2", "scores-2-of-2"), (SHOW_SCORES,)),
    "rescore": Scenario(
        _plant_scored, (*SHOW_SCORES, "--csv", "all.csv", "--per-image", "images.csv"), (SHOW_SCORES,)
    ),
    "report": Scenario(_plant_scored, ("report", "scores", "--resamples", "100")),
    "leaderboard add": Scenario(_plant_boards, ADD, (CHECK, ("leaderboard", "check"))),
    "leaderboard add again": Scenario(_plant_own_boards, ADD, (CHECK,)),
    "site": Scenario(_plant_site_boards, SITE),
    "site again": Scenario(_plant_site, SITE),
    "run": Scenario(_plant_weights, RUN),
    "train": Scenario(_plant_photos, TRAIN, again=_resumed),
}


class Ended(NamedTuple):
    """How a child ended: its exit status, events, and what it printed."""

    status: int
    events: int
    stdout: str
    stderr: str


def in_child(folder: Path, work: Callable[[], object], kill_at: int | None = None) -> Ended:
    """Do work in a child, in a folder, and kill it at an event if asked."""
    with tempfile.TemporaryDirectory() as said:
        out, err, counted = (Path(said) / name for name in ("out", "err", "events"))
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.chdir(folder)
                for number, path in enumerate((out, err), 1):
                    os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
                interrupter = Interrupter(folder, kill_at)
                interrupter.install()
                try:
                    work()
                    status = 0
                except SystemExit as end:
                    status = int(end.code or 0)
                sys.stdout.flush()
                counted.write_text(str(interrupter.count), encoding="ascii")
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(status)
        _, ended = os.waitpid(pid, 0)
        events = int(counted.read_text(encoding="ascii")) if counted.exists() else -1
        return Ended(os.waitstatus_to_exitcode(ended), events, out.read_text(), err.read_text())


def command_in(folder: Path, command: Sequence[str], kill_at: int | None = None) -> Ended:
    """Run a command of sodbench in a child."""
    from sodbench.cli import main

    return in_child(folder, lambda: main(list(command), prog_name="sodbench"), kill_at)


def contents(folder: Path) -> dict[str, Any]:
    """Return what lies below a folder, hidden files and empty folders too, without dates and times."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if "__pycache__" in path.parts:
            continue
        if path.is_dir():
            if not any(path.iterdir()):
                found[f"{name}/"] = "empty"
        else:
            found[name] = _comparable(path)
    return found


def _comparable(path: Path) -> Any:
    if path.suffix in (".pdf", ".svg"):
        return "a figure"
    with suppress(ValueError, RuntimeError, EOFError, pickle.UnpicklingError):
        if path.suffix == ".json":
            return _without_times(json.loads(path.read_text(encoding="utf-8")))
        if path.suffix == ".pt":
            return _plain(path)
    return path.read_bytes()


def _without_times(record: Any) -> Any:
    if isinstance(record, dict):
        return {key: _without_times(value) for key, value in record.items() if key not in VOLATILE}
    return record


def _plain(path: Path) -> Any:
    import torch

    def plain(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.tolist()
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return value

    return plain(torch.load(path, weights_only=True))


def faults_of(folder: Path, expected: dict[str, Any], again: Ended) -> list[str]:
    """Tell what is wrong with a folder whose work was killed and finished."""
    if again.status:
        return [f"finishing it gives {again.status}: {(again.stdout + again.stderr)[-600:]}"]
    actual = contents(folder)
    return [
        *(f"left behind: {name}" for name in actual if name not in expected),
        *(f"lost: {name}" for name in expected if name not in actual),
        *(f"other content: {name}" for name in expected if name in actual and actual[name] != expected[name]),
    ]


def try_scenario(name: str, kills: int, chance: random.Random, root: Path) -> dict[str, Any]:
    """Kill a command at some of its events, all of them if there are fewer; return what came of it."""
    scenario = SCENARIOS[name]
    planted, here = root / "planted", root / "here"
    here.mkdir(parents=True)
    ready = in_child(here, scenario.plant)
    assert ready.status == 0, ready
    shutil.copytree(here, planted)
    known = {line for command in scenario.shows for line in command_in(here, command).stdout.splitlines()}
    undisturbed = command_in(here, scenario.command)
    assert undisturbed.status == 0, undisturbed
    known |= {line for command in scenario.shows for line in command_in(here, command).stdout.splitlines()}
    expected = contents(here)
    points = list(range(1, undisturbed.events + 1))
    if kills < len(points):
        step = len(points) / kills
        first = chance.random() * step
        points = [points[int(first + k * step)] for k in range(kills)]
    faults = []
    for at in points:
        shutil.rmtree(here)
        shutil.copytree(planted, here)
        killed = command_in(here, scenario.command, at)
        wrong = [] if killed.status == KILLED else [f"ended with {killed.status}: {killed.stderr[-300:]}"]
        for command in scenario.shows[:1]:
            seen = command_in(here, command)
            odd = [line for line in seen.stdout.splitlines() if line not in known]
            if "Traceback" in seen.stderr or odd:
                wrong.append(f"in between, {' '.join(command)} shows: {odd[:3]} {seen.stderr[-600:]}")
        command = scenario.again(here) if scenario.again else scenario.command
        wrong += faults_of(here, expected, command_in(here, command))
        faults += [f"{name}, killed at {at} of {undisturbed.events}: {line}" for line in wrong]
    return {"command": name, "events": undisturbed.events, "kills": len(points), "faults": faults}


def warm() -> None:
    """Import and compile what all children need, with one thread each."""
    import torch

    torch.set_num_threads(1)
    import matplotlib.backends.backend_agg
    import matplotlib.backends.backend_pdf
    import matplotlib.backends.backend_svg  # noqa: F401
    import pandas  # noqa: F401
    import safetensors.torch  # noqa: F401
    import stored  # noqa: F401
    import torch._dynamo  # noqa: F401  (which the first optimiser imports)
    import workspace  # noqa: F401

    import sodbench.leaderboard.submission
    import sodbench.models.runs
    import sodbench.models.training.loop
    import sodbench.reports.figures.cost
    import sodbench.reports.pages.report.report
    import sodbench.reports.pages.site.build
    import sodbench.reports.scores  # noqa: F401
    from sodbench.scoring.warm_up import warm_up

    warm_up(lambda line: None)


def main() -> None:
    """Print what came of each command, a line of JSON each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many, over all commands together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=list(SCENARIOS), choices=list(SCENARIOS))
    options = parser.parse_args()
    warm()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="kills-") as root:
        os.environ |= {"HOME": root, "XDG_CONFIG_HOME": f"{root}/config"}
        for left, name in zip(range(len(options.only), 0, -1), options.only, strict=True):
            outcome = try_scenario(name, options.kills // left, chance, Path(root) / name)
            options.kills -= outcome["kills"]
            print(json.dumps(outcome), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
