"""Keep large freed blocks in the process instead of giving them back to the system.

Scoring allocates a few megabytes an image and frees them, a network some hundred. By default glibc
returns such blocks at once and faults them in again for the next image, which costs a fifth of the
time of either (measured).
"""

import ctypes
import sys
from functools import cache

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
KEPT = (1 << 31) - 1
GROWTH = 16 << 20


@cache
def keep_freed_memory() -> bool:
    """Set glibc's thresholds once a process; return False where the C library has none."""
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return False
    settings = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, KEPT), (M_TOP_PAD, GROWTH))
    return all(library.mallopt(option, size) for option, size in settings)
