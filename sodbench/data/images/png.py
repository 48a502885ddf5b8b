"""PNG files to samples: checksums checked, inflated by ISA-L, unfiltered here.

Nearly all maps and masks are PNGs, and decoding them costs as much as scoring them. Libraries
undo the Paeth filter of a grey image one pixel at a time, each waiting for the one before; here two rows
are decoded side by side, which is faster (`benchmarks/decode.py` compares). Interlaced files are left to
Pillow.

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
_PAETH = 4
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
def _paeth(here, left, up, corner):  # type: ignore[no-untyped-def]
    """Add to a byte whichever neighbour is nearest to left + up - corner; ties: in that order."""
    a, b = up - corner, left - corner
    c = abs(a + b)
    other, distance = (up, abs(b)) if abs(b) <= c else (corner, c)
    return (here + (left if abs(a) <= distance else other)) & 255


@kernel
def _unfilter(rows, step, out):  # type: ignore[no-untyped-def]
    """Undo the filters of rows of (filter, bytes...), `step` bytes per pixel; return the first bad row.

    `out` has a row of zeros above and a pixel of zeros to the left, as the specification assumes.
    """
    height, width = len(rows), rows.shape[1] - 1
    row = 0
    while row < height:
        kind, source = rows[row, 0], rows[row, 1:]
        above, here, left = out[row, step:], out[row + 1, step:], out[row + 1]
        if kind == 0:
            for k in range(width):
                here[k] = source[k]
        elif kind == 1:
            for k in range(width):
                here[k] = source[k] + left[k]
        elif kind == 2:
            for k in range(width):
                here[k] = source[k] + above[k]
        elif kind == 3:
            for k in range(width):
                here[k] = source[k] + ((np.int64(above[k]) + np.int64(left[k])) >> 1)
        elif kind == _PAETH and step == 1 and row + 1 < height and rows[row + 1, 0] == _PAETH:
            _unfilter_two(source, rows[row + 1, 1:], above, here, out[row + 2, 1:])
            row += 1
        elif kind == _PAETH:
            corner = out[row]
            for k in range(width):
                here[k] = _paeth(
                    np.int64(source[k]), np.int64(left[k]), np.int64(above[k]), np.int64(corner[k])
                )
        else:
            return row
        row += 1
    return height


@kernel
def _unfilter_two(source, source2, above, here, here2):  # type: ignore[no-untyped-def]
    """Undo the Paeth filter of a row of single bytes and, one pixel behind, of the row below it.

    Each pixel waits for its left neighbour; two rows side by side keep the processor busy meanwhile.
    """
    width = len(source)
    left2 = corner2 = np.int64(0)
    left = _paeth(np.int64(source[0]), np.int64(0), np.int64(above[0]), np.int64(0))
    here[0] = left
    for k in range(1, width):
        up2 = left
        left = _paeth(np.int64(source[k]), left, np.int64(above[k]), np.int64(above[k - 1]))
        here[k] = left
        left2 = _paeth(np.int64(source2[k - 1]), left2, up2, corner2)
        corner2 = up2
        here2[k - 1] = left2
    here2[width - 1] = _paeth(np.int64(source2[width - 1]), left2, left, corner2)


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
    padded = np.empty((head.height + 1, step + stride), np.uint8)
    padded[0], padded[:, :step] = 0, 0
    bad = _unfilter(rows, step, padded)
    if bad < head.height:
        raise RefusalError(f"damaged PNG (row {bad} has the unknown filter {rows[bad, 0]}). {_AGAIN}")
    unfiltered = padded[1:, step:]
    samples: NDArray[np.uint8] | NDArray[np.uint16]
    if head.depth == 16:
        samples = np.ascontiguousarray(unfiltered).view(">u2").astype(np.uint16)
    elif head.depth == 8:
        samples = np.array(unfiltered, order="C")
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
