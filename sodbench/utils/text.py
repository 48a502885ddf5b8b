"""Columns, escapes and numbers for a terminal."""

import math
from collections.abc import Sequence


def finite(value: float) -> float | None:
    """Return the value, None for NaN: what JSON has for an undefined score.

    >>> finite(float("nan")) is None
    True
    """
    return None if math.isnan(value) else value


def aligned(lines: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    """Lay out lines of cells as columns; those in `left` flush left."""
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(widths[k]) if k in left else cell.rjust(widths[k]) for k, cell in enumerate(line)
        ).rstrip()
        for line in lines
    )


def printable(text: str, keep: str = "") -> str:
    """Keep control characters, and line breaks unless they are to be kept, out of a terminal.

    >>> printable("a" + chr(10)), printable("a" + chr(7) + "b", keep=chr(10))
    ('a?', 'a?b')
    """
    return "".join(letter if letter.isprintable() or letter in keep else "?" for letter in text)
