"""Files of web servers: ``https://`` and ``http://``.

What may pass is tried again: an answer that does not come or breaks off, and the codes of `PASSING`. The
number of bytes is bounded, and the time by the bytes that have come.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import unquote, urljoin, urlsplit

from sodbench.data.remote.links import links_of
from sodbench.data.remote.servers import AbsentError, Listed, not_installed, seconds_to_wait
from sodbench.errors import FileError
from sodbench.utils.urls import Url

if TYPE_CHECKING:
    from requests import Response, Session

WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further try; a server may ask for up to `LONGEST_WAIT`."""

LONGEST_WAIT = 30.0
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Status codes of what may be otherwise in a moment."""

MAX_PAGE_BYTES = 1 << 26
SLOWEST = 1024
"""Bytes a second that have to come, once the time without an answer has passed."""

_PIECE = 1 << 16
_BY_HAND = "Download it, and pass it from this disk."
_NO_LISTING = (
    "Web servers may list the files of a folder or not, as they choose. Pass a zip (https://.../maps.zip), "
    "or copy the folder to this disk."
)

T = TypeVar("T")


class _PassingError(Exception):
    """What may be otherwise in a moment; `wait` is the number of seconds that the server asks for."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


class _Answer(NamedTuple):
    body: bytes
    headers: Mapping[str, str]
    url: str


def get(url: Url, most: int) -> bytes:
    """Read a file whole, of at most `most` bytes."""
    return _tried(url, lambda: _asked(url, url.address, most).body)


def get_range(url: Url, start: int, stop: int) -> tuple[bytes, int]:
    """Read the bytes from `start` up to `stop` or the end, and the number of bytes of the whole file."""
    answer = _tried(url, lambda: _asked(url, url.address, stop - start, f"bytes={start}-{stop - 1}"))
    span, _, total = answer.headers.get("Content-Range", "").partition("/")
    size = _number(total)
    if span != f"bytes {start}-{start + len(answer.body) - 1}" or size is None:
        raise FileError(f"{url}: the server sent another part of the file than was asked for. {_BY_HAND}")
    return answer.body, size


def list_page(url: Url) -> list[Listed]:
    """List what a server's page about a folder links to."""
    try:
        answer = _tried(url, lambda: _asked(url, url.folder_address, MAX_PAGE_BYTES))
    except AbsentError as error:
        raise FileError(f"{error} {_NO_LISTING}") from None
    base = _names(answer.url)
    entries: dict[str, Listed] = {}
    for link in links_of(answer.body) if "html" in answer.headers.get("Content-Type", "html") else ():
        try:
            parts = urlsplit(urljoin(answer.url, link))
        except ValueError:  # no address
            continue
        names = _names(parts.geturl())
        below = names[len(base) - 1 :]
        if parts.query or names[: len(base) - 1] != base[:-1] or len(below) not in (1, 2) or any(below[1:]):
            continue
        if below[0] not in ("", ".", "..") and "/" not in below[0]:
            entries[below[0]] = Listed(below[0], len(below) == 2)
    if not entries:
        raise FileError(f"{url}: found no list of files here. {_NO_LISTING}")
    return list(entries.values())


def _names(address: str) -> list[str]:
    """Return the host and the names of an address; the last is "" for a folder."""
    parts = urlsplit(address)
    path = (unquote(name, errors="surrogateescape") for name in parts.path.split("/")[1:])
    return [parts.netloc.rpartition("@")[2].lower(), *path]


def _tried(url: Url, ask: Callable[[], T]) -> T:
    """Ask, and again where the failure may pass."""
    for wait in (*WAITS, None):
        try:
            return ask()
        except _PassingError as failure:
            if wait is None:
                tries = len(WAITS) + 1
                raise FileError(f"{url}: {failure} ({tries} tries). Try again later. {_BY_HAND}") from None
            time.sleep(max(wait, min(failure.wait, LONGEST_WAIT)))
    raise AssertionError


def _asked(url: Url, address: str, most: int, part: str = "") -> _Answer:
    """Ask a server once; an error names no secret, and has no cause that would."""
    try:
        from requests.exceptions import RequestException
        from urllib3.exceptions import HTTPError
    except ImportError as cause:
        raise not_installed(url) from cause
    seconds = seconds_to_wait()
    headers = {"Accept-Encoding": "identity", **({"Range": part} if part else {})}
    try:
        with _session().get(address, headers=headers, stream=True, timeout=seconds) as response:
            _check_status(url, response, part)
            return _Answer(_body(url, response, most, seconds), response.headers, response.url)
    except (RequestException, HTTPError, OSError, UnicodeError) as cause:
        error = _failure(url, cause, seconds)
    raise error


