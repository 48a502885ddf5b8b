"""Arrays as small pictures inside a page.

Measured on 50 of SOD's images and their 150 maps at 160 pixels, as mean bytes of a picture:

| picture | WebP | PNG | JPEG |
|---|---|---|---|
| photo | 3,551 (quality 75) | 34,166 | 4,550 (quality 75) |
| map | 2,362 (lossless) | 2,665 | |
| mask | 598 (lossless) | 773 | |
| errors | 1,043 (lossless) | 2,401 | |
"""

import base64
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

QUALITY = 75
"""Of photos; all else is kept exactly."""


def shrunk(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return a picture whose longer side has at most so many pixels; each is the mean of those it covers.

    A smaller picture is returned as it is.

    Parameters
    ----------
    pixels
        ``(h, w)`` or ``(h, w, 3)``.
    side
        Pixels of the longer side.

    Examples
    --------
    >>> shrunk(np.array([[0, 100], [0, 100]], np.uint8), 1)
    array([[50]], dtype=uint8)
    """
    h, w = pixels.shape[:2]
    if max(h, w) <= side:
        return pixels
    size = max(1, round(w * side / max(h, w))), max(1, round(h * side / max(h, w)))
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BOX), order="C")


def data_uri(pixels: NDArray[np.uint8], *, photo: bool = False) -> str:
    """Return a picture as a WebP ``data:`` URI; only a photo loses something.

    >>> data_uri(np.zeros((2, 2), np.uint8))[:23]
    'data:image/webp;base64,'
    """
    file = BytesIO()
    how: dict[str, Any] = {"quality": QUALITY, "method": 6} if photo else {"lossless": True}
    Image.fromarray(pixels).save(file, "WEBP", **how)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
