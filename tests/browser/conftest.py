"""One browser for the tests of this folder, which ends before those of others begin."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser.pages import opened_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the browser."""
    for item in items:
        if {"browser", "opened"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("browser")


def executable() -> str:
    """Return the program that SODBENCH_CHROMIUM names, or else the one that is installed."""
    if named := os.environ.get("SODBENCH_CHROMIUM"):
        found = shutil.which(named)
        assert found, f"SODBENCH_CHROMIUM={named}: no such program"
        return found
    return shutil.which("chromium") or pytest.skip("no chromium: install it or name one in SODBENCH_CHROMIUM")


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Browser]":
    """A chromium without network; its event loop runs in this thread until the last test of this folder."""
    api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install -e '.[dev]'")
    home = str(tmp_path_factory.mktemp("browser"))
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=executable(),
            args=FLAGS,
            chromium_sandbox=os.geteuid() != 0,  # which chromium refuses to root
            env={**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home},
        )
        with chromium:
            yield chromium


@pytest.fixture
def opened(browser: "Browser", tmp_path: Path) -> "Callable[..., AbstractContextManager[Page]]":
    """Open a page: see :func:`browser.pages.opened_in`."""
    return partial(opened_in, browser, tmp_path)
