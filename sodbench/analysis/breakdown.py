"""Metrics by an attribute of the images: on which groups one method is ahead of another.

A metric of a group of images is what it would be if the dataset were these images: max F is the maximum of
the curve of their mean precision and recall, and not a mean of the images' own.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sodbench.analysis.attributes import (
    attribute_groups,
    attribute_values,
    find_attribute,
    listed_groups,
    lists_name,
)
from sodbench.analysis.statistics.measured import defined_units, measured
from sodbench.analysis.statistics.resampling import FEWEST_IMAGES, TIE, bootstrap, percentile_interval
from sodbench.data.locations import Location
from sodbench.errors import ScoresError, first_few
from sodbench.metrics.histogram import Reals
from sodbench.scoring.scores import Scores, check_alike
from sodbench.utils.process import Bar, Progress, Say

Interval = tuple[float, float]


class ImageGroup(NamedTuple):
    """A metric on the `n` images where it is defined: methods' values, and the first's minus the second's.

    Intervals are 95 % percentile intervals of resampled images, that of the difference paired; None where
    the group has fewer than `FEWEST_IMAGES` images or the metric is undefined on all of them.
    """

    label: str
    n: int
    values: tuple[float, ...]
    intervals: tuple[Interval | None, ...]
    difference: float
    interval: Interval | None

    def ahead(self, higher_is_better: bool) -> int | None:
        """Return which of the first two methods is ahead (0 or 1), None if they do not differ significantly.

        >>> ImageGroup("1", 30, (0.1, 0.2), (None, None), -0.1, (-0.15, -0.05)).ahead(higher_is_better=False)
        0
        """
        if self.interval is None or (self.interval[0] <= TIE and self.interval[1] >= -TIE):
            return None
        return int((self.difference > 0) != higher_is_better)


@dataclass(frozen=True)
class Breakdown:
    """A metric of methods on one dataset, group by group of an attribute.

    Parameters
    ----------
    attribute, dataset, metric
        Their names.
    methods
        Their names, in the order of each group's values.
    whole
        All images of the scores, including those in no group.
    groups
        The groups that have images, in the order of the attribute.
    undefined
        Images in no group.
    resamples, seed
        Number of bootstrap resamples, and the seed.
    signature
        How the scores were made.
    """

    attribute: str
    dataset: str
    metric: str
    methods: tuple[str, ...]
    whole: ImageGroup
    groups: tuple[ImageGroup, ...]
    undefined: tuple[str, ...]
    resamples: int
    seed: int
    signature: str


def break_down(
    scores: Sequence[Scores],
    name: str,
    location: Location,
    metrics: Sequence[str],
    *,
    resamples: int = 10_000,
    seed: int = 0,
    bar: Bar = lambda what: nullcontext(),
) -> list[Breakdown]:
    """Break metrics of methods on one dataset down by an attribute of the images.

    Parameters
    ----------
    scores
        Of two methods or more; differences are those of the first two.
    name
        A key of `ATTRIBUTES`.
    location
        The location of the dataset's masks and photos.
    metrics
        Column ids; one result each.
    resamples, seed
        Number of bootstrap resamples, and the seed.
    bar
        Shows the progress of reading the images, and of resampling each group of them.

    Raises
    ------
    ScoresError
        There is no such attribute, a metric was not computed, or the scores are not comparable.
    DatasetError
        See `attribute_values`.
    """
    find_attribute(name)
    _check_comparable(scores, metrics)
    with bar(f"{name} of images") as progress:
        values = attribute_values(name, location, scores[0], progress)
    grouped = attribute_groups(name, values)
    with bar("resampling") as progress:
        return breakdown(scores, name, grouped, metrics, resamples=resamples, seed=seed, progress=progress)


def break_down_by_lists(
    scores: Sequence[Scores],
    folder: Path,
    metrics: Sequence[str],
    *,
    resamples: int = 10_000,
    seed: int = 0,
    bar: Bar = lambda what: nullcontext(),
    say: Say = lambda line: None,
) -> list[Breakdown]:
    """Break metrics down by lists of images, which `listed_groups` reads; see `break_down`."""
    _check_comparable(scores, metrics)
    grouped = listed_groups(folder, scores[0].ids, say)
    name = lists_name(folder)
    with bar("resampling") as progress:
        return breakdown(scores, name, grouped, metrics, resamples=resamples, seed=seed, progress=progress)


def breakdown(
    scores: Sequence[Scores],
    name: str,
    grouped: Mapping[str, Sequence[str]],
    metrics: Sequence[str],
    *,
    resamples: int = 10_000,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Breakdown]:
    """Compute metrics of methods on each group of images; see `break_down`, which finds the groups.

    A metric of a group is what it would be if the dataset were these images: max F is the maximum of the
    curve of their mean precision and recall. `progress` counts images: those of a group are done together.
    """
    _check_comparable(scores, metrics)
    ids = scores[0].ids
    filled = {label: images for label, images in grouped.items() if images}
    by_label = {}
    done, total = 0, len(ids) + sum(map(len, filled.values()))
    for label, images in {"all": ids, **filled}.items():
        by_label[label] = _group(label, images, scores, metrics, resamples, seed)
        done += len(images)
        if progress:
            progress(done, total)
    known = {image for images in grouped.values() for image in images}
    return [
        Breakdown(
            attribute=name,
            dataset=scores[0].dataset_name,
            metric=metric,
            methods=tuple(method_scores.method for method_scores in scores),
            whole=by_label["all"][metric],
            groups=tuple(by_label[label][metric] for label in filled),
            undefined=tuple(image for image in ids if image not in known),
            resamples=resamples,
            seed=seed,
            signature=str(scores[0].sign(metrics)),
        )
        for metric in metrics
    ]


def _group(
    label: str,
    images: Sequence[str],
    scores: Sequence[Scores],
    metrics: Sequence[str],
    resamples: int,
    seed: int,
) -> dict[str, ImageGroup]:
    parts = [replace(method_scores, rows=method_scores.table.only(images)) for method_scores in scores]
    values = [part.summary() for part in parts]
    defined = {m: int((~np.isnan([part.values(m) for part in parts]).any(axis=0)).sum()) for m in metrics}
    enough = [m for m in metrics if defined_units(parts, m) >= FEWEST_IMAGES]
    samples = _samples(parts, enough, resamples, seed) if enough else {}
    by_metric = {}
    for m in metrics:
        own, drawn = tuple(value[m] for value in values), samples.get(m)
        intervals = [None] * len(own) if drawn is None else [percentile_interval(row) for row in drawn]
        between = None if drawn is None else percentile_interval(drawn[0] - drawn[1])
        by_metric[m] = ImageGroup(label, defined[m], own, tuple(intervals), own[0] - own[1], between)
    return by_metric


def _samples(parts: Sequence[Scores], metrics: Sequence[str], resamples: int, seed: int) -> dict[str, Reals]:
    """Resample images once for all methods and metrics: metric -> ``(methods, resamples)``."""
    by_method = [measured(part, metrics) for part in parts]
    drawn = bootstrap([by_metric[m] for m in metrics for by_metric in by_method], resamples, seed)
    return dict(zip(metrics, np.split(drawn, len(metrics)), strict=True))


def _check_comparable(scores: Sequence[Scores], metrics: Sequence[str]) -> None:
    names = [method_scores.method for method_scores in scores]
    if len(set(names)) < 2 or len(set(names)) < len(names):
        raise ScoresError(
            f"{first_few(names) or 'no scores'}: expected scores of at least two methods, once each."
        )
    check_alike(scores, metrics)
    for method_scores in scores:
        method_scores.check_computed(metrics)
