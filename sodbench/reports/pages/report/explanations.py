"""What each convention changes, folded in: from stored scores alone, without reading a pixel."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sodbench.analysis.explain.explain import AS_SCORED, Effect, Explanation
from sodbench.analysis.explain.explain import explain as explain_scores
from sodbench.errors import first_few
from sodbench.metrics import METRICS
from sodbench.reports.explain import DIGITS
from sodbench.reports.pages.charts.chart import ChartFigure
from sodbench.reports.pages.charts.conventions import effects_chart, gap_chart
from sodbench.reports.pages.report.grouping import by_dataset
from sodbench.reports.pages.tables import DataCell, DataColumn, DataTable
from sodbench.scoring.scores import Scores
from sodbench.utils.process import UnitBar, step_counter

MOST_EXPLAINED = 10_000
"""Maps of all methods that are explained at most; of more, the smallest datasets are."""


@dataclass(frozen=True)
class Explained:
    """One method on one dataset: tables by preset and by convention, a chart, and what they lack."""

    dataset: str
    method: str
    presets: DataTable
    effects: DataTable | None
    chart: ChartFigure | None
    lacks: tuple[str, ...]


@dataclass(frozen=True)
class Explanations:
    """All that is explained, charts over the methods of a dataset, and what is left out."""

    methods: tuple[Explained, ...]
    gaps: tuple[ChartFigure, ...]
    lacks: tuple[str, ...]


def explanations(scores: Sequence[Scores], metrics: Sequence[str], bar: UnitBar) -> Explanations:
    """Explain scores, as far as that takes seconds.

    Parameters
    ----------
    scores
        Each method once a dataset.
    metrics
        What is explained; charts show the first.
    bar
        Shows the progress.
    """
    chosen, left = _chosen(scores)
    explained: list[Explained] = []
    figures: dict[str, dict[str, Mapping[str, float]]] = {}
    with bar("conventions", "method") as progress:
        step = step_counter(progress, len(chosen))
        for k, s in enumerate(chosen):
            own = [name for name in metrics if name in s.metrics]
            explanation = explain_scores(s, own)
            explained.append(_explained(f"explain-{k}", s, explanation))
            figures.setdefault(s.dataset_name, {})[s.method] = {
                preset: values[metrics[0]]
                for preset, values in explanation.presets.items()
                if metrics[0] in values and not math.isnan(values[metrics[0]])
            }
            step()
    gaps = tuple(
        ChartFigure(
            f"chart-gap-{k}",
            gap_chart(of_methods, metrics[0], dataset),
            f"{METRICS[metrics[0]].label} of the same maps on {dataset} by each preset.",
        )
        for k, (dataset, of_methods) in enumerate(figures.items())
        if any(of_methods.values())
    )
    lacks = (
        [
            f"Not explained here: {first_few(left)}, as {MOST_EXPLAINED:,} maps are at most. "
            "`sodbench explain SCORES` does it."
        ]
        if left
        else []
    )
    return Explanations(tuple(explained), gaps, tuple(lacks))


def _chosen(scores: Sequence[Scores]) -> tuple[list[Scores], list[str]]:
    """Return the scores of the smallest datasets, which are few enough together, and the other datasets."""
    boards = sorted(by_dataset(scores).values(), key=lambda board: sum(len(s.rows) for s in board))
    chosen: set[str] = set()
    left = []
    maps = 0
    for board in boards:
        maps += sum(len(s.rows) for s in board)
        if chosen and maps > MOST_EXPLAINED:
            left.append(board[0].dataset_name)
        else:
            chosen.add(board[0].dataset_name)
    return [s for s in scores if s.dataset_name in chosen], left


def _explained(id: str, scores: Scores, explanation: Explanation) -> Explained:
    metrics = list(explanation.base)
    lacks = []
    if explanation.unknown:
        lacks.append(
            f"Without reading the maps again, not known in full: {', '.join(explanation.unknown)}. "
            "`sodbench explain MAPS` reads them."
        )
    far = {effect.convention for effect in _far(explanation)}
    every = dict.fromkeys(effect.convention for effect in explanation.effects)
    if without := [name for name in every if name not in far]:
        lacks.append(f"No visible effect: {', '.join(without)}.")
    chart = effects_chart(explanation, metrics[0]) if metrics else None
    label = METRICS[metrics[0]].label if metrics else ""
    return Explained(
        scores.dataset_name,
        scores.method,
        _presets_table(f"{id}-presets", explanation, metrics),
        _effects_table(f"{id}-effects", explanation),
        ChartFigure(f"chart-{id}", chart, f"What each convention alone adds to {label}.") if chart else None,
        tuple(lacks),
    )


def _presets_table(id: str, explanation: Explanation, metrics: Sequence[str]) -> DataTable:
    own = {AS_SCORED: explanation.base} if explanation.base_name == AS_SCORED else {}
    return DataTable(
        id=id,
        caption=f"{explanation.method}, by preset.",
        columns=(
            DataColumn(id="preset", label="Preset"),
            *(DataColumn(id=m, label=METRICS[m].arrowed, sign=METRICS[m].sign) for m in metrics),
        ),
        rows=tuple(
            (DataCell(text=name), *(_number(values.get(m), m) for m in metrics))
            for name, values in {**own, **explanation.presets}.items()
        ),
        notes=(f"signature: {explanation.signature}",),
    )


def _effects_table(id: str, explanation: Explanation) -> DataTable | None:
    if not (far := _far(explanation)):
        return None
    return DataTable(
        id=id,
        caption=f"{explanation.method}, with one convention changed.",
        columns=(
            DataColumn(id="convention", label="Convention"),
            DataColumn(id="metric", label="Metric", choices=True),
            DataColumn(id="value", label="Value", sign=0),
            DataColumn(id="difference", label="Difference", sign=0),
            DataColumn(id="meaning", label="What is changed"),
            DataColumn(id="tools", label="Found in"),
        ),
        rows=tuple(
            (
                DataCell(text=effect.convention),
                DataCell(text=METRICS[effect.metric].label),
                _number(effect.value, effect.metric),
                _number(effect.difference, effect.metric, signed=True),
                DataCell(text=effect.text),
                DataCell(text=effect.tools or "-"),
            )
            for effect in far
        ),
        notes=(f"signature: {explanation.signature}",),
    )


def _far(explanation: Explanation) -> list[Effect]:
    """Return the effects that do not show as none."""
    return [
        effect
        for effect in explanation.effects
        if abs(effect.difference) >= 0.5 * 10.0 ** -METRICS[effect.metric].decimals(DIGITS)
    ]


def _number(value: float | None, metric: str, signed: bool = False) -> DataCell:
    if value is None or value != value:
        return DataCell(text="-")
    return DataCell(text=METRICS[metric].shown(value, DIGITS, signed), value=value)
