"""The documentation builds without a warning, and what it links to and loads is there."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from documents import ROOT
from sphinx.util.inventory import InventoryFile

import sodbench
from sodbench import metrics
from sodbench.cli import COMMANDS

DOCS = ROOT / "docs"
LOADED = {
    *(("link", "href"), ("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "srcset")),
    *(("object", "data"), ("video", "src"), ("form", "action"), ("use", "href")),
}
"""Elements whose attribute a browser follows by itself, or sends a form to."""


class Page(HTMLParser):
    """What a page of HTML links to, loads, and can be linked at."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.pictures_without_words: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors.update(given[name] for name in ("id", "name") if name in given)
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        self.loaded += [given[name] for element, name in LOADED if element == tag and name in given]
        if tag == "img" and not given.get("alt"):
            self.pictures_without_words.append(given["src"])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pages, built from nothing but the figures that are up to date."""
    folder = tmp_path_factory.mktemp("docs")
    options = ["-W", "--keep-going", "-q", "-b", "html", "-d", str(folder / "doctrees")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(DOCS), str(folder / "html")],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def pages(built: Path) -> dict[Path, Page]:
    return {file: Page(file) for file in sorted(built.rglob("*.html"))}


def test_every_source_is_a_page(built: Path) -> None:
    sources = {
        file.relative_to(DOCS).with_suffix("") for file in DOCS.rglob("*.md") if "_build" not in file.parts
    }
    assert Path("index") in sources
    assert [str(source) for source in sources if not (built / source).with_suffix(".html").exists()] == []


def test_links_lead_somewhere(built: Path, pages: dict[Path, Page]) -> None:
    """Inside: a file, and an anchor in it. Outside: https and a host; nothing is asked of the network."""
    wrong = []
    for file, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                fine = parts.scheme == "https" and "." in parts.netloc and not set(' <>"') & set(link)
                fine = fine or parts.scheme == "mailto"
            else:
                target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
                fine = target.is_file() and target.is_relative_to(built.resolve())
                if fine and parts.fragment and target.suffix == ".html":
                    fine = unquote(parts.fragment) in pages[target].anchors
            if not fine:
                wrong.append(f"{file.relative_to(built)}: {link}")
    assert wrong == []


def test_nothing_is_loaded_from_elsewhere(built: Path, pages: dict[Path, Page]) -> None:
    for file, page in pages.items():
        for source in page.loaded:
            parts = urlsplit(source)
            assert parts.scheme in ("", "data"), f"{file.relative_to(built)}: {source}"
            assert not parts.netloc, f"{file.relative_to(built)}: {source}"
            if not parts.scheme:
                assert (file.parent / unquote(parts.path)).exists(), f"{file.relative_to(built)}: {source}"
    for sheet in built.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert "url(http" not in text.replace('"', "").replace("'", ""), sheet.name
        assert "@import" not in text, sheet.name


def test_pictures_have_words(pages: dict[Path, Page]) -> None:
    assert [source for page in pages.values() for source in page.pictures_without_words] == []


def test_public_names_are_documented(built: Path) -> None:
    inventory = InventoryFile.loads((built / "objects.inv").read_bytes(), uri="")
    documented = {name for kind, names in inventory.data.items() if kind.startswith("py:") for name in names}
    public = {f"sodbench.{name}" for name in sodbench.__all__}
    for name in metrics.__all__:
        home = "metrics" if callable(getattr(metrics, name)) else "metrics.families"
        public.add(f"sodbench.{home}.{name}")
    assert public - documented == set()


def test_every_command_and_metric_is_shown(built: Path) -> None:
    commands = (built / "cli.html").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"Usage: sodbench {name} " not in commands] == []
    index = (built / "metrics" / "index.html").read_text(encoding="utf-8")
    assert [name for name in metrics.METRICS if f">{name}<" not in index] == []
    drawn = {file.stem for file in (built / "_images").glob("*.png")}
    firsts = {part.metrics[0].id for part in metrics.PARTS.values()}
    assert firsts - drawn == set()
