"""The pipeline: pairs of files -> rows -> Scores.

Image by image, the work on a mask is done once and shared by all methods. Threads suffice, since
decoders and kernels release the GIL.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.data.discovery import discover
from sodbench.data.images.decoding import (
    Mask,
    SaliencyMap,
    binarise,
    mask_from,
    prediction_from,
    resized_mask,
)
from sodbench.data.locations import Location, check_complete, from_masks, locate, mask_entries
from sodbench.data.pairing import pair, suggest_strip
from sodbench.data.registry import find
from sodbench.data.sources import ImageFile
from sodbench.errors import DatasetError, PredictionError, SodbenchError, first_few, nearest
from sodbench.metrics import METRICS
from sodbench.metrics.histogram import check_pair, normalised, quadrant_counts
from sodbench.metrics.mae import soft_mae
from sodbench.metrics.relaxed_f import Outline, mask_outline, relaxed_pr_on
from sodbench.metrics.smeasure import Centroid, centroid, centroid_on_edge, s_halves, sides
from sodbench.metrics.weighted_f import WeightedMask, weighted_mask, weighted_pr_on
from sodbench.protocol import FIXED_SIZES, Protocol
from sodbench.scoring.scores import MISSING, Row, Scores, check_metrics
from sodbench.utils.process import keep_freed_memory

Progress = Callable[[int, int], None]
"""Called with the number of images done and their total."""

Rows = MutableMapping[str, Row]


_DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000"
    "000a49444154789c63e00400000b000ac32bee920000000049454e44ae426082"
)
"""A grey PNG of one pixel."""


@dataclass(frozen=True)
class Plan:
    """What to compute, and how files are paired."""

    protocol: Protocol
    metrics: tuple[str, ...] = tuple(METRICS)
    missing: str = "error"
    strip: tuple[str, ...] = ()
    subset: bool = False
    jobs: int | None = None

    def __post_init__(self) -> None:
        if self.missing not in MISSING:
            raise PredictionError(f"missing={self.missing!r} is unknown; {nearest(self.missing, MISSING)}")
        if self.jobs is not None and self.jobs < 1:
            raise PredictionError(f"jobs={self.jobs} must be at least 1.")


class PreparedMask(NamedTuple):
    """What the metrics need of a mask, whatever the map; None for what was not asked for."""

    mask: Mask
    centroid: Centroid
    weighted: WeightedMask | None
    outline: Outline | None
    notes: tuple[str, ...]


class _Task(NamedTuple):
    """One image: its mask and each method's map (None: missing) with a row of an earlier run."""

    image: str
    mask: ImageFile
    maps: tuple[tuple[str, ImageFile | None, Row | None], ...]


def score_image(
    pred: NDArray[np.uint8],
    gt: NDArray[np.bool_] | NDArray[np.uint8],
    *,
    protocol: str | Protocol = "u2net",
    metrics: Iterable[str] = tuple(METRICS),
) -> dict[str, float]:
    """Score one map.

    Parameters
    ----------
    pred
        ``(h, w)`` uint8 levels; `sodbench.data.images.decoding.decode` reads them from a file.
    gt
        ``(h, w)`` bool mask, or its uint8 levels, which the protocol then binarises.
    protocol
        A preset's name, a signature, or a Protocol.
    metrics
        Column ids.

    Returns
    -------
    Column id -> value of this one image, NaN where a metric is undefined on it.

    Raises
    ------
    PredictionError
        The arrays' shapes or types are not as above.
    ProtocolError, ScoresError
        The protocol or a metric is unknown.

    Examples
    --------
    >>> pred = np.array([[0, 0, 90, 180], [0, 0, 180, 180]], np.uint8)
    >>> score_image(pred, pred > 100, metrics=["max_f", "mae"])
    {'max_f': 1.0, 'mae': 0.0625}
    """
    protocol, metrics = Protocol.of(protocol), check_metrics(metrics)
    mask = _mask_of_array(gt, protocol)
    check_pair(pred, mask.gt)
    prepared = prepare_mask(mask, protocol, metrics)
    row = score_pair("image", SaliencyMap(np.array(pred, order="C"), ()), prepared, protocol, metrics)
    return Scores("array", "array@0", 1, protocol, metrics, {row.id: row}).summary()


def compile_kernels() -> None:
    """Run every kernel on a tiny pair, so that numba compiles them, or loads them from its cache."""
    prediction_from(_DOT, "a picture of one pixel")
    score_image(np.zeros((2, 2), np.uint8), np.eye(2, dtype=np.bool_))


