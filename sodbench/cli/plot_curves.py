"""``sodbench plot-pr`` and ``sodbench plot-f``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sodbench.cli.conventions import gathered
from sodbench.cli.options import (
    BOARDS_OPTION,
    HIGHLIGHT_OPTION,
    METHODS_OPTION,
    datasets_option,
    figure_option,
    options_of,
    width_option,
)
from sodbench.cli.output import finish_figure, progress_bar, say
from sodbench.cli.parameters import FOLDER, argument, option
from sodbench.data.registry import dataset_name

if TYPE_CHECKING:
    from sodbench.reports.figures.panels import Panels


@dataclass(frozen=True)
class CurveOptions:
    """What ``sodbench plot-pr`` or ``plot-f`` is asked for; only the former has a band."""

    stored: tuple[Path, ...]
    datasets: tuple[str, ...]
    methods: tuple[str, ...]
    with_boards: bool
    boards: Path | None
    highlight: tuple[str, ...]
    zoom: str
    mark_best: bool
    width: str | None
    out: Path
    band: bool = False


def curve_options(default: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options that both commands take."""
    return options_of(
        argument("stored", nargs=-1, type=FOLDER, metavar="[SCORES]..."),
        datasets_option(),
        METHODS_OPTION,
        option("--with-boards", is_flag=True, help="Draw the boards' curves beside those of SCORES."),
        BOARDS_OPTION,
        HIGHLIGHT_OPTION,
        option(
            "--zoom",
            type=click.Choice(["paper", "full"]),
            default="paper",
            show_default=True,
            help="Axes as in the paper, or from 0 to 1.",
        ),
        option("--mark-best", is_flag=True, help="Put a dot where F is highest."),
        width_option(None, "single for one panel, else double"),
        figure_option(default),
    )


@click.command()
@curve_options("pr.pdf")
@option("--band", is_flag=True, help="Shade the 95 % band of 1,000 resamples of the images.")
@gathered(CurveOptions)
def plot_pr(options: CurveOptions) -> None:
    """Draw precision-recall curves, one panel per dataset.

    SCORES is a folder that `sodbench score` wrote, or one above; without SCORES, the curves stored with
    the leaderboards are drawn. Curves that were scored in different ways never share a panel.

    \b
    sodbench plot-pr scores/
    sodbench plot-pr scores/mine --with-boards --highlight mine --out pr.svg
    """  # noqa: D301 (click needs the character \b)
    _plot_curves("pr", options)


@click.command()
@curve_options("f.pdf")
@gathered(CurveOptions)
def plot_f(options: CurveOptions) -> None:
    """Draw F-measure against the threshold, one panel per dataset.

    SCORES is a folder that `sodbench score` wrote, or one above; without SCORES, the curves stored with
    the leaderboards are drawn. Curves that were scored in different ways never share a panel.

    \b
    sodbench plot-f scores/
    sodbench plot-f scores/mine --with-boards --highlight mine --out f.svg
    """  # noqa: D301 (click needs the character \b)
    _plot_curves("f", options)


def _plot_curves(kind: str, options: CurveOptions) -> None:
    """Draw the ``pr`` or ``f`` curves asked for, one panel per dataset, and print notices about them."""
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

    check_figure_target(options.out)
    datasets = [dataset_name(name) for name in options.datasets]
    collected, among = _collect(options, datasets)
    panels, lines = select_curves(collected, datasets, options.methods, among)
    drawn = [method for panel in panels.values() for method in panel]
    order = [method for method in options.methods if method in drawn] or list(dict.fromkeys(drawn))
    draw = pr_curves if kind == "pr" else f_curves
    with figure_style():
        styles = line_styles(order, options.highlight, among)
        width = options.width or ("single" if len(panels) == 1 else "double")
        fig, axes = new_figure(list(panels), width)
        for ax, panel in zip(axes, panels.values(), strict=True):
            draw(ax, panel, styles, zoom=options.zoom, mark_best=options.mark_best)
        label_outer(axes)
        add_legend(fig, styles)
        save_figure(fig, options.out, "; ".join(panel_signatures(panels)))
    for name, panel in panels.items():
        if options.band and (bare := [method for method, curve in panel.items() if curve.band is None]):
            lines.append(f"{name}: no band for {', '.join(bare)}, drawn from the boards.")
        if kind == "pr" and (hidden := outside(panel, options.zoom)):
            lines.append(f"{name}: {', '.join(hidden)} lies outside these axes; pass --zoom full.")
    finish_figure(options.out, lines, [*order, *panels], options.highlight, panel_signatures(panels))


def _collect(options: CurveOptions, datasets: Sequence[str]) -> "tuple[Panels, list[str]]":
    """Read the curves of scores, of boards, or of both for the datasets of the scores.

    Returns
    -------
    The curves, and the methods from which those drawn are chosen.
    """
    from sodbench.leaderboard.folder import boards_folder
    from sodbench.reports.figures.panels import board_curves, scores_curves
    from sodbench.scoring.selection import read_scores, stored_under, those_of

    if options.band and not options.stored:
        raise click.UsageError("--band resamples images, which boards do not have. Give SCORES.")
    if not options.stored:
        boards = board_curves(boards_folder(options.boards, say))
        return boards, [method for panel in boards.values() for method in panel]
    stored = stored_under(options.stored)
    with_boards = options.with_boards or options.boards is not None
    other = board_curves(boards_folder(options.boards, say)) if with_boards else {}
    panels = {scores.dataset_name: other.get(scores.dataset_name, {}) for scores in stored}
    among = [
        method
        for dataset, panel in panels.items()
        for method in (*panel, *(s.method for s in stored if s.dataset_name == dataset))
    ]
    chosen = those_of(
        stored,
        lambda s: (
            (not datasets or s.dataset_name in datasets)
            and (not options.methods or s.method in options.methods)
        ),
    )
    with progress_bar("curves", "method") as progress:
        own = scores_curves(read_scores(chosen), options.band, progress)
    for dataset, panel in own.items():
        if both := [method for method in panel if method in other.get(dataset, {})]:
            say(f"{dataset}: {', '.join(both)} drawn from the scores given, not from the board.")
    return {dataset: {**panel, **own.get(dataset, {})} for dataset, panel in panels.items()}, among
