"""Compile the kernels before the first image, and say so."""

import time
from collections.abc import Callable

import numpy as np

from sodbench.data.images.maps import prediction_from
from sodbench.metrics.compiling import on_compiling
from sodbench.metrics.nearest import _envelope
from sodbench.scoring.pairs import score_image
from sodbench.utils.kernels import is_kept, temporary_cache, where_kept

_UNWRITABLE = "no folder for numba can be written to: set NUMBA_CACHE_DIR to one that can"

WHEN = {
    "usual": "once after installing",
    "temporary": f"kept in {{folder}} ({_UNWRITABLE})",
    "nowhere": f"which every run does here ({_UNWRITABLE})",
}
"""When kernels are compiled, by where they are kept."""

_DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000"
    "000a49444154789c63e00400000b000ac32bee920000000049454e44ae426082"
)
"""A grey PNG of one pixel."""


def compile_kernels() -> None:
    """Run every kernel on a tiny pair, so that numba compiles them, or loads them from its cache."""
    prediction_from(_DOT, "a picture of one pixel")
    score_image(np.zeros((2, 2), np.uint8), np.eye(2, dtype=np.uint8) * np.uint8(255))


def compiled_before() -> bool:
    """Tell whether the kernel that takes longest to compile is in a cache, and so, most likely, all are."""
    return is_kept(_envelope)


def warm_up(say: Callable[[str], None]) -> None:
    """Compile the kernels if they are not in a cache yet, and say so.

    Compiling takes seconds, once an installation; without it the first image would seem to hang.
    """
    started: list[float] = []

    def tell() -> None:
        started.append(time.perf_counter())
        say(f"Compiling kernels, {WHEN[where_kept()].format(folder=temporary_cache())} ...")

    with on_compiling(tell):
        compile_kernels()
    if started:
        say(f"Compiled in {time.perf_counter() - started[0]:.1f} s.")
