"""Confidence of a table's numbers: intervals of values, and the methods that a value is better than."""

from collections.abc import Sequence
from string import ascii_uppercase

import numpy as np

from sodbench.analysis.compare import Difference, adjusted, compare
from sodbench.analysis.statistics.resampling import FEWEST_IMAGES, bootstrap, measured, percentile_interval
from sodbench.errors import ScoresError, first_few
from sodbench.metrics import METRICS, PAPER_METRICS
from sodbench.reports.table import Marks
from sodbench.scoring.scores import Scores

TABLE_RESAMPLES = 10_000
SEED = 0


def marks(
    scores: Sequence[Scores], metrics: Sequence[str] = (), *, spreads: bool = False, better: bool = False
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
    if few := [f"{s.method} on {s.dataset_name}" for s in scores if len(s.rows) < FEWEST_IMAGES]:
        raise ScoresError(
            f"{first_few(few)}: fewer than {FEWEST_IMAGES} images, too few to resample. "
            "Leave --ci and --significance out."
        )
    said: list[str] = []
    half_widths: dict[tuple[str, str, str], float] = {}
    differences: tuple[Difference, ...] = ()
    if spreads:
        half_widths = {
            key: half for method_scores in scores for key, half in _halves(method_scores, metrics).items()
        }
        said.append(f"±: half the 95 % percentile interval of a bootstrap over images ({_how()}).")
    if better:
        differences = _differences(scores, metrics)
        said.append(
            "Capital letters: better than these methods by a paired permutation, p < .05 after Holm's "
            f"adjustment for {len(differences)} tests ({_how()})."
        )
    methods = list(dict.fromkeys(name for difference in differences for name in (difference.a, difference.b)))
    if len(methods) > len(ascii_uppercase):
        raise ScoresError(f"--significance: {len(methods)} methods, expected at most {len(ascii_uppercase)}.")
    return Marks(half_widths, _beaten(differences), tuple(methods), tuple(said))


def _halves(scores: Scores, metrics: Sequence[str]) -> dict[tuple[str, str, str], float]:
    scores.check_computed(metrics)
    enough = [m for m in metrics if np.count_nonzero(~np.isnan(scores.values(m))) >= FEWEST_IMAGES]
    of = measured(scores, enough)
    intervals = [percentile_interval(samples) for samples in bootstrap([*of.values()], TABLE_RESAMPLES, SEED)]
    return {
        (scores.method, scores.dataset_name, metric): (high - low) / 2
        for metric, (low, high) in zip(of, intervals, strict=True)
    }


def _differences(scores: Sequence[Scores], metrics: Sequence[str]) -> tuple[Difference, ...]:
    """Compare all methods of each dataset that has several."""
    differences: list[Difference] = []
    for dataset in dict.fromkeys(method_scores.dataset_name for method_scores in scores):
        of_dataset = [method_scores for method_scores in scores if method_scores.dataset_name == dataset]
        if len(of_dataset) > 1:
            differences += compare(
                of_dataset, metrics=metrics, resamples=TABLE_RESAMPLES, seed=SEED
            ).differences
    if not differences:
        raise ScoresError(
            "--significance compares methods: no dataset has scores of two. Give more with --with."
        )
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


def _how() -> str:
    return f"{TABLE_RESAMPLES:,} resamples, seed {SEED}"
