"""Reads TOML files that users write, and checks every key and value."""

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sodbench.errors import DatasetError, SodbenchError, nearest
from sodbench.utils.files import read_file
from sodbench.utils.text import shortened

Check = tuple[str, Callable[[Any], bool]]
"""The expected value in words, and a function that checks it."""

MOST_BYTES = 1 << 20
"""What a file may hold: those that ship have some kilobytes."""
MOST_DEPTH = 20
"""How deep tables and lists may be nested: those of sodbench are three deep."""

_ENDLESS_KEY = re.compile(r"""(?<![\w"'-])(?:[\w"'-]+[ \t]{0,9}\.[ \t]{0,9}){100}""")
"""Dotted keys nest tables, on which tomllib spends time by the square of their number."""

TEXT: Check = ("a string", lambda v: isinstance(v, str))
FLAG: Check = ("true or false", lambda v: isinstance(v, bool))


def read_toml(file: Path, error: type[SodbenchError] = DatasetError) -> dict[str, Any]:
    """Read a TOML file.

    Parameters
    ----------
    file
        The file.
    error
        Exception to raise if it is missing, no regular file, too large, not valid TOML or nested too deeply.
    """
    return parse_toml(file, toml_content(file, error), error)


def toml_content(file: Path, error: type[SodbenchError] = DatasetError) -> bytes:
    """Return what a TOML file holds; the first half of `read_toml`, which see."""
    return read_file(file, error, "a TOML file", most=MOST_BYTES)


def parse_toml(file: Path, data: bytes, error: type[SodbenchError] = DatasetError) -> dict[str, Any]:
    """Parse the content of a TOML file; the second half of `read_toml`, which see."""
    try:
        text = data.decode("utf-8")
        deep = bool(_ENDLESS_KEY.search(text))
        table = {} if deep else tomllib.loads(text)
        deep |= _is_deeper(table, MOST_DEPTH)
    except ValueError as cause:
        raise error(f"{file}: this is not valid TOML: {cause}.") from cause
    except RecursionError:
        deep = True
    if deep:
        raise error(f"{file}: tables and lists are nested more than {MOST_DEPTH} deep, expected few levels.")
    return table


def _is_deeper(value: object, most: int) -> bool:
    """Tell whether tables and lists are nested more than `most` deep; dotted keys nest without brackets."""
    level = [value]
    for _ in range(most + 1):
        tables = [list(item.values()) for item in level if isinstance(item, dict)]
        lists = [item for item in level if isinstance(item, list)]
        level = [inner for items in (*tables, *lists) for inner in items]
    return bool(level)


def checked_table(
    where: str, table: Mapping[str, Any], keys: Mapping[str, Check], error: type[SodbenchError]
) -> dict[str, Any]:
    """Check that every key is known and every value valid; return the table with its lists as tuples.

    Parameters
    ----------
    where
        Name of the table in messages.
    table
        Keys and values as read.
    keys
        Allowed keys and the checks of their values.
    error
        Exception to raise for an unknown key or an invalid value.

    Examples
    --------
    >>> checked_table("my.toml", {"name": "a", "used": True}, {"name": TEXT, "used": FLAG}, DatasetError)
    {'name': 'a', 'used': True}
    >>> checked_table("my.toml", {"name": 3}, {"name": TEXT}, DatasetError)
    Traceback (most recent call last):
    sodbench.errors.DatasetError: my.toml: name is 3, expected a string.
    """
    for key, value in table.items():
        if key not in keys:
            raise error(f"{where}: unknown key {key}; {nearest(key, list(keys))}")
        expected, is_valid = keys[key]
        if not is_valid(value):
            raise error(f"{where}: {key} is {shortened(value)}, expected {expected}.")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
