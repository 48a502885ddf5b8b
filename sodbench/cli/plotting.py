"""What the commands that draw share."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sodbench.cli.options import FILE, FOLDER, split_names
from sodbench.cli.output import say, show

if TYPE_CHECKING:
    from sodbench.reports.figures.panels import Panels

BOARDS_OPTION = click.option(
    "--boards",
    type=FOLDER,
    help="Folder of DATASET.csv in place of SODBENCH_LEADERBOARDS or the shipped one.",
)
METHODS_OPTION = click.option(
    "--methods", multiple=True, callback=split_names, help="NAME,NAME: which, in this order  [all]."
)
HIGHLIGHT_OPTION = click.option(
    "--highlight", multiple=True, callback=split_names, help="NAME,NAME: drawn in red, on top  [U2-Net]."
)
WIDTH = click.Choice(["single", "double"])


def out_option(default: str) -> Callable[..., Any]:
    """Add ``--out``."""
    return click.option(
        "--out", type=FILE, default=default, show_default=True, help="File that ends in .pdf, .svg or .png."
    )


def curve_options(default: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add what ``plot-pr`` and ``plot-f`` take."""
    options: tuple[Callable[..., Any], ...] = (
        click.argument("stored", nargs=-1, type=FOLDER, metavar="[SCORES]..."),
        click.option(
            "--datasets", "-d", multiple=True, callback=split_names, help="NAME,NAME: one panel each."
        ),
        METHODS_OPTION,
        click.option("--with-boards", is_flag=True, help="Draw the boards' curves beside those of SCORES."),
        BOARDS_OPTION,
        HIGHLIGHT_OPTION,
        click.option("--zoom", type=click.Choice(["paper", "full"]), default="paper", show_default=True),
        click.option("--mark-best", is_flag=True, help="Put a dot where F is highest."),
        click.option("--width", type=WIDTH, help="3.5 or 7.16 inches  [single for one panel, else double]."),
        out_option(default),
    )

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def plot_curves(
    kind: str,
    stored: tuple[Path, ...],
    datasets: tuple[str, ...],
    methods: tuple[str, ...],
    with_boards: bool,
    boards: Path | None,
    highlight: tuple[str, ...],
    zoom: str,
    mark_best: bool,
    width: str | None,
    out: Path,
    band: bool = False,
) -> None:
    """Draw the ``pr`` or ``f`` curves asked for, one panel a dataset, and say what they are."""
    from sodbench.reports.figures.panels import panel_signatures, select_curves
    from sodbench.reports.figures.style import (
        add_legend,
        check_figure_target,
        f_curves,
        figure_style,
        label_outer,
        line_styles,
        new_figure,
        outside,
        pr_curves,
        save_figure,
    )

    check_figure_target(out)
    panels = _collect(stored, with_boards or boards is not None, boards, band)
    panels, said = select_curves(panels, [dataset_name(name) for name in datasets], methods)
    there = [method for panel in panels.values() for method in panel]
    order = [method for method in methods if method in there] or list(dict.fromkeys(there))
    with figure_style():
        styles = line_styles(order, highlight)
        fig, axes = new_figure(list(panels), width or ("single" if len(panels) == 1 else "double"))
        for ax, panel in zip(axes, panels.values(), strict=True):
            draw = pr_curves if kind == "pr" else f_curves
            draw(ax, panel, styles, zoom=zoom, mark_best=mark_best)
        label_outer(axes)
        add_legend(fig, styles)
        save_figure(fig, out, "; ".join(panel_signatures(panels)))
    for name, panel in panels.items():
        if band and (bare := [method for method, one in panel.items() if one.band is None]):
            said.append(f"{name}: no band for {', '.join(bare)}, drawn from the boards.")
        if kind == "pr" and (hidden := outside(panel, zoom)):
            said.append(f"{name}: {', '.join(hidden)} lies outside these axes; pass --zoom full.")
    finish(out, said, [*order, *panels], highlight, panel_signatures(panels))


def finish(
    out: Path, said: list[str], names: list[str], highlight: tuple[str, ...], signatures: list[str]
) -> None:
    """Say what a reader of the figure must know, and print its path."""
    from sodbench.reports.figures.style import unknown_glyphs

    if absent := [name for name in highlight if name not in names]:
        said = [*said, f"--highlight {', '.join(absent)}: not in this figure."]
    if boxes := unknown_glyphs(names):
        said = [*said, f"the font lacks {boxes}: shown as boxes."]
    for line in [*said, *(f"signature: {signature}" for signature in signatures)]:
        say(line)
    show(str(out))


def _collect(stored: tuple[Path, ...], with_boards: bool, boards: Path | None, band: bool) -> "Panels":
    """Read curves of scores, boards, or of both for the datasets of the scores."""
    from sodbench.leaderboard.boards import boards_folder
    from sodbench.reports.figures.panels import board_curves, scores_curves
    from sodbench.scoring.runs import load_scores

    if band and not stored:
        raise click.UsageError("--band resamples images, which boards do not have. Give SCORES.")
    if not stored:
        return board_curves(boards_folder(boards))
    own = scores_curves(load_scores(stored), band)
    if not with_boards:
        return own
    other = board_curves(boards_folder(boards))
    for dataset, panel in own.items():
        if both := [method for method in panel if method in other.get(dataset, {})]:
            say(f"{dataset}: {', '.join(both)} drawn from the scores given, not from the board.")
    return {dataset: {**other.get(dataset, {}), **panel} for dataset, panel in own.items()}


def dataset_name(name: str) -> str:
    """Return a registered dataset's name in its own spelling, others as they are."""
    from sodbench.data.registry import lookup

    found = lookup(name)
    return found.name if found else name
