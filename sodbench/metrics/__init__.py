"""The metrics of salient object detection, each in a module of its own.

`METRICS` is the one list of them: column id -> what it is called, which way is better, and the
function that scores one map. The ids are the same in the API, the CLI, CSV and JSON.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from sodbench.errors import ScoresError, nearest
from sodbench.metrics.emeasure import adp_e, max_e, mean_e
from sodbench.metrics.fmeasure import adp_f, max_f, mean_f, precision_recall
from sodbench.metrics.mae import mae
from sodbench.metrics.relaxed_f import relax_f
from sodbench.metrics.smeasure import s_measure
from sodbench.metrics.weighted_f import weighted_f

MetricFunction = Callable[..., float]


class Metric(NamedTuple):
    """One column: how it is shown, which way is better, whose revision it has, where it comes from."""

    label: str
    higher_is_better: bool
    family: str
    reference: str
    function: MetricFunction


__all__ = [
    "METRICS",
    "PAPER_METRICS",
    "PIXEL_METRICS",
    "REVISIONS",
    "Metric",
    "adp_e",
    "adp_f",
    "mae",
    "max_e",
    "max_f",
    "mean_e",
    "mean_f",
    "precision_recall",
    "relax_f",
    "revisions",
    "s_measure",
    "weighted_f",
]

METRICS: Mapping[str, Metric] = {
    "max_f": Metric("maxF", True, "f", "Achanta et al., CVPR 2009", max_f),
    "mae": Metric("MAE", False, "m", "Perazzi et al., CVPR 2012", mae),
    "weighted_f": Metric("wF", True, "w", "Margolin et al., CVPR 2014", weighted_f),
    "s_measure": Metric("Sm", True, "s", "Fan et al., ICCV 2017", s_measure),
    "relax_f": Metric("relaxF", True, "r", "Qin et al., Pattern Recognition 2020", relax_f),
    "mean_f": Metric("meanF", True, "f", "Achanta et al., CVPR 2009", mean_f),
    "adp_f": Metric("adpF", True, "f", "Achanta et al., CVPR 2009", adp_f),
    "max_e": Metric("maxE", True, "e", "Fan et al., IJCAI 2018", max_e),
    "mean_e": Metric("meanE", True, "e", "Fan et al., IJCAI 2018", mean_e),
    "adp_e": Metric("adpE", True, "e", "Fan et al., IJCAI 2018", adp_e),
}

REVISIONS: Mapping[str, int] = {"f": 1, "m": 1, "w": 1, "s": 1, "r": 1, "e": 1}
"""Revision of each metric family; one is raised whenever a number of that family moves."""

PIXEL_METRICS = ("weighted_f", "s_measure", "relax_f")
"""The metrics that need the pixels; all others follow from the level histograms."""

PAPER_METRICS = ("max_f", "mae", "weighted_f", "s_measure", "relax_f")
"""The five metrics of the U2-Net paper's Tables 3 and 4."""


def revisions() -> str:
    """Return the revisions of all families as a signature states them.

    >>> revisions()
    'f1.m1.w1.s1.r1.e1'
    """
    return ".".join(f"{family}{number}" for family, number in REVISIONS.items())


def check_metrics(names: str | Iterable[str]) -> tuple[str, ...]:
    """Return metric ids in the order of `METRICS`, without repetition; ``paper``, ``all`` are sets of them.

    Raises
    ------
    ScoresError
        A name is not a metric, or none is given.

    Examples
    --------
    >>> check_metrics(["mae", "max_f"])
    ('max_f', 'mae')
    >>> check_metrics("paper")
    ('max_f', 'mae', 'weighted_f', 's_measure', 'relax_f')
    """
    groups = {"paper": PAPER_METRICS, "all": tuple(METRICS)}
    given = [names] if isinstance(names, str) else list(names)
    wanted = {metric for name in given for metric in groups.get(name, (name,))}
    for name in sorted(wanted - METRICS.keys()):
        raise ScoresError(f"unknown metric {name!r}; {nearest(name, (*METRICS, *groups))}")
    if not wanted:
        raise ScoresError(f"no metric asked for; valid: {', '.join(METRICS)}")
    return tuple(name for name in METRICS if name in wanted)
