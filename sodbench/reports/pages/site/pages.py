"""The pages of the site, each as its text."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sodbench.data.registry import lookup
from sodbench.leaderboard.boards import SUPERVISIONS
from sodbench.leaderboard.conventions import ConventionRow
from sodbench.metrics import METRICS, PAPER_METRICS
from sodbench.protocol import PRESETS
from sodbench.protocol.conventions import CONVENTIONS
from sodbench.reports.pages.charts.chart import CHART_SCRIPTS, ChartFigure
from sodbench.reports.pages.charts.theme import THEMES
from sodbench.reports.pages.page import rendered
from sodbench.reports.pages.site import records, tables
from sodbench.reports.pages.site.content import DECIMALS, Content
from sodbench.reports.pages.site.drawings import convention_figures, dataset_figures, method_figures
from sodbench.reports.pages.tables import DataCell, DataColumn, DataTable, tables_data
from sodbench.reports.ranking import number_text
from sodbench.utils.text import counted

PLACES = (("index.html", "Leaderboards"), ("conventions.html", "Conventions"), ("about.html", "About"))

JSON, CSV = "application/json", "text/csv"

METRIC_LABELS = {name: metric.label for name, metric in METRICS.items()}
"""What ``site.js`` reads from the element ``site-metrics``."""

TITLE = "Salient object detection: leaderboards"

FACT_LABELS = {
    "venue": "Venue",
    "year": "Year",
    "backbone": "Backbone",
    "supervision": "Supervision",
    "size_mb": "Size of weights",
    "reference": "Paper",
}


def index_page(content: Content) -> bytes:
    """Return the front page."""
    return _page(
        "site_index.html.jinja",
        TITLE,
        about="Published and measured scores of salient object detection, with source and signature.",
        here="index.html",
        data_files=[(JSON, "index.json")],
        heading=TITLE,
        methods_count=counted(len(content.methods), "method"),
        datasets_count=counted(len(content.boards), "dataset"),
        datasets=tables.overview_table(content),
        methods=tables.methods_table(content),
        shipped=content.shipped,
    )


def dataset_page(content: Content, dataset: str) -> bytes:
    """Return the page of a dataset."""
    board, known = content.boards[dataset], lookup(dataset)
    signatures: dict[str, list[str]] = {}
    for entry in board.of("measured"):
        signatures.setdefault(entry.signature, []).append(entry.method)
    both = {
        (method, f"../{content.method_page(method)}"): rows[dataset]
        for method, rows in content.methods.items()
        if dataset in rows
    }
    counts = {source: len(board.of(source)) for source in tables.SECTIONS}
    rows = " and ".join(f"{count} {source}" for source, count in counts.items() if count) or "no"
    images = f"{counted(known.count, 'image')}; " if known and known.count else ""
    slug = content.dataset_slugs[dataset]
    return _page(
        "site_dataset.html.jinja",
        f"{dataset}: leaderboard",
        about=f"Scores of salient object detection on {dataset}: {rows} rows.",
        root="../",
        data_files=[(JSON, f"{slug}.json"), (CSV, f"{slug}.csv")],
        figures=dataset_figures(content, dataset),
        heading=dataset,
        summary=f"{images}{rows} {'row' if sum(counts.values()) == 1 else 'rows'}.",
        paper=known.paper if known else "",
        published=tables.section_table(content, dataset, "published"),
        measured=tables.section_table(content, dataset, "measured"),
        signatures=list(signatures.items()),
        differences=tables.difference_table("Method", both),
        curve_files=[
            (method, content.curve_file(dataset, method)) for method in content.curves.get(dataset, {})
        ],
    )


def method_page(content: Content, method: str) -> bytes:
    """Return the page of a method."""
    rows, facts = content.methods[method], content.facts(method)
    slug = content.method_slugs[method]
    texts = {name: str(value) for name, value in facts.items()}
    if "size_mb" in texts:
        texts["size_mb"] += " MB"
    first = next(
        (d for d, own in content.conventions.items() if any(row.method == method for row in own)), None
    )
    both = {
        (dataset, f"../{content.dataset_page(dataset)}"): own for dataset, own in rows.items() if len(own) > 1
    }
    return _page(
        "site_method.html.jinja",
        f"{method}: scores on {counted(len(rows), 'dataset')}",
        about=f"Published and measured scores of {method} on {', '.join(rows)}.",
        root="../",
        data_files=[(JSON, f"{slug}.json"), (CSV, f"{slug}.csv")],
        figures=method_figures(content, method),
        heading=method,
        facts=[(label, texts[name]) for name, label in FACT_LABELS.items() if name in texts],
        published=tables.method_table(content, method, "published"),
        measured=tables.method_table(content, method, "measured"),
        signatures=[(d, entry.signature) for d, own in rows.items() for entry in own if entry.signature],
        differences=tables.difference_table("Dataset", both),
        by_convention="" if first is None else content.dataset_slugs[first],
    )


def conventions_page(content: Content) -> bytes:
    """Return the page that shows the same maps under every convention."""
    sections = [_by_convention(content, dataset) for dataset in content.conventions]
    figures = [
        figure for section in sections for figure in (*section["charts"], *section["by_metric"].values())
    ]
    return _page(
        "site_conventions.html.jinja",
        "The same maps, other scores: conventions",
        about="How the same saliency maps score under the conventions of each toolbox.",
        here="conventions.html",
        data_files=[(JSON, "conventions.json"), (CSV, "conventions.csv")] if content.conventions else [],
        figures=figures,
        heading="The same maps, other scores",
        sections=sections,
        gap=_gap_text(content),
    )


def _gap_text(content: Content) -> str:
    """Say in a sentence how far apart presets put one method's maxF."""
    for dataset, rows in content.conventions.items():
        own = [row for row in rows if row.convention in PRESETS and row.metric == "max_f"]
        own = [row for row in own if row.method == own[0].method]
        if len(own) > 1:
            low, high = (end(own, key=lambda row: row.value) for end in (min, max))
            return (
                f"The maps of {own[0].method} on {dataset} get a maxF of {high.value:.{DECIMALS}f} by the "
                f"rules of {high.convention} and of {low.value:.{DECIMALS}f} by those of {low.convention}: "
                f"{high.value - low.value:.3f} apart, and both are computed without fault."
            )
    return ""


