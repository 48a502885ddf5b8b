"""Photos, masks and maps side by side: which images, and their pixels.

Images are named, or chosen by a metric's per-image values: the k on which the methods shown are worst or
best on average, or disagree most (highest minus lowest). Images on which the metric is undefined for a method
are not chosen; of equal values the first by name is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sodbench.data.images.decoding import mask_from, prediction_from
from sodbench.data.images.photos import photo_from
from sodbench.data.locations import Location, mask_entries, photo_entries
from sodbench.data.pairing import pair
from sodbench.data.sources import ImageFile
from sodbench.errors import DatasetError, PredictionError, ScoresError, first_few, nearest
from sodbench.metrics import METRICS
from sodbench.protocol import Protocol
from sodbench.scoring.pipeline import binarised_by
from sodbench.scoring.scores import Scores, check_alike

PICKS = ("worst", "best", "disagree")


@dataclass(frozen=True)
class ShownImage:
    """One image of the figure.

    Parameters
    ----------
    name
        Its id.
    photo
        ``(h, w, 3)`` uint8.
    gt
        ``(h, w)`` bool mask.
    maps
        Method -> ``(h, w)`` uint8 levels.
    """

    name: str
    photo: NDArray[np.uint8]
    gt: NDArray[np.bool_]
    maps: Mapping[str, NDArray[np.uint8]]


def pick_images(
    scores: Sequence[Scores], methods: Sequence[str], how: str, metric: str, count: int
) -> list[str]:
    """Choose images by the methods' per-image values of a metric.

    Parameters
    ----------
    scores
        Of the methods shown, on one dataset.
    methods
        The methods shown.
    how
        One of `PICKS`.
    metric
        Column id.
    count
        How many images.

    Raises
    ------
    ScoresError
        A method has no scores or two of them, the metric was not computed, or the scores have no image in
        common on which it is defined, or were made in different ways.
    """
    there = [one.method for one in scores]
    if odd := [method for method in methods if there.count(method) != 1]:
        raise ScoresError(
            f"{first_few(odd)}: expected scores of each method once, found {there.count(odd[0])} of "
            f"{odd[0]}. Name the folders with --scores."
        )
    if metric not in METRICS:
        raise ScoresError(f"unknown metric {metric!r}; {nearest(metric, tuple(METRICS))}")
    if lacking := [one.method for one in scores if metric not in one.metrics]:
        raise ScoresError(f"{first_few(lacking)}: {metric} was not computed. Score again with it.")
    check_alike(scores)
    columns = [one.per_image()[metric] for one in scores]
    common = sorted(set.intersection(*(set(column.index[column.notna()]) for column in columns)))
    if not common:
        raise ScoresError(f"{first_few([s.method for s in scores])}: no image in common with a {metric}.")
    values = np.array([[float(column[name]) for name in common] for column in columns])
    sign = 1 if METRICS[metric].higher_is_better else -1
    key = {
        "worst": sign * values.mean(axis=0),
        "best": -sign * values.mean(axis=0),
        "disagree": values.min(axis=0) - values.max(axis=0),
    }[how]
    return [common[k] for k in np.argsort(key, kind="stable")[:count]]


def load_shown(
    images: Sequence[str], location: Location, methods: Mapping[str, Sequence[ImageFile]]
) -> list[ShownImage]:
    """Read the photo, the mask and every method's map of some images.

    Raises
    ------
    DatasetError
        An image is not in the dataset, or has no photo.
    PredictionError
        A method has no map of it, or the map cannot be read or is of another size than the mask.
    """
    masks, photos = mask_entries(location), photo_entries(location)
    known = {mask.stem: mask for mask in masks}
    maps = {m: {name: e for name, e, _ in pair(entries, masks).pairs} for m, entries in methods.items()}
    rule = binarised_by(Protocol(), location).mask_threshold
    found = []
    for name in images:
        if name not in known:
            raise DatasetError(f"{name}: no such image in {location.dataset.name}; {nearest(name, [*known])}")
        if name not in photos:
            raise DatasetError(f"{name}: no photo in {location.root}; its mask is there.")
        if absent := [method for method, there in maps.items() if name not in there]:
            raise PredictionError(f"{name}: no map of {first_few(absent)}. Leave it or the method out.")
        mask = mask_from(known[name].read(), known[name].where, rule=rule, graded=location.dataset.grey_masks)
        levels = {
            method: prediction_from(there[name].read(), there[name].where, shape=mask.gt.shape).levels
            for method, there in maps.items()
        }
        pixels = photo_from(photos[name].read(), photos[name].where)
        photo = (pixels // 257 if pixels.dtype == np.uint16 else pixels).astype(np.uint8)
        found.append(ShownImage(name, photo, mask.gt, levels))
    return found


def errors(levels: NDArray[np.uint8], gt: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a picture of a map's errors at level 128: found white, false positives orange, misses blue.

    Parameters
    ----------
    levels, gt
        ``(h, w)`` uint8 map and bool mask.

    Returns
    -------
    ``(h, w, 3)`` uint8.

    Examples
    --------
    >>> errors(np.array([[255, 255, 0, 0]], np.uint8), np.array([[True, False, True, False]])).tolist()
    [[[255, 255, 255], [213, 94, 0], [0, 114, 178], [0, 0, 0]]]
    """
    found = levels >= 128
    picture = np.zeros((*gt.shape, 3), np.uint8)
    picture[found & gt] = 255
    picture[found & ~gt] = (213, 94, 0)
    picture[~found & gt] = (0, 114, 178)
    return picture


def overlaid(levels: NDArray[np.uint8], photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the photo, darkened to a third where a map is black, ``(h, w, 3)`` uint8."""
    share = (levels[..., None].astype(np.float64) / 255 * 2 + 1) / 3
    return (photo * share).astype(np.uint8)
