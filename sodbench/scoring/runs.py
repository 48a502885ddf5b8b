"""A run over methods and datasets that keeps its results in a folder and continues from it.

Results are keyed by content: a row is used again if its two files hold the same bytes and the
protocol asks for nothing new. What is finished when a run fails or is interrupted is kept beside
the scores, in ``METHOD/.DATASET.partial``, for the next run.
"""

import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from sodbench.data.discovery import discover
from sodbench.data.locations import Location, binarised_by, place
from sodbench.data.pairing import Pairing
from sodbench.data.registry import find, lookup, nearest_dataset
from sodbench.data.run_files import made_with
from sodbench.data.sources import ImageFile
from sodbench.errors import (
    OWN_NAMES,
    FileError,
    PredictionError,
    ScoresError,
    first_few,
    first_lines,
    nearest,
)
from sodbench.metrics import METRICS, joined
from sodbench.protocol import Protocol
from sodbench.scoring.collected import Collected
from sodbench.scoring.notices import remarks, unpaired
from sodbench.scoring.pipeline import score_methods
from sodbench.scoring.plan import Plan
from sodbench.scoring.rows import lost_numbers
from sodbench.scoring.scores import Scores
from sodbench.scoring.slots import (
    Maps,
    Others,
    Slot,
    continued,
    differences,
    fewer,
    other_protocol,
    partial_of,
    replaced,
    slot_of,
)
from sodbench.scoring.table import RowTable
from sodbench.scoring.warm_up import compiled_before, warm_up
from sodbench.utils.executors import Workers
from sodbench.utils.process import Progress, Say
from sodbench.utils.text import counted
from sodbench.utils.urls import PathOrUrl

IN_WORKERS = ("sodbench.scoring.in_workers",)
"""What worker processes import once, before they are forked."""


class Job(NamedTuple):
    """All methods' maps of one dataset, and where they came from."""

    location: Location
    methods: dict[str, tuple[ImageFile, ...]]
    paths: dict[str, PathOrUrl]


class Place(NamedTuple):
    """Where scores were stored, or were not, and why not there or not at all."""

    home: Path
    stored: bool
    why: str


class Finished(NamedTuple):
    """The scores of a job, how many of their rows are of an earlier run, and where they are."""

    scores: list[Scores]
    reused: int
    places: list[Place]


class Results(NamedTuple):
    """The scores of all jobs, where each was stored, and lines that say so."""

    scores: list[Scores]
    places: list[Place]
    stored: list[str]


