"""Which methods' maps of which datasets does a folder or a zip hold?

Recognised: a flat folder of maps, ``METHOD/*.png``, ``DATASET/*.png`` and ``METHOD/DATASET/*.png``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sodbench.errors import PredictionError, first_few
from sodbench.registry import Dataset, fold, registry
from sodbench.sources import Entry, Source, open_source


@dataclass(frozen=True)
class Found:
    """The maps of one method on one dataset (None: the one dataset that was asked for)."""

    method: str
    dataset: Dataset | None
    entries: tuple[Entry, ...]


def discover(path: Path, wanted: Sequence[Dataset] = ()) -> tuple[list[Found], tuple[str, ...]]:
    """Find the sets of maps under a path.

    Parameters
    ----------
    path
        Folder or zip.
    wanted
        Datasets asked for; none: all registered ones, by the names of the folders.

    Returns
    -------
    The sets found, sorted by method, and the names of files that are no images.

    Raises
    ------
    PredictionError
        There are no maps, or their folders cannot be told apart.
    """
    source = open_source(path)
    if not source.groups:
        ignored = f" (only {first_few(source.ignored)})" if source.ignored else ""
        raise PredictionError(f"{path}: found no maps here{ignored}, expected images named like the masks.")
    known = {fold(name): d for d in wanted or registry().values() for name in (d.name, *d.aliases)}
    found = _by_folder(source, known)
    if not found:
        found = _unnamed(source, known, wanted)
    return sorted(found, key=lambda f: (f.method, f.dataset.name if f.dataset else "")), source.ignored


def _by_folder(source: Source, known: dict[str, Dataset]) -> list[Found]:
    found = []
    for folder, entries in source.groups.items():
        parts = [source.path.resolve().stem, *PurePosixPath(folder).parts]
        dataset = known.get(fold(parts[-1]))
        if dataset:
            parent = source.path.resolve().parent.name
            found.append(Found(parts[-2] if len(parts) > 1 else parent, dataset, entries))
    return found


def _unnamed(source: Source, known: dict[str, Dataset], wanted: Sequence[Dataset]) -> list[Found]:
    """Take folders whose names say no dataset: flat maps, or one folder a method."""
    name = source.path.resolve().stem if source.path.is_file() else source.path.resolve().name
    folders = list(source.groups)
    if len(wanted) > 1:
        raise PredictionError(
            f"{source.path}: no folder here is named like one of {', '.join(d.name for d in wanted)} "
            f"(found {first_few(folders)}). Expected METHOD/DATASET/*.png, or one --dataset."
        )
    dataset = wanted[0] if wanted else None
    if "" in folders:
        return [Found(name, dataset, source.groups[""])]
    if len(folders) == 1 and source.path.is_file():
        return [Found(name, dataset, source.groups[folders[0]])]
    if any("/" in folder for folder in folders):
        raise PredictionError(
            f"{source.path}: cannot tell which of its folders ({first_few(folders)}) hold the maps to score. "
            "Expected maps, METHOD/*.png or METHOD/DATASET/*.png; pass the folder that holds the maps."
        )
    return [Found(folder, dataset, source.groups[folder]) for folder in folders]
