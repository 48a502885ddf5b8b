"""Dask as an executor: a scheduler's workers, or those of a local cluster."""

import logging
import sys
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from sodbench.errors import WorkerError, first_few
from sodbench.utils.process import Say
from sodbench.utils.worker_processes import no_interrupt, settle_in

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 10
"""How long a scheduler may take to answer."""

WORKERS_SECONDS = 60
"""How long workers are waited for."""

NO_PORT = {"dashboard_address": "127.0.0.1:0"}
"""Without a dashboard, a scheduler still serves its state, and warns where the usual port is taken."""


@contextmanager
def dask_executor(jobs: int, scheduler: str | None, say: Say) -> Iterator[Executor]:
    """Connect to a scheduler, or start a local cluster; yield its executor once it has a worker."""
    try:
        import distributed
        from distributed.utils import silence_logging_cmgr
    except ImportError as error:
        raise WorkerError(
            "Dask is not installed, which --executor dask needs: pip install 'sodbench[dask]'."
        ) from error
    with ExitStack() as stack:
        stack.enter_context(silence_logging_cmgr(logging.CRITICAL))  # what ends the work is said in one line
        if scheduler is None:
            client = _local_cluster(stack, jobs)
        else:
            client = _connected(scheduler)
            stack.callback(client.close)
            if not client.nthreads():
                say(f"{scheduler}: waiting for workers, at most {WORKERS_SECONDS} s ...")
                try:
                    client.wait_for_workers(1, timeout=WORKERS_SECONDS)
                except distributed.TimeoutError as error:
                    raise WorkerError(
                        f"{scheduler}: this scheduler has no workers, waited {WORKERS_SECONDS} s for one. "
                        f"Start some (dask worker {scheduler}), and run the same command again."
                    ) from error
            _check_installed(client, scheduler)
        executor = client.get_executor(pure=False)
        stack.callback(executor.shutdown, wait=False)
        yield executor


def _local_cluster(stack: ExitStack, jobs: int) -> "Client":
    """Start worker processes of one thread each on this machine."""
    from distributed import Client, LocalCluster

    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sodbench-dask-"))
    with no_interrupt():
        cluster = LocalCluster(
            n_workers=jobs,
            threads_per_worker=1,
            memory_limit=0,
            dashboard_address=None,
            scheduler_kwargs=NO_PORT,
            local_directory=folder,
            silence_logs=logging.CRITICAL,
        )
        stack.callback(cluster.close)
        client = Client(cluster, set_as_default=False)
        stack.callback(client.close)
        client.run(settle_in)
    return client


def _check_installed(client: "Client", scheduler: str) -> None:
    """Refuse a scheduler or workers without sodbench: what they are sent ends them, without a word."""

    def has() -> bool:  # sent by its content, as it is a function in a function
        from importlib.util import find_spec

        return find_spec("sodbench") is not None

    there = {scheduler: client.run_on_scheduler(has), **client.run(has)}
    if lacking := [address for address, has_it in there.items() if not has_it]:
        raise WorkerError(
            f"{first_few(lacking)}: sodbench is not installed there. Install the same version on the "
            "scheduler's machine and on all workers."
        )


def _connected(scheduler: str) -> "Client":
    """Connect to a scheduler, after looking whether it is there: a client that fails holds up the end."""
    import asyncio

    from distributed import Client, Security
    from distributed.comm.core import connect

    async def look() -> None:
        with_what = Security().get_connection_args("client")
        await (await connect(scheduler, timeout=CONNECT_SECONDS, **with_what)).close()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other versions of Dask itself; `_work_on` looks at what matters
        try:
            asyncio.run(look())
            return Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:  # TimeoutError is an OSError
            raise WorkerError(
                f"--scheduler {scheduler}: no Dask scheduler answers there ({' '.join(str(error).split())}). "
                "Expected an address such as tcp://host:8786."
            ) from error


def worker_name() -> str:
    """Return the address of the Dask worker in which this is called, an empty text elsewhere."""
    if "distributed" not in sys.modules:
        return ""
    from distributed import get_worker

    try:
        return str(get_worker().address)
    except ValueError:
        return ""
