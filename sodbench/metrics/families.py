"""The one list of metric families, and what can be asked of it.

`PARTS` is the list: to add a metric, write its module and name its part here. A package of your own adds
metrics without touching this file: its entry points in the group ``sodbench.metrics`` name objects of
`sodbench.metrics.parts.Part`, each under its family's name. The ids of `METRICS` are the same in the API, the
CLI, CSV and JSON.

*Left out on purpose.* Multi-scale IoU (Ahmadzadeh et al., ICIP 2021): as PySODMetrics implements it, random
noise scores .995. The camouflage variant of the context measure: it needs the photo beside map and mask.
Metrics of video and of matting: they score a sequence, or an alpha matte, and no map on a mask.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from importlib.metadata import entry_points

from sodbench.errors import MetricError, ProtocolError, first_few, nearest
from sodbench.metrics.auc import PART as AUC
from sodbench.metrics.biou import PART as BOUNDARY_IOU
from sodbench.metrics.context import PART as CONTEXT
from sodbench.metrics.emeasure import PART as E_MEASURE
from sodbench.metrics.fmeasure import PART as F_MEASURE
from sodbench.metrics.grey_biou import PART as GREY_BOUNDARY_IOU
from sodbench.metrics.hce import PART as HCE
from sodbench.metrics.mae import PART as MAE
from sodbench.metrics.mba import PART as BOUNDARY_ACCURACY
from sodbench.metrics.overlap import PART as OVERLAP
from sodbench.metrics.parts import Metric, Part
from sodbench.metrics.relaxed_f import PART as RELAXED_F
from sodbench.metrics.size_invariant import PART as SIZE_INVARIANT
from sodbench.metrics.smeasure import PART as S_MEASURE
from sodbench.metrics.weighted_f import PART as WEIGHTED_F
from sodbench.protocol import OPTIONAL, Protocol, differing, parse_revisions, split_signature, stated_parts

DEFAULT = Protocol()

ENTRY_POINTS = "sodbench.metrics"
"""The group of entry points by which other packages add parts."""


def _with_plugins(own: Mapping[str, Part]) -> dict[str, Part]:
    """Add the parts of other packages; refuse what is no part, or takes a name that is in use."""
    parts = dict(own)
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        where = f"{point.value} (entry point {point.name} of {ENTRY_POINTS})"
        try:
            part = point.load()
        except Exception as error:
            raise MetricError(
                f"{where}: cannot be loaded ({error}). Mend or uninstall its package."
            ) from error
        if not isinstance(part, Part):
            raise MetricError(f"{where}: is {type(part).__name__}, expected a sodbench.metrics.parts.Part.")
        if not (point.name.isascii() and point.name.isalpha() and point.name.islower()):
            raise MetricError(f"{where}: a family's name is written in small letters a to z.")
        taken = {name for other in parts.values() for name in _names(other)}
        if point.name in parts:
            raise MetricError(f"{where}: {point.name} is in use already. Choose another name.")
        names = _names(part)
        if twice := sorted({name for name in names if name in taken or names.count(name) > 1}):
            raise MetricError(f"{where}: {', '.join(twice)} is in use already. Choose other names.")
        parts[point.name] = part
    return parts


def _names(part: Part) -> list[str]:
    """Return the ids of a part's metrics and curves, and the names of its statistics."""
    statistics = part.statistics.names if part.statistics else ()
    return [*(metric.id for metric in part.metrics), *part.curves, *statistics]


PARTS: Mapping[str, Part] = _with_plugins(
    {
        "f": F_MEASURE,
        "m": MAE,
        "w": WEIGHTED_F,
        "s": S_MEASURE,
        "r": RELAXED_F,
        "e": E_MEASURE,
        "si": SIZE_INVARIANT,
        "c": CONTEXT,
        "h": HCE,
        "o": OVERLAP,
        "a": AUC,
        "ba": BOUNDARY_ACCURACY,
        "bi": BOUNDARY_IOU,
        "bg": GREY_BOUNDARY_IOU,
    }
)
"""Every family of metrics, by the name that stands in a signature's ``rev:``."""

PAPER_METRICS = ("max_f", "mae", "weighted_f", "s_measure", "relax_f")
"""The five metrics of the U2-Net paper's Tables 3 and 4, which stand first wherever metrics are listed."""

_BY_ID = {metric.id: metric for part in PARTS.values() for metric in part.metrics}
_FAMILIES = {metric.id: family for family, part in PARTS.items() for metric in part.metrics}

METRICS: Mapping[str, Metric] = {name: _BY_ID[name] for name in dict.fromkeys((*PAPER_METRICS, *_BY_ID))}
"""Every metric by its id, in the order of columns."""

