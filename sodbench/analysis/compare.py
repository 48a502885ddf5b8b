"""Compare methods on the same images: differences with intervals and p-values, and ranks.

Two methods are compared by their difference, three or more by their ranks, too: over datasets where
there are several, else over images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from sodbench.analysis.statistics.ranks import Ranks, friedman
from sodbench.analysis.statistics.resampling import (
    ALPHA,
    FEWEST_IMAGES,
    TIE,
    Measured,
    bca_interval,
    bootstrap,
    cohens_d,
    holm,
    jackknife,
    measured,
    percentile_interval,
    permutation,
    win_tie_loss,
)
from sodbench.errors import ScoresError, first_few, nearest
from sodbench.metrics import METRICS, PAPER_METRICS, check_metrics, metric_differences
from sodbench.metrics.histogram import Reals
from sodbench.scoring.scores import Scores

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
        """Whether the interval leaves out 0 and the adjusted p is below 5 %."""
        return bool(self.leaves_out_zero and self.holm is not None and self.holm < ALPHA)

    @property
    def leaves_out_zero(self) -> bool:
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
        The blocks of the ranks: ``images`` or ``datasets``.
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
        return list(dict.fromkeys(one.metric for one in self.differences))


def compare(
    scores: Sequence[Scores],
    *,
    datasets: Sequence[str] = (),
    metrics: Sequence[str] = (),
    resamples: int = 10_000,
    seed: int = 0,
    interval: str = "percentile",
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

    Raises
    ------
    ScoresError
        The methods are fewer than two, not comparable, or lack a dataset or a metric.
    """
    boards = comparable(scores, datasets, check_metrics(metrics) if metrics else ())
    methods = tuple(one.method for one in next(iter(boards.values())))
    chosen = _common_metrics([one for board in boards.values() for one in board], metrics)
    differences: list[Difference] = []
    blocks: dict[str, list[Reals]] = {metric: [] for metric in chosen}
    for dataset, board in boards.items():
        found = [measured(one, chosen) for one in board]
        differences += _differences(dataset, methods, found, resamples, seed, interval)
        for metric in chosen:
            of_images = np.stack([one[metric].values for one in found], axis=1)
            whole = np.array([[one[metric].value for one in found]])
            blocks[metric].append(whole if len(boards) > 1 else of_images)
    return Comparison(
        methods=methods,
        signatures={dataset: board[0].signature for dataset, board in boards.items()},
        images={dataset: len(board[0].rows) for dataset, board in boards.items()},
        differences=adjusted(differences),
        over="datasets" if len(boards) > 1 else "images",
        ranks=_ranks({metric: np.concatenate(parts) for metric, parts in blocks.items()}, len(boards) > 1),
        resamples=resamples,
        seed=seed,
        interval=interval,
    )


