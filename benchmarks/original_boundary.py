"""Mean boundary accuracy and boundary IoU the way the original programs compute them, with OpenCV.

Written from the definitions, step by step as there: needs OpenCV, which is no dependency of sodbench.
"""

import numpy as np
from numpy.typing import NDArray

STEPS = 5
SQUARE = np.ones((3, 3), np.uint8)


def mean_boundary_accuracy(pred: NDArray[np.uint8], gt: NDArray[np.bool_]) -> float:
    """Return CascadePSP's mBA."""
    import cv2

    mask, found = gt.astype(np.uint8), (pred > 128).astype(np.uint8)
    longest, total = sum(mask.shape) / 300, 0.0
    for i in range(STEPS):
        size = 2 * (1 + int((longest - 1) / STEPS * i)) + 1
        ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        near = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, ellipse) > 0
        inside, predicted = mask[near], found[near]
        right = inside * predicted + (1 - inside) * (1 - predicted)
        total += float(right.sum() / near.sum()) if near.any() else np.nan
    return total / STEPS


def boundary_iou(pred: NDArray[np.uint8], gt: NDArray[np.bool_]) -> float:
    """Return boundary-iou-api's boundary IoU, without the run-length code of its way over pycocotools."""
    mask, found = (_margin(region.astype(np.uint8)) for region in (gt, pred >= 128))
    union = ((mask + found) > 0).sum()
    return float(((mask * found) > 0).sum() / union) if union else 0.0


def _margin(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    height, width = mask.shape
    distance = max(1, int(round(0.02 * np.sqrt(height**2 + width**2))))
    framed = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=[0])
    inner = cv2.erode(framed, SQUARE, iterations=distance)[1 : height + 1, 1 : width + 1]
    return np.asarray(mask - inner, np.uint8)
