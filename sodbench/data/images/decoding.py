"""Encoded bytes to canonical arrays: the only decoder of pixels.

How each kind of file is read is described under "Canonical inputs" in the conventions. A file that
is ambiguous or cannot be read exactly is refused with the reason; pixel values are never guessed.

PNGs are read by `sodbench.data.images.png`: their checksums, depth, palette and transparency are needed,
and Pillow does not verify the checksums of pixel data, and fills missing rows with zeros. Other formats
go through their Pillow plugin's class directly, because ``Image.open`` only warns of a
decompression bomb.
"""

from collections.abc import Callable, Iterator
from io import BytesIO
from struct import unpack_from
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

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
from sodbench.errors import PredictionError, SodbenchError

FILE_NOTES = {
    "jpeg": "lossy format (JPEG, lossy WebP, AVIF, JPEG 2000): levels near edges are not those written",
    "faint": "16-bit or float values that reach level 1 at most: 8-bit values in a deeper file?",
    "mask-01": "mask with maximum 1, read as 0 and 255",
    "grey": "mask with levels other than 0 and 255",
    "resized": "resized to its mask",
    "emptied": "grey mask without a level above its threshold, taken as empty",
}
MAX_CHANNEL_SPREAD = 8
KINDS = "PNG, JPEG, BMP, TIFF, GIF, WebP, AVIF, JPEG 2000, PGM, PBM, PPM, PFM, TGA or NPY"

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"MM*\0", b"II\0*", b"MM\0+", b"II+\0")
_JP2_MAGIC = b"\0\0\0\x0cjP  \r\n\x87\n"
_CODESTREAM = b"\xff\x4f\xff\x51"
_NETPBM = (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"Pf")
_DIM = "dim"  # 16-bit values of 255 at most: a note that does not leave this file
_ANIMATION = frozenset((b"acTL", b"fcTL", b"fdAT"))
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


def _check_size(w: int, h: int) -> None:
    most = Image.MAX_IMAGE_PIXELS
    if most is not None and w * h > most:
        raise RefusalError(
            f"{w}x{h} are {w * h} pixels, expected at most {most} (a decompression bomb?). Scale it down."
        )


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
    _check_size(head.width, head.height)
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
    try:
        return np.array(Image.frombytes(mode, (head.width, head.height), pixels, "zip", (rawmode, 1)))
    except ValueError as cause:
        raise RefusalError(f"damaged or truncated PNG ({cause}). {_AGAIN}") from cause


def _npy(data: bytes) -> SaliencyMap:
    file = BytesIO(data)
    try:
        npy: Any = np.lib.format
        version = npy.read_magic(file)
        header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = header(file)
    except Exception as cause:
        raise RefusalError(f"damaged or truncated NPY ({cause}). {_AGAIN}") from cause
    if len(shape) != 2 or min(shape) < 1:
        raise RefusalError(f"array of shape {shape}, expected (height, width), both at least 1.")
    _check_size(shape[1], shape[0])
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
    kind, opener = _opener(data)
    try:
        image = opener(BytesIO(data))
        w, h = image.size
        animated = getattr(image, "is_animated", False)
    except Image.DecompressionBombError as cause:
        most = Image.MAX_IMAGE_PIXELS
        raise RefusalError(f"too many pixels, expected at most {most}. Scale it down.") from cause
    except Exception as cause:
        raise RefusalError(f"damaged, truncated or unusual {kind} ({_reason(cause)}). {_AGAIN}") from cause
    _check_size(w, h)
    if animated:
        raise RefusalError(f"{kind} with more than one image, expected a single one. {_TO_GREY}")
    try:
        turned = _check_tiff(image) if kind == "TIFF" else None
        if image.format in CHECKS:
            CHECKS[image.format](image, data)
        image.load()
        plain = image if turned is None else image.transpose(turned)
        levels, notes = _from_image(plain, image.info.get("transparency"))
    except RefusalError:
        raise
    except Exception as cause:
        raise RefusalError(f"damaged or truncated {kind} ({_reason(cause)}). {_AGAIN}") from cause
    if _is_lossy(kind, data, image.info.get("compression")):
        notes += ("jpeg",)
    return SaliencyMap(levels, notes)


