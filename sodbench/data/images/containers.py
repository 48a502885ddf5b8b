"""Opens image files of every format with Pillow: one still image of a bounded size, read as it was written.

The content decides which format a file has. Pillow's plugins are called directly, because ``Image.open``
tries others too and only warns of a decompression bomb. What they misread or fill up without a word is
refused, and whatever they raise is one line.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from struct import unpack_from
from typing import Any, cast

from PIL import Image, ImageFile, ImageOps

from sodbench.data.images.png import MAGIC, RefusalError, chunks_of, head_of
from sodbench.utils.process import captured_lines

KINDS = "PNG, JPEG, BMP, TIFF, GIF, WebP, AVIF, JPEG 2000, PGM, PBM, PPM, PFM or TGA"

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"MM*\0", b"II\0*", b"MM\0+", b"II+\0")
_JP2_MAGIC = b"\0\0\0\x0cjP  \r\n\x87\n"
_CODESTREAM = b"\xff\x4f\xff\x51"
_NETPBM = (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"Pf")
_AGAIN = "Write or download it again."
_TO_PNG = "Save it as 8-bit PNG."
_LIBTIFF = re.compile(rb"^(?:tempfile\.tif: |_?[A-Z]\w+: |More samples per pixel).*\n?", re.MULTILINE)
_MOST_OF_A_REASON = 200
ORIENTATION = 274


@contextmanager
def refusing(kind: str) -> Iterator[None]:
    """Turn whatever a decoder raises, on a file of that kind, into a `RefusalError` of one line."""
    try:
        yield
    except RefusalError:
        raise
    except MemoryError as cause:
        raise RefusalError(f"{kind} that needs more memory than there is. Scale it down.") from cause
    except Image.DecompressionBombError as cause:
        most = Image.MAX_IMAGE_PIXELS
        raise RefusalError(f"too many pixels, expected at most {most}. Scale it down.") from cause
    except Exception as cause:
        raise RefusalError(f"damaged, truncated or unusual {kind} ({_reason(cause)}). {_AGAIN}") from cause


def _reason(cause: Exception) -> str:
    """Return the first line of a message, without memory addresses and at most 200 letters of it."""
    line = re.sub(r"<(\S+) object at 0x[0-9a-f]+>", r"\1", str(cause).partition("\n")[0])
    cut = line[:_MOST_OF_A_REASON] + ("..." if len(line) > _MOST_OF_A_REASON else "")
    return cut or type(cause).__name__


def open_image(data: bytes, kinds: str = KINDS) -> tuple[str, ImageFile.ImageFile]:
    """Open a file that holds one image; its pixels are not decoded yet.

    Parameters
    ----------
    data
        Content of the file.
    kinds
        The formats expected, for the message.

    Returns
    -------
    Its format's name, and Pillow's image.

    Raises
    ------
    RefusalError
        The file is damaged, not an image, animated or too large, or would be misread.

    Examples
    --------
    >>> file = BytesIO()
    >>> Image.new("L", (2, 1)).save(file, "BMP")
    >>> kind, image = open_image(file.getvalue())
    >>> kind, image.size
    ('BMP', (2, 1))
    """
    kind, opener = _opener(data, kinds)
    if kind == "PNG":
        head_of(chunks_of(data)[0])
    with refusing(kind):
        image = opener(BytesIO(data))
        animated = getattr(image, "is_animated", False)
    check_size(*image.size)
    if animated:
        raise RefusalError(f"{kind} with more than one image, expected a single one. {_TO_PNG}")
    with refusing(kind):
        if kind in _CHECKS:
            _CHECKS[kind](image, data)
    return kind, image


def load_image(kind: str, image: ImageFile.ImageFile, *, exif: bool = False) -> Image.Image:
    """Decode the pixels of an image just opened.

    Parameters
    ----------
    kind, image
        From `open_image`.
    exif
        Apply the rotation that EXIF data asks for; Pillow does so unasked for TIFF, which is undone here.

    Raises
    ------
    RefusalError
        The pixels are damaged.
    """
    with refusing(kind):
        if kind != "TIFF":
            image.load()
            return ImageOps.exif_transpose(image) if exif else image
        orientation = image.getexif().get(ORIENTATION, 1)
        _load_tiff(image)
        undo = _UNDO.get(orientation)
        return image if exif or undo is None else image.transpose(undo)


def _load_tiff(image: ImageFile.ImageFile) -> None:
    """Decode a TIFF; libtiff prints what is wrong with it, and Pillow takes some of that as read."""
    if cast("Any", image).tile[0][0] != "libtiff":
        image.load()
        return
    damage: Exception | None = None
    with captured_lines(_LIBTIFF) as lines:
        try:
            image.load()
        except Exception as cause:
            damage = cause
    if lines:
        raise RefusalError(f"damaged TIFF ({lines[0].rstrip('.')}). {_AGAIN}") from damage
    if damage:
        raise damage


def check_size(w: int, h: int) -> None:
    """Refuse more pixels than Pillow's limit, before they are decoded."""
    most = Image.MAX_IMAGE_PIXELS
    if most is not None and w * h > most:
        raise RefusalError(
            f"{w}x{h} are {w * h} pixels, expected at most {most} (a decompression bomb?). Scale it down."
        )


