"""Photos to arrays, as input to a network. Maps and masks are read by `sodbench.data.images.decoding`.

| photo | read as |
|---|---|
| grey, 1-bit, grey with alpha | its grey in three equal channels |
| RGB, progressive JPEG | as it is |
| RGBA | its first three channels |
| palette, CMYK, YCbCr | converted to RGB |
| 16-bit grey PNG, TIFF, PGM or JPEG 2000, 16-bit colour PNG | its 65,536 levels; colour by the rules above |
| EXIF rotation | ignored, as the masks' pixels are not rotated; applied on request |
| truncated, damaged, animated, 32-bit, other 16-bit colour, too many pixels | refused, with the reason |
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sodbench.data.images.containers import ORIENTATION, load_image, open_image, refusing
from sodbench.data.images.png import RefusalError, chunks_of, head_of, samples_of
from sodbench.errors import PredictionError, first_few
from sodbench.utils.text import counted

_ORIENTATION_MARKS = (b"Exif", b"EXIF", b"eXIf", b"rientation")
"""One of these is in every file that is no TIFF and has an orientation, in EXIF or in XMP."""


def photo_from(data: bytes, where: str, *, exif: bool = False) -> NDArray[Any]:
    """Decode a photo.

    Parameters
    ----------
    data
        Content of the file.
    where
        Name of the file in messages.
    exif
        Apply the rotation that the file's EXIF data asks for.

    Returns
    -------
    ``(h, w, 3)`` uint8, or uint16 for a 16-bit photo.

    Raises
    ------
    PredictionError
        The photo is damaged, animated, too large, or of an unsupported kind.

    Examples
    --------
    >>> from io import BytesIO
    >>> from PIL import Image
    >>> file = BytesIO()
    >>> Image.new("RGBA", (2, 1), (9, 8, 7, 0)).save(file, "PNG")
    >>> photo_from(file.getvalue(), "a.png").tolist()
    [[[9, 8, 7], [9, 8, 7]]]
    """
    with _named(where):
        kind, image = open_image(data)
        if kind == "PNG" and "16" in str(image.tile[0][3]) and not image.mode.startswith("I"):
            return _deep_colour(data, exif)
        pixels = load_image(kind, image, exif=exif)
        with refusing(kind):
            return _channels(pixels, kind)


def is_rotated(data: bytes) -> bool:
    """Tell whether a photo's EXIF data asks for a rotation or reflection; False for what cannot be read.

    >>> from io import BytesIO
    >>> from PIL import Image
    >>> file, exif = BytesIO(), Image.Exif()
    >>> exif[ORIENTATION] = 6
    >>> Image.new("RGB", (2, 1)).save(file, "JPEG", exif=exif)
    >>> is_rotated(file.getvalue())
    True
    """
    if data[:2] not in (b"II", b"MM") and not any(mark in data for mark in _ORIENTATION_MARKS):
        return False
    with suppress(RefusalError):
        kind, image = open_image(data)
        with refusing(kind):
            return image.getexif().get(ORIENTATION, 1) in range(2, 9)
    return False


def rotation_notice(names: Sequence[str], applied: bool) -> str:
    """Say which photos EXIF rotates, and whether the rotation was `applied`.

    >>> rotation_notice(["a.jpg"], applied=True)[:54]
    '1 photo with an EXIF rotation (a.jpg), applied by --ex'
    """
    photos = f"{counted(len(names), 'photo')} with an EXIF rotation ({first_few(names)})"
    if applied:
        return f"{photos}, applied by --exif: if masks lie as the pixels are stored, run without it."
    return f"{photos}, not applied: if masks lie as the photos are shown, pass --exif and a new folder."


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Say which file was refused."""
    try:
        yield
    except RefusalError as refusal:
        raise PredictionError(f"{where}: {refusal}") from refusal


def _channels(image: Any, kind: str) -> NDArray[Any]:
    if image.mode.startswith("I;16"):
        grey = np.array(image, np.uint16)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode == "I" and kind == "PPM":
        return np.repeat(np.array(image, np.uint16)[:, :, None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise RefusalError("with 32 bits per pixel it is unclear which value is white. Save it with 8 or 16.")
    if image.mode in ("LA", "La"):
        image = image.getchannel(0)
    if image.mode in ("RGBA", "RGBa", "RGBX"):
        return np.array(image)[:, :, :3]
    image.info.pop("transparency", None)  # of a palette: Pillow would warn that RGB has none
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _deep_colour(data: bytes, exif: bool) -> NDArray[Any]:
    """Decode a PNG with colour or alpha in 16 bits, of which Pillow drops the lower eight."""
    chunks, pixels = chunks_of(data)
    head = head_of(chunks)
    if head.interlaced or (exif and b"eXIf" in chunks):
        raise RefusalError(
            "16-bit colour that cannot be read exactly (interlaced, or to be rotated). "
            "Save it as a plain PNG, or with 8 bits."
        )
    samples = samples_of(head, pixels)
    return np.repeat(samples[:, :, :1], 3, axis=2) if samples.shape[2] == 2 else samples[:, :, :3]
