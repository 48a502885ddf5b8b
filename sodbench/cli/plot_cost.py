"""``sodbench plot-cost``."""

from dataclasses import dataclass
from pathlib import Path

import click

from sodbench.cli.conventions import gathered
from sodbench.cli.options import figure_option, names_option, width_option
from sodbench.cli.output import say, show
from sodbench.cli.parameters import option

COUNT = click.IntRange(1, 4096)


@dataclass(frozen=True)
class CostOptions:
    """What ``sodbench plot-cost`` is asked for."""

    blocks: tuple[str, ...]
    inputs: int
    outputs: int
    most: int
    size: int
    flops: bool
    width: str
    out: Path


@click.command("plot-cost")
@names_option(
    "--blocks",
    default=["PLN,RES,DSE,INC,RSU-7"],
    show_default="PLN,RES,DSE,INC,RSU-7",
    help="Blocks of Table 1, such as PPM or NIV-7.",
)
@option("--inputs", type=COUNT, default=3, show_default=True, help="Input channels, I.")
@option("--outputs", type=COUNT, default=64, show_default=True, help="Output channels, O.")
@option("--most", type=click.IntRange(2, 4096), default=64, show_default=True, help="Highest M.")
@option("--size", type=COUNT, default=320, show_default=True, help="Height and width of the input.")
@option(
    "--flops", is_flag=True, help="Show FLOPs, 2 per multiply-accumulate, instead of multiply-accumulates."
)
@width_option("single")
@figure_option("cost.pdf")
@gathered(CostOptions)
def plot_cost(options: CostOptions) -> None:
    """Draw the cost of blocks against M, as in Fig. 4 of the U2-Net paper, counted from the blocks.

    \b
    sodbench plot-cost
    sodbench plot-cost --blocks PLN,PPM,NIV-7,RSU-7 --out cost.svg
    """  # noqa: D301 (click needs the character \b)
    from sodbench.reports.ablation import cost_curves
    from sodbench.reports.figures.cost import cost_plot
    from sodbench.reports.figures.style import check_figure_target, figure_style, new_figure, save_figure

    check_figure_target(options.out)
    curves = cost_curves(options.blocks, options.most, options.inputs, options.outputs, options.size)
    with figure_style():
        title = f"Blocks {options.inputs} → M → {options.outputs} at {options.size}×{options.size}"
        fig, (ax,) = new_figure([title], options.width)
        cost_plot(ax, curves, flops=options.flops)
        save_figure(fig, options.out, "multiply-accumulates of the convolutions, counted from the modules")
    for name, curve in curves.items():
        say(f"{name}: {curve[max(curve)] / 1e9:.3f} GMAC at M = {max(curve)}")
    show(str(options.out))
