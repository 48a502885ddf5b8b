"""Slow, obvious oracles for metrics of an object's parts and surroundings; see `reference`."""

import numpy as np
from reference import f_curve, mae
from scipy import ndimage

# --------------------------------------------------------------------------------- size-invariant metrics


def target_boxes(gt, *, first_only=False):
    """Boxes as masks: of components of 50 pixels, or else of the largest, or of the first."""
    labelled, n = ndimage.label(gt)
    parts = [labelled == k for k in range(1, n + 1)]
    large = [part for part in parts if part.sum() >= 50]
    if not large and first_only:
        large = parts[:1]
    if not large:
        large = [part for part in parts if part.sum() == max(other.sum() for other in parts)]
    boxes = []
    for part in large:
        rows, cols = np.nonzero(part)
        box = np.zeros(gt.shape, bool)
        box[rows.min() : rows.max() + 1, cols.min() : cols.max() + 1] = True
        boxes.append(box)
    return boxes or [np.ones(gt.shape, bool)]


def si_f_curves(stack, at_zero, gt, boxes, beta2, *, eps=0.0, added=0):
    """F curve of each box; `stack` is the binarised map, `at_zero` what p = 0 becomes at each threshold."""
    curves = []
    for box in boxes:
        inside = gt & box
        precision, recall = [], []
        for b, zero in zip(stack, at_zero, strict=True):
            b = np.where(box, b, zero)
            tp, found = (b & inside).sum(), b.sum()
            precision.append(tp / (found + added + eps) if tp else 0.0)
            recall.append(tp / (inside.sum() + added + eps) if tp else 0.0)
        curves.append(f_curve(precision, recall, beta2, eps=eps))
    return np.array(curves)


def si_metric_stack(pred):
    """The map binarised at SI_Metric's thresholds, and what p = 0 becomes there."""
    p = pred / 255
    p = (p - p.min() + 1e-20) / (p.max() - p.min() + 1e-20)
    step = float(np.float32(1) / np.float32(99))
    rising = [float(np.float32(step * k)) for k in range(50)]
    thresholds = np.array([*rising, *(float(np.float32(1 - step * (99 - k))) for k in range(50, 100))])
    return p >= thresholds[:, None, None], thresholds <= 0


def si_mae(p, gt, boxes, *, own_convention=False):
    errors = [mae(p[box], gt[box]) for box in boxes]
    rest = ~np.any(boxes, axis=0)
    if not rest.any():
        return np.mean(errors)
    alpha = rest.sum() / (~rest).sum()
    return (sum(errors) + alpha * mae(p[rest], gt[rest])) / (len(errors) + alpha + own_convention)


# ----------------------------------------------------------------------------------------- context measure


def on_a_line(points):
    """Tell whether all points lie on the line through the first and the last."""
    (r, c), (last_r, last_c) = points[0].tolist(), points[-1].tolist()
    return all((last_r - r) * (y - c) == (last_c - c) * (x - r) for x, y in points.tolist())


def context_kernel(gt):
    points = np.argwhere(gt)
    if len(points) <= 1:
        cov, (a, b) = np.diag([0.25, 0.25]), (1, 1)
    else:
        cov = np.cov(points, rowvar=False)
        cov = 36 * cov / np.trace(cov)
        a, b = (round(3 * s) for s in np.sqrt(np.diag(cov)))
    weights = np.zeros((2 * a + 1, 2 * b + 1))
    for i in range(-a, a + 1):
        for j in range(-b, b + 1):
            if len(points) > 1 and on_a_line(points):
                beside = on_a_line(np.array([points[0], points[0] + (i, j), points[-1]]))
                weights[i + a, j + b] = np.exp(-(i * i + j * j) / 72) if beside else 0
            else:
                z = np.array([i, j])
                weights[i + a, j + b] = np.exp(-0.5 * z @ np.linalg.inv(cov) @ z)
    return weights / weights.sum()


def smoothed(image, weights):
    a, b = (n // 2 for n in weights.shape)
    wide = np.pad(image.astype(float), ((a, a), (b, b)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(wide, weights.shape)
    return (windows * weights).sum(axis=(2, 3))


def context(p, gt, *, beta2=1.0):
    weights = context_kernel(gt)
    forward = (p * smoothed(gt, weights)).sum() / (p.sum() + 1e-8)
    covered = np.e / (np.e - 1) * (1 - np.exp(-smoothed(p, weights)))
    reverse = (gt * covered).sum() / (gt.sum() + 1e-8)
    return (1 + beta2) * forward * reverse / (beta2 * forward + reverse + 1e-8)
