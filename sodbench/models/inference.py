"""Makes maps of photos on disk. Decoding, network and PNG writing run in threads of their own, in parallel.

A folder of maps has a ``run.json`` that says how they were made. A run that finds its own configuration
there continues with the photos that have no map yet; another configuration is an error.
"""

import json
import platform
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.data.images.photos import is_rotated, photo_from, rotation_notice
from sodbench.data.sources import RUN_FILE, ImageFile
from sodbench.errors import DatasetError, PredictionError, SodbenchError, first_few
from sodbench.models.preprocessing import SIZE, network_input, saliency_map
from sodbench.utils.files import check_writable, read_file, replacing
from sodbench.utils.process import Say, UnitBar
from sodbench.utils.text import counted, shown_rate


@dataclass(frozen=True)
class Configuration:
    """Everything that determines a map; maps of two configurations never share a folder."""

    model: str
    weights: str
    weights_sha256: str
    device: str
    precision: str = "fp32"
    postprocess: str = "official"
    exif: bool = False
    factory: str = ""
    compiled: bool = False
    input: str = f"{SIZE}x{SIZE}"


class InferenceOutcome(NamedTuple):
    """What a run did: maps written and kept, photos that failed, seconds, and photos that EXIF rotates."""

    written: int
    kept: int
    failed: tuple[str, ...]
    seconds: float
    rotated: tuple[str, ...] = ()