DEFAULT_METRICS = tuple(name for name in METRICS if not PARTS[_FAMILIES[name]].optional)
"""The metrics that are computed unless others are asked for."""

METRIC_SETS: Mapping[str, tuple[str, ...]] = {
    "paper": PAPER_METRICS,
    "default": DEFAULT_METRICS,
    "dis": ("max_f", "weighted_f", "mae", "s_measure", "mean_e", "hce"),
    "cod": ("s_measure", "weighted_f", "mae", "mean_f", "max_e", "mean_e", "adp_e"),
    "hr": ("max_f", "mae", "s_measure", "mean_e", "mba", "biou"),
    "all": tuple(METRICS),
}
"""Sets of metrics: ``dis``, ``cod`` and ``hr`` are what papers on dichotomous, camouflaged and
high-resolution segmentation report."""


def _folded(name: str) -> str:
    return re.sub(r"[-_\s]", "", name).casefold()


_SPELLINGS = {
    _folded(spelling): metric
    for which in ("words", "label", "id")
    for metric in METRICS.values()
    for spelling in (getattr(metric, which),)
}
"""Every metric by what it may be called; an id goes before the label, and before the words, of another."""


def _by_common_name() -> dict[str, tuple[str, ...]]:
    """Return the metrics that are the maximum, mean, ... of one quantity, by what is common to their ids."""
    common: dict[str, tuple[str, ...]] = {}
    for name in METRICS:
        kind, _, quantity = name.partition("_")
        if kind in ("max", "min", "mean", "adp", "bin"):
            for called in (quantity, f"{quantity} measure") if len(quantity) == 1 else (quantity,):
                common[_folded(called)] = (*common.get(_folded(called), ()), name)
    return common


_SETS = {**_by_common_name(), **METRIC_SETS}

REVISIONS: Mapping[str, int] = {family: part.revision_under(DEFAULT) for family, part in PARTS.items()}
"""Revision of each family under the default protocol."""

PIXEL_METRICS = tuple(name for name in METRICS if PARTS[_FAMILIES[name]].needs_pixels)
"""The metrics that need the pixels; all others follow from the level histograms."""

STATISTICS = tuple(name for part in PARTS.values() if part.statistics for name in part.statistics.names)
"""The names of all numbers that are stored of a pair."""


def find_metric(name: str) -> Metric:
    """Return the metric of this id, label or name; ``-``, ``_`` and capital letters do not matter.

    Raises
    ------
    MetricError
        There is none, and the nearest ones are named; or there are several, as of ``E``.

    Examples
    --------
    >>> find_metric("maxF").id, find_metric("weighted-f").id, find_metric("boundary IoU").id
    ('max_f', 'weighted_f', 'biou')
    """
    metric = _SPELLINGS.get(_folded(name))
    if metric is None:
        if several := _SETS.get(_folded(name)):
            raise MetricError(f"{name!r} is several metrics, expected one of them: {first_few(several)}")
        raise MetricError(f"unknown metric {name!r}; {_nearest(name, tuple(METRICS))}")
    return metric


def _nearest(name: str, valid: Sequence[str]) -> str:
    hint = nearest(name, valid)
    return hint if hint.endswith("?") else f"{hint}; `sodbench metrics` lists them"


def family_of(metric: str) -> str:
    """Return the name of a metric's family.

    >>> family_of("mean_f")
    'f'
    """
    return _FAMILIES[metric]


def part_of(metric: str) -> Part:
    """Return the part that a metric belongs to."""
    return PARTS[_FAMILIES[metric]]


@cache
def parts_of(metrics: Sequence[str]) -> Mapping[str, Part]:
    """Return the parts that some metrics belong to, by family, in the order of `PARTS`."""
    wanted = {_FAMILIES[name] for name in metrics}
    return {family: part for family, part in PARTS.items() if family in wanted}


def revisions_of(metrics: Iterable[str] = (), protocol: Protocol = DEFAULT) -> dict[str, int]:
    """Return the revisions that the signature of some metrics under a protocol names, by family.

    >>> ".".join(f"{family}{revision}" for family, revision in revisions_of().items())
    'f1.m1.w1.s1.r1.e1'
    """
    wanted = {_FAMILIES[name] for name in metrics}
    return {
        name: part.revision_under(protocol)
        for name, part in PARTS.items()
        if part.always_signed or name in wanted
    }


def protocol_fields(metrics: Iterable[str]) -> set[str]:
    """Return what of a protocol some metrics depend on: names of fields, and of properties made of them.

    >>> sorted(protocol_fields(["weighted_f"]) - protocol_fields(["mae"]))
    ['normalise', 'reciprocal', 'wf_beta2', 'wf_empty']
    """
    return {name for metric in metrics for name in part_of(metric).depends(METRICS[metric])}


