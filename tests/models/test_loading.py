"""Loading weights: three forms, what is unwrapped, and every way in which a file can be wrong."""

import os
import pickle
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file
from torch import nn

from sodbench.errors import WeightsError
from sodbench.models.loading import load_weights
from sodbench.models.networks.u2net import ConvBnRelu, u2netp
from sodbench.models.registry import known_models


class Tiny(nn.Module):
    """Two layers, registered in another order than they run in."""

    def __init__(self, middle: int = 4) -> None:
        super().__init__()
        self.last = nn.Conv2d(middle, 1, 3, padding=1)
        self.first = ConvBnRelu(3, middle)

    def forward(self, x):
        return self.last(self.first(x))

    def fold_batch_norm(self) -> None:
        self.first.conv_s1 = nn.utils.fusion.fuse_conv_bn_eval(self.first.conv_s1, self.first.bn_s1)
        self.first.bn_s1 = nn.Identity()


def tiny(seed: int = 0, middle: int = 4) -> Tiny:
    """A network whose batch norm does something."""
    torch.manual_seed(seed)
    network = Tiny(middle).eval()
    norm = network.first.bn_s1
    for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        nn.init.uniform_(tensor, 0.5, 1.5)
    return network


def output_of(network: nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return network.eval()(torch.linspace(-1, 1, 3 * 8 * 6).reshape(1, 3, 8, 6))


def save_onnx(network: Tiny, path: Path, extra: str = "", bias: bool = True) -> Path:
    """Write the folded network as ONNX."""
    network.fold_batch_norm()
    nodes, values, x = [], [], "input"
    for name, conv in (("first", network.first.conv_s1), ("last", network.last)):
        parts = {f"{name}.w": conv.weight, f"{name}.b": conv.bias} if bias else {f"{name}.w": conv.weight}
        values += [numpy_helper.from_array(v.detach().numpy(), k) for k, v in parts.items()]
        nodes.append(helper.make_node("Conv", [x, *parts], [f"{name}.out"], pads=[1, 1, 1, 1]))
        x = f"{name}.out"
        if name == "first":
            nodes.append(helper.make_node("Relu", [x], ["relu"]))
            x = "relu"
    if extra:
        nodes.append(helper.make_node(extra, [x] * 5, ["extra"]))
    kind = partial(helper.make_tensor_value_info, elem_type=TensorProto.FLOAT)
    graph = helper.make_graph(
        nodes, "tiny", [kind("input", shape=[1, 3, 8, 6])], [kind(x, shape=[1, 1, 8, 6])], values
    )
    onnx.save(helper.make_model(graph), str(path))
    return path


def saved(network: Tiny, path: Path) -> Path:
    """Write a network in the form that the suffix names."""
    if path.suffix == ".onnx":
        return save_onnx(network, path)
    if path.suffix == ".safetensors":
        save_file(network.state_dict(), path)
    else:
        torch.save(network.state_dict(), path)
    return path


FORMS = pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors", ".onnx"])


# ------------------------------------------------------------------------------------------ loading


@FORMS
def test_every_form_gives_the_same_network(tmp_path, suffix):
    expected = output_of(tiny())
    network = tiny(seed=1)
    load_weights(network, saved(tiny(), tmp_path / f"a{suffix}"))
    torch.testing.assert_close(output_of(network), expected, rtol=0, atol=1e-5)
    network.fold_batch_norm()
    torch.testing.assert_close(output_of(network), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_state_dict_without_counters_loads(tmp_path, suffix):
    state = {k: v for k, v in u2netp().state_dict().items() if not k.endswith("num_batches_tracked")}
    assert len(state) == 686
    path = tmp_path / f"a{suffix}"
    torch.save(state, path) if suffix == ".pth" else save_file(state, path)
    network = u2netp()
    load_weights(network, path)
    key = "stage3d.rebnconv2.conv_s1.weight"
    torch.testing.assert_close(network.state_dict()[key], state[key], rtol=0, atol=0)


def test_upper_case_suffix(tmp_path):
    load_weights(tiny(1), saved(tiny(), tmp_path / "a.pth").rename(tmp_path / "A.PTH"))


def test_missing_file(tmp_path):
    with pytest.raises(WeightsError, match=r"a\.pth: no such weights file"):
        load_weights(tiny(), tmp_path / "a.pth")


@pytest.mark.parametrize(("name", "suffix"), [("a.h5", r"\.h5"), ("a", "no suffix")])
def test_wrong_suffix(tmp_path, name, suffix):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(
        WeightsError, match=rf"{name}: expected \.pth, \.safetensors or \.onnx, found {suffix}\.$"
    ):
        load_weights(tiny(), tmp_path / name)


@FORMS
@pytest.mark.parametrize(
    ("plant", "kind"), [(Path.mkdir, "a directory"), (os.mkfifo, r"a named pipe \(FIFO\)")]
)
def test_what_is_no_file_is_not_opened(tmp_path, suffix, plant, kind):
    path = tmp_path / f"a{suffix}"
    plant(path)
    with pytest.raises(WeightsError, match=rf"a{suffix}: is {kind}, expected a file of weights"):
        load_weights(tiny(), path)


def test_device_is_not_read():
    with pytest.raises(WeightsError, match="/dev/zero: is a device, expected a file of weights"):
        load_weights(tiny(), Path("/dev/zero"))


@FORMS
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_truncated_file(tmp_path, suffix, part):
    path = saved(tiny(), tmp_path / f"a{suffix}")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(WeightsError, match=r"a\.\w+: damaged, or not an? (PyTorch|safetensors|ONNX)"):
        load_weights(tiny(), path)


@FORMS
@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", r"an empty file, not weights \(a failed download\?\)"),
        (b"<html>not found</html>", r"this is a web page, not weights \(a failed download\?\)"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html><html>", "this is a web page"),
        (b"<?xml version='1.0'?><Error>AccessDenied</Error>", "this is a web page"),
        (b"version https://git-lfs", r"a pointer of Git LFS, .*git lfs pull"),
        (b"some text", "damaged, or not an? (PyTorch|safetensors|ONNX)"),
        (pickle.dumps({"a": 1}), "damaged, or not an? (PyTorch|safetensors|ONNX)"),
        (pickle.dumps({"a": 1}, protocol=0), "damaged, or not an? (PyTorch|safetensors|ONNX)"),
    ],
)
def test_something_else_under_that_name(tmp_path, suffix, content, match):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"a\.\w+: " + match) as caught:
        load_weights(tiny(), path)
    assert "eights only load" not in str(caught.value)  # torch's advice
    assert "weights_only" not in str(caught.value)


