"""TOML files that users write: read, and every key and value checked."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sodbench.errors import DatasetError, SodbenchError, nearest

Check = tuple[str, Callable[[Any], bool]]
"""What a value is expected to be, in words, and what tells whether it is."""

TEXT: Check = ("a text", lambda v: isinstance(v, str))
FLAG: Check = ("true or false", lambda v: isinstance(v, bool))


def read_toml(file: Path, error: type[SodbenchError] = DatasetError) -> dict[str, Any]:
    """Read a TOML file.

    Parameters
    ----------
    file
        The file.
    error
        What to raise where it is missing or is not valid TOML.
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
    """Return a table with its lists as tuples, once every key is known and every value as expected.

    Parameters
    ----------
    where
        What messages call the table.
    table
        Keys and values as they were read.
    keys
        What may stand in it.
    error
        What to raise where something else does.

    Examples
    --------
    >>> checked_table("my.toml", {"name": "a", "used": True}, {"name": TEXT, "used": FLAG}, DatasetError)
    {'name': 'a', 'used': True}
    >>> checked_table("my.toml", {"name": 3}, {"name": TEXT}, DatasetError)
    Traceback (most recent call last):
    sodbench.errors.DatasetError: my.toml: name is 3, expected a text.
    """
    for key, value in table.items():
        if key not in keys:
            raise error(f"{where}: unknown key {key}; {nearest(key, list(keys))}")
        expected, is_valid = keys[key]
        if not is_valid(value):
            raise error(f"{where}: {key} is {value!r}, expected {expected}.")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
