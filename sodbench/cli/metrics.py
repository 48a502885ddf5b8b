"""``sodbench metrics``."""

import click

from sodbench.cli.output import show


@click.command()
def metrics() -> None:
    """List metrics: id, label, better direction, defining paper, and what each asks."""
    from sodbench.reports.metrics import metrics_text

    show(metrics_text())
