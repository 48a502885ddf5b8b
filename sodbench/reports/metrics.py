"""The metrics as text: what they are called, which way is better, and what each asks."""

import inspect
from textwrap import fill

from sodbench.metrics import METRICS
from sodbench.metrics.parts import Metric
from sodbench.utils.text import aligned


def metrics_text() -> str:
    """List the metrics with the papers that define them, and what each family of them asks."""
    lines = [["id", "label", "better", "in words", "paper"]]
    families: dict[str, list[str]] = {}
    for metric in METRICS.values():
        better = "higher" if metric.higher_is_better else "lower"
        lines.append([metric.id, metric.label, better, metric.words, metric.reference])
        families.setdefault(_question(metric), []).append(metric.label)
    questions = [
        fill(f"{', '.join(labels)}: {question}", 80, subsequent_indent="  ")
        for question, labels in families.items()
        if question
    ]
    return "\n\n".join([aligned(lines, left=range(5)), "\n".join(questions)])


def _question(metric: Metric) -> str:
    """Return the first sentence of the module that a metric is defined in."""
    module = inspect.getmodule(metric.function)
    return (inspect.getdoc(module) or "").partition("\n\n")[0]
