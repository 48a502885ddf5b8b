"""The authors' test script as pure functions: photo -> network input, network output -> map.

Qin et al., U2-Net, and the official ``u2net_test.py``, whose choices are kept where the paper says nothing:

* The photo, in [0, 1], is resized to 320x320 without keeping its aspect ratio, bilinearly, **without
  anti-aliasing**, zero outside the photo, as ``skimage.transform.resize(order=1, mode="constant")``.
* It is divided by the resized photo's own maximum, not by 255; then ImageNet's mean and std.
* The fused output is stretched to [0, 1] by its minimum and maximum at 320x320
  (``postprocess="official"``; the paper's text does not: ``"none"``), truncated to 8 bits, and resized by
  Pillow's bilinear filter.

Differences from the script: an all-black photo gives an all-zero map (the script: NaN), as
does a constant output; of an RGBA photo the maximum is that of the first three channels (the script: of
all four); palette and CMYK photos are converted to RGB.
"""

import numpy as np
from numpy.typing import NDArray

from sodbench.utils.kernels import kernel

SIZE = 320
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406])
IMAGENET_STD = np.array([0.229, 0.224, 0.225])


def network_input(photo: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.float32] | None:
    """Return what the network sees of a photo, None for an all-black one.

    Parameters
    ----------
    photo
        ``(h, w, 3)`` uint8 or uint16.

    Returns
    -------
    ``(3, 320, 320)`` float32.

    Examples
    --------
    >>> round(float(network_input(np.full((4, 6, 3), 9, np.uint8)).max()), 4)
    2.64
    """
    planes = _resized(photo, SIZE)
    full = np.iinfo(photo.dtype).max
    top = planes.max() / full
    if top == 0:
        return None
    out = np.empty(planes.shape, np.float32)
    for plane, mean, std, into in zip(planes, IMAGENET_MEAN, IMAGENET_STD, out, strict=True):
        _standardise(plane, full, top, mean, std, into)
    return out


def resize_bilinear(photo: NDArray[np.uint8] | NDArray[np.uint16], size: int) -> NDArray[np.float64]:
    """Resize to ``(size, size, 3)`` in [0, 1], as scikit-image does without anti-aliasing."""
    return _resized(photo, size).transpose(1, 2, 0) / np.iinfo(photo.dtype).max


def _resized(photo: NDArray[np.uint8] | NDArray[np.uint16], size: int) -> NDArray[np.float64]:
    """Resize to ``(3, size, size)`` in the photo's levels; only rows that are used are copied."""
    height, width = photo.shape[:2]
    (up, down, of_rows), (left, right, of_columns) = _taps(height, size), _taps(width, size)
    rows = [np.ascontiguousarray(photo[index]).reshape(size, -1) for index in (up, down)]
    low, high = float(photo.min()), float(photo.max())
    out = np.empty((3, size, size))
    _resize(rows[0], rows[1], of_rows, left, right, of_columns, low, high, out)
    return out


@kernel
def _resize(upper, lower, of_rows, left, right, of_columns, low, high, out):  # type: ignore[no-untyped-def]
    """Blend two rows of pixels, then two pixels of the blended row."""
    blended = np.empty(upper.shape[1])
    for i in range(out.shape[1]):
        above, below = of_rows[0, i], of_rows[1, i]
        for k in range(blended.size):
            blended[k] = upper[i, k] * above + lower[i, k] * below
        for j in range(out.shape[2]):
            first, second, before, after = 3 * left[j], 3 * right[j], of_columns[0, j], of_columns[1, j]
            for c in range(3):
                value = blended[first + c] * before + blended[second + c] * after
                out[c, i, j] = min(max(value, low), high)


@kernel
def _standardise(plane, full, top, mean, std, out):  # type: ignore[no-untyped-def]
    for i in range(plane.shape[0]):
        for j in range(plane.shape[1]):
            out[i, j] = (plane[i, j] / full / top - mean) / std


def saliency_map(output: NDArray[np.float32], width: int, height: int, postprocess: str) -> NDArray[np.uint8]:
    """Turn the network's output into a map of the photo's size.

    Parameters
    ----------
    output
        ``(320, 320)`` probabilities.
    width, height
        Size of the photo.
    postprocess
        ``official`` stretches to [0, 1] first; ``none`` does not.

    Examples
    --------
    >>> saliency_map(np.array([[0.2, 0.6]], np.float32), 2, 1, "official").tolist()
    [[0, 255]]
    """
    from PIL import Image

    if postprocess == "official":
        low, high = output.min(), output.max()
        output = (output - low) / (high - low) if high > low else np.zeros_like(output)
    levels = (output * np.float32(255)).astype(np.uint8)
    return np.array(Image.fromarray(levels).resize((width, height), Image.Resampling.BILINEAR))


def _taps(length: int, size: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return the two source indices of each target pixel and their weights (2, size), 0 outside the photo."""
    position = (np.arange(size) + 0.5) * length / size - 0.5
    first = np.floor(position).astype(np.intp)
    share = position - first
    weights = np.stack(((1 - share) * (first >= 0), share * (first + 1 < length)))
    return np.clip(first, 0, length - 1), np.clip(first + 1, 0, length - 1), weights
