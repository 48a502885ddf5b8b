"""``sodbench metrics``."""

import click

from sodbench.cli.completion import completed, metric_set_names
from sodbench.cli.output import show
from sodbench.cli.parameters import argument


@click.command()
@argument("names", nargs=-1, metavar="[METRIC]...", shell_complete=completed(metric_set_names))
def metrics(names: tuple[str, ...]) -> None:
    """List metrics, or say how each METRIC is made: formula, conventions of each tool, options, cost.

    The list has their ids, labels, better directions and defining papers, and what each asks.

    \b
    sodbench metrics
    sodbench metrics hce
    """  # noqa: D301 (click needs the character \b)
    from sodbench.reports.metrics import metric_pages, metrics_text

    show(metric_pages(names) if names else metrics_text())
