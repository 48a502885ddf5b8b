"""Photos to maps. Decoding, network and saving run in threads of their own, in parallel."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.data.images.photos import is_rotated, photo_from
from sodbench.data.sources import ImageFile
from sodbench.errors import PredictionError, SodbenchError
from sodbench.models.preprocessing import SIZE, network_input, saliency_map
from sodbench.utils.files import replacing
from sodbench.utils.text import counted

Predict = Callable[[Sequence[NDArray[np.float32]]], NDArray[np.float32]]
"""Inputs (3, 320, 320) to probabilities (n, 320, 320), as `sodbench.models.predictor.Predictor`."""

Save = Callable[[str, NDArray[np.uint8]], None]
"""Takes a photo's stem and the levels (h, w) of its map."""


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
    with ThreadPoolExecutor(workers) as readers, ThreadPoolExecutor(1) as writer:
        saving: deque[Future[None]] = deque()
        for group in _groups(_ahead(readers, photos, exif, 2 * batch + workers), batch):
            failed += [photo.error for photo in group if photo.error]
            rotated += [photo.stem for photo in group if photo.rotated]
            visible = [photo for photo in group if photo.input is not None]
            inputs = [photo.input for photo in visible if photo.input is not None]
            outputs = predictor(inputs) if inputs else np.zeros((0, SIZE, SIZE), np.float32)
            for photo, output in zip(visible, outputs, strict=True):
                broken = _not_finite(output, photo.where)
                if broken:
                    failed.append(broken)
                    continue
                saving.append(writer.submit(_save, save, output, photo, postprocess))
            for photo in group:
                if photo.input is None and not photo.error:
                    saving.append(
                        writer.submit(_save, save, np.zeros((SIZE, SIZE), np.float32), photo, "none")
                    )
            while len(saving) > 2 * batch:
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
    from PIL import Image

    with replacing(out / f"{stem}.png") as part:
        Image.fromarray(levels).save(part, "PNG")


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


def _save(save: Save, output: NDArray[np.float32], photo: _Prepared, postprocess: str) -> None:
    save(photo.stem, saliency_map(output, photo.width, photo.height, postprocess))
