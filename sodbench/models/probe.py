"""A check of published weights in use: what the network makes of one small input, against stored values.

A sha256 says that a file is the published one, not that its tensors came to their places in the network.
So ``models.toml`` keeps what the published ONNX files give, computed by another program (onnxruntime): the
logits of the fused map on `probe_input`, at every 16th pixel.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sodbench.errors import WeightsError
from sodbench.models.registry import Model

if TYPE_CHECKING:
    from torch import nn

PROBE_SIZE = 64
PROBE_TOLERANCE = 0.01
"""In logits. Programs differ by less than 0.001; two of the convolutions swapped, more than 0.04."""


def probe_input() -> NDArray[np.float32]:
    """Return a made-up photo with one object, as the network gets it: ``(1, 3, 64, 64)``.

    >>> probe_input().shape
    (1, 3, 64, 64)
    """
    y, x = (np.mgrid[:PROBE_SIZE, :PROBE_SIZE] + 0.5) / PROBE_SIZE
    blob = np.exp(-((((x - 0.4) / 0.22) ** 2 + ((y - 0.55) / 0.3) ** 2) ** 2))
    channels = [4 * blob * np.cos(2 * c * x) - 1.5 + 0.5 * np.sin(5 * y + c) for c in range(3)]
    return np.stack(channels)[None].astype(np.float32)


def is_published(model: Model, path: Path, digest: str) -> bool:
    """Tell whether a file is one of the model's published ones, by sha256, or an ONNX file by its name.

    In other files the tensors' names say where they belong; so one's own may be called as the published.
    """
    return any(
        digest == file.sha256 or path.name == file.file and path.suffix == ".onnx" for file in model.weights
    )


def check_probe(network: "nn.Module", model: Model, path: Path) -> None:
    """Check that a network with published weights gives what these weights give.

    Raises
    ------
    WeightsError
        It gives something else.
    """
    import torch

    training = network.training
    try:
        with torch.inference_mode():
            output = network.eval()(torch.from_numpy(probe_input()))
    finally:
        network.train(training)
    logits = (output if isinstance(output, torch.Tensor) else output[0])[0, 0, 8::16, 8::16].flatten().numpy()
    miss = float(np.abs(logits - model.probe).max())
    if not miss <= PROBE_TOLERANCE:
        raise WeightsError(
            f"{path}: has the name or sha256 of the published weights of {model.name}, but its output on a "
            f"test input differs from theirs by {miss:.3g} (expected at most {PROBE_TOLERANCE}). If they are "
            f"your own, rename the file; else get the published ones: sodbench weights fetch {model.name}."
        )
