"""Find what is wrong with maps by examining the files themselves.

Each check counts the maps that have a problem, and reports it only if enough of them do; its thresholds are
the named constants beside it. A finding says what was observed and on how many maps; a possible cause is
marked as a guess. No finding means that no check reported anything, not that the maps are right: masks of
another version of the dataset, for example, are recognised by their names and sizes only.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sodbench.analysis.diagnostics.alignment import inverted, moved, renamed, sizes, swapped, turned
from sodbench.analysis.diagnostics.artifacts import (
    blocks,
    constant,
    duplicates,
    enlarged,
    jpeg,
    low_contrast,
    two_levels,
    unmatched,
    unreadable,
)
from sodbench.analysis.diagnostics.evidence import Evidence, Thumb, Unreadable, evidence, thumbnail
from sodbench.analysis.diagnostics.ordering import orders
from sodbench.analysis.diagnostics.sample import Finding, View
from sodbench.data.images.maps import mask_from
from sodbench.data.locations import Location, binarised_by
from sodbench.data.pairing import pair
from sodbench.data.sources import ImageFile
from sodbench.errors import DatasetError, PredictionError, SodbenchError
from sodbench.protocol import Protocol
from sodbench.utils.process import cpus

__all__ = ["SAMPLE", "Finding", "examine", "sampled"]

SAMPLE = 300
"""Maps that are looked at by default: a share of 5 % is then known to 1.3 points (one standard error)."""
CHECKS: tuple[Callable[[View], Finding | None], ...] = (
    *(unreadable, renamed, inverted, turned, sizes, swapped, moved, two_levels, jpeg, blocks),
    *(constant, duplicates, low_contrast, enlarged),
)
"""All checks, the most serious first."""
ENLARGED_SAMPLE = 16
"""Maps on which the costly search for an earlier size is made: a set is saved by one program."""


def examine(
    entries: Sequence[ImageFile],
    location: Location,
    protocol: Protocol | None = None,
    *,
    sample: int = SAMPLE,
    strip: Sequence[str] = (),
    loose: bool = False,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """Return what is wrong with a method's maps of a dataset, the most serious first.

    Parameters
    ----------
    entries
        The maps.
    location
        The location of the masks.
    protocol
        Its mask threshold is used; by default that of the default protocol.
    sample
        How many maps to look at, evenly spaced by name; findings say so where this is not all of them.
    strip
        Affixes to remove from the names of maps.
    loose
        Also pair names that differ only in case or leading zeros.
    jobs
        Threads; by default one a CPU.
    progress
        Called with maps done and their total.

    Returns
    -------
    Findings; none if no check reports anything. A map or mask that cannot be read is a finding, not an error.

    Raises
    ------
    PredictionError, DatasetError
        Two maps or two masks have one id, or `sample` is below 1.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sodbench.data.locations import locate
    >>> from sodbench.data.registry import find
    >>> from sodbench.data.sources import open_source
    >>> demo = locate(find("demo"))
    >>> masks = demo.mask_files
    >>> [finding.name for finding in examine(masks, demo)]
    ['two-levels']
    """
    if sample < 1:
        raise PredictionError(f"sample={sample} must be at least 1.")
    masks = location.mask_files
    pairing = pair(entries, masks, strip, loose=loose)
    names = [mask.stem for mask in masks]
    first = unmatched(pairing, entries, masks, strip, loose)
    chosen = [pairing.pairs[k] for k in sampled(len(pairing.pairs), sample)]
    searched = set(sampled(len(chosen), ENLARGED_SAMPLE))
    rule = binarised_by(protocol or Protocol(), location).mask_threshold
    graded = location.dataset.grey_masks

    def look(k: int) -> Evidence | Unreadable:
        image, pred, mask = chosen[k]
        return evidence(image, pred, mask, rule, graded, k in searched)

    def thumb(entry: ImageFile) -> Thumb | None:
        try:
            gt = mask_from(entry.content(DatasetError), entry.where, rule=rule, graded=graded).gt
        except SodbenchError:
            return None
        return thumbnail(gt.astype(np.float32))

    seen: list[Evidence] = []
    unread: list[Unreadable] = []
    with ThreadPoolExecutor(jobs or cpus()) as pool:
        for done, result in enumerate(pool.map(look, range(len(chosen))), start=1):
            seen.append(result) if isinstance(result, Evidence) else unread.append(result)
            if progress:
                progress(done, len(chosen))
        thumbs = {result.image: result.mask_thumb for result in seen}
        near = {name for order in orders(names) for result in seen for name in order.around(result.image)}
        others = [mask for mask in masks if mask.stem in near - thumbs.keys()]
        thumbs |= {m.stem: t for m, t in zip(others, pool.map(thumb, others), strict=True) if t is not None}
    view = View(tuple(seen), tuple(unread), len(pairing.pairs), thumbs, tuple(orders(names)))
    return [finding for finding in (first, *(check(view) for check in CHECKS)) if finding]


def sampled(total: int, most: int) -> list[int]:
    """Return at most so many positions, evenly spaced from the first to the last.

    >>> sampled(5, 10), sampled(9, 3)
    ([0, 1, 2, 3, 4], [0, 4, 8])
    """
    return [int(k) for k in np.linspace(0, total - 1, min(total, most)).round()]
