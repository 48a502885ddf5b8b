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
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from sodbench.data.discovery import discover
from sodbench.data.locations import Location, binarised_by, place
from sodbench.data.pairing import naming_hint, pair
from sodbench.data.registry import find, lookup, registry
from sodbench.data.sources import ImageFile
from sodbench.errors import FileError, PredictionError, ScoresError, first_few, nearest
from sodbench.metrics import METRICS
from sodbench.protocol import differing
from sodbench.scoring.notices import remarks
from sodbench.scoring.pipeline import Rows, score_methods
from sodbench.scoring.plan import Plan
from sodbench.scoring.rows import Row, held, lacking
from sodbench.scoring.scores import Scores
from sodbench.scoring.storage import settle
from sodbench.scoring.warm_up import warm_up
from sodbench.utils.files import check_writable
from sodbench.utils.process import Progress


class Job(NamedTuple):
    """All methods' maps of one dataset, and where they came from."""

    location: Location
    methods: dict[str, tuple[ImageFile, ...]]
    paths: dict[str, Path]


def collect_jobs(
    paths: Sequence[Path], datasets: Sequence[str] = (), masks: Path | None = None, data: Path | None = None
) -> tuple[list[Job], list[str]]:
    """Find every method x dataset under some paths.

    With `masks`, a name that is not registered makes a dataset of one's own. It may be a misspelt
    one: a notice says so, and names the nearest registered dataset.

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
    if masks is not None and data is not None:
        raise PredictionError(f"both masks ({masks}) and a folder of datasets ({data}) were given; pass one.")
    if masks is not None and len(datasets) > 1:
        raise PredictionError(f"{masks}: one folder of masks cannot serve {len(datasets)} datasets.")
    given = place(datasets[0] if datasets else None, masks, data) if masks is not None else None
    wanted = [given.dataset] if given else list(dict.fromkeys(find(name) for name in datasets))
    jobs: dict[str, Job] = {}
    notices = _own_dataset(given, bool(datasets)) if given and not given.dataset.registered else []
    for path in {path.resolve(): path for path in paths}.values():
        discovered, passed = discover(path, wanted)
        notices += passed
        for maps in discovered:
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
                    f"{dataset.name}. Rename one of the folders."
                )
            job.methods[maps.method], job.paths[maps.method] = maps.entries, path
    absent = [dataset.name for dataset in wanted if dataset.name not in jobs]
    if absent:
        raise PredictionError(f"{first_few([str(p) for p in paths])}: found no maps of {', '.join(absent)}.")
    by_name = [jobs[name] for name in sorted(jobs)]
    return by_name, [*notices, *(line for job in by_name for line in job.location.passed_over)]


def score_job(
    job: Job,
    plan: Plan,
    out: Path,
    mask_threshold: str | None = None,
    progress: Progress | None = None,
    replace_others: bool = True,
) -> tuple[list[Scores], int]:
    """Score a job into ``out/METHOD/DATASET``, continuing from what is there.

    Scores of another signature there are replaced, or else used and left as they are.

    Returns
    -------
    The scores, by method, and how many rows were taken from an earlier run.

    Raises
    ------
    FileError, ScoresError
        The folder cannot be written, or holds files that are no scores.
    DatasetError, PredictionError
        See `sodbench.scoring.pipeline.score_methods`; finished rows are kept for the next run.
    """
    dataset = job.location.dataset.name
    homes = {method: out / _folder_name(method) / _folder_name(dataset) for method in job.methods}
    for home in homes.values():
        _check_home(home)
    plan = replace(plan, protocol=binarised_by(plan.protocol, job.location, mask_threshold))
    stored = {method: _rows_at(home, plan) for method, home in homes.items()}
    old = {method: _joined(stored[method], _rows_at(_partial(homes[method]), plan)) for method in homes}
    rows: dict[str, Rows] = {method: dict(earlier) for method, earlier in old.items()}
    try:
        made = score_methods(job.methods, job.location, plan, rows, progress)
    except BaseException:
        for method, home in homes.items():
            if any(row is not old[method].get(image) for image, row in rows[method].items()):
                _keep(home, method, job, plan, rows[method])
        raise
    finished = []
    kept = 0
    for method, scores in made.items():
        same = sum(row is old[method].get(image) for image, row in scores.rows.items())
        kept += same
        scores = replace(scores, provenance=_provenance(job, method))
        whole = _with_stored(scores, homes[method])
        unchanged = all(row is stored[method].get(image) for image, row in scores.rows.items())
        news = not unchanged or not _is_stored(whole, homes[method])
        if news and (replace_others or not _holds_other(scores, homes[method])):
            whole.save(homes[method])
        shutil.rmtree(_partial(homes[method]), ignore_errors=True)
        finished.append(scores)
    return finished, kept


def score_jobs(
    jobs: Sequence[Job],
    plan: Plan,
    out: Path,
    mask_threshold: str | None = None,
    bar: Callable[[str], AbstractContextManager[Progress | None]] = lambda what: nullcontext(),
    say: Callable[[str], None] = lambda line: None,
    replace_others: bool = True,
) -> list[Scores]:
    """Run all jobs; `bar` shows the progress of each, `say` takes what a user should know."""
    warm_up(say)
    scores = []
    for job in jobs:
        name = job.location.dataset.name
        for line in unpaired_notices(job, plan):
            say(line)
        with bar(name) as progress:
            made, kept = score_job(job, plan, out, mask_threshold, progress, replace_others)
        if kept:
            total = sum(len(s.rows) for s in made)
            maps = f"unchanged map{'' if total == 1 else 's'}"
            say(f"{name}: reused stored results for {kept} of {total} {maps}.")
        for s in made:
            for line in remarks(s):
                say(line)
        scores += made
    return scores


def unpaired_notices(job: Job, plan: Plan) -> list[str]:
    """Say which maps have no mask, and which masks no map, where that is no error."""
    masks = job.location.mask_files
    lines = []
    for method, entries in job.methods.items():
        pairing = pair(entries, masks, plan.strip, loose=plan.loose)
        start = f"{method} on {job.location.dataset.name}: "
        if not pairing.pairs or (pairing.missing and plan.missing == "error"):
            continue
        if pairing.extra:
            passed = f"maps without a mask, passed over: {len(pairing.extra)} ({first_few(pairing.extra)})"
            hint = naming_hint(entries, masks, plan.strip, loose=plan.loose)
            lines.append(f"{start}{passed}{hint and '. '}{hint}")
        if pairing.missing and plan.missing == "skip":
            lines.append(
                f"{start}predictions missing, left out: {len(pairing.missing)} of {len(masks)} "
                f"({first_few(pairing.missing)})"
            )
    return lines


def _rows_at(folder: Path, plan: Plan) -> dict[str, Row]:
    """Return what of the rows in a folder holds under the plan's protocol; none where there are no scores."""
    try:
        scores = Scores.load(folder, moved=True)
    except ScoresError:
        return {}
    kept = {image: held(row, scores.protocol, plan.protocol) for image, row in scores.rows.items()}
    return {image: row for image, row in kept.items() if row is not None}


