"""The metrics of salient object detection, each family in a module of its own.

Each metric's function on arrays is here; so is the list of all metrics, `METRICS`, and what can be asked of
it (see `sodbench.metrics.families`). The list is made when it is first used and not before, so that a
package that adds metrics can import from here while it is being loaded.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sodbench.metrics.auc import ap, auc
from sodbench.metrics.biou import biou
from sodbench.metrics.context import context_measure
from sodbench.metrics.emeasure import adp_e, max_e, mean_e
from sodbench.metrics.fmeasure import adp_f, max_f, mean_f, precision_recall
from sodbench.metrics.grey_biou import max_grey_biou, mean_grey_biou
from sodbench.metrics.hce import hce
from sodbench.metrics.mae import mae
from sodbench.metrics.mba import mba
from sodbench.metrics.parts import Metric, Part
from sodbench.metrics.relaxed_f import relax_f
from sodbench.metrics.size_invariant import si_f, si_mae, si_mean_f
from sodbench.metrics.smeasure import s_measure
from sodbench.metrics.weighted_f import weighted_f

if TYPE_CHECKING:
    from sodbench.metrics.families import (
        DEFAULT_METRICS,
        METRIC_SETS,
        METRICS,
        PAPER_METRICS,
        PARTS,
        PIXEL_METRICS,
        REVISIONS,
        STATISTICS,
        check_metrics,
        family_of,
        find_metric,
        joined,
        metric_differences,
        metric_ids,
        narrowed,
        part_of,
        parts_of,
        protocol_fields,
        revisions_of,
        signature_about,
        stated_fields,
    )

__all__ = [
    "DEFAULT_METRICS",
    "METRICS",
    "METRIC_SETS",
    "PAPER_METRICS",
    "PARTS",
    "PIXEL_METRICS",
    "REVISIONS",
    "STATISTICS",
    "Metric",
    "Part",
    "adp_e",
    "adp_f",
    "ap",
    "auc",
    "biou",
    "check_metrics",
    "context_measure",
    "family_of",
    "find_metric",
    "hce",
    "joined",
    "mae",
    "max_e",
    "max_f",
    "max_grey_biou",
    "mba",
    "mean_e",
    "mean_f",
    "mean_grey_biou",
    "metric_differences",
    "metric_ids",
    "narrowed",
    "part_of",
    "parts_of",
    "precision_recall",
    "protocol_fields",
    "relax_f",
    "revisions_of",
    "signature_about",
    "stated_fields",
    "s_measure",
    "si_f",
    "si_mae",
    "si_mean_f",
    "weighted_f",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("sodbench.metrics.families"), name)
    raise AttributeError(f"module 'sodbench.metrics' has no attribute {name!r}")
