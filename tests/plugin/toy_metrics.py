"""Two metrics of another package: one of the pixels, one of the level histograms."""

import numpy as np

from sodbench.metrics.histogram import Above, counts_above, level_counts, normalised
from sodbench.metrics.parts import (
    THRESHOLDS,
    Averaged,
    Curve,
    Images,
    MapOnMask,
    Metric,
    P,
    Part,
    Statistics,
    own_mean,
)
from sodbench.protocol import Protocol


def top_row(pred, gt, *, protocol="u2net"):
    """The mean of p in the first row: an order of pixels that no histogram knows."""
    return float(normalised(level_counts(pred, gt), Protocol.of(protocol))[pred[0]].mean())


def _top_row_of(work: None, pair: MapOnMask, protocol: Protocol) -> tuple[float, ...]:
    return (float(pair.p[pair.pred[0]].mean()),)


def _top_row(images: Images, protocol: Protocol):
    return images.statistics["toy_row"]


def row_share(pred, gt, *, protocol="u2net"):
    """`top_row` times the object's share of the image: made of both kinds of what is stored."""
    return top_row(pred, gt, protocol=protocol) * float(gt.mean())


def _row_share(images: Images, protocol: Protocol):
    inside, outside = (side.sum(axis=-1) for side in images.levels)
    return images.statistics["toy_row"] * inside / (inside + outside)


PIXEL = Part(
    revision=3,
    statistics=Statistics(names=("toy_row",), depends=P, of_map=_top_row_of),
    metrics=(
        Metric(
            id="toy_top",
            label="Top",
            words="top row",
            higher_is_better=False,
            reference="nobody",
            function=top_row,
            values=_top_row,
        ),
        Metric(
            id="toy_mix",
            label="Mix",
            words="row share",
            higher_is_better=True,
            reference="nobody",
            function=row_share,
            values=_row_share,
        ),
    ),
)


def overlap(above: Above, protocol: Protocol):
    """Intersection over union at each threshold."""
    return above.tp / np.maximum(above.inside + above.fp, 1)


def _averaged(protocol: Protocol) -> Averaged:
    return own_mean("toy_overlap", overlap)


def best_overlap(pred, gt, *, protocol="u2net"):
    """The highest overlap over thresholds."""
    chosen = Protocol.of(protocol)
    return float(overlap(counts_above(level_counts(pred, gt), chosen), chosen).max())


LEVEL = Part(
    revision=1,
    curves={"toy_overlap": Curve(THRESHOLDS, overlap, _averaged)},
    metrics=(
        Metric(
            id="toy_max",
            label="maxToy",
            words="max overlap",
            higher_is_better=True,
            reference="nobody",
            function=best_overlap,
            curve="toy_overlap",
            reduction="max",
        ),
    ),
)
