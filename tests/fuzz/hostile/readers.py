"""Readers of a scores folder in a tight loop while savers replace it: each sees one of the scores saved.

python -m hostile.readers --saves 300
"""

import argparse
import json
import os
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stored import made

from hostile.scores import values_of
from sodbench.scoring.scores import Scores
from sodbench.scoring.selection import load_scores

METHOD, IMAGES = "method", 12


def scores_of(seed: int) -> Scores:
    """Return the scores that saver and reader agree on."""
    return made(METHOD, IMAGES, seed)


def _save(home: Path, saves: int, seed: int) -> dict[str, Any]:
    pair = scores_of(seed), scores_of(seed + 1)
    for k in range(saves):
        pair[k % 2].save(home)
    return {"saves": saves, "reads": 0, "faults": []}


def _read(home: Path, done: Path, seeds: range) -> dict[str, Any]:
    valid = [values_of(scores_of(seed)) for seed in seeds]
    faults: list[str] = []
    reads, last = 0, False
    while not last and len(faults) < 5:
        last = done.exists()
        for alone in (True, False):
            reads += 1
            try:
                scores = Scores.load(home) if alone else load_scores(home.parent.parent)[0]
                if values_of(scores) not in valid:
                    faults.append("read scores that nobody saved")
            except Exception as error:
                faults.append(f"{type(error).__name__}: {str(error)[-200:]}")
    return {"saves": 0, "reads": reads, "faults": faults}


def _forked(work: Callable[[], dict[str, Any]], report: Path) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            outcome = work()
        except BaseException:
            outcome = {"saves": 0, "reads": 0, "faults": [traceback.format_exc()[-600:]]}
        report.write_text(json.dumps(outcome), encoding="utf-8")
        os._exit(0)
    return pid


def read_while_saving(saves: int, savers: int, readers: int) -> dict[str, Any]:
    """Let savers replace a folder again and again while readers read it; return counts and faults."""
    with tempfile.TemporaryDirectory(prefix="readers-") as name:
        root = Path(name)
        home, done = root / "scores" / METHOD / "SOD", root / "done"
        scores_of(0).save(home)
        seeds = range(2 * savers)
        reports = [root / f"report-{k}" for k in range(savers + readers)]
        reading = [_forked(lambda: _read(home, done, seeds), report) for report in reports[:readers]]
        saving = [
            _forked(lambda k=k: _save(home, saves // savers, 2 * k), report)  # type: ignore[misc]
            for k, report in enumerate(reports[readers:])
        ]
        for pid in saving:
            os.waitpid(pid, 0)
        done.touch()
        for pid in reading:
            os.waitpid(pid, 0)
        outcomes = [json.loads(report.read_text(encoding="utf-8")) for report in reports]
        names = sorted(path.relative_to(root / "scores").as_posix() for path in (root / "scores").rglob("*"))
        whole = [
            METHOD,
            f"{METHOD}/SOD",
            *(f"{METHOD}/SOD/{n}" for n in ("images.csv", "levels.npz", "meta.json")),
        ]
        faults = [fault for outcome in outcomes for fault in outcome["faults"]]
        faults += [f"left behind: {name}" for name in names if name not in whole]
        counts = {key: sum(outcome[key] for outcome in outcomes) for key in ("saves", "reads")}
        return {**counts, "faults": faults}


def main() -> None:
    """Print what came of it, as a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--saves", type=int, default=300)
    parser.add_argument("--savers", type=int, default=1)
    parser.add_argument("--readers", type=int, default=2)
    options = parser.parse_args()
    print(json.dumps(read_while_saving(options.saves, options.savers, options.readers)))  # noqa: T201


if __name__ == "__main__":
    main()
