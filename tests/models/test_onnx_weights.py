"""Weights in ONNX form: external data, damaged tensors, and whose weights are whose."""

import hashlib
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from sodbench.errors import WeightsError
from sodbench.models.loading import load_weights, read_weights, weights_bytes, weights_sha256


class Branches(nn.Module):
    """Convolutions of one shape in parallel, joined by a concatenation, a sum, or a difference of pools."""

    def __init__(self, join: str = "cat") -> None:
        super().__init__()
        self.join = join
        self.stem, self.b, self.a = (nn.Conv2d(3, 3, 3, padding=1) for _ in range(3))
        self.last = nn.Conv2d(6 if join == "cat" else 3, 1, 1)

    def forward(self, x):
        x = self.stem(x).relu()
        a, b = self.a(x), self.b(nn.functional.max_pool2d(x, 3, 1, 1))
        if self.join == "chain":
            a, b = self.b(self.a(x)), x
        return self.last(torch.cat((a, b), 1) if self.join == "cat" else a + b)


def branches(join: str = "cat", seed: int = 0) -> Branches:
    torch.manual_seed(seed)
    return Branches(join)


def model_of(network: Branches) -> onnx.ModelProto:
    """The network as an exporter writes it."""

    def conv(name: str, x: str) -> onnx.NodeProto:
        kernel = network.get_submodule(name).kernel_size[0]
        weights = [f"{name}.w", f"{name}.b"]
        return helper.make_node("Conv", [x, *weights], [f"{name}.out"], name=name, pads=[kernel // 2] * 4)

    pool = helper.make_node("MaxPool", ["x"], ["pooled"], kernel_shape=[3, 3], pads=[1] * 4)
    nodes = [conv("stem", "input"), helper.make_node("Relu", ["stem.out"], ["x"])]
    if network.join == "chain":
        nodes += [conv("a", "x"), conv("b", "a.out"), helper.make_node("Add", ["b.out", "x"], ["joined"])]
    else:
        nodes += [conv("a", "x"), pool, conv("b", "pooled")]
        kind = {"cat": ("Concat", {"axis": 1}), "add": ("Add", {})}[network.join]
        nodes += [helper.make_node(kind[0], ["a.out", "b.out"], ["joined"], **kind[1])]
    nodes += [conv("last", "joined")]
    values = [
        numpy_helper.from_array(
            getattr(network.get_submodule(name), part).detach().numpy(), f"{name}.{part[0]}"
        )
        for name in ("stem", "a", "b", "last")
        for part in ("weight", "bias")
    ]
    ends = [
        helper.make_tensor_value_info(k, TensorProto.FLOAT, ["n", c, "h", "w"])
        for k, c in (("input", 3), ("last.out", 1))
    ]
    return helper.make_model(helper.make_graph(nodes, "branches", ends[:1], ends[1:], values))


def shuffled(model: onnx.ModelProto, seed: int) -> onnx.ModelProto:
    """The same graph with initializers and nodes in another order that is valid."""
    chance = random.Random(seed)
    values, nodes = list(model.graph.initializer), list(model.graph.node)
    chance.shuffle(values)
    made, order = {"input", *(value.name for value in values)}, []
    while nodes:
        node = chance.choice([node for node in nodes if made.issuperset(node.input)])
        nodes.remove(node)
        order.append(node)
        made.update(node.output)
    other = onnx.ModelProto()
    other.CopyFrom(model)
    del other.graph.initializer[:], other.graph.node[:]
    other.graph.initializer.extend(values)
    other.graph.node.extend(order)
    onnx.checker.check_model(other)
    return other


def external(folder: Path, network: Branches | None = None) -> Path:
    """A file with external data, as exporters write it."""
    folder.mkdir(exist_ok=True)
    path = folder / "m.onnx"
    model = model_of(network or branches())
    onnx.save(model, path, save_as_external_data=True, location="m.onnx.data", size_threshold=0)
    return path


def changed(path: Path, change: Callable[[TensorProto], object], name: str = "a.w") -> Path:
    """Change one tensor of a file."""
    model = onnx.load(path, load_external_data=False)
    change(next(tensor for tensor in model.graph.initializer if tensor.name == name))
    path.write_bytes(model.SerializeToString())
    return path


def refer(**entries: str) -> Callable[[TensorProto], None]:
    def change(tensor: TensorProto) -> None:
        kept = {entry.key: entry.value for entry in tensor.external_data}
        del tensor.external_data[:]
        for key, value in {**kept, **entries}.items():
            tensor.external_data.add(key=key, value=value)

    return change


def same(network: nn.Module, path: Path) -> bool:
    state, own = read_weights(network, path), network.state_dict()
    return state.keys() == own.keys() and all(torch.equal(state[k], own[k]) for k in own)


# ------------------------------------------------------------------------------------------- order


@pytest.mark.parametrize("join", ["cat", "chain"])
@pytest.mark.parametrize("seed", range(8))
def test_order_of_nodes_and_initializers_does_not_matter(tmp_path, join, seed):
    network = branches(join)
    onnx.save(shuffled(model_of(network), seed), tmp_path / "a.onnx")
    assert same(network, tmp_path / "a.onnx")


def test_graph_that_does_not_tell_whose_weights_are_whose(tmp_path):
    """Two convolutions of one shape in a sum: the file may write its terms in either order."""
    onnx.save(model_of(branches("add")), tmp_path / "a.onnx")
    with pytest.raises(WeightsError, match=r"does not say which weights belong to (a, b|b, a): .*\.pth"):
        load_weights(branches("add"), tmp_path / "a.onnx")


def test_convolutions_that_are_connected_in_another_way(tmp_path):
    onnx.save(model_of(branches("add")), tmp_path / "a.onnx")
    with pytest.raises(WeightsError, match="another architecture: .*connected in another way"):
        load_weights(branches("chain"), tmp_path / "a.onnx")


def test_graph_in_a_circle(tmp_path):
    model = model_of(branches())
    model.graph.node[0].input[0] = "last.out"
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(WeightsError, match="damaged: its graph runs in a circle"):
        load_weights(branches(), tmp_path / "a.onnx")


def test_reading_leaves_the_network_as_it_was(tmp_path):
    network = branches().requires_grad_(False).train()
    onnx.save(model_of(network), tmp_path / "a.onnx")
    assert same(network, tmp_path / "a.onnx")
    assert network.training
    assert not any(p.requires_grad or p.grad is not None for p in network.parameters())


# ----------------------------------------------------------------------------------- external data


def test_external_data_is_read_from_beside_the_file(tmp_path, monkeypatch):
    """Not from the current folder, where another file has the same name."""
    network, path = branches(), external(tmp_path / "good")
    external(tmp_path / "other", branches(seed=1))
    monkeypatch.chdir(tmp_path / "other")
    assert same(network, path)
    assert same(network, Path("../good/m.onnx"))
    digest = hashlib.sha256(path.read_bytes() + path.with_name("m.onnx.data").read_bytes()).hexdigest()
    assert weights_sha256(path) == digest


def test_sha256_of_other_files_is_their_own(tmp_path):
    onnx.save(model_of(branches()), tmp_path / "a.onnx")
    torch.save(branches().state_dict(), tmp_path / "a.pth")
    for path in tmp_path.iterdir():
        assert weights_sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "location",
    [
        "",
        "/etc/passwd",
        "../secret",
        "x/../../secret",
        "C:\\x",
        "C:x",
        "\\\\host\\x",
        "..\\x",
        "link",
        "folder/f",
    ],
)
def test_external_data_outside_the_folder_is_refused(tmp_path, location):
    path = external(tmp_path / "good")
    content = path.with_name("m.onnx.data").read_bytes()
    (tmp_path / "secret").write_bytes(content)
    (tmp_path / "f").write_bytes(content)
    (tmp_path / "good" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "good" / "folder").symlink_to(tmp_path)
    changed(path, refer(location=location))
    for attempt in (lambda: load_weights(branches(), path), lambda: weights_sha256(path)):
        with pytest.raises(WeightsError, match=r"tensor a\.w refers to .*only from files in the folder"):
            attempt()


@pytest.mark.parametrize("location", ["absent", "a\0b", "x" * 5000, "loop", "pipe", "."])
def test_external_data_that_is_no_file(tmp_path, location):
    path = external(tmp_path / "good")
    (tmp_path / "good" / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "good" / "pipe")
    changed(path, refer(location=location))
    with pytest.raises(WeightsError, match="which is not beside it|cannot read the file"):
        load_weights(branches(), path)


def test_name_that_is_no_text(tmp_path):
    """protobuf hands on bytes that are not UTF-8 as bytes."""
    path = changed(external(tmp_path / "good"), refer(location="m.onnx.dat?"))
    path.write_bytes(path.read_bytes().replace(b"m.onnx.dat?", b"m.onnx.dat\xff"))
    with pytest.raises(WeightsError, match="its tensors are in the file 'm.onnx.dat\ufffd', which is not"):
        load_weights(branches(), path)


@pytest.mark.parametrize(
    ("entries", "match"),
    [
        ({"offset": ""}, "damaged .offset ''"),
        ({"offset": "\0"}, r"damaged .offset '\\x00'"),
        ({"length": "324.0"}, "damaged .length '324.0'"),
        ({"offset": "99999"}, "which has .*: truncated, or another file"),
        ({"length": "8"}, "8 bytes of external data, expected 324"),
        ({"length": "999999999999"}, "999999999999 bytes of external data, expected 324"),
        ({"offset": "-4"}, "damaged .offset '-4'"),
        ({"length": "1e3"}, "damaged .length '1e3'"),
        ({"offset": "9" * 5000}, "damaged .offset '9{40}'"),
    ],
)
def test_external_data_is_bounded_by_what_is_stated(tmp_path, entries, match):
    path = changed(external(tmp_path / "good"), refer(**entries))
    with pytest.raises(WeightsError, match=r"tensor a\.w.*" + match):
        load_weights(branches(), path)


def test_truncated_external_data(tmp_path):
    path = external(tmp_path / "good")
    data = path.with_name("m.onnx.data")
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="truncated, or another file"):
        load_weights(branches(), path)


