"""Colours, dashes and fonts of charts, on light and on dark pages.

A method keeps the line of `sodbench.reports.figures.style.line_styles`, so that it looks alike in print and
on a screen. Print's orange and sky blue are too pale for a white screen and its blue is too dark for a black
one: each colour has a counterpart of at least 3:1 against the page, told apart by colour-blind readers too.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sodbench.reports.figures.attributes import MARKERS
from sodbench.reports.figures.style import (
    COLOURS,
    DASHES,
    GREEN,
    LINES,
    PINK,
    RED,
    is_highlighted,
    line_styles,
)

Spec = dict[str, Any]
"""A Vega-Lite specification, or a part of one."""

PAGES: Mapping[str, str] = {"light": "#ffffff", "dark": "#16181c"}
"""Backgrounds."""

SCREEN: Mapping[str, tuple[str, str]] = {
    **dict(
        zip(
            COLOURS,
            [("#0058a8", "#3a8bdc"), ("#c47f00", "#f0a830"), ("#3496d8", "#9bdcff"), ("#000000", "#ffffff")],
            strict=True,
        )
    ),
    GREEN: ("#00805c", "#1fb58a"),
    PINK: ("#c06095", "#e08cbd"),
    RED: ("#d00000", "#ff5a52"),
}
"""Colours of print: their counterparts on a light and on a dark page."""

SCREEN_DASHES: Sequence[Sequence[float]] = tuple(
    [] if dash == "-" else [round(2 * length, 1) for length in dash[1]] for dash in DASHES
)
"""`DASHES` in pixels of a line two pixels thick."""

SHAPES: Mapping[str, str] = {
    **{"o": "circle", "s": "square", "D": "diamond"},
    **{"^": "triangle-up", "v": "triangle-down", "P": "cross"},
}
"""Shapes of Vega for those of `MARKERS`."""

FONT = "system-ui, sans-serif"


def theme_config(dark: bool) -> Spec:
    """Return Vega-Lite's configuration for a page."""
    page = PAGES["dark" if dark else "light"]
    ink, muted, line, grid = (
        ("#e6e7e9", "#a7aeb8", "#5a616b", "#2b2f36") if dark else ("#1b1d21", "#5a616b", "#a7aeb8", "#e4e7eb")
    )
    main, second, accent = (SCREEN[colour][dark] for colour in (COLOURS[0], COLOURS[1], RED))
    return {
        "background": page,
        "font": FONT,
        "aria": False,  # the figure's label stands for all of it
        "view": {"stroke": line},
        "axis": {
            "labelColor": ink,
            "titleColor": ink,
            "domainColor": line,
            "tickColor": line,
            "gridColor": grid,
            "labelFontSize": 12,
            "titleFontSize": 13,
            "titleFontWeight": "normal",
        },
        "text": {"color": ink, "fontSize": 12},
        "style": {
            "ink": {"color": ink},
            "muted": {"color": muted},
            "main": {"color": main},
            "second": {"color": second},
            "accent": {"color": accent},
            "hollow": {"fill": page},
        },
    }


THEMES: Mapping[str, Spec] = {"light": theme_config(dark=False), "dark": theme_config(dark=True)}
"""What ``charts.js`` reads from the element ``chart-themes``."""


def legend_entries(methods: Mapping[str, str], among: Sequence[str] = ()) -> list[Spec]:
    """Return how each method is drawn: its colours, its dash and width as a line, its shape as a point.

    Where there are more methods than lines that can be distinguished, lines repeat; hovering names them.

    Parameters
    ----------
    methods
        Names, and what they are shown as.
    among
        The methods out of which these were chosen, see `line_styles`.
    """
    names = list(methods)
    red = sum(is_highlighted(name) for name in names)
    if red <= len(DASHES):
        parts = [names[k : k + len(LINES)] for k in range(0, len(names), len(LINES))]
        styles = [line_styles(part, among=among) for part in parts]
    else:
        parts = [names[k : k + len(DASHES)] for k in range(0, len(names), len(DASHES))]
        styles = [line_styles(part) for part in parts]
    by_name = {name: style for part in styles for name, style in part.items()}
    return [
        legend_entry(
            shown,
            by_name[name]["color"],
            DASHES.index(by_name[name]["linestyle"]),
            width=3 if by_name[name]["color"] == RED else 2,
        )
        for name, shown in methods.items()
    ]


def legend_entry(name: str, colour: str, dash: int, width: float = 2) -> Spec:
    """Return an entry in a colour of print, with the dash and the shape of a place of `DASHES`."""
    light, dark = SCREEN[colour]
    return {
        "name": name,
        "light": light,
        "dark": dark,
        "dash": list(SCREEN_DASHES[dash]),
        "width": width,
        "shape": SHAPES[MARKERS[dash]],
    }
