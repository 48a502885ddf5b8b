"""A run over methods and datasets that keeps its results in a folder and continues from it.

Results are keyed by content: a row is used again if its two files hold the same bytes and the
protocol asks for nothing new. What is finished when a run fails or is interrupted is kept beside
the scores, in ``METHOD/.DATASET.partial``, for the next run.
"""

import platform
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sodbench.atomic import check_writable
from sodbench.datasets import Location, find
from sodbench.discovery import discover
from sodbench.errors import PredictionError, ScoresError, first_few
from sodbench.metrics import METRICS
from sodbench.metrics.weighted_f import is_compiled
from sodbench.scores import NOTES, Row, Scores, reusable
from sodbench.scoring import Plan, Progress, Rows, binarised_by, place, score_image, score_methods
from sodbench.sources import Entry


class Job(NamedTuple):
    """All methods' maps of one dataset, and where they came from."""

    location: Location
    methods: dict[str, tuple[Entry, ...]]
    paths: dict[str, Path]


def collect(
    paths: Sequence[Path], datasets: Sequence[str] = (), masks: Path | None = None, data: Path | None = None
) -> tuple[list[Job], list[str]]:
    """Find every method x dataset under some paths.

    Parameters
    ----------
    paths
        Folders or zips of maps.
    datasets
        Names of datasets; none: those that folders are named like, or the one of `masks`.
    masks, data
        Where the masks of the one dataset lie, or where datasets do.

    Returns
    -------
    One job a dataset, and notices of what was passed over.

    Raises
    ------
    DatasetError, PredictionError
        A dataset is unknown or not on this disk, or no maps of it were found.
    """
    if masks is not None and len(datasets) > 1:
        raise PredictionError(f"{masks}: one folder of masks cannot serve {len(datasets)} datasets.")
    given = place(datasets[0] if datasets else None, masks, data) if masks is not None else None
    wanted = [given.dataset] if given else [find(name) for name in datasets]
    jobs: dict[str, Job] = {}
    notices = []
    for path in paths:
        found, ignored = discover(path, wanted)
        if ignored:
            notices.append(
                f"{path}: {len(ignored)} files are no maps and were passed over: {first_few(ignored)}"
            )
        for one in found:
            dataset = one.dataset
            if dataset is None:
                raise PredictionError(
                    f"{path}: of which dataset are these maps? Pass --dataset NAME, or --masks FOLDER."
                )
            job = jobs.get(dataset.name)
            if job is None:
                job = jobs[dataset.name] = Job(given or place(dataset.name, None, data), {}, {})
            if one.method in job.methods:
                raise PredictionError(
                    f"{job.paths[one.method]} and {path}: both hold maps of {one.method} on {dataset.name}. "
                    "Rename one of the folders."
                )
            job.methods[one.method], job.paths[one.method] = one.entries, path
    absent = [dataset.name for dataset in wanted if dataset.name not in jobs]
    if absent:
        raise PredictionError(f"{first_few([str(p) for p in paths])}: found no maps of {', '.join(absent)}.")
    return [jobs[name] for name in sorted(jobs)], notices


def run(
    job: Job, plan: Plan, out: Path, mask_threshold: str | None = None, progress: Progress | None = None
) -> tuple[list[Scores], int]:
    """Score a job into ``out/METHOD/DATASET``, continuing from what is there.

    Returns
    -------
    The scores, by method, and how many rows were taken from an earlier run.

    Raises
    ------
    ScoresError
        The folder cannot be written.
    DatasetError, PredictionError
        See `sodbench.scoring.score_methods`; finished rows are kept for the next run.
    """
    dataset = job.location.dataset.name
    homes = {method: out / _folder_name(method) / _folder_name(dataset) for method in job.methods}
    for home in homes.values():
        check_writable(home.parent)
    plan = replace(plan, protocol=binarised_by(plan.protocol, job.location, mask_threshold))
    old = {method: _earlier(home, plan) for method, home in homes.items()}
    rows: dict[str, Rows] = {method: dict(found) for method, found in old.items()}
    try:
        made = score_methods(job.methods, job.location, plan, rows, progress)
    except BaseException:
        for method, home in homes.items():
            _keep(home, method, job, plan, rows[method])
        raise
    finished = []
    kept = 0
    for method, scores in made.items():
        same = sum(row is old[method].get(image) for image, row in scores.rows.items())
        kept += same
        scores = replace(scores, provenance=_provenance(job, method))
        if same < len(scores.rows) or _stored_signature(homes[method]) != scores.signature:
            scores.save(homes[method])
        shutil.rmtree(_partial(homes[method]), ignore_errors=True)
        finished.append(scores)
    return finished, kept


