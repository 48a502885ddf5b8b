"""Columns, escapes and numbers for a terminal."""

import csv
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace

PLAIN = {
    **{"↑": "^", "↓": "v", "→": ">", "†": "+", "‡": "#", "±": "~", "×": "x", "Δ": "d", "…": ".", "’": "'"},
    **dict.fromkeys("–—", "-"),
}
"""One ASCII letter for each letter that sodbench prints, so that columns stay columns."""


WIDE, NARROW = 120, 80
"""A table wider than the first is broken into parts that are not wider than the second."""


def finite(value: float) -> float | None:
    """Return the value, or None for what JSON has no number for: NaN (an undefined score), infinity.

    >>> finite(float("nan")) is None
    True
    """
    return value if math.isfinite(value) else None


def json_text(record: object) -> str:
    """Return a record as JSON; what JSON has no number for is null. See `finite`.

    >>> print(json_text({"scores": (0.5, float("inf"))}))
    {
      "scores": [
        0.5,
        null
      ]
    }
    """
    return json.dumps(_without_nan(record), indent=2, allow_nan=False)


def _without_nan(record: object) -> object:
    if isinstance(record, float):
        return finite(record)
    if isinstance(record, Mapping):
        return {key: _without_nan(value) for key, value in record.items()}
    return [_without_nan(value) for value in record] if isinstance(record, list | tuple) else record


def shown_size(count: int) -> str:
    """Return a number of bytes as people read it.

    >>> shown_size(950), shown_size(14_900_000)
    ('950 bytes', '14.9 MB')
    """
    return f"{count} bytes" if count < 100_000 else f"{count / 1e6:.1f} MB"


def counted(n: int, noun: str) -> str:
    """Return a number and its noun, in the plural unless the number is 1.

    >>> counted(1, "map"), counted(2, "map")
    ('1 map', '2 maps')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def csv_text(lines: Iterable[Iterable[object]]) -> str:
    r"""Return lines of cells as CSV, from which every text reads back exactly.

    Python's writer leaves a carriage return unquoted where lines end without one, and its reader then takes
    it for the end of a line.

    >>> csv_text([["a\rb", 1]])
    '"a\rb",1\n'
    """
    written: list[str] = []
    csv.writer(SimpleNamespace(write=written.append), lineterminator="\r\n").writerows(lines)
    return "".join(line[:-2] + "\n" for line in written)


def shortened(value: object, most: int = 60) -> str:
    """Return how a value is written, with the end left out if it is long.

    >>> shortened("ab"), shortened("x" * 1000, most=8)
    ("'ab'", "'xxxxxxx... (1000 characters)")
    """
    text = value if isinstance(value, str) else repr(value)
    written = repr(text[: most + 1]) if isinstance(value, str) else text
    if len(text) <= most:
        return written
    return f"{written[:most]}... ({len(text)} characters)"


def sheet_text(lines: Iterable[Iterable[object]]) -> str:
    r"""Return lines of cells as CSV for people, who open it in a spreadsheet.

    Text that a spreadsheet would take for a formula (it begins with ``=``, ``+``, ``-``, ``@``, a tab or a
    carriage return, and is no number) gets an apostrophe before it.

    >>> sheet_text([["=cmd", "-x", "-0.5", "-"]])
    "'=cmd,'-x,-0.5,-\n"
    """
    return csv_text((_no_formula(cell) for cell in line) for line in lines)


def _no_formula(cell: object) -> object:
    if not isinstance(cell, str) or len(cell) < 2 or cell[0] not in "=+-@\t\r":
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def shown_rate(speed: float | None, unit: str) -> str:
    """Return a speed in units a second as a bar shows it, or the seconds a unit where it is below one.

    >>> shown_rate(212.4, "image"), shown_rate(0.25, "image"), shown_rate(None, "image")
    ('212 images/s', '4.0 s/image', '')
    """
    if not speed:
        return ""
    if speed < 1:
        return f"{1 / speed:.1f} s/{unit}"
    return f"{speed:.0f} {unit}s/s" if speed >= 10 else f"{speed:.2g} {unit}s/s"


def aligned(lines: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    """Lay out rows of cells in columns; columns listed in `left` are left-aligned, others right-aligned."""
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(widths[k]) if k in left else cell.rjust(widths[k]) for k, cell in enumerate(line)
        ).rstrip()
        for line in lines
    )


def broken(lines: Sequence[Sequence[str]], left: Sequence[int], kept: int) -> str:
    """Lay out rows of cells in columns as `aligned` does; a very wide table in parts.

    Parameters
    ----------
    lines, left
        As of `aligned`.
    kept
        How many of the first columns stand in each part.

    Examples
    --------
    >>> print(broken([["m", *("value" * 9 for _ in "abc")], ["A", "1", "2", "3"]], left=(0,), kept=1))
    m  valuevaluevaluevaluevaluevaluevaluevaluevalue
    A                                              1
    <BLANKLINE>
    m  valuevaluevaluevaluevaluevaluevaluevaluevalue
    A                                              2
    <BLANKLINE>
    m  valuevaluevaluevaluevaluevaluevaluevaluevalue
    A                                              3
    """
    whole = aligned(lines, left)
    if max(map(len, whole.splitlines())) <= WIDE:
        return whole
    widths = [max(len(line[k]) for line in lines) + 2 for k in range(len(lines[0]))]
    parts: list[list[int]] = [[]]
    for k in range(kept, len(widths)):
        used = sum(widths[:kept]) + sum(widths[j] for j in parts[-1])
        if parts[-1] and used + widths[k] > NARROW + 2:
            parts.append([])
        parts[-1].append(k)
    shown = [[*range(kept), *part] for part in parts]
    return "\n\n".join(
        aligned(
            [[line[k] for k in columns] for line in lines],
            [place for place, k in enumerate(columns) if k in left],
        )
        for columns in shown
    )


def printable(text: str, keep: str = "") -> str:
    """Replace control characters, and line breaks unless `keep` holds them, before printing to a terminal.

    >>> printable("a" + chr(10)), printable("a" + chr(7) + "b", keep=chr(10))
    ('a?', 'a?b')
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in keep else "?" for letter in text)


