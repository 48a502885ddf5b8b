"""What opens a page as its readers do, and what must hold of every page."""

import functools
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from itertools import product
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

HERE = Path(__file__).parent
WIDTHS = (360, 800, 1600)
SCHEMES = ("light", "dark")
TIMEOUT = 15_000
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice")


@functools.cache
def vendored(name: str, file: str) -> str:
    """Return a file of `vendor/` that `vendored.toml` lists."""
    listed = tomllib.loads((HERE / "vendor" / "vendored.toml").read_text("utf-8"))
    assert file in listed[name]["sha256"]
    return (HERE / "vendor" / name / file).read_text("utf-8")


class Silent(SimpleHTTPRequestHandler):
    """Files of a folder, without a log."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on 127.0.0.1; give its address, without a slash at the end."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=folder)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def opened_in(
    browser: "Browser",
    pictures: Path,
    target: Path | str,
    width: int = 800,
    scheme: str = "light",
    *,
    at: str = "",
    **settings: Any,
) -> "Iterator[Page]":
    """Open a page in a context of its own, and hold at the end that it stayed quiet.

    A file is opened as ``file://`` and may request nothing. A folder is served on 127.0.0.1 and opened at its
    page `at`; pages may request what is in the folder. A page that logs a warning or an error, fails in a
    script, or requests anything else raises AssertionError. If the test fails, a picture of the page is kept.

    Parameters
    ----------
    browser : Browser
        The browser.
    pictures : Path
        Where pictures of failed tests are kept.
    target : Path or str
        A file, a folder, or an address.
    width : int, default: 800
        Width of the window; it is 800 high.
    scheme : str, default: "light"
        ``light`` or ``dark``: what the reader prefers.
    at : str, default: ""
        Page of a folder, such as ``methods/u2net.html``.
    **settings : Any
        Others of the context, such as ``permissions`` or ``java_script_enabled``.
    """
    if isinstance(target, Path) and target.is_dir():
        with (
            served(target) as origin,
            opened_in(browser, pictures, f"{origin}/{at}", width, scheme, **settings) as page,
        ):
            yield page
        return
    address = target.resolve().as_uri() if isinstance(target, Path) else target
    faults: list[str] = []

    def judge(request: "Request") -> None:
        parts, start = urlsplit(request.url), urlsplit(address)
        same = parts[:2] == start[:2] and (parts.scheme != "file" or parts.path == start.path)
        if not same and parts.scheme not in ("data", "blob", "about"):
            faults.append(f"request: {request.url}")

    def listen(message: "ConsoleMessage") -> None:
        if message.type in ("error", "warning", "assert"):
            faults.append(f"console {message.type}: {message.text} ({message.location['url']})")

    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
        **settings,
    )
    context.set_default_timeout(TIMEOUT)
    context.on("request", judge)
    context.on("console", listen)
    context.on("weberror", lambda error: faults.append(f"page error: {error.error}"))
    with context:
        page = context.new_page()
        try:
            page.goto(address)
            yield page
            for other in context.pages if settings.get("java_script_enabled", True) else ():
                other.evaluate("new Promise(done => setTimeout(done))")  # what was said until now has come
        except BaseException as error:
            picture = pictures / f"page{len(list(pictures.glob('page*.png')))}.png"
            page.screenshot(path=picture)
            error.add_note(f"{page.url} at {width} px, {scheme}: picture in {picture}")
            for fault in faults:
                error.add_note(fault)
            raise
    assert not faults, f"{address} at {width} px, {scheme}:\n" + "\n".join(faults)


def views(page: "Page") -> Iterator[str]:
    """Show an open page at each width in light and dark, and name the view."""
    for width, scheme in product(WIDTHS, SCHEMES):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        yield f"{width} px, {scheme}"


def no_overflow(page: "Page") -> None:
    """Hold that the page does not scroll sideways, and that no text is cut off or leaves its box.

    Text may be wider than an element that scrolls, and hidden in the usual ways for screen readers.
    """
    script = (HERE / "overflow.js").read_text("utf-8")
    found = page.evaluate(script)
    width = page.viewport_size and page.viewport_size["width"]
    assert not found, f"{page.url} at {width} px:\n" + "\n".join(found)


def no_serious_fault(page: "Page") -> None:
    """Hold that axe-core finds nothing serious or critical by WCAG 2.2 A and AA or its own best practices."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(vendored("axe-core", "axe.min.js"))
    options = {
        "runOnly": {"type": "tag", "values": RULES},
        "resultTypes": ["violations"],
        "preload": False,  # it would request style sheets again
    }
    found = page.evaluate("options => axe.run(document, options)", options)
    faults = [
        f"{fault['id']} ({fault['impact']}): {fault['help']}, {fault['helpUrl']}"
        + "".join(
            f"\n    {' '.join(map(str, node['target']))}: {node['html'][:200]}" for node in fault["nodes"][:5]
        )
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
    assert not faults, f"{page.url}:\n" + "\n".join(faults)


def dark_and_light(page: "Page") -> None:
    """Hold that what one sees is mostly bright where light is preferred, and mostly dark where dark is."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        with Image.open(BytesIO(page.screenshot(animations="disabled"))) as picture:
            brightness = float(np.median(np.asarray(picture.convert("L")))) / 255
        right = brightness > 0.85 if scheme == "light" else brightness < 0.2
        assert right, f"{page.url}: median brightness {brightness:.2f} where {scheme} is preferred"


class _Links(HTMLParser):
    """Ids and links of a document."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: dict[str, int] = defaultdict(int)
        self.links: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Gather them."""
        given = {name: value or "" for name, value in attrs}
        assert tag != "base", "<base> changes what every link means"
        if "id" in given:
            self.ids[given["id"]] += 1
        self.links += [
            given[name] for name in ("href", "src", "xlink:href", "poster", "action") if name in given
        ]
        self.links += [part.split()[0] for part in given.get("srcset", "").split(",") if part.strip()]
        if tag == "object" and "data" in given:
            self.links.append(given["data"])


@functools.lru_cache(maxsize=1000)
def _ids(file: Path, modified: int) -> frozenset[str]:
    return frozenset(_Links(file.read_text("utf-8")).ids)


def _fault(link: str, page: Path, folder: Path, own: set[str]) -> str:
    """Say what is wrong with a link of a page; nothing if it leads where it says."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        fine = parts.scheme in ("data", "blob", "mailto") or (parts.scheme == "https" and parts.netloc)
        return "" if fine else "neither https nor a file of the folder"
    if parts.path.startswith("/"):
        return "begins with a slash: the folder may be served below another"
    file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not file.is_relative_to(folder):
        return "leads out of the folder"
    if file.is_dir():
        file /= "index.html"
    if file != page and not file.is_file():
        return "no such file"
    fragment = unquote(parts.fragment)
    if fragment in ("", "top") or (file != page and file.suffix != ".html"):
        return ""
    ids = own if file == page else _ids(file, file.stat().st_mtime_ns)
    return "" if fragment in ids else f"no element has the id {fragment!r}"


def link_faults(text: str, page: Path, folder: Path) -> list[str]:
    """List the links of a document that lead nowhere, and ids that it has twice; nothing is fetched."""
    page, folder = page.resolve(), folder.resolve()
    found = _Links(text)
    own = set(found.ids)
    faults = {link: _fault(link, page, folder, own) for link in found.links}
    name = page.relative_to(folder)
    return [f"{name}: {link[:200]}: {fault}" for link, fault in faults.items() if fault] + [
        f"{name}: id {key!r} is there {count} times" for key, count in found.ids.items() if count > 1
    ]


def links_resolve(page: "Page", folder: Path) -> None:
    """Hold that each link of an open page, as its scripts left it, leads where it says."""
    parts = urlsplit(page.url)
    file = Path(unquote(parts.path)) if parts.scheme == "file" else folder / unquote(parts.path).lstrip("/")
    faults = link_faults(page.content(), file / "index.html" if file.is_dir() else file, folder)
    assert not faults, "\n".join(faults)


def all_links_resolve(folder: Path) -> None:
    """Hold the same of every page of a folder as it is written, without a browser."""
    files = sorted(folder.rglob("*.html"))
    assert files, f"{folder} has no page"
    faults = [fault for file in files for fault in link_faults(file.read_text("utf-8"), file, folder)]
    assert not faults, "\n".join(faults)