def collect_jobs(
    paths: Sequence[PathOrUrl],
    datasets: Sequence[str] = (),
    masks: PathOrUrl | None = None,
    data: Path | None = None,
    method: str | None = None,
    methods: Sequence[str] = (),
) -> tuple[list[Job], list[str]]:
    """Find every method x dataset under some paths.

    With `masks`, a name that is not registered makes a dataset of one's own. It may be a misspelt
    one: a notice says so, and names the nearest registered dataset.

    Parameters
    ----------
    paths
        Folders or zips of maps, on this disk or elsewhere.
    datasets
        Names of datasets; none: those that folders are named like, or the one of `masks`.
    masks, data
        Where the masks of the one dataset lie, or where datasets do.
    method
        What the only method is called; by default what its folder is.
    methods
        Which methods, in this order; none: all.

    Returns
    -------
    One job a dataset, and notices of what was passed over.

    Raises
    ------
    DatasetError, PredictionError
        A dataset is unknown or not on this disk, or no maps of it or of a method were found.
    """
    if masks is not None and data is not None:
        raise PredictionError(f"both masks ({masks}) and a folder of datasets ({data}) were given; pass one.")
    if masks is not None and len(datasets) > 1:
        raise PredictionError(f"{masks}: one folder of masks cannot serve {len(datasets)} datasets.")
    if masks is not None and (replaced := _by_the_shell(masks, paths)):
        raise PredictionError(
            f"{masks}, {replaced[0]}: the shell has put folders of masks in the place of a *. Write --masks "
            f"'{masks.parent.parent}/*/{masks.name}', in quotes."
        )
    given = place(datasets[0] if datasets else None, masks, data) if masks is not None else None
    wanted = [given.dataset] if given else list(dict.fromkeys(find(name) for name in datasets))
    jobs: dict[str, Job] = {}
    known: set[str] = set()
    notices = _own_dataset(given, bool(datasets)) if given and not given.dataset.registered else []
    for path in {path.absolute(): path for path in paths}.values():
        discovered, passed = discover(path, wanted)
        notices += passed
        for maps in discovered:
            known.add(maps.method)
            if methods and maps.method not in methods:
                continue
            dataset = maps.dataset
            if dataset is None:
                raise PredictionError(
                    f"{path}: of which dataset are these maps? Pass --dataset NAME, or --masks FOLDER."
                )
            job = jobs.get(dataset.name)
            if job is None:
                job = jobs[dataset.name] = Job(given or place(dataset.name, None, data), {}, {})
            if maps.method in job.methods:
                raise PredictionError(
                    f"{job.paths[maps.method]} and {path}: both hold maps of {maps.method} on "
                    f"{dataset.name}. Rename one of the folders, or score one "
                    "of them apart, with --method NAME."
                )
            job.methods[maps.method], job.paths[maps.method] = maps.entries, path
    if unknown := [name for name in methods if name not in known]:
        raise PredictionError(
            f"{first_few([str(p) for p in paths])}: found no maps of {unknown[0]}; "
            f"{nearest(unknown[0], sorted(known), OWN_NAMES)}"
        )
    absent = [dataset.name for dataset in wanted if dataset.name not in jobs]
    if absent:
        raise PredictionError(f"{first_few([str(p) for p in paths])}: found no maps of {', '.join(absent)}.")
    by_name = [_called(_ordered(jobs[name], methods), method) for name in sorted(jobs)]
    return by_name, [*notices, *(line for job in by_name for line in job.location.passed_over)]


def _by_the_shell(masks: PathOrUrl, paths: Sequence[PathOrUrl]) -> list[PathOrUrl]:
    """Return the paths of maps that stand beside the masks, as when ``DIR/*/GT`` has no quotes."""
    return [
        path
        for path in paths
        if path.name == masks.name and path != masks and path.parent.parent == masks.parent.parent
    ]


def _ordered(job: Job, methods: Sequence[str]) -> Job:
    """Put a job's methods into the order given, where one is."""
    order = [name for name in methods if name in job.methods] or list(job.methods)
    return job._replace(methods={name: job.methods[name] for name in order})


def score_job(
    job: Job,
    plan: Plan,
    out: Path,
    mask_threshold: str | None = None,
    progress: Progress | None = None,
    say: Say = lambda line: None,
    others: Others = "refuse",
    workers: Workers | None = None,
    pairings: Mapping[str, Pairing] | None = None,
) -> Finished:
    """Score a job into ``out/METHOD/DATASET``, continuing from what is there; see `sodbench.scoring.slots`.

    `workers` are chosen by how many maps no row is stored of; by default they are threads. Forked ones end
    before scores are stored, and load the kernels, which are compiled here if they are not yet. `pairings`
    are those that the plan has made already.

    Raises
    ------
    FileError, ScoresError
        A folder cannot be written, holds files that are no scores, or (`others`) scores of other maps.
    DatasetError, PredictionError
        See `sodbench.scoring.pipeline.score_methods`; finished rows are kept for the next run.
    """
    asked = plan.protocol
    plan = replace(plan, protocol=binarised_by(asked, job.location, mask_threshold))
    find = {
        method: partial(slot_of, Maps(method, entries, job.paths[method], job.location), out, asked, plan)
        for method, entries in job.methods.items()
    }
    slots = {method: slot(others, say) for method, slot in find.items()}
    if others == "refuse":
        _check_free(list(slots.values()))
    made_under = {method: continued(slot.stored, plan) for method, slot in slots.items()}
    rows = {method: Collected(_rows_of(slot, made_under[method])) for method, slot in slots.items()}
    finished, places, reused = [], [], 0
    unsaved = dict(slots)
    try:
        new = sum(max(0, len(maps) - len(rows[method])) for method, maps in job.methods.items())
        apart = workers is not None and workers.load_apart(new)
        if not (apart and compiled_before()):
            warm_up(say)
        executor = workers.executor(new) if workers else None
        made = score_methods(job.methods, job.location, plan, rows, progress, executor, pairings)
        if workers and apart:
            workers.end_processes()
        for scores in made:
            method = scores.method
            reused += len(scores.rows.keys() - rows[method].made.keys())
            scores = replace(scores, provenance=_provenance(job, method, plan))
            if slots[method].changed:
                slots[method] = find[method](others, say)
                if others == "refuse":
                    _check_free([slots[method]])
            places.append(_store(scores, slots[method], made_under[method], others, say))
            finished.append(_with_rows_under(scores, made_under[method], scores.protocol))
            if places[-1].stored:
                del unsaved[method], rows[method]
    finally:
        for method, slot in unsaved.items():
            if not slot.taken and _has_news(rows[method]):
                _keep(slot, made_under[method], method, job, plan, rows[method])
    return Finished(finished, reused, places)