def score_folder(
    preds: str | Path,
    dataset: str | None = None,
    *,
    masks: str | Path | None = None,
    data: str | Path | None = None,
    protocol: str | Protocol = "u2net",
    mask_threshold: str | None = None,
    metrics: Iterable[str] = tuple(METRICS),
    missing: str = "error",
    strip: Sequence[str] = (),
    subset: bool = False,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Scores:
    """Score one method's folder (or zip) of maps on one dataset. Always computes; writes nothing.

    Parameters
    ----------
    preds
        Folder or zip of maps, paired with the masks by stem.
    dataset
        Registered name. With `masks`, any name, or None.
    masks
        Folder or zip of the masks; by default the dataset is looked for on this disk.
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
    subset
        Accept a part of the dataset.
    jobs
        Threads; by default one a CPU.
    progress
        Called with images done and their total.

    Raises
    ------
    DatasetError, PredictionError, ProtocolError, ScoresError
        Something is missing, damaged, ambiguous or unknown; the message says which and what to do.

    Examples
    --------
    >>> from sodbench.data.demo import demo_folder
    >>> scores = score_folder(demo_folder() / "preds/blurred/demo", "demo")
    >>> scores.n, scores.summary()["max_f"] > 0.85
    (8, True)
    """
    location = place(dataset, masks, data)
    found, _ = discover(Path(preds), [location.dataset])
    if len(found) > 1:
        names = [f.method for f in found]
        raise PredictionError(
            f"{preds}: holds maps of {len(found)} methods ({first_few(names)}); pass one's folder."
        )
    chosen = binarised_by(Protocol.of(protocol), location, mask_threshold)
    plan = Plan(chosen, check_metrics(metrics), missing, tuple(strip), subset, jobs)
    rows: dict[str, Rows] = {found[0].method: {}}
    return score_methods({found[0].method: found[0].entries}, location, plan, rows, progress)[found[0].method]


def place(dataset: str | None, masks: str | Path | None, data: str | Path | None) -> Location:
    """Find a dataset's masks: given by hand, or where registered datasets lie on this disk.

    Raises
    ------
    DatasetError
        Neither a dataset nor masks were named, the dataset is unknown, or it is not on this disk.
    """
    if masks is not None:
        return from_masks(Path(masks), dataset)
    if dataset is None:
        raise DatasetError(
            "no dataset: pass the name of a registered one (sodbench datasets), or a folder of masks."
        )
    return locate(find(dataset), Path(data) if data is not None else None)


def binarised_by(protocol: Protocol, location: Location, mask_threshold: str | None = None) -> Protocol:
    """Return the protocol with the mask rule that counts: the user's, the dataset's, its own."""
    rule = mask_threshold or location.dataset.mask_threshold
    return protocol.change(mask_threshold=rule) if rule else protocol


def score_methods(
    methods: Mapping[str, Sequence[ImageFile]],
    location: Location,
    plan: Plan,
    rows: Mapping[str, Rows],
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> dict[str, Scores]:
    """Score the maps of several methods on one dataset in one pass over its masks.

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
        Where to run; by default threads.

    Raises
    ------
    DatasetError, PredictionError
        All files that are missing or unusable, method by method.
    """
    check_complete(location, plan.subset)
    keep_freed_memory()
    masks = mask_entries(location)
    tasks = _tasks(methods, masks, location.dataset.name, plan, rows)
    work = partial(_score_task, plan=plan, graded=location.dataset.grey_masks)
    failed: dict[str, SodbenchError] = {}
    own = executor or ThreadPoolExecutor(plan.jobs or cpus())
    try:
        for done, (task, results) in enumerate(zip(tasks, own.map(work, tasks), strict=True), start=1):
            for method, result in results:
                if isinstance(result, Row):
                    rows[method][task.image] = result
                else:
                    failed[str(result)] = result
            if progress:
                progress(done, len(tasks))
    finally:
        if executor is None:
            own.shutdown(cancel_futures=True)
    if failed:
        raise _joined(list(failed.values()))
    wanted = {method: {t.image for t in tasks for m, _, _ in t.maps if m == method} for method in methods}
    dataset = location.dataset
    named = dataset.version or _content(masks, tasks, rows)
    return {
        method: Scores(
            method=method,
            dataset=f"{dataset.name}@{named}",
            of=dataset.count,
            protocol=plan.protocol,
            metrics=plan.metrics,
            rows={image: rows[method][image] for image in sorted(wanted[method])},
            missing=plan.missing,
        )
        for method in methods
    }


def prepare_mask(mask: Mask, protocol: Protocol, metrics: Iterable[str]) -> PreparedMask:
    """Do the work on a mask that all methods share."""
    gt = mask.gt
    n = np.count_nonzero(gt)
    renamed = {"jpeg": "jpeg-mask", "grey": "grey-mask", "emptied": "emptied-mask", "mask-01": "mask-01"}
    notes = [renamed[note] for note in mask.notes if note in renamed]
    notes += ["empty-mask"] if n == 0 else ["full-mask"] if n == gt.size else []
    return PreparedMask(
        mask=mask,
        centroid=centroid(gt, protocol.s_centroid),
        weighted=weighted_mask(gt) if "weighted_f" in metrics else None,
        outline=mask_outline(gt, protocol) if "relax_f" in metrics else None,
        notes=tuple(notes),
    )


def score_pair(
    image: str,
    pred: SaliencyMap,
    prepared: PreparedMask,
    protocol: Protocol,
    metrics: Iterable[str],
    digest: str = "",
) -> Row:
    """Compute the row of one map on a prepared mask."""
    mask = prepared.mask
    counts = quadrant_counts(pred.levels, mask.gt, *prepared.centroid)
    levels = sides(counts)
    p = normalised(levels, protocol)
    numbers = {}
    if "s_measure" in metrics:
        numbers["s_object"], numbers["s_region"] = s_halves(counts, p)
    if "weighted_f" in metrics:
        weighted = weighted_pr_on(prepared.weighted, pred.levels, mask.gt, p)
        numbers["w_precision"], numbers["w_recall"] = weighted
    if prepared.outline:
        relaxed = relaxed_pr_on(prepared.outline, pred.levels, p, protocol)
        numbers["r_precision"], numbers["r_recall"] = relaxed
    if protocol.mask_mae == "soft" and "grey" in mask.notes:
        numbers["soft_mae"] = soft_mae(pred.levels, mask.levels, protocol)
    notes = [f"{note}-map" if note in ("jpeg", "faint") else note for note in pred.notes]
    if np.count_nonzero(levels.fg + levels.bg) == 1 and "missing" not in notes:
        notes.append("constant-map")
    if levels.fg.any() and levels.bg.any() and centroid_on_edge(counts):
        notes.append("edge-centroid")
    fg, bg = levels.fg.astype(np.uint32), levels.bg.astype(np.uint32)
    return Row(image, mask.gt.shape, fg, bg, **numbers, notes=(*notes, *prepared.notes), digest=digest)


def cpus() -> int:
    """Count the CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _mask_of_array(gt: NDArray[Any], protocol: Protocol) -> Mask:
    """Take a bool mask, or binarise uint8 levels as they are: the reader's rules are for files."""
    gt = np.array(gt, order="C")
    if gt.dtype != np.uint8:
        return Mask(gt, gt * np.uint8(255) if gt.dtype == np.bool_ else gt, ())
    grey = ("grey",) if not np.isin(gt, (0, 255)).all() else ()
    return Mask(binarise(gt, protocol.mask_threshold, protocol.eps), gt, grey)


def _tasks(
    methods: Mapping[str, Sequence[ImageFile]],
    masks: Sequence[ImageFile],
    dataset: str,
    plan: Plan,
    rows: Mapping[str, Rows],
) -> list[_Task]:
    maps: dict[str, list[tuple[str, ImageFile | None, Row | None]]] = {}
    truth: dict[str, ImageFile] = {}
    incomplete: list[str] = []
    for method, entries in methods.items():
        pairing = pair(entries, masks, plan.strip)
        if pairing.missing and plan.missing == "error" or not pairing.pairs:
            start = f"{method} on {dataset}"
            incomplete.append(_missing(start, entries, masks, pairing.missing, pairing.extra))
        for image, entry, mask in pairing.pairs:
            truth[image] = mask
            maps.setdefault(image, []).append((method, entry, rows[method].get(image)))
        if plan.missing == "zero":
            absent = set(pairing.missing)
            for mask in masks:
                if mask.stem in absent:
                    truth[mask.stem] = mask
                    maps.setdefault(mask.stem, []).append((method, None, rows[method].get(mask.stem)))
    if incomplete:
        raise PredictionError("\n".join(incomplete))
    return [_Task(image, truth[image], tuple(maps[image])) for image in sorted(maps)]


def _missing(
    start: str,
    entries: Sequence[ImageFile],
    masks: Sequence[ImageFile],
    missing: Sequence[str],
    extra: Sequence[str],
) -> str:
    strip = suggest_strip(entries, masks)
    hint = f" Their names have {strip!r} more than the masks': pass --strip {quote(strip)}." if strip else ""
    others = f" {len(extra)} maps have no mask ({first_few(extra)})." if extra else ""
    way = (
        "Rerun the method, or pass --missing zero (or skip)"
        if len(missing) < len(masks)
        else "Check the folder"
    )
    return (
        f"{start}: {len(missing)} of {len(masks)} predictions are missing ({first_few(missing)})."
        f"{others}{hint} Scores over part of a dataset are not comparable. {way}."
    )


def _score_task(task: _Task, plan: Plan, graded: bool) -> list[tuple[str, Row | SodbenchError]]:
    """Score one image for all methods; errors are returned, so that all of them can be told."""
    try:
        data = content_of(task.mask, DatasetError)
    except SodbenchError as error:
        return [(method, error) for method, _, _ in task.maps]
    mask_digest = digest_of(data)
    prepared: PreparedMask | None = None
    results: list[tuple[str, Row | SodbenchError]] = []
    for method, entry, known in task.maps:
        try:
            map_data = content_of(entry, PredictionError) if entry else b""
            digest = f"{mask_digest}-{digest_of(map_data) if entry else 'missing'}"
            if known and known.digest == digest:
                results.append((method, known))
                continue
            if prepared is None:
                prepared = prepared_from(data, task.mask.where, plan, graded)
            pred = levels_of(map_data, entry, prepared.mask.gt.shape, plan.protocol)
            row = score_pair(task.image, pred, prepared, plan.protocol, plan.metrics, digest)
            results.append((method, row))
        except SodbenchError as error:
            results.append((method, error))
    return results


def prepared_from(data: bytes, where: str, plan: Plan, graded: bool) -> PreparedMask:
    """Decode a mask's file as a plan asks, and do the work on it that all methods share."""
    protocol = plan.protocol
    mask = mask_from(data, where, rule=protocol.mask_threshold, eps=protocol.eps, graded=graded)
    if protocol.resize in FIXED_SIZES:
        mask = resized_mask(mask, FIXED_SIZES[protocol.resize])
    return prepare_mask(mask, protocol, plan.metrics)


def levels_of(
    data: bytes, entry: ImageFile | None, shape: tuple[int, int], protocol: Protocol
) -> SaliencyMap:
    """Decode a map's file at its mask's shape; no entry is an all-zero map."""
    if entry is None:
        return SaliencyMap(np.zeros(shape, np.uint8), ("missing",))
    fixed = protocol.resize in FIXED_SIZES
    return prediction_from(data, entry.where, shape=shape, resize="bilinear" if fixed else protocol.resize)


def content_of(entry: ImageFile, error: type[SodbenchError]) -> bytes:
    """Read a file; `error` is what to raise where that cannot be done."""
    try:
        return entry.read()
    except IsADirectoryError as cause:
        raise error(f"{entry.where}: is a directory, expected an image file.") from cause
    except OSError as cause:
        raise error(f"{entry.where}: cannot read this file ({cause.strerror or cause}).") from cause


def digest_of(data: bytes) -> str:
    """Name a file's content, as rows do."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _content(masks: Sequence[ImageFile], tasks: Sequence[_Task], rows: Mapping[str, Rows]) -> str:
    """Name an unregistered dataset's version by the content of all its masks."""
    read = {t.image: rows[t.maps[0][0]][t.image].digest.partition("-")[0] for t in tasks}
    digests = {e.stem: read.get(e.stem) or digest_of(content_of(e, DatasetError)) for e in masks}
    return digest_of(repr(sorted(digests.items())).encode())


def _joined(errors: Sequence[SodbenchError]) -> SodbenchError:
    """Make one error of all unusable files, five of them in full."""
    lines = sorted(str(error) for error in errors)
    if len(lines) == 1:
        return errors[0]
    rest = [line.split(": ")[0] for line in lines[5:]]
    also = f"\nand {len(rest)} more: {', '.join(rest)}" if rest else ""
    return type(errors[0])(f"{len(lines)} files cannot be used:\n" + "\n".join(lines[:5]) + also)
