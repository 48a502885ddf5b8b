"""``sodbench bench-model``."""

from pathlib import Path

import click

from sodbench.cli.options import FOLDER
from sodbench.cli.output import say


@click.command("bench-model")
@click.option("--model", default="u2net", show_default=True, help="A model of `sodbench models`.")
@click.option(
    "--model-module", metavar="MODULE:FUNCTION", help="Time your own model; its weights may be random."
)
@click.option("--weights", type=FOLDER, help="File in place of the published weights.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps.")
@click.option("--precision", type=click.Choice(["fp32", "bf16", "fp16"]), default="fp32", show_default=True)
@click.option("--rounds", type=click.IntRange(min=1), default=30, show_default=True, help="Images timed.")
def bench_model(
    model: str, model_module: str | None, weights: Path | None, device: str, precision: str, rounds: int
) -> None:
    """Time a model as the paper does: one 320x320 image at a time, the network alone."""
    from sodbench.models.cost import measure
    from sodbench.models.predictor import build_network, choose_device, fix_cudnn, load_model
    from sodbench.models.registry import unpublished

    chosen = choose_device(device)
    fix_cudnn()
    path: Path | None = None
    if weights is None and (factory := model_module or unpublished(model)):
        network = build_network(factory)
    else:
        name = "own" if model_module else model
        network, path, _ = load_model(name, model_module, weights, say)
    click.echo(measure(model_module or model, network, path, chosen, precision, rounds))
