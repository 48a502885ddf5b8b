"""``sodbench weights``."""

import click

from sodbench.cli.completion import completed, model_names
from sodbench.cli.output import progress_bar, say, show
from sodbench.cli.parameters import argument


@click.group()
def weights() -> None:
    """Fetch published weights into the user's cache and verify them."""


@weights.command()
@argument("model", shell_complete=completed(model_names))
def fetch(model: str) -> None:
    """Download the weights of MODEL and print their path. Every mirror is tried."""
    from sodbench.models.registry import find_model
    from sodbench.models.weights import fetch_weights as get

    show(str(get(find_model(model), say, progress_bar)))


@weights.command()
@argument("model", shell_complete=completed(model_names))
def path(model: str) -> None:
    """Print where the weights of MODEL are."""
    from sodbench.models.registry import find_model
    from sodbench.models.weights import require_weights

    show(str(require_weights(find_model(model))[0]))


@weights.command()
@argument("model", shell_complete=completed(model_names))
def verify(model: str) -> None:
    """Check size and sha256 of the weights of MODEL."""
    from sodbench.models.registry import find_model
    from sodbench.models.weights import require_weights
    from sodbench.models.weights import verify_weights as check

    weights_file, entry = require_weights(find_model(model))
    check(weights_file, entry)
    show(f"{weights_file}: ok, sha256 {entry.sha256}")
