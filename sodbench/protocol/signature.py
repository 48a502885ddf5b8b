"""The one line that states how a score was made."""

from collections.abc import Mapping

from sodbench.errors import ProtocolError

OTHER_KEYS = ("data", "n", "missing", "ids", "rev", "sodbench")
"""Parts of a score's signature that are not protocol fields: which images, and which code."""


def differences_text(fields: Mapping[str, tuple[str, str]]) -> str:
    """Put into words what `sodbench.protocol.differing` found of (wanted, found)."""
    return ", ".join(f"{key} {found} (expected {wanted})" for key, (wanted, found) in fields.items())


def split_signature(signature: str) -> dict[str, str]:
    """Split ``key:value|key:value`` into a mapping.

    Raises
    ------
    ProtocolError
        A part has no colon, or a key stands twice.

    Examples
    --------
    >>> split_signature("data:SOD@1|n:300/300")
    {'data': 'SOD@1', 'n': '300/300'}
    """
    parts: dict[str, str] = {}
    for part in signature.strip().split("|"):
        key, colon, value = part.partition(":")
        if not colon or key in parts:
            raise ProtocolError(
                f"signature part {part!r} is {'repeated' if colon else 'not of the form key:value'}."
            )
        parts[key] = value
    return parts


def differing(a: str, b: str) -> dict[str, tuple[str, str]]:
    """Return the parts in which two signatures differ, the program's version apart.

    Rows may be compared when this is empty.

    >>> differing("n:300/300|norm:max|sodbench:0.1.0", "n:299/300|norm:max|sodbench:0.2.0")
    {'n': ('300/300', '299/300')}
    """
    one, two = split_signature(a), split_signature(b)
    keys = [key for key in {**one, **two} if key != "sodbench"]
    return {k: (one.get(k, "-"), two.get(k, "-")) for k in keys if one.get(k) != two.get(k)}
