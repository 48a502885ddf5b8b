"""The figures of `compare` and `plot-pr --band` against pictures that were looked at."""

from typing import TYPE_CHECKING

import pytest
from stored import made

from sodbench import curves, paired, plots
from sodbench.attributes.breakdown import breakdown
from sodbench.plots import ranks, sheets

if TYPE_CHECKING:
    from matplotlib.figure import Figure

picture = pytest.mark.mpl_image_compare(tolerance=3, style="default", savefig_kwargs={"dpi": 60})
METRICS = ["max_f", "mae", "s_measure"]
PAIR = [made("A", 60, 1, skill=0.75), made("a method of a longer name", 60, 2, skill=0.7)]
FIVE = [made(name, 60, k, skill=0.6 + 0.03 * k) for k, name in enumerate("ABCDE")]


@picture
def test_differences_of_two_methods() -> "Figure":
    with plots.style():
        return ranks.differences_figure(paired.compare(PAIR, metrics=METRICS, resamples=500))


@picture
def test_critical_differences_of_five_methods() -> "Figure":
    with plots.style():
        return ranks.ranks_figure(paired.compare(FIVE, metrics=METRICS, resamples=500))


@picture
def test_metrics_by_an_attribute() -> "Figure":
    groups = {"<10%": PAIR[0].ids[:25], "10-25%": PAIR[0].ids[25:50], ">=50%": PAIR[0].ids[50:]}
    with plots.style():
        return sheets.by_attribute_figure(breakdown(PAIR, "size", groups, ["max_f", "mae"], resamples=500))


@picture
def test_bands() -> "Figure":
    panel = curves.scores_curves(PAIR, band=True)["SOD"]
    with plots.style():
        fig, (ax,) = plots.figure(["SOD"], "single")
        plots.pr_curves(ax, panel, zoom="full")
    return fig
