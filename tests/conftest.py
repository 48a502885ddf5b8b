"""Every test runs with settings, cache and current directory of its own."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from reference import JIT

NOT_TRACED = {"browser", "docs", "fuzz"}
"""Folders whose tests run what those of the rooms do, in processes and browsers for the most part."""

TRACED = 8
"""Of so many sets of parameters of a test one counts for coverage."""

collect_ignore = [] if find_spec("s3fs") and find_spec("moto") else ["data/test_s3.py"]


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests: rendering the demo dataset takes a second."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One Dask cluster of three worker processes for all tests: it takes seconds to start."""
    from workers import cluster_of_three

    with cluster_of_three(tmp_path_factory.mktemp("dask")) as started:
        yield started


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where home folders lie; pytest's own would each be numbered by listing all before it."""
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def isolated(shared_cache: Path, homes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the user's settings, cache, datasets and modules out; return the home folder."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    home = Path(mkdtemp(dir=homes))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared_cache))
    for name in (
        "SODBENCH_DATA",
        "SODBENCH_DATASETS",
        "SODBENCH_LEADERBOARDS",
        "_SODBENCH_COMPLETE",
    ):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that must not skip: CI with the reference material at hand."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and "SODBENCH_TESTS_MAY_NOT_SKIP" in os.environ:
        reporter.write_line(f"{len(skipped)} tests were skipped, which this run may not do", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Count for coverage what shows new lines: Python runs at two thirds of its speed while it is traced.

    Left out are tests of whole pages and commands, seven of eight sets of parameters, and examples that
    hypothesis draws, but for those of kernels that are not compiled.
    """
    if not config.getoption("cov_source", default=None):
        return
    sets: Counter[str] = Counter()
    for item in items:
        test = item.nodeid.partition("[")[0]
        drawn = JIT and getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if drawn or sets[test] % TRACED or item.path.parent.name in NOT_TRACED:
            item.add_marker("no_cover")
        sets[test] += 1
