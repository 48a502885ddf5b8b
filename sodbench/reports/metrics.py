"""The metrics as text: what they are called, which way is better, and what each asks."""

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import fields
from textwrap import fill, wrap

from sodbench.metrics import METRIC_SETS, METRICS, metric_ids, part_of, protocol_fields
from sodbench.metrics.parts import COUNTING, MASK, Metric
from sodbench.protocol import Protocol
from sodbench.protocol.signature import DERIVED
from sodbench.utils.text import aligned


def metrics_text() -> str:
    """List the metrics with the papers that define them, the sets of them, and what each family asks."""
    lines = [["id", "label", "better", "paper"]]
    families: dict[str, list[str]] = {}
    for metric in METRICS.values():
        lines.append([metric.id, metric.label, _better(metric), metric.reference])
        families.setdefault(_documentation(metric).partition("\n\n")[0], []).append(metric.label)
    questions = [
        fill(f"{', '.join(labels)}: {question}", 80, subsequent_indent="  ")
        for question, labels in families.items()
        if question
    ]
    sets = [
        fill(f"{name}: {', '.join(ids)}", 80, subsequent_indent="  ")
        for name, ids in METRIC_SETS.items()
        if name != "all"
    ]
    sets.append("all: every metric; what is common to ids, such as e: those that have it")
    return "\n\n".join([aligned(lines, left=range(4)), "\n".join(questions), "\n".join(["sets", *sets])])


def metric_pages(names: Sequence[str]) -> str:
    """Return what is documented of some metrics, a family once: how each is made, and who makes it how.

    Raises
    ------
    MetricError
        A name is no metric.
    """
    chosen: dict[str, list[Metric]] = {}
    for name in metric_ids(names):
        chosen.setdefault(_documentation(METRICS[name]), []).append(METRICS[name])
    return "\n\n\n".join(_page(metrics, documentation) for documentation, metrics in chosen.items())


def _page(metrics: Sequence[Metric], documentation: str) -> str:
    lines = [[metric.id, metric.label, f"{_better(metric)} is better", metric.words] for metric in metrics]
    choices = acting_choices([metric.id for metric in metrics])
    options = [f"--{name.replace('_', '-')}" for name, _, _ in choices]
    left = max(map(len, options)) + max(len(setting) for _, setting, _ in choices) + 4
    table = [
        [option, setting, line] if k == 0 else ["", "", line]
        for option, (_, setting, meaning) in zip(options, choices, strict=True)
        for k, line in enumerate(wrap(meaning, 80 - left))
    ]
    about = [aligned(lines, left=range(4)), documentation]
    about.append(f"Options that act on it, and their defaults\n{aligned(table, left=range(3))}")
    if any(part_of(metric.id).optional for metric in metrics):
        about.append(f"Computed where it is asked for: --metrics {','.join(metric.id for metric in metrics)}")
    return "\n\n".join(about)


DEFAULT = Protocol()

OF_DATASETS = (*COUNTING, "average", "overlap_average", "auc_average")
"""Fields of a protocol that act on the values of a dataset only."""


def acting_choices(
    metrics: Iterable[str], protocol: Protocol = DEFAULT, *, of_pair: bool = False
) -> list[tuple[str, str, str]]:
    """Return the fields of a protocol that act on some metrics, with its choices and what they mean.

    Of a single pair of arrays, only those that act on their values.

    >>> [name for name, _, _ in acting_choices(["mae"], of_pair=True)]
    ['mask_mae', 'normalise', 'normalise_mae', 'thresholds', 'eps']
    """
    acting = protocol_fields(metrics)
    acting |= {name for derived in acting & set(DERIVED) for name in DERIVED[derived]}
    left_out = {*OF_DATASETS, *MASK} if of_pair else set()
    return [
        (spec.name, str(getattr(protocol, spec.name)), spec.metadata["help"])
        for spec in fields(protocol)
        if spec.name in acting - left_out
    ]


def _better(metric: Metric) -> str:
    return "higher" if metric.higher_is_better else "lower"


def _documentation(metric: Metric) -> str:
    """Return what the module says that a metric is defined in."""
    return inspect.getdoc(inspect.getmodule(metric.function)) or ""
