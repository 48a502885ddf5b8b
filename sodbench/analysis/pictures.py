"""The images that scores were computed from: photos, masks and maps, at their present paths.

They are read from the paths stored with the scores, or from those that the user gives. The digest of
each mask and map must equal that of the file that was scored.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.data.images.decoding import FILE_NOTES
from sodbench.data.images.maps import mask_from, prediction_from, resized_mask
from sodbench.data.images.photos import photo_from
from sodbench.data.locations import Location, above_groups, binarised_by, from_masks, locate, place
from sodbench.data.pairing import masks_by_stem, pair_by_guess
from sodbench.data.registry import registry
from sodbench.data.sources import ImageFile, digest_of, file_at
from sodbench.errors import DatasetError, PredictionError, ScoresError, first_few, nearest
from sodbench.metrics import METRICS, find_metric
from sodbench.protocol import Protocol, fixed_size
from sodbench.scoring.pairs import levels_of, prepared_from
from sodbench.scoring.scores import Scores, check_alike
from sodbench.utils.files import read_file
from sodbench.utils.process import Progress, step_counter
from sodbench.utils.urls import PathOrUrl, Url, path_or_url


class Pictures(NamedTuple):
    """What the sheet shows of an image: photo (None: there is none), mask, and maps by method."""

    photo: NDArray[np.uint8] | None
    gt: NDArray[np.bool_]
    maps: Mapping[str, NDArray[np.uint8]]


def of_files(scores: Scores) -> bool:
    """Tell whether scores say of which files they are; those of arrays in memory do not."""
    return bool(scores.provenance.get("masks") and scores.provenance.get("predictions"))


def location_of(scores: Scores, data: Path | None = None, masks: PathOrUrl | None = None) -> Location:
    """Find the masks that scores were made with, and their photos.

    Parameters
    ----------
    scores
        Their provenance holds the path of the masks.
    data, masks
        Where to look instead: the folder that holds dataset folders, or a folder or zip of the masks.

    Raises
    ------
    DatasetError
        They are no longer there.
    """
    name = scores.dataset_name
    known = registry().get(name)
    if masks is not None:
        return place(name, masks, None)
    if known is None and data is not None:
        raise DatasetError(
            f"{name} is not a registered dataset, which is what --data is searched for. Pass its masks "
            "with --masks."
        )
    scored = path_or_url(scores.provenance.get("masks", ""))
    if known and data is None and not isinstance(scored, Url):
        for folder in scored.parents[:3]:
            with suppress(DatasetError):
                if (location := locate(known, folder)).masks == scored:
                    return location
    gone = not scored.name or not above_groups(scored).exists()
    if known and (data or gone):
        return place(name, None, data)
    if gone:
        where = (
            f"{scored}: the masks of {name} are no longer here"
            if scored.name
            else (f"{scores.method}: these scores do not say where the masks of {name} are")
        )
        raise DatasetError(f"{where}. Pass their folder with --masks.")
    return from_masks(scored, name)


def maps_path(scores: Scores, maps: PathOrUrl | None = None) -> PathOrUrl:
    """Return the path of a method's maps: `maps`, or the path from which they were scored.

    Raises
    ------
    PredictionError
        The path does not exist.
    """
    path = maps or path_or_url(scores.provenance.get("predictions", ""))
    if not path.name or not path.exists():
        gone = "no such folder or zip" if maps else "the maps were scored from here and are gone"
        raise PredictionError(
            f"{path if path.name else scores.method}: {gone}. Pass --maps DIR, which holds the maps of "
            f"{scores.method} on {scores.dataset_name}."
        )
    return path


def maps_of(
    scores: Scores, maps_by_method: Mapping[str, Sequence[ImageFile]], path: PathOrUrl
) -> Sequence[ImageFile]:
    """Return the method's maps out of those found at a path: by its name, or the only ones.

    Raises
    ------
    PredictionError
        There are several methods' maps, none of this name.
    """
    if scores.method in maps_by_method:
        return maps_by_method[scores.method]
    if len(maps_by_method) > 1:
        raise PredictionError(
            f"{path}: found maps of {first_few(list(maps_by_method))}, expected {scores.method}. "
            "Pass --maps DIR."
        )
    return next(iter(maps_by_method.values()))


def maps_without_a_mask(methods: Mapping[str, Sequence[ImageFile]], location: Location) -> list[str]:
    """Say which maps of each method belong to no mask, and so to no image that can be shown."""
    lines = []
    for method, entries in methods.items():
        used = {entry.name for entry in pair_by_guess(entries, location.mask_files).values()}
        if extra := sorted(entry.name for entry in entries if entry.name not in used):
            start = f"{method} on {location.dataset.name}: maps without a mask, passed over"
            lines.append(f"{start}: {len(extra)} ({first_few(extra)})")
    return lines


def load_pictures(
    images: Sequence[str],
    methods: Sequence[tuple[Scores, Sequence[ImageFile]]],
    location: Location,
    progress: Progress | None = None,
) -> list[Pictures]:
    """Read the pictures of some images, as they were scored.

    Parameters
    ----------
    images
        Their ids.
    methods
        Scores and maps of each method shown.
    location
        The location of masks and photos.
    progress
        Called with the number of pictures read, and their total.

    Raises
    ------
    DatasetError, PredictionError
        A mask or map is gone, unreadable, or not the one that was scored.
    """
    masks = location.mask_files
    known, photos = masks_by_stem(masks), location.photo_files
    if absent := [image for image in images if image not in known]:
        raise DatasetError(
            f"{location.masks}: {len(absent)} {'masks are' if len(absent) > 1 else 'mask is'} gone "
            f"({first_few(absent)}). Pass {location.option}."
        )
    step = step_counter(progress, len(images) * (2 + len(methods)))
    content = {image: known[image].content(DatasetError) for image in images}
    protocol, graded = methods[0][0].protocol, location.dataset.grey_masks
    gts = {}
    for image, data in content.items():
        gts[image] = prepared_from(data, known[image].where, protocol, (), graded).mask.gt
        step()
    shown: dict[str, dict[str, NDArray[np.uint8]]] = {image: {} for image in images}
    for scores, entries in methods:
        maps = _map_data(images, scores, entries, masks)
        _check_unchanged(scores, content, maps, location)
        for image, (entry, data) in maps.items():
            levels = levels_of(data, entry, gts[image].shape, scores.protocol).levels
            shown[image][scores.method] = levels
            step()
    pictures = []
    for image in images:
        photo = _photo(photos[image]) if image in photos else None
        pictures.append(Pictures(photo, gts[image], shown[image]))
        step()
    return pictures


def load_pair(
    map_file: Path, mask_file: Path, protocol: Protocol
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], list[str]]:
    """Read one map and its mask as they would be scored, and what to report about the files.

    Raises
    ------
    DatasetError, PredictionError
        A file cannot be read, the mask has no object by the protocol's rule, or their sizes differ.
    """
    data = read_file(mask_file, DatasetError, "an image file")
    mask = mask_from(data, str(mask_file), rule=protocol.mask_threshold, eps=protocol.eps)
    if size := fixed_size(protocol.resize):
        mask = resized_mask(mask, size)
    entry = file_at(map_file)
    levels = levels_of(entry.content(PredictionError), entry, mask.gt.shape, protocol)
    said = [
        f"{file}: {FILE_NOTES[note]}"
        for file, notes in ((mask_file, mask.notes), (map_file, levels.notes))
        for note in notes
    ]
    return levels.levels, mask.gt, said


def _map_data(
    images: Sequence[str], scores: Scores, entries: Sequence[ImageFile], masks: Sequence[ImageFile]
) -> dict[str, tuple[ImageFile | None, bytes]]:
    """Read the files of the maps; images that had no map when they were scored get none."""
    paired = pair_by_guess(entries, masks)
    wanted = [image for image in images if "missing" not in scores.table.bare(image).notes]
    if absent := [image for image in wanted if image not in paired]:
        raise PredictionError(
            f"{scores.method} on {scores.dataset_name}: {len(absent)} "
            f"{'maps are' if len(absent) > 1 else 'map is'} gone ({first_few(absent)}). Pass --maps DIR."
        )
    nothing: dict[str, tuple[ImageFile | None, bytes]] = dict.fromkeys(images, (None, b""))
    return nothing | {image: (paired[image], paired[image].content(PredictionError)) for image in wanted}


def _check_unchanged(
    scores: Scores,
    masks: Mapping[str, bytes],
    maps: Mapping[str, tuple[ImageFile | None, bytes]],
    location: Location,
) -> None:
    scored = {image: scores.table.bare(image).digest.partition("-") for image in masks}
    if changed := [image for image in masks if digest_of(masks[image]) != scored[image][0]]:
        raise DatasetError(
            f"{location.masks}: {len(changed)} of {len(masks)} masks are not those that were scored "
            f"({first_few(changed)}). Score again, or pass {location.option}, where the scored ones "
            "lie."
        )
    current = {image: digest_of(data) if entry else "missing" for image, (entry, data) in maps.items()}
    if changed := [image for image in masks if current[image] != scored[image][2]]:
        raise PredictionError(
            f"{scores.method} on {scores.dataset_name}: {len(changed)} of {len(masks)} maps are not those "
            f"that were scored ({first_few(changed)}). Score again, or pass --maps DIR, where the scored "
            "ones lie."
        )


def _photo(entry: ImageFile) -> NDArray[np.uint8]:
    pixels = photo_from(entry.content(DatasetError), entry.where)
    return (pixels // 257 if pixels.dtype == np.uint16 else pixels).astype(np.uint8)


PICKS = ("worst", "best", "disagree")


@dataclass(frozen=True)
class ShownImage:
    """One image of the figure.

    Parameters
    ----------
    name
        Its id.
    photo
        ``(h, w, 3)`` uint8.
    gt
        ``(h, w)`` bool mask.
    maps
        Method -> ``(h, w)`` uint8 levels.
    """

    name: str
    photo: NDArray[np.uint8]
    gt: NDArray[np.bool_]
    maps: Mapping[str, NDArray[np.uint8]]


def pick_images(
    scores: Sequence[Scores], methods: Sequence[str], how: str, metric: str, count: int
) -> list[str]:
    """Choose images by the methods' per-image values of a metric.

    Parameters
    ----------
    scores
        Of the methods shown, on one dataset.
    methods
        The methods shown.
    how
        One of `PICKS`.
    metric
        Column id.
    count
        How many images.

    Raises
    ------
    ScoresError
        A method has no scores or two of them, the metric was not computed, or the scores have no image in
        common on which it is defined, or were made in different ways.
    """
    given = [method_scores.method for method_scores in scores]
    if odd := [method for method in methods if given.count(method) != 1]:
        raise ScoresError(
            f"{first_few(odd)}: expected scores of each method once, found {given.count(odd[0])} of "
            f"{odd[0]}. Name the folders with --scores."
        )
    metric = find_metric(metric).id
    for method_scores in scores:
        method_scores.check_computed([metric])
    check_alike(scores, [metric])
    columns = [dict(zip(s.ids, s.values(metric).tolist(), strict=True)) for s in scores]
    defined = [{image for image, value in c.items() if not math.isnan(value)} for c in columns]
    common = sorted(set.intersection(*defined))
    if not common:
        raise ScoresError(f"{first_few([s.method for s in scores])}: no image in common with a {metric}.")
    values = np.array([[column[image] for image in common] for column in columns])
    sign = METRICS[metric].sign
    key = {
        "worst": sign * values.mean(axis=0),
        "best": -sign * values.mean(axis=0),
        "disagree": values.min(axis=0) - values.max(axis=0),
    }[how]
    return [common[k] for k in np.argsort(key, kind="stable")[:count]]


def load_shown(
    images: Sequence[str], location: Location, methods: Mapping[str, Sequence[ImageFile]]
) -> list[ShownImage]:
    """Read the photo, the mask and every method's map of some images.

    Raises
    ------
    DatasetError
        An image is not in the dataset, or has no photo.
    PredictionError
        A method has no map of it, or the map cannot be read or is of another size than the mask.
    """
    masks, photos = location.mask_files, location.photo_files
    known = {mask.stem: mask for mask in masks}
    maps = {method: pair_by_guess(entries, masks) for method, entries in methods.items()}
    rule, graded = binarised_by(Protocol(), location).mask_threshold, location.dataset.grey_masks
    shown = []
    for name in images:
        if name not in known:
            raise DatasetError(f"{name}: no such image in {location.dataset.name}; {nearest(name, [*known])}")
        if name not in photos:
            raise DatasetError(f"{name}: no photo in {location.root}; its mask is there.")
        if absent := [method for method, files in maps.items() if name not in files]:
            raise PredictionError(f"{name}: no map of {first_few(absent)}. Leave it or the method out.")
        mask = mask_from(known[name].content(DatasetError), known[name].where, rule=rule, graded=graded)
        levels = {method: _levels(files[name], mask.gt.shape) for method, files in maps.items()}
        shown.append(ShownImage(name, _photo(photos[name]), mask.gt, levels))
    return shown


def _levels(entry: ImageFile, shape: tuple[int, int]) -> NDArray[np.uint8]:
    return prediction_from(entry.content(PredictionError), entry.where, shape=shape).levels