def _opener(data: bytes, kinds: str) -> tuple[str, Callable[[BytesIO], ImageFile.ImageFile]]:
    if data.startswith(MAGIC):
        from PIL.PngImagePlugin import PngImageFile

        return "PNG", PngImageFile
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
            raise RefusalError(f"AVIF, which the installed Pillow cannot read. {_TO_PNG}") from cause

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
    raise RefusalError(f"not an image ({beginning}), expected {kinds}. {_AGAIN}")


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


def is_lossy(kind: str, data: bytes, compression: object) -> bool:
    """Tell whether a file's format loses levels; AVIF and JPEG 2000 count, as they seldom keep them."""
    if kind == "WebP":
        return b"VP8 " in _webp_chunks(data)
    if compression == "webp":
        return b"VP8 " in data
    return kind in ("JPEG", "AVIF", "JPEG 2000") or compression in ("jpeg", "tiff_jpeg")


def _webp_chunks(data: bytes) -> Iterator[bytes]:
    at = 12
    while at + 8 <= len(data):
        kind, length = unpack_from("<4sI", data, at)
        yield kind
        at += 8 + length + length % 2


def _check_webp(image: ImageFile.ImageFile, data: bytes) -> None:
    """Refuse animations of a single frame too: where it does not fill its canvas, the rest is made up."""
    if b"ANIM" in _webp_chunks(data):
        raise RefusalError(f"animated WebP, expected a single image. {_TO_PNG}")


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
        raise RefusalError(f"PPM with more than one image, expected a single one. {_TO_PNG}")


def _check_jpeg_2000(image: ImageFile.ImageFile, data: bytes) -> None:
    """Refuse what the decoder would fill up or round without a word."""
    start = data.find(_CODESTREAM)
    if start < 0 or len(data) <= start + 42:
        raise RefusalError(f"truncated JPEG 2000 (it has no codestream). {_AGAIN}")
    bits = data[start + 42]  # of the first component: its depth - 1, plus 128 if signed
    if bits & 0x80:
        raise RefusalError(f"JPEG 2000 of signed samples, expected unsigned ones. {_TO_PNG}")
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


def _check_tiff(image: ImageFile.ImageFile, data: bytes) -> None:
    """Refuse layouts that Pillow misreads."""
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
            f"TIFF with {max(bits)}-bit {kind} samples, expected 8 or 16 bits unsigned. {_TO_PNG}"
        )
    if white_is_zero and (image.mode == "F" or image.mode.startswith("I;16")):
        raise RefusalError(f"TIFF whose zero is white, in more than 8 bits: not read correctly. {_TO_PNG}")
    if 320 in tags and 0 < max(tags[320]) < 256:
        raise RefusalError(f"TIFF with an 8-bit colour map, expected a 16-bit one. {_TO_PNG}")
    raw = tags.get(259, 1) == 1
    if raw and image.mode == "YCbCr" and tags.get(530, (2, 2)) != (1, 1):
        raise RefusalError(f"uncompressed TIFF with subsampled colour. {_TO_PNG}")
    if raw:
        covered = sum((x1 - x0) * (y1 - y0) for _, (x0, y0, x1, y1), *_ in cast("Any", image.tile))
        expected = image.width * image.height * (tags.get(277, 1) if tags.get(284, 1) == 2 else 1)
        if covered < expected:
            raise RefusalError(f"truncated TIFF (its strips hold {covered} of {expected} pixels). {_AGAIN}")


_CHECKS: dict[str, Callable[[ImageFile.ImageFile, bytes], None]] = {
    "PPM": _check_netpbm,
    "JPEG 2000": _check_jpeg_2000,
    "WebP": _check_webp,
    "TIFF": _check_tiff,
}

_UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""EXIF orientation -> what undoes it."""
