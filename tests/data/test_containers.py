"""Files that decoders choke on, print about, or read as something else: one line each, and nothing more."""

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from sodbench.data.images.containers import is_lossy, refusing
from sodbench.data.images.decoding import decode
from sodbench.data.images.photos import photo_from
from sodbench.data.images.png import RefusalError
from sodbench.errors import PredictionError

GREY = np.add.outer(np.arange(24), np.arange(31)).astype(np.uint8)


def encoded(kind: str, pixels: np.ndarray = GREY, **options: object) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def refused_by_all(data: bytes, match: str) -> None:
    """Check that maps and photos are refused alike: one line, which begins with the name."""
    for read in (decode, photo_from):
        with pytest.raises(PredictionError, match=rf"\Aa\.x: {match}.*\Z") as caught:
            read(data, "a.x")
        message = str(caught.value)
        assert "\n" not in message
        assert " at 0x" not in message
        assert len(message) < 400


def big_tiff(offset: int) -> bytes:
    """A TIFF of 64-bit offsets whose pixels are said to begin at `offset`."""
    data = bytearray(encoded("TIFF", big_tiff=True))
    at = data.index(struct.pack("<H", 273), 16)
    data[at : at + 20] = struct.pack("<HHQQ", 273, 16, 1, offset)
    return bytes(data)


@pytest.mark.parametrize("offset", [2**63, 2**64 - 1, 2**40])
def test_offsets_beyond_every_file(offset: int) -> None:
    refused_by_all(big_tiff(offset), r"damaged, truncated or unusual TIFF \(")


def test_formats_that_are_not_read() -> None:
    for data in (b"DDS |" + bytes(200), b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\0\0\1\0" + bytes(60)):
        refused_by_all(data, r"not an image \(begins with b'")


def test_avif_without_an_image() -> None:
    data = encoded("AVIF")
    refused_by_all(data.replace(b"av01", b"none"), r"damaged, truncated or unusual AVIF \(")


def test_frame_of_an_animation_that_does_not_fill_its_canvas() -> None:
    frames = [Image.fromarray(GREY), Image.fromarray(GREY[::-1].copy())]
    file = BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    data = bytearray(file.getvalue())
    refused_by_all(bytes(data), "WebP with more than one image, expected a single one")
    second = data.rindex(b"ANMF")
    data[second : second + 4] = b"none"
    data[27:30] = (2_000_000).to_bytes(3, "little")
    refused_by_all(bytes(data), "animated WebP, expected a single image")


def test_strips_that_are_missing() -> None:
    data = bytearray(encoded("TIFF"))
    at = data.index(struct.pack("<HHI", 257, 4, 1)) if struct.pack("<HHI", 257, 4, 1) in data else 0
    at = at or data.index(struct.pack("<HHI", 257, 3, 1))
    data[at : at + 12] = struct.pack("<HHII", 257, 4, 1, 2_000_000)
    refused_by_all(bytes(data), "truncated TIFF .its strips hold 744 of 62000000 pixels")


@pytest.mark.parametrize("compression", ["group4", "tiff_ccitt"])
def test_what_libtiff_only_prints_is_an_error(compression: str, capfd: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).random((40, 50)) > 0.5
    data = bytearray(encoded("TIFF", noise, compression=compression))
    assert np.array_equal(decode(bytes(data), "a.x").levels, noise * 255)
    with Image.open(BytesIO(bytes(data))) as image:
        middle = image.tag_v2[273][0] + image.tag_v2[279][0] // 2
    data[middle : middle + 8] = b"\xff" * 8
    refused_by_all(bytes(data), r"damaged TIFF \(Fax\w+: Bad code word at line \d+")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate"])
def test_damaged_pixels_of_a_tiff_are_refused_silently(
    compression: str, capfd: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(encoded("TIFF", compression=compression))
    with Image.open(BytesIO(bytes(data))) as image:
        start, length = image.tag_v2[273][0], image.tag_v2[279][0]
    data[start + 5 : start + length] = b"\xff" * (length - 5)
    refused_by_all(bytes(data), r"damaged TIFF \((tempfile\.tif|ZIPDecode): ")
    assert capfd.readouterr() == ("", "")


def test_long_headers_are_quoted_in_part() -> None:
    header = repr(dict.fromkeys(map(str, range(200)))).encode() + b"\n"
    data = b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + bytes(5000)
    with pytest.raises(
        PredictionError, match=r"^a\.npy: damaged, truncated or unusual NPY \(.*\.\.\.\)"
    ) as caught:
        decode(data, "a.npy")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "TIFF that needs more memory than there is. Scale it down."),
        (NotImplementedError(), "damaged, truncated or unusual TIFF (NotImplementedError). Write"),
        (RuntimeError("a\nb"), "damaged, truncated or unusual TIFF (a). Write"),
        (OSError(f"cannot identify image file {BytesIO()!r}"), "identify image file _io.BytesIO). Write"),
    ],
)
def test_whatever_a_decoder_raises_is_one_line(error: Exception, message: str) -> None:
    with pytest.raises(RefusalError) as caught, refusing("TIFF"):
        raise error
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "first",
    [
        b"P4 9 2\n" + bytes(4),
        b"P5 3 2 65535\n" + bytes(12),
        b"P6 3 2 255\n" + bytes(18),
        b"Pf 3 2 -1.0\n" + bytes(24),
    ],
    ids=["1 bit", "16 bits", "colour", "fractions"],
)
def test_second_images_of_netpbm_begin_where_the_first_ends(first: bytes) -> None:
    refused_by_all(first + b"\n" + first, "PPM with more than one image, expected a single one")


def test_pixels_of_netpbm_may_look_like_a_second_image() -> None:
    data = b"P5 3 2 65535\n" + b"\0" * 6 + b"P5\0\0\0\0"
    assert decode(data, "a.x").levels.shape == (2, 3)


@pytest.mark.parametrize("lossless", [True, False])
def test_the_pixels_of_a_webp_are_found_behind_a_chunk_of_odd_length(lossless: bool) -> None:
    data = encoded("WEBP", icc_profile=b"abc", lossless=lossless)
    assert is_lossy("WebP", data, None) is not lossless


def test_jpeg_2000_without_its_end() -> None:
    data = encoded("JPEG2000", no_jp2=True)
    assert np.array_equal(decode(data, "a.x").levels, GREY)
    refused_by_all(data[:-2], r"truncated JPEG 2000 \(its end is missing\)")


def test_jpeg_2000_of_9_bits_in_colour() -> None:
    data = bytearray(encoded("JPEG2000", np.zeros((9, 9, 3), np.uint8), no_jp2=True))
    at = data.index(b"\xff\x4f\xff\x51") + 42
    data[at : at + 9 : 3] = b"\x08" * 3
    refused_by_all(bytes(data), "9-bit JPEG 2000 in colour, expected grey")
