"""Finds which methods' maps of which datasets a folder or a zip holds.

Recognised: a flat folder of maps, ``METHOD/*.png``, ``DATASET/*.png`` and ``METHOD/DATASET/*.png``; of a
dataset of groups or videos, each of these with a folder for each group in the place of the maps.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from shlex import quote

from sodbench.data.registry import Dataset, fold, registry
from sodbench.data.sources import (
    ImageFile,
    PassedOver,
    Source,
    is_unicode,
    of_group,
    open_source,
    suffixes_read,
)
from sodbench.errors import PredictionError, first_few
from sodbench.utils.urls import PathOrUrl


@dataclass(frozen=True)
class MapSet:
    """The maps of one method on one dataset; `dataset` is None if no folder name and no caller says which.

    `folders` are those of the source that hold them.
    """

    method: str
    dataset: Dataset | None
    entries: tuple[ImageFile, ...]
    folders: tuple[str, ...]


def discover(path: PathOrUrl, wanted: Sequence[Dataset] = ()) -> tuple[list[MapSet], list[str]]:
    """Find the sets of maps under a path.

    Parameters
    ----------
    path
        Folder or zip, on this disk or elsewhere.
    wanted
        Datasets asked for; if none, all registered ones, recognised by folder names.

    Returns
    -------
    The sets found, sorted by method, and notices of what was passed over.

    Raises
    ------
    PredictionError
        There are no maps, or it is unclear which folders hold the maps to score.
    """
    source = open_source(path)
    if not source.groups:
        ignored = f" (only {first_few(source.ignored)})" if source.ignored else ""
        hint = f" {suffixes_read('maps')}" if source.ignored else ""
        raise PredictionError(
            f"{path}: found no maps here{ignored}, expected images named like the masks.{hint}"
        )
    registered = _by_name(registry().values())
    named = _by_folder(source, _by_name(wanted) if wanted else registered)
    sets = named or _unnamed(source, wanted, registered)
    taken = {folder for maps in sets for folder in maps.folders}
    folders = tuple(f for f in source.groups if f not in taken and _of_dataset(f, registered) is None)
    if strange := [ascii(f.method) for f in sets if not is_unicode(f.method)]:
        raise PredictionError(
            f"{path}: the name of the method, {first_few(strange)}, is not valid Unicode. "
            f"Rename its folder, or set a UTF-8 locale."
        )
    sets.sort(key=lambda f: (f.method, f.dataset.name if f.dataset else ""))
    why = "that no dataset is named like" if named else ""
    return sets, PassedOver(source.ignored, folders, source.encoding).notices(path, "maps", why)


def _by_name(datasets: Iterable[Dataset]) -> dict[str, Dataset]:
    return {fold(name): d for d in datasets for name in (d.name, *d.aliases)}


def _by_folder(source: Source, known: dict[str, Dataset]) -> list[MapSet]:
    homes: dict[tuple[str, ...], list[str]] = {}
    name = _name(source.path)
    for folder in source.groups:
        parts = (name, *PurePosixPath(folder).parts)
        if known.get(fold(parts[-1])):
            homes.setdefault(parts, []).append(folder)
        elif _of_dataset("/".join(parts), known):
            homes.setdefault(parts[:-1], []).append(folder)
    sets = []
    for parts, folders in homes.items():
        method = parts[-2] if len(parts) > 1 else _called(source.path).parent.name
        # Only a dataset of groups has maps below the folder of its name.
        depth = len(parts) - 1
        sets.append(_set(source, method or parts[-1], known[fold(parts[-1])], folders, depth))
    return sets


def _of_dataset(folder: str, known: Mapping[str, Dataset]) -> Dataset | None:
    """Return the dataset that a folder of maps, or the one above it (of groups), is named like, if one is."""
    parts = folder.split("/")
    if dataset := known.get(fold(parts[-1])):
        return dataset
    above = known.get(fold(parts[-2])) if len(parts) > 1 else None
    return above if above and above.grouped else None


def _set(source: Source, method: str, dataset: Dataset | None, folders: Sequence[str], depth: int) -> MapSet:
    """Make a set of the maps in some folders; those deeper than `depth` are the folders of groups."""
    entries: list[ImageFile] = []
    for folder in folders:
        parts = PurePosixPath(folder).parts
        entries += of_group(source.groups[folder], parts[-1]) if len(parts) > depth else source.groups[folder]
    return MapSet(method, dataset, tuple(entries), tuple(folders))


def _name(path: PathOrUrl) -> str:
    return _called(path).stem if path.is_file() else _called(path).name


def _called(path: PathOrUrl) -> PathOrUrl:
    """Return the whole path by which a folder was called: a link keeps its own name."""
    return path.resolve() if ".." in path.parts else path.absolute()


def _unnamed(source: Source, wanted: Sequence[Dataset], registered: dict[str, Dataset]) -> list[MapSet]:
    """Handle folders not named like a dataset: maps at the top, or one folder per method."""
    name = _name(source.path)
    folders = list(source.groups)
    if len(wanted) > 1:
        raise PredictionError(
            f"{source.path}: no folder here is named like one of {', '.join(d.name for d in wanted)} "
            f"(found {first_few([folder or 'maps at its top' for folder in folders])}). "
            "Expected METHOD/DATASET/*.png, or one --dataset."
        )
    dataset = wanted[0] if wanted else None
    if "" in folders:
        return [_set(source, name, dataset, [""], 0)]
    if dataset and dataset.grouped:
        return _unnamed_groups(source, dataset, registered)
    if len(folders) == 1 and source.path.is_file():
        return [_set(source, name, dataset, folders, len(PurePosixPath(folders[0]).parts))]
    if dataset and dataset.registered:
        folders = [folder for folder in folders if fold(folder.rpartition("/")[2]) not in registered]
    if not folders or any("/" in folder for folder in folders):
        named, shown = (dataset.name, dataset.name) if dataset else ("like a dataset", "DATASET")
        start, where = f"{source.path}: no folder here is named {named}", list(source.groups)
        if len(where) == 1:
            raise PredictionError(
                f"{start}; there are maps in {where[0]}. If those are to be scored, pass "
                f"{quote(str(source.path / where[0]))}."
            )
        raise PredictionError(
            f"{start}, and it is unclear which of {first_few(where)} hold the maps to score. "
            f"Expected maps, METHOD/*.png or METHOD/{shown}/*.png; pass the folder that holds the maps."
        )
    return [_set(source, folder, dataset, [folder], 1) for folder in folders]


def _unnamed_groups(source: Source, dataset: Dataset, registered: Mapping[str, Dataset]) -> list[MapSet]:
    """Handle ``GROUP/*.png`` and ``METHOD/GROUP/*.png``, where no folder is named like the dataset."""
    folders = [folder for folder in source.groups if _of_dataset(folder, registered) in (None, dataset)]
    by_method: dict[str, list[str]] = {}
    for folder in folders:
        by_method.setdefault(folder.rpartition("/")[0], []).append(folder)
    if not folders or any("/" in method for method in by_method) or ("" in by_method and len(by_method) > 1):
        raise PredictionError(
            f"{source.path}: it is unclear which of {first_few(list(source.groups))} hold the maps to score. "
            f"{dataset.name} has groups: expected GROUP/*.png, METHOD/GROUP/*.png or "
            f"METHOD/{dataset.name}/GROUP/*.png; pass the folder that holds the groups."
        )
    if len(by_method) == 1 and ("" in by_method or source.path.is_file()):
        return [_set(source, _name(source.path), dataset, folders, 0)]
    return [_set(source, method, dataset, inside, 1) for method, inside in by_method.items()]