def readable(text: str, encoding: str) -> str:
    r"""Replace the letters that an encoding lacks, and keep tables aligned.

    Letters that sodbench prints itself and letters with an accent become one ASCII letter, all others a
    backslash escape; a column of a table that holds one is widened.

    Examples
    --------
    >>> readable("MAE↓ U²-Net† ü", "ascii"), readable("雪", "cp437")
    ('MAEv U2-Net+ u', '\\u96ea')
    """
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_relaid(block, encoding) for block in re.split(r"(\n{2,})", text))
    return text


def _relaid(block: str, encoding: str) -> str:
    """Replace letters in a table or paragraph, and widen the columns that need it."""
    lines = block.split("\n")
    new = [_encodable(line, encoding) for line in lines]
    table = [k for k, line in enumerate(lines) if "  " in line.rstrip()]
    if all(len(new[k]) == len(lines[k]) for k in table):
        return "\n".join(new)
    for k, row in zip(table, _rows([lines[k] for k in table], encoding), strict=True):
        new[k] = row
    return "\n".join(new)


def _rows(lines: Sequence[str], encoding: str) -> list[str]:
    """Replace letters cell by cell; two columns or more that are blank in all lines separate cells."""
    full = max(len(line) for line in lines)
    padded = [line.ljust(full) for line in lines]
    ink = "".join(" " if all(line[k] == " " for line in padded) else "#" for k in range(full))
    rows = [""] * len(lines)
    end = 0
    for column in re.finditer(r"#+(?: #+)*", ink):
        old = [line[column.start() : column.end()] for line in padded]
        cells = [_encodable(cell.strip(), encoding) for cell in old]
        width = max(len(column[0]), *map(len, cells))
        right = any(cell.startswith(" ") and cell.strip() for cell in old)
        for k, cell in enumerate(cells):
            rows[k] += " " * (column.start() - end) + (cell.rjust(width) if right else cell.ljust(width))
        end = column.end()
    return [row.rstrip() for row in rows]


def _encodable(text: str, encoding: str) -> str:
    return "".join(_letters(text, encoding))


def _letters(text: str, encoding: str) -> Iterator[str]:
    for letter in text:
        plain = PLAIN.get(letter, unicodedata.normalize("NFKD", letter)[0])
        for shown in (letter, plain):
            try:
                shown.encode(encoding)
            except UnicodeEncodeError:
                continue
            yield shown
            break
        else:
            yield letter.encode("ascii", "backslashreplace").decode()
