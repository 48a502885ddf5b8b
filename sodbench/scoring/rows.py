"""What is kept of one pair, and what of it holds under another protocol."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics import PARTS, Part, parts_of
from sodbench.metrics.parts import Statistics
from sodbench.protocol import Protocol, fixed_size

ROW_NOTES: Mapping[str, str] = {
    "missing": "prediction missing, scored as an all-zero map",
    "resized": "prediction resized to its mask, or both to one size",
    "turned": "prediction resized whose width and height are its mask's exchanged: turned by EXIF?",
    "jpeg-map": "prediction is of a lossy format (JPEG, lossy WebP, AVIF, JPEG 2000)",
    "faint-map": "16-bit or float prediction that reaches level 1 at most",
    "constant-map": "prediction has one level only",
    "jpeg-mask": "mask is of a lossy format (JPEG, lossy WebP, AVIF, JPEG 2000)",
    "mask-01": "mask with maximum 1, read as 0/255",
    "grey-mask": "mask with levels other than 0 and 255",
    "emptied-mask": "grey mask without a level above its threshold, taken as empty",
    "empty-mask": "empty mask",
    "full-mask": "mask without background",
    "edge-centroid": "mask centroid in the last row or column, where the original S-measure is NaN",
}
"""What a row may report of its image, and in which words."""


NO_NUMBERS: Mapping[str, Any] = {}
"""What most rows have of `Row.unknown`: one object, which nobody changes."""


class Row(NamedTuple):
    """One image: level histograms, the numbers that need pixels, and remarks.

    `fg`, `bg` are ``(256,)`` counts inside and outside the object. `numbers` are the statistics of the parts
    that were computed, by name: NaN where undefined, absent where not computed. `notes` are keys of
    `ROW_NOTES`; `digest` names the content of the two files; `unknown` are columns of a stored row that this
    program does not know, as text.
    """

    id: str
    shape: tuple[int, int]
    fg: NDArray[np.uint32]
    bg: NDArray[np.uint32]
    numbers: Mapping[str, float] = NO_NUMBERS
    notes: tuple[str, ...] = ()
    digest: str = ""
    unknown: Mapping[str, str] = NO_NUMBERS


def levels_hold(notes: Collection[str], made: Protocol, wanted: Protocol) -> bool:
    """Tell whether the histograms of a row with some notes are what another protocol makes of its files."""
    fields: list[str] = []
    if "grey-mask" in notes:
        fields += ["mask_threshold", *(["eps"] if made.mask_threshold.startswith("norm") else [])]
        for part in PARTS.values():
            stored = part.statistics
            if stored and stored.grey_only and (stored.applies(made) or stored.applies(wanted)):
                if stored.applies(made) != stored.applies(wanted):
                    return False
                fields += stored.depends
    if "resized" in notes or fixed_size(made.resize) or fixed_size(wanted.resize):
        fields.append("resize")
    return agree(fields, made, wanted)


def statistics_hold(part: Part, made: Protocol, wanted: Protocol) -> bool:
    """Tell whether what a part stores of a pair is alike under two protocols, if the histograms are."""
    return part.statistics is None or agree(part.statistics.depends, made, wanted)


def lost_numbers(made: Protocol, wanted: Protocol) -> set[str]:
    """Return the names of the numbers that another protocol would make otherwise."""
    return {
        name
        for part in PARTS.values()
        if part.statistics and not statistics_hold(part, made, wanted)
        for name in part.statistics.names
    }


def lacking(
    notes: Collection[str], numbers: Collection[str], protocol: Protocol, metrics: Iterable[str]
) -> tuple[str, ...]:
    """Return the metrics whose statistics a row lacks, by its notes and the names of its numbers.

    >>> lacking((), {"s_object", "s_region"}, Protocol(), ["s_measure", "weighted_f", "mae"])
    ('weighted_f',)
    """
    wanted = tuple(metrics)
    missing = {
        metric.id
        for part in parts_of(wanted).values()
        if (stored := needed(part, protocol, notes)) and not {*stored.names} <= {*numbers}
        for metric in part.metrics
    }
    return tuple(metric for metric in wanted if metric in missing)


def needed(part: Part, protocol: Protocol, notes: Collection[str]) -> Statistics | None:
    """Return what a part stores of an image with these notes, under a protocol; None: nothing."""
    stored = part.statistics
    if stored is None or not stored.applies(protocol) or (stored.grey_only and "grey-mask" not in notes):
        return None
    return stored


def agree(names: Iterable[str], made: Protocol, wanted: Protocol) -> bool:
    """Tell whether two protocols have the same values of some fields."""
    return all(getattr(made, name) == getattr(wanted, name) for name in names)
