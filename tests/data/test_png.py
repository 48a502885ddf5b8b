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
    return MAGIC + chunk(b"IHDR", numbers) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


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
