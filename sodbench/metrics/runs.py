"""Rows of a mask as runs: stretches of object pixels, from which outlines, components and moments follow."""

import numpy as np
from numpy.typing import NDArray

from sodbench.utils.kernels import kernel


@kernel
def _list_runs(gt, runs):  # type: ignore[no-untyped-def]
    height, width = gt.shape
    n = 0
    for row in range(height):
        line = gt[row]
        before = False
        for col in range(width):
            if line[col] != before:
                before = line[col]
                if before:
                    runs[n, 0], runs[n, 1] = row, col
                else:
                    runs[n, 2] = col
                    n += 1
        if before:
            runs[n, 2] = width
            n += 1


def object_runs(gt: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the stretches of object pixels of a mask: ``(n, 3)`` row, first column, column after the last.

    In the order of rows, then columns.

    Examples
    --------
    >>> object_runs(np.array([[True, True, False, True]])).tolist()
    [[0, 0, 2], [0, 3, 4]]
    """
    n = np.count_nonzero(gt[:, 0]) + np.count_nonzero(gt[:, 1:] & ~gt[:, :-1])
    runs = np.empty((n, 3), np.int32)
    _list_runs(gt, runs)
    return runs
