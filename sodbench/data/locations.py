"""Where datasets are on this disk, and whether they are complete."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import NamedTuple

from sodbench.data.registry import Dataset, check_no_path, find, fold, lookup, registry
from sodbench.data.sources import (
    ImageFile,
    PassedOver,
    Source,
    of_group,
    open_source,
    single_image,
    suffixes_read,
    told_apart,
)
from sodbench.errors import DatasetError, PredictionError, first_few
from sodbench.protocol import Protocol
from sodbench.utils.files import check_path, config_file
from sodbench.utils.text import counted, shortened
from sodbench.utils.toml import read_toml
from sodbench.utils.urls import PathOrUrl, Url, on_this_disk, path_or_url

MASK_FOLDERS = ("masks", "mask", "gt", "gts", "gt_masks", "ground_truth", "ground_truth_mask")
IMAGE_FOLDERS = ("images", "image", "imgs", "img", "im")
_USUAL = {"masks": MASK_FOLDERS, "photos": IMAGE_FOLDERS}
EACH = "*"
"""In a path, stands for the folder of each group: ``DAVSOD/*/GT``."""


class Listing(NamedTuple):
    """A folder or zip, its image files, and what else lies in it.

    Where each group has its images in a folder inside its own, `folder` has `EACH` in it.
    """

    folder: PathOrUrl
    entries: tuple[ImageFile, ...]
    passed: PassedOver

    def notices(self, kind: str) -> list[str]:
        """Say what is not used; `kind` says what the images are: masks, photos."""
        return self.passed.notices(above_groups(self.folder), kind)


@dataclass(frozen=True)
class Location:
    """A dataset on this disk, as it was when it was found: each of its folders is listed only once.

    Parameters
    ----------
    dataset
        The dataset.
    root
        The dataset's folder.
    masks
        Folder (or zip, if given by hand) of the masks; see `Listing`.
    images
        Folder of the photos, if there is one; equal to `masks` if both are in one folder.
    layout
        The folders below `root`, for display.
    listed
        Folders that were listed to find the dataset.
    """

    dataset: Dataset
    root: PathOrUrl
    masks: PathOrUrl
    images: PathOrUrl | None
    layout: str
    listed: Mapping[PathOrUrl, Listing] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def mask_files(self) -> tuple[ImageFile, ...]:
        """The masks, sorted by name."""
        entries = self._masks.entries
        if self.images != self.masks:
            return entries
        return tuple(e for e in entries if _has_suffix(e, self.dataset.mask_suffix))

    @cached_property
    def photo_files(self) -> dict[str, ImageFile]:
        """The photos by stem, empty if there are none.

        Raises
        ------
        DatasetError
            Two photos have one stem: which of them was meant is not guessed.
        """
        by_stem: dict[str, list[ImageFile]] = {}
        for entry in self.all_photos:
            by_stem.setdefault(entry.stem, []).append(entry)
        if doubled := [told_apart(same) for same in by_stem.values() if len(same) > 1]:
            raise DatasetError(
                f"found several photos of one image: {first_few(doubled)}; expected one of each. "
                "Remove those that do not belong to the dataset."
            )
        return {stem: same[0] for stem, same in by_stem.items()}

    @cached_property
    def all_photos(self) -> tuple[ImageFile, ...]:
        """All photo files, sorted by name, also where several have one stem."""
        entries = self._photos.entries if self._photos else ()
        if self.images != self.masks:
            return entries
        return tuple(e for e in entries if not _has_suffix(e, self.dataset.mask_suffix))

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The groups that the masks are of, sorted; none if they lie in one folder."""
        return tuple(sorted({mask.group for mask in self.mask_files} - {""}))

    @property
    def option(self) -> str:
        """The options that name another place of its masks: of a registered dataset, or of one's own."""
        return "--data DIR or --masks DIR" if self.dataset.registered else "--masks DIR"

    @property
    def passed_over(self) -> list[str]:
        """Lines about what of the masks' folder is not used."""
        lines = self._masks.notices("masks")
        if self.images == self.masks:
            suffix, stems = self.dataset.mask_suffix, {mask.stem for mask in self.mask_files}
            alone = [entry.name for entry in self.all_photos if entry.stem not in stems]
            if alone:
                lines.append(
                    f"{self.masks}: images not named *{suffix} count as photos; without a mask {suffix} of "
                    f"their name, passed over: {len(alone)} ({first_few(alone)})"
                )
        return lines

    @property
    def photos_passed_over(self) -> list[str]:
        """Lines about what of the photos' folder is not used, if it is not that of the masks."""
        return self._photos.notices("photos") if self._photos and self.images != self.masks else []

    @property
    def root_passed_over(self) -> list[str]:
        """Lines about what of the dataset's own folder is not used, if it is named like the dataset."""
        names = {fold(name) for name in (self.dataset.name, *self.dataset.aliases)}
        if isinstance(self.root, Url):
            return []
        folders = {f for f in (self.masks, self.images or self.masks) if isinstance(f, Path)}
        if fold(self.root.resolve().name) not in names or not all(self.root in f.parents for f in folders):
            return []
        used = {folder.relative_to(self.root).parts[0] for folder in folders}
        if EACH in used:
            return []
        others = sorted(child.name for child in self.root.iterdir() if child.name not in used)
        found = f"passed over: {len(others)} ({first_few(others)})"
        return [f"{self.root}: what lies beside {self.layout}, {found}"] if others else []

    @cached_property
    def _masks(self) -> Listing:
        return self.listed.get(self.masks) or _listing(self.masks)

    @cached_property
    def _photos(self) -> Listing | None:
        return (self.listed.get(self.images) or _listing(self.images)) if self.images else None


@dataclass(frozen=True)
class Status:
    """What `sodbench datasets` shows of a dataset: `masks` counts those at `location`.

    Whether it is `complete` is not known (None) where the registered count is not confirmed.
    """

    dataset: Dataset
    location: Location | None
    masks: int
    complete: bool | None


def locate(dataset: Dataset, data: Path | None = None) -> Location:
    """Find a dataset under `data`, else SODBENCH_DATA, else the user's ``config.toml``.

    Raises
    ------
    DatasetError
        It is not found; the message lists each place and says how to get the dataset.
    """
    if dataset.builtin:
        return _builtin(dataset)
    folders = _data_folders(data)
    for folder in folders:
        if location := find_in(dataset, folder):
            return location
    raise DatasetError(_not_found(dataset, folders))


def locate_all(data: Path | None = None) -> list[Status]:
    """Return where each registered dataset is and whether it is complete.

    Raises
    ------
    DatasetError
        `data` is no folder.
    """
    folders = _data_folders(data)
    if data is not None and not data.is_dir():
        raise DatasetError(f"{data}: {_absence(data)}, expected a folder that holds dataset folders.")
    return [_status(dataset, folders) for dataset in registry().values()]


def status_of(dataset: Dataset, data: Path | None = None) -> Status:
    """Return where a dataset is and whether it is complete."""
    return _status(dataset, _data_folders(data))


def from_masks(path: PathOrUrl, name: str | None = None) -> Location:
    """Use a folder or zip of masks as a dataset.

    Parameters
    ----------
    path
        Folder or zip of masks, or of masks and photos side by side; on this disk or elsewhere.
    name
        A registered name says that these are its masks. Any other name, or by default the folder's,
        makes a dataset of version 0 whose count is the number of masks found.

    Raises
    ------
    DatasetError
        The path does not exist, holds no images, or holds them in several folders.
    """
    check_no_path(name or "")
    dataset = lookup(name) if name else None
    listing = list_images(path, "masks", dataset)
    entries = listing.entries
    if dataset is None:
        dataset = Dataset(
            name=_safe_name(name or _given_name(above_groups(path))),
            version=0,
            grouped=any(entry.group for entry in entries),
            registered=False,
        )
    images = path if _is_mixed(dataset, entries) else None
    layout = "side by side" if images else "masks only"
    return _counted(Location(dataset, path, path, images, layout, {path: listing}))


def _counted(location: Location) -> Location:
    """Take the masks that are here for the whole, where no source says how many there are."""
    dataset = location.dataset
    if dataset.registered and dataset.confirmed:
        return location
    return replace(location, dataset=replace(dataset, version=0, count=len(location.mask_files)))


def above_groups(path: PathOrUrl) -> PathOrUrl:
    """Return the part of a path before `EACH`, which is a folder on the disk; a path without it is unchanged.

    >>> above_groups(Path("DAVSOD/*/GT")).as_posix()
    'DAVSOD'
    """
    if EACH not in path.parts or isinstance(path, Path) and os.path.exists(path):  # noqa: PTH110
        return path
    return [folder for folder in (path, *path.parents) if folder.name == EACH][-1].parent


def list_images(path: PathOrUrl, kind: str, dataset: Dataset | None = None) -> Listing:
    """List the images of a folder or zip: those at its top, in the only folder in it, or in a folder a group.

    Parameters
    ----------
    path
        The folder or zip; or one photo; see `EACH`.
    kind
        What the images are, for messages: masks, photos.
    dataset
        The registered dataset that they are of. Without one, several folders beside each other are groups,
        unless one is named like a dataset, or as folders of masks or photos are.

    Raises
    ------
    DatasetError
        It does not exist, holds no images, or holds them in several folders that are no groups.
    """
    if kind == "photos" and (photo := single_image(path)):
        return Listing(path, (photo,), PassedOver((), ()))
    if EACH in path.parts and above_groups(path) != path:
        listing = _in_each(path)
        if listing is None:
            raise DatasetError(
                f"{path}: found no {kind} here, expected a folder {PurePosixPath(*_inner(path))} of them in "
                f"each folder of {above_groups(path)}."
            )
        return listing
    source = _source(path)
    listing = _listed(source, bool(dataset and dataset.grouped))
    if listing.entries:
        return listing
    start = f"{path}: found no {kind} here, expected a folder or zip of them."
    if dataset and dataset.grouped and source.groups:
        where = first_few([folder or "its top" for folder in source.groups])
        raise DatasetError(
            f"{path}: found {kind} in {where}, expected a folder for each group of {dataset.name}, beside "
            "each other."
        )
    if folders := listing.passed.folders:
        if _are_groups(folders):
            return _listed(source, True)
        raise DatasetError(f"{start} {_several_folders(path, kind, folders)}")
    if files := listing.passed.files:
        others = f"Its files are of other kinds: {len(files)} ({first_few(files)})."
        raise DatasetError(f"{start} {others} {suffixes_read(kind)}")
    raise DatasetError(start)


def _are_groups(folders: Sequence[str]) -> bool:
    """Tell whether folders that hold images are groups; they may be datasets, or masks and photos."""
    if len({folder.rpartition("/")[0] for folder in folders}) > 1:
        return False
    names = [folder.rpartition("/")[2] for folder in folders]
    return not any(lookup(name) or any(_has_usual_word(name, kind) for kind in _USUAL) for name in names)


def _has_usual_word(name: str, kind: str) -> bool:
    """Tell whether a folder's name has a word that folders of masks or of photos usually have.

    >>> _has_usual_word("GT_object_level", "masks"), _has_usual_word("gtx", "masks")
    (True, False)
    """
    usual = {fold(word) for word in _USUAL[kind]}
    return fold(name) in usual or any(word.casefold() in usual for word in re.split(r"[^a-zA-Z]+", name))


def _several_folders(path: PathOrUrl, kind: str, folders: Sequence[str]) -> str:
    """Say which folders hold images, and which of them to pass."""
    usual = {fold(name) for name in _USUAL[kind]}
    paths = [PurePosixPath(folder) for folder in folders]
    likely = {
        place: place.as_posix()
        for folder in paths
        for place in (folder, folder.parent)
        if fold(place.name) in usual
    }
    if len(likely) == 1:
        (folder,) = likely.values()
        way = "unpack the zip and pass it" if path.is_file() else f"pass {path / folder}"
        return f"Its folder {folder} may hold them: {way}."
    inner = {f.name for f in paths if len(f.parts) == 2 and _has_usual_word(f.name, kind)}
    if len(inner) == 1 and not path.is_file():
        (name,) = inner
        return f"Each of its folders has a folder {name}: pass {quote(str(path / EACH / name))}."
    way = "unpack the zip and pass one" if path.is_file() else f"pass one, such as {path / folders[0]}"
    return (
        f"Its folders {first_few(folders)} hold images, and are not read together, which needs groups of one "
        f"dataset beside each other: {way}."
    )


def check_complete(location: Location, subset: bool) -> None:
    """Refuse a mask folder that is not the whole dataset.

    Parameters
    ----------
    location
        Where the masks are.
    subset
        Allow a mask folder that holds only part of the dataset.

    Raises
    ------
    DatasetError
        There are too few masks (unless `subset`), too many, or masks of images that were removed.
    """
    dataset = location.dataset
    masks = location.mask_files
    count = len(masks)
    removed = sorted(set(dataset.removed).intersection(entry.stem for entry in masks))
    groups = len(location.groups) if dataset.groups else 0
    if not removed and subset and 0 < count <= dataset.count:
        return
    if not removed and count == dataset.count and groups == dataset.groups:
        return
    known = other_count(dataset, count)
    command = f"sodbench datasets verify {dataset.name} --masks {quote(str(location.masks))}"
    listing = f"`{command}` lists what is wrong"
    found, expected = counted(count, "mask"), f"{dataset.count}"
    if groups != dataset.groups:
        found = f"{found} in {counted(groups, 'group')}"
        expected = f"{expected} in {dataset.groups}" if dataset.version else f"{dataset.groups} groups"
    own = f"--masks {quote(str(location.masks))} --dataset {dataset.name}-{count}"
    says = f": the signature then says {count}/{dataset.count}" if dataset.version else ""
    raise DatasetError(
        f"{location.masks}: found {found}, expected {expected} for {dataset.name}"
        + (f". {known}" if known else "")
        + (f"; these do not belong to it: {first_few(removed)}" if removed else "")
        + ". "
        + (
            f"Complete them ({listing}), or pass --subset{says}."
            if count <= dataset.count and not removed
            else f"Remove what does not belong to it; {listing}."
        )
        + (f" To score this version as a dataset of its own, pass {own}." if known else "")
    )


def other_count(dataset: Dataset, count: int) -> str:
    """Say which version of a dataset has this number of images, if one is known; else nothing.

    >>> other_count(find("HKU-IS"), 1447)[:41]
    'A version of HKU-IS with 1447 is known: i'
    """
    known = dataset.other_counts.get(str(count))
    return f"A version of {dataset.name} with {count} is known: {known}" if known else ""


def absent_folders() -> list[str]:
    """Say which of the folders that SODBENCH_DATA or ``config.toml`` name are not there."""
    source = "SODBENCH_DATA" if os.environ.get("SODBENCH_DATA") else config_file("config.toml")
    return [
        f"{folder}: {_absence(folder)}, though {source} names it as a folder of datasets"
        for folder in _data_folders(None)
        if not folder.is_dir()
    ]


def _absence(folder: Path) -> str:
    return "a file" if folder.exists() else "no such folder"


def _data_folders(data: Path | None) -> list[Path]:
    folders = _named_data_folders() if data is None else [data]
    for folder in folders:
        check_path(folder, DatasetError)
    return folders


def _named_data_folders() -> list[Path]:
    if value := os.environ.get("SODBENCH_DATA"):
        return [_expanded(part, "SODBENCH_DATA") for part in value.split(os.pathsep) if part]
    file = config_file("config.toml")
    if not os.path.lexists(file):
        return []
    config = read_toml(file)
    if unknown := [key for key in config if key != "data"]:
        raise DatasetError(f"{file}: unknown key {unknown[0]}; the only one is data.")
    folders = config.get("data", [])
    folders = [folders] if isinstance(folders, str) else folders
    if not isinstance(folders, list) or not all(isinstance(folder, str) for folder in folders):
        raise DatasetError(f"{file}: data is {shortened(folders)}, expected a folder or a list of folders.")
    return [file.parent / _expanded(folder, str(file)) for folder in folders]


def _expanded(folder: str, where: str) -> Path:
    try:
        return Path(folder).expanduser()
    except RuntimeError as error:  # ~name of nobody
        raise DatasetError(
            f"{where}: {shortened(folder)} names a home folder that does not exist."
        ) from error


def _builtin(dataset: Dataset) -> Location:
    from sodbench.data.demo import demo_folder

    location = _layout(dataset, demo_folder())
    if location is None:
        raise DatasetError(
            f"{demo_folder()}: the files of {dataset.name} are missing. Install sodbench again."
        )
    return location


def find_in(dataset: Dataset, folder: Path) -> Location | None:
    """Find a dataset in a folder that holds dataset folders or is its own; None if it is not there.

    Raises
    ------
    DatasetError
        A folder cannot be listed.
    """
    places = _named_folders(dataset, folder)
    for place in places:
        if location := _layout(dataset, place):
            return location
    own = (dataset.masks, dataset.images) if dataset.distinctive else ((), ())
    masks, images = (_first(folder, candidates, dataset.grouped) for candidates in own)
    return _location(dataset, folder, masks, images) if masks else None


def _named_folders(dataset: Dataset, folder: Path) -> list[Path]:
    names = {fold(name) for name in (dataset.name, *dataset.aliases)}
    own = [folder] if folder.is_dir() and fold(folder.resolve().name) in names else []
    named = own + [child for child in _folders(folder) if fold(child.name) in names]
    nested = [child for place in named for child in _folders(place) if fold(child.name) in names]
    return list(dict.fromkeys(named + nested))


def _layout(dataset: Dataset, root: Path) -> Location | None:
    names = (*dataset.images, *IMAGE_FOLDERS), (*dataset.masks, *MASK_FOLDERS)
    images, masks = (_first(root, candidates, dataset.grouped) for candidates in names)
    if masks:
        return _location(dataset, root, masks, images)
    if dataset.grouped and root.is_dir():
        images, masks = (_first_in_each(root, candidates) for candidates in names)
        if masks:
            return _location(dataset, root, masks, images)
    for listing in (_listing(root, dataset.grouped), images):
        if listing and _is_mixed(dataset, listing.entries):
            return _location(dataset, root, listing, listing)
    return None


def _location(dataset: Dataset, root: Path, masks: Listing, images: Listing | None) -> Location:
    listings = [listing for listing in (images, masks) if listing]
    listed = {listing.folder: listing for listing in listings}
    folders = ["/".join(listing.folder.parts[len(root.parts) :]) or "." for listing in listings]
    together = images is not None and images.folder == masks.folder
    layout = f"side by side in {folders[1]}" if together else " + ".join(folders)
    found = Location(dataset, root, masks.folder, images.folder if images else None, layout, listed)
    return _counted(found)


def _first(root: Path, candidates: Sequence[str], grouped: bool = False) -> Listing | None:
    for candidate in candidates:
        folder = _descend(root, candidate)
        if folder and (listing := _listing(folder, grouped)).entries:
            return listing
    return None


def _first_in_each(root: Path, candidates: Sequence[str]) -> Listing | None:
    source = _source(root)
    listings = (_in_each(root / EACH / candidate, source) for candidate in candidates)
    return next(filter(None, listings), None)


def _in_each(path: PathOrUrl, source: Source | None = None) -> Listing | None:
    """List the images of each group, which lie in a folder inside the group's own; None: there are none."""
    inner = [fold(part) for part in _inner(path)]
    source = source or _source(above_groups(path))
    parts = {folder: PurePosixPath(folder).parts for folder in source.groups}
    used = {folder: names[0] for folder, names in parts.items() if list(map(fold, names[1:])) == inner}
    if not used or "" in used:
        return None
    entries = [entry for folder, group in used.items() for entry in of_group(source.groups[folder], group)]
    others = [folder for folder, names in parts.items() if names[0] not in used.values()]
    passed = PassedOver(source.ignored, tuple(others), source.encoding)
    return Listing(path, tuple(entries), passed)


