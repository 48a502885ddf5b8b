"""S-measure: does the map have the structure of the mask, as objects and as regions?

Fan, Cheng, Liu, Li, Borji: Structure-measure, ICCV 2017, doi:10.1109/ICCV.2017.487.

    S = max(0, alpha So + (1 - alpha) Sr)
    O(x) = 2 mean(x) / (mean(x)^2 + 1 + std(x) + eps)
    So = m O(p inside the object) + (1 - m) O(1 - p outside it), m the object's share of the image
    Sr = sum over quadrants of their share of the image times SSIM(p, g)
    SSIM(x, y) = 4 mean(x) mean(y) cov(x, y) / ((mean(x)^2 + mean(y)^2) (var(x) + var(y)) + eps)

with the four quadrants around the mask's centroid.

*Conventions.* alpha = 0.5. The centroid is in 1-based
coordinates; ``half-up`` rounds it as MATLAB does, ``half-even`` as ``np.round`` does on 0-based
coordinates (``pysodmetrics``). Sr can be negative; an S below 0 becomes 0, or stays where
`Protocol.s_below_zero` says so (``f3net``). Standard deviations and variances have N - 1.

*Edge cases.* Empty mask: 1 - mean(p); full mask: mean(p). The originals
return NaN where the rounded centroid falls in the last row or column; here an empty quadrant contributes
0 and the image is reported (`centroid_on_edge`).

A quadrant in which map and mask are constant has SSIM 1, as defined. In the originals it is 0 where the sum
of equal p, divided by their number, is rounded to another value than p: a variance of 1e-33 is not 0.

The original adds eps = 2^-52 to SSIM's denominator, so the S of a perfect map is a little below 1: of a
quadrant whose object has mean y and variance s, SSIM is 1 / (1 + eps / (4 y^2 s)). One object pixel
among 500 costs it 7e-9, and one among 200,000 as much as 0.3.

*Cost.* From the level histograms of the four quadrants, in which every pair is counted anyway: 256 levels a
quadrant, whatever the image's size.

*Revisions.* 1: first.
"""

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.histogram import (
    MATLAB_EPS,
    Counts,
    Reals,
    centroid,
    check_pair,
    normalised,
    quadrant_counts,
    sides,
)
from sodbench.metrics.parts import ROUNDING, Images, MapOnMask, Metric, P, Part, Statistics
from sodbench.protocol import Protocol
from sodbench.utils.kernels import kernel


@kernel
def _moments(counts, p):  # type: ignore[no-untyped-def]
    """Return number of pixels, mean, and sum of squared deviations of p over a histogram."""
    n = 0
    total = 0.0
    for level in range(256):
        n += counts[level]
        total += counts[level] * p[level]
    if n == 0:
        return n, 0.0, 0.0
    mean = total / n
    for level in range(256):
        if counts[level] == n:
            return n, p[level], 0.0
    squares = 0.0
    for level in range(256):
        squares += counts[level] * (p[level] - mean) ** 2
    return n, mean, squares


@kernel
def _object_score(counts, p, eps):  # type: ignore[no-untyped-def]
    n, mean, squares = _moments(counts, p)
    deviation = np.sqrt(squares / (n - 1)) if n > 1 else 0.0
    return n * 2.0 * mean / (mean * mean + 1.0 + deviation + eps)


@kernel
def _region_score(background, foreground, both, p, eps):  # type: ignore[no-untyped-def]
    """SSIM of one quadrant times its number of pixels, from its counts."""
    n, x, squares_x = _moments(both, p)
    if n == 0:
        return 0.0
    inside = 0
    for level in range(256):
        inside += foreground[level]
    y = inside / n
    squares_y = inside * (1 - y) ** 2 + (n - inside) * y**2
    product = 0.0
    if squares_x > 0 and squares_y > 0:
        for level in range(256):
            product += (p[level] - x) * (foreground[level] * (1 - y) - background[level] * y)
    alpha = 4 * x * y * product / (n - 1 + eps)
    beta = (x * x + y * y) * (squares_x + squares_y) / (n - 1 + eps)
    if alpha != 0:
        return n * alpha / (beta + eps)
    return float(n) if beta == 0 else 0.0


def s_measure(pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net") -> float:
    """Return the S-measure of one map.

    Parameters
    ----------
    pred, gt
        ``(h, w)`` uint8 levels and bool mask.
    protocol
        A preset's name, a signature, or a Protocol.

    Examples
    --------
    >>> gt = np.zeros((4, 4), bool)
    >>> gt[1:3, 1:3] = True
    >>> round(s_measure(gt * np.uint8(255), gt), 12)
    1.0
    """
    pred, gt = check_pair(pred, gt)
    protocol = Protocol.of(protocol)
    counts = quadrant_counts(pred, gt, *centroid(gt, protocol.s_centroid))
    object_half, region_half = s_halves(counts, normalised(sides(counts), protocol))
    return float(s_from_halves(np.array(object_half), np.array(region_half), protocol))


def s_halves(counts: Counts, p: Reals) -> tuple[float, float]:
    """Return the object and the region half of S; of an empty or a full mask, S itself twice.

    Parameters
    ----------
    counts
        ``(4, 2, 256)`` counts of `quadrant_counts`, split at the mask's centroid.
    p
        ``(256,)`` normalised value of each level.
    """
    fg, bg = sides(counts)
    if not fg.any():
        s = 1 - _moments(bg, p)[1]
        return s, s
    if not bg.any():
        s = _moments(fg, p)[1]
        return s, s
    n = int(fg.sum() + bg.sum())
    object_half = _object_score(fg, p, MATLAB_EPS) + _object_score(bg, 1 - p, MATLAB_EPS)
    return object_half / n, sum(region_scores(counts, p)) / n


def region_scores(counts: Counts, p: Reals) -> list[float]:
    """Return SSIM of each quadrant times its number of pixels; see `s_halves`."""
    return [_region_score(bg, fg, bg + fg, p, MATLAB_EPS) for bg, fg in counts]


def s_from_halves(object_half: Reals, region_half: Reals, protocol: Protocol) -> Reals:
    """Return S of the two halves, elementwise.

    >>> float(s_from_halves(np.array(0.5), np.array(1.0), Protocol()))
    0.75
    """
    alpha = protocol.s_alpha
    s = alpha * object_half + (1 - alpha) * region_half
    return s if protocol.s_below_zero == "kept" else np.maximum(0, s)


def _of_map(work: None, pair: MapOnMask, protocol: Protocol) -> tuple[float, ...]:
    return s_halves(pair.quadrants, pair.p)


def _values(images: Images, protocol: Protocol) -> Reals:
    return s_from_halves(images.statistics["s_object"], images.statistics["s_region"], protocol)


PART = Part(
    revision=1,
    always_signed=True,
    statistics=Statistics(
        names=("s_object", "s_region"),
        depends=(*P, "s_centroid"),
        of_map=_of_map,
        bounds=(-1 - ROUNDING, 1 + ROUNDING),
    ),
    metrics=(
        Metric(
            id="s_measure",
            label="Sm",
            words="S-measure",
            higher_is_better=True,
            reference="Fan et al., ICCV 2017",
            function=s_measure,
            depends=("s_alpha", "s_below_zero"),
            values=_values,
        ),
    ),
)
