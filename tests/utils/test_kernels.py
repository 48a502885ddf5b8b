"""Kernels: where their compiled code is kept, in a process of its own for each case."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = """
from sodbench.utils.kernels import kernel, temporary_cache, where_kept

@kernel
def twice(x):
    return 2 * x
"""
RUN = """
from sodbench.metrics.compiling import on_compiling
from module import temporary_cache, twice, where_kept
compiled = []
with on_compiling(lambda: compiled.append(True)):
    print(twice(21), where_kept(), temporary_cache(), bool(compiled))
"""


@pytest.fixture
def call(here: Path):
    """Call a kernel of a module in the current folder, in a process that can write where the test lets it."""
    Path("module.py").write_text(MODULE, encoding="utf-8")
    Path("tmp").mkdir()

    def run(**environment: str) -> str:
        known = {
            **{"XDG_CACHE_HOME": str(here / "cache"), "TMPDIR": str(here / "tmp")},
            "PYTHONPATH": os.pathsep.join([str(here), *sys.path]),
        }
        done = subprocess.run(
            [sys.executable, "-c", RUN],
            env={**os.environ, **known, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


def block() -> None:
    """Let files stand where numba would make its folders, which stops even root."""
    Path("__pycache__").touch()
    Path("cache").touch()


TEMPORARY = Path("tmp", f"sodbench-kernels-{os.getuid()}")


KEPT = """
from module import twice
from sodbench.utils.kernels import is_kept
seen = [is_kept(twice)]
twice(21)
seen.append(is_kept(twice))
print(seen, is_kept(print))
"""


def test_what_is_kept_is_known_without_loading_it(here: Path):
    Path("module.py").write_text(MODULE, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), *sys.path])}

    def seen(**more: str) -> str:
        command = [sys.executable, "-c", KEPT]
        return subprocess.check_output(command, env=environment | more, text=True).strip()

    assert seen() == "[False, True] False"
    assert seen() == "[True, True] False"
    assert seen(NUMBA_CPU_NAME="generic") == "[False, True] False"
    assert seen(NUMBA_DISABLE_JIT="1") == "[False, False] False"
    Path("module.py").write_text(MODULE.replace("2 * x", "x + x"), encoding="utf-8")
    assert seen() == "[False, True] False"


def test_code_is_kept_beside_the_module(call):
    assert call().endswith(" True")
    assert list(Path("__pycache__").glob("module.twice-*.nbc"))
    assert call().startswith("42 usual ")
    assert call().endswith(" False")


def test_code_is_kept_among_the_temporary_files_where_no_other_folder_can_be_written(call, here):
    block()
    assert call() == f"42 temporary {here / TEMPORARY} True"
    assert TEMPORARY.stat().st_mode & 0o777 == 0o700
    assert call() == f"42 temporary {here / TEMPORARY} False"
    assert call(NUMBA_CACHE_DIR=str(here / "chosen")).startswith("42 usual ")


@pytest.mark.parametrize("others", ["a file", "a link", "open to all"])
def test_a_temporary_folder_that_others_could_have_made_is_not_used(call, others):
    block()
    Path("theirs").mkdir(mode=0o700)
    if others == "a file":
        TEMPORARY.touch()
    elif others == "a link":
        TEMPORARY.symlink_to(Path("theirs").absolute())
    else:
        TEMPORARY.mkdir()
        TEMPORARY.chmod(0o777)
    assert call() == "42 nowhere None True"
    assert not list(Path().rglob("*.nbc"))


def test_kernels_run_as_python_where_numba_is_switched_off(call):
    block()
    assert call(NUMBA_DISABLE_JIT="1") == f"42 usual {Path(TEMPORARY).absolute()} False"
