"""One map on one mask: arrays or files to a row."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from warnings import warn

import numpy as np
from numpy.typing import NDArray

from sodbench.data.images.decoding import FILE_NOTES, SaliencyMap
from sodbench.data.images.maps import Mask, binarised, mask_from, prediction_from, resized_mask
from sodbench.data.sources import ImageFile
from sodbench.metrics import DEFAULT_METRICS, check_metrics, parts_of
from sodbench.metrics.histogram import (
    Centroid,
    centroid,
    centroid_on_edge,
    check_pair,
    normalised,
    quadrant_counts,
    sides,
)
from sodbench.metrics.parts import MapOnMask
from sodbench.protocol import Protocol, fixed_size
from sodbench.scoring.rows import Row, needed
from sodbench.scoring.scores import Scores

MASK_WAY = "with a protocol whose mask_threshold is"
"""How the library takes another rule for masks."""


class PreparedMask(NamedTuple):
    """What the metrics need of a mask, whatever the map; `work` is that of each part, by family."""

    mask: Mask
    centroid: Centroid
    work: Mapping[str, Any]
    notes: tuple[str, ...]


def score_image(
    pred: NDArray[np.uint8],
    gt: NDArray[np.bool_] | NDArray[np.uint8],
    *,
    protocol: str | Protocol = "u2net",
    metrics: Iterable[str] = DEFAULT_METRICS,
) -> dict[str, float]:
    """Score one map.

    Parameters
    ----------
    pred
        ``(h, w)`` uint8 levels; `sodbench.data.images.decoding.decode` reads them from a file.
    gt
        ``(h, w)`` bool mask, or its uint8 levels, read by the rules for files: 0/1 as 0/255, with a warning;
        others by the protocol's rule, an error if it leaves no object of a mask that is not empty.
    protocol
        A preset's name, a signature, or a Protocol.
    metrics
        Column ids.

    Returns
    -------
    Column id -> value of this one image, NaN where a metric is undefined on it.

    Raises
    ------
    PredictionError
        The arrays' shapes or types are not as above.
    DatasetError
        The protocol's rule leaves no object of the mask.
    ProtocolError, ScoresError
        The protocol or a metric is unknown.

    Examples
    --------
    >>> pred = np.array([[0, 0, 90, 180], [0, 0, 180, 180]], np.uint8)
    >>> score_image(pred, pred > 100, metrics=["max_f", "mae"])
    {'max_f': 1.0, 'mae': 0.0625}
    """
    protocol, metrics = Protocol.of(protocol), check_metrics(metrics)
    mask = _mask_of_array(gt, protocol)
    levels, _ = check_pair(pred, mask.gt)
    prepared = prepare_mask(mask, protocol, metrics)
    row = score_pair("image", SaliencyMap(levels, ()), prepared, protocol, metrics)
    return Scores("array", "array@0", 1, protocol, metrics, {row.id: row}).summary()


def prepare_mask(mask: Mask, protocol: Protocol, metrics: Iterable[str]) -> PreparedMask:
    """Do the work on a mask that all methods share."""
    gt = mask.gt
    n = np.count_nonzero(gt)
    renamed = {"jpeg": "jpeg-mask", "grey": "grey-mask", "emptied": "emptied-mask", "mask-01": "mask-01"}
    notes = [renamed[note] for note in mask.notes if note in renamed]
    notes += ["empty-mask"] if n == 0 else ["full-mask"] if n == gt.size else []
    work = {
        family: part.statistics.of_mask(gt, protocol)
        for family, part in parts_of(tuple(metrics)).items()
        if part.statistics
    }
    return PreparedMask(mask, centroid(gt, protocol.s_centroid), work, tuple(notes))


def score_pair(
    image: str,
    pred: SaliencyMap,
    prepared: PreparedMask,
    protocol: Protocol,
    metrics: Iterable[str],
    digest: str = "",
) -> Row:
    """Compute the row of one map on a prepared mask."""
    mask = prepared.mask
    counts = quadrant_counts(pred.levels, mask.gt, *prepared.centroid)
    levels = sides(counts)
    pair = MapOnMask(pred.levels, mask.gt, mask.levels, counts, levels, normalised(levels, protocol))
    numbers: dict[str, float] = {}
    for family, part in parts_of(tuple(metrics)).items():
        if stored := needed(part, protocol, prepared.notes):
            values = stored.of_map(prepared.work[family], pair, protocol)
            numbers.update(zip(stored.names, values, strict=True))
    notes = [f"{note}-map" if note in ("jpeg", "faint") else note for note in pred.notes]
    if np.count_nonzero(levels.fg + levels.bg) == 1 and "missing" not in notes:
        notes.append("constant-map")
    if levels.fg.any() and levels.bg.any() and centroid_on_edge(counts):
        notes.append("edge-centroid")
    fg, bg = levels.fg.astype(np.uint32), levels.bg.astype(np.uint32)
    return Row(image, mask.gt.shape, fg, bg, numbers, (*notes, *prepared.notes), digest)


def _mask_of_array(gt: NDArray[Any], protocol: Protocol) -> Mask:
    """Take a bool mask, or uint8 levels by the rules for files; `check_pair` refuses others."""
    gt = np.array(gt, order="C")
    if gt.dtype != np.uint8 or gt.ndim != 2 or gt.size == 0:
        return Mask(gt, gt * np.uint8(255) if gt.dtype == np.bool_ else gt, ())
    levels = SaliencyMap(gt, ())
    mask = binarised(levels, "gt", rule=protocol.mask_threshold, eps=protocol.eps, way=MASK_WAY)
    if "mask-01" in mask.notes:
        warn(f"gt: {FILE_NOTES['mask-01']}", stacklevel=3)
    return mask


def prepared_from(
    data: bytes, where: str, protocol: Protocol, metrics: Iterable[str], graded: bool
) -> PreparedMask:
    """Decode a mask's file, and do the work on it that all methods share."""
    mask = mask_from(data, where, rule=protocol.mask_threshold, eps=protocol.eps, graded=graded)
    if size := fixed_size(protocol.resize):
        mask = resized_mask(mask, size)
    return prepare_mask(mask, protocol, metrics)


def levels_of(
    data: bytes, entry: ImageFile | None, shape: tuple[int, int], protocol: Protocol
) -> SaliencyMap:
    """Decode a map's file at its mask's shape; no entry is an all-zero map."""
    if entry is None:
        return SaliencyMap(np.zeros(shape, np.uint8), ("missing",))
    if not fixed_size(protocol.resize):
        return prediction_from(data, entry.where, shape=shape, resize=protocol.resize)
    resized = prediction_from(data, entry.where, shape=shape, resize="bilinear")
    return SaliencyMap(resized.levels, tuple(note for note in resized.notes if note != "turned"))
