"""Measurements on one map and its mask: levels, thumbnails, block edges, position, earlier enlarging."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sodbench.analysis.diagnostics.upsampling import Enlarging, enlarged_from
from sodbench.data.images.decoding import decode
from sodbench.data.images.maps import mask_from
from sodbench.data.sources import ImageFile
from sodbench.errors import DatasetError, PredictionError, SodbenchError

THUMB = 32
"""Side of the thumbnails that are compared across images: enough to distinguish objects."""
REACH = 3
"""Pixels by which a map is moved to look for a better place."""
BLOCK = 8
"""Side of JPEG's blocks."""
MAX_STEP = 8
"""Steps between neighbours above this many levels are edges of objects, not of blocks."""

Thumb = NDArray[np.float32]


@dataclass(frozen=True)
class Evidence:
    """Measurements on one map and its mask.

    Parameters
    ----------
    image
        Its id.
    shape, mask_shape
        ``(h, w)`` of the map and of its mask.
    digest, mask_digest
        Hashes of the files' bytes.
    levels, top
        Number of distinct grey levels, and the highest.
    jpeg
        The file is a JPEG.
    mae, mae_normalised, mae_inverted
        MAE of the map as saved, divided by its maximum, and inverted (the mask in the map's size).
    thumb, mask_thumb
        Both averaged down to ``(THUMB, THUMB)``.
    edges
        ``(BLOCK,)``: by how much the step behind each position of a block exceeds the steps around it, down
        and across together.
    moved
        ``(2, 2 * REACH + 1)``: MAE with the map moved down and across by -REACH..REACH; None if the sizes
        differ.
    searched, enlarging
        Whether enlarging was searched for, and the result.
    """

    image: str
    shape: tuple[int, ...]
    mask_shape: tuple[int, ...]
    digest: int
    mask_digest: int
    levels: int
    top: int
    jpeg: bool
    mae: float
    mae_normalised: float
    mae_inverted: float
    thumb: Thumb
    mask_thumb: Thumb
    edges: NDArray[np.float64]
    moved: NDArray[np.float64] | None
    searched: bool
    enlarging: Enlarging | None


@dataclass(frozen=True)
class Unreadable:
    """An image whose map or mask cannot be read, and why."""

    image: str
    reason: str


def evidence(
    image: str, pred: ImageFile, mask: ImageFile, rule: str, graded: bool, search: bool
) -> Evidence | Unreadable:
    """Look at one map; `rule` and `graded` say how to read its mask, `search` to look for enlarging."""
    try:
        data, mask_data = pred.content(PredictionError), mask.content(DatasetError)
        decoded = decode(data, pred.where, of_map=True)
        gt = mask_from(mask_data, mask.where, rule=rule, graded=graded).gt
    except SodbenchError as error:
        return Unreadable(image, str(error))
    levels = decoded.levels
    top = int(levels.max())
    p = levels.astype(np.float32) / np.float32(255)
    fitted = gt if gt.shape == levels.shape else _nearest(gt, levels.shape)
    g = fitted.astype(np.float32)
    return Evidence(
        image=image,
        shape=levels.shape,
        mask_shape=gt.shape,
        digest=hash(data),
        mask_digest=hash(mask_data),
        levels=int(np.count_nonzero(np.bincount(levels.ravel(), minlength=256))),
        top=top,
        jpeg="jpeg" in decoded.notes,
        mae=float(np.abs(p - g).mean(dtype=np.float64)),
        mae_normalised=float(np.abs(p * np.float32(255 / max(top, 1)) - g).mean(dtype=np.float64)),
        mae_inverted=float(np.abs(1 - p - g).mean(dtype=np.float64)),
        thumb=thumbnail(p),
        mask_thumb=thumbnail(gt.astype(np.float32)),
        edges=block_edges(levels) + block_edges(levels.T),
        moved=_moved(p, g) if gt.shape == levels.shape and min(gt.shape) > 2 * REACH else None,
        searched=search,
        enlarging=enlarged_from(levels) if search else None,
    )


