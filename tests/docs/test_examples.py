"""What the documentation shows is what happens: see `documents` for how a page is run."""

import os
from pathlib import Path

import pytest
from documents import ROOT, PageRun, blocks_of, check_names, inline_calls, pages, place

from sodbench.scoring.warm_up import compile_kernels

REFERENCE = Path(os.environ["SODBENCH_REFERENCE"]) if os.environ.get("SODBENCH_REFERENCE") else None
NOT_RUN_AT_MOST = 12
PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with published weights, which that of other tests must not have."""
    compile_kernels()
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("page", PAGES)
def test_page(page: Path, here: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    if wrong := PageRun(page, monkeypatch, REFERENCE).run():
        pytest.fail("\n\n".join(wrong), pytrace=False)


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_sentences(page: Path) -> None:
    wrong = [
        f"{place(page, line)}: sodbench {' '.join(words)}: {unknown}"
        for line, words in inline_calls(page)
        if (unknown := check_names(words))
    ]
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def test_few_blocks_are_not_run() -> None:
    idle = [block for page in pages() for block in blocks_of(page) if block.kind == "not run"]
    listed = "\n".join(f"{block.place}: {block.value}" for block in idle)
    print(f"{len(idle)} blocks are not run:\n{listed}")  # noqa: T201
    assert len(idle) <= NOT_RUN_AT_MOST, f"more than {NOT_RUN_AT_MOST} blocks are not run:\n{listed}"
