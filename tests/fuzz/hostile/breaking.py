"""Ways to break bytes, texts, and records of nested dictionaries and lists."""

import re
import struct
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

EXTREME = (
    0,
    1,
    2,
    3,
    0x7F,
    0x80,
    0xFF,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFE,
    0xFFFFFFFF,
    2**63,
    2**64 - 1,
)
"""Numbers that lengths, offsets and counts are overwritten with."""


@st.composite
def broken(draw: st.DrawFn, data: bytes, head: int = 0) -> tuple[bytes, str]:
    """Break some bytes in one to three places; the first `head` of them, if given, most often."""
    done = []
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        reach = min(head, len(data)) if head and draw(st.integers(0, 3)) else len(data)
        at = draw(st.integers(0, max(0, reach - 1)))
        how = draw(
            st.sampled_from(("flip", "number", "number", "cut", "drop", "insert", "repeat", "zeros", "junk"))
        )
        done.append(f"{how} at {at}")
        if how == "flip":
            data = (
                data[:at]
                + bytes(b ^ (1 << draw(st.integers(0, 7))) for b in data[at : at + 1])
                + data[at + 1 :]
            )
        elif how == "number":
            form = draw(st.sampled_from((">H", "<H", ">I", "<I", "<Q", ">Q", "B")))
            width = struct.calcsize(form)
            value = draw(st.sampled_from(EXTREME)) & (256**width - 1)
            data = data[:at] + struct.pack(form, value) + data[at + width :]
        elif how == "cut":
            data = data[:at]
        elif how == "drop":
            data = data[:at] + data[at + draw(st.sampled_from((1, 2, 4, 8, 30))) :]
        elif how == "insert":
            data = data[:at] + draw(st.binary(min_size=1, max_size=8)) + data[at:]
        elif how == "repeat":
            data = data[:at] + data[at : at + 40] * draw(st.sampled_from((2, 3, 50))) + data[at + 40 :]
        elif how == "zeros":
            data = data[:at] + bytes(16) + data[at + 16 :]
        else:
            piece = draw(st.binary(min_size=4, max_size=16))
            data = data[:at] + piece + data[at + len(piece) :]
    return data, ", ".join(done)


PIECES = (
    *("", "0", "1", "-1", "1e308", "-1e308", "1e999", "nan", "inf", "-inf", "0x10", "1_000", "٣", "9" * 5000),
    *(
        "true",
        "null",
        '""',
        '"',
        "'",
        ",",
        ",,,",
        "\\",
        "/",
        "..",
        "[",
        "]",
        "[" * 3000,
        "{" * 3000,
        "=1+1",
        "@",
    ),
    *(
        "\0",
        "\r",
        "\n",
        "\r\n",
        "\x1b[31m",
        "\u2028",
        "\ufeff",
        "é",
        "e\u0301",
        "日本",
        "\U0001f600",
        "x" * 140_000,
    ),
)
"""What is put into texts."""


@st.composite
def broken_text(draw: st.DrawFn, text: str) -> tuple[bytes, str]:
    """Break a text in one or two places: a piece of it, a line, or its encoding."""
    done = []
    for _ in range(draw(st.sampled_from((1, 1, 2)))):
        how = draw(
            st.sampled_from(("put", "put", "put", "word", "word", "word", "drop", "double", "swap", "cut"))
        )
        lines = text.splitlines(keepends=True)
        at = draw(st.integers(0, max(0, len(text) - 1)))
        piece = draw(st.sampled_from(PIECES))
        if how == "put":
            text = text[:at] + piece + text[at:]
        elif how == "word":
            spans = [match.span() for match in re.finditer(r"[\w.+-]+", text)] or [(0, 0)]
            start, end = draw(st.sampled_from(spans))
            text = text[:start] + piece + text[end:]
        elif how == "cut":
            text = text[:at]
        elif lines:
            k, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
            if how == "drop":
                del lines[k]
            elif how == "double":
                lines.insert(other, lines[k])
            else:
                lines[k], lines[other] = lines[other], lines[k]
            text = "".join(lines)
        done.append(f"{how} {piece[:12]!r} at {at}" if how in ("put", "word") else how)
    data = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 9)) == 0:
        data, what = draw(broken(data))
        done.append(what)
    return data, ", ".join(done)


ODD_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2**31,
        2**63,
        2**64,
        10**400,
        0.5,
        -0.0,
        1e308,
        float("nan"),
        float("inf"),
    ),
    *(
        "",
        "text",
        "\0",
        "a/../b",
        "x" * 70_000,
        "\x1b[31m",
        [],
        {},
        [[]],
        ["text"],
        [0] * 5,
        {"key": "value"},
    ),
)
"""What a value in a record is replaced by."""


@st.composite
def broken_record(draw: st.DrawFn, record: Any, odd: Sequence[Any] = ODD_VALUES) -> tuple[Any, str]:
    """Replace, drop or add one value anywhere inside nested dictionaries and lists."""
    record = deepcopy(record)
    places = list(_places(record, ()))
    *above, last = draw(st.sampled_from(places))
    holder = record
    for key in above:
        holder = holder[key]
    how = draw(st.sampled_from(("set", "set", "set", "drop", "add")))
    if how == "drop":
        del holder[last]
    elif how == "add" and isinstance(holder, dict):
        holder["unknown"] = draw(st.sampled_from(odd))
    else:
        holder[last] = draw(st.sampled_from(odd))
    value = f" to {str(holder[last])[:40]!r}" if how == "set" else ""
    return record, f"{how} {'.'.join(map(str, (*above, last)))}{value}"


def _places(record: Any, above: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    items = (
        record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    )
    for key, value in items:
        yield (*above, key)
        yield from _places(value, (*above, key))
