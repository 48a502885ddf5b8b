"""``sodbench bench-model``."""

from dataclasses import dataclass
from pathlib import Path

import click

from sodbench.cli.conventions import gathered
from sodbench.cli.options import (
    DEVICE_OPTION,
    MODEL_MODULE_OPTION,
    MODEL_OPTION,
    PRECISION_OPTION,
    weights_option,
)
from sodbench.cli.output import progress_bar, say, show
from sodbench.cli.parameters import option
from sodbench.utils.process import import_from_here


@dataclass(frozen=True)
class BenchOptions:
    """What ``sodbench bench-model`` is asked for."""

    model: str
    model_module: str | None
    weights: Path | None
    device: str
    precision: str
    rounds: int


@click.command("bench-model")
@MODEL_OPTION
@MODEL_MODULE_OPTION
@weights_option("the published ones")
@DEVICE_OPTION
@PRECISION_OPTION
@option(
    "--rounds", type=click.IntRange(min=1), default=30, show_default=True, help="Number of images to time."
)
@gathered(BenchOptions)
def bench_model(options: BenchOptions) -> None:
    """Time a model as the paper does: one 320x320 image at a time, the network alone.

    A network of your own, or one without published weights, is timed with random weights.
    """
    from sodbench.models.cost import measure
    from sodbench.models.predictor import build_network, choose_device, fix_cudnn, load_model
    from sodbench.models.registry import unpublished

    if options.model_module:
        import_from_here()
    device = choose_device(options.device)
    fix_cudnn()
    path: Path | None = None
    if options.weights is None and (factory := options.model_module or unpublished(options.model)):
        network = build_network(factory)
    else:
        name = "own" if options.model_module else options.model
        network, path, _ = load_model(name, options.model_module, options.weights, say, progress_bar)
    title = options.model_module or options.model
    show(measure(title, network, path, device, options.precision, options.rounds))
