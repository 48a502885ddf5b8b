"""Maps made on several devices: one process each, to which batches of photos are dealt as it asks for them.

A faster device asks more often. Batches hold the same photos as in one process, so the maps are the same.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from signal import SIG_IGN, Signals, signal
from typing import Any, NamedTuple

import torch

from sodbench.data.sources import ImageFile
from sodbench.errors import SodbenchError, WeightsError, WorkerError
from sodbench.models.pipeline import Mapped, write_map
from sodbench.models.predictor import choose_device
from sodbench.models.recipe import MapInto, Recipe
from sodbench.utils.process import ENDINGS, keep_freed_memory
from sodbench.utils.worker_processes import no_interrupt

SECONDS_TO_END = 10
"""How long a process may take to finish the photos that it has."""


def choose_devices(names: str) -> list[torch.device]:
    """Return the devices of a comma-separated list; one named twice is two processes on it.

    Raises
    ------
    WeightsError
        A name is not valid, a device does not exist, or they are of several kinds, whose maps differ.
    """
    devices = [choose_device(name.strip()) for name in names.split(",")]
    kinds = dict.fromkeys(device.type for device in devices)
    if len(kinds) > 1:
        raise WeightsError(
            f"--device {names}: found {' and '.join(kinds)}, expected devices of one kind: maps of two kinds "
            "differ in a few grey levels. Run them one after the other, into two folders."
        )
    return devices


class _Member(NamedTuple):
    """A process, the device that it has, and what it is spoken to through."""

    device: str
    process: SpawnProcess
    pipe: Connection


@contextmanager
def device_processes(recipe: Recipe, devices: Sequence[torch.device]) -> Iterator[MapInto]:
    """Start a process for each device; yield what lets them write the maps of photos into a folder.

    They end with the block, after the photos that they have: Ctrl-C goes to this process alone.

    Raises
    ------
    WorkerError
        A process died.
    """
    context = get_context("spawn")
    threads = max(1, torch.get_num_threads() // len(devices))
    members: list[_Member] = []
    try:
        with no_interrupt():
            for device in map(str, devices):
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs, recipe, device, threads))
                process.start()
                theirs.close()
                members.append(_Member(device, process, ours))
        yield partial(_deal, members, recipe.batch)
    finally:
        for member in members:
            member.pipe.close()
        for member in members:
            member.process.join(SECONDS_TO_END)
            member.process.kill()
            member.process.join()


def _deal(
    members: Sequence[_Member],
    size: int,
    out: Path,
    photos: Sequence[ImageFile],
    report: Callable[[int], None],
) -> Mapped:
    """Give each process the next batch when it asks, until all photos are done."""
    batches = (photos[k : k + size] for k in range(0, len(photos), size))
    by_pipe: dict[object, _Member] = {member.pipe: member for member in members}
    done = dict.fromkeys(by_pipe, 0)
    mapped: dict[object, Mapped] = {}
    for member in members:
        _send(member, out)
    while len(mapped) < len(members):
        for pipe in wait([member.pipe for member in members if member.pipe not in mapped]):
            message = _received(by_pipe[pipe])
            if message is None:
                _send(by_pipe[pipe], next(batches, ()))
            elif isinstance(message, int):
                done[pipe] = message
                report(sum(done.values()))
            elif isinstance(message, SodbenchError):
                raise message
            else:
                mapped[pipe] = message
    return Mapped(
        tuple(sorted(line for part in mapped.values() for line in part.failed)),
        tuple(sorted(stem for part in mapped.values() for stem in part.rotated)),
    )


def _send(member: _Member, message: object) -> None:
    try:
        member.pipe.send(message)
    except OSError as error:
        if member.pipe.poll():  # why it ended may lie in the pipe
            message = _received(member)
            if isinstance(message, SodbenchError):
                raise message from error
        raise _death(member) from error


def _received(member: _Member) -> Any:
    try:
        return member.pipe.recv()
    except (EOFError, OSError) as error:
        raise _death(member) from error


def _death(member: _Member) -> WorkerError:
    member.process.join(SECONDS_TO_END)
    status = member.process.exitcode
    how = Signals(-status).name if status and status < 0 else f"exit status {status}"
    return WorkerError(
        f"device {member.device}: its process died ({how}): it was killed, memory was full, or an error is "
        "printed above."
    )


def _serve(pipe: Connection, recipe: Recipe, device: str, threads: int) -> None:
    """Make maps, in a process of its own, until the other end of the pipe is closed."""
    for number in ENDINGS:  # the process that started this one ends it
        signal(number, SIG_IGN)
    keep_freed_memory()
    if device == "cpu":
        torch.set_num_threads(threads)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            predictor = recipe.predictor(device)
            while True:
                out = pipe.recv()
                pipe.send(recipe.maps(_asked_for(pipe), predictor, partial(write_map, out), pipe.send))
        except SodbenchError as error:
            pipe.send(error)


def _asked_for(pipe: Connection) -> Iterator[ImageFile]:
    while True:
        pipe.send(None)
        photos = pipe.recv()
        if not photos:
            return
        yield from photos
