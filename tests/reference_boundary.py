"""Slow, obvious oracles of mean boundary accuracy, boundary IoU and grey boundary IoU.

Nothing here imports sodbench. `b` is a binarised map, `q` a map as numbers of thresholds passed.
"""

import numpy as np
from scipy import ndimage


def element(radius):
    """Elliptical element: row dy spans |dx| <= rint(r sqrt(1 - dy^2 / r^2))."""
    away = np.arange(-radius, radius + 1)
    return np.abs(away) <= np.rint(radius * np.sqrt(1 - away[:, None] ** 2 / radius**2))


def region(gt, radius):
    """Pixels of the mask's dilation that are not in its erosion; outside the image is ignored."""
    ellipse = element(radius)
    grown = ndimage.binary_dilation(gt, ellipse)
    return grown & ~ndimage.binary_erosion(gt, ellipse, border_value=1)


def radii(height, width):
    """Five radii from 1 on, in equal steps that would reach (w + h) / 300 in the next one, rounded down."""
    return [1 + int(((width + height) / 300 - 1) / 5 * i) for i in range(5)]


def mean_boundary_accuracy(b, gt):
    if gt.all() or not gt.any():
        return np.nan
    return np.mean([(b == gt)[region(gt, radius)].mean() for radius in radii(*gt.shape)])


def margin_width(height, width):
    return max(1, int(round(0.02 * np.sqrt(height**2 + width**2))))


def eroded(levels, distance):
    return ndimage.minimum_filter(levels, 2 * distance + 1, mode="constant", cval=0)


def margin(b, distance):
    return b & ~eroded(b, distance)


def iou(a, b):
    return (a & b).sum() / (a | b).sum() if (a | b).any() else 0.0


def boundary_iou(b, gt):
    distance = margin_width(*gt.shape)
    return iou(margin(b, distance), margin(gt, distance))


def grey_boundary_iou(q, gt, thresholds):
    """One value for each of so many thresholds."""
    distance = margin_width(*gt.shape)
    g, m = margin(gt, distance), q.astype(int) - eroded(q.astype(int), distance)
    hit, size = np.array([[(m >= k)[g].sum(), (m >= k)[~g].sum()] for k in range(thresholds)]).T
    return hit / (max(g.sum(), 1) + size)


def binarised(pred, how):
    """Levels above 128, from 128 on, or more than half of the way from the least to the greatest."""
    pred = pred.astype(int)
    if how == "minmax>.5" and pred.min() < pred.max():
        return 2 * (pred - pred.min()) > pred.max() - pred.min()
    return {">128": pred > 128, ">=128": pred >= 128, "minmax>.5": pred / 255 > 0.5}[how]
