"""What the commands that draw share."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sodbench.cli.options import (
    BOARDS_OPTION,
    FOLDER,
    HIGHLIGHT_OPTION,
    METHODS_OPTION,
    WIDTH,
    out_option,
    split_names,
)
from sodbench.cli.output import finish_figure, say
from sodbench.data.registry import dataset_name

if TYPE_CHECKING:
    from sodbench.reports.figures.panels import Panels


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
    from sodbench.reports.figures.curves import f_curves, outside, pr_curves
    from sodbench.reports.figures.panels import panel_signatures, select_curves
    from sodbench.reports.figures.style import (
        add_legend,
        check_figure_target,
        figure_style,
        label_outer,
        line_styles,
        new_figure,
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
    finish_figure(out, said, [*order, *panels], highlight, panel_signatures(panels))


def _collect(stored: tuple[Path, ...], with_boards: bool, boards: Path | None, band: bool) -> "Panels":
    """Read curves of scores, boards, or of both for the datasets of the scores."""
    from sodbench.leaderboard.boards import boards_folder
    from sodbench.reports.figures.panels import board_curves, scores_curves
    from sodbench.scoring.scores import load_scores

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
