"""``sodbench explain``."""

from pathlib import Path
from typing import Any

import click

from sodbench.cli.options import FOLDER, SpacedProtocolCommand, protocol_options, split_names


@click.command(cls=SpacedProtocolCommand, spaced={"--claimed": lambda word: "=" in word})
@click.argument("maps", type=FOLDER)
@click.option("--dataset", "-d", help="Whose masks; by default the one that the folder is named like.")
@click.option("--masks", type=FOLDER, help="Folder or zip of its masks.")
@click.option("--data", type=FOLDER, help="Folder of dataset folders, in place of SODBENCH_DATA.")
@click.option(
    "--claimed", multiple=True, metavar="METRIC=VALUE...", help="Figures as printed: max_f=.951 mae=.033"
)
@click.option("--metrics", multiple=True, callback=split_names, help="IDs, 'paper' or 'all'  [paper].")
@click.option("--strip", multiple=True, help="Affix to remove from the names of maps, e.g. _sal.")
@click.option("--subset", is_flag=True, help="Accept a part of the dataset; the signature says n/N.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Threads  [one a CPU].")
@click.option("--out", type=FOLDER, default="scores", show_default=True, help="Where scores are kept.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, in full precision.")
@protocol_options(default=None)
def explain(maps: Path, **options: Any) -> None:
    """Show what each convention does to a score, and which ones give a claimed one.

    MAPS is one method's folder or zip of maps on one dataset. Or it is a folder that `sodbench score`
    wrote: then conventions that need the pixels again are left out, and named.

    Conventions are changed one at a time in --protocol, which is u2net or what the scores were made by.

    \b
    sodbench explain preds/MINE/ECSSD --dataset ECSSD
    sodbench explain preds/MINE/ECSSD --claimed max_f=.951 mae=.033
    """  # noqa: D301 (click needs the character \b)
    from sodbench.cli.explaining import show_explanation

    show_explanation(maps, **options)
