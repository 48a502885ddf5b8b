"""A web server that serves a folder, and fails as it is told to."""

import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import SSLContext
from urllib.parse import quote, unquote


@dataclass
class Behaviour:
    """What a server does; `asked` are the path, the query and the range of each request."""

    root: Path
    ranges: bool = True
    listing: bool = True
    chunked: bool = False
    user: str = ""
    failing: dict[str, list[int]] = field(default_factory=dict)
    """Path -> the status codes of its next answers, and then for ever, if the last is negative."""
    retry_after: str = ""
    cut: dict[str, int] = field(default_factory=dict)
    """Path -> how many more times its body breaks off."""
    slow: dict[str, float] = field(default_factory=dict)
    """Path -> seconds before the answer; negative: between the bytes of the body."""
    moved: dict[str, str] = field(default_factory=dict)
    said_of_moved: int = 0
    """Bytes of the body of an answer that sends elsewhere."""
    headers: dict[str, str] = field(default_factory=dict)
    """In place of those that each answer has."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def times(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(asked == path for asked, _, _ in self.asked)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, behaviour: Behaviour, *args: object) -> None:
        self.behaviour = behaviour
        super().__init__(*args)  # type: ignore[arg-type]

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer, or fail."""
        be = self.behaviour
        raw, _, query = self.path.partition("?")
        path = unquote(raw)
        span = self.headers.get("Range", "")
        be.asked.append((path, query, span))
        if be.user and self.headers.get("Authorization") != f"Basic {b64encode(be.user.encode()).decode()}":
            return self._answer(401)
        if codes := be.failing.get(path):
            code = codes[0] if codes[0] < 0 else codes.pop(0)
            return self._answer(abs(code), headers={"Retry-After": be.retry_after} if be.retry_after else {})
        if path in be.moved:
            return self._answer(302, bytes(be.said_of_moved), {"Location": be.moved[path]})
        if (wait := be.slow.get(path, 0)) > 0:
            time.sleep(wait)
        file = be.root / path.strip("/")
        if file.is_dir():
            if not be.listing:
                return self._answer(403)
            return self._answer(200, self._page(file, raw), {"Content-Type": "text/html; charset=utf-8"})
        if not file.is_file():
            return self._answer(404)
        body = file.read_bytes()
        if span and be.ranges:
            first, _, last = span.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last) + 1, len(body))
            where = {"Content-Range": f"bytes {start}-{stop - 1}/{len(body)}"}
            return self._answer(206, body[start:stop], where, path)
        return self._answer(200, body, path=path)

    def _page(self, folder: Path, path: str) -> bytes:
        """A page as Apache and nginx make them: with links that sort, and to the folder above and others."""
        names = [child.name + "/" * child.is_dir() for child in sorted(folder.iterdir())]
        links = "".join(f'<li><a href="{escape(quote(name))}">{escape(name)}</a>' for name in names)
        return (
            '<h1>Index</h1><a href="?C=N;O=D">Name</a> <a href="../">up</a> <a href="/">top</a> '
            f'<a href="https://elsewhere.org{escape(path)}x.png">x</a><a href="../beside/y.png">y</a>'
            f'<a href="http://[x.png">x</a><ul>{links}</ul>'
        ).encode()

    def _answer(
        self, code: int, body: bytes = b"", headers: dict[str, str] | None = None, path: str = ""
    ) -> None:
        be = self.behaviour
        self.send_response(code)
        for name, value in ((headers or {}) | be.headers).items():
            self.send_header(name, value)
        cut = be.cut.get(path, 0)
        if be.chunked and path:
            self.send_header("Transfer-Encoding", "chunked")
            body = b"%X\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if cut:
            be.cut[path] = cut - 1
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif be.slow.get(path, 0) < 0:
            for k in range(len(body)):
                self.wfile.write(body[k : k + 1])
                time.sleep(-be.slow[path])
        else:
            self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away."""


@contextmanager
def serving(root: Path, encrypted: SSLContext | None = None) -> Iterator[tuple[str, Behaviour]]:
    """Serve a folder; yield the server's address and its behaviour, which may be changed at any time."""
    behaviour = Behaviour(root)
    server = _Server(("127.0.0.1", 0), partial(_Handler, behaviour))
    if encrypted:
        server.socket = encrypted.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"{'https' if encrypted else 'http'}://127.0.0.1:{server.server_port}", behaviour
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
