"""Scores as text: pure functions from scores to strings. Rounding is done only here."""

import math
from collections.abc import Iterator, Sequence

from sodbench.metrics import METRICS, PAPER_METRICS
from sodbench.scoring.scores import Scores
from sodbench.utils.text import broken, json_text, printable, sheet_text


def usual_metrics(scores: Sequence[Scores]) -> tuple[str, ...]:
    """Return the metrics that a table shows unless others are asked for: the paper's, where all have them."""
    if all(set(PAPER_METRICS) <= set(s.metrics) for s in scores):
        return PAPER_METRICS
    return tuple(METRICS)


def text_table(scores: Sequence[Scores], decimals: int = 4, metrics: Sequence[str] = tuple(METRICS)) -> str:
    """Lay out scores for a terminal: a table a dataset, the signatures under it.

    Parameters
    ----------
    scores
        Scores with the same metrics.
    decimals
        Digits after the point.
    metrics
        Which are shown, of those that there are.
    """
    blocks = []
    for dataset in dict.fromkeys(s.dataset for s in scores):
        rows = [s for s in scores if s.dataset == dataset]
        columns = [name for name in metrics if any(name in s.metrics for s in rows)]
        head = [
            "method",
            "n",
            *(METRICS[m].arrowed for m in columns),
        ]
        lines = [head]
        for s in rows:
            values = s.summary()
            lines.append(
                [
                    printable(s.method),
                    f"{s.n}/{s.of}",
                    *(_shown(values.get(m), METRICS[m].decimals(decimals)) for m in columns),
                ]
            )
        table = broken(lines, left=(0,), kept=2)
        blocks.append(f"{rows[0].dataset_name}\n{table}\n\n{_signatures(rows, columns)}")
    return "\n\n".join(blocks)


def scores_json(scores: Sequence[Scores]) -> str:
    """Return scores as a JSON list, in full precision; undefined values are null."""
    return json_text(
        [
            {
                "method": s.method,
                "dataset": s.dataset_name,
                "n": s.n,
                "of": s.of,
                "signature": s.signature,
                "scores": s.summary(),
            }
            for s in scores
        ]
    )


def scores_csv(scores: Sequence[Scores]) -> str:
    """Return scores as CSV, a line each, in full precision; undefined values are empty."""
    metrics = [name for name in METRICS if any(name in s.metrics for s in scores)]
    lines = []
    for s in scores:
        values = s.summary()
        cells = [_full(values.get(m)) for m in metrics]
        lines.append([s.method, s.dataset_name, s.n, s.of, *cells, s.signature])
    return sheet_text([["method", "dataset", "n", "of", *metrics, "signature"], *lines])


def images_csv(scores: Sequence[Scores]) -> Iterator[str]:
    """Yield the per-image values as CSV, a line an image, in full precision; one method after the other."""
    metrics = [name for name in METRICS if any(name in s.metrics for s in scores)]
    yield sheet_text([["method", "dataset", "image", *metrics, "notes"]])
    for s in scores:
        empty = [""] * len(s.rows)
        cells = [[_full(v) for v in s.values(m).tolist()] if m in s.metrics else empty for m in metrics]
        notes = map(" ".join, s.table.notes)
        lines = zip(s.ids, *cells, notes, strict=True)
        yield sheet_text([s.method, s.dataset_name, *line] for line in lines)


def _signatures(rows: Sequence[Scores], columns: Sequence[str]) -> str:
    """Return the signatures of what is shown, and of which methods each is."""
    methods: dict[str, list[str]] = {}
    for s in rows:
        shown = [name for name in columns if name in s.metrics]
        methods.setdefault(str(s.sign(shown)), []).append(printable(s.method))
    if len(methods) == 1:
        return f"signature: {next(iter(methods))}"
    return "\n".join(f"signature of {', '.join(names)}: {signature}" for signature, names in methods.items())


def _shown(value: float | None, decimals: int) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.{decimals}f}"


def _full(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else repr(float(value))
