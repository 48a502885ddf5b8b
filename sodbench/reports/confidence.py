"""How sure the numbers of a table are: intervals of values, and which methods a value is better than."""

from collections.abc import Sequence
from string import ascii_uppercase

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
        Which; none: the paper's.
    spreads
        Find half the width of each value's 95 % percentile interval.
    better
        Find which methods of the same dataset each value is better than: by a paired permutation at the 5 %
        level after Holm's adjustment for all pairs, metrics and datasets, 0 lying outside the interval.

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
    if few := [one for one in scores if len(one.rows) < FEWEST_IMAGES]:
        raise ScoresError(
            f"{first_few([f'{one.method} on {_dataset(one)}' for one in few])}: fewer than {FEWEST_IMAGES} "
            "images, too few to resample. Leave --ci and --significance out."
        )
    said: list[str] = []
    found: dict[tuple[str, str, str], float] = {}
    differences: tuple[Difference, ...] = ()
    if spreads:
        found = {key: half for one in scores for key, half in _halves(one, metrics).items()}
        said.append(f"±: half the 95 % percentile interval of a bootstrap over images ({_how()}).")
    if better:
        differences = _differences(scores, metrics)
        said.append(
            "Capital letters: better than these methods by a paired permutation, p < .05 after Holm's "
            f"adjustment for {len(differences)} tests ({_how()})."
        )
    methods = list(dict.fromkeys(name for one in differences for name in (one.a, one.b)))
    if len(methods) > len(ascii_uppercase):
        raise ScoresError(f"--significance: {len(methods)} methods, expected at most {len(ascii_uppercase)}.")
    return Marks(found, _beaten(differences), tuple(methods), tuple(said))


def _halves(one: Scores, metrics: Sequence[str]) -> dict[tuple[str, str, str], float]:
    defined = one.per_image()[[*metrics]].notna().sum()
    of = measured(one, [metric for metric in metrics if defined[metric] >= FEWEST_IMAGES])
    intervals = [percentile_interval(samples) for samples in bootstrap([*of.values()], TABLE_RESAMPLES, SEED)]
    return {
        (one.method, _dataset(one), metric): (high - low) / 2
        for metric, (low, high) in zip(of, intervals, strict=True)
    }


def _differences(scores: Sequence[Scores], metrics: Sequence[str]) -> tuple[Difference, ...]:
    """Compare all methods of each dataset that has several."""
    found: list[Difference] = []
    for dataset in dict.fromkeys(_dataset(one) for one in scores):
        there = [one for one in scores if _dataset(one) == dataset]
        if len(there) > 1:
            found += compare(there, metrics=metrics, resamples=TABLE_RESAMPLES, seed=SEED).differences
    if not found:
        raise ScoresError(
            "--significance compares methods: no dataset has scores of two. Give more with --with."
        )
    return adjusted(found)


def _beaten(differences: Sequence[Difference]) -> dict[tuple[str, str, str], tuple[str, ...]]:
    beaten: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for one in differences:
        if one.significant:
            first = one.difference * one.sign > 0
            winner, loser = (one.a, one.b) if first else (one.b, one.a)
            key = winner, one.dataset, one.metric
            beaten[key] = (*beaten.get(key, ()), loser)
    return beaten


def _dataset(one: Scores) -> str:
    return one.dataset_name


def _how() -> str:
    return f"{TABLE_RESAMPLES:,} resamples, seed {SEED}"
