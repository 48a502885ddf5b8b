"""Encoded bytes to canonical arrays: the only decoder of pixels.

How each kind of file is read is described under "Canonical inputs" in the conventions. A file that
is ambiguous or cannot be read exactly is refused with the reason; pixel values are never guessed.

PNGs are read by `sodbench.data.images.png`: their checksums, depth, palette and transparency are needed,
and Pillow does not verify the checksums of pixel data, and fills missing rows with zeros. Other formats
go through `sodbench.data.images.containers`.
"""

import re
from io import BytesIO
from struct import unpack_from
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sodbench.data.images.containers import check_size, is_lossy, load_image, open_image, refusing
from sodbench.data.images.png import (
    CHANNELS,
    MAGIC,
    Head,
    RefusalError,
    chunks_of,
    head_of,
    inflated,
    samples_of,
)
from sodbench.errors import PredictionError, SodbenchError, first_few

FILE_NOTES = {
    "jpeg": "lossy format (JPEG, lossy WebP, AVIF, JPEG 2000): levels near edges are not those written",
    "faint": "16-bit or float values that reach level 1 at most: 8-bit values in a deeper file?",
    "mask-01": "mask with maximum 1, read as 0 and 255",
    "grey": "mask with levels other than 0 and 255",
    "resized": "resized to its mask",
    "turned": "resized though its width and height are its mask's exchanged: turned by EXIF?",
    "emptied": "grey mask without a level above its threshold, taken as empty",
}
MAX_CHANNEL_SPREAD = 8
KINDS = "PNG, JPEG, BMP, TIFF, GIF, WebP, AVIF, JPEG 2000, PGM, PBM, PPM, PFM, TGA or NPY"

_DIM = "dim"  # 16-bit values of 255 at most: a note that does not leave this file
_ANIMATION = frozenset((b"acTL", b"fcTL", b"fdAT"))
_ODD_HEADER = re.compile(rb"\\|\d\s*[A-Za-z_]")  # NPY: no writer's but Python 2's, and Python warns of it
_AGAIN = "Write or download it again."
_TO_GREY = "Save maps as 8-bit grey PNG."
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
# (depth, colour type) -> Pillow's mode and raw mode. Fewer than 8 bits are read as indices, unscaled.
_PILLOW_LAYOUTS = {
    (1, 0): ("P", "P;1"),
    (2, 0): ("P", "P;2"),
    (4, 0): ("P", "P;4"),
    (8, 0): ("L", "L"),
    (16, 0): ("I;16", "I;16B"),
    (8, 2): ("RGB", "RGB"),
    (1, 3): ("P", "P;1"),
    (2, 3): ("P", "P;2"),
    (4, 3): ("P", "P;4"),
    (8, 3): ("P", "P"),
    (8, 4): ("LA", "LA"),
    (8, 6): ("RGBA", "RGBA"),
}


class SaliencyMap(NamedTuple):
    """A map as the metrics take it.

    Parameters
    ----------
    levels
        (h, w) grey levels, C-contiguous and writable.
    notes
        Ids of what to report about the file, keys of `FILE_NOTES`.
    """

    levels: NDArray[np.uint8]
    notes: tuple[str, ...]


def decode(
    data: bytes, where: str, error: type[SodbenchError] = PredictionError, *, of_map: bool = False
) -> SaliencyMap:
    """Decode an encoded map or mask (one of `KINDS`; its content decides).

    Parameters
    ----------
    data
        Content of the file.
    where
        Name of the file in messages.
    error
        Exception to raise.
    of_map
        Refuse a 16-bit file whose maximum is from 1 to 255. Of a mask, which has two levels, it can be read.

    Returns
    -------
    SaliencyMap
        Grey levels, and any of the notes ``jpeg`` and ``faint``.

    Raises
    ------
    PredictionError
        The file is damaged, not an image, or cannot be read exactly as a map.

    Examples
    --------
    >>> file = BytesIO()
    >>> np.save(file, np.array([[0.0, 0.5, 1.0]]))
    >>> decode(file.getvalue(), "a.npy")
    SaliencyMap(levels=array([[  0, 128, 255]], dtype=uint8), notes=())
    >>> decode(b"<!DOCTYPE html>", "a.png")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    sodbench.errors.PredictionError: a.png: not an image (begins with b'<!DOCTYPE html>'), expected ...
    """
    try:
        reader = _png if data.startswith(MAGIC) else _npy if data.startswith(b"\x93NUMPY") else _plugin
        levels, notes = reader(data)
        if of_map and _DIM in notes:
            raise RefusalError(
                "a 16-bit file whose maximum is 255 or less, which is nearly black: 8-bit values in a deeper "
                "file? Save it as 8-bit PNG, or multiply its values by 257."
            )
        return SaliencyMap(levels, tuple(note for note in notes if note != _DIM))
    except RefusalError as refusal:
        raise error(f"{where}: {refusal}") from refusal.__cause__


