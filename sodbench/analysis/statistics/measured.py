"""Metrics of scores in the form that can be resampled.

A dataset's value of every metric is a function of *column means over its images*: max F of the mean
precision and recall, weighted F of the sum over the images where it is defined and of their number.
So a resample of the images is a vector of counts times a matrix, and all metrics and methods of a
dataset share one resampling.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from sodbench.analysis.statistics.columns import Columns, some_units
from sodbench.errors import ScoresError
from sodbench.metrics import METRICS, part_of
from sodbench.metrics.histogram import Reals, counts_above
from sodbench.metrics.parts import Averaged, Cut, Metric
from sodbench.scoring.scores import Scores


@dataclass(frozen=True, eq=False)
class Measured:
    """A metric of a dataset, in the form that can be resampled.

    Parameters
    ----------
    metric
        Column id.
    columns
        ``(units, C)``, in the order of the scores' `ids`.
    of
        The metric as a function of the columns' means, ``(..., C)`` to ``(...)``.
    values
        The metric of each image alone, ``(images,)``; NaN where it is undefined.
    is_mean
        Whether the metric of the dataset is the mean of `values`; max F is not.
    """

    metric: str
    columns: Columns
    of: Callable[[Reals], Reals]
    values: Reals
    is_mean: bool

    @property
    def value(self) -> float:
        """The dataset's value."""
        return float(self.of(self.columns.mean))


def measured(scores: Scores, metrics: Sequence[str] = ()) -> dict[str, Measured]:
    """Return metrics of scores in the form that can be resampled, by column id.

    Parameters
    ----------
    scores
        Of one method on one dataset.
    metrics
        Column ids; none: all that were asked for when scoring.

    Raises
    ------
    ScoresError
        A metric was not computed, or is defined on no image.
    """
    metrics = metrics or scores.metrics
    start = f"{scores.method} on {scores.dataset_name}"
    scores.check_computed(metrics)
    columns: dict[str, Columns] = {}
    measured_metrics = {}
    for name in metrics:
        metric, of_images = METRICS[name], scores.values(name)
        values = scores.counting.unit_values(of_images)
        if np.isnan(values).all():
            raise ScoresError(f"{start}: {name} is defined on no image. Leave it out.")
        if part_of(name).is_mean(metric, scores.protocol):
            both = Columns.of(scores.counting.with_counts(of_images))
            measured_metrics[name] = Measured(name, both, _defined_mean, values, True)
            continue
        curve = part_of(name).curves[metric.curve]
        averaged = curve.averaged(scores.protocol)
        if averaged.key not in columns:
            columns[averaged.key] = image_columns(scores, averaged, curve.cut(scores.protocol))
        of = partial(_of_means, metric=metric, averaged=averaged, scores=scores)
        if scores.counting.grouped:
            values = np.concatenate([of(part) for part in columns[averaged.key].parts()])
        measured_metrics[name] = Measured(name, columns[averaged.key], of, values, False)
    return measured_metrics


def defined_units(scores: Sequence[Scores], metric: str) -> int:
    """Return on how many units all of some methods' scores define a metric: images, or groups of them."""
    return int((~np.isnan([s.counting.unit_values(s.values(metric)) for s in scores]).any(axis=0)).sum())


def image_columns(scores: Scores, averaged: Averaged, cut: Cut = counts_above) -> Columns:
    """Return what a dataset's curve is averaged of, in the order of the scores' `ids`."""
    levels_of, protocol, counting = scores.table.levels, scores.protocol, scores.counting

    def of_images(some: slice) -> Reals:
        levels = levels_of.counts(some)
        return counting.columns(averaged.columns(cut(levels, protocol), protocol), averaged, levels)

    if counting.grouped:
        return Columns.of(counting.unit_columns(map(of_images, some_units(len(levels_of)))))
    return Columns(len(levels_of), of_images)


def dataset_curve(means: Reals, averaged: Averaged, scores: Scores) -> Reals:
    """Return the curves of datasets ``(..., K)`` whose columns have some means ``(..., C)``."""
    return scores.counting.curve_of_means(averaged, means, len(scores.rows))


def _of_means(means: Reals, metric: Metric, averaged: Averaged, scores: Scores) -> Reals:
    return metric.reduced(dataset_curve(means, averaged, scores))


def _defined_mean(means: Reals) -> Reals:
    total, share = means[..., 0], means[..., 1]
    return np.divide(total, share, out=np.full(share.shape, np.nan), where=share > 0)