def evaluate(
    jobs: Sequence[Job],
    plan: Plan,
    out: Path,
    mask_threshold: str | None = None,
    bar: Callable[[str], AbstractContextManager[Progress | None]] = lambda what: nullcontext(),
    say: Callable[[str], None] = lambda line: None,
) -> list[Scores]:
    """Run all jobs; `bar` shows the progress of each, `say` takes what a user should know."""
    warm_up(say)
    scores = []
    for job in jobs:
        name = job.location.dataset.name
        with bar(name) as progress:
            made, kept = run(job, plan, out, mask_threshold, progress)
        if kept:
            total = sum(len(s.rows) for s in made)
            say(f"{name}: {kept} of {total} maps are as in an earlier run, whose rows were used again.")
        for s in made:
            for line in remarks(s):
                say(line)
        scores += made
    return scores


def remarks(scores: Scores) -> list[str]:
    """Say what a reader of these scores should know: notes on images, and undefined values.

    A note that holds of a whole dataset's masks is about the masks; the words say which it is.
    """
    start = f"{scores.method} on {scores.dataset.partition('@')[0]}"
    lines = [
        f"{start}: {len(images)} images: {NOTES[note]} ({first_few(images)})"
        for note, images in scores.noted().items()
    ]
    lines += [
        f"{start}: {METRICS[name].label} is undefined on {n} images" for name, n in scores.undefined().items()
    ]
    return lines


def load_all(paths: Sequence[Path]) -> list[Scores]:
    """Read every scores folder at or under some paths, sorted by dataset and method.

    Raises
    ------
    ScoresError
        There is none, or one is damaged.
    """
    folders = [
        f.parent
        for path in paths
        for f in sorted(path.rglob("meta.json"))
        if not f.parent.name.startswith(".")
    ]
    if not folders:
        raise ScoresError(
            f"{first_few([str(p) for p in paths])}: found no scores here; `sodbench score` makes them."
        )
    return sorted((Scores.load(folder) for folder in folders), key=lambda s: (s.dataset, s.method))


def warm_up(say: Callable[[str], None]) -> None:
    """Compile the kernels if they are not in numba's cache yet, and say so.

    Compiling takes seconds, once an installation; without it the first image would seem to hang.
    """
    if is_compiled():
        return
    say("Compiling kernels, once after installing ...")
    start = time.perf_counter()
    score_image(np.zeros((2, 2), np.uint8), np.eye(2, dtype=np.bool_))
    say(f"Compiled in {time.perf_counter() - start:.1f} s.")


def _earlier(home: Path, plan: Plan) -> dict[str, Row]:
    """Rows of an earlier run that this one may use."""
    rows: dict[str, Row] = {}
    for folder in (home, _partial(home)):
        with suppress(ScoresError):
            scores = Scores.load(folder)
            rows |= {
                image: row
                for image, row in scores.rows.items()
                if reusable(row, scores.protocol, plan.protocol, plan.metrics)
            }
    return rows


def _keep(home: Path, method: str, job: Job, plan: Plan, rows: Rows) -> None:
    """Keep the finished rows of a run that failed."""
    if not rows:
        return
    dataset = job.location.dataset
    part = Scores(
        method, f"{dataset.name}@{dataset.version}", dataset.count, plan.protocol, plan.metrics, dict(rows)
    )
    with suppress(ScoresError):
        part.save(_partial(home))


def _partial(home: Path) -> Path:
    return home.with_name(f".{home.name}.partial")


def _stored_signature(home: Path) -> str | None:
    try:
        return Scores.load(home).signature
    except ScoresError:
        return None


def _folder_name(name: str) -> str:
    return name.replace("/", "-").replace("\\", "-").lstrip(".") or "unnamed"


def _provenance(job: Job, method: str) -> dict[str, str]:
    return {
        "predictions": str(job.paths[method]),
        "masks": str(job.location.masks),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        **{package: version(package) for package in ("numpy", "numba", "pillow")},
    }
