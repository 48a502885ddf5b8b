"""Slow, obvious oracles for every metric, from the papers, and the pairs they are tried on.

Nothing here imports sodbench, and nothing in sodbench imports this. All work on whole images, pixel
by pixel: `p` is a normalised map in floating point, `gt` a bool mask, `b` a binarised map.
"""

import os
from fractions import Fraction

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

EPS = 2.0**-52

JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


# ------------------------------------------------------------------------------------- normalising


def bounds(pred, how):
    """Levels that become 0 and 1."""
    low, high = int(pred.min()), int(pred.max())
    if how == "max":
        return 0, high or 255
    if how in ("minmax", "mat2gray") and low < high:
        return low, high
    return 0, 1 if how == "mat2gray" else 255


def normalised(pred, how, *, eps=0.0, matlab=False):
    """Map in [0, 1]; with `matlab` by multiplication with 1 / (max - min), as mapminmax does it."""
    low, high = bounds(pred, how)
    if how == "mat2gray":
        d = 1 / (high - low + eps)
        return np.minimum(np.maximum(d * pred - low * d, 0), 1)
    if eps:
        return (pred.astype(float) - low) / (high - low + eps)
    image, least, most = pred / 255, low / 255, high / 255
    return (image - least) * (1 / (most - least)) if matlab else (image - least) / (most - least)


# -------------------------------------------------------------------------------------- binarising


def binarised(pred, p, how, thresholds, compare):
    """Map binarised at every threshold, ``(K, h, w)``."""
    k = np.arange(256)[:, None, None]
    value, bound = {
        "256": lambda: exact(pred, how, k),
        "256float": lambda: (p, k / 255),
        "256floor": lambda: (np.floor(p * 255), k),
        "255bins": lambda: (np.minimum(np.floor(p * 255), 254), k[:255]),
        "256above": lambda: exact(pred, how, k),
        "21": lambda: exact(pred, how, k[:21], 20),
    }[thresholds]()
    return value > bound if compare == ">" or thresholds == "256above" else value >= bound


def exact(pred, how, k, steps=255):
    """Both sides of (v - low) / (high - low) >= k / steps, cleared of their denominators."""
    low, high = bounds(pred, how)
    return steps * (pred.astype(int) - low), k * (high - low)


def binarised_adaptively(p, one, compare):
    """Map binarised at min(2 mean(p), 1); `one` is what stands for 1, infinity where it is not clipped."""
    threshold = min(2 * p.mean(), one)
    return p > threshold if compare == ">" else p >= threshold


def binarised_adaptively_exactly(pred, how, compare, one=1):
    """The same in fractions."""
    low, high = bounds(pred, how)
    values = {int(v): Fraction(int(v) - low, high - low) for v in np.unique(pred)}
    if how == "mat2gray":
        values = {v: min(x, 1) for v, x in values.items()}
    threshold = min(2 * sum(values[int(v)] for v in pred.flat) / pred.size, one)
    passed = [v for v, x in values.items() if x >= threshold and (x > threshold or compare == ">=")]
    return np.isin(pred, passed)


def binarised_above(pred, how, threshold, eps=0.0):
    """Map binarised at p > threshold, in fractions; the threshold is the decimal number that is printed."""
    low, high = bounds(pred, how)
    bound = Fraction(str(threshold))
    passed = [
        v for v in np.unique(pred) if Fraction(int(v) - low) / (high - low + Fraction(str(eps))) > bound
    ]
    return np.isin(pred, passed)


def adaptive_is_fragile(p):
    """Tell whether rounding decides if some level reaches twice the mean."""
    return bool(p.max() > 0 and (np.abs(p - 2 * p.mean()) < 1e-9).any())


# ------------------------------------------------------------------------------------------ metrics


def mae(p, g, *, eps=0.0):
    return sum(abs(x - y) for x, y in zip(p.flat, g.astype(float).flat, strict=True)) / (p.size + eps)


def soft_mae(p, mask, *, eps=0.0):
    """MAE against a grey mask divided by its maximum."""
    top = mask.max()
    return mae(p, mask / (top + eps) if top else mask * 0.0, eps=eps)


def precision_recall(b, gt, *, eps=0.0):
    tp, found, positives = (b & gt).sum(), b.sum(), gt.sum()
    return (tp / (found + eps), tp / (positives + eps)) if tp else (0.0, 0.0)


def curves(stack, gt, *, eps=0.0):
    """Precision and recall of every binarised map of a stack."""
    precision, recall = zip(*(precision_recall(b, gt, eps=eps) for b in stack), strict=True)
    return np.array(precision), np.array(recall)


