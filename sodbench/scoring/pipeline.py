"""The pipeline: pairs of files -> rows -> Scores.

Image by image, the work on a mask is done once and shared by all methods. Images are computed in chunks, on
any executor; decoders and kernels release Python's lock, the steps between them do not.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from heapq import merge
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple
from warnings import warn

from sodbench.data.discovery import discover
from sodbench.data.locations import Location, binarised_by, check_complete, other_count, place
from sodbench.data.pairing import Pairing, listed_by_group, naming_hint
from sodbench.data.registry import Dataset
from sodbench.data.run_files import made_with
from sodbench.data.sources import ImageFile, digest_of, seen_from
from sodbench.errors import (
    DatasetError,
    FileError,
    PredictionError,
    SodbenchError,
    SodbenchWarning,
    first_few,
    first_lines,
)
from sodbench.metrics import DEFAULT_METRICS, check_metrics
from sodbench.protocol import Protocol
from sodbench.scoring.collected import Collected, Earlier
from sodbench.scoring.notices import unpaired
from sodbench.scoring.pairs import PreparedMask, levels_of, prepared_from, score_pair
from sodbench.scoring.plan import Plan
from sodbench.scoring.rows import Row
from sodbench.scoring.scores import Scores
from sodbench.utils.dask_workers import worker_name
from sodbench.utils.executors import streamed
from sodbench.utils.process import Progress, cpus
from sodbench.utils.text import counted
from sodbench.utils.urls import PathOrUrl, path_or_url


class _Task(NamedTuple):
    """One image: its mask, and each method's map (None: missing) with what tells of an earlier run's row."""

    image: str
    mask: ImageFile
    maps: tuple[tuple[str, ImageFile | None, Earlier | None], ...]


class _Files(NamedTuple):
    """What one method has of an image."""

    image: str
    method: str
    map: ImageFile | None
    mask: ImageFile
    earlier: Earlier | None


_IMAGE = attrgetter("image")


class _Maps(NamedTuple):
    """One method's maps with their masks, and the masks that have none but are scored."""

    method: str
    pairs: Sequence[tuple[str, ImageFile, ImageFile]]
    without: Sequence[ImageFile]
    earlier: Mapping[str, Earlier]

    def images(self) -> Iterator[str]:
        """Yield the images, by name those with a map, then those without."""
        return chain((image for image, _, _ in self.pairs), (mask.stem for mask in self.without))

    def files(self) -> Iterator[_Files]:
        """Yield what there is of each image, by name."""
        known, missing = self.earlier.get, self.without
        paired = (_Files(image, self.method, entry, mask, known(image)) for image, entry, mask in self.pairs)
        others = (_Files(mask.stem, self.method, None, mask, known(mask.stem)) for mask in missing)
        return merge(paired, others, key=_IMAGE)


