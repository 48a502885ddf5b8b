"""Reads TOML files that users write, and checks every key and value."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sodbench.errors import DatasetError, SodbenchError, nearest

Check = tuple[str, Callable[[Any], bool]]
"""The expected value in words, and a function that checks it."""

TEXT: Check = ("a string", lambda v: isinstance(v, str))
FLAG: Check = ("true or false", lambda v: isinstance(v, bool))


def read_toml(file: Path, error: type[SodbenchError] = DatasetError) -> dict[str, Any]:
    """Read a TOML file.

    Parameters
    ----------
    file
        The file.
    error
        Exception to raise if it is missing or not valid TOML.
    """
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as cause:
        raise error(f"{file}: cannot read this file ({cause.strerror}).") from cause
    except ValueError as cause:
        raise error(f"{file}: this is not valid TOML: {cause}.") from cause


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
            raise error(f"{where}: {key} is {value!r}, expected {expected}.")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