def histogram_curves(p, gt, *, eps):
    """Precision and recall as the U2-Net authors' public tool computes them, thresholds ascending."""
    inside, _ = np.histogram(p[gt] * 255, bins=range(256))
    outside, _ = np.histogram(p[~gt] * 255, bins=range(256))
    tp, fp = inside[::-1].cumsum()[::-1], outside[::-1].cumsum()[::-1]
    return tp / (tp + fp + eps), tp / (gt.sum() + eps)


def f_measure(precision, recall, beta2, *, eps=0.0):
    if precision == 0 or recall == 0:
        return 0.0
    return (1 + beta2) * precision * recall / (beta2 * precision + recall + eps)


def f_curve(precision, recall, beta2, *, eps=0.0):
    return np.array([f_measure(p, r, beta2, eps=eps) for p, r in zip(precision, recall, strict=True)])


def e_measure(b, gt):
    """Enhanced alignment, pixel by pixel; undefined on one."""
    if gt.size == 1:
        return np.nan
    if not gt.any():
        enhanced = 1.0 - b
    elif gt.all():
        enhanced = 1.0 * b
    else:
        a, c = b - b.mean(), gt - gt.mean()
        alignment = 2 * a * c / (a * a + c * c + EPS)
        enhanced = (alignment + 1) ** 2 / 4
    return enhanced.sum() / (gt.size - 1 + EPS)


def s_measure(p, gt, *, alpha=0.5, rounding="half-up", below_zero="zero"):
    if not gt.any():
        return 1 - p.mean()
    if gt.all():
        return p.mean()
    halves = alpha * object_half(p, gt) + (1 - alpha) * region_half(p, gt, rounding)
    return halves if below_zero == "kept" else max(0.0, halves)


def object_half(p, gt):
    share = gt.mean()
    return share * object_score(p[gt]) + (1 - share) * object_score(1 - p[~gt])


def object_score(values):
    deviation = values.std(ddof=1) if values.size > 1 else 0.0
    return 2 * values.mean() / (values.mean() ** 2 + 1 + deviation + EPS)


def centroid(gt, rounding):
    """Rounded centroid: how many rows and columns lie up to it."""
    places = []
    for indices in np.nonzero(gt):
        mean = Fraction(int(indices.sum()), len(indices))
        places.append(round(mean) + 1 if rounding == "half-even" else int(mean + 1 + Fraction(1, 2)))
    return places


def quadrants(image, row, col):
    return image[:row, :col], image[:row, col:], image[row:, :col], image[row:, col:]


def region_half(p, gt, rounding):
    row, col = centroid(gt, rounding)
    parts = zip(quadrants(p, row, col), quadrants(gt, row, col), strict=True)
    return sum(x.size / gt.size * ssim(x, y) for x, y in parts if x.size)


def ssim(x, y):
    n, mean_x, mean_y = x.size, mean_of(x), y.mean()
    variance_x = ((x - mean_x) ** 2).sum() / (n - 1 + EPS)
    variance_y = ((y - mean_y) ** 2).sum() / (n - 1 + EPS)
    covariance = ((x - mean_x) * (y - mean_y)).sum() / (n - 1 + EPS)
    alpha = 4 * mean_x * mean_y * covariance
    beta = (mean_x**2 + mean_y**2) * (variance_x + variance_y)
    if alpha != 0:
        return alpha / (beta + EPS)
    return 1.0 if beta == 0 else 0.0


def mean_of(x):
    """Mean, of a constant array exactly: whether its variance is zero decides between SSIM 0 and 1."""
    return x.flat[0] if x.min() == x.max() else x.mean()


def nearest_object(gt):
    """Distance to the nearest object pixel, its row, its column (ties: as scipy and MATLAB have it)."""
    distance, (rows, cols) = ndimage.distance_transform_edt(~gt, return_indices=True)
    return distance, rows, cols


def weighted_f(p, gt, *, beta2=1.0, empty="skip"):
    """The steps of the authors' MATLAB program."""
    if not gt.any():
        return 0.0 if empty == "zero" else np.nan
    distance, rows, cols = nearest_object(gt)
    error = np.abs(p - gt)
    spread = error.copy()
    spread[~gt] = error[rows[~gt], cols[~gt]]
    smooth = ndimage.convolve(spread, gaussian(7, 5.0), mode="constant", cval=0.0)
    least = np.where(gt & (smooth < error), smooth, error)
    importance = np.where(gt, 1.0, 2 - np.exp(np.log(0.5) / 5 * distance))
    weighted = least * importance
    true = gt.sum() - weighted[gt].sum()
    false = weighted[~gt].sum()
    recall = 1 - weighted[gt].mean()
    precision = true / (EPS + true + false)
    return (1 + beta2) * recall * precision / (EPS + recall + beta2 * precision)


def gaussian(size, sigma):
    away = np.arange(size) - size // 2
    window = np.exp(-(away[:, None] ** 2 + away[None, :] ** 2) / (2 * sigma**2))
    return window / window.sum()


