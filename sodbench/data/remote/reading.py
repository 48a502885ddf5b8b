"""Lists folders and reads files at an address, whatever kind of server is there."""

from sodbench.data.remote.servers import Listed
from sodbench.errors import FileError
from sodbench.utils.files import MAX_FILE_BYTES
from sodbench.utils.urls import Url


def list_folder(url: Url) -> list[Listed]:
    """List what lies in a folder, in no order.

    Raises
    ------
    FileError
        It is not there, may not be read, or the server lists no files.
    """
    if url.is_web:
        from sodbench.data.remote.web import list_page

        return list_page(url)
    from sodbench.data.remote.stores import list_prefix

    return list_prefix(url)


def read_url(url: Url, size: int | None = None) -> bytes:
    """Read a file whole: at most `sodbench.utils.files.MAX_FILE_BYTES`.

    Parameters
    ----------
    url
        The file.
    size
        Its bytes, where the listing said so.

    Raises
    ------
    FileError
        It is not there, may not be read, does not come whole, or is larger.
    """
    if url.is_web:
        from sodbench.data.remote.web import get

        return get(url, most=MAX_FILE_BYTES)
    from sodbench.data.remote.stores import content

    size = size_of(url) if size is None else size
    if size > MAX_FILE_BYTES:
        raise FileError(f"{url}: has {size} bytes, expected at most {MAX_FILE_BYTES}.")
    return content(url, None)


def read_range(url: Url, start: int, stop: int) -> bytes:
    """Read the bytes of a file from `start` up to `stop`, or to its end.

    Raises
    ------
    FileError
        See `read_url`; or the server sends whole files only.
    """
    if url.is_web:
        from sodbench.data.remote.web import get_range

        return get_range(url, start, stop)[0]
    from sodbench.data.remote.stores import content

    return content(url, (start, stop))


def size_of(url: Url) -> int:
    """Return the number of bytes of a file, of which parts can be read.

    Raises
    ------
    FileError
        See `read_range`.
    """
    if url.is_web:
        from sodbench.data.remote.web import get_range

        return get_range(url, 0, 1)[1]
    from sodbench.data.remote.stores import object_size

    return object_size(url)