def _by_convention(content: Content, dataset: str) -> dict[str, Any]:
    rows = content.conventions[dataset]
    slug = content.dataset_slugs[dataset]
    methods = list(dict.fromkeys(row.method for row in rows))
    values = {(row.method, row.convention, row.metric): row for row in rows}
    metrics = [metric for metric in METRICS if any(row.metric == metric for row in rows)]
    presets = [
        _preset_table(content, f"{slug}-presets-{content.method_slugs[m]}", dataset, m, metrics, values)
        for m in methods
    ]
    effects = {
        metric: _effect_table(content, f"{slug}-{metric}", dataset, metric, methods, values)
        for metric in metrics
    }
    charts, by_metric = convention_figures(content, dataset)
    return {
        "charts": charts,
        "by_metric": by_metric,
        "id": slug,
        "title": f"{dataset} by convention",
        "text": f"The maps behind the measured rows of {', '.join(methods)}.",
        "presets": presets,
        "effects": [(metric, METRICS[metric].label, table) for metric, table in effects.items()],
    }


Values = Mapping[tuple[str, str, str], ConventionRow]


def _preset_table(
    content: Content, name: str, dataset: str, method: str, metrics: Sequence[str], values: Values
) -> DataTable:
    return DataTable(
        id=name,
        caption=f"{method} on {dataset}, by preset.",
        columns=(
            DataColumn(id="preset", label="Preset"),
            *(DataColumn(id=metric, label=METRICS[metric].label, sign=0) for metric in metrics),
        ),
        rows=tuple(
            (DataCell(text=preset), *(_value_cell(values.get((method, preset, m))) for m in metrics))
            for preset in PRESETS
            if any((method, preset, m) in values for m in metrics)
        ),
    )


def _effect_table(
    content: Content, name: str, dataset: str, metric: str, methods: Sequence[str], values: Values
) -> DataTable | None:
    there = {row.convention for row in values.values() if row.metric == metric} - {*PRESETS}
    moving = [c for c in CONVENTIONS if c.name in there]
    if not moving:
        return None

    digits = METRICS[metric].decimals(DECIMALS)
    visible = 0.5 * 10**-digits

    def base(method: str) -> ConventionRow | None:
        return values.get((method, "u2net", metric))

    def moved(method: str, convention: str) -> float:
        own, start = values.get((method, convention, metric)), base(method)
        return float(own.value - start.value) if own and start else math.nan

    def reach(convention: str) -> float:
        return max((abs(m) for m in (moved(method, convention) for method in methods) if m == m), default=0)

    far = [convention for convention in moving if reach(convention.name) >= visible]
    near = ", ".join(convention.name for convention in moving if convention not in far)
    lines = [
        (
            DataCell(text=convention.name),
            tables.text_cell(convention.text),
            tables.text_cell(convention.tools),
            *(
                cell
                for method in methods
                for cell in (
                    _value_cell(values.get((method, convention.name, metric))),
                    _difference_cell(values.get((method, convention.name, metric)), base(method)),
                )
            ),
        )
        for convention in sorted(far, key=lambda c: -reach(c.name))
    ]
    hidden = f" No visible effect (< {visible:.{digits + 1}f}): {near}." if near else ""
    starts = ", ".join(
        f"{method} {number_text(row.value, digits)}" for method in methods if (row := base(method))
    )
    return DataTable(
        id=name,
        caption=f"{METRICS[metric].label} on {dataset}; under u2net: {starts}.{hidden}",
        columns=(
            DataColumn(id="convention", label="Convention"),
            DataColumn(id="meaning", label="What it means"),
            DataColumn(id="tools", label="Who does it"),
            *(
                DataColumn(id=f"{content.method_slugs[method]}_{what}", label=label, group=method, sign=0)
                for method in methods
                for what, label in (("value", METRICS[metric].label), ("difference", "Change"))
            ),
        ),
        rows=tuple(lines),
    )


