"""Maps made by Dask workers, and written here: they need the photos, the weights and the model's module."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.data.sources import ImageFile
from sodbench.errors import WeightsError
from sodbench.models.pipeline import Mapped, png_of
from sodbench.models.predictor import Predictor, choose_device
from sodbench.models.recipe import MapInto, Recipe
from sodbench.utils.dask_workers import worker_name
from sodbench.utils.executors import Workers, streamed
from sodbench.utils.files import replacing
from sodbench.utils.process import Say

BATCHES_ON_GPU = 8
"""Batches that a worker gets at once where a batch is quick."""

_ONE_AT_A_TIME = Lock()
"""A network takes all threads of its process, and a GPU is shared by its batches in flight."""


def kind_on_workers(device: str) -> str:
    """Return the kind of device that each worker uses; ``auto`` is what is here.

    Raises
    ------
    WeightsError
        The name is not that of a kind.
    """
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise WeightsError(
            f"--device {device}: with --executor dask, expected auto, cpu, cuda or mps: each worker has one "
            "device. For several GPUs, start a worker on each."
        )
    return choose_device(device).type if device == "auto" else device


class _Made(NamedTuple):
    """The files of maps by stem, and what else came of the photos."""

    files: dict[str, bytes]
    mapped: Mapped


@contextmanager
def dask_workers(recipe: Recipe, scheduler: str | None, say: Say) -> Iterator[MapInto]:
    """Open Dask workers; yield what lets them make the maps of photos, which are written here.

    A local cluster has a worker a CPU, or one alone where they would share a GPU.

    Raises
    ------
    WorkerError
        Dask is not installed, or its scheduler or workers are not reached.
    """
    on_cpu = recipe.configuration.device == "cpu"
    size = recipe.batch * (1 if on_cpu else BATCHES_ON_GPU)
    with Workers("dask", jobs=None if on_cpu else 1, scheduler=scheduler, say=say) as workers:

        def map_into(out: Path, photos: Sequence[ImageFile], report: Callable[[int], None]) -> Mapped:
            chunks = [photos[k : k + size] for k in range(0, len(photos), size)]
            failed: list[str] = []
            rotated: list[str] = []
            done = 0
            for chunk, made in streamed(workers.executor(len(photos)), partial(_made, recipe), chunks):
                for stem, content in made.files.items():
                    with replacing(out / f"{stem}.png") as part:
                        part.write_bytes(content)
                failed += made.mapped.failed
                rotated += made.mapped.rotated
                done += len(chunk)
                report(done)
            return Mapped(tuple(sorted(failed)), tuple(sorted(rotated)))

        yield map_into


def _made(recipe: Recipe, photos: Sequence[ImageFile]) -> _Made:
    """Make the maps of a chunk of photos on a worker."""
    files: dict[str, bytes] = {}

    def save(stem: str, levels: NDArray[np.uint8]) -> None:
        files[stem] = png_of(levels)

    with _ONE_AT_A_TIME:
        return _Made(files, recipe.maps(photos, _predictor(recipe), save))


@cache
def _predictor(recipe: Recipe) -> Predictor:
    """Build the network, once in a process."""
    try:
        return recipe.predictor(recipe.configuration.device)
    except WeightsError as error:
        raise WeightsError(
            f"worker {worker_name()}: {error} Each worker needs the device, the weights under the same path, "
            "and the model's module."
        ) from error
