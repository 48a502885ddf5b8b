"""What is said while kernels are compiled."""

from contextlib import contextmanager
from pathlib import Path

import pytest

from sodbench.scoring import warm_up

UNWRITABLE = "no folder for numba can be written to: set NUMBA_CACHE_DIR to one that can"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("usual", "once after installing"),
        ("temporary", f"kept in /tmp/k ({UNWRITABLE})"),
        ("nowhere", f"which every run does here ({UNWRITABLE})"),
    ],
)
def test_where_compiled_code_is_kept_is_said(monkeypatch, place, expected):
    @contextmanager
    def compiling(tell):
        tell()
        yield

    monkeypatch.setattr(warm_up, "on_compiling", compiling)
    monkeypatch.setattr(warm_up, "where_kept", lambda: place)
    monkeypatch.setattr(warm_up, "temporary_cache", lambda: Path("/tmp/k"))
    said = []
    warm_up.warm_up(said.append)
    assert said[0] == f"Compiling kernels, {expected} ..."
