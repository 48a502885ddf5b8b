"""Addresses of files elsewhere, such as ``https://host/masks`` or ``s3://bucket/maps.zip``.

A `Url` has what the code asks of a `Path` that it only reads from. Its text holds no secret: neither the
user and password of ``https://user:password@host`` nor the query of a signed address.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TypeAlias
from urllib.parse import quote, unquote, urlsplit

from sodbench.errors import FileError, escaped
from sodbench.utils.text import shortened

WEB = ("https", "http")
STORES = ("s3", "gs", "hf")
"""Schemes that fsspec reads, each with a package of its own."""

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://", re.ASCII)
_UNQUOTED = "!$&'()*+,;=:@"
_BYTES = "surrogateescape"
"""How bytes that are no UTF-8 stand in names, as in those on this disk."""


@dataclass(frozen=True, slots=True)
class Url:
    """An address of a file or folder, to be read from.

    Parameters
    ----------
    scheme, host
        As in ``scheme://host/names``; with the port, if one is given.
    names
        Names of the folders below the host and of the file, without escapes.
    user, query
        ``user:password`` and what stands behind ``?``: sent, and never shown.

    Examples
    --------
    >>> url = path_or_url("https://me:secret@host/my%20maps/SOD.zip?signature=secret")
    >>> print(url, url.parent.name, url / "a?b.png")
    https://host/my%20maps/SOD.zip my maps https://host/my%20maps/SOD.zip/a%3Fb.png
    """

    scheme: str
    host: str
    names: tuple[str, ...] = ()
    user: str = field(default="", repr=False)
    query: str = field(default="", repr=False)

    def __str__(self) -> str:
        return self._written(self.host)

    @property
    def address(self) -> str:
        """The whole address, with its secrets."""
        whole = self._written(f"{self.user}@{self.host}" if self.user else self.host)
        return f"{whole}?{self.query}" if self.query else whole

    @property
    def folder_address(self) -> str:
        """The whole address of a folder, which ends with ``/``."""
        path, mark, query = self.address.partition("?")
        return f"{path.rstrip('/')}/{mark}{query}"

    @property
    def is_web(self) -> bool:
        """Whether a web server is asked."""
        return self.scheme in WEB

    def _written(self, host: str) -> str:
        names = map(_quoted, self.names) if self.is_web else self.names
        return f"{self.scheme}://{'/'.join((host, *names))}"

    @property
    def name(self) -> str:
        """The last name, or the host."""
        return self.names[-1] if self.names else self.host

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The name's suffix, with its dot."""
        return PurePosixPath(self.name).suffix

    @property
    def parts(self) -> tuple[str, ...]:
        """The host, and the names below it."""
        return (f"{self.scheme}://{self.host}", *self.names)

    @property
    def parent(self) -> "Url":
        """The folder above; the host is its own."""
        return replace(self, names=self.names[:-1])

    @property
    def parents(self) -> Sequence["Url"]:
        """The folders above, the nearest first."""
        return [replace(self, names=self.names[:k]) for k in reversed(range(len(self.names)))]

    def __truediv__(self, below: str) -> "Url":
        """Return the address of a file or folder below, whose names have no escapes."""
        names = self.names + tuple(name for name in below.split("/") if name not in ("", "."))
        return replace(self, names=names)

    def child(self, name: str) -> "Url":
        """Return the address of what lies in this folder under a name."""
        return replace(self, names=(*self.names, name))

    def is_file(self) -> bool:
        """Tell whether its name is that of a zip, which is the one file that is taken for a folder."""
        return self.suffix.lower() == ".zip"

    def exists(self) -> bool:
        """Return True: whether something is there shows when it is read."""
        return True

    def absolute(self) -> "Url":
        """Return itself."""
        return self

    def resolve(self) -> "Url":
        """Return itself."""
        return self


PathOrUrl: TypeAlias = Path | Url


def is_url(text: str) -> bool:
    """Tell whether text is an address, and no path on this disk.

    >>> is_url("s3://bucket/maps"), is_url("s3:/bucket"), is_url("C://maps")
    (True, False, False)
    """
    return _ADDRESS.match(text) is not None


def path_or_url(given: str | PathOrUrl) -> PathOrUrl:
    """Return the path or the address that text is.

    Raises
    ------
    FileError
        It is an address of another kind than can be read, or has no host.

    Examples
    --------
    >>> path_or_url("ftp://host/maps")
    Traceback (most recent call last):
    sodbench.errors.FileError: ftp://host/maps: ftp:// cannot be read, expected https://, http://, s3://, gs://
    or hf://. Copy the files to this disk, and pass their folder.
    """
    if not isinstance(given, str):
        return given
    match = _ADDRESS.match(given)
    return _url(given, match[1].lower()) if match else Path(given)


def _url(text: str, scheme: str) -> Url:
    rest = text[len(scheme) + len("://") :]
    if scheme not in WEB + STORES:
        kinds = [f"{known}://" for known in WEB + STORES]
        before, _, after = rest.rpartition("@")
        shown = "..." if "?" in before else shortened(after.partition("?")[0]).strip("'")
        way = (
            "Pass the path itself."
            if scheme == "file"
            else "Copy the files to this disk, and pass their folder."
        )
        raise FileError(
            f"{scheme}://{shown}: {scheme}:// cannot be read, expected {', '.join(kinds[:-1])} or "
            f"{kinds[-1]}. {way}"
        )
    user, query = "", ""
    if scheme in WEB:
        rest, _, query = rest.partition("#")[0].partition("?")
    host, _, path = rest.partition("/")
    if scheme in WEB:
        user, _, host = host.rpartition("@")
        _check_host(scheme, host, "@" in text)
    names = [unquote(name, errors=_BYTES) if scheme in WEB else name for name in path.split("/")]
    bucket = host.rpartition("@")[2]
    keys = scheme in STORES and ":" in bucket and not bucket.startswith("arn:")  # a secret key may have a /
    if not host or ".." in names or keys or (scheme != "hf" and "@" in host):
        raise FileError(
            f"{scheme}://{'...' if keys else escaped(bucket)}/...: expected an address such as "
            f"{scheme}://{'host' if scheme in WEB else 'bucket'}/maps, without .. in it and, "
            "but for https://, without a user."
        )
    names = [name for name in names if name not in ("", ".")]
    return Url(scheme, host, tuple(names), _quoted(user, "%"), query)


def _quoted(name: str, also: str = "") -> str:
    """Escape what has another meaning in an address; of a user, a backslash is where libraries end a host."""
    return quote(name, safe=_UNQUOTED + also, errors=_BYTES)


def _check_host(scheme: str, host: str, has_user: bool) -> None:
    try:
        parsed = urlsplit(f"{scheme}://{host}")
        known = parsed.hostname and (parsed.port is None or parsed.port)
    except ValueError:
        known = False
    if not known or not host.isprintable() or " " in host or "\\" in host:
        shown = "..." if has_user else shortened(host)  # it may be half a password
        way = " In a user and password, write / ? # as %2F %3F %23." if has_user else ""
        raise FileError(f"{scheme}://{shown}: this is no name of a host, expected {scheme}://host/maps.{way}")


_READ_ONLY = "Addresses are for maps, masks and photos, and only read from."


def on_this_disk(path: PathOrUrl, option: str = "", why: str = _READ_ONLY) -> Path:
    """Return a path on this disk; `option` names it in the message.

    Raises
    ------
    FileError
        It is an address.
    """
    if isinstance(path, Url):
        name = f" for {option}" if option else ""
        raise FileError(f"{path}: is an address, expected a path on this disk{name}. {why}")
    return path