def score_folder(
    preds: str | PathOrUrl,
    dataset: str | None = None,
    *,
    masks: str | PathOrUrl | None = None,
    data: str | Path | None = None,
    protocol: str | Protocol = "u2net",
    mask_threshold: str | None = None,
    metrics: Iterable[str] = DEFAULT_METRICS,
    missing: str = "error",
    strip: Sequence[str] = (),
    loose_names: bool = False,
    subset: bool = False,
    jobs: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Scores:
    """Score one method's folder (or zip) of maps on one dataset. Always computes; writes nothing.

    A `sodbench.errors.SodbenchWarning` says which files are not used.

    Parameters
    ----------
    preds
        Folder or zip of maps, paired with the masks by stem; or its address, ``https://host/maps``.
    dataset
        Registered name. With `masks`, any name, or None.
    masks
        Folder or zip of the masks, or its address; by default the dataset is looked for on this disk.
    data
        Folder that holds dataset folders, in place of SODBENCH_DATA.
    protocol
        A preset's name, a signature, or a Protocol.
    mask_threshold
        Rule in place of the dataset's and the protocol's, e.g. ``">=128"``.
    metrics
        Column ids.
    missing
        ``error``; ``zero`` scores missing maps as all-zero; ``skip`` leaves them out.
    strip
        Affixes to remove from the names of maps.
    loose_names
        Also pair names that differ only in case or leading zeros.
    subset
        Allow masks that are only part of the dataset.
    jobs
        Threads, without an `executor`; by default one a CPU.
    progress
        Called with images done and their total.
    executor
        Where to compute: a ``ProcessPoolExecutor`` (which needs the main module guarded by
        ``if __name__ == "__main__":``), Dask's ``Client.get_executor()``, or another; by default threads.

    Raises
    ------
    DatasetError, PredictionError, ProtocolError, ScoresError
        Something is missing, damaged, ambiguous or unknown; the message says which and what to do.
    WorkerError
        A worker process died.

    Examples
    --------
    >>> from sodbench.data.demo import demo_folder
    >>> scores = score_folder(demo_folder() / "preds/blurred/demo", "demo")
    >>> scores.n, scores.summary()["max_f"] > 0.85
    (8, True)
    """
    if not isinstance(executor, Executor | None):
        raise PredictionError(
            f"executor={executor!r}: expected one of concurrent.futures, such as ThreadPoolExecutor(2)."
        )
    location = place(dataset, masks, data)
    there = path_or_url(preds)
    discovered, passed = discover(there, [location.dataset])
    if len(discovered) > 1:
        names = [maps.method for maps in discovered]
        raise PredictionError(
            f"{there}: holds maps of {len(discovered)} methods ({first_few(names)}); pass one's folder."
        )
    chosen = binarised_by(Protocol.of(protocol), location, mask_threshold)
    plan = Plan(chosen, check_metrics(metrics), missing, tuple(strip), loose_names, subset, jobs)
    (maps,) = discovered
    methods = {maps.method: maps.entries}
    pairings = plan.pairings(methods, location.mask_files)
    for line in (*passed, *location.passed_over, *unpaired(methods, pairings, location, plan)):
        warn(line, SodbenchWarning, stacklevel=2)
    rows = {maps.method: Collected()}
    (made,) = score_methods(methods, location, plan, rows, progress, executor, pairings)
    where = {"predictions": str(there), "masks": str(location.masks), "directory": str(Path.cwd())}
    return replace(made, provenance=where | made_with(there, maps.entries))


def score_methods(
    methods: Mapping[str, Sequence[ImageFile]],
    location: Location,
    plan: Plan,
    rows: Mapping[str, Collected],
    progress: Progress | None = None,
    executor: Executor | None = None,
    pairings: Mapping[str, Pairing] | None = None,
) -> Iterator[Scores]:
    """Score the maps of several methods on one dataset in one pass over its masks.

    All is computed before this returns; the scores of each method are put together when they are asked for.

    Parameters
    ----------
    methods
        Method -> its maps.
    location
        Where the masks lie.
    plan
        What to compute.
    rows
        Method -> rows of an earlier run, which are used again where the files' content is the
        same. Finished rows are put in here at once, and stay if this function raises.
    progress
        Called with images done and their total.
    executor
        Where to compute; by default threads.
    pairings
        Of each method, where `Plan.pairings` has made them already.

    Raises
    ------
    DatasetError, PredictionError
        All files that are missing or unusable, method by method.
    WorkerError
        A worker died.
    """
    check_complete(location, plan.subset)
    masks = location.mask_files
    maps = _maps(methods, masks, location.dataset, plan, rows, pairings or plan.pairings(methods, masks))
    total = len({image for each in maps for image in each.images()})
    work = partial(_score_task, plan=plan, graded=location.dataset.grey_masks, directory=str(Path.cwd()))
    failed: dict[str, SodbenchError] = {}
    mask_digests: dict[str, str] = {}
    own = executor or ThreadPoolExecutor(plan.jobs or cpus())
    try:
        for done, (task, results) in enumerate(streamed(own, work, _tasks(maps), total), start=1):
            digests = [known.digest for _, _, known in task.maps if known]
            for method, result in results:
                if isinstance(result, Row):
                    rows[method][task.image] = result
                    digests.append(result.digest)
                else:
                    failed[str(result)] = result
            mask_digests[task.image] = digests[-1].partition("-")[0] if digests else ""
            if progress:
                progress(done, total)
    finally:
        if executor is None:
            own.shutdown(cancel_futures=True)
    if failed:
        raise _joined(list(failed.values()))
    dataset = location.dataset
    named = dataset.version or _content(masks, mask_digests)
    return (
        Scores(
            method=each.method,
            dataset=f"{dataset.name}@{named}",
            of=dataset.count,
            protocol=plan.protocol,
            metrics=plan.metrics,
            rows=rows[each.method].table(each.images()),
            missing=plan.missing,
        )
        for each in maps
    )


def _maps(
    methods: Mapping[str, Sequence[ImageFile]],
    masks: Sequence[ImageFile],
    dataset: Dataset,
    plan: Plan,
    rows: Mapping[str, Collected],
    pairings: Mapping[str, Pairing],
) -> list[_Maps]:
    maps: list[_Maps] = []
    incomplete: list[str] = []
    for method, entries in methods.items():
        pairing = pairings[method]
        zeros = plan.missing == "zero" and len(entries) > len(pairing.extra)  # other shards have maps
        if pairing.missing and plan.missing == "error" or not (pairing.pairs or zeros):
            known = other_count(dataset, len(entries))
            start = f"{method} on {dataset.name}{f', shard {plan.shard}' if plan.shard else ''}"
            incomplete.append(_missing(start, entries, masks, pairing, plan, known and f"{known}."))
        absent = {*pairing.missing} if plan.missing == "zero" else set()
        without = sorted((mask for mask in masks if mask.stem in absent), key=lambda mask: mask.stem)
        earlier = rows[method].used_again(plan.protocol, plan.metrics)
        maps.append(_Maps(method, pairing.pairs, without, earlier))
    if incomplete:
        raise PredictionError("\n".join(incomplete))
    return maps


def _tasks(maps: Sequence[_Maps]) -> Iterator[_Task]:
    """Yield the work on each image, by name; made when it is asked for, since there may be a lot."""
    for image, of_image in groupby(merge(*map(_Maps.files, maps), key=_IMAGE), _IMAGE):
        files = list(of_image)
        yield _Task(image, files[0].mask, tuple((f.method, f.map, f.earlier) for f in files))


def _missing(
    start: str,
    entries: Sequence[ImageFile],
    masks: Sequence[ImageFile],
    pairing: Pairing,
    plan: Plan,
    known: str,
) -> str:
    missing, extra = pairing.missing, pairing.extra
    are = "is" if len(missing) == 1 else "are"
    hint = naming_hint(entries, masks, plan.strip, loose=plan.loose) if extra else ""
    others = f"{counted(len(extra), 'map')} without a mask ({first_few(extra)})." if extra else ""
    way = "" if hint else "Check the folder."
    if len(entries) > len(extra):
        way = "Rerun the method, or pass --missing zero (or skip)."
        if plan.missing == "skip":
            way = "This shard has no map at all: take fewer shards, or pass --missing zero."
        if plan.subset:
            way += " --subset does not allow this: it is for a folder that holds only part of the masks."
    share = f"{len(missing)} of {counted(len(pairing.pairs) + len(missing), 'prediction')}"
    sentences = (
        f"{start}: {share} {are} missing ({listed_by_group(missing, masks)}).",
        known,
        *(others, hint, "Scores over part of a dataset are not comparable.", way),
    )
    return " ".join(filter(None, sentences))


def _score_task(
    task: _Task, plan: Plan, graded: bool, directory: str
) -> list[tuple[str, Row | SodbenchError]]:
    """Score one image for all methods, but for rows that are there and lack nothing.

    Errors are returned, so that all of them can be told.
    """
    try:
        data = seen_from(task.mask, directory).content(DatasetError)
    except SodbenchError as error:
        return [(method, _located(error)) for method, _, _ in task.maps]
    mask_digest = digest_of(data)
    prepared: dict[tuple[str, ...], PreparedMask] = {}
    results: list[tuple[str, Row | SodbenchError]] = []
    for method, entry, known in task.maps:
        try:
            map_data = seen_from(entry, directory).content(PredictionError) if entry else b""
            digest = f"{mask_digest}-{digest_of(map_data) if entry else 'missing'}"
            todo = known.lacks if known and known.digest == digest else plan.metrics
            if not todo and known:
                continue
            if todo not in prepared:
                prepared[todo] = prepared_from(data, task.mask.where, plan.protocol, todo, graded)
            pred = levels_of(map_data, entry, prepared[todo].mask.gt.shape, plan.protocol)
            row = score_pair(task.image, pred, prepared[todo], plan.protocol, todo, digest)
            results.append((method, row))
        except SodbenchError as error:
            results.append((method, _located(error)))
    return results


def _located(error: SodbenchError) -> SodbenchError:
    """Say on which Dask worker a file could not be read: it may be there on others."""
    name, cause = worker_name(), error.__cause__
    if name and isinstance(cause, FileError) and isinstance(cause.__cause__, OSError | ValueError):
        return type(error)(
            f"{error} This is the worker {name}: it needs the same files under the same paths."
        )
    return error


def _content(masks: Sequence[ImageFile], read: Mapping[str, str]) -> str:
    """Name an unregistered dataset's version by the content of all its masks; some were read."""
    digests = {e.stem: read.get(e.stem) or digest_of(e.content(DatasetError)) for e in masks}
    return digest_of(repr(sorted(digests.items())).encode())


def _joined(errors: Sequence[SodbenchError]) -> SodbenchError:
    """Make one error of all unusable files, five of them in full."""
    lines = sorted(str(error) for error in errors)
    if len(lines) == 1:
        return errors[0]
    return type(errors[0])(f"{len(lines)} files cannot be used:\n{first_lines(lines)}")
