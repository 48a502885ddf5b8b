"""Breakdowns by an attribute as text and JSON."""

import math
from collections.abc import Sequence

from sodbench.analysis.attributes import ATTRIBUTES, meaning_of
from sodbench.analysis.breakdown import Breakdown, ImageGroup, Interval
from sodbench.analysis.statistics.resampling import FEWEST_IMAGES
from sodbench.errors import first_few
from sodbench.metrics import METRICS
from sodbench.metrics.parts import Metric
from sodbench.utils.text import aligned, counted, json_text, printable


def breakdown_text(breakdowns: Sequence[Breakdown]) -> str:
    """Lay out the tables of one dataset and attribute, a sentence under each, and how they were made."""
    breakdown = breakdowns[0]
    first, second = breakdown.methods[:2]
    said = [
        f"Differences are {first} - {second}, with 95 % percentile intervals of paired resamples of each "
        f"group's images ({breakdown.resamples}, seed {breakdown.seed}), not corrected for the number of "
        "groups."
    ]
    if breakdown.undefined:
        count = len(breakdown.undefined)
        why = f"In no group, as {breakdown.attribute} is undefined"
        if breakdown.attribute not in ATTRIBUTES:
            why = "In none of the lists"
        said.append(f"{why}: {counted(count, 'image')} ({first_few(breakdown.undefined)}).")
    if sum(group.n for group in breakdown.groups) > breakdown.whole.n:
        said.append("Groups overlap: an image may be in several.")
    tables = [f"{breakdown_table(each)}\n{breakdown_sentence(each)}" for each in breakdowns]
    text = "\n\n".join([*tables, "\n".join([*said, f"signature: {breakdown.signature}"])])
    return printable(text, keep="\n")


def breakdown_sentence(breakdown: Breakdown) -> str:
    """Say where the first method is ahead of the second, and where behind."""
    first, second = breakdown.methods[:2]
    metric = METRICS[breakdown.metric]
    labels: dict[str, list[str]] = {"ahead": [], "behind": [], "unclear": [], "few": []}
    for group in breakdown.groups:
        ahead = group.ahead(metric.higher_is_better)
        if group.interval is None:
            labels["few"].append(group.label)
        elif ahead is None:
            labels["unclear"].append(group.label)
        else:
            labels["behind" if ahead else "ahead"].append(f"{group.label} ({_with_interval(group, metric)})")
    parts = [
        words + ", ".join(labels[kind])
        for kind, words in {
            "ahead": "ahead for ",
            "behind": "behind for ",
            "unclear": "not distinguishable for ",
            "few": f"fewer than {FEWEST_IMAGES} images, so no verdict, for ",
        }.items()
        if labels[kind]
    ]
    return (
        f"{first} against {second} in {metric.label}, by "
        f"{meaning_of(breakdown.attribute)}: {'; '.join(parts)}."
    )


def breakdown_table(breakdown: Breakdown) -> str:
    """Lay out the groups for a terminal."""
    metric = METRICS[breakdown.metric]
    lines = [[breakdown.attribute, "n", *breakdown.methods, "difference", "95 % interval", "ahead"]]
    for group in (breakdown.whole, *breakdown.groups):
        ahead = group.ahead(metric.higher_is_better)
        verdict = "-" if group.interval is None else "not distinguishable"
        values = [_shown(value, metric, signed=False) for value in group.values]
        between = [_shown(group.difference, metric), _bracketed(group.interval, metric)]
        lines.append(
            [group.label, f"{group.n}", *values, *between]
            + [verdict if ahead is None else breakdown.methods[ahead]]
        )
    title = f"{metric.arrowed} on {breakdown.dataset}"
    return f"{title}, by {meaning_of(breakdown.attribute)}\n{aligned(lines, (0, len(lines[0]) - 1))}"


def breakdowns_json(breakdowns: Sequence[Breakdown]) -> str:
    """Return breakdowns as a JSON list, in full precision; undefined values are null."""
    records = []
    for breakdown in breakdowns:
        record = {name: value for name, value in vars(breakdown).items() if name != "whole"}
        groups = [group._asdict() for group in (breakdown.whole, *breakdown.groups)]
        records.append({**record, "groups": groups})
    return json_text(records)


def _shown(value: float, metric: Metric, signed: bool = True) -> str:
    return "-" if math.isnan(value) else metric.shown(value, signed=signed)


def _bracketed(interval: Interval | None, metric: Metric) -> str:
    if interval is None:
        return "-"
    return f"[{metric.shown(interval[0], signed=True)}, {metric.shown(interval[1], signed=True)}]"


def _with_interval(group: ImageGroup, metric: Metric) -> str:
    return f"{_shown(group.difference, metric)} {_bracketed(group.interval, metric)}, n {group.n}"
