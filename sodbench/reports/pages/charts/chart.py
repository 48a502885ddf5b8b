"""What charts have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sodbench.reports.pages.charts.theme import Spec

CHART_SCRIPTS = ("vendor/vega.min.js", "vendor/vega-lite.min.js", "vendor/vega-embed.min.js", "charts.js")
"""The scripts of a page with charts, in their order."""

SHOWN = "indexof(hidden, datum.name) < 0"
"""Whether the legend's button of a row is pressed."""


@dataclass(frozen=True)
class ChartFigure:
    """A chart: the id of its data, its specification, and its caption."""

    id: str
    spec: Spec
    caption: str


def chart(
    description: str,
    *,
    values: Sequence[Spec],
    layer: Sequence[Spec],
    encoding: Spec,
    height: float,
    legend: Sequence[Spec] = (),
    buttons: str = "",
    flatten: Sequence[str] = (),
    zoom: Sequence[str] = (),
    rows: Sequence[str] = (),
    note: str = "",
) -> Spec:
    """Return a specification.

    Parameters
    ----------
    description
        The chart in a sentence, with its main numbers: its text alternative.
    values
        Rows of data. With buttons, each has a ``name`` of an entry.
    layer, encoding, height
        Of Vega-Lite.
    legend
        Of `legend_entries`: the colours of names.
    buttons
        What the legend's buttons show, ``line`` or ``point``, which hide and show rows; empty: no buttons.
    flatten
        Fields that hold a list, of which each element is a row.
    zoom
        Fields of the axes that can be zoomed and moved, x first.
    rows
        Names of the rows of `row_axis`, top first.
    note
        How to read it, in a sentence or two; the page shows it below.
    """
    transform: list[Spec] = [{"filter": SHOWN}] if buttons else []
    if flatten:
        transform.append({"flatten": list(flatten)})
    params: list[Spec] = [{"name": "hidden", "value": []}] if buttons else []
    if rows:
        params.append({"name": "rows", "value": list(rows)})
    meta: dict[str, Any] = {"legend": list(legend), "buttons": buttons, "zoom": list(zoom), "note": note}
    return {
        "description": description,
        "usermeta": meta,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "padding": PADDING,
        "params": params,
        "data": {"values": list(values)},
        "transform": transform,
        "layer": list(layer),
        "encoding": encoding,
    }


PADDING: Spec = {"left": 5, "top": 5, "right": 16, "bottom": 5}
"""Around the drawing, in pixels; half of the last label of an axis needs some on the right."""

TICKS: Spec = {"tickCount": {"expr": "clamp(width / 90, 3, 12)"}, "labelFlush": False}
"""The axis of numbers along the width."""


def by_entry(legend: Sequence[Spec], key: str = "") -> Spec:
    """Return the channel in which each name has its colour, or what its entry holds under a key."""
    scale: Spec = {"domain": [entry["name"] for entry in legend]}
    scale["range"] = [entry[key] for entry in legend] if key else "category"
    kind = "ordinal" if key == "width" else "nominal"
    return {"field": "name", "type": kind, "scale": scale, "legend": None}


def row_axis(count: int, head: float = 0.5) -> Spec:
    """Return the channel of rows of names, by their number from the top, with a head above; see `chart`."""
    return {
        "field": "row",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [count - 0.5, -head], "nice": False, "zero": False},
        "axis": {
            "values": list(range(count)),
            "labelExpr": "split(rows[datum.value], '\\n')",
            "grid": False,
            "ticks": False,
            "domain": False,
            "labelPadding": 6,
        },
    }


def shown(field: str, title: str, form: str = "") -> Spec:
    """Return a line of a tooltip."""
    kind = {"type": "quantitative", "format": form} if form else {"type": "nominal"}
    return {"field": field, "title": title, **kind}
