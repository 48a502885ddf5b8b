"""Load weights into a network without running any code that they contain.

Three forms are read: PyTorch's ``.pth`` (tensors only), ``.safetensors``, and ONNX, for which see
`sodbench.models.onnx_weights`. Checkpoints are unwrapped where what is inside fits the network exactly: a
dictionary within (``state_dict``, ``model``, ``params_ema`` ...) and a prefix that all names share
(``module.``, ``_orig_mod.`` ...). Every value must be finite.
"""

import os
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sodbench.errors import WeightsError, first_few
from sodbench.models.onnx_weights import external_files, read_onnx, sha256_with_external
from sodbench.models.registry import known_models
from sodbench.models.weights import check_content, sha256
from sodbench.utils.files import check_regular
from sodbench.utils.process import Say
from sodbench.utils.text import counted

if TYPE_CHECKING:
    from torch import Tensor, nn


def weights_sha256(path: Path) -> str:
    """Return the sha256 that stands for a file of weights in ``run.json``.

    It is the file's own. Of an ONNX file with external data, it is that of the ``.onnx`` followed by its
    external files in the order of their names: what ``cat x.onnx x.onnx.data | sha256sum`` prints.

    Raises
    ------
    WeightsError
        An ONNX file is damaged, or one of its external files cannot be read.
    """
    return sha256_with_external(path) if path.suffix.lower() == ".onnx" else sha256(path)


def weights_bytes(path: Path) -> int:
    """Return the size of a file of weights, with the external files of an ONNX file.

    Raises
    ------
    WeightsError
        An ONNX file is damaged, or one of its external files cannot be read.
    """
    beside = external_files(path) if path.suffix.lower() == ".onnx" else []
    return sum(file.stat().st_size for file in (path, *beside))


def load_weights(network: "nn.Module", path: Path, say: Say = lambda line: None) -> None:
    """Load weights into a network, strictly: every parameter, none left over.

    Parameters
    ----------
    network, path
        Where to, and where from.
    say
        Called with a line about what was unwrapped.

    Raises
    ------
    WeightsError
        The file is missing, damaged, holds code or values that are not finite, or belongs to another
        architecture.
    """
    put_weights(network, read_weights(network, path, say), path)


def read_weights(network: "nn.Module", path: Path, say: Say = lambda line: None) -> "dict[str, Tensor]":
    """Read the tensors of a file of weights by name; of an ONNX file, by the names of the network.

    Raises
    ------
    WeightsError
        The file is missing, damaged, holds code or values that are not finite.
    """
    if not os.path.lexists(path):
        raise WeightsError(f"{path}: no such weights file.")
    check_regular(path, WeightsError, "a file of weights: .pth, .safetensors or .onnx")
    readers = {".pth": _read_pth, ".pt": _read_pth, ".safetensors": _read_safetensors}
    suffix = path.suffix.lower()
    if suffix not in (*readers, ".onnx"):
        raise WeightsError(
            f"{path}: expected .pth, .safetensors or .onnx, found {path.suffix or 'no suffix'}."
        )
    check_content(path)
    if suffix == ".onnx":
        state = read_onnx(network, path)
    else:
        state = _unwrapped(network, path, readers[suffix](path), say)
    _check_values(network, path, state)
    return state


def put_weights(network: "nn.Module", state: "dict[str, Tensor]", path: Path) -> None:
    """Put the tensors of a file into a network, strictly: every parameter, none left over.

    Raises
    ------
    WeightsError
        They belong to another architecture.
    """
    own = network.state_dict()
    counters = {k: v for k, v in own.items() if k.endswith("num_batches_tracked")}
    state = {**counters, **state}
    if what := misfit(state, own):
        size = _parameters(state)
        alike = [m.name for m in known_models().values() if m.parameters == size != _parameters(own)]
        hint = (
            f" It holds {size} parameters, as many as {alike[0]}: pass --model {alike[0]}." if alike else ""
        )
        raise WeightsError(f"{path}: a checkpoint of another architecture: {what}.{hint}")
    network.load_state_dict(state, strict=True)


