"""Kernels: functions of plain loops that numba compiles, and where the compiled code is kept."""

import os
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from numba import config, njit

_places: set[str] = set()


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function when it is first called; it runs without Python's lock.

    numba keeps the code for the next process, beside the module or in the user's cache folder, and raises an
    error where it can write to neither, as in a container with a read-only package and no home. There it
    goes to `temporary_cache`; without that, every process compiles anew.
    """
    compiled = njit(nogil=True)(function)
    if hasattr(compiled, "enable_caching"):  # else NUMBA_DISABLE_JIT is set
        _places.add(_kept(compiled))
    return compiled


def where_kept() -> str:
    """Return where the code of all kernels is kept: ``usual``, ``temporary`` or ``nowhere``."""
    return min(_places, key=("nowhere", "temporary", "usual").index, default="usual")


def is_kept(compiled: Any) -> bool:
    """Tell whether code of a kernel's present source is kept for this CPU, without loading it.

    numba has no public way to ask. Where this one does not work the answer is no, and no harm is done: what
    is kept is found when the kernel is called.
    """
    try:
        here = compiled.targetctx.codegen().magic_tuple()
        return any(cpu == here for _, cpu, _ in compiled._cache._cache_file._load_index())
    except Exception:  # an unreadable index, another numba, or none: NUMBA_DISABLE_JIT
        return False


def temporary_cache() -> Path | None:
    """Return a folder for compiled code among the temporary files, None where there can be none.

    What lies in it is executed, so it must belong to this user, and no one else may enter it.
    """
    try:
        parent = Path(tempfile.gettempdir())
        folder = parent / f"sodbench-kernels-{os.getuid() if hasattr(os, 'getuid') else 'own'}"
        folder.mkdir(mode=0o700, exist_ok=True)
        state = folder.lstat()
    except OSError:
        return None
    ours = not hasattr(os, "getuid") or (state.st_uid == os.getuid() and not state.st_mode & 0o077)
    return folder if stat.S_ISDIR(state.st_mode) and ours else None


def _kept(compiled: Any) -> str:
    """Turn numba's cache on for a kernel, and return where it is."""
    with suppress(RuntimeError):  # numba finds no folder that it can write to
        compiled.enable_caching()
        return "usual"
    if folder := temporary_cache():
        chosen = config.CACHE_DIR  # type: ignore[attr-defined]
        config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
        try:
            compiled.enable_caching()
            return "temporary"
        except RuntimeError:
            pass
        finally:
            config.CACHE_DIR = chosen  # type: ignore[attr-defined]
    return "nowhere"