def _png(data: bytes) -> SaliencyMap:
    """Decode a PNG: the fast path, 99 % of all files."""
    chunks, pixels = chunks_of(data)
    head = head_of(chunks)
    if not _ANIMATION.isdisjoint(chunks):
        raise RefusalError(f"animated PNG, expected a single image. {_TO_GREY}")
    channels = CHANNELS[head.colour]
    if head.depth == 16 and channels > 1:
        raise RefusalError(
            f"16-bit PNG with {channels} channels, expected grey. Save it as 8-bit or as 16-bit grey."
        )
    check_size(head.width, head.height)
    samples = _interlaced(head, pixels) if head.interlaced else samples_of(head, pixels)
    transparent = chunks.get(b"tRNS")
    if head.colour == 3:
        indices = samples.astype(np.uint8, copy=False)
        return SaliencyMap(_through_palette(indices, _table(chunks.get(b"PLTE", b"")), transparent), ())
    if transparent is not None and head.colour in (0, 2):
        key = np.array(unpack_from(f">{channels}H", transparent)) & (2**head.depth - 1)
        _check_opaque((samples.reshape(head.height, head.width, channels) != key).any(axis=2))
    if head.depth == 16:
        return _from_16_bit(samples.astype(np.uint16, copy=False))
    if head.depth < 8:
        samples *= samples.dtype.type(255 // (2**head.depth - 1))
    return SaliencyMap(_from_channels(samples.astype(np.uint8, copy=False)), ())


def _interlaced(head: Head, pixels: bytes) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Decode an interlaced PNG with Pillow, once it is known to hold all its rows."""
    expected = 0
    for x, y, dx, dy in _ADAM7:
        columns, rows = max(0, -((x - head.width) // dx)), max(0, -((y - head.height) // dy))
        expected += rows * (1 + (columns * head.bits + 7) // 8) if columns else 0
    inflated(pixels, expected)
    mode, rawmode = _PILLOW_LAYOUTS[head.depth, head.colour]
    with refusing("PNG"):
        return np.array(Image.frombytes(mode, (head.width, head.height), pixels, "zip", (rawmode, 1)))


def _npy(data: bytes) -> SaliencyMap:
    file = BytesIO(data)
    with refusing("NPY"):
        npy: Any = np.lib.format
        first = npy.read_magic(file) == (1, 0)
        start = 10 if first else 12
        if odd := _ODD_HEADER.search(data[start : start + int.from_bytes(data[8:start], "little")]):
            raise ValueError(f"its header holds {odd[0].decode()!r}")
        shape, fortran, dtype = (npy.read_array_header_1_0 if first else npy.read_array_header_2_0)(file)
    if len(shape) != 2 or min(shape) < 1:
        raise RefusalError(f"array of shape {shape}, expected (height, width), both at least 1.")
    check_size(shape[1], shape[0])
    if dtype.kind not in "buf" or (dtype.kind == "u" and dtype.itemsize > 2):
        raise RefusalError(
            f"array of {dtype}, expected bool, uint8 or uint16, or float in [0, 1]; "
            "other types do not say which value is white. Convert it."
        )
    size = shape[0] * shape[1] * dtype.itemsize
    start = file.tell()
    if len(data) - start != size:
        raise RefusalError(f"damaged NPY ({len(data) - start} bytes of values, expected {size}). {_AGAIN}")
    values = np.frombuffer(data, dtype, offset=start).reshape(shape, order="F" if fortran else "C")
    if dtype.kind == "f":
        return _from_float(values)
    if dtype.itemsize == 2:
        return _from_16_bit(values)
    levels = np.array(values, np.uint8, order="C")
    if dtype.kind == "b":
        levels *= 255
    return SaliencyMap(levels, ())


def _plugin(data: bytes) -> SaliencyMap:
    """Decode a format other than PNG and NPY with its Pillow plugin."""
    kind, image = open_image(data, KINDS)
    pixels = load_image(kind, image)
    with refusing(kind):
        levels, notes = _from_image(pixels, image.info.get("transparency"))
    if is_lossy(kind, data, image.info.get("compression")):
        notes += ("jpeg",)
    return SaliencyMap(levels, notes)


def _from_image(image: Image.Image, transparent: int | bytes | None) -> SaliencyMap:
    mode = image.mode
    if mode == "P":
        table = _table(bytes(image.getpalette() or ()))
        if isinstance(transparent, int):
            transparent = b"\xff" * transparent + b"\0"
        return SaliencyMap(_through_palette(np.array(image), table, transparent), ())
    if mode.startswith("I;16"):
        return _from_16_bit(np.array(image))
    if mode == "I" and image.format == "PPM":
        return _from_16_bit(np.array(image).astype(np.uint16))
    if mode == "F":
        return _from_float(np.array(image))
    if mode == "1":
        image = image.convert("L")
    elif mode in ("CMYK", "YCbCr"):
        image = image.convert("RGB")
    elif mode == "PA":
        image = image.convert("RGBA")
    elif mode not in ("L", "LA", "RGB", "RGBA"):
        raise RefusalError(f"pixels of kind {mode}, expected grey, a palette or RGB. {_TO_GREY}")
    samples = np.array(image, order="C")
    if isinstance(transparent, int) and mode == "L":
        _check_opaque(samples != transparent)
    return SaliencyMap(_from_channels(samples), ())


def _from_channels(samples: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the levels of 8-bit grey (2-D), grey + alpha, RGB or RGBA samples."""
    if samples.ndim == 2:
        return samples
    channels = samples.shape[2]
    if channels in (2, 4):
        _check_opaque(samples[..., -1])
    return samples[..., 0].copy() if channels == 2 else _luma(samples[..., :3])


def _table(palette: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(palette[: len(palette) // 3 * 3], np.uint8).reshape(-1, 3)


def _through_palette(
    indices: NDArray[np.uint8], table: NDArray[np.uint8], alpha: bytes | None
) -> NDArray[np.uint8]:
    """Look indices up in a palette; entries that no pixel uses are not checked."""
    used = np.flatnonzero(Image.fromarray(indices).histogram())
    if used[-1] >= len(table):
        raise RefusalError(f"pixels of palette entry {used[-1]}, but the palette has {len(table)}. {_AGAIN}")
    if alpha is not None:
        _check_opaque(np.frombuffer(alpha[:256].ljust(256, b"\xff"), np.uint8)[used])
    levels = np.zeros(256, np.uint8)
    try:
        levels[used] = _luma(table[used])
    except RefusalError as cause:
        entries = first_few([f"{entry}: {tuple(map(int, table[entry]))}" for entry in used])
        raise RefusalError(
            f"indexed picture whose palette is coloured (its pixels are entries {entries}). If these numbers "
            "are labels, save the mask as 0 and 255: np.array(image) > 0."
        ) from cause
    return levels.take(indices)


def _luma(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the Rec. 601 luma of (..., 3) samples whose channels nearly agree."""
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    if np.array_equal(r, g) and np.array_equal(g, b):
        return r.copy()
    low, high = np.minimum(np.minimum(r, g), b), np.maximum(np.maximum(r, g), b)
    spread = int((high - low).max())
    if spread > MAX_CHANNEL_SPREAD:
        raise RefusalError(
            f"coloured picture (channels differ by up to {spread}, expected at most {MAX_CHANNEL_SPREAD}), "
            f"which is neither a map nor a mask: a photo? {_TO_GREY}"
        )
    weighted = r * np.uint32(19595) + g * np.uint32(38470) + b * np.uint32(7471)
    levels: NDArray[np.uint8] = ((weighted + 32768) >> 16).astype(np.uint8)
    return levels


def _check_opaque(alpha: NDArray[Any]) -> None:
    if alpha.min() != alpha.max():
        raise RefusalError(
            "its transparency varies: this is a cut-out and not a saliency map. Save the map itself."
        )


def _from_16_bit(values: NDArray[np.uint16]) -> SaliencyMap:
    """Return floor(v * 255 / 65535 + 1/2) = (v + 128) // 257 in integers."""
    levels = ((values.astype(np.uint32) + 128) // 257).astype(np.uint8, order="C")
    top = int(values.max())
    dim = (_DIM,) if 0 < top <= 255 else ()
    return SaliencyMap(levels, (*_faint(levels, top > 0), *dim))


def levels_of_float(
    values: NDArray[np.floating[Any]], where: str, error: type[SodbenchError] = PredictionError
) -> SaliencyMap:
    """Return the levels floor(255 v + 1/2) of values in [0, 1], ``(h, w)``.

    Raises
    ------
    PredictionError
        A value is not finite, or not in [0, 1].
    """
    try:
        return _from_float(values)
    except RefusalError as refusal:
        raise error(f"{where}: {refusal}") from None


def _from_float(values: NDArray[np.floating[Any]]) -> SaliencyMap:
    nans = int(np.isnan(values).sum())
    if nans:
        raise RefusalError(f"{nans} of {values.size} values are NaN, expected values in [0, 1].")
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        raise RefusalError(
            f"float values from {low:g} to {high:g}, expected [0, 1]. Scale them, or save levels as uint8."
        )
    levels = np.floor(values.astype(np.float64) * 255 + 0.5).astype(np.uint8, order="C")
    return SaliencyMap(levels, _faint(levels, high > 0))


def _faint(levels: NDArray[np.uint8], nonzero: bool) -> tuple[str, ...]:
    return ("faint",) if nonzero and levels.max() <= 1 else ()