def stated_fields(metrics: Iterable[str]) -> set[str]:
    """Return the fields that the signature of some metrics states: all but optional ones that act on none.

    >>> "rho" in stated_fields(["mae"]), "hce_distance" in stated_fields(["mae"])
    (True, False)
    """
    return {spec.name for spec in fields(Protocol)} - (OPTIONAL - protocol_fields(metrics))


def signature_about(signature: str, metrics: Iterable[str]) -> str:
    """Return what a signature says of some of its metrics: without what acts only on others.

    >>> signature_about("norm:max|ozero:one|hbin:>128|rev:f1.o1.h1", ["mean_iou"])
    'norm:max|ozero:one|rev:f1.o1'
    """
    wanted = tuple(metrics)
    return stated_parts(signature, protocol_fields(wanted), revisions_of(wanted))


def narrowed(protocol: Protocol, metrics: Iterable[str]) -> Protocol:
    """Return a protocol with those optional fields at their defaults that act on none of some metrics.

    >>> narrowed(Protocol(rho=2, context_beta2=1.2), ["mae"]) == Protocol(rho=2)
    True
    """
    return _taken(protocol, DEFAULT, OPTIONAL - protocol_fields(metrics))


def joined(protocol: Protocol, metrics: Iterable[str], other: Protocol, others: Iterable[str]) -> Protocol:
    """Return the protocol of scores under two: `other` for optional fields that act only on `others`.

    >>> joined(Protocol(rho=2), ["mae"], Protocol(), ["max_f"]) == Protocol(rho=2)
    True
    """
    return _taken(protocol, other, OPTIONAL & protocol_fields(others) - protocol_fields(metrics))


def _taken(protocol: Protocol, other: Protocol, names: Iterable[str]) -> Protocol:
    return protocol.change(**{name: getattr(other, name) for name in names})


def metric_differences(a: str, b: str, metrics: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the parts in which two signatures differ that some metrics depend on.

    Scores of these metrics may be compared when this is empty.

    >>> metric_differences("norm:max|avg:mean-pr|rev:f1.s1", "norm:max|avg:mean-f|rev:f1.s2", ["mae"])
    {}
    >>> metric_differences("n:5/9|ids:1a2b3c4d", "n:9/9", ["mae"])
    {'n': ('5/9', '9/9')}
    """
    wanted = tuple(metrics)
    parts = differing(a, b, protocol_fields(wanted), {family_of(metric) for metric in wanted})
    if len(parts) > 1 and "rev" in parts and _is_current(a) and _is_current(b):
        del parts["rev"]  # it follows from the protocols
    if "n" in parts:
        parts.pop("ids", None)  # other images, as their number says
    return parts


def _is_current(signature: str) -> bool:
    """Tell whether a signature names the revisions that stand now under its protocol."""
    try:
        now = revisions_of(METRICS, Protocol.parse(signature))
    except ProtocolError:
        return False
    made = parse_revisions(split_signature(signature).get("rev", ""))
    return all(now.get(family, revision) == revision for family, revision in made.items())


def check_metrics(names: str | Iterable[str]) -> tuple[str, ...]:
    """Return metric ids in the order of `METRICS`, without repetition.

    See `metric_ids` for how they are named.

    Raises
    ------
    MetricError
        A name is not a metric, or none is given.

    Examples
    --------
    >>> check_metrics(["mae", "max_f"])
    ('max_f', 'mae')
    >>> check_metrics("paper")
    ('max_f', 'mae', 'weighted_f', 's_measure', 'relax_f')
    """
    wanted = metric_ids([names] if isinstance(names, str) else names)
    if not wanted:
        raise MetricError(f"no metric asked for; valid: {', '.join(METRICS)}")
    return tuple(name for name in METRICS if name in wanted)


def metric_ids(names: Iterable[str]) -> tuple[str, ...]:
    """Return metric ids in the order given, without repetition.

    Metrics are named by id, label or name, or by a set (`METRIC_SETS`, or what is common to ids, as ``e``);
    ``-``, ``_`` and capital letters do not matter.

    Raises
    ------
    MetricError
        A name is not a metric.

    Examples
    --------
    >>> metric_ids(["MAE", "maxF", "E"])
    ('mae', 'max_f', 'max_e', 'mean_e', 'adp_e')
    """
    ids: list[str] = []
    for name in names:
        metric = _SPELLINGS.get(_folded(name))
        if metric is None and _folded(name) not in _SETS:
            raise MetricError(f"unknown metric {name!r}; {_nearest(name, (*METRICS, *METRIC_SETS))}")
        ids += _SETS[_folded(name)] if metric is None else [metric.id]
    return tuple(dict.fromkeys(ids))
