"""The table of a report: methods by metrics and datasets, with ranks, intervals and differences."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sodbench.analysis.against import Resampled
from sodbench.analysis.compare import Difference
from sodbench.metrics import METRICS, metric_differences
from sodbench.reports.compare import shown_p
from sodbench.reports.pages.report.grouping import alike, by_dataset, having
from sodbench.reports.pages.report.header import Signatures
from sodbench.reports.pages.tables import DataCell, DataColumn, DataTable
from sodbench.reports.ranking import dense_ranks
from sodbench.reports.views import MARKS, Footnotes
from sodbench.scoring.scores import Scores

INTERVALS = ("ci", "95 % intervals")
BETTER, WORSE = "▲", "▼"


@dataclass(frozen=True)
class Confidence:
    """What resampling adds to the table.

    Parameters
    ----------
    boards
        By dataset.
    differences
        Of all datasets, adjusted by Holm.
    baseline
        The method that the others are compared with, empty: none.
    """

    boards: Mapping[str, Resampled]
    differences: tuple[Difference, ...]
    baseline: str


def scores_table(
    scores: Sequence[Scores], metrics: Sequence[str], signatures: Signatures, confidence: Confidence
) -> DataTable:
    """Return the table: a row a method, a column a metric of a dataset.

    Parameters
    ----------
    scores
        Each method once a dataset.
    metrics
        Column ids.
    signatures
        Of the scores, stated where the table is copied to.
    confidence
        Intervals and differences.
    """
    boards = by_dataset(scores)
    methods = list(dict.fromkeys(s.method for s in scores))
    several = len(boards) > 1
    footnotes = Footnotes()
    columns = [DataColumn(id="method", label="Method")]
    cells: dict[str, list[DataCell]] = {method: [DataCell(text=method)] for method in methods}
    for dataset, board in boards.items():
        for name in metrics:
            if not any(name in s.metrics for s in board):
                continue
            metric = METRICS[name]
            columns.append(
                DataColumn(
                    id=f"{dataset} {name}" if several else name,
                    label=metric.arrowed,
                    group=dataset if several else "",
                    sign=metric.sign,
                    title=f"{metric.words} on {dataset}",
                )
            )
            of_methods = _column(board, name, confidence, footnotes)
            for method in methods:
                cells[method].append(of_methods.get(method, DataCell(text="-")))
    only = "" if several else f" on {next(iter(boards))}"
    switches = [INTERVALS] if any(board.intervals for board in confidence.boards.values()) else []
    if confidence.differences:
        switches.append(("versus", f"Difference to {confidence.baseline}"))
    return DataTable(
        id="scores",
        caption=f"Scores of {len(methods)} method{'s' if len(methods) > 1 else ''}{only}.",
        columns=tuple(columns),
        rows=tuple(tuple(cells[method]) for method in methods),
        footnotes=footnotes.all(),
        switches=tuple(switches),
        notes=tuple(f"signature: {line}" for line in signatures.whole),
    )


def _column(
    board: Sequence[Scores], name: str, confidence: Confidence, footnotes: Footnotes
) -> dict[str, DataCell]:
    """Return a metric of each method on a dataset, ranked among those that were scored alike."""
    metric, dataset = METRICS[name], board[0].dataset_name
    values = {s.method: s.summary()[name] for s in having(board, name)}
    texts = {method: "-" if math.isnan(v) else metric.shown(v) for method, v in values.items()}
    kinds = alike(having(board, name), [name])
    ranks: dict[str, int | None] = {}
    for kind in kinds:
        among = [s.method for s in kind]
        of_kind = dense_ranks([texts[method] for method in among], metric.higher_is_better)
        if len(of_kind) - of_kind.count(None) > 1:
            ranks |= dict(zip(among, of_kind, strict=True))
    usual = max(kinds, key=len)
    resampled = confidence.boards.get(dataset, Resampled())
    versus = {d.a: d for d in confidence.differences if (d.dataset, d.metric) == (dataset, name)}
    cells = {}
    for s in having(board, name):
        value, rank = values[s.method], ranks.get(s.method)
        note = ""
        if s not in usual:
            fields = metric_differences(usual[0].signature, s.signature, [name])
            said = ", ".join(f"{key} {own}, not {other}" for key, (other, own) in fields.items())
            note = footnotes.letter(f"{s.dataset_name}: scored otherwise ({said}), and ranked apart.")
        if math.isnan(value):
            note = ",".join(filter(None, [note, footnotes.letter(f"{metric.label}: defined on no image.")]))
        extras = {}
        if interval := resampled.intervals.get((s.method, name)):
            extras["ci"] = f"[{', '.join(metric.shown(end) for end in interval)}]"
        if difference := versus.get(s.method):
            extras["versus"] = _versus(difference)
        cells[s.method] = DataCell(
            text=texts[s.method],
            value=None if math.isnan(value) else value,
            mark=MARKS["best3"][rank - 1] if rank is not None and rank <= len(MARKS["best3"]) else "",
            note=note,
            extras=extras,
        )
    return cells


def _versus(difference: Difference) -> str:
    gain = difference.difference * difference.sign
    sign = (BETTER if gain > 0 else WORSE) if difference.significant else ""
    shown = METRICS[difference.metric].shown(difference.difference, signed=True)
    return " ".join(filter(None, [f"{shown}, p {shown_p(difference.holm).replace('<', '< ')}", sign]))
