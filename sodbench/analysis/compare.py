"""Compare methods on the same images: differences with intervals and p-values, and ranks.

Two methods are compared by their difference, three or more also by their ranks: over datasets if there
are several, else over images.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sodbench.analysis.statistics.letters import compact_letters
from sodbench.analysis.statistics.measured import Measured, defined_units, measured
from sodbench.analysis.statistics.permutation import permutations
from sodbench.analysis.statistics.ranks import Ranks, friedman
from sodbench.analysis.statistics.resampling import (
    ALPHA,
    FEWEST_IMAGES,
    TIE,
    bca_interval,
    bootstrap,
    cohens_d,
    holm,
    jackknife,
    percentile_interval,
    win_tie_loss,
)
from sodbench.errors import OWN_NAMES, ScoresError, first_few, nearest
from sodbench.metrics import METRICS, PAPER_METRICS, check_metrics, metric_differences
from sodbench.metrics.histogram import Reals
from sodbench.scoring.scores import Scores
from sodbench.utils.process import Progress, Say, step_counter
from sodbench.utils.text import counted

INTERVALS = ("percentile", "bca")
"""Kinds of bootstrap interval."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One metric of two methods on one dataset; None where a number is undefined or not given.

    Parameters
    ----------
    dataset, metric, a, b
        Names.
    value_a, value_b
        The dataset's values.
    images
        On how many images both are defined.
    low, high
        95 % bootstrap interval of the difference a - b.
    p, holm
        Two-sided p of the paired permutation, and adjusted for all differences of a comparison.
    wins, ties, losses
        Images on which a is better than, equal to, worse than b.
    d
        Cohen's d of the images' differences a - b, of metrics that are a mean of images.
    unit
        ``group`` where the protocol averages groups: all that is said of images above is of groups then.
    """

    dataset: str
    metric: str
    a: str
    b: str
    value_a: float
    value_b: float
    images: int
    low: float | None
    high: float | None
    p: float | None
    holm: float | None
    wins: int
    ties: int
    losses: int
    d: float | None
    unit: str = "image"

    @property
    def difference(self) -> float:
        """Value of a minus value of b."""
        return self.value_a - self.value_b

    @property
    def sign(self) -> int:
        """1 where a higher value is better, else -1."""
        return METRICS[self.metric].sign

    @property
    def significant(self) -> bool:
        """Whether the interval excludes 0 and the adjusted p is below 5 %."""
        return bool(self.excludes_zero and self.holm is not None and self.holm < ALPHA)

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside the interval."""
        return self.low is not None and self.high is not None and (self.low > TIE or self.high < -TIE)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Methods compared on the same images of one or more datasets.

    Parameters
    ----------
    methods
        In the order given.
    signatures, images
        By dataset: how its scores were made, and of how many images.
    differences
        By dataset, pair of methods and metric.
    over
        The blocks of the ranks: ``images``, ``groups`` of them, or ``datasets``.
    ranks
        By metric; none for two methods, or too few images.
    resamples, seed, interval
        How the images were resampled.
    """

    methods: tuple[str, ...]
    signatures: Mapping[str, str]
    images: Mapping[str, int]
    differences: tuple[Difference, ...]
    over: str
    ranks: Mapping[str, Ranks]
    resamples: int
    seed: int
    interval: str

    @property
    def metrics(self) -> list[str]:
        """Column ids."""
        return list(dict.fromkeys(difference.metric for difference in self.differences))

    @property
    def caveat(self) -> str:
        """What to do if no difference can be significant with so few resamples; empty if some can."""
        return few_resamples(sum(difference.p is not None for difference in self.differences), self.resamples)

    def letters(self, dataset: str, metric: str) -> dict[str, str]:
        """Return the letters of each method: those that share one do not differ significantly in a metric.

        The best method has the letter ``a``. Empty where a difference has no p-value, or none can be
        significant with so few resamples.
        """
        pairs = [d for d in self.differences if (d.dataset, d.metric) == (dataset, metric)]
        if self.caveat or any(pair.p is None for pair in pairs):
            return {}
        values = {pair.a: pair.value_a for pair in pairs} | {pair.b: pair.value_b for pair in pairs}
        order = sorted(self.methods, key=lambda method: -METRICS[metric].sign * values[method])
        places = {method: place for place, method in enumerate(order)}
        different = [(places[pair.a], places[pair.b]) for pair in pairs if pair.significant]
        return dict(zip(order, compact_letters(len(order), different), strict=True))


def compare(
    scores: Sequence[Scores],
    *,
    datasets: Sequence[str] = (),
    metrics: Sequence[str] = (),
    resamples: int = 10_000,
    seed: int = 0,
    interval: str = "percentile",
    say: Say = lambda line: None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare methods on the same images.

    Parameters
    ----------
    scores
        Of two methods or more; the first is a, the others b.
    datasets, metrics
        Which; none: all, which every method must have.
    resamples, seed
        See `sodbench.analysis.statistics.resampling.bootstrap`.
    interval
        One of `INTERVALS`.
    say
        Called before the images are resampled, if no difference can be significant with so few resamples.
    progress
        Called with the number of steps done and their total: a step a method, and one a pair of methods.

    Raises
    ------
    ScoresError
        The methods are fewer than two, not comparable, or lack a dataset or a metric.
    """
    boards = comparable(scores, datasets, check_metrics(metrics) if metrics else ())
    methods = tuple(method_scores.method for method_scores in next(iter(boards.values())))
    chosen = _common_metrics([method_scores for board in boards.values() for method_scores in board], metrics)
    if caveat := few_resamples(sum(_tests(board, chosen) for board in boards.values()), resamples):
        say(caveat)
    step = step_counter(progress, len(boards) * comparison_steps(len(methods)))
    differences: list[Difference] = []
    blocks: dict[str, list[Reals]] = {metric: [] for metric in chosen}
    for dataset, board in boards.items():
        by_method = [measured(method_scores, chosen) for method_scores in board]
        unit = "group" if board[0].counting.grouped else "image"
        differences += _differences(dataset, methods, by_method, resamples, seed, interval, unit, step)
        for metric in chosen:
            of_images = np.stack([by_metric[metric].values for by_metric in by_method], axis=1)
            whole = np.array([[by_metric[metric].value for by_metric in by_method]])
            blocks[metric].append(whole if len(boards) > 1 else of_images)
    return Comparison(
        methods=methods,
        signatures={dataset: str(board[0].sign(chosen)) for dataset, board in boards.items()},
        images={dataset: len(board[0].rows) for dataset, board in boards.items()},
        differences=adjusted(differences),
        over="datasets" if len(boards) > 1 else f"{unit}s",
        ranks=_ranks({metric: np.concatenate(parts) for metric, parts in blocks.items()}, len(boards) > 1),
        resamples=resamples,
        seed=seed,
        interval=interval,
    )


