"""The same maps under several conventions: how far apart their figures are."""

import math
import textwrap
from collections.abc import Collection, Mapping, Sequence

from sodbench.analysis.explain.explain import Explanation
from sodbench.metrics import METRICS
from sodbench.reports.pages.charts.chart import TICKS, chart, row_axis, shown
from sodbench.reports.pages.charts.theme import Spec
from sodbench.reports.pages.charts.values import drawn_number, figure_format, figure_text, shown_names
from sodbench.utils.text import counted, printable

GAP_HEAD, GAP_LINE = 26.0, 14.0
"""Room above a method's line, and of each line of names below it, in pixels."""

TOUCHING = 0.03
"""Points of a method as near as this, as a share of all that is shown, are named together."""

NAMES_WIDTH = 18
"""Letters of a line of names; two stand beside each other on a phone."""

EFFECT_STEP = 24.0
"""Height of a convention's row."""

DIGITS = 4
"""Of effects; smaller ones are left out."""


def gap_chart(figures: Mapping[str, Mapping[str, float]], metric: str, dataset: str) -> Spec:
    """Return a metric of the same maps under each preset or convention, a line a method, with its gap.

    Presets whose points would touch are named together, each such group on lines of its own below.

    Parameters
    ----------
    figures
        By method and preset; undefined ones are left out.
    metric
        Its id.
    dataset
        Its name.
    """
    label = METRICS[metric].label
    methods = shown_names(figures)
    presets = shown_names(dict.fromkeys(preset for own in figures.values() for preset in own))
    defined = {
        method: {presets[preset]: value for preset, value in own.items() if not math.isnan(value)}
        for method, own in figures.items()
    }
    every = [value for own in defined.values() for value in own.values()]
    reach, middle = (max(every) - min(every), (max(every) + min(every)) / 2) if every else (0.0, 0.0)
    dots: list[Spec] = []
    lines: list[Spec] = []
    texts: list[Spec] = []
    for row, (method, own) in enumerate(defined.items()):
        if not own:
            continue
        low, high = min(own.values()), max(own.values())
        gap = figure_text(high - low, metric)
        lines.append(
            {
                "row": row,
                "low": drawn_number(low),
                "high": drawn_number(high),
                "middle": drawn_number((low + high) / 2),
                "gap": gap,
            }
        )
        printed: dict[str, list[str]] = {}
        for preset, value in own.items():
            printed.setdefault(figure_text(value, metric, DIGITS), []).append(preset)
        dots += [
            {
                "name": ", ".join(names),
                "method": methods[method],
                "row": row,
                "value": drawn_number(own[names[0]]),
                "gap": gap,
            }
            for names in printed.values()
        ]
        below = 0
        for group in _touching(own, TOUCHING * reach):
            at = sum(own[name] for name in group) / len(group)
            named = textwrap.wrap(_joined(group, own), NAMES_WIDTH, break_long_words=False)
            texts += [
                {
                    "row": row,
                    "at": drawn_number(at),
                    "names": line,
                    "dy": GAP_HEAD / 2 + GAP_LINE * (below + k),
                    "align": "right" if at > middle else "left",
                    "dx": 6 if at > middle else -6,
                }
                for k, line in enumerate(named)
            ]
            below += len(named)
    gaps = ", ".join(
        f"{methods[method]} {' to '.join(figure_text(end(own.values()), metric) for end in (min, max))}"
        for method, own in defined.items()
        if own
    )
    x = {
        "type": "quantitative",
        "title": f"{label}{METRICS[metric].arrow}",
        "scale": {"zero": False, "nice": True, "padding": 14},
        "axis": TICKS,
    }
    tail = max((text["dy"] for text in texts), default=0.0) + 1.3 * GAP_LINE
    step = GAP_HEAD + tail
    y = row_axis(len(methods))
    y["scale"]["domain"] = [len(methods) - 1 + tail / step, -GAP_HEAD / step]
    return chart(
        f"{label} of the same maps on {printable(dataset)} under {counted(len(presets), 'protocol')}: "
        f"{gaps}.",
        values=dots,
        rows=list(methods.values()),
        note="Above each line: the highest minus the lowest value. Below: whose the points are.",
        height=step * len(methods),
        encoding={"y": y},
        layer=[
            {
                "data": {"values": lines},
                "mark": {"type": "rule", "style": "muted", "strokeWidth": 2},
                "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}},
            },
            {
                "data": {"values": lines},
                "mark": {"type": "text", "style": "ink", "baseline": "bottom", "dy": -6},
                "encoding": {"x": {"field": "middle", **x}, "text": {"field": "gap"}},
            },
            {
                "data": {"values": texts},
                "mark": {
                    "type": "text",
                    "style": "ink",
                    "baseline": "middle",
                    **{name: {"expr": f"datum.{name}"} for name in ("align", "dx", "dy")},
                },
                "encoding": {"x": {"field": "at", **x}, "text": {"field": "names"}},
            },
            {
                "mark": {"type": "point", "style": "main", "filled": True, "size": 90, "opacity": 1},
                "encoding": {
                    "x": {"field": "value", **x},
                    "tooltip": [
                        shown("method", "Method"),
                        shown("name", "Protocol"),
                        shown("value", label, figure_format(metric, DIGITS)),
                        shown("gap", "Gap"),
                    ],
                },
            },
        ],
    )


