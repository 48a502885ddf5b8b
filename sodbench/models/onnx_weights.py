"""Weights in ONNX form: batch norm folded into the convolutions, as the authors' weights are published.

Such a file names neither the network's modules nor an order that means anything: nodes and initializers
may stand in any order that the graph allows. So its convolutions are matched with the network's by where
they stand in the graph: their shapes, and which convolution's output reaches which. `read_onnx` refuses a
file whose graph leaves that open. Each ``bn_s1`` becomes the identity.

Exporters may put the tensors into *external files* beside the ``.onnx``. Only files in its folder are read.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from math import prod
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sodbench.errors import WeightsError, first_few
from sodbench.models.registry import known_models
from sodbench.utils.files import read_file
from sodbench.utils.text import counted

if TYPE_CHECKING:
    from torch import Tensor, nn

_WIDTHS = {"FLOAT": 4, "FLOAT16": 2, "BFLOAT16": 2, "DOUBLE": 8}
"""Element types of weights, by their bytes."""

MAX_ONNX_BYTES = 1 << 31
"""The most that a protobuf file can hold."""


class _Conv(NamedTuple):
    """A convolution in a graph: its name, what it looks like, and the convolutions whose outputs reach it.

    Where those are concatenated, they come in that order; those joined in another way, say by a sum, are one
    set, as the order of such inputs may differ between two files of one network.
    """

    name: str
    label: str
    before: tuple[frozenset[int], ...]


def read_onnx(network: "nn.Module", path: Path) -> "dict[str, Tensor]":
    """Read the weights of an ONNX file by the names of the network.

    Raises
    ------
    WeightsError
        The file is damaged, of another architecture, its graph leaves open which weights are whose, or it
        refers to an external file that is absent, too short or in another folder.
    """
    import torch

    graph = _graph(path)
    if not graph.node:
        raise WeightsError(f"{path}: damaged, or not an ONNX file (it is empty). Get it again.")
    if any(node.op_type == "BatchNormalization" for node in graph.node):
        raise WeightsError(f"{path}: holds batch norms, expected them folded into the convolutions.")
    _external_files(path, graph)
    values = {tensor.name: tensor for tensor in graph.initializer}
    nodes = [node for node in graph.node if node.op_type == "Conv"]
    own = _convolutions_of(network)
    if len(own) != len(nodes):
        raise WeightsError(
            f"{path}: a checkpoint of another architecture: {counted(len(nodes), 'convolution')}, expected "
            f"{len(own)}.{_hint(path)}"
        )
    for node in nodes:
        if len(node.input) != 3 or any(key not in values for key in node.input[1:]):
            name = node.name or (node.output[0] if node.output else "a convolution")
            raise WeightsError(f"{path}: {name} has no weight and bias of its own in the file.")
    state: dict[str, Tensor] = {}
    origin: dict[str, str] = {}
    for conv, k in zip(own, _matches(path, own, _convolutions_in(path, graph, values)), strict=True):
        for part, key in zip(("weight", "bias"), nodes[k].input[1:], strict=True):
            name = f"{conv.name}.{part}"
            if origin.setdefault(name, key) != key:
                raise WeightsError(
                    f"{path}: a checkpoint of another architecture: {conv.name} is used more than once, "
                    f"with {origin[name]} and {key}."
                )
            state[name] = torch.from_numpy(_array(path, values[key]))
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            ones, zeros = torch.ones(module.num_features), torch.zeros(module.num_features)
            state |= {f"{name}.weight": ones, f"{name}.bias": zeros}
            state |= {f"{name}.running_mean": zeros, f"{name}.running_var": ones - module.eps}
    return state


def external_files(path: Path) -> list[Path]:
    """Return the external files of an ONNX file in the order of their names.

    Raises
    ------
    WeightsError
        The file is damaged, or an external file cannot be read.
    """
    return _external_files(path, _graph(path))


def sha256_with_external(path: Path) -> str:
    """Return the sha256 of an ONNX file followed by its external files in the order of their names.

    It is what ``cat x.onnx x.onnx.data | sha256sum`` prints; without external files, the file's own sha256.

    Raises
    ------
    WeightsError
        The file is damaged, or an external file cannot be read.
    """
    digest = hashlib.sha256()
    for file in (path, *external_files(path)):
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


# ----------------------------------------------------------------------------------------- the file


def _graph(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    content = read_file(path, WeightsError, "a file of weights", MAX_ONNX_BYTES)
    try:
        graph = onnx.ModelProto.FromString(content).graph
    except (DecodeError, ValueError) as error:
        raise WeightsError(f"{path}: damaged, or not an ONNX file ({error}). Get it again.") from error
    twice = Counter(tensor.name for tensor in graph.initializer)
    twice += Counter(output for node in graph.node for output in node.output if output)
    if doubled := [str(name) for name, count in twice.items() if count > 1]:
        raise WeightsError(
            f"{path}: damaged: several tensors are named {first_few(doubled, 3)}. Get it again."
        )
    return graph


def _is_external(tensor: Any) -> bool:
    return bool(tensor.data_location == tensor.EXTERNAL)


def _external_files(path: Path, graph: Any) -> list[Path]:
    """Return the external files of a graph in the order of their names, all checked to be in its folder."""
    external = [tensor for tensor in graph.initializer if _is_external(tensor)]
    return [file for _, file in sorted({(_location(t), _external_file(path, t)) for t in external})]


def _location(tensor: Any) -> str:
    location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
    return location if isinstance(location, str) else location.decode("utf-8", "replace")


def _external_file(path: Path, tensor: Any) -> Path:
    location = _location(tensor)
    posix, windows = PurePosixPath(location), PureWindowsPath(location)
    if not location or posix.is_absolute() or windows.anchor or ".." in (*posix.parts, *windows.parts):
        raise WeightsError(
            f"{path}: tensor {tensor.name} refers to the file {location!r}; external data is read only "
            "from files in the folder of the .onnx."
        )
    try:
        folder = path.parent.resolve()
        file = (folder / location).resolve()
        inside, exists = file.is_relative_to(folder), file.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # a name that no file can have; links in a circle
        raise WeightsError(
            f"{path}: tensor {tensor.name}: cannot read the file {location!r} ({error})."
        ) from error
    if not inside:
        raise WeightsError(
            f"{path}: tensor {tensor.name} refers to {location!r}, a link to another folder; external data "
            "is read only from files in the folder of the .onnx."
        )
    if not exists:
        raise WeightsError(
            f"{path}: its tensors are in the file {location!r}, which is not beside it. Copy both files."
        )
    return file


def _array(path: Path, tensor: Any) -> "np.ndarray[Any, np.dtype[Any]]":
    """Return a tensor's values, float32 or float64."""
    from onnx.numpy_helper import to_array

    known = {number: name for name, number in tensor.DataType.items()}
    kind = known.get(tensor.data_type, f"element type {tensor.data_type}")
    where = f"{path}: tensor {tensor.name}"
    if kind not in _WIDTHS:
        raise WeightsError(f"{where} holds {kind}, expected one of {', '.join(_WIDTHS)}.")
    if any(size < 0 for size in tensor.dims):
        raise WeightsError(f"{where}: damaged (shape {tuple(tensor.dims)}). Get it again.")
    if _is_external(tensor):
        content = _external_bytes(path, tensor, prod(tensor.dims) * _WIDTHS[kind])
        tensor = type(tensor)(dims=tensor.dims, data_type=tensor.data_type, raw_data=content)
    try:
        values = np.array(to_array(tensor), order="C")
    except (ValueError, TypeError, OverflowError) as error:
        raise WeightsError(f"{where}: damaged ({error}). Get it again.") from error
    return values if kind == "DOUBLE" else values.astype(np.float32)


