"""The charts of the site's pages."""

from sodbench.errors import LeaderboardError
from sodbench.leaderboard.curves import BOARD_CURVES, StoredCurves
from sodbench.metrics import METRICS
from sodbench.protocol import PRESETS
from sodbench.reports.figures.panels import Curves
from sodbench.reports.figures.size import sized
from sodbench.reports.pages.charts.chart import ChartFigure
from sodbench.reports.pages.charts.conventions import effects_chart, gap_chart
from sodbench.reports.pages.charts.curves import f_chart, pr_chart
from sodbench.reports.pages.charts.size import size_chart
from sodbench.reports.pages.site.content import Content, explanation_of

SHOWN = "max_f"
"""The metric of charts that show one."""


def dataset_figures(content: Content, dataset: str) -> list[ChartFigure]:
    """Return the curves of a dataset's measured rows, and size against score where sizes are known."""
    curves = {
        method: _curves(content, dataset, method, stored)
        for method, stored in content.curves.get(dataset, {}).items()
    }
    figures = []
    if curves:
        figures += [
            ChartFigure(
                "chart-pr", pr_chart(curves, dataset), f"Precision and recall on {dataset}, measured."
            ),
            ChartFigure("chart-f", f_chart(curves, dataset), f"F over thresholds on {dataset}, measured."),
        ]
    try:
        board, _ = sized(content.boards[dataset], SHOWN)
    except LeaderboardError:
        return figures
    if len(board.entries) > 1:
        caption = f"{METRICS[SHOWN].label} on {dataset} against the size of the weights, where it is known."
        figures.append(ChartFigure("chart-size", size_chart(board, SHOWN), caption))
    return figures


def method_figures(content: Content, method: str) -> list[ChartFigure]:
    """Return the curves of a method, by dataset."""
    curves = {
        dataset: _curves(content, dataset, method, of_methods[method])
        for dataset, of_methods in content.curves.items()
        if method in of_methods
    }
    if not curves:
        return []
    return [ChartFigure("chart-pr", pr_chart(curves, method), f"Precision and recall of {method}, measured.")]


def convention_figures(content: Content, dataset: str) -> tuple[list[ChartFigure], dict[str, ChartFigure]]:
    """Return the gap between presets and what each convention changes, and charts by metric."""
    rows = content.conventions[dataset]
    slug = content.dataset_slugs[dataset]
    methods = list(dict.fromkeys(row.method for row in rows))
    metrics = [metric for metric in METRICS if any(row.metric == metric for row in rows)]
    gaps = {}
    for metric in metrics:
        figures: dict[str, dict[str, float]] = {method: {} for method in methods}
        for row in rows:
            if row.convention in PRESETS and row.metric == metric:
                figures[row.method][row.convention] = float(row.value)
        gaps[metric] = ChartFigure(
            f"chart-{slug}-{metric}",
            gap_chart(figures, metric, dataset),
            f"{METRICS[metric].label} of the same maps on {dataset} by each preset.",
        )
    effects = effects_chart(explanation_of(content, dataset, methods[0]), SHOWN)
    shown = [gaps[SHOWN]] if SHOWN in gaps else []
    if effects:
        caption = f"{METRICS[SHOWN].label} of {methods[0]} on {dataset} with one convention changed."
        shown.append(ChartFigure(f"chart-{slug}-effects", effects, caption))
    return shown, {metric: figure for metric, figure in gaps.items() if metric != SHOWN}


def _curves(content: Content, dataset: str, method: str, stored: StoredCurves) -> Curves:
    entry = content.boards[dataset].find(method, "measured")
    precision, recall, f = (stored.curves[name] for name in BOARD_CURVES)
    return Curves(entry.signature if entry else "", precision, recall, f)
