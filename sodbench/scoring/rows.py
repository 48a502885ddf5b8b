"""What is kept of one pair."""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.protocol import FIXED_SIZES, Protocol

ROW_NOTES: Mapping[str, str] = {
    "missing": "prediction missing, scored as an all-zero map",
    "resized": "prediction resized to its mask, or both to one size",
    "jpeg-map": "prediction is a JPEG, which is lossy",
    "faint-map": "16-bit or float prediction that reaches level 1 at most",
    "constant-map": "prediction has one level only",
    "jpeg-mask": "mask is a JPEG, which is lossy",
    "mask-01": "mask with maximum 1, read as 0/255",
    "grey-mask": "mask with levels other than 0 and 255",
    "emptied-mask": "grey mask without a level above its threshold, taken as empty",
    "empty-mask": "empty mask",
    "full-mask": "mask without background",
    "edge-centroid": "mask centroid in the last row or column, where the original S-measure is NaN",
}
"""What a row may report of its image, and in which words."""

NUMBERS = ("s_object", "s_region", "w_precision", "w_recall", "r_precision", "r_recall", "soft_mae")

_P_FIELDS = ("normalise", "reciprocal", "eps")

DEPENDS: Mapping[str, tuple[str, ...]] = {
    "s_measure": (*_P_FIELDS, "s_centroid"),
    "weighted_f": _P_FIELDS,
    "relax_f": (*_P_FIELDS, "rho", "relax_threshold", "relax_element", "relax_border", "relax_distance"),
    "soft_mae": ("normalise", "in_floats", "eps", "mask_mae", "normalise_mae"),
}
"""What of a protocol the stored part of a row depends on, grey masks and resized maps apart."""


class Row(NamedTuple):
    """One image: level histograms, the numbers that need pixels (NaN = not computed), and remarks.

    `fg`, `bg` are ``(256,)`` counts inside and outside the object; `digest` names the content of
    the two files and `notes` are keys of `ROW_NOTES`.
    """

    id: str
    shape: tuple[int, int]
    fg: NDArray[np.uint32]
    bg: NDArray[np.uint32]
    s_object: float = math.nan
    s_region: float = math.nan
    w_precision: float = math.nan
    w_recall: float = math.nan
    r_precision: float = math.nan
    r_recall: float = math.nan
    soft_mae: float = math.nan
    notes: tuple[str, ...] = ()
    digest: str = ""


def reusable(row: Row, made: Protocol, wanted: Protocol, metrics: Iterable[str]) -> bool:
    """Tell whether a stored row holds all that another run needs, the files being the same."""
    if not _levels_hold(row, made, wanted):
        return False
    stored = {"s_measure": row.s_object, "weighted_f": row.w_recall, "relax_f": row.r_recall}
    for name in set(metrics) & stored.keys():
        known = not math.isnan(stored[name]) or (name == "weighted_f" and "empty-mask" in row.notes)
        if not (known and _same(DEPENDS[name], made, wanted)):
            return False
    return True


def _levels_hold(row: Row, made: Protocol, wanted: Protocol) -> bool:
    fields = []
    if "grey-mask" in row.notes:
        fields += ["mask_threshold", *(["eps"] if made.mask_threshold.startswith("norm") else [])]
        fields += DEPENDS["soft_mae"] if "soft" in (made.mask_mae, wanted.mask_mae) else ()
    if "resized" in row.notes or FIXED_SIZES.keys() & {made.resize, wanted.resize}:
        fields.append("resize")
    return _same(fields, made, wanted)


def _same(names: Iterable[str], one: Protocol, two: Protocol) -> bool:
    return all(getattr(one, name) == getattr(two, name) for name in names)
