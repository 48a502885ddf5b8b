"""Find the scores folders under some paths, choose among them by their names, and read those alone."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote
from warnings import warn

from sodbench.data.registry import dataset_name
from sodbench.errors import OWN_NAMES, ScoresError, SodbenchWarning, first_few, first_lines, nearest
from sodbench.protocol import split_dataset
from sodbench.scoring.scores import Scores
from sodbench.scoring.storage import META, OTHER_TREE, meta_from, read_meta_file


class StoredScores(NamedTuple):
    """A scores folder, and whose scores it holds.

    Parameters
    ----------
    folder
        The folder.
    dataset, method
        As ``meta.json`` names them, or the folders ``METHOD/DATASET`` if that cannot be read.
    error
        Why ``meta.json`` cannot be read, empty if it can.
    """

    folder: Path
    dataset: str
    method: str
    error: str = ""

    @property
    def dataset_name(self) -> str:
        """The dataset's name without its version."""
        return split_dataset(self.dataset)[0]


def stored_under(paths: Iterable[str | Path]) -> list[StoredScores]:
    """List every scores folder at or under some paths: by dataset, in the order of the paths, by method.

    Trees of other protocols (``@fan``) are listed where a path names them, and not from above: a
    `sodbench.errors.SodbenchWarning` names them.

    Raises
    ------
    ScoresError
        A path does not exist, or there is none under one.
    """
    given = [Path(path) for path in paths]
    stored: dict[Path, tuple[int, StoredScores]] = {}
    empty, trees = dict.fromkeys(given), dict[Path, None]()
    for position, path in enumerate(given):
        for folder in sorted(file.parent for file in path.rglob(META)):
            if folder.name.startswith("."):
                continue
            if tree := _other_tree(folder, path):
                trees[tree] = None
                continue
            empty.pop(path, None)
            if (home := folder.resolve()) not in stored:
                stored[home] = (position, _named(folder))
    if absent := [str(path) for path in empty if not path.exists()]:
        raise ScoresError(
            f"{first_few(absent)}: no such folder. `sodbench score` stores in scores/METHOD/DATASET."
        )
    others = [tree for tree in trees if any(tree.is_relative_to(path) for path in empty)]
    if empty:
        way = f"for those of another protocol, pass {others[0]}" if others else "`sodbench score` makes them"
        raise ScoresError(f"{first_few([str(path) for path in empty])}: found no scores here; {way}.")
    if trees:
        warn(
            f"scores of other protocols, left out: {first_few([str(tree) for tree in trees])}; "
            "to read them, pass that folder",
            SodbenchWarning,
            stacklevel=2,
        )
    ordered = sorted(stored.values(), key=lambda item: (item[1].dataset, item[0], item[1].method))
    return [scores for _, scores in ordered]


def those_of(stored: Iterable[StoredScores], is_wanted: Callable[[StoredScores], bool]) -> list[StoredScores]:
    """Return the folders that are wanted.

    A `sodbench.errors.SodbenchWarning` names those left out whose ``meta.json`` cannot be read.
    """
    listed = list(stored)
    kept = [scores for scores in listed if is_wanted(scores)]
    if lost := [
        f"{scores.error} Left out, as its folders are called {scores.method}/{scores.dataset}."
        for scores in listed
        if scores.error and scores not in kept
    ]:
        warn(first_lines(lost), SodbenchWarning, stacklevel=3)
    return kept


def read_scores(stored: Iterable[StoredScores], metrics: Iterable[str] = ()) -> list[Scores]:
    """Read scores folders, in the order given.

    Metrics that were not computed are added as far as they follow from the level histograms.

    A `sodbench.errors.SodbenchWarning` names folders of an earlier version, which have no digests.

    Raises
    ------
    ScoresError
        One is damaged.
    """
    wanted = tuple(metrics)
    read = [(str(folder), Scores.load(folder).extended(wanted)) for folder, *_ in stored]
    if old := [folder for folder, scores in read if scores.outdated]:
        warn(
            f"{first_few(old)}: stored without digests by an earlier version, so that changes in the files "
            "would not be noticed; `sodbench score` adds them",
            SodbenchWarning,
            stacklevel=2,
        )
    return [scores for _, scores in read]


def load_scores(
    paths: str | Path | Iterable[str | Path],
    datasets: Iterable[str] = (),
    methods: Iterable[str] = (),
    metrics: Iterable[str] = (),
) -> list[Scores]:
    """Read the scores of some methods on some datasets at or under some paths.

    They are in the order of `stored_under`, methods in the order given. Folders of others are not read.

    Parameters
    ----------
    paths
        One, or several.
    datasets, methods
        Which; none: all.
    metrics
        See `read_scores`.

    Raises
    ------
    ScoresError
        There are no scores of a dataset, of a method, or of any of these methods on any of these datasets; or
        one is damaged.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    stored, where = stored_under(given), first_few([str(path) for path in given])
    wanted, order = [dataset_name(name) for name in datasets], list(methods)
    _check_named(f"{where}: no scores on", wanted, [scores.dataset_name for scores in stored])
    kept = those_of(stored, lambda scores: not wanted or scores.dataset_name in wanted)
    _check_named(f"{where}: no scores of", order, [scores.method for scores in kept])
    if order:
        kept = those_of(kept, lambda scores: scores.method in order)
        kept.sort(key=lambda scores: (scores.dataset, order.index(scores.method)))
    return read_scores(kept, metrics)


def _other_tree(folder: Path, path: Path) -> Path | None:
    """Return the tree of another protocol below `path` that a folder lies in."""
    below = [f for f in (folder, *folder.parents) if f != path and f.is_relative_to(path)]
    return next((f for f in reversed(below) if f.name.startswith(OTHER_TREE)), None)


def _named(folder: Path) -> StoredScores:
    """Read whose scores a folder holds."""
    try:
        meta = meta_from(folder, read_meta_file(folder))
    except ScoresError as error:
        return StoredScores(folder, unquote(folder.name), unquote(folder.parent.name), str(error))
    return StoredScores(folder, meta["dataset"], meta["method"])


def _check_named(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Refuse names that are not known; the message has the nearest ones."""
    valid = list(dict.fromkeys(known))
    if absent := [name for name in names if name not in valid]:
        raise ScoresError(f"{what} {absent[0]} here; {nearest(absent[0], valid, OWN_NAMES)}")
