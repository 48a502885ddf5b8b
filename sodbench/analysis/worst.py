"""The images on which a method is worst, or furthest behind another one.

Images are ranked by a metric's per-image values; max F of one image is the maximum of its own curve. Of
equal values the first by name comes first. Images on which the metric is undefined are left out, and named.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sodbench.errors import ScoresError, first_few
from sodbench.metrics import METRICS, find_metric
from sodbench.scoring.scores import Scores, check_alike


class Ranked(NamedTuple):
    """One image: the method's value, and the other method's if there is one."""

    image: str
    value: float
    than: float | None
    notes: tuple[str, ...]

    @property
    def difference(self) -> float | None:
        """The method's value minus the other's."""
        return None if self.than is None else self.value - self.than


@dataclass(frozen=True)
class Ranking:
    """The worst images, worst first.

    Parameters
    ----------
    method, than
        The method, and the one it is behind; None: worst by its own values.
    dataset, metric
        The dataset's name, and the metric's column id.
    of
        Number of images on which the metric is defined.
    behind
        Number of these on which the method is behind the other; None if there is no other.
    undefined
        The images on which the metric is undefined, which are left out.
    images
        Worst first.
    signature
        How the scores were made.
    """

    method: str
    than: str | None
    dataset: str
    metric: str
    of: int
    behind: int | None
    undefined: tuple[str, ...]
    images: tuple[Ranked, ...]
    signature: str


def one_of(stored: Sequence[Scores], path: Path) -> Scores:
    """Return the one method's scores on the one dataset.

    Raises
    ------
    ScoresError
        They are of several datasets or methods.
    """
    datasets = list(dict.fromkeys(method_scores.dataset_name for method_scores in stored))
    if len(datasets) > 1:
        raise ScoresError(
            f"{path}: scores on {len(datasets)} datasets ({first_few(datasets)}). Choose one with -d."
        )
    if len(stored) > 1:
        methods = first_few([method_scores.method for method_scores in stored])
        raise ScoresError(f"{path}: scores of {len(stored)} methods ({methods}). Pass the folder of one.")
    return stored[0]


def rank(scores: Scores, metric: str, count: int, than: Scores | None = None) -> Ranking:
    """Rank a method's worst images.

    Parameters
    ----------
    scores
        Of the method.
    metric
        Column id.
    count
        How many images at most.
    than
        Of another method: images on which the first is behind it, furthest first.

    Raises
    ------
    ScoresError
        `count` is below 1, the metric is unknown, was not computed or is undefined everywhere, or the two
        methods' scores are not comparable.
    """
    metric = find_metric(metric).id
    _check(scores, metric, count, than)
    value = scores.values(metric)
    other = than.values(metric) if than else np.zeros_like(value)
    gap = (value - other) * METRICS[metric].sign
    defined = ~np.isnan(gap)
    if not defined.any():
        raise ScoresError(f"{scores.method} on {scores.dataset_name}: {metric} is undefined on every image.")
    ids = np.array(scores.ids)
    listed = np.argsort(gap, kind="stable")[: int(np.sum(gap < 0 if than else defined))]
    images = tuple(
        Ranked(ids[k].item(), float(value[k]), float(other[k]) if than else None, scores.table.notes[k])
        for k in listed[:count]
    )
    return Ranking(
        method=scores.method,
        than=than.method if than else None,
        dataset=scores.dataset_name,
        metric=metric,
        of=int(defined.sum()),
        behind=len(listed) if than else None,
        undefined=tuple(ids[~defined].tolist()),
        images=images,
        signature=str(scores.sign([metric])),
    )


def _check(scores: Scores, metric: str, count: int, than: Scores | None) -> None:
    if count < 1:
        raise ScoresError(f"{count} images asked for, expected at least 1.")
    for method_scores in (scores, *([than] if than else [])):
        method_scores.check_computed([metric])
    if than is None:
        return
    check_alike([scores, than], [metric])
    if scores.method == than.method:
        raise ScoresError(
            f"both scores are of {scores.method}, which a list could not distinguish. "
            "Score one of them with --method NAME."
        )