def _external_bytes(path: Path, tensor: Any, size: int) -> bytes:
    """Read exactly the bytes that offset and length state, which must be as many as the shape needs."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    where = f"{path}: tensor {tensor.name}"
    numbers = {"offset": entries.get("offset", "0"), "length": entries.get("length", str(size))}
    for key, text in numbers.items():
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise WeightsError(f"{where}: damaged ({key} {text[:40]!r} of its external data).")
    offset, length = (int(text) for text in numbers.values())
    file = _external_file(path, tensor)
    if length != size:
        raise WeightsError(f"{where}: {length} bytes of external data, expected {size} for its shape.")
    if offset + size > file.stat().st_size:
        raise WeightsError(
            f"{where} ends at byte {offset + size} of {file}, which has {file.stat().st_size}: truncated, "
            "or another file. Get it again."
        )
    with file.open("rb") as stream:
        stream.seek(offset)
        return stream.read(size)


# --------------------------------------------------------------------------------------- the graphs


def _label(shape: Sequence[int], stride: Sequence[int], dilation: Sequence[int], groups: int) -> str:
    return f"{tuple(shape)} stride {tuple(stride)} dilation {tuple(dilation)} groups {groups}"


def _convolutions_in(path: Path, graph: Any, values: Mapping[str, Any]) -> list[_Conv]:
    """Return the convolutions of an ONNX graph in the order of the file."""
    makers = {output: k for k, node in enumerate(graph.node) for output in node.output if output}
    inputs = {k: [makers[name] for name in node.input if name in makers] for k, node in enumerate(graph.node)}
    try:
        order = list(TopologicalSorter(inputs).static_order())
    except CycleError as error:
        raise WeightsError(f"{path}: damaged: its graph runs in a circle. Get it again.") from error
    numbers = {k: i for i, k in enumerate(k for k, n in enumerate(graph.node) if n.op_type == "Conv")}
    convolutions: dict[int, _Conv] = {}
    reached: dict[int, tuple[frozenset[int], ...]] = {}
    for k in order:
        node = graph.node[k]
        if node.op_type in ("Shape", "Size"):  # what follows from a size alone does not depend on values
            reached[k] = ()
            continue
        before = _joined([reached[maker] for maker in inputs[k]], node.op_type == "Concat")
        reached[k] = before
        if k in numbers:
            given = {a.name: a for a in node.attribute}
            shape = tuple(values[node.input[1]].dims)
            stride, dilation = (
                tuple(given[key].ints) if key in given else (1,) * (len(shape) - 2)
                for key in ("strides", "dilations")
            )
            groups = given["group"].i if "group" in given else 1
            convolutions[k] = _Conv(
                node.name or node.output[0], _label(shape, stride, dilation, groups), before
            )
            reached[k] = (frozenset({numbers[k]}),)
    return [convolutions[k] for k in numbers]


def _convolutions_of(network: "nn.Module") -> list[_Conv]:
    """Return a network's convolutions, one for each use, by the graph that autograd records."""
    import torch

    modules = {
        id(module.weight): (name, module)
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Conv2d)
    }
    training = network.training
    frozen = [p for p in network.parameters() if not p.requires_grad]
    try:
        for parameter in frozen:
            parameter.requires_grad_(True)
        with torch.enable_grad():
            output = network.eval()(torch.zeros(1, 3, 32, 32))
    finally:
        network.train(training)
        for parameter in frozen:
            parameter.requires_grad_(False)
    inputs: dict[Any, list[Any]] = {}
    todo = [tensor.grad_fn for tensor in _tensors(output) if tensor.grad_fn is not None]
    while todo:
        node = todo.pop()
        if node not in inputs:
            inputs[node] = [before for before, _ in node.next_functions if before is not None]
            todo += inputs[node]
    convolutions: list[_Conv] = []
    reached: dict[Any, tuple[frozenset[int], ...]] = {}
    for node in TopologicalSorter(inputs).static_order():
        before = _joined([reached[maker] for maker in inputs[node]], node.name().startswith("CatBackward"))
        reached[node] = before
        leaves = [getattr(maker, "variable", None) for maker in inputs[node]]
        own = next((modules[id(leaf)] for leaf in leaves if id(leaf) in modules), None)
        if own:
            name, conv = own
            label = _label(conv.weight.shape, conv.stride, conv.dilation, conv.groups)
            reached[node] = (frozenset({len(convolutions)}),)
            convolutions.append(_Conv(name, label, before))
    return convolutions


