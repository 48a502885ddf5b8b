"""Confidence of a table's numbers: intervals of values, and the methods that a value is better than."""

import math
from collections.abc import Callable, Mapping, Sequence
from string import ascii_uppercase

from sodbench.analysis.compare import Difference, adjusted, compare, comparison_steps, enough_resamples
from sodbench.analysis.statistics.measured import defined_units, measured
from sodbench.analysis.statistics.resampling import FEWEST_IMAGES, bootstrap, percentile_interval
from sodbench.errors import ScoresError, first_few
from sodbench.metrics import METRICS, PAPER_METRICS
from sodbench.reports.table import Marks
from sodbench.scoring.scores import Scores
from sodbench.utils.process import Progress, step_counter
from sodbench.utils.text import counted

TABLE_RESAMPLES = 10_000
SEED = 0


def marks(
    scores: Sequence[Scores],
    metrics: Sequence[str] = (),
    *,
    spreads: bool = False,
    better: bool = False,
    progress: Progress | None = None,
) -> Marks:
    """Resample scores for a table.

    Parameters
    ----------
    scores
        Of one or more methods on one or more datasets.
    metrics
        Column ids; none: the paper's.
    spreads
        Find half the width of each value's 95 % percentile interval.
    better
        Find which methods of the same dataset each value is better than: by a paired permutation at the 5 %
        level after Holm's adjustment for all pairs, metrics and datasets, and an interval that excludes 0.
    progress
        Called with the steps done and their total: those of `compare`, and one for each of `spreads`.

    Raises
    ------
    ScoresError
        No scores were given, one lacks a metric or has too few images, or the methods of a dataset are not
        comparable.
    """
    metrics = [name for name in METRICS if name in (metrics or PAPER_METRICS)]
    if not scores:
        raise ScoresError(
            "--ci and --significance resample images, which boards do not have. Give --with SCORES."
        )
    if few := [f"{s.method} on {s.dataset_name}" for s in scores if s.counting.units < FEWEST_IMAGES]:
        raise ScoresError(
            f"{first_few(few)}: fewer than {FEWEST_IMAGES} images, too few to resample. "
            "Leave --ci and --significance out."
        )
    boards = _boards(scores) if better else {}
    step = step_counter(
        progress,
        spreads * len(scores) + sum(comparison_steps(len(board)) for board in boards.values()),
    )
    said: list[str] = []
    half_widths: dict[tuple[str, str, str], float] = {}
    differences: tuple[Difference, ...] = ()
    if spreads:
        units = "groups" if scores[0].counting.grouped else "images"
        for method_scores in scores:
            half_widths |= _halves(method_scores, metrics)
            step()
        said.append(
            f"±: half the 95 % percentile interval of a bootstrap over {units} ({_how(TABLE_RESAMPLES)})."
        )
    if better:
        tests = len(metrics) * sum(math.comb(len(board), 2) for board in boards.values())
        resamples = max(TABLE_RESAMPLES, enough_resamples(tests))
        differences = _differences(boards, metrics, resamples, step)
        said.append(
            "Capital letters: better than these methods by a paired permutation, p < .05 after Holm's "
            f"adjustment for {counted(len(differences), 'test')} ({_how(resamples)})."
        )
    methods = list(dict.fromkeys(name for difference in differences for name in (difference.a, difference.b)))
    return Marks(half_widths, _beaten(differences), tuple(methods), tuple(said))


def _halves(scores: Scores, metrics: Sequence[str]) -> dict[tuple[str, str, str], float]:
    scores.check_computed(metrics)
    enough = [m for m in metrics if defined_units([scores], m) >= FEWEST_IMAGES]
    of = measured(scores, enough)
    intervals = [percentile_interval(samples) for samples in bootstrap([*of.values()], TABLE_RESAMPLES, SEED)]
    return {
        (scores.method, scores.dataset_name, metric): (high - low) / 2
        for metric, (low, high) in zip(of, intervals, strict=True)
    }


def _boards(scores: Sequence[Scores]) -> dict[str, list[Scores]]:
    """Return the scores of each dataset that has several methods."""
    by_dataset: dict[str, list[Scores]] = {}
    for method_scores in scores:
        by_dataset.setdefault(method_scores.dataset_name, []).append(method_scores)
    boards = {dataset: board for dataset, board in by_dataset.items() if len(board) > 1}
    if not boards:
        raise ScoresError(
            "--significance compares methods: no dataset has scores of two. Give more with --with."
        )
    methods = {method_scores.method for board in boards.values() for method_scores in board}
    if len(methods) > len(ascii_uppercase):
        raise ScoresError(
            f"--significance: {len(methods)} methods, expected at most {len(ascii_uppercase)}. Choose with "
            "--methods."
        )
    return boards


def _differences(
    boards: Mapping[str, Sequence[Scores]],
    metrics: Sequence[str],
    resamples: int,
    step: Callable[[], None],
) -> tuple[Difference, ...]:
    """Compare all methods of each dataset."""
    differences: list[Difference] = []
    for board in boards.values():
        differences += compare(
            board, metrics=metrics, resamples=resamples, seed=SEED, progress=lambda *_: step()
        ).differences
    return adjusted(differences)


def _beaten(differences: Sequence[Difference]) -> dict[tuple[str, str, str], tuple[str, ...]]:
    beaten: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for difference in differences:
        if difference.significant:
            first = difference.difference * difference.sign > 0
            winner, loser = (difference.a, difference.b) if first else (difference.b, difference.a)
            key = winner, difference.dataset, difference.metric
            beaten[key] = (*beaten.get(key, ()), loser)
    return beaten


def _how(resamples: int) -> str:
    return f"{resamples:,} resamples, seed {SEED}"
