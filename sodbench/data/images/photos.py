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

import struct
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sodbench.errors import PredictionError

PHOTO_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "JPEG2000", "PPM", "TGA", "AVIF")


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
    >>> from PIL import Image
    >>> file = BytesIO()
    >>> Image.new("RGBA", (2, 1), (9, 8, 7, 0)).save(file, "PNG")
    >>> photo_from(file.getvalue(), "a.png").tolist()
    [[[9, 8, 7], [9, 8, 7]]]
    """
    from PIL import Image, ImageOps

    from sodbench.data.images.decoding import CHECKS
    from sodbench.data.images.png import RefusalError

    try:
        with Image.open(BytesIO(data), formats=PHOTO_FORMATS) as image:
            _check_size(image.size, where)
            if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
                raise PredictionError(f"{where}: an animated or multi-page file, expected one photo.")
            if image.format in CHECKS:
                CHECKS[image.format](image, data)
            if _is_deep_colour(image):
                return _deep_colour(data, where, exif)
            image.load()
            return _channels(ImageOps.exif_transpose(image) if exif else image, where)
    except RefusalError as refusal:
        raise PredictionError(f"{where}: {refusal}") from refusal
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PredictionError(f"{where}: too many pixels ({error}). Scale the photo down.") from error
    except (OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, struct.error) as error:
        raise PredictionError(f"{where}: not an image, or a damaged one ({error}). Get it again.") from error


def _channels(image: Any, where: str) -> NDArray[Any]:
    if image.mode.startswith("I;16"):
        grey = np.array(image, np.uint16)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode == "I" and image.format == "PPM":
        return np.repeat(np.array(image, np.uint16)[:, :, None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise PredictionError(
            f"{where}: with 32 bits per pixel it is unclear which value is white. Save it with 8 or 16."
        )
    if image.mode in ("LA", "La"):
        image = image.getchannel(0)
    if image.mode in ("RGBA", "RGBa", "RGBX"):
        return np.array(image)[:, :, :3]
    image.info.pop("transparency", None)  # of a palette: Pillow would warn that RGB has none
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _is_deep_colour(image: Any) -> bool:
    """Tell whether a photo has colour or alpha in 16 bits, of which Pillow drops the lower eight."""
    if image.mode.startswith("I"):
        return False
    if image.format == "TIFF":
        return max(image.tag_v2.get(258, (1,))) == 16
    return image.format == "PNG" and "16" in str(image.tile[0][3])


def _deep_colour(data: bytes, where: str, exif: bool) -> NDArray[Any]:
    from sodbench.data.images.png import MAGIC, RefusalError, chunks_of, head_of, samples_of

    try:
        if not data.startswith(MAGIC):
            raise RefusalError("not a PNG")
        chunks, pixels = chunks_of(data)
        head = head_of(chunks)
        if head.interlaced or (exif and b"eXIf" in chunks):
            raise RefusalError("interlaced, or to be rotated")
        samples = samples_of(head, pixels)
    except RefusalError as refusal:
        raise PredictionError(
            f"{where}: 16-bit colour that cannot be read exactly ({refusal}). "
            "Save it as a plain PNG, or with 8 bits."
        ) from refusal
    return np.repeat(samples[:, :, :1], 3, axis=2) if samples.shape[2] == 2 else samples[:, :, :3]


def _check_size(size: tuple[int, int], where: str) -> None:
    from PIL import Image

    most = Image.MAX_IMAGE_PIXELS
    if most is not None and size[0] * size[1] > most:
        raise PredictionError(
            f"{where}: {size[0]}x{size[1]} are more than {most} pixels. Scale the photo down."
        )