def _session() -> "Session":
    """Return the connections of this thread, which a forked process does not share."""
    from requests import Session

    if getattr(_local, "process", None) != os.getpid():
        _local.session, _local.process = Session(), os.getpid()
        _local.session.hooks["response"] = [_leave_long_body]
    return _local.session


def _leave_long_body(response: "Response", **_: object) -> None:
    """Leave what stands in an answer that sends elsewhere: requests reads it without bound."""
    length = response.raw.length_remaining
    if response.is_redirect and (length is None or length > _PIECE):
        response.raw.close()


_local = threading.local()


def _check_status(url: Url, response: "Response", part: str) -> None:
    code = response.status_code
    if code == (206 if part else 200):
        return
    answer = f"{url}: the server answered {code}"
    if code in PASSING:
        asked = response.headers.get("Retry-After", "")
        raise _PassingError(f"the server answered {code}", float(asked) if asked.isdecimal() else 0.0)
    if code in (401, 403, 407):
        raise AbsentError(
            f"{answer}: it wants credentials, or others. They are given as https://USER:PASSWORD@HOST/..., "
            "in ~/.netrc, or by a signed address; no message and no stored score holds them."
        )
    if code in (404, 410):
        raise AbsentError(f"{answer}: there is nothing at this address.")
    if part and code == 200:
        raise FileError(f"{url}: this server sends whole files only, no part of a zip. {_BY_HAND}")
    raise FileError(f"{answer}, expected {206 if part else 200}. {_BY_HAND}")


def _number(said: str) -> int | None:
    """Return the number of bytes that a header says."""
    return int(said) if said.isdecimal() and len(said) < 20 else None


def _body(url: Url, response: "Response", most: int, seconds: float) -> bytes:
    """Read the body: neither more than `most` bytes, nor for ever."""
    pieces, size, start = [], 0, time.monotonic()
    while piece := response.raw.read1(_PIECE, decode_content=True):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise FileError(f"{url}: sends more than {most} bytes, expected at most that. {_BY_HAND}")
        if time.monotonic() - start > seconds + size / SLOWEST:
            raise _PassingError(f"only {size} bytes came in {time.monotonic() - start:.0f} s")
    said = _number(response.headers.get("Content-Length", ""))
    if said not in (None, size) and "Content-Encoding" not in response.headers:
        raise _PassingError(f"only {size} of {said} bytes came")
    return b"".join(pieces)


def _failure(url: Url, cause: BaseException, seconds: float) -> Exception:
    """Say why no answer came; what libraries say of it holds the whole address."""
    from requests import exceptions as failures
    from urllib3.exceptions import NameResolutionError, NewConnectionError, ReadTimeoutError

    chain = _chain(cause)
    kinds = tuple(map(type, chain))

    def has(*wanted: type[BaseException]) -> bool:
        return any(issubclass(kind, wanted) for kind in kinds)

    if has(failures.SSLError):
        return FileError(
            f"{url}: the server's certificate is not valid here ({_reason(chain)}). Check the address and "
            "this machine's clock; REQUESTS_CA_BUNDLE names a file of further authorities."
        )
    if has(failures.ProxyError):
        return FileError(f"{url}: the proxy cannot be reached. HTTPS_PROXY and HTTP_PROXY name it.")
    if has(NameResolutionError):
        return FileError(f"{url}: there is no host {url.host}, or no network. Check the address.")
    if has(failures.Timeout, ReadTimeoutError, TimeoutError):
        return _PassingError(f"no answer within {seconds:g} s (SODBENCH_TIMEOUT)")
    if has(NewConnectionError):
        return FileError(
            f"{url}: {url.host} does not take the connection ({_reason(chain)}). Check the address."
        )
    if has(failures.TooManyRedirects):
        return FileError(f"{url}: the server sends from one address to another without end.")
    if has(failures.InvalidURL, failures.InvalidSchema, failures.MissingSchema, UnicodeError):
        return FileError(f"{url}: this address, or the one that the server sends to, is not valid.")
    return _PassingError(f"the connection broke off ({kinds[0].__name__})")


def _chain(cause: BaseException) -> list[BaseException]:
    """Return an exception, and those that libraries have wrapped in it."""
    chain: list[BaseException] = []
    todo = [cause]
    while todo:
        error = todo.pop()
        if any(error is known for known in chain):
            continue
        chain.append(error)
        inner = (error.__cause__, error.__context__, getattr(error, "reason", None), *error.args)
        todo += [other for other in inner if isinstance(other, BaseException)]
    return chain


def _reason(chain: list[BaseException]) -> str:
    """Return what the system says."""
    said = (getattr(error, "verify_message", "") or getattr(error, "strerror", "") for error in chain)
    return next(filter(None, said), type(chain[0]).__name__)