def boundary(region, element="cross", border="background"):
    structure = ndimage.generate_binary_structure(2, 1 if element == "cross" else 2)
    kept = ndimage.binary_erosion(region, structure, border_value=border == "foreground")
    return region ^ kept


def within(line, rho, distance="euclidean"):
    """Pixels no further than rho from a boundary."""
    if not line.any():
        return np.zeros(line.shape, bool)
    if distance == "euclidean":
        return ndimage.distance_transform_edt(~line) <= rho
    metric = {"chessboard": "chessboard", "cityblock": "taxicab"}[distance]
    return ndimage.distance_transform_cdt(~line, metric) <= rho


def relaxed_precision_recall(b, gt, *, rho=3.0, element="cross", border="background", distance="euclidean"):
    found, true = (boundary(region, element, border) for region in (b, gt))
    right = found & within(true, rho, distance)
    hit = true & within(found, rho, distance)
    precision = right.sum() / found.sum() if found.any() else 0.0
    recall = hit.sum() / true.sum() if true.any() else 0.0
    return precision, recall


# ------------------------------------------------------------------------------------ pairs to try


def examples(n):
    """Settings of a hypothesis test: `n` examples, a fourth of them where kernels are not compiled."""
    return settings(
        max_examples=n if JIT else n // 4,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def make_mask(kind, shape, rng):
    """Draw a mask of a kind that has degenerate or tied cases of its own."""
    h, w = shape
    rows, cols = np.indices(shape)
    if kind == "empty" or kind == "full":
        return np.full(shape, kind == "full")
    if kind == "pixel":
        return (rows == rng.integers(h)) & (cols == rng.integers(w))
    if kind == "corner":
        return (rows == rng.choice([0, h - 1])) & (cols == rng.choice([0, w - 1]))
    if kind == "stripes":
        period = rng.integers(2, 7)
        return (rows if rng.random() < 0.5 else cols) % period < rng.integers(1, period)
    if kind == "checkerboard":
        side = rng.integers(1, 4)
        return (rows // side + cols // side) % 2 == 0
    if kind == "box":
        (top, bottom), (left, right) = (np.sort(rng.integers(0, n + 1, 2)) for n in shape)
        return (rows >= top) & (rows < bottom) & (cols >= left) & (cols < right)
    if kind == "blob":
        smooth = ndimage.gaussian_filter(rng.random(shape), 2, mode="reflect")
        return smooth > np.quantile(smooth, rng.uniform(0.2, 0.95))
    return rng.random(shape) < rng.choice([0.01, 0.1, 0.3, 0.5, 0.9])


MASKS = ("random", "blob", "box", "stripes", "checkerboard", "pixel", "corner", "empty", "full")


def make_map(kind, gt, rng):
    """Draw a map of a kind; some follow the mask."""
    shape = gt.shape
    if kind == "constant":
        return np.full(shape, rng.choice([0, 1, 51, 128, 254, 255]), np.uint8)
    if kind == "binary":
        return (rng.random(shape) < rng.random()) * np.uint8(255)
    if kind == "levels":
        return rng.choice(rng.integers(0, 256, rng.integers(2, 5)), shape).astype(np.uint8)
    if kind == "low":
        return rng.integers(0, rng.integers(1, 40), shape, endpoint=True).astype(np.uint8)
    if kind == "narrow":
        low = rng.integers(1, 200)
        return rng.integers(low, low + rng.integers(1, 56), shape).astype(np.uint8)
    if kind == "perfect":
        return gt * np.uint8(rng.choice([1, 100, 255]))
    if kind == "shifted":
        return np.roll(gt, rng.integers(0, 5, 2), (0, 1)) * np.uint8(255)
    if kind == "noisy":
        return np.clip(gt * 160.0 + rng.normal(40, 50, shape), 0, 255).astype(np.uint8)
    return rng.integers(0, 256, shape, dtype=np.uint8)


MAPS = ("random", "noisy", "constant", "binary", "levels", "low", "narrow", "perfect", "shifted")


@st.composite
def shapes(draw, longest=24):
    side = st.integers(1, longest)
    thin = st.tuples(st.just(1), side) | st.tuples(side, st.just(1))
    return draw(st.one_of(st.tuples(side, side), thin, st.tuples(st.integers(1, 4), st.integers(1, 4))))


@st.composite
def pairs(draw, masks=MASKS):
    """Pairs (pred, gt): small ones pixel by pixel, larger ones of many kinds."""
    if masks == MASKS and draw(st.integers(0, 4)) == 0:
        shape = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
        return draw(arrays(np.uint8, shape)), draw(arrays(np.bool_, shape))
    shape = draw(shapes())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    gt = make_mask(draw(st.sampled_from(masks)), shape, rng)
    return make_map(draw(st.sampled_from(MAPS)), gt, rng), gt
