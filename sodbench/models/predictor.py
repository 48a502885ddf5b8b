"""Builds a network, loads its weights, and runs it on batches of inputs."""

import importlib
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sodbench.errors import WeightsError
from sodbench.models.loading import load_weights, weights_sha256
from sodbench.models.probe import check_probe, is_published
from sodbench.models.registry import find_model, known_models, unpublished
from sodbench.models.weights import fetch_weights
from sodbench.utils.process import Say, UnitBar, no_bar
from sodbench.utils.text import counted

if TYPE_CHECKING:
    import torch
    from torch import nn

    from sodbench.models.lanes import Pending

PRECISIONS = ("fp32", "bf16", "fp16")


class Predictor:
    """A network ready to run on a device: batches of inputs to probabilities.

    With channels_last, oneDNN sums in another order, and the U²-Nets are 1.2 times faster on a CPU. Their
    probabilities change by less than 1e-4, no more than between float32 and float64. On CUDA, call
    `fix_cudnn` first: without it, torch rounds the convolutions of ``fp32`` to TF32.

    Parameters
    ----------
    network
        Maps (n, 3, 320, 320) to logits (n, 1, 320, 320), or to a tuple whose first item they are.
    device
        Where it runs.
    precision
        ``fp32``, or ``bf16`` / ``fp16`` by autocast.
    compile
        Let torch compile it.
    """

    def __init__(
        self, network: "nn.Module", device: "torch.device", precision: str = "fp32", compile: bool = False
    ) -> None:
        import torch

        from sodbench.models.lanes import Lanes

        self.device, self.precision = device, precision
        network = network.eval()
        fold = getattr(network, "fold_batch_norm", None)
        if fold is not None:
            fold()
        network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network = torch.compile(network) if compile else network
        self._lanes = Lanes(self._probabilities, device) if device.type == "cuda" else None

    def __call__(self, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return probabilities ``(n, 320, 320)`` of inputs ``(3, 320, 320)``.

        They are NaN where the network's output is not finite: the sigmoid hides infinite ones.

        Raises
        ------
        WeightsError
            The GPU has not enough memory, or the network's output has another shape.
        """
        import torch

        with torch.inference_mode(), _enough_memory(self.device, len(inputs)):
            return self._probabilities(torch.from_numpy(np.stack(inputs)).to(self.device)).cpu().numpy()

    def submit(self, inputs: Sequence[NDArray[np.float32]]) -> "Pending":
        """Start a batch on a GPU; return what waits for its probabilities and fetches them.

        Elsewhere nothing runs beside Python, and the network is called when they are fetched.

        Raises
        ------
        WeightsError
            The GPU has not enough memory, or the network's output has another shape.
        """
        if self._lanes is None:
            return partial(self, inputs)
        with _enough_memory(self.device, len(inputs)):
            return self._lanes.submit(inputs)

    def _probabilities(self, batch: "torch.Tensor") -> "torch.Tensor":
        import torch

        kind = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[self.precision]
        with torch.autocast(self.device.type, dtype=kind, enabled=self.precision != "fp32"):
            output = self.network(batch.contiguous(memory_format=torch.channels_last))
            logits = output if isinstance(output, torch.Tensor) else output[0]
            expected = (len(batch), 1, *batch.shape[2:])
            if logits.shape != expected:
                raise WeightsError(f"the network gives {tuple(logits.shape)}, expected logits {expected}.")
            logits = logits.float()[:, 0]
            return torch.sigmoid(logits).where(logits.isfinite(), torch.nan)


@contextmanager
def _enough_memory(device: "torch.device", count: int) -> Iterator[None]:
    import torch

    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise WeightsError(
            f"device {device} has not enough memory for {counted(count, 'photo')} at once. "
            + (f"Pass --batch {count // 2}." if count > 1 else "Pass --device cpu.")
        ) from error


def fix_cudnn() -> None:
    """Let cuDNN compute in full float32 and choose its fastest kernels; no effect without a CUDA GPU.

    These settings of torch hold for the whole process, so a program should make them before it builds a
    `Predictor` or trains; the command line does. ``fp32`` in ``run.json`` means full float32.
    """
    import torch

    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = False


def build_network(factory: str) -> "nn.Module":
    """Import and call ``module:function``.

    Raises
    ------
    WeightsError
        torch is not installed, or there is no such module or function.
    """
    need_torch()
    module, _, name = factory.partition(":")
    import torch

    try:
        network = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise WeightsError(
            f"{factory}: cannot build this model ({error}). Expected module:function."
            + _hint(module, factory)
        ) from error
    if not isinstance(network, torch.nn.Module):
        raise WeightsError(f"{factory}: gave {type(network).__name__}, expected a torch.nn.Module.")
    return network


def _hint(module: str, factory: str) -> str:
    """Say how to import a module of the current folder, which only the command line asks for."""
    file = Path(f"{module.partition('.')[0]}.py")
    if "" in sys.path or not re.fullmatch(r"[\w.]+", module) or not file.is_file():
        return ""
    return f" {file} is in the current folder: pass --model-module {factory}."


def check_model(name: str, factory: str | None, weights: Path | None) -> str:
    """Check the names of a model before anything is looked for; return ``module:function`` that builds it.

    See `load_model`.

    Raises
    ------
    WeightsError
        torch is not installed, or the model is unknown, or its name is not valid or another model's.
    """
    need_torch()
    if factory and name in known_models():
        raise WeightsError(f"{factory}: {name} is another model's name. Name yours with --model NAME.")
    if not re.fullmatch(r"\w[\w.+†-]*", name):
        raise WeightsError(f"model {name!r}: expected letters, digits and _ . + - only.")
    if factory and not weights:
        raise WeightsError(f"{factory}: a model of your own needs --weights FILE.")
    return factory or (weights and unpublished(name)) or find_model(name).factory


def load_model(
    name: str,
    factory: str | None,
    weights: Path | None,
    say: Say = lambda line: None,
    bar: UnitBar = no_bar,
) -> tuple["nn.Module", Path, str]:
    """Build a model and load its weights, fetching the published ones if need be.

    Parameters
    ----------
    name
        A registered model, a network of the ablation (then with weights), or any name with a factory.
    factory
        ``module:function`` of the user's own model.
    weights
        File in place of the published weights.
    say
        Called with lines about downloads, and about what was unwrapped.
    bar
        Shows the progress of downloads.

    Returns
    -------
    The network, the weights' path, and their sha256 (see `sodbench.models.loading.weights_sha256`).

    Raises
    ------
    WeightsError
        The model is unknown, its name is not valid or another model's, or its weights cannot be fetched, do
        not fit, or are published ones that give another output than they should.
    """
    network = build_network(check_model(name, factory, weights))
    path = weights or fetch_weights(find_model(name), say, bar)
    load_weights(network, path, say)
    digest = weights_sha256(path)
    known = None if factory else known_models().get(name)
    if known and is_published(known, path, digest):
        check_probe(network, known, path)
    return network, path, digest


def need_torch() -> None:
    """Raise an error if torch is not installed.

    Raises
    ------
    WeightsError
        It is not installed; the message says how to install it.
    """
    if importlib.util.find_spec("torch") is None:
        raise WeightsError(
            "running a model needs torch: pip install -c constraints.txt -e '.[models]'. Scoring does not."
        )


def available_devices() -> list[str]:
    """Return the devices that torch can use, as `choose_device` takes them, GPUs with their names.

    Raises
    ------
    WeightsError
        torch is not installed.
    """
    need_torch()
    import torch

    gpus = [f"cuda:{k} ({torch.cuda.get_device_name(k)})" for k in range(torch.cuda.device_count())]
    return ["cpu", *gpus, *["mps"] * torch.backends.mps.is_available()]


def choose_device(name: str) -> "torch.device":
    """Return the device of that name; ``auto`` takes CUDA, else Apple's GPU, else the CPU.

    Raises
    ------
    WeightsError
        The name is not valid, or the device does not exist.
    """
    need_torch()
    import torch

    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, usable in available.items() if usable)
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise WeightsError(f"unknown device {name!r}; valid: auto, cpu, cuda, cuda:0 ..., mps.") from error
    if not available.get(device.type):
        raise WeightsError(
            f"device {name} is not there: torch {torch.__version__} finds none. Pass --device cpu."
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise WeightsError(
            f"device {name} is not there: torch finds {counted(torch.cuda.device_count(), 'CUDA device')}."
        )
    return device
