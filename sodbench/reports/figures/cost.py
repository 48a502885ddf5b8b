"""What blocks cost, and the losses of a training run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sodbench.reports.figures.style import DASHES, LINES, RED, line_styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOSS_POINTS = 500
"""Of a loss curve: a longer log is averaged in groups of rows."""


def draw_losses(folder: Path) -> None:
    """Draw a run's log into ``loss.svg``."""
    import csv
    from statistics import fmean

    from sodbench.reports.figures.cost import loss_curves
    from sodbench.reports.figures.style import figure_style, new_figure, save_figure

    with (folder / "log.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        return
    size = -(-len(rows) // LOSS_POINTS)
    groups = [rows[k : k + size] for k in range(0, len(rows), size)]
    names = [name for name in rows[0] if name not in ("step", "epoch")]
    losses = {name: [fmean(float(row[name]) for row in group) for group in groups] for name in names}
    with figure_style():
        fig, (ax,) = new_figure([folder.resolve().name], "single")
        loss_curves(ax, [int(group[-1]["step"]) for group in groups], losses)
        save_figure(fig, folder / "loss.svg")


def cost_plot(ax: "Axes", curves: Mapping[str, Mapping[int, int]], *, flops: bool = False) -> "Axes":
    """Draw what blocks cost against their middle channels, with a legend.

    Parameters
    ----------
    ax
        The axes to draw on.
    curves
        Block -> M -> multiply-accumulates. RSU blocks are drawn red.
    flops
        Show operations, two for each multiply-accumulate.
    """
    rsu = [name for name in curves if name.startswith("RSU")]
    red = line_styles(rsu, rsu)
    colours = len(LINES) // len(DASHES)
    for k, (name, curve) in enumerate(curves.items()):
        colour, dash = LINES[k % len(DASHES) * colours + k % colours]  # PLN and RES nearly coincide
        plain = {"color": colour, "linestyle": dash, "linewidth": 0.9, "zorder": 2 + k / 100}
        middle = sorted(curve)
        ax.plot(middle, [(1 + flops) * curve[m] / 1e9 for m in middle], label=name, **red.get(name, plain))
    ax.set_xlabel("M (middle channels)")
    ax.set_ylabel("GFLOPs (2 × GMACs)" if flops else "GMACs (half the FLOPs)")
    ax.set_xlim(left=0)
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False, handlelength=3.4)
    return ax


def loss_curves(ax: "Axes", steps: Sequence[float], losses: Mapping[str, Sequence[float]]) -> "Axes":
    """Draw losses over training steps, on a logarithmic axis; `losses` by name, the total first.

    >>> from matplotlib.figure import Figure
    >>> ax = loss_curves(Figure().add_subplot(), [1, 2], {"loss": [3, 2], "fused": [1, 0.5]})
    >>> [line.get_label() for line in ax.lines]
    ['loss', 'fused']
    """
    dashed = [line for line in LINES if line[1] != DASHES[0]]
    for k, (name, values) in enumerate(losses.items()):
        colour, dash = (RED, DASHES[0]) if k == 0 else dashed[(k - 1) % len(dashed)]
        ax.plot(steps, values, color=colour, linestyle=dash, linewidth=1.2 if k == 0 else 0.8, label=name)
    ax.set_yscale("log")
    ax.set_xlabel("Step")
    ax.set_ylabel("Loss")
    ax.legend(frameon=False, fontsize="small", ncols=2)
    return ax