def score_jobs(
    jobs: Sequence[Job],
    plan: Plan,
    out: Path,
    mask_threshold: str | None = None,
    bar: Callable[[str], AbstractContextManager[Progress | None]] = lambda what: nullcontext(),
    say: Say = lambda line: None,
    others: Others = "refuse",
    workers: Workers | None = None,
) -> Results:
    """Run all jobs; `bar` shows the progress of each, `say` takes what a user should know.

    `workers` are as for `score_job`.
    """
    scores: list[Scores] = []
    places: list[Place] = []
    for job in jobs:
        name = job.location.dataset.name
        pairings = plan.pairings(job.methods, job.location.mask_files)
        for line in unpaired(job.methods, pairings, job.location, plan):
            say(line)
        with bar(name) as progress:
            finished = score_job(job, plan, out, mask_threshold, progress, say, others, workers, pairings)
        if finished.reused:
            total = sum(len(s.rows) for s in finished.scores)
            say(f"{name}: reused stored results for {finished.reused} of {counted(total, 'unchanged map')}.")
        for s in finished.scores:
            for line in remarks(s):
                say(line)
        scores += finished.scores
        places += finished.places
    return Results(scores, places, stored_lines(places))


def stored_lines(places: Sequence[Place]) -> list[str]:
    """Say where scores were stored, or not, and why; those of one reason in one line."""
    homes: dict[tuple[bool, str], list[str]] = {}
    for home, stored, why in places:
        homes.setdefault((stored, why), []).append(str(home))
    return [
        f"{'Stored' if stored else 'Not stored'} in {first_few(names)}{why and ': '}{why}"
        for (stored, why), names in homes.items()
    ]


def _check_free(slots: Sequence[Slot]) -> None:
    """Refuse places that have scores of other maps."""
    taken = [slot for slot in slots if slot.taken]
    if taken:
        ways = dict.fromkeys(slot.way for slot in taken)
        raise ScoresError("\n".join((first_lines([f"{s.home}: it {s.taken}." for s in taken]), *ways)))


def _store(scores: Scores, slot: Slot, made: Protocol, others: Others, say: Say) -> Place:
    """Save scores if they may have their place and it does not hold them already; see `_with_stored`."""
    stored = slot.stored
    why = slot.taken or (fewer(scores, stored) if stored and others != "replace" else "")
    if why:
        return Place(slot.home, False, f"it {why}. {slot.way}")
    whole = _with_stored(scores, stored, made)
    if stored is None or not _is_stored(whole, stored):
        whole.save(slot.home)
        if stored and (line := replaced(scores, stored)):
            say(f"{slot.home}: {line}")
    shutil.rmtree(partial_of(slot.home), ignore_errors=True)
    return Place(slot.home, True, other_protocol(scores, slot.elsewhere) if slot.elsewhere else "")


def _rows_of(slot: Slot, wanted: Protocol) -> RowTable:
    """Return the rows of earlier runs, and of them what holds under a protocol."""
    rows = RowTable.of({})
    for scores in (slot.stored, slot.elsewhere, _partial_at(slot.home)):
        if scores is not None:
            table = scores.table
            if scores.outdated:  # a faint map may be an error now
                pairs = zip(table.ids, table.notes, strict=True)
                table = table.only(image for image, notes in pairs if "faint-map" not in notes)
            rows = rows.with_more(table.held(scores.protocol, wanted))
    return rows


