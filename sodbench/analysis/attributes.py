"""Attributes that make images hard, computed from masks and photos, and groups of images by attribute.

| attribute | of an image | groups |
|---|---|---|
| ``size`` | share of its pixels that are object | <10%, 10-25%, 25-50%, >=50% |
| ``objects`` | 8-connected parts of 0.1 % of its pixels or more (the largest always counts) | 1, 2, 3+ |
| ``border`` | whether the object has a pixel in an outermost row or column | inside, touching |
| ``thin`` | share of the object's pixels that opening with a disc removes | <5%, 5-15%, >=15% |
| ``contrast`` | chi-square distance of the colours of object and background | <.4, .4-.6, >=.6 |

*Conventions*. The SOC dataset (Fan et al., ECCV 2018, doi:10.1007/978-3-030-01267-0_12) calls an object
small below a tenth of the image and big above a half, out of view if the image's border cuts it, and
measures clutter by the chi-square distance of the RGB histograms of object and background; its "shape
complexity" is judged by eye, in place of which ``thin`` is measured. All edges are fixed, so that a group
means the same on every dataset; those of ``thin`` and ``contrast`` split SOD's 300 images into thirds,
roughly. A value on an edge belongs to the upper group. The disc's radius is a tenth of the square root of
the object's area, at least 1 px, so that it grows with the object; the image is
extended by its outermost pixels. Histograms have 8 x 8 x 8 bins and sum to 1; their distance is
sum((a - b)^2 / (a + b)) / 2, from 0 to 1. Attributes of an empty mask are undefined, and so is the contrast
of a mask without background.
"""

import math
from collections.abc import Callable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.data.images.maps import mask_from, resized_mask
from sodbench.data.images.photos import photo_from
from sodbench.data.locations import Location
from sodbench.data.pairing import masks_by_stem
from sodbench.data.sources import ImageFile, InFolder
from sodbench.errors import DatasetError, ScoresError, first_few, nearest
from sodbench.protocol import fixed_size
from sodbench.scoring.scores import Scores
from sodbench.utils.files import read_file
from sodbench.utils.process import Say
from sodbench.utils.text import counted

Photo = NDArray[Any]
Gt = NDArray[np.bool_]

SPECK = 0.001
"""Parts of the object below this share of the image are not counted."""

DISC = 0.1
"""Radius of the disc that removes thin structures, in square roots of the object's area."""

BINS = 8
"""Histogram bins a colour channel."""


class Attribute(NamedTuple):
    """One attribute: what it measures, where its groups begin, what they are called, how it is computed."""

    meaning: str
    edges: tuple[float, ...]
    labels: tuple[str, ...]
    of: Callable[[Gt, Photo], float]
    needs_photo: bool = False


def size(gt: Gt) -> float:
    """Return the share of pixels that are object, NaN for an empty mask.

    >>> size(np.array([[True, False, False, False]]))
    0.25
    """
    return float(gt.mean()) if gt.any() else math.nan


def objects(gt: Gt) -> float:
    """Return the number of 8-connected parts that are not specks, NaN for an empty mask.

    >>> objects(np.array([[1, 0, 0, 1], [0, 1, 0, 1]], np.bool_))
    2.0
    """
    from scipy import ndimage

    if not gt.any():
        return math.nan
    labels, _ = ndimage.label(gt, np.ones((3, 3), np.bool_))
    areas = np.bincount(labels.ravel())[1:]
    return max(1.0, float(np.count_nonzero(areas >= SPECK * gt.size)))


def border(gt: Gt) -> float:
    """Return 1 if the object touches the image's border, else 0, and NaN for an empty mask.

    >>> border(np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], np.bool_))
    0.0
    """
    if not gt.any():
        return math.nan
    return float(gt[0].any() or gt[-1].any() or gt[:, 0].any() or gt[:, -1].any())


def thin(gt: Gt) -> float:
    """Return the share of the object's pixels that opening with a disc removes, NaN for an empty mask.

    >>> block, line = np.zeros((2, 40, 40), np.bool_)
    >>> block[10:30, 10:30] = line[20, 10:30] = True
    >>> round(thin(block), 2), thin(line)
    (0.03, 1.0)
    """
    from scipy.ndimage import distance_transform_edt

    area = np.count_nonzero(gt)
    if area == 0:
        return math.nan
    radius = max(1.0, DISC * math.sqrt(area))
    margin = math.ceil(radius) + 1
    wide = np.pad(_cropped(gt), margin, mode="edge")
    core = distance_transform_edt(wide) > radius if not wide.all() else wide
    kept = distance_transform_edt(~core) <= radius if core.any() else core
    return 1 - float(np.count_nonzero((kept & wide)[margin:-margin, margin:-margin]) / area)


