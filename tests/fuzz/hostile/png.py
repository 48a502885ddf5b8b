"""PNG files, valid and with rules of the format broken, held against Pillow."""

import re
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from hostile import Case, FaultError, Kind, check_message
from hostile.breaking import broken
from sodbench.data.images.decoding import MAX_CHANNEL_SPREAD, decode
from sodbench.data.images.png import CHANNELS, DEPTHS, MAGIC
from sodbench.errors import PredictionError, SodbenchError

LAYOUTS = [(depth, colour) for colour, depths in DEPTHS.items() for depth in depths]
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))

STATED = (
    "truncated",
    "damaged",
    "not a valid PNG",
    "animated PNG",
    "16-bit PNG with . channels",
    "a 16-bit file whose maximum is 255 or less",
    "coloured picture",
    "indexed picture whose palette is coloured",
    "transparency varies",
    "palette entry",
    "decompression bomb",
)
"""Reasons for which a file is refused that Pillow reads."""

ANCILLARY = {
    b"gAMA": struct.pack(">I", 45455),
    b"cHRM": struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000),
    b"sRGB": b"\0",
    b"pHYs": struct.pack(">IIB", 2835, 2835, 1),
    b"tEXt": b"Comment\0made by hand",
    b"zTXt": b"Comment\0\0" + zlib.compress(b"made by hand"),
    b"iTXt": b"Comment\0\0\0en\0\0made by hand",
    b"iCCP": b"name\0\0" + zlib.compress(bytes(200)),
    b"tIME": struct.pack(">HBBBBB", 2020, 1, 2, 3, 4, 5),
    b"bKGD": b"\0\0",
    b"sBIT": b"\x08",
    b"hIST": b"\0\1",
    b"eXIf": b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
    b"acTL": struct.pack(">II", 2, 0),
    b"fcTL": struct.pack(">IIIIIHHBB", 0, 1, 1, 0, 0, 1, 1, 0, 0),
    b"fdAT": bytes(8),
    b"prVt": b"private",
}


class Chunk(NamedTuple):
    """A chunk before it is written."""

    kind: bytes
    data: bytes


def packed(chunk: Chunk) -> bytes:
    """Return a chunk as it is written, with the right checksum."""
    return (
        struct.pack(">I", len(chunk.data))
        + chunk.kind
        + chunk.data
        + struct.pack(">I", zlib.crc32(chunk.kind + chunk.data))
    )


def file_of(chunks: list[Chunk]) -> bytes:
    """Return the file that has these chunks."""
    return MAGIC + b"".join(packed(chunk) for chunk in chunks)


def _filtered(rows: np.ndarray, step: int, filters: np.ndarray) -> bytes:
    """Filter rows of bytes, each by a filter of its own."""
    out = bytearray()
    above = np.zeros(rows.shape[1], np.int64)
    for row, kind in zip(rows.astype(np.int64), filters.tolist(), strict=True):
        left, corner = (np.concatenate((np.zeros(step, np.int64), r))[: len(r)] for r in (row, above))
        p = left + above - corner
        a, b, c = np.abs(p - left), np.abs(p - above), np.abs(p - corner)
        paeth = np.where((a <= b) & (a <= c), left, np.where(b <= c, above, corner))
        guess = (np.zeros_like(row), left, above, (left + above) >> 1, paeth)[min(kind, 4)]
        out += bytes([kind]) + ((row - guess) & 255).astype(np.uint8).tobytes()
        above = row
    return bytes(out)