def misfit(state: "Mapping[str, Tensor]", own: "Mapping[str, Tensor]") -> str:
    """Tell how names and shapes differ from what a network expects; nothing if they do not.

    >>> import torch
    >>> misfit({"a": torch.zeros(1), "b": torch.zeros(1)}, {"a": torch.zeros(2)})
    '1 parameter unknown (b); 1 parameter of another shape (a (1,) for (2,))'
    """
    names = {
        "missing": [k for k in own if k not in state],
        "unknown": [k for k in state if k not in own],
        "of another shape": [
            f"{k} {_shape(state[k])} for {_shape(v)}"
            for k, v in own.items()
            if k in state and _shape(state[k]) != _shape(v)
        ],
    }
    return "; ".join(
        f"{counted(len(those), 'parameter')} {what} ({first_few(those, 3)})"
        for what, those in names.items()
        if those
    )


def _shape(tensor: "Tensor") -> tuple[int, ...]:
    return () if tensor.is_nested else tuple(tensor.shape)


def _same(a: "Tensor", b: "Tensor") -> bool:
    import torch

    try:
        return torch.equal(a, b)
    except RuntimeError:  # of other types, or sparse
        return False


def _parameters(state: "dict[str, Tensor]") -> int:
    counters = ("running_mean", "running_var", "num_batches_tracked")
    return sum(prod(_shape(v)) for k, v in state.items() if not k.endswith(counters))


def _check_values(network: "nn.Module", path: Path, state: "dict[str, Tensor]") -> None:
    """Check that all tensors are dense, real, and finite in the network's own precision."""
    import torch

    own = network.state_dict()
    real = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
    whole = {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}
    unusual, broken = [], []
    buffers = dict(network.named_buffers())
    for name, value in state.items():
        kinds = real | whole if name not in own else real if own[name].is_floating_point() else whole
        if value.layout != torch.strided or value.is_nested:
            unusual.append(f"{name} is {'nested' if value.is_nested else 'sparse'}")
        elif value.is_meta:
            unusual.append(f"{name} has no values")
        elif value.dtype not in kinds:
            unusual.append(f"{name} holds {str(value.dtype).removeprefix('torch.')}")
        elif value.dtype in real:
            bad = ~value.to(torch.float32 if name not in own else own[name].dtype).isfinite()
            if bad.any() and not _meant(bad, buffers.get(name)):
                broken.append(name)
    if unusual:
        raise WeightsError(
            f"{path}: cannot load {counted(len(unusual), 'tensor')} ({first_few(unusual, 3)}), expected "
            "dense tensors of 16-, 32- or 64-bit floating-point numbers, or of integers for counters."
        )
    if broken:
        raise WeightsError(
            f"{path}: {counted(len(broken), 'tensor')} with NaN or infinite values ({first_few(broken)}): "
            "damaged, or of a training that diverged. Take other weights."
        )


def _meant(bad: "Tensor", buffer: "Tensor | None") -> bool:
    """Tell whether the network as built has no finite values there either, as in a mask of -inf."""
    if buffer is None or buffer.is_meta or buffer.shape != bad.shape:
        return False
    return not buffer.isfinite()[bad].any()


