"""Time and memory of commands as the data grow, each in a process of its own, as users call it.

    python benchmarks/scale.py [--pairs 300 5000 16784] [--workers 1 2] [--methods 20]

Prints `score` of one method, the saving included, for each number of pairs and of workers; with
``--methods`` also `score`, `rescore`, `compare`, `plot-pr`, `explain`, `table` and `report` of so many.
Maps and masks are links: to SOD with published maps where SODBENCH_REFERENCE names the reference material,
else to synthetic pairs of the same size.

*Memory.* ``process`` is the kernel's own count (`getrusage`): the largest resident size that a process of the
command had, libraries and all. ``together`` is the largest sum over the command's process and those below it,
sampled every 50 ms, of their proportional sizes (PSS): a page that n processes map, also those of other
programs, counts as 1/n in each. Files that are mapped count in both while they are in memory. One image is
scored before all measurements, so that no kernel is compiled in them.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
from generated import Data, real, repeated, synthetic

PAIRS = (300, 5000, 16784)
WORKERS = (1, 2)
REAL = ("PiCANet", "u2netp", "DSS")
SOURCES = 300
"""Different pairs; larger sets repeat them."""

EVERY = 0.05
"""Seconds between two looks at the memory."""


class Cost(NamedTuple):
    """What a command took: seconds, and peak MB of its largest process and of all of them together."""

    seconds: float
    process: float
    together: float


def shared_out(process: psutil.Process) -> float:
    """Return the MB of a process and of those below it, pages that they share counted once."""
    total = 0.0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_full_info().pss / 2**20
    except psutil.Error:  # one has just ended
        return 0.0
    return total


def cost(*arguments: object) -> Cost:
    """Run a command of sodbench and return what it took.

    Raises
    ------
    SystemExit
        The command failed; what it printed is in the message.
    """
    words = [sys.executable, "-W", "ignore", "-m", "sodbench", *map(str, arguments)]
    with tempfile.TemporaryFile() as said:
        start, together = time.perf_counter(), 0.0
        running = psutil.Popen(words, stdout=said, stderr=subprocess.STDOUT)
        while not (ended := os.wait4(running.pid, os.WNOHANG))[0]:
            together = max(together, shared_out(running))
            time.sleep(EVERY)
        seconds = time.perf_counter() - start
        if code := os.waitstatus_to_exitcode(ended[1]):
            said.seek(0)
            raise SystemExit(f"{' '.join(words)}: exit code {code}\n{said.read().decode()}")
    return Cost(seconds, ended[2].ru_maxrss / 1024, together)


def scaling(data: Data, folder: Path, sizes: Sequence[int], workers: Sequence[int]) -> None:
    """Print what scoring one method takes, by number of pairs and of workers."""
    print("\n`score` of one method")
    print(f"{'pairs':>8}{'workers':>9}{'seconds':>9}{'ms/pair':>9}{'process MB':>12}{'together MB':>13}")
    for count in sizes:
        more = repeated(data, folder / str(count), count)
        for jobs in workers:
            out = folder / f"scores-{count}-{jobs}"
            taken = cost("score", more.preds, "--masks", more.masks, "--jobs", jobs, "--scores", out)
            numbers = f"{taken.seconds:9.2f}{1000 * taken.seconds / count:9.2f}"
            print(f"{count:8}{jobs:9}{numbers}{taken.process:12.0f}{taken.together:13.0f}", flush=True)


def commands(data: Data, folder: Path, count: int, methods: int) -> None:
    """Print what each command takes on the scores of many methods."""
    more = repeated(data, folder / "set", count, methods)
    scores, dataset = folder / "scores", more.masks.parent.name
    one, other = (scores / f"m{k:02}" for k in range(2))
    asked = {
        f"score, {methods} methods": ("score", more.maps, "--masks", more.masks, "--scores", scores),
        f"rescore, {methods} methods": ("rescore", scores),
        "compare, 2 methods": ("compare", one, other),
        f"plot-pr, {methods} methods": ("plot-pr", scores, "--out", folder / "pr.pdf"),
        "explain, 1 method": ("explain", one / dataset),
        f"table --ci, {methods} methods": ("table", "--datasets", dataset, "--with", scores, "--ci"),
        f"report, {methods} methods": ("report", scores, "--out", folder / "report.html"),
    }
    print(f"\n{methods} methods x {count} images")
    print(f"{'':26}{'seconds':>9}{'process MB':>12}{'together MB':>13}")
    for name, words in asked.items():
        taken = cost(*words)
        print(f"{name:26}{taken.seconds:9.1f}{taken.process:12.0f}{taken.together:13.0f}", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pairs", type=int, nargs="+", default=PAIRS)
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS)
    parser.add_argument("--methods", type=int, default=0, help="Also time the commands on so many methods.")
    chosen = parser.parse_args(arguments)
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as name:
        folder, count = Path(name), min(SOURCES, max(chosen.pairs))
        if "SODBENCH_REFERENCE" in os.environ:
            data = real(folder / "source", count, REAL)
        else:
            data = synthetic(folder / "source", count, 321, 481, len(REAL))
        print(f"maps and masks: {data.name}")
        first = repeated(data, folder / "first", 1)
        cost("score", first.preds, "--masks", first.masks, "--scores", folder / "first-scores")
        scaling(data, folder, chosen.pairs, chosen.workers)
        for pairs in chosen.pairs if chosen.methods else ():
            commands(data, folder / f"methods-{pairs}", pairs, chosen.methods)


if __name__ == "__main__":
    main()
