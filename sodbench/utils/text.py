"""Columns, escapes and numbers for a terminal."""

import math
from collections.abc import Sequence


def finite(value: float) -> float | None:
    """Return the value, or None for NaN, which is how JSON output shows an undefined score.

    >>> finite(float("nan")) is None
    True
    """
    return None if math.isnan(value) else value


def counted(n: int, noun: str) -> str:
    """Return a number and its noun, in the plural unless the number is 1.

    >>> counted(1, "map"), counted(2, "map")
    ('1 map', '2 maps')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def aligned(lines: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    """Lay out rows of cells in columns; columns listed in `left` are left-aligned, others right-aligned."""
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(widths[k]) if k in left else cell.rjust(widths[k]) for k, cell in enumerate(line)
        ).rstrip()
        for line in lines
    )


def printable(text: str, keep: str = "") -> str:
    """Replace control characters, and line breaks unless `keep` holds them, before printing to a terminal.

    >>> printable("a" + chr(10)), printable("a" + chr(7) + "b", keep=chr(10))
    ('a?', 'a?b')
    """
    return "".join(letter if letter.isprintable() or letter in keep else "?" for letter in text)