def thumbnail(values: NDArray[np.float32]) -> Thumb:
    """Average ``(h, w)`` values down (or up) to ``(THUMB, THUMB)``.

    >>> float(thumbnail(np.eye(64, dtype=np.float32))[0, 0])
    0.5
    """
    rows, columns = (np.arange(THUMB) * n // THUMB for n in values.shape)
    sums = np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1)
    high, wide = (
        np.diff(cuts, append=n).clip(1) for cuts, n in zip((rows, columns), values.shape, strict=True)
    )
    small: Thumb = (sums / (high[:, None] * wide)).astype(np.float32)
    return small


def correlation(thumbs: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the correlation of each of n thumbnails with each of m others, 0 where one is constant.

    >>> ramp = np.arange(4, dtype=np.float32).reshape(1, 2, 2)
    >>> correlation(ramp, np.concatenate([ramp, 7 - 2 * ramp, 0 * ramp])).round(6).tolist()
    [[1.0, -1.0, 0.0]]
    """
    correlations: NDArray[np.float64] = _unit(thumbs) @ _unit(others).T
    return correlations


def block_edges(levels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return by how much the step below each of a block's rows exceeds the two steps around it, on average.

    Examples
    --------
    >>> rows = np.repeat(np.arange(8, dtype=np.uint8), 8)[:, None]
    >>> block_edges(rows).round(2).tolist()
    [-0.5, 0.0, 0.0, 0.0, 0.0, 0.0, -0.5, 1.0]
    """
    steps = np.abs(np.diff(levels.astype(np.int16), axis=0)).astype(np.float32)
    if len(steps) < 2 * BLOCK:
        return np.zeros(BLOCK)
    excess = (steps[1:-1] - (steps[:-2] + steps[2:]) / 2).clip(-MAX_STEP, MAX_STEP).mean(axis=1)
    return np.array([float(excess[(k - 1) % BLOCK :: BLOCK].mean()) for k in range(BLOCK)])


def place_of(costs: Sequence[float] | NDArray[np.float64]) -> float:
    """Return where the least of the costs at -REACH..REACH lies, between the steps by a parabola.

    >>> place_of([9, 4, 1, 0, 1, 4, 9]), place_of([16, 9, 4, 1, 0, 1, 4])
    (0.0, 1.0)
    """
    k = int(np.argmin(costs))
    if k in (0, len(costs) - 1):
        return float(k - REACH)
    before, least, after = (float(costs[k + d]) for d in (-1, 0, 1))
    bend = before - 2 * least + after
    return k - REACH + ((before - after) / (2 * bend) if bend > 0 else 0.0)


def _unit(thumbs: NDArray[np.float32]) -> NDArray[np.float64]:
    flat = thumbs.reshape(len(thumbs), -1).astype(np.float64)
    flat -= flat.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.where(norm > 1e-6, flat / np.maximum(norm, 1e-6), 0.0)


def _nearest(gt: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    rows, columns = (((np.arange(n) + 0.5) * m / n).astype(int) for n, m in zip(shape, gt.shape, strict=True))
    return gt[np.ix_(rows, columns)]


def _moved(p: NDArray[np.float32], g: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the MAE inside a frame of REACH pixels; |p - g| = g + p (1 - 2 g) as g is 0 or 1."""
    h, w = g.shape
    inner = g[REACH : h - REACH, REACH : w - REACH]
    sign, start = 1 - 2 * inner, float(inner.sum())
    span = 2 * REACH
    costs = np.empty((2, span + 1))
    for k in range(span + 1):
        down = p[k : k + h - span, REACH : w - REACH]
        across = p[REACH : h - REACH, k : k + w - span]
        costs[:, k] = [start + float(np.einsum("ij,ij->", part, sign)) for part in (down, across)]
    return costs / inner.size