@FORMS
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path, suffix, value):
    network = tiny()
    with torch.no_grad():
        network.last.weight[0, 1, 2, 0] = value
    path = saved(network, tmp_path / f"a{suffix}")
    with pytest.raises(
        WeightsError, match=r"1 tensor with NaN or infinite values \(last\.weight\): damaged, or of a"
    ):
        load_weights(tiny(), path)


def test_statistics_that_are_not_finite_are_refused_and_values_too_large_for_single_precision(tmp_path):
    state = tiny().state_dict()
    state["first.bn_s1.running_var"][2] = torch.nan
    state["last.bias"] = torch.tensor([1e300], dtype=torch.float64)
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"2 tensors .*\(last\.bias, first\.bn_s1\.running_var\)"):
        load_weights(tiny(), tmp_path / "a.pth")


def test_mask_that_is_infinite_by_design_loads(tmp_path):
    def masked() -> Tiny:
        network = tiny()
        network.register_buffer("mask", torch.tensor([0, -torch.inf]))
        return network

    torch.save(masked().state_dict(), tmp_path / "a.pth")
    load_weights(masked(), tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda t: t.to_sparse(), "is sparse"),
        (lambda t: torch.nested.nested_tensor([t]), "is nested"),
        (lambda t: t.to(torch.complex64), "holds complex64"),
        (lambda t: t.to(torch.int32), "holds int32"),
        (lambda t: t.to(torch.bool), "holds bool"),
        (lambda t: t.to(torch.float8_e4m3fn), "holds float8_e4m3fn"),
        (lambda t: t.to("meta"), "has no values"),
    ],
)
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_tensors_that_are_no_plain_numbers_are_refused(tmp_path, change, match):
    state = tiny().state_dict()
    state["last.weight"] = change(state["last.weight"])
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=rf"a\.pth: cannot load 1 tensor \(last\.weight {match}\), exp"):
        load_weights(tiny(), tmp_path / "a.pth")


@pytest.mark.parametrize(("kind", "match"), [(torch.float32, "float32"), (torch.complex64, "complex64")])
def test_counters_are_whole_numbers(tmp_path, kind, match):
    state = tiny().state_dict()
    for whole in (torch.int64, torch.int32):
        state["first.bn_s1.num_batches_tracked"] = torch.tensor(7, dtype=whole)
        torch.save(state, tmp_path / "a.pth")
        network = tiny()
        load_weights(network, tmp_path / "a.pth")
        assert int(network.first.bn_s1.num_batches_tracked) == 7
    state["first.bn_s1.num_batches_tracked"] = torch.tensor(7, dtype=kind)
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=rf"\(first\.bn_s1\.num_batches_tracked holds {match}\)"):
        load_weights(tiny(), tmp_path / "a.pth")