def comparison_steps(methods: int) -> int:
    """Return the steps of `compare` on a dataset: one a method, and one a pair of methods."""
    return math.comb(methods + 1, 2)


def few_resamples(tests: int, resamples: int) -> str:
    """Say how many resamples it takes for one of so many tests to be significant; nothing if they suffice.

    >>> few_resamples(1155, 10_000).partition(". ")[2], few_resamples(5, 10_000)
    ('Pass --resamples 46200 or more.', '')
    """
    if tests < ALPHA * (1 + resamples):
        return ""
    return (
        f"{resamples} resamples are too few for {counted(tests, 'test')}: even the smallest p is above .05 "
        f"after Holm. Pass --resamples {enough_resamples(tests)} or more."
    )


def enough_resamples(tests: int) -> int:
    """Return with how many resamples the smallest p of so many tests is half of what Holm asks for."""
    return math.ceil(2 * tests / ALPHA)


def _tests(board: Sequence[Scores], metrics: Sequence[str]) -> int:
    """Count the pairs of methods and metrics of a dataset that get a p-value."""
    pairs = ((pair, metric) for pair in combinations(board, 2) for metric in metrics)
    return sum(defined_units(pair, metric) >= FEWEST_IMAGES for pair, metric in pairs)


def paper_metrics(scores: Sequence[Scores]) -> tuple[str, ...]:
    """Return the paper's metrics that some of the scores have; if there are none, all they have."""
    computed = [name for name in METRICS if any(name in method_scores.metrics for method_scores in scores)]
    return tuple(name for name in computed if name in PAPER_METRICS) or tuple(computed)


