"""``sodbench models``."""

import click

from sodbench.cli.output import say, show


@click.command()
def models() -> None:
    """List models: parameters, size, multiply-accumulates at 320x320, path of the weights, licence."""
    from sodbench.models.networks import NETWORKS
    from sodbench.models.registry import known_models as known
    from sodbench.models.weights import fetched_weights
    from sodbench.utils.text import aligned

    lines = [["name", "model", "parameters", "MB", "GMAC", "weights", "licence of the weights"]]
    for model in known().values():
        fetched = fetched_weights(model)
        size = f"{model.weights[0].bytes / 1e6:.1f}"
        where = str(fetched[0]) if fetched else f"not here: sodbench weights fetch {model.name}"
        lines.append(
            [
                model.name,
                model.label,
                f"{model.parameters:,}",
                size,
                f"{model.gmac:.2f}",
                where,
                model.licence,
            ]
        )
    show(aligned(lines, left=(0, 1, 5, 6)))
    others = [name for name in NETWORKS if name not in known()]
    say(f"without published weights (pass --weights FILE of yours): {', '.join(others)}")