def test_torchscript_is_refused_without_torchs_advice(tmp_path, recwarn):
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w") as archive:  # what torch takes for TorchScript; writing one is deprecated
        for name in ("constants.pkl", "code/a.py", "version"):
            archive.writestr(f"a/{name}", "3")
    with pytest.raises(WeightsError, match=r"a\.pth: a TorchScript program, which is never run\. Save"):
        load_weights(tiny(), path)
    assert [str(warning.message) for warning in recwarn] == []


# -------------------------------------------------------------------------------------- unwrapping


@pytest.mark.parametrize(
    ("keys", "prefix"),
    [
        ((), ""),
        *(((), f"{name}.") for name in ("module", "net", "model", "_orig_mod", "module._orig_mod")),
        *(((name,), "") for name in ("state_dict", "model", "model_state_dict", "params_ema", "net")),
        (("checkpoint", "state_dict"), "model.module."),
    ],
)
def test_checkpoints_are_unwrapped(tmp_path, keys, prefix):
    content = {prefix + k: v for k, v in tiny().state_dict().items()}
    for key in reversed(keys):
        content = {"epoch": 3, key: content, "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}}}
    torch.save(content, tmp_path / "a.pth")
    network, said = tiny(1), []
    load_weights(network, tmp_path / "a.pth", said.append)
    assert torch.equal(output_of(network), output_of(tiny()))
    notes = [f"read from {' > '.join(keys)}"] * bool(keys) + [f"names without {prefix}"] * bool(prefix)
    assert said == ([f"{tmp_path / 'a.pth'}: weights {', '.join(notes)}"] if notes else [])


def test_names_of_safetensors_are_unwrapped(tmp_path):
    save_file({f"module.{k}": v for k, v in tiny().state_dict().items()}, tmp_path / "a.safetensors")
    load_weights(tiny(1), tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda s: s.pop("module.last.bias"), "another architecture"),
        (lambda s: s.update(new=torch.ones(2)), "another architecture"),
        (lambda s: s.update({"module.new": torch.ones(2)}), "another architecture"),
        (lambda s: s.update({"module.last.bias": torch.ones(2)}), "another architecture"),
    ],
)
def test_unwrapping_stays_strict(tmp_path, change, match):
    state = {f"module.{k}": v for k, v in tiny().state_dict().items()}
    change(state)
    torch.save({"state_dict": state}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=match):
        load_weights(tiny(), tmp_path / "a.pth")


def test_two_sets_of_weights_in_one_checkpoint(tmp_path):
    torch.save({"params": tiny(1).state_dict(), "params_ema": tiny(2).state_dict()}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"holds 2 sets of weights that fit, .*: params, params_ema\."):
        load_weights(tiny(), tmp_path / "a.pth")
    torch.save({"params": tiny(1).state_dict(), "params_ema": tiny(1).state_dict()}, tmp_path / "a.pth")
    load_weights(tiny(), tmp_path / "a.pth")
    sparse = {k: v.to_sparse() for k, v in tiny(1).state_dict().items()}
    torch.save({"params": sparse, "params_ema": sparse}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="holds 2 sets of weights that fit"):
        load_weights(tiny(), tmp_path / "a.pth")


def test_checkpoint_that_holds_itself(tmp_path):
    content: dict[str, object] = {"epoch": 3}
    content["state_dict"] = content
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="expected a state_dict"):
        load_weights(tiny(), tmp_path / "a.pth")


def test_no_model_is_suggested_that_the_network_already_is(tmp_path):
    state = u2netp().state_dict()
    state["renamed"] = state.pop("outconv.bias")
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="another architecture") as caught:
        load_weights(u2netp(), tmp_path / "a.pth")
    assert "--model" not in str(caught.value)


