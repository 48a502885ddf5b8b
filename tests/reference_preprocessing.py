"""The network's input in plain numpy: the kernels of `sodbench.models.preprocessing` must give its bits."""

import numpy as np

MEAN = np.array([0.485, 0.456, 0.406])
STD = np.array([0.229, 0.224, 0.225])


def network_input(photo, size=320):
    small = resized(photo, size)
    if small.max() == 0:
        return None
    return np.ascontiguousarray(((small / small.max() - MEAN) / STD).transpose(2, 0, 1), np.float32)


def resized(photo, size):
    """Bilinear, zero outside the photo, no anti-aliasing; (size, size, 3) in [0, 1]."""
    height, width = photo.shape[:2]
    (up, down, below), (left, right, beside) = _taps(height, size), _taps(width, size)
    rows = photo[up] * below[0][:, None, None] + photo[down] * below[1][:, None, None]
    out = rows[:, left] * beside[0][None, :, None] + rows[:, right] * beside[1][None, :, None]
    return np.clip(out, photo.min(), photo.max()) / np.iinfo(photo.dtype).max


def _taps(length, size):
    position = (np.arange(size) + 0.5) * length / size - 0.5
    first = np.floor(position).astype(np.intp)
    share = position - first
    weights = ((1 - share) * (first >= 0), share * (first + 1 < length))
    return np.clip(first, 0, length - 1), np.clip(first + 1, 0, length - 1), weights
