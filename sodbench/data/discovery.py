"""Finds which methods' maps of which datasets a folder or a zip holds.

Recognised: a flat folder of maps, ``METHOD/*.png``, ``DATASET/*.png`` and ``METHOD/DATASET/*.png``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from shlex import quote

from sodbench.data.registry import Dataset, fold, registry
from sodbench.data.sources import ImageFile, PassedOver, Source, is_unicode, open_source, suffixes_read
from sodbench.errors import PredictionError, first_few


@dataclass(frozen=True)
class MapSet:
    """The maps of one method on one dataset; `dataset` is None if no folder name and no caller says which."""

    method: str
    dataset: Dataset | None
    entries: tuple[ImageFile, ...]


def discover(path: Path, wanted: Sequence[Dataset] = ()) -> tuple[list[MapSet], list[str]]:
    """Find the sets of maps under a path.

    Parameters
    ----------
    path
        Folder or zip.
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
        hint = f" {suffixes_read()}" if source.ignored else ""
        raise PredictionError(
            f"{path}: found no maps here{ignored}, expected images named like the masks.{hint}"
        )
    registered = _by_name(registry().values())
    named = _by_folder(source, _by_name(wanted) if wanted else registered)
    sets = named or _unnamed(source, wanted, registered)
    taken = {id(f.entries) for f in sets}
    folders = tuple(
        folder
        for folder, entries in source.groups.items()
        if id(entries) not in taken and fold(folder.rpartition("/")[2]) not in registered
    )
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
    sets = []
    for folder, entries in source.groups.items():
        parts = [_name(source.path), *PurePosixPath(folder).parts]
        dataset = known.get(fold(parts[-1]))
        if dataset:
            method = parts[-2] if len(parts) > 1 else _called(source.path).parent.name
            sets.append(MapSet(method or parts[-1], dataset, entries))
    return sets


def _name(path: Path) -> str:
    return _called(path).stem if path.is_file() else _called(path).name


def _called(path: Path) -> Path:
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
        return [MapSet(name, dataset, source.groups[""])]
    if len(folders) == 1 and source.path.is_file():
        return [MapSet(name, dataset, source.groups[folders[0]])]
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
    return [MapSet(folder, dataset, source.groups[folder]) for folder in folders]