def _joined(stored: Mapping[str, Row], partial: Mapping[str, Row]) -> dict[str, Row]:
    """Add the rows of a run that was cut short to those stored; those of the same files share numbers."""
    rows = dict(stored)
    for image, row in partial.items():
        known = rows.get(image)
        if known and known.digest == row.digest:
            if not row.numbers.keys() <= known.numbers.keys():
                rows[image] = known._replace(numbers={**row.numbers, **known.numbers})
        else:
            rows[image] = row
    return rows


def _check_home(home: Path) -> None:
    """Refuse to replace what is no scores folder: somebody's maps, for example."""
    check_writable(home.parent, "--out")
    try:
        settle(home)
        names = {file.name for file in home.iterdir()} if home.exists() else set()
    except OSError as error:
        raise FileError(f"{home}: cannot list this folder ({error.strerror}).") from error
    if names and "meta.json" not in names:
        raise ScoresError(
            f"{home}: found {first_few(sorted(names))}, expected scores or nothing. "
            "Choose another folder with --out."
        )


def _own_dataset(location: Location, named: bool) -> list[str]:
    """Say that masks make a dataset of their own, where another could have been meant."""
    name = location.dataset.name
    hint = nearest(name, list(registry()))
    start = f"{name}: its {location.dataset.count} masks count as a whole dataset of your own"
    if registered := lookup(name):
        return [f"{start}; if they are those of {registered.name}, pass --dataset {registered.name}"]
    if not hint.startswith("did"):
        return [f"{start}, since no registered one has this name"] if named else []
    return [f"{start}, since no registered one has this name; {hint}"]


def _keep(home: Path, method: str, job: Job, plan: Plan, rows: Rows) -> None:
    """Keep the finished rows of a run that failed; those that lack a metric asked for are not finished."""
    dataset = job.location.dataset
    finished = {image: row for image, row in rows.items() if not lacking(row, plan.protocol, plan.metrics)}
    part = Scores(
        method, f"{dataset.name}@{dataset.version}", dataset.count, plan.protocol, plan.metrics, finished
    )
    with suppress(FileError):
        part.save(_partial(home))


def _partial(home: Path) -> Path:
    return home.with_name(f".{home.name}.partial")


def _with_stored(scores: Scores, home: Path) -> Scores:
    """Add the metrics of the same scores in a folder that this run was not asked for, and that still hold."""
    try:
        stored = Scores.load(home, moved=True)
    except ScoresError:
        return scores
    if differing(stored.signature, scores.signature):
        return scores
    both = [name for name in METRICS if name in {*stored.metrics, *scores.metrics}]
    absent = {name for row in scores.rows.values() for name in lacking(row, scores.protocol, both)}
    kept = tuple(name for name in both if name not in absent)
    return replace(scores, metrics=kept, unknown=stored.unknown)


def _is_stored(scores: Scores, home: Path) -> bool:
    try:
        stored = Scores.load(home)
    except ScoresError:
        return False
    return stored.signature == scores.signature and set(stored.metrics) >= set(scores.metrics)


def _holds_other(scores: Scores, home: Path) -> bool:
    try:
        return bool(differing(Scores.load(home).signature, scores.signature))
    except ScoresError:
        return False


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
