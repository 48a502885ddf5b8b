"""``sodbench plot-pr``."""

from typing import Any

import click

from sodbench.cli.plotting import curve_options, plot_curves


@click.command()
@curve_options("pr.pdf")
@click.option("--band", is_flag=True, help="Shade what 95 % of 1,000 resamples of the images reach.")
def plot_pr(**options: Any) -> None:
    """Draw precision-recall curves, one panel a dataset.

    SCORES is a folder that `sodbench score` wrote, or one above; without any, the curves that lie beside
    the leaderboards are drawn. Curves that were scored in different ways never share a panel.

    \b
    sodbench plot-pr scores/
    sodbench plot-pr scores/mine --with-boards --highlight mine --out pr.svg
    """  # noqa: D301 (click needs the character \b)
    plot_curves("pr", **options)
