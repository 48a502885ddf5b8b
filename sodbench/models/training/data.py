"""Pairs of photos and masks: finds them, checks them before training starts, and feeds the network.

Samples are numbered consecutively over all epochs: number n is pair n mod N of epoch n div N, in that epoch's
own order, so a batch may reach into the next epoch. Order and crops depend only on seed, epoch and pair,
so sample n is the same for any number of workers and after any interruption.
"""

import hashlib
import signal
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from sodbench.data.images.decoding import decode
from sodbench.data.images.maps import binarised
from sodbench.data.images.photos import is_rotated, photo_from, rotation_notice
from sodbench.data.locations import Listing, Location, find_in, list_images, locate
from sodbench.data.pairing import naming_hint
from sodbench.data.pairing import pair as pair_by_stem
from sodbench.data.registry import Dataset as Known
from sodbench.data.registry import find, lookup
from sodbench.data.sources import ImageFile
from sodbench.errors import DatasetError, SodbenchError, TrainingError, first_few
from sodbench.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, resize_bilinear
from sodbench.models.training.config import AS_NAMED, Config, Matching
from sodbench.utils.process import ENDINGS, Say
from sodbench.utils.text import counted
from sodbench.utils.urls import PathOrUrl

_ORDER, _CROP, _HOLDOUT = 0, 1, 2
"""Purposes of random streams; each purpose has streams of its own."""


@dataclass(frozen=True)
class Pair:
    """A photo and its mask.

    `graded` masks may be empty once they are binarised; `exif` applies the photo's EXIF rotation.
    """

    image: str
    photo: ImageFile
    mask: ImageFile
    graded: bool
    exif: bool = False


@dataclass(frozen=True)
class Data:
    """Pairs, sorted by id, the folders that they come from, what of these is not used, how they were made."""

    name: str
    images: str
    masks: str
    pairs: tuple[Pair, ...]
    notices: tuple[str, ...] = ()
    matching: Matching = AS_NAMED

    @property
    def digest(self) -> str:
        """Hash of the ids: a run must resume with the pairs that it began with."""
        return hashlib.sha256("\n".join(pair.image for pair in self.pairs).encode()).hexdigest()


def find_data(name: str, data: Path | None = None, matching: Matching = AS_NAMED) -> Data:
    """Find the pairs of a registered dataset on this disk (in `data`), or of a dataset's own folder.

    Raises
    ------
    DatasetError, TrainingError
        There is none, or photos and masks do not pair.
    """
    folder = Path(name)
    if data is None and folder.is_dir():
        if not any(path.is_file() for path in folder.rglob("*")):
            raise TrainingError(
                f"{name}: an empty folder, expected photos and masks in folders of it, images and masks."
            )
        own = folder.resolve().name
        location = find_in(lookup(own) or _unknown(own), folder)
        if location is None:
            raise TrainingError(
                f"{name}: found no masks in it, expected photos and masks in two folders of it (images and "
                "masks, Imgs and GT ...), or side by side. Or pass the two with --images and --masks."
            )
        return _paired(location, matching)
    return _paired(locate(find(name), data), matching)


def data_of(images: Path, masks: Path, name: str = "", matching: Matching = AS_NAMED) -> Data:
    """Pair the photos of one folder or zip with the masks of another.

    Raises
    ------
    PredictionError, DatasetError, TrainingError
        A folder is missing, or photos and masks do not pair.
    """
    dataset = lookup(name) or _unknown(name or masks.resolve().parent.name)
    listed: dict[PathOrUrl, Listing] = {
        images: list_images(images, "photos"),
        masks: list_images(masks, "masks"),
    }
    return _paired(Location(dataset, masks, masks, images, "", listed), matching)


def _unknown(name: str) -> Known:
    return Known(name=name, version=0, count=0, grey_masks=True, registered=False)