def _unwrapped(network: "nn.Module", path: Path, content: object, say: Say) -> "dict[str, Tensor]":
    """Return the one state_dict in a checkpoint that fits the network, or what comes nearest to one."""
    inner = list(_state_dicts(content))
    if not inner:
        kind = type(content).__name__
        what = "a dictionary without one" if isinstance(content, dict) else f"an object of type {kind}"
        raise WeightsError(f"{path}: expected a state_dict (name -> tensor), found {what}.")
    own = network.state_dict()
    counters = {k: v for k, v in own.items() if k.endswith("num_batches_tracked")}
    fitting = []
    for keys, state in inner:
        for prefix, names in _prefixes(list(state)):
            inside = dict(zip(names, state.values(), strict=True))
            if not misfit({**counters, **inside}, own):
                fitting.append((keys, prefix, inside))
                break
    if not fitting:
        return max(inner, key=lambda entry: (not entry[0], len(entry[1])))[1]
    (keys, prefix, state), *others = fitting
    differ = [k for k, _, other in others if any(not _same(state[n], other[n]) for n in own if n in state)]
    if differ:
        raise WeightsError(
            f"{path}: holds {len(differ) + 1} sets of weights that fit, and they differ: "
            f"{first_few([' > '.join(k) or 'the file itself' for k in (keys, *differ)])}. Save the one that "
            "you mean on its own."
        )
    notes = [f"read from {' > '.join(keys)}"] if keys else []
    notes += [f"names without {prefix}"] if prefix else []
    if notes:
        say(f"{path}: weights {', '.join(notes)}")
    return state


def _state_dicts(
    content: object, keys: tuple[str, ...] = (), seen: tuple[int, ...] = ()
) -> "Iterator[tuple[tuple[str, ...], dict[str, Tensor]]]":
    """Find all dictionaries of tensors in nested dictionaries, with the keys that lead there."""
    import torch

    if not isinstance(content, dict) or not content or id(content) in seen or len(seen) > 5:
        return
    if all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in content.items()):
        yield keys, dict(content)
        return
    for key, value in content.items():
        if isinstance(key, str):
            yield from _state_dicts(value, (*keys, key), (*seen, id(content)))


def _prefixes(names: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Strip what all names share up to a dot, again and again.

    >>> [prefix for prefix, _ in _prefixes(["module.net.a.w", "module.net.b"])]
    ['', 'module.', 'module.net.']
    """
    prefix = ""
    while True:
        yield prefix, names
        head, dot, _ = names[0].partition(".")
        if not dot or not all(name.startswith(head + dot) for name in names):
            return
        prefix += head + dot
        names = [name.removeprefix(head + dot) for name in names]


def load_tensors(path: Path) -> Any:
    """Read a file of `torch.save` that holds nothing but tensors and plain values, on the CPU.

    torch's warnings are about the program that saved the file, and say nothing to who has it. It does not
    look at the checksums of the zip that it writes, so that one changed bit makes another number.
    """
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = torch.load(path, map_location="cpu", weights_only=True)
    if zipfile.is_zipfile(path):
        _check_sums(path)
    return content


def _check_sums(path: Path) -> None:
    """Read a zip whole, which raises an exception where a checksum is wrong; 0 stands for none."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.CRC:
                with archive.open(info) as member:
                    while member.read(1 << 20):
                        pass


def _read_pth(path: Path) -> object:
    import pickle

    try:
        return load_tensors(path)
    except Exception as error:
        if _is_torchscript(path):
            raise WeightsError(
                f"{path}: a TorchScript program, which is never run. Save the network's state_dict() alone."
            ) from error
        code = re.search(r"Unsupported (?:global|class)\S* (?:GLOBAL )?([\w.]+)", str(error))
        if code and isinstance(error, pickle.UnpicklingError):
            raise WeightsError(
                f"{path}: holds code or objects other than tensors, which are never loaded "
                f"({code[1].rstrip('.')}). Save the network's state_dict() alone."
            ) from error
        with path.open("rb") as file:
            start = file.read(2)
        if isinstance(error, pickle.UnpicklingError) and start[:1] == b"\x80" and start[1:] <= b"\x05":
            raise WeightsError(
                f"{path}: damaged, or not a PyTorch checkpoint but another pickle. "
                "Save the network's state_dict() with torch.save, or get it again."
            ) from error
        raise WeightsError(f"{path}: damaged, or not a PyTorch checkpoint. Get it again.") from error


def _is_torchscript(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def _read_safetensors(path: Path) -> object:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, KeyError, ValueError, AttributeError) as error:
        raise WeightsError(f"{path}: damaged, or not a safetensors file ({error}). Get it again.") from error
