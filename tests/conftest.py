"""Every test runs with settings, cache and current directory of its own."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


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


@pytest.fixture(autouse=True)
def isolated(
    shared_cache: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Keep the user's settings, cache and datasets out; return the home folder."""
    home = tmp_path_factory.mktemp("home")
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