def paper_metrics(scores: Sequence[Scores]) -> tuple[str, ...]:
    """Return the paper's metrics that some of the scores have; if there are none, all they have."""
    there = [name for name in METRICS if any(name in one.metrics for one in scores)]
    return tuple(name for name in there if name in PAPER_METRICS) or tuple(there)


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
        A method is given twice or alone, lacks a dataset, or was scored otherwise, on other images or
        against other masks.
    """
    there: dict[str, dict[str, Scores]] = {}
    for one in scores:
        board = there.setdefault(one.dataset_name, {})
        if one.method in board:
            raise ScoresError(
                f"{one.method}: found two scores of this method on {one.dataset_name}, expected "
                "one. Pass a folder once; score maps of another version from a folder of another name."
            )
        board[one.method] = one
    methods = list(dict.fromkeys(one.method for one in scores))
    if len(methods) < 2:
        raise ScoresError(
            f"{first_few(methods)}: expected scores of two methods or more, found {len(methods)}. Pass a "
            "folder of each, as `sodbench score` wrote them."
        )
    if unknown := [name for name in datasets if name not in there]:
        raise ScoresError(f"{unknown[0]}: no scores of this dataset here; {nearest(unknown[0], list(there))}")
    boards = {}
    for name in datasets or there:
        if lacking := [method for method in methods if method not in there[name]]:
            raise ScoresError(
                f"{name}: no scores of {first_few(lacking)}. Score them, or choose datasets with --dataset."
            )
        boards[name] = [there[name][method] for method in methods]
        for other in boards[name][1:]:
            _check_same(name, boards[name][0], other, metrics)
    return boards


def _check_same(dataset: str, a: Scores, b: Scores, metrics: Sequence[str]) -> None:
    """Refuse scores of other images, made otherwise, or made with other masks."""
    metrics = metrics or [name for name in a.metrics if name in b.metrics]
    fields = metric_differences(a.signature, b.signature, metrics)
    said = [f"{key} is {first} and {second}" for key, (first, second) in fields.items()]
    only = [first_few(sorted(one.rows.keys() - two.rows.keys())) for one, two in ((a, b), (b, a))]
    if not a.rows.keys() & b.rows.keys():
        said.append("no image in common")
    said += [f"only of {one.method}: {names}" for one, names in zip((a, b), only, strict=True) if names]
    masks = [name for name in a.ids if name in b.rows and _mask_of(a, name) != _mask_of(b, name)]
    if masks:
        said.append(f"masks of another size or area: {first_few(masks)}")
    if said:
        raise ScoresError(
            f"{a.method} and {b.method} are not comparable on {dataset}: {'; '.join(said)}. Score both in "
            "the same way on the same images."
        )


def _mask_of(scores: Scores, image: str) -> tuple[tuple[int, int], int]:
    row = scores.rows[image]
    return row.shape, int(row.fg.sum())


def _common_metrics(scores: Sequence[Scores], metrics: Sequence[str]) -> tuple[str, ...]:
    """Return the metrics to compare; those asked for, or all, which all scores must have."""
    wanted = check_metrics(metrics or {name for one in scores for name in one.metrics})
    for one in scores:
        one.check_computed(wanted)
    return wanted


def _differences(
    dataset: str,
    methods: Sequence[str],
    found: Sequence[Mapping[str, Measured]],
    resamples: int,
    seed: int,
    interval: str,
) -> list[Difference]:
    """Return the differences of all pairs on one dataset, without Holm's adjustment."""
    enough = len(next(iter(found[0].values())).values) >= FEWEST_IMAGES
    samples = [bootstrap(list(of.values()), resamples, seed) for of in found] if enough else []
    left_out = (
        [[jackknife(one) for one in of.values()] for of in found] if enough and interval == "bca" else []
    )
    differences = []
    for j, k in combinations(range(len(methods)), 2):
        pairs = list(zip(found[j].values(), found[k].values(), strict=True))
        p = permutation(pairs, resamples, seed).tolist() if enough else []
        for m, (a, b) in enumerate(pairs):
            images = int((~np.isnan(a.values - b.values)).sum())
            ends: tuple[float, float] | tuple[None, None] = (None, None)
            if images >= FEWEST_IMAGES:
                drawn = samples[j][m] - samples[k][m]
                ends = (
                    bca_interval(drawn, a.value - b.value, left_out[j][m] - left_out[k][m])
                    if left_out
                    else percentile_interval(drawn)
                )
            won = win_tie_loss(a.values, b.values, METRICS[a.metric].higher_is_better)
            differences.append(
                Difference(
                    dataset=dataset, metric=a.metric, a=methods[j], b=methods[k],
                    value_a=a.value, value_b=b.value, images=images, low=ends[0], high=ends[1],
                    p=p[m] if images >= FEWEST_IMAGES else None, holm=None,
                    wins=won[0], ties=won[1], losses=won[2],
                    d=cohens_d(a.values, b.values) if a.is_mean else None,
                )
            )  # fmt: skip
    return differences


def adjusted(differences: Sequence[Difference]) -> tuple[Difference, ...]:
    """Return differences with Holm's adjustment for all of them that have a p-value."""
    values = iter(holm([one.p for one in differences if one.p is not None]))
    return tuple(one if one.p is None else replace(one, holm=next(values)) for one in differences)


def _ranks(blocks: Mapping[str, Reals], of_datasets: bool) -> dict[str, Ranks]:
    """Rank three methods or more, unless there are too few images on which a metric is defined."""
    found = {}
    for metric, values in blocks.items():
        defined = int((~np.isnan(values).any(axis=1)).sum())
        if values.shape[1] > 2 and (of_datasets or defined >= FEWEST_IMAGES):
            found[metric] = friedman(values, METRICS[metric].higher_is_better)
    return found