def _touching(own: Mapping[str, float], near: float) -> list[list[str]]:
    """Return names by their values, lowest first, in groups whose neighbours are near."""
    groups: list[list[str]] = []
    for name in sorted(own, key=own.__getitem__):
        if groups and own[name] - own[groups[-1][-1]] <= near:
            groups[-1].append(name)
        else:
            groups.append([name])
    return [[name for name in own if name in group] for group in groups]


def _joined(group: Sequence[str], own: Collection[str]) -> str:
    if len(group) == len(own) > 1:
        return f"all {len(own)}"
    return ", ".join(group)


def effects_chart(explanation: Explanation, metric: str) -> Spec | None:
    """Return what each convention alone adds to a metric, largest effect first; None if none moves it.

    Parameters
    ----------
    explanation
        Of one method on one dataset.
    metric
        Its id.
    """
    visible = 0.5 * 10.0 ** -METRICS[metric].decimals(DIGITS)
    moved = [
        effect
        for effect in explanation.effects
        if effect.metric == metric and abs(effect.difference) >= visible
    ]
    if not moved:
        return None
    label, method = METRICS[metric].label, printable(explanation.method)
    form = figure_format(metric, DIGITS, sign=True)
    names = list(shown_names(effect.convention for effect in moved).values())
    values = [
        {
            "row": row,
            "none": 0,
            "name": names[row],
            "difference": drawn_number(effect.difference),
            "value": drawn_number(effect.value),
            "text": printable(effect.text),
            "tools": printable(effect.tools),
            "top": row - 0.32,
            "bottom": row + 0.32,
            "end": 0 if effect.difference < 0 else drawn_number(effect.difference),
        }
        for row, effect in enumerate(moved)
    ]
    reach = max(abs(effect.difference) for effect in moved)
    base = figure_text(explanation.base[metric], metric, DIGITS)
    x = {
        "type": "quantitative",
        "title": f"Change of {label} ({base})",
        "scale": {"domain": [drawn_number(-1.05 * reach), drawn_number(1.45 * reach)], "nice": False},
        "axis": {**TICKS, "format": "+~g"},
    }
    y = row_axis(len(values))
    return chart(
        f"What one convention changed adds to {label} of {method} ({base}): "
        + ", ".join(
            f"{row['name']} {effect.difference:+.{METRICS[metric].decimals(DIGITS)}f}"
            for row, effect in zip(values, moved, strict=True)
        )
        + ".",
        values=values,
        rows=names,
        height=EFFECT_STEP * len(values),
        encoding={"y": y},
        layer=[
            {
                "mark": {"type": "rect", "style": "main"},
                "encoding": {
                    "x": {"field": "none", **x},
                    "x2": {"field": "difference"},
                    "y": {**y, "field": "top"},
                    "y2": {"field": "bottom"},
                    "tooltip": [
                        shown("name", "Convention"),
                        shown("text", "What it does"),
                        shown("tools", "Used by"),
                        shown("value", label, figure_format(metric, DIGITS)),
                        shown("difference", "Change", form),
                    ],
                },
            },
            {
                "data": {"values": [{"none": 0}]},
                "mark": {"type": "rule", "style": "ink"},
                "encoding": {"x": {"field": "none", **x}, "y": None},
            },
            {
                "mark": {"type": "text", "style": "ink", "align": "left", "dx": 5},
                "encoding": {
                    "x": {"field": "end", **x},
                    "text": {"field": "difference", "type": "quantitative", "format": form},
                },
            },
        ],
    )