class Bomb:
    """Touches a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("by", [torch.save, "pickle"])
def test_code_in_a_pickle_is_never_run(tmp_path, by):
    touched, path = tmp_path / "touched", tmp_path / "a.pth"
    content = {"first.conv_s1.weight": Bomb(touched)}
    if by == "pickle":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        by(content, path)
    with pytest.raises(WeightsError, match=r"a\.pth: holds code or objects .* never loaded") as caught:
        load_weights(tiny(), path)
    assert not touched.exists()
    assert "Re-running" not in str(caught.value)  # torch's advice to run the code


@pytest.mark.parametrize("sums", [True, False])
def test_a_changed_byte_is_damage_unless_the_file_has_no_checksums(tmp_path, sums):
    """torch does not look at them."""
    path, state = tmp_path / "a.pth", tiny().state_dict()
    torch.serialization.set_crc32_options(sums)
    try:
        torch.save(state, path)
    finally:
        torch.serialization.set_crc32_options(True)
    load_weights(tiny(), path)
    content, first = path.read_bytes(), next(iter(state.values())).numpy().tobytes()
    at = content.index(first)
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    if sums:
        with pytest.raises(
            WeightsError, match=r"a\.pth: damaged, or not a PyTorch checkpoint\. Get it again"
        ):
            load_weights(tiny(), path)
    else:
        load_weights(tiny(), path)


def test_newer_pickle_is_refused_without_a_warning(tmp_path):
    """Torch warns of its protocol; here warnings are errors."""
    touched, path = tmp_path / "touched", tmp_path / "a.pth"
    path.write_bytes(pickle.dumps({"first.conv_s1.weight": Bomb(touched)}, protocol=4))
    with pytest.raises(
        WeightsError, match=r"a\.pth: damaged, or not a PyTorch checkpoint but another pickle"
    ):
        load_weights(tiny(), path)
    assert not touched.exists()


def test_whole_module_is_refused(tmp_path):
    torch.save(tiny(), tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"holds code or objects .*state_dict\(\) alone"):
        load_weights(tiny(), tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ([1, 2], "an object of type list"),
        ({"epoch": 3, "model": {}}, "a dictionary without one"),
        (torch.zeros(3), "an object of type Tensor"),
    ],
)
def test_not_a_state_dict(tmp_path, content, match):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=rf"expected a state_dict \(name -> tensor\), found {match}\."):
        load_weights(tiny(), tmp_path / "a.pth")


def test_other_architecture_that_is_known_is_named(tmp_path):
    torch.save(u2netp().state_dict(), tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="another architecture: .*unknown.*pass --model u2netp"):
        load_weights(tiny(), tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda s: s.pop("last.bias"), r"1 parameter missing \(last\.bias\)\.$"),
        (lambda s: s.update(new=torch.ones(2)), r"1 parameter unknown \(new\)\.$"),
        (
            lambda s: s.update({"last.bias": torch.ones(2)}),
            r"1 parameter of another shape \(last\.bias \(2,\) for \(1,\)\)\.$",
        ),
    ],
)
def test_other_architecture_says_what_differs(tmp_path, change, match):
    state = tiny().state_dict()
    change(state)
    torch.save(state, tmp_path / "a.pth")
    network = tiny(1)
    before = output_of(network)
    with pytest.raises(WeightsError, match="a checkpoint of another architecture: " + match):
        load_weights(network, tmp_path / "a.pth")
    assert torch.equal(output_of(network), before)


def test_onnx_of_another_architecture(tmp_path):
    with pytest.raises(WeightsError, match="2 convolutions, expected 119"):
        load_weights(u2netp(), save_onnx(tiny(), tmp_path / "a.onnx"))
    with pytest.raises(
        WeightsError, match="architecture: 2 of its 2 convolutions have another shape, stride or dilation.$"
    ):
        load_weights(tiny(), save_onnx(tiny(middle=5), tmp_path / "a.onnx"))


def test_published_onnx_of_another_model_is_named(tmp_path, monkeypatch):
    path = save_onnx(tiny(middle=5), tmp_path / "a.onnx")
    file = known_models()["u2net"].weights[1]._replace(bytes=path.stat().st_size)
    monkeypatch.setattr(
        "sodbench.models.onnx_weights.known_models",
        lambda: {"u2net": known_models()["u2net"]._replace(weights=(file,))},
    )
    for network in (tiny(), ConvBnRelu(3, 4)):
        with pytest.raises(
            WeightsError, match=r"as large as the published weights of u2net: pass --model u2net\."
        ):
            load_weights(network, path)


def test_onnx_with_batch_norm_left_in_is_refused(tmp_path):
    path = save_onnx(tiny(), tmp_path / "a.onnx", extra="BatchNormalization")
    with pytest.raises(WeightsError, match="[Bb]atch"):
        load_weights(tiny(), path)


def test_onnx_without_biases_is_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"a\.onnx"):
        load_weights(tiny(), save_onnx(tiny(), tmp_path / "a.onnx", bias=False))


def test_keys_that_are_no_names(tmp_path):
    torch.save({0: torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="expected a state_dict"):
        load_weights(torch.nn.Conv2d(1, 1, 1), tmp_path / "a.pth")
