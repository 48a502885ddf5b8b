"""``sodbench doctor``."""

import sys

import click

from sodbench.cli.output import say, show


@click.command()
def doctor() -> None:
    """Check this installation: versions, threads, caches, datasets, devices, weights.

    What is missing or broken is shown with its reason. The exit code is 1 if something fails that
    scoring needs, else 0.
    """
    from sodbench.reports.doctor import check_system, check_text

    broken = []
    for check in check_system():
        show(check_text(check))
        broken += [check.name] * check.broken
    if broken:
        say(f"Scoring needs what fails here: {', '.join(broken)}.")
    sys.exit(bool(broken))
