"""Commands that are killed while they write, and readers of a folder while it is replaced."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hostile.kills import SCENARIOS

KILLS = 2 * len(SCENARIOS)
"""Spread over the events of each command; ``benchmarks/fuzz.py --kills`` tries as many as asked."""


def told_by(module: str, *arguments: str) -> list[dict[str, Any]]:
    """Run a program of the package that forks, and return the lines that it prints."""
    tests = Path(__file__).parents[1]
    paths = os.pathsep.join(map(str, (tests / "fuzz", tests, tests.parent, os.environ.get("PYTHONPATH", ""))))
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE,
        check=True,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, Any]]:
    return {outcome["command"]: outcome for outcome in told_by("hostile.kills", "--kills", str(KILLS))}


@pytest.mark.parametrize("command", SCENARIOS)
def test_what_was_killed_is_finished_by_the_same_command(
    outcomes: dict[str, dict[str, Any]], command: str
) -> None:
    assert outcomes[command]["faults"] == []
    assert outcomes[command]["kills"] >= 2
    assert outcomes[command]["events"] > 3


@pytest.mark.parametrize("savers", [1, 3])
def test_readers_see_old_or_new_scores(savers: int) -> None:
    (outcome,) = told_by("hostile.readers", "--saves", "60", "--savers", str(savers))
    assert outcome["faults"] == []
    assert outcome["saves"] == 60
    assert outcome["reads"] >= 4
