"""The reader against a zoo of files, each made here, with pixels worked out by hand."""

import struct
import warnings
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from io import BytesIO
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from sodbench.data.images.decoding import FILE_NOTES, decode
from sodbench.data.images.maps import binarise, mask_from, prediction_from
from sodbench.data.images.photos import photo_from
from sodbench.errors import DatasetError, PredictionError, ProtocolError

GREY = np.array([[0, 1, 127, 128], [129, 200, 254, 255]], np.uint8)
MAP = np.clip(np.add.outer(np.arange(24) * 5, np.arange(36) * 4), 0, 255).astype(np.uint8)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    w: int,
    h: int,
    depth: int,
    colour: int,
    rows: bytes,
    extra: Sequence[tuple[bytes, bytes]] = (),
    interlaced: int = 0,
) -> bytes:
    """Build a PNG by hand; `rows` holds a filter byte before each row."""
    header = struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, interlaced)
    parts = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


def tiff(tags: dict[int, tuple[str, Sequence[int]]], strips: Sequence[bytes], order: str = "<") -> bytes:
    """Build a TIFF by hand: the strips, then one directory; `tags` maps a number to (type, values)."""
    body = b"".join(strips)
    starts = [8 + sum(map(len, strips[:i])) for i in range(len(strips))]
    tags = {273: ("I", starts), 279: ("I", [len(s) for s in strips]), **tags}
    directory = 8 + len(body) + len(body) % 2
    beyond = directory + 2 + 12 * len(tags) + 4
    entries, outside = b"", b""
    for number, (kind, values) in sorted(tags.items()):
        value = struct.pack(f"{order}{len(values)}{kind}", *values)
        if len(value) > 4:
            value, outside = struct.pack(f"{order}I", beyond + len(outside)), outside + value
        code = {"H": 3, "I": 4}[kind]
        entries += struct.pack(f"{order}HHI", number, code, len(values)) + value.ljust(4, b"\0")
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", directory)
    return (
        head
        + body.ljust(directory - 8, b"\0")
        + struct.pack(f"{order}H", len(tags))
        + entries
        + bytes(4)
        + outside
    )


def grey_tiff(
    pixels: np.ndarray, order: str = "<", sample_format: int = 1, bits: int | None = None, **changes: int
) -> bytes:
    """Build a one-channel TIFF of `pixels` in the given byte order."""
    h, w = pixels.shape
    raw = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    deflated = changes.pop("deflated", 0)
    tags = {
        256: ("I", [w]),
        257: ("I", [h]),
        258: ("H", [bits or pixels.dtype.itemsize * 8]),
        259: ("H", [8 if deflated else 1]),
        262: ("H", [changes.pop("photometric", 1)]),
        277: ("H", [1]),
        278: ("I", [changes.pop("rows", h)]),
        339: ("H", [sample_format]),
    }
    tags |= {int(number[1:]): ("H", [value]) for number, value in changes.items()}
    return tiff(tags, [zlib.compress(raw) if deflated else raw], order)


def encoded(pixels: np.ndarray | Image.Image, kind: str, **options: object) -> bytes:
    """Encode with Pillow."""
    file = BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, kind, **options)
    return file.getvalue()


def npy(values: np.ndarray) -> bytes:
    """Encode as NPY."""
    file = BytesIO()
    np.save(file, values)
    return file.getvalue()


def adam7(samples: np.ndarray, depth: int = 8) -> bytes:
    """Build an interlaced grey PNG."""
    h, w = samples.shape
    rows = b""
    starts = (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    )
    for x, y, dx, dy in starts:
        part = samples[y::dy, x::dx]
        bits = np.unpackbits(part[..., None], axis=2)[..., 8 - depth :]
        rows += b"".join(b"\0" + np.packbits(row).tobytes() for row in bits if row.size)
    return png(w, h, depth, 0, rows, interlaced=1)


def levels_of(data: bytes) -> list[list[int]]:
    """Decode and check what holds of every result."""
    found = decode(data, "x").levels
    assert found.dtype == np.uint8
    assert found.ndim == 2
    assert found.flags.c_contiguous
    assert found.flags.writeable
    return found.tolist()


def refused(data: bytes, match: str) -> None:
    """Check that both readers refuse, with one line that begins with the name."""
    with pytest.raises(PredictionError, match=match) as caught:
        decode(data, "maps/x.png")
    assert str(caught.value).startswith("maps/x.png: ")
    assert "\n" not in str(caught.value)
    with pytest.raises(DatasetError, match=match):
        mask_from(data, "x")


