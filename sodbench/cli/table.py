"""``sodbench table``."""

from typing import Any

import click

from sodbench.cli.options import FILE, FOLDER, split_names

LIST: dict[str, Any] = {"multiple": True, "callback": split_names, "metavar": "NAMES"}
STYLES = click.Choice(["text", "latex", "markdown", "html", "csv"])


@click.command()
@click.option(
    "--paper", is_flag=True, help="Tables 3 and 4 of the U2-Net paper: published rows, six datasets."
)
@click.option("--ablation", is_flag=True, help="Tables 1 and 2 of the paper: blocks, and what networks cost.")
@click.option("--measure", is_flag=True, help="The same, and time all 13 networks on this machine.")
@click.option("--datasets", help="Comma-separated, in this order.", **LIST)
@click.option("--methods", help="Comma-separated, in this order.", **LIST)
@click.option("--metrics", help="Comma-separated, in this order.", **LIST)
@click.option("--with", "own", type=FOLDER, multiple=True, help="Add scores of `sodbench score`. Repeatable.")
@click.option("--sort", default="", help="method, year, size, rank or a metric; as on the boards without.")
@click.option("--mark", type=click.Choice(["best3", "bold", "none"]), default="best3", show_default=True)
@click.option("--decimals", type=click.IntRange(1, 6), default=3, show_default=True)
@click.option("--delta", is_flag=True, help="Add columns of measured minus published values.")
@click.option("--mean-rank", is_flag=True, help="Add the mean of each method's ranks.")
@click.option("--average", is_flag=True, help="Add means over the methods, and over the datasets.")
@click.option("--ci", is_flag=True, help="Add ± half the 95 % bootstrap interval to rows of --with.")
@click.option("--significance", is_flag=True, help="Mark which of the rows of --with each is better than.")
@click.option("--caption", default="", help="Opening of the caption; marks, sources, signatures follow.")
@click.option("--format", "style", type=STYLES, help="By default as --out's suffix says, else text.")
@click.option("--out", type=FILE, help="Write to a file.")
@click.option("--boards", type=FOLDER, help="Folder of DATASET.csv in place of the shipped one.")
def table(**options: Any) -> None:
    """Show methods side by side: published values, measured ones, and one's own.

    \b
    sodbench table --paper --format latex --out tables.tex
    sodbench table --datasets SOD --with scores/mine --delta
    sodbench table --ablation --measure
    """  # noqa: D301 (click needs the character \b)
    from sodbench.cli.tabling import show_table

    show_table(**options)