def contrast(gt: Gt, photo: Photo) -> float:
    """Return how far apart the colours of object and background are, NaN where there is only one of the two.

    >>> contrast(np.array([[True, False]]), np.array([[[255, 0, 0], [0, 0, 0]]], np.uint8))
    1.0
    """
    if gt.all() or not gt.any():
        return math.nan
    levels = 65536 if photo.dtype == np.uint16 else 256
    red, green, blue = np.moveaxis(photo.astype(np.int64) * BINS // levels, -1, 0)
    colours = (red * BINS + green) * BINS + blue
    inside, outside = (np.bincount(colours[side], minlength=BINS**3) / side.sum() for side in (gt, ~gt))
    both = inside + outside
    return float(np.sum((inside - outside) ** 2 / np.where(both > 0, both, 1)) / 2)


ATTRIBUTES: Mapping[str, Attribute] = {
    "size": Attribute(
        "share of image that is object",
        (0.1, 0.25, 0.5),
        ("<10%", "10-25%", "25-50%", ">=50%"),
        lambda gt, _: size(gt),
    ),
    "objects": Attribute("number of objects", (2, 3), ("1", "2", "3+"), lambda gt, _: objects(gt)),
    "border": Attribute(
        "object at the image border", (0.5,), ("inside", "touching"), lambda gt, _: border(gt)
    ),
    "thin": Attribute(
        "share of object in thin parts",
        (0.05, 0.15),
        ("<5%", "5-15%", ">=15%"),
        lambda gt, _: thin(gt),
    ),
    "contrast": Attribute(
        "object-background contrast",
        (0.4, 0.6),
        ("<.4", ".4-.6", ">=.6"),
        contrast,
        needs_photo=True,
    ),
}


def find_attribute(name: str) -> Attribute:
    """Return an attribute by its name.

    Raises
    ------
    ScoresError
        No attribute has this name.
    """
    if name not in ATTRIBUTES:
        raise ScoresError(
            f"unknown attribute {name!r}; {nearest(name, tuple(ATTRIBUTES))} (Lists of images are "
            "given by their folder.)"
        )
    return ATTRIBUTES[name]


def meaning_of(name: str) -> str:
    """Return what an attribute measures, in words; lists of images are named by their folder."""
    return ATTRIBUTES[name].meaning if name in ATTRIBUTES else name


def lists_name(folder: Path) -> str:
    """Return what the groups of `listed_groups` are called.

    >>> lists_name(Path("lists/SOC"))
    'lists in SOC'
    """
    return f"lists in {folder.resolve().name}"


def listed_groups(folder: Path, images: Sequence[str], say: Say = lambda line: None) -> dict[str, list[str]]:
    """Group images by the lists in a folder, such as those of SOC's attributes; an image may be in several.

    Parameters
    ----------
    folder
        Holds a text file for each group, which is named like it: ``AC.txt``; or a folder for each, with one
        text file. Each line has the name of an image, with or without folders and suffix.
    images
        The ids of the images that were scored.
    say
        Told which names are of no such image.

    Returns
    -------
    Name of the list -> ids, both sorted.

    Raises
    ------
    ScoresError
        There are no lists, one cannot be read, or none of the names is that of an image.
    """
    files = _lists_in(folder)
    known = set(images)
    groups, names = {}, {}
    for label, file in files.items():
        try:
            lines = read_file(file, ScoresError).decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise ScoresError(f"{file}: this is no UTF-8 text, expected names of images.") from error
        names[file] = {_image_named(line.strip(), known) for line in lines if line.strip()}
        groups[label] = sorted(names[file] & known)
    if not any(groups.values()):
        listed = first_few(sorted(set.union(*names.values())), 3)
        scored = first_few(images, 3)
        raise ScoresError(
            f"{folder}: none of the names listed ({listed}) is that of a scored image ({scored})."
        )
    for file, listed_names in names.items():
        if not listed_names:
            say(f"{file}: empty, so there is no group of it")
        if strange := sorted(listed_names - known):
            say(
                f"{file}: {len(strange)} of {counted(len(listed_names), 'name')} are of no scored image "
                f"({first_few(strange)})"
            )
    return groups


def _lists_in(folder: Path) -> dict[str, Path]:
    """Return the lists in a folder by the name of their group."""
    try:
        inside = sorted(folder.iterdir())
        files = {path.stem: path for path in inside if path.suffix.lower() == ".txt" and path.is_file()}
        for group in () if files else (path for path in inside if path.is_dir()):
            texts = [path for path in group.iterdir() if path.suffix.lower() == ".txt"]
            if len(texts) == 1:
                files[group.name] = texts[0]
    except OSError as error:
        raise ScoresError(f"{error.filename}: cannot list this folder ({error.strerror}).") from error
    if not files:
        raise ScoresError(
            f"{folder}: found no text files, expected one for each group (AC.txt, BO.txt), with the name of "
            "an image on each line."
        )
    return files


def _image_named(line: str, known: Set[str]) -> str:
    """Return the id of an image that a line names: its path without suffix, or as much of it as is known."""
    entry = ImageFile(line, InFolder(""))
    parts = PurePosixPath(entry.folder).parts
    ids = ["/".join((*parts[k:], entry.stem)) for k in range(len(parts) + 1)]
    return next((image for image in (line, *ids) if image in known), ids[-1])


def attribute_values(
    name: str, location: Location, scores: Scores, progress: Callable[[int, int], None] | None = None
) -> dict[str, float]:
    """Compute an attribute of every image of some scores, NaN where it is undefined.

    Parameters
    ----------
    name
        A key of `ATTRIBUTES`.
    location
        The location of the masks and photos.
    scores
        The scores whose images are used; masks are binarised as their protocol says, at their own size.
    progress
        Called with images done and their total.

    Raises
    ------
    ScoresError
        There is no such attribute.
    DatasetError
        A mask or photo is missing, unreadable, one of two of its image, or not the one that was scored.
    """
    attribute = find_attribute(name)
    masks = masks_by_stem(location.mask_files)
    photos = location.photo_files if attribute.needs_photo else {}
    _check_present(
        scores.ids, masks, location, "mask", f"Pass {location.option}, where the scored dataset lies."
    )
    if attribute.needs_photo:
        _check_present(scores.ids, photos, location, "photo", f"{name} needs them: get the dataset's photos.")

    def value(image: str) -> float:
        gt = _gt(masks[image], scores, image, location.dataset.grey_masks)
        return attribute.of(gt, _photo(photos[image], gt) if attribute.needs_photo else gt)

    values = {}
    with ThreadPoolExecutor() as pool:
        for image, number in zip(scores.ids, pool.map(value, scores.ids), strict=True):
            values[image] = number
            if progress:
                progress(len(values), len(scores.rows))
    return values


def attribute_groups(name: str, values: Mapping[str, float]) -> dict[str, list[str]]:
    """Group images by an attribute; images on which it is undefined are in no group.

    >>> attribute_groups("objects", {"a": 1, "b": 7, "c": float("nan"), "d": 3})
    {'1': ['a'], '2': [], '3+': ['b', 'd']}
    """
    attribute = find_attribute(name)
    groups: dict[str, list[str]] = {label: [] for label in attribute.labels}
    for image, value in values.items():
        if not math.isnan(value):
            groups[attribute.labels[int(np.searchsorted(attribute.edges, value, side="right"))]].append(image)
    return groups


def _cropped(gt: Gt) -> Gt:
    """Cut a mask to its object and, where there is one, a row or column of background on each side."""
    (top, bottom), (left, right) = ((k.min(), k.max() + 1) for k in np.nonzero(gt))
    return gt[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1]


def _check_present(
    images: list[str], entries: Mapping[str, ImageFile], location: Location, what: str, way: str
) -> None:
    if absent := [image for image in images if image not in entries]:
        raise DatasetError(
            f"{location.root}: {len(absent)} of {len(images)} images have no {what} here "
            f"({first_few(absent)}). {way}"
        )


def _gt(entry: ImageFile, scores: Scores, image: str, graded: bool) -> Gt:
    protocol = scores.protocol
    data, rule = entry.content(DatasetError), protocol.mask_threshold
    mask = mask_from(data, entry.where, rule=rule, eps=protocol.eps, graded=graded)
    size = fixed_size(protocol.resize)
    gt = resized_mask(mask, size).gt if size else mask.gt
    actual = _described(gt.shape, np.count_nonzero(gt))
    table = scores.table
    at = table.at([image])[0]
    scored = _described(table.shapes[at], table.pixels[at, 0])
    if actual != scored:
        raise DatasetError(
            f"{entry.where}: not the mask that was scored (found {actual}, expected {scored}). "
            "Pass --data DIR, or --masks DIR for a dataset of your own, where the scored masks lie."
        )
    return mask.gt


def _photo(entry: ImageFile, gt: Gt) -> Photo:
    photo = photo_from(entry.content(DatasetError), entry.where)
    if photo.shape[:2] != gt.shape:
        (h, w), (high, wide) = photo.shape[:2], gt.shape
        raise DatasetError(f"{entry.where}: photo is {w}x{h}, its mask {wide}x{high}. Get both again.")
    return photo


def _described(shape: Any, area: Any) -> str:
    return f"{shape[1]}x{shape[0]} with {area} pixels of object"