def _paired(location: Location, matching: Matching) -> Data:
    photos, masks = list(location.photo_files.values()), location.mask_files
    strip, loose = matching.strip, matching.loose
    kinds = "photos", "masks"
    pairing = pair_by_stem(photos, masks, strip, loose=loose, both=True, kinds=kinds)
    folders = f"{location.images or location.root} and {location.masks}"
    if not photos or not (pairing.pairs or pairing.missing):
        what = "masks, but no photos" if pairing.missing else "photos, but no masks" if photos else "no pairs"
        raise TrainingError(f"{folders}: found {what}, expected photos and a mask of the same name for each.")
    if pairing.missing or pairing.extra:
        missing, extra = pairing.missing, pairing.extra
        unmatched = [f"{counted(len(missing), 'mask')} without a photo ({first_few(missing)})"] * bool(
            missing
        )
        unmatched += [f"{counted(len(extra), 'photo')} without a mask ({first_few(extra)})"] * bool(extra)
        way = (
            naming_hint(photos, masks, strip, loose=loose, kinds=kinds)
            or naming_hint(masks, photos, strip, loose=loose, kinds=kinds[::-1])
            or "Add what is missing, or remove the others."
        )
        raise TrainingError(f"{folders}: {'; '.join(unmatched)}. {way}")
    graded = location.dataset.grey_masks
    return Data(
        location.dataset.name,
        str((location.images or location.root).resolve()),
        str(location.masks.resolve()),
        tuple(Pair(image, photo, mask, graded, matching.exif) for image, photo, mask in pairing.pairs),
        (*location.root_passed_over, *location.photos_passed_over, *location.passed_over),
        matching,
    )


def check_pairs(
    pairs: Sequence[Pair], progress: Callable[[int, int], None] | None = None, say: Say = lambda line: None
) -> None:
    """Decode every pair before training starts; `say` is told of photos that EXIF rotates.

    Raises
    ------
    TrainingError
        Pairs cannot be read, photo and mask differ in size, or all masks are empty. The message lists the
        first ones.
    """
    wrong, filled = [], False
    rotated: list[str] = []
    with ThreadPoolExecutor(4) as threads:
        for k, (pair, look) in enumerate(zip(pairs, threads.map(_look_at, pairs), strict=True), start=1):
            wrong += [look.problem] if look.problem else []
            filled |= look.has_object
            rotated += [pair.photo.name] if look.rotated else []
            if progress:
                progress(k, len(pairs))
    if rotated:
        say(rotation_notice(rotated, pairs[0].exif))
    if wrong:
        more = [f"+{len(wrong) - 5} more"] if len(wrong) > 5 else []
        lines = "".join(f"\n  {line}" for line in [*wrong[:5], *more])
        raise TrainingError(f"{len(wrong)} of {len(pairs)} pairs cannot be trained on:{lines}")
    if not filled:
        masks = "the only mask is" if len(pairs) == 1 else f"all {len(pairs)} masks are"
        raise TrainingError(
            f"{masks} empty ({first_few([p.mask.where for p in pairs], 2)}), expected objects. Are these the "
            "right masks?"
        )


class _Look(NamedTuple):
    """What is wrong with a pair, whether its mask is not empty, and whether EXIF rotates its photo."""

    problem: str
    has_object: bool
    rotated: bool


def _look_at(pair: Pair) -> _Look:
    try:
        photo, mask = read_pair(pair)
        rotated = is_rotated(pair.photo.content(TrainingError))
    except SodbenchError as error:
        return _Look(str(error), False, False)
    if photo.shape[:2] != mask.shape:
        (h, w), (y, x) = photo.shape[:2], mask.shape
        sizes = f"{pair.photo.where}: {w}x{h}, its mask {pair.mask.where} {x}x{y} (width x height)"
        turned = rotated and (w, h) == (y, x)
        way = "pass no --exif" if pair.exif else "pass --exif, which applies its EXIF rotation"
        return _Look(f"{sizes}; {way}." if turned else f"{sizes}.", False, rotated)
    return _Look("", bool(mask.any()), rotated)


