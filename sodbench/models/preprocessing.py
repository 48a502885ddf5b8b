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
    small = resize_bilinear(photo, SIZE)
    top = small.max()
    if top == 0:
        return None
    return np.ascontiguousarray(((small / top - IMAGENET_MEAN) / IMAGENET_STD).transpose(2, 0, 1), np.float32)


def resize_bilinear(photo: NDArray[np.uint8] | NDArray[np.uint16], size: int) -> NDArray[np.float64]:
    """Resize to ``(size, size, 3)`` in [0, 1], as scikit-image does without anti-aliasing.

    Only the rows and columns that are used are converted, which saves memory on large photos.
    """
    height, width = photo.shape[:2]
    (up, down, below), (left, right, beside) = _taps(height, size), _taps(width, size)
    rows = photo[up] * below[0][:, None, None] + photo[down] * below[1][:, None, None]
    out = rows[:, left] * beside[0][None, :, None] + rows[:, right] * beside[1][None, :, None]
    return np.clip(out, photo.min(), photo.max()) / np.iinfo(photo.dtype).max


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


def _taps(
    length: int, size: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], tuple[NDArray[np.float64], ...]]:
    """Return the two source indices of each target pixel and their weights, 0 outside the photo."""
    position = (np.arange(size) + 0.5) * length / size - 0.5
    first = np.floor(position).astype(np.intp)
    share = position - first
    weights = ((1 - share) * (first >= 0), share * (first + 1 < length))
    return np.clip(first, 0, length - 1), np.clip(first + 1, 0, length - 1), weights