def _joined(inputs: Sequence[tuple[frozenset[int], ...]], concatenated: bool) -> tuple[frozenset[int], ...]:
    """Return the convolutions that reach a node, from those that reach its inputs."""
    inputs = [before for before in inputs if before]
    if concatenated or len(inputs) == 1:
        return tuple(group for before in inputs for group in before)
    return (frozenset().union(*(group for before in inputs for group in before)),) if inputs else ()


def _tensors(output: Any) -> "Iterator[Tensor]":
    import torch

    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, Mapping):
        for item in output.values():
            yield from _tensors(item)
    elif isinstance(output, list | tuple):
        for item in output:
            yield from _tensors(item)


def _matches(path: Path, own: Sequence[_Conv], theirs: Sequence[_Conv]) -> list[int]:
    """Return for each convolution of the network the number of its counterpart in the file."""
    lack = Counter(conv.label for conv in own) - Counter(conv.label for conv in theirs)
    if lack:
        raise WeightsError(
            f"{path}: a checkpoint of another architecture: {lack.total()} of its {len(own)} convolutions "
            f"have another shape, stride or dilation.{_hint(path)}"
        )
    for ordered in (False, True):  # the order of concatenation, where the rest leaves the place open
        mine, other = _places(own, ordered), _places(theirs, ordered)
        if sorted(mine) != sorted(other):
            raise WeightsError(
                f"{path}: a checkpoint of another architecture: its convolutions have the expected shapes, "
                "but are connected in another way."
            )
        if len(set(mine)) == len(mine):
            return [other.index(place) for place in mine]
    twins = [conv.name for conv, place in zip(own, mine, strict=True) if mine.count(place) > 1]
    raise WeightsError(
        f"{path}: its graph does not say which weights belong to {first_few(twins, 3)}: they have the same "
        "shape and the same place. Save the network's state_dict() as .pth or .safetensors."
    )


def _hint(path: Path) -> str:
    """Name the model whose published file this is, if it is one."""
    size = path.stat().st_size
    same = [m.name for m in known_models().values() if any(size == file.bytes for file in m.weights)]
    return f" It is as large as the published weights of {same[0]}: pass --model {same[0]}." if same else ""


def _places(convs: Sequence[_Conv], ordered: bool) -> list[str]:
    """Describe where each convolution stands: refined by its neighbours until nothing new is learnt."""
    edges = [
        (k, before, position if ordered else 0)
        for k, conv in enumerate(convs)
        for position, group in enumerate(conv.before)
        for before in group
    ]
    places = [conv.label for conv in convs]
    while True:
        near: list[list[tuple[str, str, int]]] = [[] for _ in convs]
        for k, before, position in edges:
            near[k].append(("before", places[before], position))
            near[before].append(("after", places[k], position))
        told = [
            hashlib.sha256(repr((place, sorted(neighbours))).encode()).hexdigest()
            for place, neighbours in zip(places, near, strict=True)
        ]
        if len(set(told)) == len(set(places)):
            return told
        places = told
