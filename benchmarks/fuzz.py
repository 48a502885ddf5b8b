"""Try broken files of every kind at length, and commands that are killed.

    python benchmarks/fuzz.py --minutes 30 [--kinds png zips] [--seed 1] [--workers 2] [--kills 200]

The files are those of ``tests/fuzz``: valid ones and broken ones, as many as the time allows, all kinds
for equally long. Each is read in a worker process, within bounds on time and memory. Counts are
printed by kind: how many were tried, refused with an error of sodbench, accepted, and how many broke a
rule (a traceback, a long message, other pixels than Pillow's, ...). What broke is written to ``--out``, a
folder each, at most five of a sort. Then so many kills are spread over the commands that write.
"""

import argparse
import hashlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "fuzz"), str(ROOT / "tests")]

from hostile import Case, is_accepted, write_files  # noqa: E402
from hostile.kinds import KINDS  # noqa: E402
from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402

BATCH = 200
"""Files of a kind in one go of hypothesis, which remembers all of a go."""

SILENT_SECONDS = 90
"""A worker that says nothing for so long hangs."""

KEPT_OF_A_SORT = 5


def work(kinds: Sequence[str], first: int, stride: int, minutes: float, out: Path) -> None:
    """Try batch after batch, of the kind that has had the least time, until the time is over."""
    end = time.monotonic() + 60 * minutes
    spent = dict.fromkeys(kinds, 0.0)
    number = first
    while time.monotonic() < end:
        kind = min(spent, key=lambda name: spent[name])
        begun = time.monotonic()
        try_batch(kind, number, end, out)
        spent[kind] += time.monotonic() - begun
        number += stride


