"""PNG reading against Pillow and against an encoder that filters every row as it likes."""

import io
import struct
import zlib
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sodbench.data.images.decoding import decode
from sodbench.data.images.photos import photo_from
from sodbench.data.images.png import (
    CHANNELS,
    DEPTHS,
    MAGIC,
    Head,
    RefusalError,
    chunks_of,
    head_of,
    inflated,
    samples_of,
)
from sodbench.errors import PredictionError

KINDS = [(depth, colour) for colour, depths in DEPTHS.items() for depth in depths]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def predictor(kind: int, left: int, up: int, corner: int) -> int:
    """The specification's predictors, section 9.2, written out."""
    if kind == 4:
        p = left + up - corner
        near = min((abs(p - left), 0, left), (abs(p - up), 1, up), (abs(p - corner), 2, corner))
        return near[2]
    return (0, left, up, (left + up) // 2)[kind]


def encoded(rows: np.ndarray, step: int, filters: list[int]) -> bytes:
    """Filter rows of bytes, (h, stride), each by a filter of its own."""
    out = bytearray()
    for r, kind in enumerate(filters):
        out.append(kind)
        for c in range(rows.shape[1]):
            left = int(rows[r, c - step]) if c >= step else 0
            up = int(rows[r - 1, c]) if r else 0
            corner = int(rows[r - 1, c - step]) if r and c >= step else 0
            out.append((int(rows[r, c]) - predictor(kind, left, up, corner)) & 255)
    return bytes(out)


def file_of(head: Head, raw: bytes) -> bytes:
    numbers = struct.pack(">IIBBBBB", *head[:4], 0, 0, head.interlaced)
    palette = chunk(b"PLTE", bytes(range(3 * 2**head.depth % 256)) or bytes(768)) if head.colour == 3 else b""
    pixels = chunk(b"IDAT", zlib.compress(raw))
    return MAGIC + chunk(b"IHDR", numbers) + palette + pixels + chunk(b"IEND", b"")


@st.composite
def pictures(draw):
    """A header, its rows of bytes, and a filter for each row; runs of Paeth rows are frequent."""
    depth, colour = draw(st.sampled_from(KINDS))
    head = Head(draw(st.integers(1, 19)), draw(st.integers(1, 7)), depth, colour, False)
    stride = (head.width * head.bits + 7) // 8
    seed = draw(st.integers(0, 2**32 - 1))
    top = draw(st.sampled_from((2, 20, 256)))
    rows = np.random.default_rng(seed).integers(0, top, (head.height, stride)).astype(np.uint8)
    filters = draw(
        st.lists(st.sampled_from((0, 1, 2, 3, 4, 4, 4)), min_size=head.height, max_size=head.height)
    )
    return head, rows, filters


def samples_by_hand(head: Head, rows: np.ndarray) -> np.ndarray:
    bits = np.unpackbits(rows, axis=1).reshape(head.height, -1)[:, : head.width * head.bits]
    weights = 1 << np.arange(head.depth - 1, -1, -1)
    samples = (bits.reshape(head.height, -1, head.depth) * weights).sum(axis=2)
    channels = CHANNELS[head.colour]
    return samples if channels == 1 else samples.reshape(head.height, head.width, channels)


@settings(max_examples=400, deadline=None)
@given(pictures())
def test_samples_are_those_that_were_written(picture):
    head, rows, filters = picture
    data = file_of(head, encoded(rows, max(1, head.bits // 8), filters))
    chunks, pixels = chunks_of(data)
    assert head_of(chunks) == head
    found = samples_of(head, pixels)
    assert found.flags.c_contiguous
    assert found.flags.writeable
    assert found.dtype == (np.uint16 if head.depth == 16 else np.uint8)
    np.testing.assert_array_equal(found, samples_by_hand(head, rows))


@pytest.mark.parametrize("filters", list(product((0, 1, 2, 3, 4), repeat=3)))
def test_every_order_of_filters(filters):
    head = Head(33, 3, 8, 0, False)
    rows = np.random.default_rng(7).integers(0, 256, (3, 33)).astype(np.uint8)
    _, pixels = chunks_of(file_of(head, encoded(rows, 1, list(filters))))
    np.testing.assert_array_equal(samples_of(head, pixels), rows)


@pytest.mark.parametrize("colour", [0, 2, 4, 6])
@pytest.mark.parametrize("height", [62, 63, 64, 126, 127, 200])
def test_more_rows_than_are_decoded_side_by_side(colour, height):
    """Every filter at every place of a block of rows, and rows of one pixel."""
    rng = np.random.default_rng(height)
    for width in (1, 2, 70):
        head = Head(width, height, 8, colour, False)
        rows = rng.integers(0, 256, (height, width * CHANNELS[colour]), np.uint8)
        filters = rng.choice(5, height, p=(0.05, 0.05, 0.05, 0.15, 0.7)).tolist()
        _, pixels = chunks_of(file_of(head, encoded(rows, CHANNELS[colour], filters)))
        np.testing.assert_array_equal(samples_of(head, pixels).reshape(height, -1), rows)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (64, 40), (481, 321)])
def test_the_same_samples_as_pillow(mode, size):
    rng = np.random.default_rng(size)
    smooth = np.add.outer(np.arange(size[1]), np.arange(size[0])) + rng.integers(0, 9, size[::-1])
    if mode == "I;16":
        image = Image.fromarray((smooth * 77 % 65536).astype(np.uint16))
    else:
        image = Image.fromarray((smooth % 256).astype(np.uint8)).convert("RGB").convert(mode)
    file = io.BytesIO()
    image.save(file, "PNG")
    chunks, pixels = chunks_of(file.getvalue())
    found = samples_of(head_of(chunks), pixels)
    with Image.open(file) as again:
        np.testing.assert_array_equal(found, np.array(again).astype(found.dtype))


SOUND = {
    0: [
        ("IHDR", struct.pack(">IIBBBBB", 2, 1, 8, 0, 0, 0, 0)),
        ("IDAT", zlib.compress(b"\0ab")),
        ("IEND", b""),
    ],
    2: [
        ("IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        ("IDAT", zlib.compress(b"\0abc")),
        ("IEND", b""),
    ],
    3: [
        ("IHDR", struct.pack(">IIBBBBB", 2, 1, 1, 3, 0, 0, 0)),
        ("PLTE", bytes(6)),
        ("IDAT", zlib.compress(b"\0\x40")),
        ("IEND", b""),
    ],
}
"""Colour type -> chunks of a valid file."""


def joined(chunks: list[tuple[str, bytes]]) -> bytes:
    return MAGIC + b"".join(chunk(kind.encode(), data) for kind, data in chunks)


def with_chunk(colour: int, at: int, kind: str, data: bytes = b"") -> bytes:
    """A valid file with one more chunk."""
    return joined([*SOUND[colour][:at], (kind, data), *SOUND[colour][at:]])


def split(between: list[tuple[str, bytes]]) -> bytes:
    """A valid file whose pixel data is in two chunks, and what stands between them."""
    head, (_, pixels), end = SOUND[0]
    return joined([head, ("IDAT", pixels[:3]), *between, ("IDAT", pixels[3:]), end])


HEADER = SOUND[0][0]
BROKEN_RULES = {
    "two headers": (with_chunk(0, 1, *HEADER), "it has two headers"),
    "a header after the pixels": (with_chunk(0, 2, *HEADER), "it has two headers"),
    "pixels before the header": (
        joined([*SOUND[0][1::-1], SOUND[0][2]]),
        "it begins with b'IDAT', not with a",
    ),
    "a chunk before the header": (with_chunk(0, 0, "tEXt", b"a\0b"), "it begins with b'tEXt', not with a"),
    "no header": (joined(SOUND[0][1:]), "it begins with b'IDAT', not with a header"),
    "a short header": (
        joined([("IHDR", HEADER[1][:12]), *SOUND[0][1:]]),
        "a header of 12 bytes, expected 13",
    ),
    "no pixels": (joined([SOUND[0][0], SOUND[0][2]]), "it has no pixel data"),
    "interrupted pixels": (split([("tEXt", b"a\0b")]), "its pixel data is interrupted by a chunk b'tEXt'"),
    "unknown, critical": (
        with_chunk(0, 1, "CgBI", bytes(4)),
        "its chunk b'CgBI', which a reader has to know",
    ),
    "no name": (with_chunk(0, 1, "ID_T"), "a chunk is named b'ID_T'"),
    "no palette": (joined([SOUND[3][0], *SOUND[3][2:]]), "no palette, colour type 3"),
    "palette of grey": (with_chunk(0, 1, "PLTE", bytes(3)), "a palette, colour type 0"),
    "two palettes": (with_chunk(3, 2, "PLTE", bytes(6)), "it has two chunks b'PLTE'"),
    "palette after pixels": (with_chunk(2, 2, "PLTE", bytes(6)), "its chunk b'PLTE' stands after b'IDAT'"),
    "a colour's part": (with_chunk(2, 1, "PLTE", bytes(4)), "a palette of 4 bytes, .* of 1 to 256 entries"),
    "empty palette": (with_chunk(2, 1, "PLTE"), "a palette of 0 bytes"),
    "too long palette": (with_chunk(2, 1, "PLTE", bytes(771)), "a palette of 771 bytes"),
    "more colours than bits": (
        joined([SOUND[3][0], ("PLTE", bytes(9)), *SOUND[3][2:]]),
        "a palette of 9 bytes, expected 3 for each of 1 to 2 entries",
    ),
    "short transparent level": (with_chunk(0, 1, "tRNS", b"\0"), "b'tRNS' has 1 bytes, expected 2"),
    "short transparent colour": (with_chunk(2, 1, "tRNS", bytes(2)), "b'tRNS' has 2 bytes, expected 6"),
    "transparent beyond palette": (
        with_chunk(3, 2, "tRNS", bytes(3)),
        "b'tRNS' has 3 bytes, expected 1 to 2",
    ),
    "transparent before palette": (with_chunk(3, 1, "tRNS", b"\0"), "b'PLTE' stands after b'tRNS'"),
    "transparent after pixels": (with_chunk(0, 2, "tRNS", bytes(2)), "b'tRNS' stands after b'IDAT'"),
    "gamma after pixels": (with_chunk(0, 2, "gAMA", bytes(4)), "b'gAMA' stands after b'IDAT'"),
    "short chromaticities": (with_chunk(0, 1, "cHRM"), "b'cHRM' has 0 bytes, expected 32"),
    "long rendering intent": (with_chunk(0, 1, "sRGB", bytes(100)), "b'sRGB' has 100 bytes, expected 1"),
    "short pixel size": (with_chunk(0, 1, "pHYs", bytes(8)), "b'pHYs' has 8 bytes, expected 9"),
    "histogram without palette": (with_chunk(0, 1, "hIST", bytes(4)), "a chunk b'hIST', colour type 0"),
    "long histogram": (with_chunk(3, 2, "hIST", bytes(6)), "b'hIST' has 6 bytes, expected 4"),
    "unknown method of a profile": (
        with_chunk(0, 1, "iCCP", b"a\0\7x"),
        "b'iCCP' has no keyword, or an unknown",
    ),
    "unknown method of a text": (
        with_chunk(0, 2, "zTXt", b"a\0\1x"),
        "b'zTXt' has no keyword, or an unknown",
    ),
    "no keyword": (with_chunk(0, 2, "tEXt", b"abc"), "b'tEXt' has no keyword"),
    "long keyword": (with_chunk(0, 2, "tEXt", bytes(b"k" * 80) + b"\0"), "b'tEXt' has no keyword"),
    "end with content": (joined([*SOUND[0][:2], ("IEND", b"x")]), "b'IEND' has 1 bytes, expected 0"),
    "cut stream": (
        joined([HEADER, ("IDAT", SOUND[0][1][1][:-4]), SOUND[0][2]]),
        "the end of its pixel data is missing",
    ),
}


@pytest.mark.parametrize("name", BROKEN_RULES)
def test_what_breaks_the_rules_of_the_format_is_refused(name: str):
    data, message = BROKEN_RULES[name]
    with pytest.raises(PredictionError, match=message):
        decode(data, "a.png")


@pytest.mark.parametrize("name", sorted(BROKEN_RULES.keys() - {"cut stream"}))
def test_photos_that_break_them_are_refused_too(name: str):
    with pytest.raises(PredictionError, match=r"^a\.png: "):
        photo_from(BROKEN_RULES[name][0], "a.png")


@pytest.mark.parametrize("kind", ["acTL", "fcTL", "fdAT"])
def test_animations_are_refused(kind: str):
    with pytest.raises(PredictionError, match="animated PNG, expected a single image"):
        decode(with_chunk(0, 1, kind, bytes(26)), "a.png")


VALID = {
    "texts": with_chunk(0, 2, "tEXt", b"k" * 79 + b"\0"),
    "compressed text": with_chunk(0, 1, "zTXt", b"a\0\0" + zlib.compress(b"b")),
    "profile": with_chunk(0, 1, "iCCP", b"a\0\0" + zlib.compress(b"b")),
    "unknown, optional": with_chunk(0, 1, "iDOT", bytes(28)),
    "reserved letter": with_chunk(0, 1, "abcd"),
    "rotation after the pixels": with_chunk(0, 2, "eXIf", b"II*\0"),
    "empty pixel chunks": split([("IDAT", b""), ("IDAT", b"")]),
    "bytes after the end": joined(SOUND[0]) + b"more",
}


@pytest.mark.parametrize("name", VALID)
def test_what_the_format_allows_is_read(name: str):
    assert decode(VALID[name], "a.png").levels.tolist() == [[97, 98]]


@settings(max_examples=300, deadline=None)
@given(pictures(), st.data())
def test_damage_is_refused_and_never_read_as_something_else(picture, data):
    head, rows, filters = picture
    whole = file_of(head, encoded(rows, max(1, head.bits // 8), filters))
    at = data.draw(st.integers(0, len(whole) - 1))
    broken = bytearray(whole)
    broken[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(PredictionError, match=r"^a\.png: "):
        decode(bytes(broken), "a.png")
    with pytest.raises(PredictionError, match=r"^a\.png: "):
        decode(whole[:at], "a.png")


def test_damage_under_a_right_checksum_is_refused():
    head = Head(40, 30, 8, 0, False)
    raw = bytes(30 * 41)
    stream = bytearray(zlib.compress(raw, 0))
    stream[2] = 7  # no such block type
    with pytest.raises(RefusalError, match="damaged or truncated PNG"):
        samples_of(head, bytes(stream))
    with pytest.raises(RefusalError, match=r"truncated PNG \(82 bytes of pixels, expected 1230\)"):
        samples_of(head, zlib.compress(raw[:82]))


def test_no_more_is_inflated_than_the_header_allows():
    head = Head(10, 10, 8, 0, False)
    found = inflated(zlib.compress(bytes(50_000_000)), 110)
    assert len(found) == 110
    assert samples_of(head, zlib.compress(bytes(50_000_000))).shape == (10, 10)


@pytest.mark.parametrize("place", [10, 11, 12])
def test_unknown_methods_are_refused(place):
    numbers = bytearray(struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    numbers[place] = 2
    with pytest.raises(RefusalError, match=r"not a valid PNG \(1x1, depth 8, colour type 0\)"):
        head_of({b"IHDR": bytes(numbers)})