def _raw(
    chance: np.random.Generator, size: tuple[int, int], depth: int, colour: int, interlaced: bool
) -> bytes:
    """Return the filtered rows of a picture, pass by pass; often grey, as coloured ones are refused."""
    w, h = size
    channels = CHANNELS[colour]
    bits = depth * channels
    out = b""
    for x, y, dx, dy in PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = max(0, -((x - w) // dx)), max(0, -((y - h) // dy))
        if not columns or not rows:
            continue
        top = int(chance.choice((2, 2**depth)))
        values = chance.integers(0, top, (rows, columns, channels)) * chance.choice(
            (1, (2**depth - 1) // (top - 1))
        )
        if colour in (2, 6) and chance.integers(0, 8):
            values[..., 1:3] = values[..., :1]
        if colour in (4, 6) and chance.integers(0, 8):
            values[..., -1] = 2**depth - 1
        weights = np.arange(depth - 1, -1, -1)
        stream = ((values.reshape(rows, -1, 1) >> weights) & 1).astype(np.uint8).reshape(rows, -1)
        filters = chance.choice((0, 1, 2, 3, 4, 4, 4), rows)
        out += _filtered(np.packbits(stream, axis=1), max(1, bits // 8), filters)
    return out


@st.composite
def valid(draw: st.DrawFn) -> list[Chunk]:
    """Draw the chunks of a valid PNG of any layout."""
    depth, colour = draw(st.sampled_from(LAYOUTS))
    size = draw(st.integers(1, 21)), draw(st.integers(1, 9))
    interlaced = draw(st.integers(0, 4)) == 0
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    stream = zlib.compress(_raw(chance, size, depth, colour, interlaced), int(chance.integers(0, 10)))
    chunks = [Chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, interlaced))]
    extra = draw(st.lists(st.sampled_from(sorted(ANCILLARY)), max_size=2, unique=True))
    extra = [kind for kind in extra if kind not in (b"acTL", b"fcTL", b"fdAT", b"hIST", b"bKGD", b"sBIT")]
    chunks += [Chunk(kind, ANCILLARY[kind]) for kind in extra]
    if colour == 3:
        grey = np.repeat(chance.integers(0, 256, (2**depth, 1)), 3, axis=1)
        chunks.append(Chunk(b"PLTE", grey.astype(np.uint8).tobytes()))
    if draw(st.integers(0, 3)) == 0 and colour in (0, 2, 3):
        length = {0: 2, 2: 6, 3: int(chance.integers(1, 2**depth + 1))}[colour]
        alpha = chance.integers(0, 256, length) if chance.integers(0, 2) else np.full(length, 255)
        chunks.append(Chunk(b"tRNS", alpha.astype(np.uint8).tobytes()))
    cuts = sorted(chance.integers(0, len(stream) + 1, int(chance.choice((0, 0, 1, 3)))).tolist())
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    return [*chunks, *(Chunk(b"IDAT", piece) for piece in pieces), Chunk(b"IEND", b"")]


@st.composite
def rules_broken(draw: st.DrawFn, chunks: list[Chunk]) -> tuple[list[Chunk], str]:
    """Break a rule about chunks: their order, number, length, or content; checksums stay right."""
    chunks = list(chunks)
    at = draw(st.integers(0, len(chunks) - 1))
    kind, data = chunks[at]
    how = draw(
        st.sampled_from(
            ("drop", "double", "move", "insert", "insert", "cut", "extend", "set", "kind", "pixels")
        )
    )
    if how == "drop":
        del chunks[at]
    elif how == "double":
        chunks.insert(draw(st.integers(0, len(chunks))), chunks[at])
    elif how == "move":
        chunks.insert(draw(st.integers(0, len(chunks) - 1)), chunks.pop(at))
    elif how == "insert":
        known = {**ANCILLARY, b"IHDR": chunks[0].data, b"PLTE": bytes(range(30)), b"tRNS": bytes(6)}
        known |= {b"IDAT": b"", b"IEND": b"", b"CRIT": b"unknown and critical", b"ab1d": b"", b"abcd": b""}
        kind = draw(st.sampled_from(sorted(known)))
        chunks.insert(draw(st.integers(0, len(chunks))), Chunk(kind, known[kind]))
    elif how == "cut":
        chunks[at] = Chunk(kind, data[: draw(st.integers(0, max(0, len(data) - 1)))])
    elif how == "extend":
        chunks[at] = Chunk(kind, data + draw(st.binary(min_size=1, max_size=8)))
    elif how == "set" and data:
        where, value = (
            draw(st.integers(0, len(data) - 1)),
            draw(st.sampled_from((0, 1, 2, 3, 5, 8, 16, 127, 255))),
        )
        chunks[at] = Chunk(kind, data[:where] + bytes([value]) + data[where + 1 :])
    elif how == "kind":
        chunks[at] = Chunk(bytes([kind[0] ^ 32, *kind[1:]]), data)
    elif how == "pixels":
        raw = zlib.decompress(b"".join(c.data for c in chunks if c.kind == b"IDAT"))
        changed, what = draw(broken(raw))
        rest = [c for c in chunks if c.kind != b"IDAT"]
        return [*rest[:-1], Chunk(b"IDAT", zlib.compress(changed)), rest[-1]], f"pixels ({what})"
    return chunks, f"{how} {kind!r}"


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a PNG: valid, with rules broken, or with bytes broken."""
    chunks = draw(valid())
    how = ["valid"]
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 1, 1, 2, 3)))):
        chunks, what = draw(rules_broken(chunks)) if len(chunks) > 1 and sane(chunks) else (chunks, "")
        how.append(what)
    data = file_of(chunks)
    if draw(st.integers(0, 4)) == 0:
        data, what = draw(broken(data))
        how.append(what)
    return Case({"im.png": data}, "; ".join(filter(None, how)))


def sane(chunks: list[Chunk]) -> bool:
    """Tell whether the pixels can still be inflated, so that they can be changed."""
    try:
        zlib.decompress(b"".join(c.data for c in chunks if c.kind == b"IDAT"))
    except zlib.error:
        return False
    return chunks[0].kind == b"IHDR"


def by_pillow(data: bytes) -> np.ndarray | None:
    """Return the levels that Pillow reads; None if it reads colours, or alpha that varies.

    Raises
    ------
    Exception
        Pillow does not read the file.
    """
    with Image.open(BytesIO(data), formats=("PNG",)) as image:
        image.load()
        mode, transparent = image.mode, image.info.get("transparency")
        if mode.startswith("I"):
            values = np.array(image).astype(np.int64)
            if transparent is not None and len(np.unique(values == transparent)) > 1:
                return None
            return ((values + 128) // 257).astype(np.uint8)
        if transparent is not None or mode in ("LA", "RGBA"):
            alpha = np.array(image.convert("RGBA"))[..., 3]
            if alpha.min() != alpha.max():
                return None
        colours = np.array(image.convert("RGBA").convert("RGB")).astype(int)
        if np.ptp(colours, axis=2).max() > MAX_CHANNEL_SPREAD:
            return None
        return np.array(Image.fromarray(colours.astype(np.uint8)).convert("L"))


def probe(case: Case, folder: Path) -> bool:
    """Read a PNG as Pillow does, or refuse it for a stated reason."""
    (data,) = case.files.values()
    try:
        ours = decode(data, "im.png", PredictionError, of_map=True).levels
    except SodbenchError as error:
        check_message(str(error), "im.png")
        if not data.startswith(MAGIC) or re.search("|".join(STATED), str(error)):
            return False
        raise FaultError(f"refused for another reason than those stated: {error}") from error
    try:
        theirs = by_pillow(data)
    except Exception as error:
        if not data.startswith(MAGIC):
            return True
        raise FaultError(f"only ours accepts, Pillow: {type(error).__name__}: {error}") from error
    if theirs is None:
        raise FaultError("accepted, though coloured or of varying transparency")
    if ours.shape != theirs.shape or (ours != theirs).any():
        raise FaultError(f"other pixels than Pillow's: {ours.tolist()}, {theirs.tolist()}"[:400])
    return True


PNG = Kind(cases(), probe)
