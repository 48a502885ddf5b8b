"""``sodbench plot-f``."""

from typing import Any

import click

from sodbench.cli.plotting import curve_options, plot_curves


@click.command()
@curve_options("f.pdf")
def plot_f(**options: Any) -> None:
    """Draw F-measure against the threshold, one panel a dataset.

    SCORES is a folder that `sodbench score` wrote, or one above; without any, the curves that lie beside
    the leaderboards are drawn. Curves that were scored in different ways never share a panel.

    \b
    sodbench plot-f scores/
    sodbench plot-f scores/mine --with-boards --highlight mine --out f.svg
    """  # noqa: D301 (click needs the character \b)
    plot_curves("f", **options)
