"""Placement of point labels in a figure, so that none covers another."""

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.histogram import Reals

Choice = NDArray[np.int64]

NEAR = 7.0
"""A name further from its point than this gets a line to it, in points."""

REACHES = (5.0, 6.5, 9.0, 13.0, 18.0, 24.0, 31.0, 39.0, 48.0)
"""How far from its point a name may stand, in points."""

MARK = 3.5
"""Half the side of the square that a point's marker covers, in points."""

EFFORT = 160
"""Number of names times number of restarts of the search: fewer names get more restarts."""


def place_labels(points: Reals, sizes: Reals, frame: Reals) -> Reals:
    """Choose label positions: the offset of each label's centre from its point, in points.

    Every label tries places around its point, near ones first, and takes the one that covers least;
    this is repeated until none moves, from several beginnings. The same input gives the same places.

    Parameters
    ----------
    points
        ``(n, 2)``.
    sizes
        Width and height of the labels, ``(n, 2)``.
    frame
        Lower left and upper right corner, ``(2, 2)``, of where labels may stand.

    Examples
    --------
    >>> place_labels(np.array([[50.0, 50.0]]), np.array([[20.0, 8.0]]), np.array([[0, 0], [99, 99.0]]))
    array([[15.,  0.]])
    """
    angles = np.arange(16) * (np.pi / 8)
    ways = np.round(np.stack([np.cos(angles), np.sin(angles)], axis=-1), 12)
    reaches = np.repeat(REACHES, len(ways))
    gaps = reaches[:, None] * np.tile(ways, (len(REACHES), 1))
    halves = np.clip(1.5 * np.tile(ways, (len(REACHES), 1)), -1, 1) / 2
    centres = points[:, None] + gaps + halves * sizes[:, None]
    boxes = np.stack([centres - sizes[:, None] / 2, centres + sizes[:, None] / 2], axis=2)
    steps = np.linspace(0.125, 1, 8)[:, None]
    led = reaches > NEAR
    lines = points[:, None, None] + steps * (gaps * led[:, None])[:, None]
    marks = np.stack([points - MARK, points + MARK], axis=1)

    sideways = np.tile([0, 2, 4, 3] * 4, len(REACHES)) / 4  # rather beside a point than askew
    alone = (
        0.6 * reaches + sideways + 10 * (sizes.prod(axis=1)[:, None] - _shared(boxes, frame[None])[..., 0])
    )
    for k in range(len(points)):
        alone[k] += 6 * _shared(boxes[k], marks).sum(axis=-1)
        away = np.maximum(boxes[k][:, None, 0] - points, points - boxes[k][:, None, 1]).clip(0)
        rivals = np.hypot(*np.moveaxis(np.delete(away, k, axis=1), -1, 0)) < reaches[:, None] + 3
        alone[k] += 15 * (rivals.any(axis=-1) & ~led)  # a name beside two points: whose is it?
        alone[k] += 20 * _crossings(lines[k], np.delete(marks, k, axis=0)).sum(axis=-1)
    random, again = np.random.default_rng(0), EFFORT // max(len(points), 1) - 1
    starts = [alone, *(alone + 20 * random.random(alone.shape) for _ in range(again))]
    against = _Against(points, boxes, lines)
    tried = [_settled(start.argmin(axis=1), alone, against) for start in starts]
    _, chosen = min(tried, key=lambda result: result[0])
    return centres[np.arange(len(points)), chosen] - points


class _Against:
    """What every place of a label costs against another label at a place, each computed once."""

    def __init__(self, points: Reals, boxes: Reals, lines: Reals) -> None:
        self._points, self._boxes, self._lines = points, boxes, lines
        self._known: list[dict[tuple[int, int], Reals]] = [{} for _ in points]

    def costs(self, k: int, others: Choice, chosen: Choice) -> Reals:
        """Return what the places of label `k` cost against all others at the chosen ones."""
        known = self._known[k]
        pairs = list(zip(others.tolist(), chosen.tolist(), strict=True))
        if new := [pair for pair in pairs if pair not in known]:
            known.update(zip(new, self._computed(k, *np.array(new).T).T, strict=True))
        return np.sum([known[pair] for pair in pairs], axis=0)

    def _computed(self, k: int, others: Choice, chosen: Choice) -> Reals:
        """Return the costs, ``(places, others)``."""
        points, boxes, lines = self._points, self._boxes[k], self._lines[k]
        placed, drawn = self._boxes[others, chosen], self._lines[others, chosen]
        cost = 10 * _shared(boxes, placed)
        cost += 15 * _meet(points[k], lines[:, -1], points[others], drawn[:, -1])
        cost += 20 * _crossings(lines, placed)
        cost += 20 * _crossings(drawn, boxes).T
        return cost


def _settled(chosen: Choice, alone: Reals, against: _Against) -> tuple[float, Choice]:
    """Move one label after another to its best place until none moves; return the cost and the places."""
    everyone = np.arange(len(chosen))
    for _ in range(20):
        before, total = chosen.copy(), 0.0
        for k in range(len(chosen)):
            others = np.delete(everyone, k)
            cost = alone[k] + against.costs(k, others, chosen[others])
            chosen[k] = cost.argmin()
            total += float(cost[chosen[k]])
        if (chosen == before).all():
            break
    return total, chosen


def _shared(boxes: Reals, others: Reals) -> Reals:
    """Return the area that each of ``(..., 2, 2)`` boxes shares with each of ``(m, 2, 2)`` others."""
    low = np.maximum(boxes[..., None, 0, :], others[:, 0])
    high = np.minimum(boxes[..., None, 1, :], others[:, 1])
    across, up = np.moveaxis(np.maximum(high - low, 0), -1, 0)
    return across * up


def _crossings(lines: Reals, boxes: Reals) -> Choice:
    """Count the points of each of ``(c, s, 2)`` lines that lie in each of ``(m, 2, 2)`` boxes."""
    x, y = np.moveaxis(lines, -1, 0)[..., None]  # twice as fast as both at once
    (left, low), (right, high) = boxes[:, 0].T, boxes[:, 1].T
    return ((x > left) & (x < right) & (y > low) & (y < high)).sum(axis=1)


def _meet(start: Reals, ends: Reals, starts: Reals, others: Reals) -> NDArray[np.bool_]:
    """Say which lines from `start` to ``(c, 2)`` ends cut which lines from ``(m, 2)`` starts to others."""
    ends = ends[:, None]
    apart = _side(start, ends, starts) * _side(start, ends, others) < 0
    return apart & (_side(starts, others, start) * _side(starts, others, ends) < 0)


def _side(start: Reals, end: Reals, point: Reals) -> Reals:
    along, to_point = end - start, point - start
    return along[..., 0] * to_point[..., 1] - along[..., 1] * to_point[..., 0]
