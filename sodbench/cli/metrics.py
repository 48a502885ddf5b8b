"""``sodbench metrics``."""

from dataclasses import dataclass
from pathlib import Path

import click

from sodbench.cli.completion import completed, metric_set_names
from sodbench.cli.conventions import ProtocolChoice, ProtocolCommand, gathered, protocol_options
from sodbench.cli.options import figure_option, split_names, width_option
from sodbench.cli.output import finish_figure, show
from sodbench.cli.parameters import FOLDER, argument, option

DEMO = {"mba": 8.0}
"""How much larger the built-in pair is for a metric whose regions depend on the size of the image."""


@dataclass(frozen=True)
class MetricsOptions:
    """What ``sodbench metrics`` is asked for."""

    names: tuple[str, ...]
    map_file: Path | None
    mask_file: Path | None
    protocol: ProtocolChoice
    width: str | None
    out: Path | None


@click.command(cls=ProtocolCommand)
@argument(
    "names",
    nargs=-1,
    metavar="[METRIC]...",
    callback=split_names,
    shell_complete=completed(metric_set_names),
)
@figure_option(None)
@option("--map", "map_file", type=FOLDER, help="Map that the figure shows  [a built-in one].")
@option("--mask", "mask_file", type=FOLDER, help="Mask of that map.")
@protocol_options("u2net")
@width_option(None, "double")
@gathered(MetricsOptions)
def metrics(options: MetricsOptions) -> None:
    """List metrics, or say how each METRIC is made: formula, conventions of each tool, options, cost.

    The list has their ids, labels, better directions and defining papers, and what each asks.

    With --out, a figure shows what one METRIC sees of a map on its mask, and its value.

    \b
    sodbench metrics
    sodbench metrics hce
    sodbench metrics hce --out hce.pdf
    sodbench metrics max_f --map preds/A/1.png --mask masks/1.png --out f.png
    """  # noqa: D301 (click needs the character \b)
    from sodbench.reports.metrics import metric_pages, metrics_text

    protocol = options.protocol.of("u2net")
    if options.out:
        _draw(options, options.out)
    elif options.map_file or options.mask_file or options.width or protocol != protocol.of("u2net"):
        raise click.UsageError("--map, --mask, --width and --protocol are about the figure: pass --out FILE.")
    else:
        show(metric_pages(options.names) if options.names else metrics_text())


def _draw(options: MetricsOptions, out: Path) -> None:
    from sodbench.analysis.pictures import load_pair
    from sodbench.data.demo import demo_pair
    from sodbench.metrics import metric_ids
    from sodbench.reports.figures.metric.figure import metric_figure
    from sodbench.reports.figures.style import check_figure_target, figure_style, save_figure

    check_figure_target(out)
    names = metric_ids(options.names)
    if len(names) != 1:
        which = f"; name one of {', '.join(names)}" if names else ""
        raise click.UsageError(f"--out shows one METRIC, found {len(names)}{which}.")
    if bool(options.map_file) != bool(options.mask_file):
        raise click.UsageError("expected both --map and --mask, or neither.")
    protocol, said = options.protocol.of("u2net"), options.protocol.notices()
    if options.map_file and options.mask_file:
        pred, gt, notes = load_pair(options.map_file, options.mask_file, protocol)
        said, source = [*said, *notes], options.map_file.name
    else:
        pred, gt = demo_pair(DEMO.get(names[0], 1.0))
        source = f"built-in, {gt.shape[1]} x {gt.shape[0]} pixels"
    with figure_style():
        figure = metric_figure(
            names[0], pred, gt, protocol=protocol, width=options.width or "double", source=source
        )
        save_figure(figure, out, f"{names[0]}; {source}; {protocol.signature()}")
    finish_figure(out, said, [source], (), [])