def comparable(
    scores: Sequence[Scores], datasets: Sequence[str] = (), metrics: Sequence[str] = ()
) -> dict[str, list[Scores]]:
    """Return the scores to compare, by dataset, methods in the order given.

    Parameters
    ----------
    scores
        Of two methods or more.
    datasets
        Names; none: all there are.
    metrics
        What is to be compared; none: every metric that all have.

    Raises
    ------
    ScoresError
        A method is given twice or alone, lacks a dataset, or was scored in another way, on other
        images or against other masks.
    """
    by_dataset: dict[str, dict[str, Scores]] = {}
    for method_scores in scores:
        board = by_dataset.setdefault(method_scores.dataset_name, {})
        if method_scores.method in board:
            raise ScoresError(
                f"{method_scores.method}: found two scores of this method on {method_scores.dataset_name}, "
                "expected one. Pass a folder once; score maps of another version with --method NAME."
            )
        board[method_scores.method] = method_scores
    methods = list(dict.fromkeys(method_scores.method for method_scores in scores))
    if len(methods) < 2:
        raise ScoresError(
            f"{first_few(methods)}: expected scores of two methods or more, found {len(methods)}. Pass a "
            "folder of each, as `sodbench score` wrote them."
        )
    if unknown := [name for name in datasets if name not in by_dataset]:
        hint = nearest(unknown[0], list(by_dataset), OWN_NAMES)
        raise ScoresError(f"{unknown[0]}: no scores of this dataset here; {hint}")
    boards = {}
    for name in datasets or by_dataset:
        if lacking := [method for method in methods if method not in by_dataset[name]]:
            raise ScoresError(
                f"{name}: no scores of {first_few(lacking)}. Score them, or choose datasets with --dataset."
            )
        boards[name] = [by_dataset[name][method] for method in methods]
        for other in boards[name][1:]:
            _check_same(name, boards[name][0], other, metrics)
    return boards


def _check_same(dataset: str, a: Scores, b: Scores, metrics: Sequence[str]) -> None:
    """Refuse scores of other images, under another protocol or against other masks."""
    metrics = metrics or [name for name in a.metrics if name in b.metrics]
    fields = metric_differences(a.signature, b.signature, metrics)
    reasons = [f"{key} is {first} and {second}" for key, (first, second) in fields.items()]
    only = [first_few(sorted(own.rows.keys() - other.rows.keys())) for own, other in ((a, b), (b, a))]
    if not a.rows.keys() & b.rows.keys():
        reasons.append("no image in common")
    reasons += [
        f"only of {method_scores.method}: {names}"
        for method_scores, names in zip((a, b), only, strict=True)
        if names
    ]
    both = [name for name in a.ids if name in b.rows]
    unlike = np.any(_masks_of(a, both) != _masks_of(b, both), axis=1)
    masks = [name for name, other in zip(both, unlike, strict=True) if other]
    if masks:
        reasons.append(f"masks of another size or area: {first_few(masks)}")
    if reasons:
        raise ScoresError(
            f"{a.method} and {b.method} are not comparable on {dataset}: {'; '.join(reasons)}. Score both in "
            "the same way on the same images, or choose with --methods."
        )


