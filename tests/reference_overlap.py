"""Slow, obvious oracles of the overlap measures, AUC and AP, from pixels."""

from fractions import Fraction

import numpy as np


def confusion(b, gt):
    """Count true and false positives, false and true negatives, pixel by pixel."""
    counts = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for predicted, inside in zip(b.ravel().tolist(), gt.ravel().tolist(), strict=True):
        counts[predicted, inside] += 1
    return tuple(counts.values())


def ratio(part, whole, zero):
    """Return a fraction; 0/0 is `zero`, None for undefined."""
    return Fraction(part, whole) if whole else zero


def overlap(name, counts, zero):
    """Return a measure of counts in exact numbers, NaN where it is undefined."""
    tp, fp, fn, tn = counts
    n = tp + fp + fn + tn
    if name == "ber":
        rates = ratio(tp, tp + fn, zero), ratio(tn, tn + fp, zero)
        found = None if None in rates else 1 - sum(rates) / Fraction(2)
    elif name == "kappa":
        agreement = Fraction(tp + tn, n)
        chance = Fraction((tp + fp) * (tp + fn) + (tn + fn) * (tn + fp), n * n)
        found = (agreement - chance) / (1 - chance) if chance != 1 else zero
    else:
        part, whole = {
            "iou": (tp, tp + fp + fn),
            "dice": (2 * tp, 2 * tp + fp + fn),
            "oa": (tp + tn, n),
            "specificity": (tn, tn + fp),
            "fpr": (fp, fp + tn),
            "precision": (tp, tp + fp),
            "recall": (tp, tp + fn),
        }[name]
        found = ratio(part, whole, zero)
    return np.nan if found is None else float(found)


def auc(pred, gt):
    """Compare every object pixel with every other one."""
    inside, outside = pred[gt].astype(int), pred[~gt].astype(int)
    if not inside.size or not outside.size:
        return np.nan
    gaps = inside[:, None] - outside[None]
    return float(((gaps > 0) + (gaps == 0) / 2).mean())


def ap(pred, gt):
    """Sum up precision over the levels, the highest first, weighted by the gain of recall."""
    if not gt.any() or gt.all():
        return np.nan
    total, before = 0.0, 0
    for level in sorted({*pred.ravel().tolist()}, reverse=True):
        b = pred >= level
        tp = int((b & gt).sum())
        total += (tp - before) / gt.sum() * tp / b.sum()
        before = tp
    return total


def cosod_curves(pred, gt):
    """Precision, recall and false positive rate at eval-co-sod's 255 thresholds, ascending."""
    p = pred.astype(np.float32) / np.float32(255)
    p = (p - p.min()) / (p.max() - p.min() + np.float32(1e-20))
    stack = [p >= np.float32(i) / np.float32(254) for i in range(255)]
    counts = [confusion(b, gt) for b in stack]
    precision = np.array([tp / max(tp + fp, 1) for tp, fp, _, _ in counts])
    recall = np.array([tp / max(tp + fn, 1) for tp, _, fn, _ in counts])
    fpr = np.array([fp / max(fp + tn, 1) for _, fp, _, tn in counts])
    return precision, recall, fpr


def cosod_ap(precision, recall):
    """Area under the interpolated curve, with the points (0, 0) and (1, 0)."""
    points = sorted(zip([0.0, *recall, 1.0], [0.0, *precision, 0.0], strict=True))
    area = 0.0
    for (left, _), (right, _) in zip(points, points[1:], strict=False):
        area += (right - left) * max(p for r, p in points if r >= right)
    return area


def cosod_auc(recall, fpr):
    """Trapezoids between the thresholds."""
    return abs(float(np.trapezoid(recall, fpr)))
