"""The metrics as text: what they are called, which way is better, and what each asks."""

import inspect
from collections.abc import Sequence
from dataclasses import fields
from textwrap import fill

from sodbench.metrics import METRIC_SETS, METRICS, metric_ids, part_of, protocol_fields
from sodbench.metrics.parts import Metric
from sodbench.protocol import Protocol
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
    acting = protocol_fields(metric.id for metric in metrics)
    choices = [
        [f"--{spec.name.replace('_', '-')}", str(getattr(Protocol(), spec.name)), spec.metadata["help"]]
        for spec in fields(Protocol)
        if spec.name in acting
    ]
    about = [aligned(lines, left=range(4)), documentation]
    about.append(f"Options that act on it, and their defaults\n{aligned(choices, left=range(3))}")
    if any(part_of(metric.id).optional for metric in metrics):
        about.append("Computed where it is asked for, by --metrics.")
    return "\n\n".join(about)


def _better(metric: Metric) -> str:
    return "higher" if metric.higher_is_better else "lower"


def _documentation(metric: Metric) -> str:
    """Return what the module says that a metric is defined in."""
    return inspect.getdoc(inspect.getmodule(metric.function)) or ""