def _reason(cause: Exception) -> str:
    return str(cause).partition("\n")[0] or type(cause).__name__


def _opener(data: bytes) -> tuple[str, Callable[[BytesIO], ImageFile.ImageFile]]:
    if data.startswith(b"\xff\xd8\xff"):
        from PIL.JpegImagePlugin import JpegImageFile

        return "JPEG", JpegImageFile
    if data.startswith(_TIFF_MAGIC):
        from PIL.TiffImagePlugin import TiffImageFile

        return "TIFF", TiffImageFile
    if data.startswith(b"BM"):
        from PIL.BmpImagePlugin import BmpImageFile

        return "BMP", BmpImageFile
    if data.startswith((b"GIF87a", b"GIF89a")):
        from PIL.GifImagePlugin import GifImageFile

        return "GIF", GifImageFile
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        from PIL.WebPImagePlugin import WebPImageFile

        return "WebP", WebPImageFile
    if _looks_like_avif(data):
        try:
            from PIL.AvifImagePlugin import AvifImageFile
        except ImportError as cause:
            raise RefusalError(f"AVIF, which the installed Pillow cannot read. {_TO_GREY}") from cause

        return "AVIF", AvifImageFile
    if data.startswith((_JP2_MAGIC, _CODESTREAM)):
        from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

        return "JPEG 2000", Jpeg2KImageFile
    if data.startswith(_NETPBM):
        from PIL.PpmImagePlugin import PpmImageFile

        return "PPM", PpmImageFile
    if _looks_like_tga(data):
        from PIL.TgaImagePlugin import TgaImageFile

        return "TGA", TgaImageFile
    beginning = f"begins with {data[:24]!r}" if data else "it is empty"
    raise RefusalError(f"not an image ({beginning}), expected {KINDS}. {_AGAIN}")


def _looks_like_avif(data: bytes) -> bool:
    """Recognise an AVIF by its brands; HEIC files begin alike."""
    if data[4:8] != b"ftyp":
        return False
    brands = data[8 : int.from_bytes(data[:4], "big")]
    return any(brands[at : at + 4] in (b"avif", b"avis") for at in range(0, len(brands), 4))


def _looks_like_tga(data: bytes) -> bool:
    """Recognise a TGA by its header, as older ones bear no magic number."""
    if len(data) <= 18 or data[1] not in (0, 1) or data[2] not in (1, 2, 3, 9, 10, 11):
        return False
    w, h = unpack_from("<2H", data, 12)
    return w > 0 and h > 0 and data[16] in (8, 16, 24, 32) and not data[17] & 0xC0


def _is_lossy(kind: str, data: bytes, compression: object) -> bool:
    """Tell whether a file's format loses levels; AVIF and JPEG 2000 count, as they seldom keep them."""
    if kind == "WebP":
        return any(chunk == b"VP8 " for chunk, _ in _webp_chunks(data))
    if compression == "webp":
        return b"VP8 " in data
    return kind in ("JPEG", "AVIF", "JPEG 2000") or compression in ("jpeg", "tiff_jpeg")


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, int]]:
    at = 12
    while at + 8 <= len(data):
        kind, length = unpack_from("<4sI", data, at)
        yield kind, length
        at += 8 + length + length % 2