def _partial_at(home: Path) -> Scores | None:
    with suppress(ScoresError):
        return Scores.load(partial_of(home), moved=True)
    return None


def _called(job: Job, method: str | None) -> Job:
    """Give the only method of a job another name."""
    if method is None:
        return job
    if len(job.methods) > 1:
        raise PredictionError(
            f"--method {method}: names one method, and there are maps of {first_few(sorted(job.methods))} on "
            f"{job.location.dataset.name}. Pass the folder of one."
        )
    if not method.strip() or not method.isprintable():
        raise PredictionError(f"--method {method!r}: expected a name of printable characters.")
    (old,) = job.methods
    return Job(job.location, {method: job.methods[old]}, {method: job.paths[old]})


def _own_dataset(location: Location, named: bool) -> list[str]:
    """Say that masks make a dataset of their own, where another could have been meant."""
    name = location.dataset.name
    hint = nearest_dataset(name)
    masks = counted(location.dataset.count, "mask")
    start = f"{name}: {masks}, taken as a whole dataset of your own"
    if registered := lookup(name):
        return [f"{start}; if they are those of {registered.name}, pass --dataset {registered.name}"]
    if not hint.startswith("did"):
        return [f"{start}, since no registered one has this name"] if named else []
    return [f"{start}, since no registered one has this name; {hint}"]


def _has_news(rows: Collected) -> bool:
    """Tell whether a map was scored that was not before."""
    return any("missing" not in rows.bare(image).notes for image in rows.made)


def _keep(slot: Slot, made: Protocol, method: str, job: Job, plan: Plan, rows: Collected) -> None:
    """Keep the finished rows of a run that failed; those that lack a metric asked for are not finished."""
    dataset = job.location.dataset
    table = rows.table(rows)
    lacks = table.lacking(plan.protocol, plan.metrics)
    finished = table.only(image for image, some in zip(table.ids, lacks, strict=True) if not some)
    part = Scores(
        method,
        f"{dataset.name}@{dataset.version}",
        dataset.count,
        plan.protocol,
        plan.metrics,
        finished.without(lost_numbers(made, plan.protocol)),
    )
    with suppress(FileError):
        part.save(partial_of(slot.home))


def _with_stored(scores: Scores, stored: Scores | None, made: Protocol) -> Scores:
    """Add the metrics of the same scores in a folder that this run was not asked for, and that still hold.

    Rows were `made` under the protocol of what was stored when the run began.
    """
    if stored is None or differences(stored, scores):
        return _with_rows_under(scores, made, scores.protocol)
    protocol = joined(scores.protocol, scores.metrics, stored.protocol, stored.metrics)
    scores = _with_rows_under(scores, made, protocol)
    both = [name for name in METRICS if name in {*stored.metrics, *scores.metrics}]
    absent = {name for some in scores.table.lacking(scores.protocol, both) for name in some}
    kept = tuple(name for name in both if name not in absent)
    return replace(scores, protocol=protocol, metrics=kept, unknown=stored.unknown)


def _with_rows_under(scores: Scores, made: Protocol, wanted: Protocol) -> Scores:
    """Return scores whose rows have no number that another protocol would make otherwise."""
    return replace(scores, rows=scores.table.without(lost_numbers(made, wanted)))


def _is_stored(scores: Scores, stored: Scores) -> bool:
    """Tell whether a folder holds these scores, as it would be written today."""
    return (
        not stored.outdated
        and stored.signature == scores.signature
        and set(stored.metrics) >= set(scores.metrics)
        and stored.precision == scores.precision
        and scores.table.is_as(stored.table)
    )


def _provenance(job: Job, method: str, plan: Plan) -> dict[str, str]:
    maps = Maps(method, job.methods[method], job.paths[method], job.location)
    return {
        "predictions": str(maps.source),
        **made_with(maps.path, maps.entries),
        "masks": str(job.location.masks),
        "directory": str(Path.cwd()),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        **{package: version(package) for package in ("numpy", "numba", "pillow")},
        **({"shard": str(plan.shard)} if plan.shard else {}),
    }
