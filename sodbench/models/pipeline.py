"""Photos to maps. Decoding, network and saving run in threads of their own, in parallel.

Outputs of a batch are fetched when the network has been given the next one, so that a GPU has always work.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.data.images.photos import is_rotated, photo_from
from sodbench.data.sources import ImageFile
from sodbench.errors import PredictionError, SodbenchError
from sodbench.models.preprocessing import SIZE, network_input, saliency_map
from sodbench.utils.files import replacing
from sodbench.utils.text import counted

if TYPE_CHECKING:
    from sodbench.models.lanes import Pending

Predict = Callable[[Sequence[NDArray[np.float32]]], NDArray[np.float32]]
"""Inputs (3, 320, 320) to probabilities (n, 320, 320), as `sodbench.models.predictor.Predictor`."""

Save = Callable[[str, NDArray[np.uint8]], None]
"""Takes a photo's stem and the levels (h, w) of its map."""

COMPRESSION = 4
"""zlib's level for maps: files are 2 % larger than at its usual 6, and are written in 3.4 ms for 6.0."""


class Mapped(NamedTuple):
    """What came of photos: a line for each that failed, and the stems of those that EXIF rotates."""

    failed: tuple[str, ...]
    rotated: tuple[str, ...]


def map_photos(
    photos: Iterable[ImageFile],
    predictor: Predict,
    save: Save,
    *,
    postprocess: str,
    exif: bool,
    batch: int,
    workers: int,
    report: Callable[[int], None] = lambda done: None,
) -> Mapped:
    """Make a map of each photo and call `save` with it, in a thread of its own.

    A photo that cannot be read, or on which the network's output is not finite, fails alone.
    `report` is called with how many photos are done.
    """
    failed: list[str] = []
    rotated: list[str] = []
    done = 0
    with _readers(workers) as readers, ThreadPoolExecutor(workers) as writers:
        saving: deque[Future[None]] = deque()
        groups = _groups(_ahead(readers, photos, exif, 2 * batch + workers), batch)
        for group, outputs in _one_late((group, _submit(predictor, group)) for group in groups):
            failed += [photo.error for photo in group if photo.error]
            rotated += [photo.stem for photo in group if photo.rotated]
            for photo, output in zip(_visible(group), outputs, strict=True):
                broken = _not_finite(output, photo.where)
                if broken:
                    failed.append(broken)
                    continue
                saving.append(writers.submit(_save, save, output, photo, postprocess))
            for photo in group:
                if photo.input is None and not photo.error:
                    saving.append(
                        writers.submit(_save, save, np.zeros((SIZE, SIZE), np.float32), photo, "none")
                    )
            while len(saving) > 2 * batch + workers:
                saving.popleft().result()
            done += len(group)
            report(done)
        for future in saving:
            future.result()
    return Mapped(tuple(failed), tuple(rotated))


def write_map(out: Path, stem: str, levels: NDArray[np.uint8]) -> None:
    """Write a map into a folder: ``out/STEM.png``.

    Raises
    ------
    FileError
        It cannot be written.
    """
    with replacing(out / f"{stem}.png") as part:
        part.write_bytes(png_of(levels))


def png_of(levels: NDArray[np.uint8]) -> bytes:
    """Return a map as the content of its file."""
    from PIL import Image

    content = BytesIO()
    Image.fromarray(levels).save(content, "PNG", compress_level=COMPRESSION)
    return content.getvalue()


def map_of(
    photo: ImageFile,
    predictor: Predict,
    postprocess: str = "official",
    *,
    exif: bool = False,
) -> NDArray[np.uint8]:
    """Return the map of one photo, ``(h, w)`` levels, as `map_photos` would save it.

    Raises
    ------
    PredictionError
        The photo cannot be read, or the network's output on it is not finite.
    """
    prepared = _prepare(photo, exif)
    if prepared.error:
        raise PredictionError(prepared.error)
    if prepared.input is None:
        return np.zeros((prepared.height, prepared.width), np.uint8)
    output = predictor([prepared.input])[0]
    broken = _not_finite(output, prepared.where)
    if broken:
        raise PredictionError(broken)
    return saliency_map(output, prepared.width, prepared.height, postprocess)


def _not_finite(output: NDArray[np.float32], where: str) -> str:
    """Return what is wrong with a network's output, if it is not finite."""
    broken = output.size - int(np.isfinite(output).sum())
    if not broken:
        return ""
    return (
        f"{where}: no map: {broken} of {counted(output.size, 'value')} of the network's output are NaN or "
        "infinite. Check its weights; with --precision fp16, try bf16 or fp32."
    )


class _Prepared(NamedTuple):
    """A decoded photo: its network input (None: all black, or failed), and whether EXIF rotates it."""

    stem: str
    where: str
    width: int = 0
    height: int = 0
    input: NDArray[np.float32] | None = None
    error: str = ""
    rotated: bool = False


def _prepare(photo: ImageFile, exif: bool) -> _Prepared:
    try:
        data = photo.content(PredictionError)
        pixels = photo_from(data, photo.where, exif=exif)
    except SodbenchError as error:
        return _Prepared(photo.stem, photo.where, error=str(error))
    height, width = pixels.shape[:2]
    return _Prepared(photo.stem, photo.where, width, height, network_input(pixels), rotated=is_rotated(data))


@contextmanager
def _readers(count: int) -> Iterator[ThreadPoolExecutor]:
    """Open threads that prepare photos; those that they have not begun when the block ends are left."""
    readers = ThreadPoolExecutor(count)
    try:
        yield readers
    finally:
        readers.shutdown(cancel_futures=True)


def _ahead(
    readers: ThreadPoolExecutor, photos: Iterable[ImageFile], exif: bool, most: int
) -> Iterator[_Prepared]:
    """Prepare photos in order, at most `most` of them ahead of the network."""
    waiting: deque[Future[_Prepared]] = deque()
    for photo in photos:
        waiting.append(readers.submit(_prepare, photo, exif))
        if len(waiting) > most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _groups(prepared: Iterable[_Prepared], size: int) -> Iterator[list[_Prepared]]:
    group: list[_Prepared] = []
    for photo in prepared:
        group.append(photo)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def _visible(group: Sequence[_Prepared]) -> list[_Prepared]:
    return [photo for photo in group if photo.input is not None]


def _submit(predictor: Predict, group: Sequence[_Prepared]) -> "Pending":
    """Give a group to the network; a plain function is called when its outputs are fetched."""
    inputs = [photo.input for photo in group if photo.input is not None]
    if not inputs:
        return lambda: np.zeros((0, SIZE, SIZE), np.float32)
    submit = getattr(predictor, "submit", None)
    return submit(inputs) if submit else partial(predictor, inputs)


def _one_late(
    batches: Iterator[tuple[list[_Prepared], "Pending"]],
) -> Iterator[tuple[list[_Prepared], NDArray[np.float32]]]:
    """Fetch each group's outputs when the next group is submitted, also if that fails."""
    waiting = next(batches, None)
    while waiting:
        group, pending = waiting
        try:
            waiting = next(batches, None)
        except Exception:
            yield group, pending()
            raise
        yield group, pending()


def _save(save: Save, output: NDArray[np.float32], photo: _Prepared, postprocess: str) -> None:
    save(photo.stem, saliency_map(output, photo.width, photo.height, postprocess))
