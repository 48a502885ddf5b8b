"""What ``sodbench run`` does between its options and its output."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sodbench.models.inference import PhotoSet
from sodbench.utils.process import Bar, Say

if TYPE_CHECKING:
    from sodbench.scoring.scores import Scores


def scored(sets: Sequence[PhotoSet], data: Path | None, bar: Bar, say: Say) -> "list[Scores]":
    """Score the maps of all sets under the default protocol."""
    from sodbench.protocol import Protocol
    from sodbench.scoring.plan import Plan
    from sodbench.scoring.runs import collect_jobs, score_jobs

    jobs, _ = collect_jobs([one.out for one in sets], [one.name for one in sets], None, data)
    return score_jobs(jobs, Plan(Protocol()), Path("scores"), bar=bar, say=say)