@pytest.mark.filterwarnings("ignore")
def test_what_torch_exports_by_default(tmp_path, capfd):
    """The exporter writes ``.onnx`` and ``.onnx.data``, whatever the size."""
    network = branches().eval()
    torch.onnx.export(
        network, (torch.zeros(1, 3, 8, 8),), tmp_path / "m.onnx", dynamo=True, external_data=True
    )
    model = onnx.load(tmp_path / "m.onnx", load_external_data=False)
    assert any(tensor.data_location == TensorProto.EXTERNAL for tensor in model.graph.initializer)
    assert (tmp_path / "m.onnx.data").stat().st_size > 0
    assert same(network, tmp_path / "m.onnx")
    sizes = [(tmp_path / name).stat().st_size for name in ("m.onnx", "m.onnx.data")]
    assert weights_bytes(tmp_path / "m.onnx") == sum(sizes)


SEEDS = [
    ("onnx_TypeError_The_element_type_in_the_input_tensor_i-15006fef.onnx", "another architecture"),
    ("onnx_TypeError__open_external_data____incompatible_fu-a4c2e0e0.onnx", "only from files in the folder"),
    ("onnx_ValidationError_Data_of_TensorProto___tensor_nam-4e6e4944.onnx", "only from files in the folder"),
    ("onnx_ValidationError_Location_of_external_TensorProto-8f55ceb3.onnx", "only from files in the folder"),
    ("onnx_ValueError_cannot_reshape_array_of_size_N_into_s-830ca086.onnx", "another architecture"),
    ("onnx_ValueError_invalid_literal_for_int___with_base_N-7086492b.onnx", "only from files in the folder"),
    ("onnx_ValueError_invalid_literal_for_int___with_base_N-8beb2bc5.onnx", "only from files in the folder"),
    ("pth_RuntimeError_Error_s__in_loading_state_dict_for_N-d8a1c825.pth", "conv_s1.weight is sparse"),
]