def _check_netpbm(image: ImageFile.ImageFile, data: bytes) -> None:
    """Refuse colour in 16 bits, and a second image after the first."""
    start, arguments = cast("Any", image).tile[0][2:4]
    if image.mode == "RGB" and isinstance(arguments, tuple) and arguments[-1] > 255:
        raise RefusalError("16-bit PPM in colour, expected grey. Save it as 8-bit or as 16-bit grey.")
    if data[:2] in (b"P1", b"P2", b"P3"):
        return
    deep = data[:2] == b"P5" and image.mode == "I"
    row = {"1": -(-image.width // 8), "RGB": 3 * image.width, "F": 4 * image.width}.get(
        image.mode, image.width * (2 if deep else 1)
    )
    beyond = data[start + row * image.height :].lstrip()
    if beyond.startswith(_NETPBM):
        raise RefusalError(f"PPM with more than one image, expected a single one. {_TO_GREY}")


def _check_jpeg_2000(image: ImageFile.ImageFile, data: bytes) -> None:
    """Refuse what the decoder would fill up or round without a word."""
    start = data.find(_CODESTREAM)
    if start < 0 or len(data) <= start + 42:
        raise RefusalError(f"truncated JPEG 2000 (it has no codestream). {_AGAIN}")
    bits = data[start + 42]  # of the first component: its depth - 1, plus 128 if signed
    if bits & 0x80:
        raise RefusalError(f"JPEG 2000 of signed samples, expected unsigned ones. {_TO_GREY}")
    if bits + 1 > 8 and image.mode != "I;16":
        raise RefusalError(
            f"{bits + 1}-bit JPEG 2000 in colour, expected grey. Save it as 8-bit or as 16-bit grey."
        )
    end = len(data)
    if start >= 8 and data[start - 4 : start] == b"jp2c":
        length = unpack_from(">I", data, start - 8)[0]
        end = start - 8 + length if length > 1 else end
    if end > len(data) or data[start:end].rstrip(b"\0")[-2:] != b"\xff\xd9":
        raise RefusalError(f"truncated JPEG 2000 (its end is missing). {_AGAIN}")


def _check_png(image: ImageFile.ImageFile, data: bytes) -> None:
    """Refuse a photo whose checksums are wrong, or whose chunks break the format's rules."""
    head_of(chunks_of(data)[0])


CHECKS: dict[str, Callable[[ImageFile.ImageFile, bytes], None]] = {
    "PNG": _check_png,
    "PPM": _check_netpbm,
    "JPEG2000": _check_jpeg_2000,
}
"""Pillow's name of a format -> what Pillow would misread of it without a word; raises RefusalError."""


def _check_tiff(image: ImageFile.ImageFile) -> Image.Transpose | None:
    """Refuse layouts that Pillow misreads; return what undoes the rotation that Pillow applies."""
    tags = cast("Any", image).tag_v2
    bits, formats = tags.get(258, (1,)), tags.get(339, (1,))
    white_is_zero = tags.get(262, 0) == 0
    if max(bits) == 16 and image.mode not in ("I;16", "I;16B", "I"):
        raise RefusalError(
            f"16-bit TIFF with {len(bits)} channels: the decoder drops their low bytes. "
            "Save it as 8-bit or as 16-bit grey."
        )
    if image.mode == "I" or (image.mode.startswith("I;16") and max(bits) != 16) or 2 in formats:
        kind = "signed" if 2 in formats else "unsigned"
        raise RefusalError(
            f"TIFF with {max(bits)}-bit {kind} samples, expected up to 8 or 16 bits unsigned, "
            f"or float in [0, 1]. {_TO_GREY}"
        )
    if white_is_zero and (image.mode == "F" or image.mode.startswith("I;16")):
        raise RefusalError(f"TIFF whose zero is white, in more than 8 bits: not read correctly. {_TO_GREY}")
    if 320 in tags and 0 < max(tags[320]) < 256:
        raise RefusalError(f"TIFF with an 8-bit colour map, expected a 16-bit one. {_TO_GREY}")
    raw = tags.get(259, 1) == 1
    if raw and image.mode == "YCbCr" and tags.get(530, (2, 2)) != (1, 1):
        raise RefusalError(f"uncompressed TIFF with subsampled colour. {_TO_GREY}")
    if raw:
        covered = sum((x1 - x0) * (y1 - y0) for _, (x0, y0, x1, y1), *_ in cast("Any", image.tile))
        expected = image.width * image.height * (tags.get(277, 1) if tags.get(284, 1) == 2 else 1)
        if covered < expected:
            raise RefusalError(f"truncated TIFF (its strips hold {covered} of {expected} pixels). {_AGAIN}")
    turns = Image.Transpose
    return {
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_90,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_270,
    }.get(image.getexif().get(274, 1))


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
    levels[used] = _luma(table[used])
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
            f"which is not a map. {_TO_GREY}"
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
