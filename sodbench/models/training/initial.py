"""The network that a run starts from."""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from sodbench.errors import WeightsError, first_few
from sodbench.models.loading import put_weights, read_weights
from sodbench.models.networks.backbones import Encoder, load_backbone
from sodbench.models.predictor import build_network
from sodbench.models.registry import find_model, known_models, unpublished
from sodbench.models.training.config import Config


def initial_network(config: Config, say: Callable[[str], None] = lambda line: None) -> nn.Module:
    """Build the configuration's network, initialised.

    If the network has a backbone, the weights may also be torchvision's for the backbone alone; the rest is
    then initialised, and `say` is called with what was not loaded.

    Raises
    ------
    WeightsError
        The model is unknown, its name is another model's, or its weights do not fit.
    """
    known = known_models().get(config.model)
    if known and config.factory not in ("", known.factory):
        raise WeightsError(
            f"{config.factory}: {config.model} is another model's name. Give yours a name of its own."
        )
    factory = config.factory or unpublished(config.model) or find_model(config.model).factory
    network = build_network(factory)
    if not config.weights:
        _initialise(network, config.init)
        return network
    path = Path(config.weights)
    state = read_weights(network, path, say)
    encoder = getattr(network, "encoder", None)
    if isinstance(encoder, Encoder) and not any(name.startswith("encoder.") for name in state):
        _initialise(network, config.init)
        left = load_backbone(encoder.backbone, state, path)
        say(f"{path}: loaded into the backbone; not loaded: {first_few(left) or 'nothing'}")
    else:
        put_weights(network, state, path)
    return network


def _initialise(network: nn.Module, init: str) -> None:
    """Initialise all layers, unless torch's own initialisation is asked for."""
    if init == "torch":
        return
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