class Seeded(nn.Module):
    """The network that the seeds were made of."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_s1, self.bn_s1 = nn.Conv2d(3, 2, 3, padding=1), nn.BatchNorm2d(2)
        self.out = nn.Conv2d(2, 1, 1)

    def forward(self, x):
        return self.out(self.bn_s1(self.conv_s1(x)).relu())


@pytest.mark.skipif(
    "SODBENCH_REFERENCE" not in os.environ, reason="needs the seeds of the reference material"
)
@pytest.mark.parametrize(("seed", "match"), SEEDS)
def test_seeds_that_gave_tracebacks(seed, match):
    path = Path(os.environ["SODBENCH_REFERENCE"], "cases", "fuzz", "weights", f"CRASH__{seed}")
    with pytest.raises(WeightsError, match=rf"{seed}: .*{match}"):
        load_weights(Seeded(), path)


# ----------------------------------------------------------------------------------------- tensors


@pytest.mark.parametrize("where", ["initializer", "node"])
def test_two_tensors_of_one_name(tmp_path, where):
    """Which of the two is meant is not guessed."""
    model = model_of(branches())
    if where == "initializer":
        model.graph.initializer.append(numpy_helper.from_array(np.zeros((3, 3, 3, 3), np.float32), "a.w"))
    else:
        model.graph.node.append(helper.make_node("Relu", ["x"], ["a.out"]))
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(WeightsError, match=r"a\.onnx: damaged: several tensors are named a\.(w|out)\."):
        load_weights(branches(), tmp_path / "a.onnx")


@pytest.mark.parametrize(
    ("kind", "match"),
    [
        (TensorProto.COMPLEX64, "holds COMPLEX64, expected one of FLOAT"),
        (TensorProto.INT8, "holds INT8"),
        (TensorProto.UNDEFINED, "holds UNDEFINED"),
        (TensorProto.STRING, "holds STRING"),
        (99, "holds element type 99"),
        (TensorProto.DOUBLE, "damaged"),
    ],
)
@pytest.mark.parametrize("kept", ["inside", "external"])
def test_element_types_other_than_floats_are_refused(tmp_path, kind, match, kept):
    path = external(tmp_path / "good")
    if kept == "inside":
        onnx.save(model_of(branches()), path)
    changed(path, lambda tensor: setattr(tensor, "data_type", kind))
    expected = (
        "324 bytes of external data, expected 648" if (kept, match) == ("external", "damaged") else match
    )
    with pytest.raises(WeightsError, match=r"tensor a\.w:? " + (f".*{expected}")):
        load_weights(branches(), path)


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE])
def test_other_floats_are_read(tmp_path, kind):
    network = branches()
    values = network.a.bias.detach().numpy()
    tensor = helper.make_tensor("a.b", kind, [3], values.astype(np.float64).tolist())
    onnx.save(model_of(network), tmp_path / "a.onnx")
    load_weights(network, changed(tmp_path / "a.onnx", lambda old: old.CopyFrom(tensor), "a.b"))
    np.testing.assert_allclose(network.a.bias.detach().numpy(), values, atol=1e-2)


@pytest.mark.parametrize("dims", [[3, 3, 3, 4], [-3, 3, 3, 3], [3, 3, 3, 2**62], [81]])
def test_damaged_shape(tmp_path, dims):
    onnx.save(model_of(branches()), tmp_path / "a.onnx")
    path = changed(tmp_path / "a.onnx", lambda tensor: (tensor.ClearField("dims"), tensor.dims.extend(dims)))
    with pytest.raises(WeightsError, match=r"a\.onnx: "):
        load_weights(branches(), path)