def read_pair(pair: Pair) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Decode a photo (h, w, 3) and the grey levels of its mask (h, w).

    Raises
    ------
    PredictionError, DatasetError, TrainingError
        One of them is damaged, or cannot be read.
    """
    data, truth = pair.photo.content(TrainingError), pair.mask.content(TrainingError)
    photo = photo_from(data, pair.photo.where, exif=pair.exif)
    mask = decode(truth, pair.mask.where, DatasetError)
    return photo, binarised(mask, pair.mask.where, graded=pair.graded, way="").levels


def split(pairs: Sequence[Pair], config: Config) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """Return the pairs to train on, and those held out for validation, chosen by the seed.

    Raises
    ------
    TrainingError
        One of the two would be empty.
    """
    if not config.holdout:
        return tuple(pairs), ()
    held = round(config.holdout * len(pairs))
    if not 0 < held < len(pairs):
        raise TrainingError(
            f"holdout {config.holdout} of {len(pairs)} pairs leaves {len(pairs) - held} to train on and "
            f"{held} to validate with, expected at least one each."
        )
    chosen = set(_stream(config.seed, _HOLDOUT).permutation(len(pairs))[:held].tolist())
    return (
        tuple(pair for k, pair in enumerate(pairs) if k not in chosen),
        tuple(pair for k, pair in enumerate(pairs) if k in chosen),
    )


class Samples(Dataset[tuple[torch.Tensor, torch.Tensor, str]]):
    """Prepared pairs: sample n -> photo (3, crop, crop), mask (1, crop, crop), id."""

    def __init__(self, pairs: Sequence[Pair], config: Config) -> None:
        self.pairs, self.config = pairs, config
        self._epoch, self._order = -1, np.zeros(0, np.intp)

    def __getitem__(self, n: int) -> tuple[torch.Tensor, torch.Tensor, str]:
        """Read, resize, flip, crop and normalise one pair."""
        epoch, place = divmod(n, len(self.pairs))
        if epoch != self._epoch:
            stream = _stream(self.config.seed, _ORDER, epoch)
            self._epoch, self._order = epoch, stream.permutation(len(self.pairs))
        index = int(self._order[place])
        pair = self.pairs[index]
        photo, mask = augmented(*read_pair(pair), self.config, _stream(self.config.seed, _CROP, epoch, index))
        return torch.from_numpy(photo), torch.from_numpy(mask), pair.image


def augmented(
    photo: NDArray[Any], mask: NDArray[np.uint8], config: Config, stream: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a pair as input to the network: resized, flipped, cropped and normalised.

    As in the authors' code, photo and mask are divided by their maxima in the crop. Its crops start at
    pixel 0 to 31; here they start at any of the 33 possible pixels, 0 to 32.
    """
    size, crop = config.resize, config.crop
    rows, columns = (((np.arange(size) + 0.5) * n / size).astype(np.intp) for n in mask.shape)
    small, truth = resize_bilinear(photo, size), mask[rows][:, columns]
    if stream.random() < config.vertical_flip:
        small, truth = small[::-1], truth[::-1]
    if stream.random() < config.horizontal_flip:
        small, truth = small[:, ::-1], truth[:, ::-1]
    top, left = stream.integers(0, size - crop + 1, 2)
    small, truth = (array[top : top + crop, left : left + crop] for array in (small, truth))
    x = (small / (small.max() or 1.0) - IMAGENET_MEAN) / IMAGENET_STD
    y = truth[None] / (truth.max() or 1.0)
    return np.ascontiguousarray(x.transpose(2, 0, 1), np.float32), np.ascontiguousarray(y, np.float32)


def batches(
    pairs: Sequence[Pair], config: Config, step: int, rank: int = 0, world: int = 1, pin: bool = False
) -> Generator[Any, None, None]:
    """Yield this process's parts of batches from a step on, `accumulate` per step, endlessly.

    Raises
    ------
    TrainingError
        A pair can no longer be read.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This DataLoader will create")  # about more workers than processors
        loader = DataLoader(
            Samples(pairs, config),
            batch_sampler=_numbers(config, step, rank, world),
            num_workers=config.workers,
            pin_memory=pin,
            generator=torch.Generator(),  # the global one belongs to the network
            worker_init_fn=_leave_signals,
        )
        parts = iter(loader)
    try:
        yield from parts
    except SodbenchError as error:
        last = str(error).splitlines()[-1]  # a worker's message is its traceback
        raise TrainingError(last.partition("Error: ")[2] or last) from error
    finally:
        # A traceback may keep `parts` alive; Python then waits on exit for workers that ignore SIGTERM.
        getattr(parts, "_shutdown_workers", lambda: None)()


def is_lost_worker(error: Exception) -> bool:
    """Tell whether torch's error says that a data worker is gone, and not what one of them has raised.

    The training process is told by a signal, or finds the worker's queue or its shared tensors closed.

    >>> is_lost_worker(RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly"))
    True
    >>> is_lost_worker(RuntimeError("Caught RuntimeError in DataLoader worker process 0."))
    False
    """
    if "in DataLoader worker process" in str(error):
        return False
    closed = ConnectionError | EOFError | FileNotFoundError
    return isinstance(error, closed) or "DataLoader worker" in str(error)


def _leave_signals(worker: int) -> None:
    """Ignore signals that are sent to all processes; the training process handles them."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)


def _numbers(config: Config, step: int, rank: int, world: int) -> Iterator[list[int]]:
    part = config.batch // (world * config.accumulate)
    for k in count(step * config.accumulate):
        first = (k * world + rank) * part
        yield list(range(first, first + part))


def _stream(*key: int) -> np.random.Generator:
    return np.random.default_rng(key)
