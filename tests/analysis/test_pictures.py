"""The figures of `compare` and `plot-pr --band` against pictures that were looked at."""

from typing import TYPE_CHECKING

import pytest
from stored import made

from sodbench.analysis.breakdown import breakdown
from sodbench.analysis.compare import compare
from sodbench.reports.figures.attributes import by_attribute_figure
from sodbench.reports.figures.compare import differences_figure, ranks_figure
from sodbench.reports.figures.curves import pr_curves
from sodbench.reports.figures.panels import scores_curves
from sodbench.reports.figures.style import figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

picture = pytest.mark.mpl_image_compare(tolerance=3, style="default", savefig_kwargs={"dpi": 60})
METRICS = ["max_f", "mae", "s_measure"]
PAIR = [made("A", 60, 1, skill=0.75), made("a method of a longer name", 60, 2, skill=0.7)]
FIVE = [made(name, 60, k, skill=0.6 + 0.03 * k) for k, name in enumerate("ABCDE")]


@picture
def test_differences_of_two_methods() -> "Figure":
    with figure_style():
        return differences_figure(compare(PAIR, metrics=METRICS, resamples=500))


@picture
def test_critical_differences_of_five_methods() -> "Figure":
    with figure_style():
        return ranks_figure(compare(FIVE, metrics=METRICS, resamples=500))


@picture
def test_metrics_by_an_attribute() -> "Figure":
    groups = {"<10%": PAIR[0].ids[:25], "10-25%": PAIR[0].ids[25:50], ">=50%": PAIR[0].ids[50:]}
    with figure_style():
        return by_attribute_figure(breakdown(PAIR, "size", groups, ["max_f", "mae"], resamples=500))


@picture
def test_bands() -> "Figure":
    panel = scores_curves(PAIR, band=True)["SOD"]
    with figure_style():
        fig, (ax,) = new_figure(["SOD"], "single")
        pr_curves(ax, panel, zoom="full")
    return fig