def _value_cell(row: ConventionRow | None) -> DataCell:
    if row is None:
        return tables.figure_cell(tables.NONE, None)
    return tables.figure_cell(number_text(row.value, METRICS[row.metric].decimals(DECIMALS)), row.value)


def _difference_cell(row: ConventionRow | None, base: ConventionRow | None) -> DataCell:
    if row is None or base is None:
        return tables.figure_cell(tables.NONE, None)
    moved = row.value - base.value
    return tables.figure_cell(number_text(moved, METRICS[row.metric].decimals(DECIMALS), signed=True), moved)


def about_page(content: Content) -> bytes:
    """Return the page that explains the site, how to add to sodbench's own, and its data."""
    return _page(
        "site_about.html.jinja",
        "About these leaderboards",
        about="What the rows mean, where they come from, and the format of the data.",
        here="about.html",
        shipped=content.shipped,
        heading="About these leaderboards",
        schema=records.SCHEMA,
        keys=KEYS,
        columns=COLUMNS,
    )


def _page(template: str, title: str, *, root: str = "", here: str = "", **context: Any) -> bytes:
    data_files: list[tuple[str, str]] = context.pop("data_files", [])
    figures: list[ChartFigure] = context.pop("figures", [])
    charts = {"chart-themes": THEMES, **{figure.id: figure.spec for figure in figures}} if figures else {}
    return rendered(
        template,
        title=title,
        scripts=("site.js", *(CHART_SCRIPTS if figures else ())),
        data={**tables_data(), "site-metrics": METRIC_LABELS, **charts},
        figures=figures,
        assets=f"{root}assets",
        root=root,
        here=here,
        places=PLACES,
        data_files=data_files,
        **context,
    )


ROW = "datasets/*.json, methods/*.json: rows"

KEYS = (
    ("all", "schema", "Number of this format."),
    (
        "index.json",
        "datasets",
        "Name, images, version, paper; numbers of methods, published, measured; page, json, csv.",
    ),
    ("index.json", "methods", "Name, facts as in methods/*.json, datasets; page, json, csv."),
    ("index.json", "conventions", "Page, json, csv of the rows by convention; null if there are none."),
    ("all", "metrics", "By id: label, and whether higher is better."),
    ("datasets/*.json", "dataset", "Name, images, version, paper."),
    ("methods/*.json", "method", "Name and facts: venue, year, backbone, size_mb, supervision, reference."),
    ("methods/*.json", "differences", "By dataset and metric: measured minus published value, as text."),
    (ROW, "method, dataset, source", "Which row; source is published or measured."),
    (ROW, "values", "By metric: the value as text, with the board's digits."),
    (ROW, "n, signature, date", "Of measured rows: images scored, how, and when the row was added."),
    (ROW, "printed_in", "Where a published row's values are printed; without, in its reference."),
    (
        ROW,
        "venue, year, backbone, size_mb, supervision, reference",
        "Facts about the method, as the row says.",
    ),
    (ROW, "note", "What a reader must know; `mae: text` concerns that metric."),
    (ROW, "page, curves", "Address of the row, and of its curves, as seen from the file."),
    ("conventions.json", "rows", "Dataset, method, convention, metric, value, signature."),
)

COLUMNS = (
    ("method, source", "The row's key; source is published or measured."),
    ("venue, year, backbone, size_mb, reference", "Facts about the method; size in megabytes."),
    ("supervision", f"What it learned from: {', '.join(SUPERVISIONS)}. Only where some row says it."),
    (", ".join(PAPER_METRICS), "Values; other metrics behind them, where some row has them."),
    ("n, signature, date", "Of measured rows: images scored, how, and when the row was added."),
    ("printed_in", "Where a published row's values are printed, if not in its reference."),
    ("note", "What a reader must know; `mae: text` concerns that metric."),
)
