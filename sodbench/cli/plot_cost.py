"""``sodbench plot-cost``."""

from pathlib import Path
from typing import Any

import click

from sodbench.cli.options import WIDTH, out_option, split_names
from sodbench.cli.output import say, show

BLOCKS: dict[str, Any] = {"default": ["PLN,RES,DSE,INC,RSU-7"], "multiple": True, "callback": split_names}
COUNT = click.IntRange(1, 4096)


@click.command("plot-cost")
@click.option("--blocks", help="NAME,NAME: of Table 1, such as PPM or NIV-7.", show_default=True, **BLOCKS)
@click.option("--inputs", type=COUNT, default=3, show_default=True, help="Input channels, I.")
@click.option("--outputs", type=COUNT, default=64, show_default=True, help="Output channels, O.")
@click.option("--most", type=click.IntRange(2, 4096), default=64, show_default=True, help="Highest M.")
@click.option("--size", type=COUNT, default=320, show_default=True, help="Height and width of the input.")
@click.option("--flops", is_flag=True, help="Show FLOPs, 2 a multiply-accumulate, in place of these.")
@click.option("--width", type=WIDTH, default="single", show_default=True, help="3.5 or 7.16 inches.")
@out_option("cost.pdf")
def plot_cost(
    blocks: tuple[str, ...],
    inputs: int,
    outputs: int,
    most: int,
    size: int,
    flops: bool,
    width: str,
    out: Path,
) -> None:
    """Draw what blocks cost against M, as Fig. 4 of the U2-Net paper, counted from the blocks themselves.

    \b
    sodbench plot-cost
    sodbench plot-cost --blocks PLN,PPM,NIV-7,RSU-7 --out cost.svg
    """  # noqa: D301 (click needs the character \b)
    from sodbench.reports.ablation import cost_curves
    from sodbench.reports.figures.cost import cost_plot
    from sodbench.reports.figures.style import check_figure_target, figure_style, new_figure, save_figure

    check_figure_target(out)
    curves = cost_curves(blocks, most, inputs, outputs, size)
    with figure_style():
        fig, (ax,) = new_figure([f"Blocks {inputs} → M → {outputs} at {size}×{size}"], width)
        cost_plot(ax, curves, flops=flops)
        save_figure(fig, out, "multiply-accumulates of the convolutions, counted from the modules")
    for name, curve in curves.items():
        say(f"{name}: {curve[max(curve)] / 1e9:.3f} GMAC at M = {max(curve)}")
    show(str(out))