def _inner(path: PathOrUrl) -> tuple[str, ...]:
    return path.parts[path.parts.index(EACH) + 1 :]


def _descend(root: Path, path: str) -> Path | None:
    folder = root
    for part in PurePosixPath(path).parts:
        same = [child for child in _folders(folder) if fold(child.name) == fold(part)]
        if not same:
            return None
        folder = same[0]
    return folder


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as items:
            return sorted(Path(item.path) for item in items if item.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DatasetError(f"{folder}: cannot list this folder ({error.strerror}).") from error


def _listing(path: PathOrUrl, grouped: bool = False) -> Listing:
    return _listed(_source(path), grouped)


def _source(path: PathOrUrl) -> Source:
    try:
        return open_source(path)
    except PredictionError as error:
        raise DatasetError(str(error)) from error


def _listed(source: Source, by_group: bool) -> Listing:
    """List the images at the top of a source, or those of the only folder in it; or those of each group."""
    groups = source.groups
    entries: tuple[ImageFile, ...] = ()
    if by_group:
        used = () if "" in groups else _highest(tuple(groups))
        by_name = ((folder, folder.rpartition("/")[2]) for folder in used)
        entries = tuple(e for folder, name in by_name for e in of_group(groups[folder], name))
    else:
        used = ("",) if "" in groups else tuple(groups) if len(groups) == 1 else ()
        entries = groups[used[0]] if used else ()
    folders = tuple(folder for folder in groups if folder not in used)
    return Listing(source.path, entries, PassedOver(source.ignored, folders, source.encoding))


def _highest(folders: Sequence[str]) -> tuple[str, ...]:
    """Return the folders that lie highest if they are beside each other, else none.

    >>> _highest(["480p/bmx", "480p/swan", "480p/swan/old"]), _highest(["a/bmx", "b/swan"])
    (('480p/bmx', '480p/swan'), ())
    """
    least = min((folder.count("/") for folder in folders), default=0)
    highest = tuple(folder for folder in folders if folder.count("/") == least)
    return highest if len({folder.rpartition("/")[0] for folder in highest}) == 1 else ()


def _has_suffix(entry: ImageFile, suffix: str) -> bool:
    return entry.name.lower().endswith(suffix.lower())


def _is_mixed(dataset: Dataset, entries: Sequence[ImageFile]) -> bool:
    masks = {e.stem for e in entries if _has_suffix(e, dataset.mask_suffix)}
    photos = {e.stem for e in entries if _has_suffix(e, dataset.image_suffix)}
    return dataset.mask_suffix != dataset.image_suffix and 2 * len(masks & photos) > len(masks)


def _given_name(path: PathOrUrl) -> str:
    path = path.resolve()
    generic = {fold(folder) for folder in MASK_FOLDERS}
    return path.parent.name if fold(path.stem) in generic else path.stem if path.is_file() else path.name


def _safe_name(name: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", name).strip("-.") or "masks"


def _status(dataset: Dataset, folders: Sequence[Path]) -> Status:
    locations = (find_in(dataset, folder) for folder in folders)
    location = _builtin(dataset) if dataset.builtin else next(filter(None, locations), None)
    if location is None:
        return Status(dataset, None, 0, False)
    try:
        check_complete(location, subset=False)
    except DatasetError:
        return Status(dataset, location, len(location.mask_files), False)
    return Status(dataset, location, len(location.mask_files), True if dataset.confirmed else None)


def _not_found(dataset: Dataset, folders: Sequence[Path]) -> str:
    places = [_looked(dataset, folder) for folder in folders]
    looked = (
        "; ".join(places)
        or f"nowhere, as neither SODBENCH_DATA nor {config_file('config.toml')} names a folder"
    )
    urls = f" ({dataset.urls[0]})" if dataset.urls else ""
    then = f"To get it: {dataset.get}{urls}. Then pass" if dataset.get else "If you have it, pass"
    return (
        f"{dataset.name}: not found on this disk. Looked in: {looked}. {then} "
        "--data DIR (the folder that holds the dataset folders), set SODBENCH_DATA, "
        "or, to score, pass --masks DIR."
    )


def _looked(dataset: Dataset, folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder} ({_absence(folder)})"
    named = _named_folders(dataset, folder)
    if not named:
        itself = "; it holds images itself: masks are passed with --masks" if _listing(folder).entries else ""
        return f"{folder} (no folder {' or '.join((dataset.name, *dataset.aliases))} in it{itself})"
    what = "masks, a folder for each group," if dataset.grouped else "masks"
    return ", ".join(f"{place} (no folder with {what} in it)" for place in named)


def place(dataset: str | None, masks: str | PathOrUrl | None, data: str | Path | None) -> Location:
    """Find a dataset's masks: in the folder given, or where registered datasets are on this disk.

    Raises
    ------
    DatasetError
        Neither a dataset nor masks were named, the dataset is unknown, or it is not on this disk.
    """
    if masks is not None:
        return from_masks(path_or_url(masks), dataset)
    if dataset is None:
        raise DatasetError(
            "no dataset: pass the name of a registered one (sodbench datasets), or a folder of masks."
        )
    folder = on_this_disk(path_or_url(data), "data") if data is not None else None
    return locate(find(dataset), folder)


def binarised_by(protocol: Protocol, location: Location, mask_threshold: str | None = None) -> Protocol:
    """Return the protocol with the mask rule that applies: the user's, else the dataset's, else its own."""
    rule = mask_threshold or location.dataset.mask_threshold
    return protocol.change(mask_threshold=rule) if rule else protocol