def make_maps(
    photos: Sequence[ImageFile],
    out: Path,
    predictor: Callable[[Sequence[NDArray[np.float32]]], NDArray[np.float32]],
    configuration: Configuration,
    *,
    batch: int = 1,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> InferenceOutcome:
    """Make the maps of photos that have none yet: ``out/STEM.png``, 8-bit grey, at the photo's size.

    A photo that cannot be read, or on which the network's output is not finite, is listed in the outcome and
    gets no map; the others are still processed.

    Raises
    ------
    PredictionError
        Two photos have one name, or the folder holds maps of another configuration.
    FileError
        The folder cannot be written.
    """
    targets = _targets(photos, out)
    check_writable(out.parent, "--maps")
    out.mkdir(parents=True, exist_ok=True)
    earlier = _claim(out, configuration)
    todo = [(photo, target) for photo, target in targets if not target.exists()]
    start = time.perf_counter()
    failed: list[str] = []
    rotated: list[str] = []
    done = 0
    with ThreadPoolExecutor(workers) as readers, ThreadPoolExecutor(1) as writer:
        saving: deque[Future[None]] = deque()
        for group in _groups(_ahead(readers, todo, configuration.exif, 2 * batch + workers), batch):
            failed += [photo.error for photo in group if photo.error]
            rotated += [
                photo.target.relative_to(out).with_suffix("").as_posix() for photo in group if photo.rotated
            ]
            visible = [photo for photo in group if photo.input is not None]
            inputs = [photo.input for photo in visible if photo.input is not None]
            outputs = predictor(inputs) if inputs else np.zeros((0, SIZE, SIZE), np.float32)
            for photo, output in zip(visible, outputs, strict=True):
                broken = _not_finite(output, photo.where)
                if broken:
                    failed.append(broken)
                    continue
                saving.append(writer.submit(_save, output, photo, configuration.postprocess))
            for photo in group:
                if photo.input is None and not photo.error:
                    saving.append(writer.submit(_save, np.zeros((SIZE, SIZE), np.float32), photo, "none"))
            while len(saving) > 2 * batch:
                saving.popleft().result()
            done += len(group)
            if progress:
                progress(done, len(todo))
        for future in saving:
            future.result()
    seconds = time.perf_counter() - start
    written, kept = len(todo) - len(failed), len(targets) - len(todo)
    outcome = InferenceOutcome(written, kept, tuple(failed), seconds, tuple(rotated))
    _sign(out, configuration, outcome, earlier)
    return outcome


def map_of(
    photo: ImageFile,
    predictor: Callable[[Sequence[NDArray[np.float32]]], NDArray[np.float32]],
    postprocess: str = "official",
    *,
    exif: bool = False,
) -> NDArray[np.uint8]:
    """Return the map of one photo, ``(h, w)`` levels, as `make_maps` would write it.

    Raises
    ------
    PredictionError
        The photo cannot be read, or the network's output on it is not finite.
    """
    prepared = _prepare(photo, Path(), exif=exif)
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
    """A decoded photo: its map's path, its network input (None: all black, or failed), if EXIF rotates it."""

    target: Path
    where: str = ""
    width: int = 0
    height: int = 0
    input: NDArray[np.float32] | None = None
    error: str = ""
    rotated: bool = False


def _prepare(photo: ImageFile, target: Path, exif: bool) -> _Prepared:
    try:
        data = photo.content(PredictionError)
        pixels = photo_from(data, photo.where, exif=exif)
    except SodbenchError as error:
        return _Prepared(target, photo.where, error=str(error))
    height, width = pixels.shape[:2]
    return _Prepared(target, photo.where, width, height, network_input(pixels), rotated=is_rotated(data))


def _ahead(
    readers: ThreadPoolExecutor, todo: Iterable[tuple[ImageFile, Path]], exif: bool, most: int
) -> Iterator[_Prepared]:
    """Prepare photos in order, at most `most` of them ahead of the network."""
    waiting: deque[Future[_Prepared]] = deque()
    for photo, target in todo:
        waiting.append(readers.submit(_prepare, photo, target, exif))
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


def _save(output: NDArray[np.float32], photo: _Prepared, postprocess: str) -> None:
    from PIL import Image

    levels = saliency_map(output, photo.width, photo.height, postprocess)
    photo.target.parent.mkdir(exist_ok=True)
    with replacing(photo.target) as part:
        Image.fromarray(levels).save(part, "PNG")


def _targets(photos: Sequence[ImageFile], out: Path) -> list[tuple[ImageFile, Path]]:
    by_stem: dict[str, ImageFile] = {}
    for photo in photos:
        if photo.stem in by_stem:
            raise PredictionError(
                f"{by_stem[photo.stem].where} and {photo.where}: two photos would make one map, "
                f"{photo.stem}.png. Rename one."
            )
        by_stem[photo.stem] = photo
    return [(photo, out / f"{stem}.png") for stem, photo in by_stem.items()]


class _Effort(NamedTuple):
    """Maps written and seconds spent on them, by all completed runs into a folder."""

    written: int = 0
    seconds: float = 0.0


def _claim(out: Path, configuration: Configuration) -> _Effort:
    """Write the run's configuration into the folder, or check the one there; return what earlier runs did."""
    file = out / RUN_FILE
    if not file.exists():
        others = sorted(path.name for path in out.iterdir() if not path.name.startswith("."))
        if others:
            raise PredictionError(
                f"{out}: found {first_few(others)} and no {RUN_FILE}, expected an empty folder or one of an "
                "earlier run. Choose another --maps."
            )
        _sign(out, configuration, None, _Effort())
        return _Effort()
    try:
        record = json.loads(read_file(file, PredictionError))
        made = dict(record["configuration"])
        earlier = _Effort(int(record["written"]), float(record["seconds"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PredictionError(f"{file}: damaged. Delete the folder, or choose another --maps.") from error
    wanted = asdict(configuration)
    differ = [f"{key} {made.get(key)} (now {wanted[key]})" for key in wanted if made.get(key) != wanted[key]]
    if differ:
        raise PredictionError(
            f"{out}: holds maps of another configuration: {', '.join(differ)}. "
            "Choose another --maps, or delete it."
        )
    return earlier


def _sign(
    out: Path, configuration: Configuration, outcome: InferenceOutcome | None, earlier: _Effort
) -> None:
    """Write ``run.json``: how the maps beside it were made."""
    record = {
        "configuration": asdict(configuration),
        "complete": outcome is not None and not outcome.failed,
        "images": outcome.written + outcome.kept if outcome else 0,
        "failed": list(outcome.failed) if outcome else [],
        "written": earlier.written + (outcome.written if outcome else 0),
        "seconds": round(earlier.seconds + (outcome.seconds if outcome else 0), 3),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in ("sodbench", "torch", "numpy", "pillow")},
        },
    }
    with replacing(out / RUN_FILE) as part:
        part.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


class PhotoSet(NamedTuple):
    """Photos to make maps of, and where the maps go."""

    name: str
    photos: tuple[ImageFile, ...]
    out: Path
    notices: tuple[str, ...] = ()
    """What of the photos' folder is not used."""


class Target(NamedTuple):
    """What a user asks for maps of: a folder, zip or single photo, else datasets; none: every test set."""

    images: Path | None = None
    datasets: tuple[str, ...] = ()
    data: Path | None = None


def photo_sets(target: Target, out: Path, model: str, say: Say = lambda line: None) -> list[PhotoSet]:
    """Find the photos asked for.

    Of the test sets on this disk, those without photos are left out, and `say` is called with them.

    Raises
    ------
    DatasetError
        There are none, or a dataset that was named has none.
    """
    from sodbench.data.locations import list_images, locate, locate_all
    from sodbench.data.registry import find
    from sodbench.data.sources import IMAGE_SUFFIXES, suffixes_read

    if target.images:
        if target.images.is_file() and target.images.suffix.lower() not in ("", ".zip", *IMAGE_SUFFIXES):
            raise DatasetError(
                f"{target.images}: expected a folder or zip of photos, or one photo. {suffixes_read()}"
            )
        listing = list_images(target.images, "photos")
        return [PhotoSet(target.images.name, listing.entries, out, tuple(listing.notices("photos")))]
    if target.datasets:
        places = [locate(find(name), target.data) for name in target.datasets]
    else:
        locations = [status.location for status in locate_all(target.data)]
        places = [place for place in locations if place and place.dataset.role == "test"]
    lacking = [
        f"{place.root}: found the masks of {place.dataset.name}, but no photos ({place.layout})"
        for place in places
        if not place.photo_files
    ]
    if lacking and target.datasets:
        raise DatasetError(f"{'; '.join(lacking)}.")
    for line in lacking:
        say(f"{line}: left out.")
    sets = [
        PhotoSet(
            place.dataset.name,
            tuple(place.photo_files.values()),
            out / model / place.dataset.name,
            tuple(place.photos_passed_over),
        )
        for place in places
        if place.photo_files
    ]
    if not sets:
        raise DatasetError(
            f"no registered test set {'with photos ' if lacking else ''}is on this disk. `sodbench datasets` "
            "says where they are looked for, and --dataset NAME how to get one. To try a model now: "
            "--dataset demo."
        )
    return sets


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How to make maps: which network, on which device.

    Parameters
    ----------
    model, model_module, weights
        See `sodbench.models.predictor.load_model`.
    device
        See `sodbench.models.predictor.choose_device`.
    precision, compile
        See `sodbench.models.predictor.Predictor`.
    batch
        Photos per batch; None: 1 on a CPU, else 8.
    workers
        Threads that decode photos.
    postprocess
        ``official``, or ``none``: the network's probabilities, not rescaled.
    exif
        Apply the photos' EXIF rotation.
    """

    model: str
    model_module: str | None = None
    weights: Path | None = None
    device: str = "auto"
    precision: str = "fp32"
    batch: int | None = None
    workers: int = 2
    compile: bool = False
    postprocess: str = "official"
    exif: bool = False


def run_sets(sets: Sequence[PhotoSet], settings: RunSettings, bar: UnitBar, say: Say) -> list[str]:
    """Run a model on all sets; return the photos that failed, with the reasons.

    Intended for the command line, as `fix_cudnn` changes torch's settings for the whole process.
    """
    from sodbench.models.predictor import Predictor, choose_device, fix_cudnn, load_model

    for photo_set in sets:
        check_writable(photo_set.out, "--maps")
        _targets(photo_set.photos, photo_set.out)
    device = choose_device(settings.device)
    network, weights, digest = load_model(settings.model, settings.model_module, settings.weights, say, bar)
    fix_cudnn()
    predictor = Predictor(network, device, settings.precision, settings.compile)
    configuration = Configuration(
        settings.model,
        weights.name,
        digest,
        device.type,
        precision=settings.precision,
        postprocess=settings.postprocess,
        exif=settings.exif,
        factory=settings.model_module or "",
        compiled=settings.compile,
    )
    batch = settings.batch or (1 if device.type == "cpu" else 8)
    failed: list[str] = []
    for photo_set in sets:
        for line in photo_set.notices:
            say(line)
        with bar(photo_set.name, "image") as progress:
            outcome = make_maps(
                photo_set.photos,
                photo_set.out,
                predictor,
                configuration,
                batch=batch,
                workers=settings.workers,
                progress=progress,
            )
        kept = f", {outcome.kept} kept from an earlier run" if outcome.kept else ""
        speed = f" ({shown_rate(outcome.written / outcome.seconds, 'image')})" if outcome.written else ""
        say(
            f"{photo_set.name}: {counted(outcome.written, 'map')} in {outcome.seconds:.1f} s{speed}{kept} "
            f"-> {photo_set.out}"
        )
        if outcome.rotated:
            say(f"{photo_set.name}: {rotation_notice(outcome.rotated, settings.exif)}")
        failed += outcome.failed
    return failed
