"""What a network costs: parameters, multiply-accumulates, time.

*Conventions.* One multiply-accumulate (MAC) is one multiplication and one addition; papers that print FLOPs
mean either. Only convolutions are counted, at 320x320. Time is that of the network alone, input and output on
its device, one image at a time, after five to warm up.
"""

import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sodbench.models.recipe import SIZE

if TYPE_CHECKING:
    import torch
    from torch import nn

WARM_UP = 5


def macs(network: "nn.Module", size: int = SIZE) -> int:
    """Count the multiply-accumulates of all convolutions on a (1, 3, size, size) input."""
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
            network.eval()(torch.zeros(1, 3, size, size, device=next(network.parameters()).device))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return total


def measure(
    name: str, network: "nn.Module", weights: Path, device: "torch.device", precision: str, rounds: int
) -> str:
    """Return a text: parameters, GMAC, file size, ms an image (median, 90th percentile), FPS, device."""
    import torch

    from sodbench.models.runner import Predictor

    parameters = sum(p.numel() for p in network.parameters())
    work = macs(network)
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
        else f"{device}, {torch.get_num_threads()} threads"
    )
    return "\n".join(
        (
            f"model       {name}, {precision}",
            f"parameters  {parameters:,}",
            f"GMAC        {work / 1e9:.2f}  (multiply-accumulates of the convolutions at {SIZE}x{SIZE})",
            f"file        {weights.stat().st_size / 1e6:.1f} MB  {weights.name}",
            f"ms/image    {median:.1f} median, {np.quantile(times, 0.9):.1f} 90th percentile, of {rounds}",
            f"FPS         {1000 / median:.1f}",
            f"device      {where}",
        )
    )
