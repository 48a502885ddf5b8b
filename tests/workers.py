"""What tests let worker processes do, in a module that those can import, and a Dask cluster of three."""

import os
import signal
import time
from pathlib import Path
from typing import Any


def squared(number: int) -> tuple[int, int]:
    """Return the square of a number, and the process that made it."""
    time.sleep(0.001)
    return number * number, os.getpid()


def killing(number: int, marker: Path) -> int:
    """Kill the process at number 20 if nobody has done so before."""
    if number == 20:
        try:
            marker.touch(exist_ok=False)
        except FileExistsError:
            return number
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def has_kernels() -> bool:
    """Tell whether the process has loaded kernels, though it has scored nothing."""
    from sodbench.metrics.nearest import _envelope

    return bool(_envelope.signatures)


def deadly(number: int) -> int:
    """Kill any process."""
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def failing(number: int, error: Exception) -> int:
    """Raise an error at number 3."""
    if number == 3:
        raise error
    return number


def ignores_interrupt(number: int) -> bool:
    """Tell whether Ctrl-C goes past the process."""
    return signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def cluster_of_three(folder: Path) -> Any:
    """Start a Dask cluster of three worker processes."""
    from distributed import LocalCluster

    from sodbench.utils.dask_workers import NO_PORT

    return LocalCluster(
        n_workers=3,
        threads_per_worker=1,
        memory_limit=0,
        dashboard_address=None,
        scheduler_kwargs=NO_PORT,
        local_directory=str(folder),
        silence_logs=50,
    )
