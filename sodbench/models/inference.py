"""Makes maps of photos on disk, into a folder whose ``run.json`` says how they were made."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sodbench.data.sources import ImageFile
from sodbench.models.photo_sets import by_stem
from sodbench.models.pipeline import Predict, map_photos, write_map
from sodbench.models.run_record import Configuration, InferenceOutcome, claim, sign
from sodbench.utils.files import check_writable
from sodbench.utils.process import Progress


def make_maps(
    photos: Sequence[ImageFile],
    out: Path,
    predictor: Predict,
    configuration: Configuration,
    *,
    batch: int = 1,
    workers: int = 2,
    progress: Progress | None = None,
) -> InferenceOutcome:
    """Make the maps of photos that have none yet: ``out/STEM.png``, 8-bit grey, at the photo's size.

    A photo that cannot be read, or on which the network's output is not finite, is listed in the outcome and
    gets no map; the others are still processed.

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
    earlier = claim(out, configuration)
    todo = [photo for stem, photo in named.items() if not (out / f"{stem}.png").exists()]
    start = time.perf_counter()
    mapped = map_photos(
        todo,
        predictor,
        partial(write_map, out),
        postprocess=configuration.postprocess,
        exif=configuration.exif,
        batch=batch,
        workers=workers,
        progress=progress,
    )
    outcome = InferenceOutcome(
        written=len(todo) - len(mapped.failed),
        kept=len(named) - len(todo),
        failed=mapped.failed,
        seconds=time.perf_counter() - start,
        rotated=mapped.rotated,
    )
    sign(out, configuration, outcome, earlier)
    return outcome
