"""Batches on a GPU, several in flight: one is computed while another is copied to it or from it.

Each batch in flight has a lane: buffers in pinned memory, which alone are copied without waiting, and a
stream for its copies. The network runs in the device's usual stream, so that the activations of only one
batch need memory.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sodbench.models.preprocessing import SIZE

Pending = Callable[[], NDArray[np.float32]]
"""Waits for the outputs of a batch and returns them; to be called once."""


class _Lane:
    """The buffers of a batch, and the stream in which they are copied."""

    def __init__(self, size: int, device: torch.device, cuda: Any) -> None:
        pinned = device.type == "cuda"
        self.size, self.stream = size, cuda.Stream(device)
        self.fetched = cuda.Event(blocking=True)
        self.inputs = torch.zeros((size, 3, SIZE, SIZE), pin_memory=pinned)
        self.outputs = torch.empty((size, SIZE, SIZE), pin_memory=pinned)
        with cuda.stream(self.stream):
            self.on_device = torch.empty((size, 3, SIZE, SIZE), device=device)


class Lanes:
    """Runs a network on batches without waiting for it.

    Every batch is computed at the size of the largest so far, its last places holding what was there before:
    cuDNN looks for its fastest kernels once a size, which takes longer than a batch.

    Parameters
    ----------
    compute
        The network: inputs (n, 3, 320, 320) on the device to outputs (n, 320, 320) there.
    device
        A CUDA device.
    cuda
        `torch.cuda`, or what stands for it.
    """

    def __init__(
        self, compute: Callable[[torch.Tensor], torch.Tensor], device: torch.device, cuda: Any = torch.cuda
    ) -> None:
        self._compute, self._device, self._cuda = compute, device, cuda
        self._free: list[_Lane] = []
        self._size = 0

    @torch.inference_mode()
    def submit(self, inputs: Sequence[NDArray[np.float32]]) -> Pending:
        """Start a batch of inputs ``(3, 320, 320)``; it takes a lane until its outputs are fetched."""
        lane = self._lane(len(inputs))
        np.stack(inputs, out=lane.inputs.numpy()[: len(inputs)])
        usual = self._cuda.current_stream(self._device)
        with self._cuda.stream(lane.stream):
            lane.on_device.copy_(lane.inputs, non_blocking=True)
        usual.wait_stream(lane.stream)
        outputs = self._compute(lane.on_device)
        lane.stream.wait_stream(usual)
        with self._cuda.stream(lane.stream):
            lane.outputs.copy_(outputs, non_blocking=True)
            lane.fetched.record()
        return partial(self._fetch, lane, len(inputs), outputs)

    def _fetch(self, lane: _Lane, count: int, held: torch.Tensor) -> NDArray[np.float32]:
        """Wait for a batch's outputs; until then they are `held`, or another batch could get their memory."""
        lane.fetched.synchronize()
        found = lane.outputs.numpy()[:count].copy()
        self._free.append(lane)
        return found

    def _lane(self, count: int) -> _Lane:
        self._size = max(self._size, count)
        self._free = [lane for lane in self._free if lane.size == self._size]
        return self._free.pop(0) if self._free else _Lane(self._size, self._device, self._cuda)
