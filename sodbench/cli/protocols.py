"""``sodbench protocols``."""

import click

from sodbench.cli.output import show


@click.command()
def protocols() -> None:
    """List the presets of --protocol, and the fields in which they differ.

    A field is an option of `sodbench score`, as --help-conventions lists it: --average mean-f.
    """
    from sodbench.reports.protocols import protocols_text

    show(protocols_text())
