"""Human correction efforts the way their authors' program computes them, with scikit-image and OpenCV.

Written from the definition, step by step as there: needs OpenCV, which is no dependency of sodbench.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]

RELAX = 5
EPSILON = 2.0
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


def correction_efforts(pred: NDArray[np.uint8], gt: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return points and independent regions of false positives, then of false negatives."""
    import cv2
    from skimage.morphology import skeletonize

    mask: Mask = gt.astype(np.uint8)
    found: Mask = (pred > 128).astype(np.uint8)
    thin = skeletonize(gt).astype(np.uint8)  # type: ignore[no-untyped-call]
    hit = mask & found
    fp, fn = found & ~hit, mask & ~hit
    kept: Any = cv2.erode(mask | found, CROSS, iterations=RELAX)
    grown_fp: Any = fp & kept
    grown_fn: Any = fn & kept
    for _ in range(RELAX):
        grown_fp = np.logical_and(cv2.dilate(grown_fp, CROSS), 1 - mask).astype(np.uint8)
        grown_fn = np.logical_and(cv2.dilate(grown_fn, CROSS), 1 - found).astype(np.uint8)
    fp &= grown_fp
    fn = (fn & grown_fn) | (thin & (1 - hit))
    fp_points, fp_indep = _of_regions(fp, hit | fn)
    fn_points, fn_indep = _of_regions(fn, 1 - (hit | fp | fn))
    return fp_points, fp_indep, fn_points, fn_indep


def _of_regions(regions: Mask, touching: Mask) -> tuple[int, int]:
    """Return the points of all borders' runs that need correction, and the regions without such a pixel."""
    import cv2
    from skimage.measure import label

    contours, _ = cv2.findContours(regions, cv2.RETR_TREE, cv2.CHAIN_APPROX_NONE)
    near = cv2.dilate(touching, CROSS)
    labels = label(regions)  # type: ignore[no-untyped-call]
    independent = np.ones(len(np.unique(labels)))
    independent[0] = 0
    taken = np.zeros(regions.shape)
    points = 0
    for contour in contours:
        runs: list[list[list[int]]] = []
        run: list[list[int]] = []
        for x, y in contour[:, 0]:
            if near[y, x] == 0 or taken[y, x] != 0:
                if run:
                    runs.append(run)
                    run = []
                continue
            run.append([x, y])
            taken[y, x] += 1
            independent[labels[y, x]] = 0
        if run:
            runs.append(run)
        if len(runs) > 1:
            (x, y), (last_x, last_y) = runs[0][0], runs[-1][-1]
            if max(abs(int(x) - int(last_x)), abs(int(y) - int(last_y))) == 1:
                runs[-1].extend(runs[0][::-1])
                del runs[0]
        for run in runs:
            points += len(cv2.approxPolyDP(np.array(run, np.int32), EPSILON, False))
    return points, int(independent.sum())
