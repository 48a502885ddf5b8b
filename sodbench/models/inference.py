"""Makes maps of photos on disk, into a folder whose ``run.json`` says how they were made."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from sodbench.data.sources import ImageFile
from sodbench.models.photo_sets import by_stem
from sodbench.models.pipeline import Mapped, Predict, map_photos, write_map
from sodbench.models.run_record import Configuration, InferenceOutcome, claim, sign
from sodbench.utils.files import check_writable
from sodbench.utils.process import Progress
from sodbench.utils.shards import Shard

Work = Callable[[Sequence[ImageFile], Callable[[int], None]], Mapped]
"""Writes the maps of photos into a folder, and is to call its second argument with how many are done."""


def make_maps(
    photos: Sequence[ImageFile],
    out: Path,
    predictor: Predict,
    configuration: Configuration,
    *,
    batch: int = 1,
    workers: int = 2,
    shard: Shard | None = None,
    progress: Progress | None = None,
) -> InferenceOutcome:
    """Make the maps of photos (of a shard) that have none yet: ``out/STEM.png``, 8-bit grey, at their size.

    A photo that cannot be read, or on which the network's output is not finite, is listed in the outcome and
    gets no map; the others are still processed.

    Raises
    ------
    PredictionError
        Two photos have one name, or the folder holds maps of another configuration.
    FileError
        The folder cannot be written.
    """

    def work(todo: Sequence[ImageFile], report: Callable[[int], None]) -> Mapped:
        return map_photos(
            todo,
            predictor,
            partial(write_map, out),
            postprocess=configuration.postprocess,
            exif=configuration.exif,
            batch=batch,
            workers=workers,
            report=report,
        )

    return recorded(photos, out, configuration, work, shard=shard, progress=progress)


def recorded(
    photos: Sequence[ImageFile],
    out: Path,
    configuration: Configuration,
    work: Work,
    *,
    shard: Shard | None = None,
    progress: Progress | None = None,
) -> InferenceOutcome:
    """Let `work` make the maps that a folder lacks of a shard of the photos, and record that in ``run.json``.

    Several processes may do so in one folder at once.

    Raises
    ------
    PredictionError
        Two photos have one name, or the folder holds maps of another configuration.
    FileError
        The folder cannot be written.
    """
    named = by_stem(photos)
    check_writable(out.parent, "--maps")
    out.mkdir(parents=True, exist_ok=True)
    claim(out, configuration)
    ours = shard.take(sorted(named)) if shard else list(named)
    todo = [named[stem] for stem in ours if not (out / f"{stem}.png").exists()]

    def report(done: int) -> None:
        if progress:
            progress(done, len(todo))

    start = time.perf_counter()
    mapped = work(todo, report)
    outcome = InferenceOutcome(
        written=len(todo) - len(mapped.failed),
        kept=len(ours) - len(todo),
        failed=mapped.failed,
        seconds=time.perf_counter() - start,
        rotated=mapped.rotated,
    )
    sign(out, configuration, outcome, named, ours)
    return outcome
