"""Bootstrap bands of precision-recall curves."""

from typing import NamedTuple

import numpy as np

from sodbench.analysis.statistics.measured import dataset_curve, image_columns
from sodbench.analysis.statistics.resampling import FEWEST_IMAGES, TAILS, resampled
from sodbench.errors import ScoresError
from sodbench.metrics.fmeasure import averaged_pr
from sodbench.metrics.histogram import Reals
from sodbench.scoring.scores import Scores
from sodbench.utils.text import counted

BAND_RESAMPLES = 1_000
"""Enough for a band as wide as a line to the eye."""

BAND_POINTS = 400
"""Recalls at which a band is drawn."""


class Band(NamedTuple):
    """The middle 95 % of the precisions that resamples reach at some recalls, each ``(BAND_POINTS,)``."""

    recall: Reals
    low: Reals
    high: Reals


def pr_band(scores: Scores, resamples: int = BAND_RESAMPLES, seed: int = 0) -> Band:
    """Return the band of a dataset's precision-recall curve, over images drawn with replacement.

    Each resample's curve is taken at equal recalls, linear between its thresholds, from the lowest recall
    that the dataset's own curve reaches to 1.

    Parameters
    ----------
    scores
        Of one method on one dataset.
    resamples, seed
        See `sodbench.analysis.statistics.resampling.bootstrap`.

    Raises
    ------
    ScoresError
        There are too few images.
    """
    if scores.counting.units < FEWEST_IMAGES:
        unit = "group" if scores.counting.grouped else "image"
        raise ScoresError(
            f"{scores.method} on {scores.dataset_name}: {counted(scores.counting.units, unit)} are too few "
            f"for a band, expected {FEWEST_IMAGES}. Leave --band out, or choose with --methods."
        )
    averaged = averaged_pr(scores.protocol)
    columns = image_columns(scores, averaged)
    grid = np.linspace(scores.curves()["recall"].min(), 1, BAND_POINTS)
    precisions = []
    for means in resampled(columns, resamples, seed):
        precision, recall = dataset_curve(means, averaged, scores)
        precisions += [np.interp(grid, r[::-1], p[::-1]) for p, r in zip(precision, recall, strict=True)]
    low, high = np.quantile(precisions, TAILS, axis=0)
    return Band(grid, low, high)
