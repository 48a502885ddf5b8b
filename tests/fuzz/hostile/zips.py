"""Zips of maps: unsafe and strange names, damaged records, members that are bombs."""

import struct
import zipfile
from io import BytesIO
from pathlib import Path

from hypothesis import strategies as st

from hostile import Case, Kind, read_or_refused
from hostile.breaking import EXTREME, broken
from sodbench.data.sources import open_source
from sodbench.errors import PredictionError

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c63000100000500010d0a2db4"
    "0000000049454e44ae426082"
)
NAMES = (
    *("a.png", "b.PNG", "SOD/c.png", "deep/er/and/deep/er/d.png", "x\\y.png", "é.png", "日本.png"),
    *(
        "../up.png",
        "/abs.png",
        "C:\\c.png",
        "..\\up.png",
        "a/../../b.png",
        "",
        ".png",
        "a.png/",
        "__MACOSX/._a.png",
    ),
    *(
        "CON.png",
        "a\rb.png",
        "a\x1b[31m.png",
        "a b.png",
        "-rf.png",
        "=1+1.png",
        "x" * 300 + ".png",
        "run.json",
    ),
)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
BOMB = bytes(1 << 20)

LOCAL = {
    "version": (4, 2),
    "flags": (6, 2),
    "method": (8, 2),
    "crc": (14, 4),
    "packed": (18, 4),
    "size": (22, 4),
}
LOCAL |= {"name length": (26, 2), "extra length": (28, 2)}
CENTRAL = {
    "version": (6, 2),
    "flags": (8, 2),
    "method": (10, 2),
    "crc": (16, 4),
    "packed": (20, 4),
    "size": (24, 4),
}
CENTRAL |= {"name length": (28, 2), "extra length": (30, 2), "comment length": (32, 2), "disk": (34, 2)}
CENTRAL |= {"attributes": (38, 4), "offset": (42, 4), "name": (46, 2)}
END = {
    "disks": (4, 2),
    "here": (8, 2),
    "members": (10, 2),
    "size": (12, 4),
    "offset": (16, 4),
    "comment": (20, 2),
}
RECORDS = {b"PK\x03\x04": LOCAL, b"PK\x01\x02": CENTRAL, b"PK\x05\x06": END}
"""Signature of a record -> its fields, by offset and width."""


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a zip: valid, with a field of a record changed, or with bytes broken."""
    file, done = BytesIO(), []
    with zipfile.ZipFile(file, "w") as archive:
        for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4)):
            content = draw(st.sampled_from((PIXEL, PIXEL, PIXEL, b"", b"no image", BOMB)))
            info = zipfile.ZipInfo(name)
            info.external_attr = draw(st.sampled_from((0o644, 0o120777, 0o10644))) << 16
            how = zipfile.ZIP_DEFLATED if content is BOMB else draw(st.sampled_from(METHODS))
            archive._didModify = True  # type: ignore[attr-defined]  # no warning of names that occur twice
            archive.NameToInfo.pop(name, None)
            archive.writestr(info, content, how, compresslevel=1)
    data = file.getvalue()
    for _ in range(draw(st.sampled_from((0, 1, 1, 2)))):
        places = [
            (at, field, record)
            for record in RECORDS
            for at in _found(data, record)
            for field in RECORDS[record]
        ]
        at, field, record = draw(st.sampled_from(places))
        offset, width = RECORDS[record][field]
        value = draw(st.sampled_from((*EXTREME, 8, 12, 14, 93, 99, 1 << 11, 1 << 13))) & (256**width - 1)
        data = (
            data[: at + offset]
            + struct.pack("<H" if width == 2 else "<I", value)
            + data[at + offset + width :]
        )
        done.append(f"{field} of {record[2:]!r} at {at} is {value}")
        if not all(_found(data, record) for record in RECORDS):
            break
    if draw(st.integers(0, 4)) == 0:
        data, how_broken = draw(broken(data))
        done.append(how_broken)
    return Case({"maps.zip": data}, "; ".join(done) or "valid")


def _found(data: bytes, record: bytes) -> list[int]:
    places, at = [], data.find(record)
    while at >= 0 and at + 46 < len(data) + 24:
        places.append(at)
        at = data.find(record, at + 4)
    return places[:6]


def probe(case: Case, folder: Path) -> bool:
    """List a zip, and read all its members; nothing may be written anywhere."""
    source = read_or_refused(lambda: open_source(folder / "maps.zip"), "maps.zip")
    if source is None:
        return False
    entries = [entry for group in source.groups.values() for entry in group]
    read = [read_or_refused(lambda e=entry: e.content(PredictionError), "maps.zip") for entry in entries]  # type: ignore[misc]
    return not entries or any(content is not None for content in read)


ZIPS = Kind(cases(), probe)