def try_batch(name: str, number: int, end: float, out: Path) -> None:
    """Try a batch of a kind; the number decides which files."""
    kind = KINDS[name]

    @seed(number)
    @settings(
        max_examples=BATCH,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(kind.cases)
    def hold(case: Case) -> None:
        if time.monotonic() > end:
            return
        begun = time.monotonic()
        more: dict[str, str] = {}
        try:
            outcome = "accepted" if is_accepted(kind, case) else "refused"
        except Exception as error:
            outcome, reason = "broke", f"{type(error).__name__}: {error}"
            keep(name, reason, case, out)
            more = {"reason": reason[:300], "how": case.how[:200]}
        print(
            json.dumps({"kind": name, "outcome": outcome, "seconds": time.monotonic() - begun, **more}),
            flush=True,
        )

    hold()


def sort_of(reason: str) -> str:
    """Return a reason without what differs from file to file."""
    return re.sub(r"/tmp/\S+|[0-9a-f]{6,}|\d+", "N", reason)[:100]


def keep(name: str, reason: str, case: Case, out: Path) -> None:
    """Write a file that broke a rule, if there are not enough of its sort yet."""
    sort = hashlib.sha256(sort_of(reason).encode()).hexdigest()[:8]
    if len(list(out.glob(f"{name}-{sort}-*"))) < KEPT_OF_A_SORT:
        content = b"".join(case.files.values())
        folder = out / f"{name}-{sort}-{hashlib.sha256(content).hexdigest()[:8]}"
        write_files({**case.files, "why.txt": f"{reason}\n{case.how}\n".encode("utf-8", "replace")}, folder)


class Worker:
    """A process that tries files; when it dies or hangs, the file that it had is kept, and it begins anew."""

    def __init__(self, number: int, options: argparse.Namespace, end: float, told: "Told") -> None:
        self.number, self.options, self.end, self.told = number, options, end, told
        self.lives, self.kind, self.hung = 0, options.kinds[0], False
        self.begin()

    def begin(self) -> None:
        """Start the process."""
        self.hung = False
        self.scratch = Path(tempfile.mkdtemp(prefix="fuzz-"))
        first = self.options.seed + self.number + self.lives * 1_000_003
        minutes = max(0.0, (self.end - time.monotonic()) / 60)
        self.process = subprocess.Popen(
            [
                *(sys.executable, __file__, "--work", str(first), "--workers", str(self.options.workers)),
                *("--minutes", str(minutes), "--out", str(self.options.out.resolve())),
                *("--kinds", *self.options.kinds),
            ],
            stdout=subprocess.PIPE,
            cwd=self.scratch,
            env={**os.environ, "TMPDIR": str(self.scratch), "OMP_NUM_THREADS": "1"},
        )
        self.heard = time.monotonic()
        self.lives += 1
        threading.Thread(target=self._listen, args=(self.process,), daemon=True).start()

    def _listen(self, process: "subprocess.Popen[bytes]") -> None:
        """Pass on what a process prints, and that it has ended."""
        assert process.stdout is not None
        for line in process.stdout:
            self.told.put((self, line))
        self.told.put((self, b""))

    def bury(self) -> str:
        """Clean up behind a process that has ended, and keep its last file if it should not have."""
        status = self.process.wait()
        reason = f"the worker {'hung' if self.hung else f'ended with {status}'}" if status else ""
        left = [path for path in self.scratch.iterdir() if path.is_dir() and any(path.iterdir())]
        if reason and left:
            newest = max(left, key=lambda path: path.stat().st_mtime)
            shutil.copytree(newest, self.options.out / f"{self.kind}-died-{self.number}-{self.lives}")
        shutil.rmtree(self.scratch, ignore_errors=True)
        return reason


Told = queue.Queue[tuple[Worker, bytes]]
"""What workers print, and an empty line where one has ended."""


def run_workers(options: argparse.Namespace) -> tuple[dict[str, Counter[str]], Counter[str]]:
    """Run the workers until the time is over; return counts by kind, and reasons."""
    end = time.monotonic() + 60 * options.minutes
    tallies: dict[str, Counter[str]] = {name: Counter() for name in options.kinds}
    reasons: Counter[str] = Counter()
    told: Told = queue.Queue()
    alive = {Worker(number, options, end, told) for number in range(options.workers)}
    while alive:
        try:
            worker, line = told.get(timeout=5)
        except queue.Empty:
            for worker in alive:
                if time.monotonic() - worker.heard > SILENT_SECONDS:
                    worker.hung = True
                    worker.process.kill()
            continue
        worker.heard = time.monotonic()
        if not line:
            reason = worker.bury()
            if reason and time.monotonic() < end - 5:
                worker.begin()
            else:
                alive.remove(worker)
            if not reason:
                continue
            fact = {"kind": worker.kind, "outcome": "broke", "reason": reason, "how": "", "seconds": 0}
        else:
            fact = json.loads(line)
        worker.kind = fact["kind"]
        tally = tallies[worker.kind]
        tally[fact["outcome"]] += 1
        tally["ms"] += round(1000 * fact["seconds"])
        if "reason" in fact:
            sort = f"{worker.kind}: {sort_of(fact['reason'])}"
            if not reasons[sort]:
                print(f"broke: {worker.kind}: {fact['reason']}  [{fact['how']}]", flush=True)
            reasons[sort] += 1
    return tallies, reasons


def run_kills(kills: int, number: int) -> int:
    """Kill commands, print a line each, and return how many faults there were."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*sys.path[:2], str(ROOT)]),
        "OMP_NUM_THREADS": "1",
    }
    print(f"\n{'command':24}{'events':>8}{'kills':>8}{'broke':>8}")
    broke = total = 0
    with subprocess.Popen(
        [sys.executable, "-m", "hostile.kills", "--kills", str(kills), "--seed", str(number)],
        stdout=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            outcome = json.loads(line)
            print(
                f"{outcome['command']:24}{outcome['events']:8}{outcome['kills']:8}{len(outcome['faults']):8}"
            )
            for fault in outcome["faults"][:20]:
                print(f"  {fault}")
            broke, total = broke + len(outcome["faults"]), total + outcome["kills"]
    print(f"{'all':24}{'':8}{total:8}{broke:8}")
    return broke + process.returncode


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark; exit with 1 if anything broke."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=30, help="for files, all kinds together")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS), metavar="KIND")
    parser.add_argument("--seed", type=int, default=0, help="another one tries other files")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--kills", type=int, default=0, help="over all commands together")
    parser.add_argument("--out", type=Path, default=Path("fuzz-broke"), help="folder for what broke")
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.work is not None:
        work(options.kinds, options.work, options.workers, options.minutes, options.out)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    broke = 0
    if options.minutes > 0:
        tallies, reasons = run_workers(options)
        print(f"\n{'kind':14}{'tried':>9}{'refused':>9}{'accepted':>9}{'broke':>9}{'ms/file':>9}")
        total: Counter[str] = Counter()
        for name, tally in [*tallies.items(), ("all", total)]:
            tried = sum(tally[key] for key in ("refused", "accepted", "broke"))
            counts = "".join(f"{tally[key]:9}" for key in ("refused", "accepted", "broke"))
            print(f"{name:14}{tried:9}{counts}{tally['ms'] / max(1, tried):9.1f}")
            total += tally
        for sort, count in reasons.most_common():
            print(f"{count:6} x {sort}")
        broke = total["broke"]
    if options.kills:
        broke += run_kills(options.kills, options.seed)
    sys.exit(1 if broke else 0)


if __name__ == "__main__":
    main()
