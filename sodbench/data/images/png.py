"""PNG files to samples: checksums checked, inflated by ISA-L, unfiltered here.

Nearly all maps and masks are PNGs, and decoding them costs as much as scoring them. Libraries
undo the Paeth filter of a grey image one pixel at a time, each waiting for the one before; here 63 rows
are decoded side by side, each a pixel behind the one above it, which takes half the time
(`benchmarks/decode.py` compares). Interlaced files are left to Pillow.

Where a file breaks the format's rules, libraries differ in what they make of it, so it is refused: chunks
out of place, repeated, unknown though critical, or of an impossible length. What an optional chunk says is
not read, transparency excepted.

W3C: Portable Network Graphics (PNG) Specification, third edition, 2025, sections 5, 9, 10 and 11.
"""

from struct import unpack_from
from typing import NamedTuple

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from sodbench.utils.kernels import kernel

MAGIC = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Colour type -> samples per pixel: grey, RGB, palette, grey and alpha, RGB and alpha."""

DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""Colour type -> bits per sample that the specification allows."""

_AGAIN = "Write or download it again."
_LANES = 64
_CRITICAL = frozenset((b"IHDR", b"PLTE", b"IDAT", b"IEND"))
_COLOUR_SPACE = (b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI")
# Chunk -> what may not stand before it; all but sPLT are there at most once.
_BEFORE: dict[bytes, tuple[bytes, ...]] = {
    b"PLTE": (b"IDAT", b"tRNS", b"bKGD", b"hIST"),
    **dict.fromkeys(_COLOUR_SPACE, (b"PLTE", b"IDAT")),
    **dict.fromkeys((b"tRNS", b"bKGD", b"hIST", b"pHYs", b"sPLT"), (b"IDAT",)),
    **dict.fromkeys((b"tIME", b"eXIf"), ()),
}
_LENGTHS = {
    **{b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4, b"mDCV": 24, b"cLLI": 8, b"pHYs": 9, b"tIME": 7},
}
_BY_COLOUR = {
    b"tRNS": {0: 2, 2: 6},
    b"bKGD": {0: 2, 2: 6, 3: 1, 4: 2, 6: 6},
    b"sBIT": {0: 1, 2: 3, 3: 3, 4: 2, 6: 4},
}
_KEYWORDS = {b"tEXt": b"", b"zTXt": b"\0", b"iCCP": b"\0", b"iTXt": b"", b"sPLT": b""}
"""Chunk that begins with a keyword and a zero -> what follows them: the only compression method."""


class RefusalError(Exception):
    """Why a file cannot be read, without its name."""


class Head(NamedTuple):
    """What a PNG's header says."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    @property
    def bits(self) -> int:
        """Bits per pixel."""
        return self.depth * CHANNELS[self.colour]


@kernel
def _add(line, above, out):  # type: ignore[no-untyped-def]
    for k in range(len(out)):
        out[k] = (np.int64(line[k]) + np.int64(above[k])) & 255


@kernel
def _slant(line, lane, step, diagonals):  # type: ignore[no-untyped-def]
    """Lay a row into its lane of the diagonals, `step` diagonals after the row above it."""
    at = np.uint64(lane * step * _LANES + lane)
    for k in range(len(line)):
        diagonals[at] = line[k]
        at += np.uint64(_LANES)


@kernel
def _straighten(diagonals, lane, step, line):  # type: ignore[no-untyped-def]
    """Take a row out of its lane again."""
    at = np.uint64(lane * step * _LANES + lane)
    for k in range(len(line)):
        line[k] = diagonals[at]
        at += np.uint64(_LANES)


@kernel
def _diagonal(source, start, kinds, lanes, back, result):  # type: ignore[no-untyped-def]
    """Undo the filters of a diagonal: of every lane one byte, all at once, since none waits for another.

    `back` bytes before a byte's place in `result` is that of the byte to its left, and one before that the
    byte above. Paeth's filter adds whichever of left, above and corner is nearest to left + above - corner;
    ties: in that order. Where left and above both lie on the same side of the corner, it is not the corner.
    """
    corner = start
    above = corner + back
    left = above + np.uint64(1)
    here = left + back
    for k in range(lanes):
        a, b, c, kind = result[left + k], result[above + k], result[corner + k], kinds[k]
        to_a, to_b = np.uint8(max(b, c) - min(b, c)), np.uint8(max(a, c) - min(a, c))
        one_side = (a < c) == (b < c)
        to_c = np.uint8(255) if one_side else np.uint8(max(to_a, to_b) - min(to_a, to_b))
        other = b if to_b <= to_c else c
        added = a if (to_a <= to_b) & (to_a <= to_c) else other
        added = np.uint8((a & b) + ((a ^ b) >> 1)) if kind == 3 else added
        added = b if kind == 2 else added
        added = a if kind == 1 else added
        added = np.uint8(0) if kind == 0 else added
        result[here + k] = (np.int64(source[start + k]) + np.int64(added)) & 255


@kernel
def _unfilter(rows, step, out):  # type: ignore[no-untyped-def]
    """Undo the filters of rows of (filter, bytes...), `step` bytes per pixel; outside the image all is 0."""
    height, width = out.shape
    diagonals, back = width + (_LANES - 1) * step, step * _LANES
    source = np.zeros(diagonals * _LANES, np.uint8)
    result = np.zeros(len(source) + 2 * back + 1, np.uint8)
    kinds, above = np.zeros(_LANES, np.uint8), np.zeros(width, np.uint8)
    row = 0
    while row < height:
        kind, line, here = rows[row, 0], rows[row, 1:], out[row]
        rest = min(_LANES - 1, height - row)
        if kind == 0:
            for k in range(width):
                here[k] = line[k]
        elif kind == 1:
            for first in range(step):
                left = np.int64(0)
                for k in range(first, width, step):
                    left = (left + line[k]) & 255
                    here[k] = left
        elif kind == 2:
            _add(line, above, here)
        else:
            _slant(above, 0, step, source)
            for lane in range(1, rest + 1):
                kinds[lane] = rows[row + lane - 1, 0]
                _slant(rows[row + lane - 1, 1:], lane, step, source)
            start = np.uint64(0)
            for _ in range(width + rest * step):
                _diagonal(source, start, kinds, np.uint64(rest + 1), np.uint64(back), result)
                start += np.uint64(_LANES)
            for lane in range(1, rest + 1):
                _straighten(result[2 * back + 1 :], lane, step, out[row + lane - 1])
            row += rest - 1
        above = out[row]
        row += 1


def chunks_of(data: bytes) -> tuple[dict[bytes, bytes], bytes]:
    """Return the last chunk of each type (empty for IDAT) and the joined IDAT.

    All checksums are checked, and that each chunk may stand where it is; `head_of` checks their lengths.

    Raises
    ------
    RefusalError
        The file is truncated or damaged, or its chunks break the format's rules.
    """
    view = memoryview(data)
    chunks: dict[bytes, bytes] = {}
    pixels: list[memoryview] = []
    at = len(MAGIC)
    kind = b""
    while kind != b"IEND":
        before = kind
        end = at + 8 + int.from_bytes(view[at : at + 4], "big")
        if end + 4 > len(data):
            raise RefusalError(f"truncated PNG ({len(data)} bytes, expected at least {end + 4}). {_AGAIN}")
        kind = data[at + 4 : at + 8]
        if isal_zlib.crc32(view[at + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            raise RefusalError(f"damaged PNG (wrong checksum of its chunk {kind!r} at byte {at}). {_AGAIN}")
        if (kind == b"IHDR") == bool(chunks):
            raise _invalid("it has two headers" if chunks else f"it begins with {kind!r}, not with a header")
        if kind == b"IDAT":
            if pixels and before != b"IDAT":
                raise _invalid(f"its pixel data is interrupted by a chunk {before!r}")
            pixels.append(view[at + 8 : end])
            chunks[kind] = b""
        else:
            content = data[at + 8 : end]
            _check_place(kind, content, chunks)
            chunks[kind] = content
        at = end + 4
    if not pixels:
        raise _invalid("it has no pixel data")
    return chunks, b"".join(pixels)


def _invalid(reason: str) -> RefusalError:
    return RefusalError(f"not a valid PNG ({reason}). {_AGAIN}")


def _check_place(kind: bytes, content: bytes, chunks: dict[bytes, bytes]) -> None:
    """Check that a chunk may follow those before it, and what does not depend on the header."""
    if not kind.isalpha():
        raise _invalid(f"a chunk is named {kind!r}")
    if kind[:1].isupper() and kind not in _CRITICAL:
        raise _invalid(f"its chunk {kind!r}, which a reader has to know, is unknown")
    if kind == b"IEND" and content:
        raise _invalid(f"its chunk {kind!r} has {len(content)} bytes, expected 0")
    if kind in _BEFORE:
        if kind in chunks and kind != b"sPLT":
            raise _invalid(f"it has two chunks {kind!r}")
        if late := [other for other in _BEFORE[kind] if other in chunks]:
            raise _invalid(f"its chunk {kind!r} stands after {late[0]!r}")
    if kind in _KEYWORDS:
        keyword, end, rest = content.partition(b"\0")
        if not (1 <= len(keyword) <= 79 and end and rest.startswith(_KEYWORDS[kind])):
            raise _invalid(f"its chunk {kind!r} has no keyword, or an unknown compression method")


def head_of(chunks: dict[bytes, bytes]) -> Head:
    """Return what the header says, once it is known that it is valid and that the other chunks fit it.

    Raises
    ------
    RefusalError
        They are not valid.
    """
    if len(chunks[b"IHDR"]) != 13:
        raise _invalid(f"a header of {len(chunks[b'IHDR'])} bytes, expected 13")
    w, h, depth, colour, compression, filtering, interlaced = unpack_from(">IIBBBBB", chunks[b"IHDR"])
    if depth not in DEPTHS.get(colour, ()) or compression or filtering or interlaced > 1 or not w or not h:
        raise _invalid(f"{w}x{h}, depth {depth}, colour type {colour}")
    head = Head(w, h, depth, colour, bool(interlaced))
    if len(chunks) > 3 or colour == 3:
        _check_lengths(head, chunks)
    return head


def _check_lengths(head: Head, chunks: dict[bytes, bytes]) -> None:
    """Check palette and transparency against the header, and the lengths of optional chunks."""
    palette, most = chunks.get(b"PLTE"), 2**head.depth if head.colour == 3 else 256
    if (palette is None and head.colour == 3) or (palette is not None and head.colour in (0, 4)):
        raise _invalid(f"{'no' if palette is None else 'a'} palette, colour type {head.colour}")
    if palette is not None and (len(palette) % 3 or not 3 <= len(palette) <= 3 * most):
        raise _invalid(f"a palette of {len(palette)} bytes, expected 3 for each of 1 to {most} entries")
    entries = len(palette or b"") // 3
    lengths = {kind: (length, length) for kind, length in _LENGTHS.items()}
    lengths |= {kind: (of[head.colour],) * 2 for kind, of in _BY_COLOUR.items() if head.colour in of}
    lengths |= {b"hIST": (2 * entries,) * 2} if entries else {}
    lengths |= {b"tRNS": (1, entries)} if head.colour == 3 else {}
    for kind in (_LENGTHS.keys() | _BY_COLOUR.keys() | {b"hIST"}) & chunks.keys():
        if kind not in lengths:
            raise _invalid(f"a chunk {kind!r}, colour type {head.colour}")
        low, high = lengths[kind]
        if not low <= len(chunks[kind]) <= high:
            expected = f"{low} to {high}" if low < high else high
            raise _invalid(f"its chunk {kind!r} has {len(chunks[kind])} bytes, expected {expected}")


def samples_of(head: Head, pixels: bytes) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Inflate and unfilter the pixels of a PNG that is not interlaced.

    Returns
    -------
    ``(h, w)`` or ``(h, w, channels)`` samples as they are stored, unscaled; C-contiguous, writable.

    Raises
    ------
    RefusalError
        They are truncated or damaged.
    """
    stride = (head.width * head.bits + 7) // 8
    rows = np.frombuffer(inflated(pixels, head.height * (stride + 1)), np.uint8).reshape(head.height, -1)
    step = max(1, head.bits // 8)
    if rows[:, 0].max() > 4:
        bad = int(np.argmax(rows[:, 0] > 4))
        raise RefusalError(f"damaged PNG (row {bad} has the unknown filter {rows[bad, 0]}). {_AGAIN}")
    unfiltered = np.empty((head.height, stride), np.uint8)
    _unfilter(rows, step, unfiltered)
    samples: NDArray[np.uint8] | NDArray[np.uint16]
    if head.depth == 16:
        samples = unfiltered.view(">u2").astype(np.uint16)
    elif head.depth == 8:
        samples = unfiltered
    else:
        samples = _unpacked(unfiltered, head)
    channels = CHANNELS[head.colour]
    return samples if channels == 1 else samples.reshape(head.height, head.width, channels)


def inflated(pixels: bytes, expected: int) -> bytes:
    """Inflate exactly the expected number of bytes, and no more.

    Raises
    ------
    RefusalError
        There are fewer, or the stream is damaged.
    """
    stream = isal_zlib.decompressobj()
    try:
        raw: bytes = stream.decompress(pixels, expected)
        ended = len(raw) < expected or stream.eof or stream.decompress(stream.unconsumed_tail, 1)
    except isal_zlib.error as cause:  # type: ignore[misc]
        raise RefusalError(f"damaged or truncated PNG ({cause}). {_AGAIN}") from cause
    if len(raw) < expected:
        raise RefusalError(f"truncated PNG ({len(raw)} bytes of pixels, expected {expected}). {_AGAIN}")
    if not ended:
        raise RefusalError(f"truncated PNG (the end of its pixel data is missing). {_AGAIN}")
    return raw


def _unpacked(packed: NDArray[np.uint8], head: Head) -> NDArray[np.uint8]:
    """Unpack samples of 1, 2 or 4 bits, of which the left one has the highest bits."""
    if head.depth == 1:
        return np.unpackbits(packed, axis=1, count=head.width)
    shifts = np.arange(8 - head.depth, -1, -head.depth, dtype=np.uint8)
    split = (packed[:, :, None] >> shifts) & np.uint8(2**head.depth - 1)
    return np.array(split.reshape(head.height, -1)[:, : head.width], order="C")
