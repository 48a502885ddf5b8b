"""Ranks of methods over images or datasets: Friedman's test and Nemenyi's critical difference.

`scipy.stats`, which takes 50 MB, is imported where ranks are made: intervals do without.

Reference: Demšar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7 (2006).
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from sodbench.analysis.statistics.letters import compact_letters
from sodbench.analysis.statistics.resampling import ALPHA
from sodbench.errors import ScoresError
from sodbench.metrics.histogram import Reals


@dataclass(frozen=True, eq=False)
class Ranks:
    """Average ranks of methods over blocks (images or datasets), 1 the best.

    Parameters
    ----------
    mean
        ``(methods,)``; ties share their average rank.
    blocks
        How many there are.
    statistic, p
        Friedman's chi-square, corrected for ties, and its p-value.
    critical_difference
        Nemenyi's: methods whose average ranks differ by at least this differ at the 5 % level.
    groups
        Indices of methods that do not differ significantly, best first; groups may overlap. If Friedman's
        test finds no difference at the 5 % level, all methods are one group.
    """

    mean: Reals
    blocks: int
    statistic: float
    p: float
    critical_difference: float
    groups: tuple[tuple[int, ...], ...]

    @property
    def letters(self) -> list[str]:
        """The letters of each method; those that share one do not differ significantly."""
        order = np.argsort(self.mean, kind="stable").tolist()
        alike = {pair for group in self.groups for pair in combinations(group, 2)}
        different = [
            (j, k) for j, k in combinations(range(len(order)), 2) if (order[j], order[k]) not in alike
        ]
        letters = compact_letters(len(order), different)
        return [letters[order.index(method)] for method in range(len(order))]


def friedman(values: Reals, higher_is_better: bool) -> Ranks:
    """Rank methods in every block, and test whether they differ.

    Parameters
    ----------
    values
        ``(blocks, methods)``; blocks with an undefined value are left out.
    higher_is_better
        Which way is better.

    Raises
    ------
    ScoresError
        There are fewer than three methods or two blocks.
    """
    from scipy.stats import friedmanchisquare, rankdata

    values = values[~np.isnan(values).any(axis=1)]
    blocks, methods = values.shape
    if methods < 3 or blocks < 2:
        raise ScoresError(f"ranks of {methods} methods over {blocks} blocks: expected at least 3 and 2.")
    ranks = rankdata(-values if higher_is_better else values, axis=1)
    differing = (np.ptp(ranks, axis=1) > 0).any()
    statistic, p = friedmanchisquare(*ranks.T) if differing else (0.0, 1.0)
    mean, difference = ranks.mean(axis=0), critical_difference(methods, blocks)
    groups = rank_groups(mean, difference if p < ALPHA else np.inf)
    return Ranks(mean, blocks, float(statistic), float(p), difference, groups)


@cache
def critical_difference(methods: int, blocks: int, alpha: float = ALPHA) -> float:
    """Return Nemenyi's critical difference of average ranks (Demšar 2006, equation 5 and table 5).

    >>> round(critical_difference(4, 14), 2)
    1.25
    """
    from scipy.stats import studentized_range

    q = studentized_range.ppf(1 - alpha, methods, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(methods * (methods + 1) / (6 * blocks)))


def rank_groups(ranks: Reals, difference: float) -> tuple[tuple[int, ...], ...]:
    """Return the largest sets of methods whose ranks lie less than a critical difference apart.

    >>> rank_groups(np.array([1.0, 3.0, 1.9, 2.2]), 1.0)
    ((0, 2), (2, 3), (3, 1))
    """
    order = np.argsort(ranks, kind="stable")
    ends = [int((ranks[order] - ranks[k] < difference).sum()) for k in order]
    return tuple(
        tuple(order[start:end].tolist())
        for start, end in enumerate(ends)
        if end - start > 1 and (start == 0 or end > ends[start - 1])
    )
