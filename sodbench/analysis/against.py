"""Values of methods with their intervals, and each method against one baseline.

`sodbench.analysis.compare.compare` tests all pairs of methods; here, only the pairs with the baseline are
tested, of all methods that are comparable with it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sodbench.analysis.compare import Difference, comparable, difference_of
from sodbench.analysis.statistics.measured import Measured, defined_units, measured
from sodbench.analysis.statistics.permutation import permutation
from sodbench.analysis.statistics.resampling import FEWEST_IMAGES, bootstrap, percentile_interval
from sodbench.errors import ScoresError
from sodbench.metrics import metric_differences
from sodbench.metrics.histogram import Reals
from sodbench.scoring.scores import Scores

MOST_IMAGES = 10_000
"""Images whose columns are resampled at once, over all methods: about 150 MB."""


@dataclass
class Resampled:
    """What resampling says of the methods of one dataset.

    Parameters
    ----------
    intervals
        95 % percentile interval of each value, by method and metric.
    differences
        Method minus baseline, without Holm's adjustment.
    apart
        Why a method was not compared with the baseline, by its name.
    """

    intervals: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    apart: dict[str, str] = field(default_factory=dict)


def resampled_board(
    board: Sequence[Scores],
    metrics: Sequence[str],
    baseline: str = "",
    *,
    resamples: int,
    permutations: int,
    seed: int = 0,
    step: Callable[[], None] = lambda: None,
) -> Resampled:
    """Resample the images of a dataset for all methods scored on it.

    Parameters
    ----------
    board
        Of one dataset, each method once.
    metrics
        Column ids; of each method those that it has are taken.
    baseline
        The method that all others are compared with; empty or not among them: nothing is compared.
    resamples, permutations
        For intervals, and for p-values.
    seed
        See `sodbench.analysis.statistics.resampling.bootstrap`.
    step
        Called once a method when its intervals are known, and once a method compared.
    """
    found = Resampled()
    first = next((s for s in board if s.method == baseline), None)
    pairs = _pairs(first, board, metrics, found) if first else {}
    base: dict[str, tuple[Measured, Reals]] = {}
    for some in _batches([*([first] if first else []), *(s for s in board if s is not first)]):
        of_methods = [_measured(s, metrics) for s in some]
        every = [metric for own in of_methods for metric in own.values()]
        drawn = iter(bootstrap(every, resamples, seed)) if every else iter([])
        for s, own in zip(some, of_methods, strict=True):
            samples = {name: next(drawn) for name in own}
            for name, sample in samples.items():
                found.intervals[s.method, name] = percentile_interval(sample)
            step()
            if s is first:
                base = {name: (own[name], samples[name]) for name in own}
            elif s.method in pairs:
                of_pair = {name: (own[name], samples[name]) for name in pairs[s.method]}
                found.differences += _against(first, base, s, of_pair, permutations, seed)
                step()
    return found


def board_steps(board: Sequence[Scores], baseline: str = "") -> int:
    """Return how often `resampled_board` calls its `step` at most."""
    compared = len(board) - 1 if any(s.method == baseline for s in board) else 0
    return len(board) + compared


def board_tests(board: Sequence[Scores], metrics: Sequence[str], baseline: str) -> int:
    """Count the p-values that `resampled_board` gives."""
    first = next((s for s in board if s.method == baseline), None)
    pairs = _pairs(first, board, metrics, Resampled()) if first else {}
    return sum(map(len, pairs.values()))


def _pairs(
    first: Scores, board: Sequence[Scores], metrics: Sequence[str], found: Resampled
) -> dict[str, list[str]]:
    """Return which metrics of which methods are comparable with the baseline's, and note why not."""
    pairs: dict[str, list[str]] = {}
    for s in board:
        if s is first:
            continue
        both = [name for name in metrics if name in s.metrics and name in first.metrics]
        alike = [name for name in both if not metric_differences(first.signature, s.signature, [name])]
        try:
            comparable([first, s], metrics=alike or both)
        except ScoresError as error:
            found.apart[s.method] = str(error)
            continue
        if enough := [name for name in alike if defined_units([first, s], name) >= FEWEST_IMAGES]:
            pairs[s.method] = enough
    return pairs


def _measured(scores: Scores, metrics: Sequence[str]) -> Mapping[str, Measured]:
    own = [name for name in metrics if name in scores.metrics]
    enough = [name for name in own if defined_units([scores], name) >= FEWEST_IMAGES]
    return measured(scores, enough) if enough else {}


def _batches(board: Sequence[Scores]) -> Iterator[list[Scores]]:
    """Yield methods that are resampled together: they have as many images or groups, and not too many."""
    some: list[Scores] = []
    for s in board:
        if some and (
            s.counting.units != some[0].counting.units
            or sum(len(other.rows) for other in (*some, s)) > MOST_IMAGES
        ):
            yield some
            some = []
        some.append(s)
    yield some


def _against(
    first: Scores | None,
    base: Mapping[str, tuple[Measured, Reals]],
    scores: Scores,
    own: Mapping[str, tuple[Measured, Reals]],
    permutations: int,
    seed: int,
) -> list[Difference]:
    """Return a method's differences to the baseline."""
    assert first is not None
    pairs = [(measured_own, base[name][0]) for name, (measured_own, _) in own.items()]
    chances = permutation(pairs, permutations, seed).tolist()
    unit = "group" if scores.counting.grouped else "image"
    names = scores.method, first.method
    return [
        difference_of(
            scores.dataset_name,
            names,
            pair,
            percentile_interval(np.asarray(own[name][1]) - base[name][1]),
            chance,
            unit,
        )
        for name, pair, chance in zip(own, pairs, chances, strict=True)
    ]
