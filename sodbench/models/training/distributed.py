"""One process, or several started by ``torchrun``, each with its share of every batch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from sodbench.models.predictor import choose_device


class ProcessGroup(NamedTuple):
    """The processes of a run: this one's rank, their number, and this one's device."""

    rank: int
    world: int
    device: torch.device

    def average(self, values: torch.Tensor) -> torch.Tensor:
        """Return the mean of a small tensor over all processes."""
        if self.world == 1:
            return values
        values = values.to(self.device)
        dist.all_reduce(values)
        return values / self.world

    def wrap(self, network: nn.Module) -> nn.Module:
        """Return a network whose gradients, and on CUDA batch norms, are averaged over all processes."""
        if self.world == 1:
            return network
        if self.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
            return DistributedDataParallel(network, device_ids=[self.device.index])
        return DistributedDataParallel(network)

    def wait(self) -> None:
        """Wait for all processes."""
        if self.world > 1:
            dist.barrier()


@contextmanager
def processes(device: str) -> Iterator[ProcessGroup]:
    """Join the processes started by ``torchrun``, if any; with nccl on CUDA, else gloo."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = choose_device(device)
    if world == 1:
        yield ProcessGroup(0, 1, chosen)
        return
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(chosen)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield ProcessGroup(dist.get_rank(), world, chosen)
    finally:
        dist.destroy_process_group()