class TestGrey:
    """Grey of every depth."""

    @pytest.mark.parametrize("kind", ["png", "bmp", "tiff"])
    def test_8_bit_as_it_is(self, kind: str) -> None:
        assert levels_of(encoded(GREY, kind)) == GREY.tolist()

    @pytest.mark.parametrize("kind", ["png", "bmp", "tiff"])
    def test_1_bit(self, kind: str) -> None:
        bits = np.array([[1, 0, 0, 1, 1, 0, 1, 0, 1], [0, 1, 1, 1, 1, 0, 0, 0, 1]], bool)
        assert levels_of(encoded(bits, kind)) == (bits * 255).tolist()

    def test_1_bit_fax_tiff(self) -> None:
        bits = MAP > 100
        assert levels_of(encoded(bits, "tiff", compression="group4")) == (bits * 255).tolist()

    def test_2_bit_png(self) -> None:
        assert levels_of(png(5, 1, 2, 0, bytes([0, 0b00011011, 0b11000000]))) == [[0, 85, 170, 255, 255]]

    def test_4_bit_png(self) -> None:
        rows = bytes([0, 0x01, 0x7F, 0x80])
        assert levels_of(png(5, 1, 4, 0, rows)) == [[0, 17, 119, 255, 136]]

    def test_4_bit_tiff(self) -> None:
        tags = {256: ("I", [4]), 257: ("I", [1]), 258: ("H", [4]), 262: ("H", [1]), 278: ("I", [1])}
        assert levels_of(tiff(tags, [b"\x01\x7f"])) == [[0, 17, 119, 255]]

    def test_white_is_zero_tiff(self) -> None:
        assert levels_of(grey_tiff(GREY, photometric=0)) == (255 - GREY).tolist()

    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("deflated", [0, 1])
    def test_16_bit_tiff(self, order: str, deflated: int) -> None:
        values = np.array([[0, 128, 129, 385, 386], [257, 32767, 32768, 65406, 65535]], np.uint16)
        assert levels_of(grey_tiff(values, order, deflated=deflated)) == [
            [0, 0, 1, 1, 2],
            [1, 127, 128, 254, 255],
        ]

    @pytest.mark.parametrize("kind", ["ppm", "tga"])
    def test_netpbm_and_tga(self, kind: str) -> None:
        assert decode(encoded(MAP, kind), "x").levels.tolist() == MAP.tolist()
        assert levels_of(encoded(np.dstack([GREY] * 3), kind)) == GREY.tolist()

    @pytest.mark.parametrize(
        "data",
        [
            b"P1\n2 1\n1 0\n",
            b"P2\n# of two levels\n2 1\n1\n0 1\n",
            b"P3\n2 1\n1\n0 0 0 1 1 1\n",
            b"P4\n2 1\n\x80",
            b"P5\n2 1\n1\n\0\1",
            b"P5\n2 1\n1023\n\0\0\x03\xff",
            b"P2\n2 1\n65535\n0 65535\n",
            b"Pf\n2 1\n-1.0\n" + np.array([0, 1], "<f4").tobytes(),
        ],
    )
    def test_kinds_of_netpbm(self, data: bytes) -> None:
        assert levels_of(data) == [[0, 255]]

    @pytest.mark.parametrize("kind", ["ppm", "jpeg2000"])
    def test_16_bit_of_other_formats(self, kind: str) -> None:
        assert decode(encoded(MAP.astype(np.uint16) * 257, kind), "x").levels.tolist() == MAP.tolist()

    def test_16_bit_png_is_big_endian_and_rounded(self) -> None:
        rows = b"\0" + struct.pack(">5H", 0, 128, 129, 32768, 65535)
        assert levels_of(png(5, 1, 16, 0, rows)) == [[0, 0, 1, 128, 255]]

    @given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=20)))
    def test_8_bit_identity(self, pixels: np.ndarray) -> None:
        assert levels_of(encoded(pixels, "png")) == pixels.tolist()
        assert levels_of(npy(pixels)) == pixels.tolist()

    @given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=20)))
    def test_1_bit_identity(self, pixels: np.ndarray) -> None:
        assert levels_of(encoded(pixels, "png")) == (pixels * 255).tolist()
        assert levels_of(npy(pixels)) == (pixels * 255).tolist()

    def test_every_16_bit_value_is_rounded_exactly(self) -> None:
        values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
        expected = [floor(Fraction(v * 255, 65535) + Fraction(1, 2)) for v in range(65536)]
        for data in (encoded(values, "png"), npy(values), npy(values.astype(">u2")), grey_tiff(values)):
            assert sum(levels_of(data), []) == expected

    @given(st.sampled_from([1, 2, 4, 8]), st.integers(1, 20), st.integers(1, 20), st.data())
    def test_interlaced(self, depth: int, w: int, h: int, data: st.DataObject) -> None:
        samples = data.draw(arrays(np.uint8, (h, w), elements=st.integers(0, 2**depth - 1)))
        assert levels_of(adam7(samples, depth)) == (samples * (255 // (2**depth - 1))).tolist()

    def test_orientation_is_ignored(self) -> None:
        exif = Image.Exif()
        for orientation in range(1, 9):
            exif[0x0112] = orientation
            assert levels_of(encoded(GREY, "png", exif=exif)) == GREY.tolist()
            for deflated in (0, 1):
                assert levels_of(grey_tiff(GREY, t274=orientation, deflated=deflated)) == GREY.tolist()
            assert decode(encoded(MAP, "jpeg", exif=exif), "x").levels.shape == MAP.shape

    def test_content_decides_and_not_the_suffix(self) -> None:
        assert decode(encoded(GREY, "bmp"), "x.png").levels.tolist() == GREY.tolist()


class TestFloat:
    """Float TIFF and NPY."""

    VALUES = np.array([[0.0, 0.25, 0.5], [0.001, 0.002, 1.0]])

    @pytest.mark.parametrize("dtype", ["<f2", "<f4", ">f4", "<f8", ">f8"])
    def test_npy(self, dtype: str) -> None:
        assert levels_of(npy(self.VALUES.astype(dtype))) == [[0, 64, 128], [0, 1, 255]]

    @pytest.mark.parametrize("order", ["<", ">"])
    def test_tiff(self, order: str) -> None:
        data = grey_tiff(self.VALUES.astype(np.float32), order, sample_format=3)
        assert levels_of(data) == [[0, 64, 128], [0, 1, 255]]

    def test_fortran_order(self) -> None:
        assert levels_of(npy(np.asfortranarray(self.VALUES))) == [[0, 64, 128], [0, 1, 255]]
        assert levels_of(npy(np.asfortranarray(GREY))) == GREY.tolist()

    @given(arrays(np.float32, (3, 4), elements=st.floats(0, 1, width=32)))
    def test_rounded_exactly(self, values: np.ndarray) -> None:
        expected = [[floor(Fraction(float(v)) * 255 + Fraction(1, 2)) for v in row] for row in values]
        assert levels_of(npy(values)) == expected

    @pytest.mark.parametrize("bad", [np.inf, -np.inf, -0.1, 1.01, 255.0])
    def test_out_of_range(self, bad: float) -> None:
        values = np.array([[0.5, bad]], np.float32)
        refused(npy(values), r"float values from .* expected \[0, 1\]")
        refused(grey_tiff(values, sample_format=3), r"float values from .* expected \[0, 1\]")

    def test_nan(self) -> None:
        values = np.array([[0.5, np.nan, np.nan]], np.float32)
        refused(npy(values), "2 of 3 values are NaN")
        refused(grey_tiff(values, sample_format=3), "2 of 3 values are NaN")

    @pytest.mark.parametrize("dtype", ["i1", "i2", "i8", "u4", "c8", "S3"])
    def test_other_types(self, dtype: str) -> None:
        refused(npy(np.ones((2, 2), dtype)), "expected bool, uint8 or uint16, or float")

    @pytest.mark.parametrize("shape", [(), (4,), (1, 2, 2), (0, 3), (3, 0)])
    def test_shapes(self, shape: tuple[int, ...]) -> None:
        refused(npy(np.ones(shape, np.uint8)), r"array of shape .*expected \(height, width\)")

    def test_objects_are_not_unpickled(self) -> None:
        file = BytesIO()
        np.save(file, np.array([[{}]], object), allow_pickle=True)
        refused(file.getvalue(), "array of object")

    def test_records(self) -> None:
        refused(npy(np.zeros((2, 2), [("a", "u1"), ("b", "f4")])), "expected bool")

    @pytest.mark.parametrize(
        ("old", "new"), [(b"'|u1'", b"'\\z1'"), (b"(2, 4)", b"(2L,4)"), (b"(2, 4)", b"(2or4)")]
    )
    def test_headers_of_which_python_would_warn(self, old: bytes, new: bytes) -> None:
        data = npy(GREY)
        assert old in data
        refused(data.replace(old, new), r"damaged, truncated or unusual NPY \(its header holds '")

    @pytest.mark.parametrize("cut", [1, 5, 60])
    def test_truncated(self, cut: int) -> None:
        refused(npy(GREY)[:-cut], "NPY")

    def test_longer_than_its_header_says(self) -> None:
        refused(npy(GREY) + b"\0", "9 bytes of values, expected 8")

    def test_bomb(self) -> None:
        file = BytesIO()
        header = {"descr": "|u1", "fortran_order": False, "shape": (60000, 60000)}
        np.lib.format.write_array_header_1_0(file, header)
        refused(file.getvalue(), "3600000000 pixels")


class TestColour:
    """RGB, palettes and what becomes grey through RGB."""

    RGB = np.array([[[10, 12, 18], [200, 200, 200]]], np.uint8)
    # (19595 R + 38470 G + 7471 B + 32768) >> 16, by hand: 12.083 -> 12.
    LUMA = [[12, 200]]

    @pytest.mark.parametrize("kind", ["png", "bmp", "tiff"])
    def test_nearly_grey_rgb(self, kind: str) -> None:
        assert levels_of(encoded(self.RGB, kind)) == self.LUMA

    def test_lossless_webp(self) -> None:
        assert levels_of(encoded(self.RGB, "webp", lossless=True)) == self.LUMA

    def test_equal_channels_keep_their_level(self) -> None:
        grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
        assert levels_of(encoded(np.stack([grey] * 3, axis=-1), "png")) == grey.tolist()

    @given(arrays(np.uint8, (2, 3, 3), elements=st.integers(100, 108)))
    def test_luma_is_rec_601(self, rgb: np.ndarray) -> None:
        expected = rgb.astype(float) @ [0.299, 0.587, 0.114]
        assert np.abs(np.array(levels_of(encoded(rgb, "png"))) - expected).max() <= 0.5001
        assert levels_of(encoded(rgb, "png")) == np.array(Image.fromarray(rgb).convert("L")).tolist()

    @pytest.mark.parametrize("kind", ["png", "bmp", "tiff", "webp"])
    def test_coloured_picture(self, kind: str) -> None:
        options = {"lossless": True} if kind == "webp" else {}
        rgb = self.RGB.copy()
        rgb[0, 1] = 100, 100, 109
        refused(
            encoded(rgb, kind, **options),
            "differ by up to 9, expected at most 8.*neither a map nor a mask",
        )

    def test_wraparound_of_differences(self) -> None:
        refused(encoded(np.array([[[0, 0, 255]]], np.uint8), "png"), "differ by up to 255")

    def test_cmyk(self) -> None:
        image = Image.fromarray(np.stack([GREY] * 3, axis=-1)).convert("CMYK")
        assert levels_of(encoded(image, "tiff")) == GREY.tolist()

    def test_ycbcr(self) -> None:
        image = Image.merge("YCbCr", [Image.fromarray(GREY), *[Image.new("L", (4, 2), 128)] * 2])
        tags = {
            256: ("I", [4]),
            257: ("I", [2]),
            258: ("H", [8, 8, 8]),
            262: ("H", [6]),
            277: ("H", [3]),
            278: ("I", [2]),
        }
        assert levels_of(tiff(tags | {530: ("H", [1, 1])}, [image.tobytes()])) == GREY.tolist()
        refused(tiff(tags, [image.tobytes()]), "subsampled colour")

    def test_lab_is_refused(self) -> None:
        refused(encoded(Image.new("LAB", (2, 2)), "tiff"), "pixels of kind LAB")

    @pytest.mark.parametrize("kind", ["png", "gif", "bmp", "tiff"])
    def test_palette(self, kind: str) -> None:
        image = Image.fromarray(np.array([[0, 1, 2], [2, 1, 3]], np.uint8), "L").convert("P")
        image.putdata([0, 1, 2, 2, 1, 3])
        image.putpalette([255, 255, 255, 0, 0, 0, 10, 12, 18, 77, 77, 77])
        assert levels_of(encoded(image, kind)) == [[255, 0, 12], [12, 0, 77]]

    @pytest.mark.parametrize(("depth", "row"), [(1, 0b01000000), (2, 0b00010000), (4, 0x01)])
    def test_small_palette_png(self, depth: int, row: int) -> None:
        palette = [(b"PLTE", bytes([9, 9, 9, 250, 250, 250]))]
        assert levels_of(png(2, 1, depth, 3, bytes([0, row]), palette)) == [[9, 250]]

    def test_unused_colours_do_not_count(self) -> None:
        palette = [(b"PLTE", bytes([9, 9, 9, 250, 250, 250, 255, 0, 0])), (b"tRNS", b"\xff\xff\0")]
        assert levels_of(png(2, 1, 8, 3, b"\0\0\1", palette)) == [[9, 250]]

    def test_coloured_palette(self) -> None:
        palette = [(b"PLTE", bytes([9, 9, 9, 128, 0, 0]))]
        message = (
            r"palette is coloured \(its pixels are entries 0: \(9, 9, 9\), 1: \(128, 0, 0\)\)\. If .*labels"
        )
        refused(png(2, 1, 8, 3, b"\0\0\1", palette), message)

    def test_index_beyond_palette(self) -> None:
        refused(png(2, 1, 8, 3, b"\0\0\2", [(b"PLTE", bytes(6))]), "palette entry 2, but the palette has 2")
        refused(png(2, 1, 8, 3, b"\0\0\2"), "no palette, colour type 3")

    def test_8_bit_colour_map_tiff(self) -> None:
        tags = {256: ("I", [2]), 257: ("I", [1]), 258: ("H", [8]), 262: ("H", [3]), 278: ("I", [1])}
        ramp = [*range(256)] * 3
        refused(tiff(tags | {320: ("H", ramp)}, [b"\x01\xff"]), "8-bit colour map")
        assert levels_of(tiff(tags | {320: ("H", [257 * v for v in ramp])}, [b"\x01\xff"])) == [[1, 255]]

    @pytest.mark.parametrize(("colour", "channels"), [(2, 3), (4, 2), (6, 4)])
    def test_16_bit_colour_png(self, colour: int, channels: int) -> None:
        rows = b"\0" + struct.pack(f">{channels}H", *[40000] * channels)
        refused(png(1, 1, 16, colour, rows), f"16-bit PNG with {channels} channels")

    @pytest.mark.parametrize("order", ["<", ">"])
    def test_16_bit_colour_tiff(self, order: str) -> None:
        tags = {
            256: ("I", [1]),
            257: ("I", [1]),
            258: ("H", [16, 16, 16]),
            262: ("H", [2]),
            277: ("H", [3]),
            278: ("I", [1]),
        }
        refused(tiff(tags, [struct.pack(f"{order}3H", 1, 2, 3)], order), "16-bit TIFF with 3 channels")


class TestAlpha:
    """Transparency: a constant one is ignored, another one is a cut-out."""

    @pytest.mark.parametrize("kind", ["png", "tiff", "webp"])
    @pytest.mark.parametrize("mode", ["LA", "RGBA"])
    @pytest.mark.parametrize("alpha", [255, 128])
    def test_constant(self, kind: str, mode: str, alpha: int) -> None:
        image = Image.fromarray(GREY).convert(mode)
        image.putalpha(alpha)
        options = {"lossless": True, "exact": True} if kind == "webp" else {}
        assert levels_of(encoded(image, kind, **options)) == GREY.tolist()

    @pytest.mark.parametrize("kind", ["png", "tiff", "webp"])
    @pytest.mark.parametrize("mode", ["LA", "RGBA"])
    def test_varying(self, kind: str, mode: str) -> None:
        image = Image.new("L", (4, 2), 255).convert(mode)
        image.putalpha(Image.fromarray(GREY))
        options = {"lossless": True} if kind == "webp" else {}
        refused(encoded(image, kind, **options), "cut-out and not a saliency map")

    def test_bmp(self) -> None:
        """The fourth byte is alpha only where the header says so."""
        image = Image.fromarray(GREY).convert("RGBA")
        image.putalpha(Image.fromarray(255 - GREY))
        assert levels_of(encoded(image, "bmp")) == GREY.tolist()
        channels = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
        info = struct.pack("<IiiHHIIiiII", 108, 2, 1, 1, 32, 3, 8, 0, 0, 0, 0) + channels + bytes(52)
        head = b"BM" + struct.pack("<IHHI", 14 + 108 + 8, 0, 0, 14 + 108) + info
        assert levels_of(head + b"\x05\x05\x05\x80\x09\x09\x09\x80") == [[5, 9]]
        refused(head + b"\x05\x05\x05\x80\x09\x09\x09\xff", "cut-out")

    @pytest.mark.parametrize(("depth", "key", "rows"), [(1, 1, 0x40), (2, 2, 0x20), (4, 5, 0x05)])
    def test_transparent_level_of_small_depths(self, depth: int, key: int, rows: int) -> None:
        refused(png(2, 1, depth, 0, bytes([0, rows]), [(b"tRNS", struct.pack(">H", key))]), "cut-out")
        rows &= 0xFF << (8 - depth)
        assert levels_of(png(2, 1, depth, 0, bytes([0, rows]), [(b"tRNS", struct.pack(">H", key))])) == [
            [0, 0]
        ]

    def test_transparent_level(self) -> None:
        for key, row in ((7, b"\x07\x09"), (0xFF07, b"\x07\x09")):
            refused(png(2, 1, 8, 0, b"\0" + row, [(b"tRNS", struct.pack(">H", key))]), "cut-out")
        assert levels_of(png(2, 1, 8, 0, b"\0\x07\x09", [(b"tRNS", b"\0\x08")])) == [[7, 9]]
        assert levels_of(png(2, 1, 8, 0, b"\0\x07\x07", [(b"tRNS", b"\0\x07")])) == [[7, 7]]

    def test_transparent_level_of_16_bits(self) -> None:
        rows = b"\0" + struct.pack(">2H", 1000, 65535)
        refused(png(2, 1, 16, 0, rows, [(b"tRNS", struct.pack(">H", 1000))]), "cut-out")
        assert levels_of(png(2, 1, 16, 0, rows, [(b"tRNS", struct.pack(">H", 1001))])) == [[4, 255]]

    def test_transparent_colour(self) -> None:
        rows = b"\0\x07\x07\x07\x09\x09\x09"
        refused(png(2, 1, 8, 2, rows, [(b"tRNS", struct.pack(">3H", 9, 9, 9))]), "cut-out")
        assert levels_of(png(2, 1, 8, 2, rows, [(b"tRNS", struct.pack(">3H", 9, 9, 7))])) == [[7, 9]]

    def test_transparent_colour_too_short(self) -> None:
        refused(
            png(1, 1, 8, 2, bytes(4), [(b"tRNS", b"\0\0")]), r"its chunk b'tRNS' has 2 bytes, expected 6\)"
        )

    def test_palette(self) -> None:
        colours = (b"PLTE", bytes([9, 9, 9, 250, 250, 250]))
        refused(png(2, 1, 8, 3, b"\0\0\1", [colours, (b"tRNS", b"\x80")]), "cut-out")
        assert levels_of(png(2, 1, 8, 3, b"\0\0\1", [colours, (b"tRNS", b"\x80\x80")])) == [[9, 250]]

    def test_palette_with_alpha_in_tiff(self) -> None:
        image = Image.fromarray(GREY).convert("PA")
        assert levels_of(encoded(image, "tiff")) == GREY.tolist()
        image.putalpha(Image.fromarray(GREY))
        refused(encoded(image, "tiff"), "cut-out")

    def test_transparent_level_of_a_grey_gif(self) -> None:
        image = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
        data = encoded(image, "gif", transparency=9, optimize=False)
        refused(data, "cut-out")

    @pytest.mark.parametrize("mode", ["P", "L"])
    def test_gif(self, mode: str) -> None:
        image = Image.fromarray(GREY).convert(mode)
        image.info.clear()
        assert levels_of(encoded(image, "gif")) == GREY.tolist()
        refused(encoded(image, "gif", transparency=int(np.array(image)[0, 0])), "cut-out")


class TestRefused:
    """What is no single readable image."""

    def test_empty(self) -> None:
        refused(
            b"", r"not an image \(it is empty\), expected PNG, JPEG, BMP, TIFF, GIF, WebP, AVIF, .* or NPY"
        )

    @pytest.mark.parametrize(
        "data", [b"<!DOCTYPE html><html>", b"version https://git-lfs.github.com/spec/v1", b"\x89PN"]
    )
    def test_no_image(self, data: bytes) -> None:
        refused(data, "not an image .begins with b'")

    def test_other_formats(self) -> None:
        refused(encoded(GREY, "pcx"), "not an image")
        refused(encoded(GREY, "ico"), "not an image")
        refused(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + b"\0" * 40, "not an image")

    @pytest.mark.parametrize("kind", ["png", "gif", "webp", "tiff", "avif"])
    def test_more_than_one_image(self, kind: str) -> None:
        frames = [Image.fromarray(MAP), Image.fromarray(255 - MAP)]
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        refused(data, "expected a single")

    @pytest.mark.parametrize("kind", ["png", "jpeg", "bmp", "gif", "tiff", "webp"])
    def test_header_alone(self, kind: str) -> None:
        refused(encoded(MAP, kind)[:16], "damaged, truncated|truncated PNG")

    @pytest.mark.parametrize("kind", ["ppm", "avif", "jpeg2000", "tga"])
    def test_truncated(self, kind: str) -> None:
        data = encoded(MAP, kind)
        for n in range(1, len(data) - (26 if kind == "tga" else 0)):
            refused(data[:n], "damaged|truncated|not an image")

    def test_second_image_of_a_pgm(self) -> None:
        refused(encoded(GREY, "ppm") * 2, "more than one image")
        assert levels_of(encoded(GREY, "ppm") + b"\n") == GREY.tolist()

    @pytest.mark.parametrize("data", [b"P6\n1 1\n65535\n" + bytes(6), b"P3 1 1 300 9 9 9 "])
    def test_deep_colour_of_netpbm(self, data: bytes) -> None:
        refused(data, "16-bit PPM in colour")

    def test_jpeg_2000_that_would_be_rounded(self) -> None:
        data = bytearray(encoded(Image.new("RGB", (9, 9)), "jpeg2000", no_jp2=True))
        at = data.index(b"\xff\x4f\xff\x51") + 42
        data[at : at + 9 : 3] = b"\x0f" * 3
        refused(bytes(data), "16-bit JPEG 2000 in colour")
        data[at : at + 9 : 3] = b"\x87" * 3
        refused(bytes(data), "signed samples")
        refused(encoded(MAP, "jpeg2000")[:60], "JPEG 2000")

    def test_flipped_byte_of_pixels(self) -> None:
        data = bytearray(encoded(MAP, "png"))
        data[data.index(b"IDAT") + 30] ^= 4
        refused(bytes(data), "damaged PNG .wrong checksum of its chunk b'IDAT'")

    def test_missing_end(self) -> None:
        refused(encoded(MAP, "png")[:-12], "truncated PNG")

    def test_bytes_after_the_end_are_ignored(self) -> None:
        assert levels_of(encoded(MAP, "png") + b"junk") == MAP.tolist()

    def test_no_pixels(self) -> None:
        data = (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
            + chunk(b"IEND", b"")
        )
        refused(data, "it has no pixel data")
        refused(b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), "it begins with b'IEND', not with a header")

    @pytest.mark.parametrize(
        ("w", "h", "depth", "colour"), [(0, 1, 8, 0), (1, 0, 8, 0), (1, 1, 3, 0), (1, 1, 8, 1)]
    )
    def test_impossible_png(self, w: int, h: int, depth: int, colour: int) -> None:
        refused(png(w, h, depth, colour, b"\0\0"), "not a valid PNG")

    @pytest.mark.parametrize("level", [0, 7, 253])
    @pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
    def test_rows_missing_from_a_sound_stream(self, level: int, depth: int) -> None:
        row = b"\0" + bytes([level]) * depth
        assert np.shape(levels_of(png(8, 9, depth, 0, row * 9))) == (9, 8)
        assert np.shape(levels_of(png(8, 9, depth, 0, row * 12))) == (9, 8)
        for rows in (row * 8, row * 1, row * 8 + row[:-1], b""):
            refused(png(8, 9, depth, 0, rows), "truncated PNG")

    def test_rows_missing_from_other_layouts(self) -> None:
        for colour, channels in ((2, 3), (4, 2), (6, 4)):
            row = b"\0" + bytes([253]) * channels
            assert levels_of(png(1, 3, 8, colour, row * 3)) == [[253]] * 3
            refused(png(1, 3, 8, colour, row * 2), "truncated PNG")
        palette = [(b"PLTE", bytes(768))]
        assert levels_of(png(1, 3, 8, 3, b"\0\xfd" * 3, palette)) == [[0]] * 3
        refused(png(1, 3, 8, 3, b"\0\xfd" * 2, palette), "truncated PNG")
        interlaced = adam7(MAP)
        rows = zlib.decompress(interlaced[interlaced.index(b"IDAT") + 4 : -16])
        refused(png(36, 24, 8, 0, rows[: -37 * 3], interlaced=1), "truncated PNG")

    def test_impossible_filter(self) -> None:
        refused(png(1, 1, 8, 0, b"\x09\0"), r"damaged PNG \(row 0 has the unknown filter 9\)")

    def test_tiff_with_missing_strips(self) -> None:
        refused(grey_tiff(MAP, rows=8), "its strips hold 288 of 864 pixels")

    @pytest.mark.parametrize("name", ["u4", "i4", "i2", "i1"])
    def test_tiff_of_other_integers(self, name: str) -> None:
        data = grey_tiff(GREY.astype(name), sample_format=2 if name[0] == "i" else 1)
        refused(
            data, f"TIFF with {int(name[1]) * 8}-bit {'signed' if name[0] == 'i' else 'unsigned'} samples"
        )

    def test_12_bit_tiff(self) -> None:
        refused(grey_tiff(np.ones((2, 3), np.uint8), bits=12), "TIFF with 12-bit unsigned samples")

    @pytest.mark.parametrize("kind", [np.uint16, np.float32])
    def test_deep_tiff_whose_zero_is_white(self, kind: type) -> None:
        data = grey_tiff(GREY.astype(kind), sample_format=3 if kind is np.float32 else 1, photometric=0)
        refused(data, "zero is white")

    @pytest.mark.parametrize(
        "kind", ["png", "jpeg", "bmp", "gif", "tiff", "webp", "ppm", "avif", "jpeg2000", "tga"]
    )
    @pytest.mark.parametrize("most", [MAP.size - 1, MAP.size // 2 - 1])
    def test_too_many_pixels(self, kind: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
        data = encoded(MAP, kind)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
        refused(data, f"pixels, expected at most {most}")
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", MAP.size)
        assert decode(data, "x").levels.shape == MAP.shape
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
        assert decode(data, "x").levels.shape == MAP.shape

    def test_too_many_pixels_in_an_array(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 7)
        refused(npy(GREY), "4x2 are 8 pixels")

    def test_bomb(self) -> None:
        refused(png(60000, 60000, 1, 0, b"\0"), "3600000000 pixels")

    @pytest.mark.parametrize("kind", ["png", "bmp", "gif", "tiff", "webp", "npy"])
    def test_truncated_anywhere(self, kind: str) -> None:
        options = {"lossless": True} if kind == "webp" else {}
        data = npy(MAP) if kind == "npy" else encoded(MAP, kind, **options)
        self.same_or_refused(MAP, [data[:n] for n in range(len(data))])

    @pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
    def test_truncated_tiff(self, compression: str, capfd: pytest.CaptureFixture[str]) -> None:
        data = encoded(MAP, "tiff", compression=compression)
        self.same_or_refused(MAP, [data[:n] for n in range(len(data))])
        assert capfd.readouterr() == ("", "")

    def test_corrupt_png(self) -> None:
        rng = np.random.default_rng(7)
        noisy = (MAP // 2 + rng.integers(0, 9, MAP.shape)).astype(np.uint8)
        palette = Image.fromarray(noisy).convert("P")
        for data in (
            encoded(noisy, "png"),
            encoded(noisy > 60, "png"),
            encoded(palette, "png"),
            adam7(noisy),
        ):
            expected = decode(data, "x").levels
            self.same_or_refused(expected, [corrupted(data, rng) for _ in range(1000)])

    @pytest.mark.parametrize(
        "kind", ["jpeg", "bmp", "gif", "tiff", "webp", "ppm", "avif", "jpeg2000", "tga", "npy"]
    )
    def test_corrupt_others_fail_only_in_one_way(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Formats without a checksum cannot notice every flip; but nothing else may be raised."""
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
        rng = np.random.default_rng(8)
        data = npy(MAP) if kind == "npy" else encoded(MAP, kind)
        for _ in range(1000):
            try:
                assert decode(corrupted(data, rng, first=200), "x").levels.dtype == np.uint8
            except PredictionError as error:
                assert str(error).startswith("x: ")  # noqa: PT017

    @staticmethod
    def same_or_refused(expected: np.ndarray, files: list[bytes]) -> None:
        refusals = 0
        for data in files:
            try:
                found = decode(data, "x").levels
            except PredictionError:
                refusals += 1
            else:
                np.testing.assert_array_equal(found, expected)
        assert refusals > len(files) * 0.9


def corrupted(data: bytes, rng: np.random.Generator, first: int | None = None) -> bytes:
    """Flip up to 3 bits (among the `first` bytes), or cut the end off."""
    damaged = bytearray(data)
    if rng.random() < 0.2:
        return data[: rng.integers(len(data))]
    for at in rng.integers(min(len(data), first or len(data)), size=rng.integers(1, 4)):
        damaged[at] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


class TestNotes:
    """What is read, and reported."""

    def test_jpeg(self) -> None:
        found = decode(encoded(MAP, "jpeg", quality=95), "x.png")
        assert found.notes == ("jpeg",)
        assert np.abs(found.levels.astype(int) - MAP).max() <= 8
        assert mask_from(encoded(MAP, "jpeg"), "x").notes == ("jpeg", "grey")

    @pytest.mark.parametrize("mode", ["RGB", "CMYK"])
    def test_jpeg_of_channels(self, mode: str) -> None:
        image = Image.fromarray(MAP).convert("RGB").convert(mode)
        found = decode(encoded(image, "jpeg", quality=95), "x").levels
        assert np.abs(found.astype(int) - MAP).max() <= 8

    def test_jpeg_in_tiff(self) -> None:
        assert decode(encoded(MAP, "tiff", compression="jpeg"), "x").notes == ("jpeg",)

    @pytest.mark.parametrize("options", [{}, {"exact": True, "exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}])
    def test_lossy_webp(self, options: dict[str, object]) -> None:
        assert decode(encoded(MAP, "webp", **options), "x").notes == ("jpeg",)
        assert decode(encoded(MAP, "webp", lossless=True, **options), "x").notes == ()
        assert mask_from(encoded(MAP, "webp", **options), "x").notes == ("jpeg", "grey")

    @pytest.mark.parametrize("kind", ["avif", "jpeg2000"])
    def test_formats_that_are_seldom_lossless(self, kind: str) -> None:
        found = decode(encoded(MAP, kind), "x")
        assert found.notes == ("jpeg",)
        assert np.abs(found.levels.astype(int) - MAP).max() <= 8

    def test_faint(self) -> None:
        assert decode(npy(np.array([[0, 255]], np.uint16)), "x").notes == ("faint",)
        assert decode(npy(np.array([[0, 0]], np.uint16)), "x").notes == ()
        assert decode(npy(np.array([[0, 1e-4]])), "x").notes == ("faint",)
        assert decode(npy(np.array([[0, 1]], np.uint8)), "x").notes == ()

    def test_ids(self) -> None:
        assert set(FILE_NOTES) == {"jpeg", "faint", "mask-01", "grey", "emptied", "resized", "turned"}


class TestPrediction:
    """Sizes."""

    def test_same_size(self) -> None:
        assert prediction_from(encoded(GREY, "png"), "x", shape=(2, 4)).levels.tolist() == GREY.tolist()

    def test_other_size(self) -> None:
        match = r"^a\.png: the map is 4x2, its mask 8x6 .*--resize bilinear"
        with pytest.raises(PredictionError, match=match):
            prediction_from(encoded(GREY, "png"), "a.png", shape=(6, 8))

    def test_turned(self) -> None:
        with pytest.raises(PredictionError, match="turned by 90 degrees"):
            prediction_from(encoded(GREY, "png"), "a.png", shape=(4, 2))

    def test_nearest(self) -> None:
        found = prediction_from(encoded(GREY, "png"), "x", shape=(4, 8), resize="nearest").levels
        assert found.tolist() == GREY.repeat(2, 0).repeat(2, 1).tolist()

    def test_bilinear(self) -> None:
        data = npy(np.array([[0, 100]], np.uint8))
        found = prediction_from(data, "x", shape=(1, 4), resize="bilinear").levels
        assert found.tolist() == [[0, 25, 75, 100]]
        assert found.flags.writeable

    def test_notes_stay(self) -> None:
        assert prediction_from(encoded(MAP, "jpeg"), "x", shape=(9, 9), resize="bilinear").notes == (
            "jpeg",
            "resized",
        )

    @pytest.mark.parametrize("top", [1, 255])
    @pytest.mark.parametrize("kind", ["png", "tiff", "ppm", "jpeg2000", "npy"])
    def test_8_bit_values_in_16_bits(self, kind: str, top: int) -> None:
        def stored(most: int) -> bytes:
            values = np.full((9, 9), most, np.uint16)
            return npy(values) if kind == "npy" else encoded(values, kind)

        with pytest.raises(
            PredictionError, match=r"^a\.png: a 16-bit file whose maximum is 255 or less.*by 257"
        ):
            prediction_from(stored(top), "a.png")
        assert not prediction_from(stored(0), "a.png").levels.any()
        assert prediction_from(stored(256), "a.png").notes[0] == "faint"

    def test_unknown_resize(self) -> None:
        with pytest.raises(ProtocolError, match="'bilinaer' is unknown; did you mean bilinear"):
            prediction_from(encoded(GREY, "png"), "x", resize="bilinaer")


class TestMask:
    """The rules of reading a mask."""

    @pytest.mark.parametrize(
        ("rule", "expected"),
        [
            (">128", [0, 0, 1]),
            (">=128", [0, 1, 1]),
            (">0", [0, 1, 1]),
            (">=1", [0, 1, 1]),
            (">=255", [0, 0, 1]),
        ],
    )
    def test_rules(self, rule: str, expected: list[int]) -> None:
        found = mask_from(npy(np.array([[0, 128, 255]], np.uint8)), "x", rule=rule)
        assert found.gt.dtype == bool
        assert found.gt.tolist() == [[bool(v) for v in expected]]
        assert found.levels.tolist() == [[0, 128, 255]]
        assert found.notes == ("grey",)

    def test_grey(self) -> None:
        for levels, notes in (([0, 255], ()), ([255, 255], ()), ([0, 0], ()), ([0, 254], ("grey",))):
            assert mask_from(npy(np.array([levels], np.uint8)), "x").notes == notes

    @pytest.mark.parametrize("eps", [0.0, 1e-8])
    def test_norm_repeats_its_tool(self, eps: float) -> None:
        for top in range(1, 256):
            levels = np.arange(top + 1, dtype=np.uint8)[None]
            expected = levels.astype(np.float64) / (levels.max() + eps) * 255 > 128
            assert binarise(levels, "norm>128", eps).tolist() == expected.tolist()

    def test_norm_of_nothing(self) -> None:
        assert binarise(np.zeros((1, 2), np.uint8), "norm>0").tolist() == [[False, False]]

    def test_levels_are_not_changed(self) -> None:
        levels = np.array([[0, 128]], np.uint8)
        binarise(levels, "norm>1", 1e-8)
        assert levels.tolist() == [[0, 128]]

    @pytest.mark.parametrize("kind", ["png", "bmp", "tiff"])
    def test_maximum_1(self, kind: str) -> None:
        found = mask_from(encoded(np.array([[0, 1]], np.uint8), kind), "x")
        assert found.gt.tolist() == [[False, True]]
        assert found.levels.tolist() == [[0, 255]]
        assert found.notes == ("mask-01",)

    def test_true_empty_mask(self) -> None:
        found = mask_from(encoded(np.zeros((2, 3), np.uint8), "png"), "x")
        assert not found.gt.any()
        assert found.notes == ()

    def test_emptied_by_the_rule(self) -> None:
        data = npy(np.array([[0, 100]], np.uint8))
        with pytest.raises(
            DatasetError, match=r"^m\.png: .*levels 0, 100.* rule >128 .*--mask-threshold '>50'"
        ):
            mask_from(data, "m.png")
        assert mask_from(data, "m.png", rule=">50").gt.tolist() == [[False, True]]
        assert mask_from(data, "m.png", rule="norm>128").gt.tolist() == [[False, True]]
        with pytest.raises(DatasetError, match=r"levels 0, 1, 2, 3, 4, \+115 more"):
            mask_from(npy(np.arange(120, dtype=np.uint8).reshape(10, 12)), "m")

    @pytest.mark.parametrize("top", [1, 128])
    def test_deep_mask_that_rounds_to_nothing(self, top: int) -> None:
        with pytest.raises(DatasetError, match="^m: the mask is not empty, but all its levels round to 0"):
            mask_from(npy(np.array([[0, top]], np.uint16)), "m")

    def test_8_bit_mask_in_16_bits(self) -> None:
        found = mask_from(npy(np.array([[0, 255]], np.uint16)), "m")
        assert found.gt.tolist() == [[False, True]]
        assert found.notes == ("faint", "mask-01")

    @pytest.mark.parametrize("rule", ["", "128", ">256", "> 128", "<128", "norm>", ">1.5", ">-1", ">١"])
    def test_bad_rule(self, rule: str) -> None:
        with pytest.raises(ProtocolError, match="mask threshold .* is not of the form >K, >=K or norm>K"):
            mask_from(encoded(GREY, "png"), "x", rule=rule)
        with pytest.raises(ProtocolError, match="is not of the form"):
            binarise(GREY, rule)


def test_threads_give_the_same() -> None:
    files = [encoded(np.roll(MAP, n, 1), kind) for n in range(20) for kind in ("png", "tiff", "gif")]
    alone = [decode(f, "x").levels.tolist() for f in files]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda f: decode(f, "x").levels.tolist(), files)) == alone


def test_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in ("png", "jpeg", "bmp", "gif", "tiff", "webp", "ppm", "avif", "jpeg2000", "tga"):
            decode(encoded(MAP, kind), "x")
    assert capfd.readouterr() == ("", "")


class TestPhotos:
    """Formats that photos share with maps."""

    RGB = np.dstack([MAP, MAP.T.copy().reshape(MAP.shape), 255 - MAP])

    @pytest.mark.parametrize(("kind", "off"), [("ppm", 0), ("tga", 0), ("jpeg2000", 0), ("avif", 255)])
    def test_colour(self, kind: str, off: int) -> None:
        found = photo_from(encoded(self.RGB, kind), "x")
        assert (found.shape, found.dtype) == (self.RGB.shape, np.uint8)
        assert np.abs(found.astype(int) - self.RGB).max() <= off

    @pytest.mark.parametrize("kind", ["ppm", "jpeg2000"])
    def test_16_bit_grey(self, kind: str) -> None:
        deep = MAP.astype(np.uint16) * 257
        assert np.array_equal(photo_from(encoded(deep, kind), "x"), np.repeat(deep[:, :, None], 3, axis=2))

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"P6\n1 1\n65535\n" + bytes(6), "16-bit PPM in colour"),
            (b"P5\n1 1\n255\n\0P5\n1 1\n255\n\0", "more than one image"),
            (encoded(RGB, "jpeg2000")[:-9], "truncated JPEG 2000"),
        ],
    )
    def test_refused(self, data: bytes, message: str) -> None:
        with pytest.raises(PredictionError, match=f"^x: .*{message}"):
            photo_from(data, "x")
