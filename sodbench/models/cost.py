"""The cost of a network: parameters, multiply-accumulates, time.

*Conventions.* One multiply-accumulate (MAC) is one multiplication and one addition; papers that print FLOPs
may mean either. Only convolutions are counted, at 320x320. Time is that of the network alone, input and
output on its device, one image at a time, after five warm-up images.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.models.loading import weights_bytes
from sodbench.models.preprocessing import SIZE
from sodbench.utils.text import counted

if TYPE_CHECKING:
    import torch
    from torch import nn

WARM_UP = 5


def macs(network: "nn.Module", size: int = SIZE, channels: int = 3) -> int:
    """Count the multiply-accumulates of all convolutions on a (1, channels, size, size) input."""
    import torch

    total = 0

    def count(module: Any, inputs: Any, output: Any) -> None:
        nonlocal total
        weight = module.weight
        total += output.shape[2] * output.shape[3] * weight.numel()

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    training = network.training
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, channels, size, size, device=next(network.parameters()).device))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return total


@cache
def block_macs(name: str, middle: int, i: int = 3, o: int = 64, size: int = SIZE) -> int:
    """Count the multiply-accumulates of a block of Table 1 on a (1, i, size, size) input.

    It is built and run on torch's meta device, without memory or arithmetic, so any size is fast.

    Parameters
    ----------
    name
        As in Table 1: ``PLN``, ``DSE``, ``RSU-7``, ...
    middle
        Its middle channels, M.
    i, o
        Input and output channels.
    size
        Height and width.

    Examples
    --------
    >>> block_macs("PLN", 32, size=10) == 9 * 100 * (3 * 32 + 32 * 64)
    True
    """
    import torch

    from sodbench.models.networks.blocks import table_block

    with torch.device("meta"):
        return macs(table_block(name, i, middle, o), size, i)


class Cost(NamedTuple):
    """The size of a network: parameters, multiply-accumulates at 320x320, bytes of its state dict."""

    parameters: int
    macs: int
    bytes: int


@cache
def cost(factory: str) -> Cost:
    """Return the cost of the network that ``module:function`` builds, without allocating its parameters."""
    import torch

    from sodbench.models.predictor import build_network, need_torch

    need_torch()
    with torch.device("meta"):
        network = build_network(factory)
        size = sum(value.numel() * value.element_size() for value in network.state_dict().values())
        return Cost(sum(p.numel() for p in network.parameters()), macs(network), size)


def interleaved(
    predictors: Mapping[str, Callable[[Sequence[NDArray[np.float32]]], object]], rounds: int
) -> dict[str, float]:
    """Time networks in turn, so that other load affects all alike; return medians in ms per image."""
    image = np.random.default_rng(0).standard_normal((3, SIZE, SIZE)).astype(np.float32)
    times: dict[str, list[float]] = {name: [] for name in predictors}
    for k in range(1 + rounds):
        for name, predictor in predictors.items():
            start = time.perf_counter()
            predictor([image])
            if k:  # the first round warms up
                times[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(durations) for name, durations in times.items()}


def measure(
    name: str,
    network: "nn.Module",
    weights: Path | None,
    device: "torch.device",
    precision: str,
    rounds: int,
) -> str:
    """Return a text: parameters, GMAC, file size, ms per image (median, 90th percentile), FPS, device."""
    import torch

    from sodbench.models.predictor import Predictor

    parameters = sum(p.numel() for p in network.parameters())
    work = macs(network)
    file = f"{weights_bytes(weights) / 1e6:.1f} MB  {weights.name}" if weights else "none, random weights"
    predictor = Predictor(network, device, precision)
    image = np.random.default_rng(0).standard_normal((3, SIZE, SIZE)).astype(np.float32)
    times = []
    for k in range(WARM_UP + rounds):
        start = time.perf_counter()
        predictor([image])
        if k >= WARM_UP:
            times.append(1000 * (time.perf_counter() - start))
    median = statistics.median(times)
    where = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"{device}, {counted(torch.get_num_threads(), 'thread')}"
    )
    return "\n".join(
        (
            f"model       {name}, {precision}",
            f"parameters  {parameters:,}",
            f"GMAC        {work / 1e9:.2f}  (multiply-accumulates of the convolutions at {SIZE}x{SIZE})",
            f"file        {file}",
            f"ms/image    {median:.1f} median, {np.quantile(times, 0.9):.1f} 90th percentile, of {rounds}",
            f"FPS         {1000 / median:.1f}",
            f"device      {where}",
        )
    )