def _masks_of(scores: Scores, images: Sequence[str]) -> NDArray[np.int64]:
    """Return heights, widths and areas of objects, ``(images, 3)``."""
    table, at = scores.table, scores.table.at(images)
    return np.concatenate((table.shapes[at], table.pixels[at, :1]), axis=1)


def _common_metrics(scores: Sequence[Scores], metrics: Sequence[str]) -> tuple[str, ...]:
    """Return the metrics to compare; those asked for, or all, which all scores must have."""
    wanted = check_metrics(metrics or {name for method_scores in scores for name in method_scores.metrics})
    for method_scores in scores:
        method_scores.check_computed(wanted)
    return wanted


def _differences(
    dataset: str,
    methods: Sequence[str],
    by_method: Sequence[Mapping[str, Measured]],
    resamples: int,
    seed: int,
    interval: str,
    unit: str,
    step: Callable[[], None],
) -> list[Difference]:
    """Return the differences of all pairs on one dataset, without Holm's adjustment."""
    enough = len(next(iter(by_method[0].values())).values) >= FEWEST_IMAGES
    samples = []
    for by_metric in by_method:
        samples += [bootstrap(list(by_metric.values()), resamples, seed)] if enough else []
        step()
    left_out = (
        [[jackknife(metric) for metric in by_metric.values()] for by_metric in by_method]
        if enough and interval == "bca"
        else []
    )
    every = [list(by_metric.values()) for by_metric in by_method]
    chances = permutations(every, resamples, seed, step) if enough else None
    differences = []
    for pair, (j, k) in enumerate(combinations(range(len(methods)), 2)):
        if chances is None:
            step()
        for m, (a, b) in enumerate(zip(by_method[j].values(), by_method[k].values(), strict=True)):
            images = int((~np.isnan(a.values - b.values)).sum())
            ends: tuple[float, float] | tuple[None, None] = (None, None)
            if images >= FEWEST_IMAGES:
                drawn = samples[j][m] - samples[k][m]
                ends = (
                    bca_interval(drawn, a.value - b.value, left_out[j][m] - left_out[k][m])
                    if left_out
                    else percentile_interval(drawn)
                )
            chance = None if chances is None or images < FEWEST_IMAGES else float(chances[pair, m])
            differences.append(difference_of(dataset, (methods[j], methods[k]), (a, b), ends, chance, unit))
    return differences


def difference_of(
    dataset: str,
    names: tuple[str, str],
    pair: tuple[Measured, Measured],
    ends: tuple[float, float] | tuple[None, None],
    p: float | None,
    unit: str,
) -> Difference:
    """Return the difference of two methods in a metric, with its interval and p, not adjusted by Holm."""
    a, b = pair
    won = win_tie_loss(a.values, b.values, METRICS[a.metric].higher_is_better)
    return Difference(
        dataset=dataset, metric=a.metric, a=names[0], b=names[1],
        value_a=a.value, value_b=b.value, images=int((~np.isnan(a.values - b.values)).sum()),
        low=ends[0], high=ends[1], p=p, holm=None, wins=won[0], ties=won[1], losses=won[2],
        d=cohens_d(a.values, b.values) if a.is_mean else None, unit=unit,
    )  # fmt: skip


def adjusted(differences: Sequence[Difference]) -> tuple[Difference, ...]:
    """Return differences with Holm's adjustment for all of them that have a p-value."""
    values = iter(holm([difference.p for difference in differences if difference.p is not None]))
    return tuple(
        difference if difference.p is None else replace(difference, holm=next(values))
        for difference in differences
    )


def _ranks(blocks: Mapping[str, Reals], of_datasets: bool) -> dict[str, Ranks]:
    """Rank three methods or more, unless there are too few images on which a metric is defined."""
    ranks = {}
    for metric, values in blocks.items():
        defined = int((~np.isnan(values).any(axis=1)).sum())
        if values.shape[1] > 2 and (of_datasets or defined >= FEWEST_IMAGES):
            ranks[metric] = friedman(values, METRICS[metric].higher_is_better)
    return ranks
