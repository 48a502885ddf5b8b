"""Files of weights: checkpoints, safetensors and ONNX, damaged, wrapped, or with code inside."""

import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from hostile import Canary, Case, FaultError, Kind, check_canary, read_or_refused
from hostile.breaking import EXTREME, broken, broken_record
from sodbench.models.loading import load_weights, weights_sha256


class Tiny(nn.Module):
    """Two convolutions, with names as checkpoints have them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 1, 1)

    def forward(self, x: torch.Tensor) -> Any:
        """Return a map."""
        return self.last(self.first(x).relu())


def network(seed: int = 0) -> Tiny:
    """Return a network with weights of its own."""
    torch.manual_seed(seed)
    return Tiny()


@cache
def state() -> dict[str, torch.Tensor]:
    """Return the weights that valid files hold."""
    return {key: value.detach() for key, value in network().state_dict().items()}


WRAPPERS: dict[str, Callable[[dict[str, torch.Tensor]], object]] = {
    "plain": lambda s: s,
    "module": lambda s: {f"module.{k}": v for k, v in s.items()},
    "state_dict": lambda s: {"state_dict": s, "epoch": 3},
    "model and ema": lambda s: {"model": s, "ema": {k: v + 1 for k, v in s.items()}},
    "deep": lambda s: {"a": {"b": {"c": {"d": {"e": {"f": {"g": s}}}}}}},
    "numpy": lambda s: {k: v.numpy() for k, v in s.items()},
    "code": lambda s: {**s, "hook": Canary()},
    "network": lambda s: network(),
    "list": lambda s: list(s.values()),
    "numbers": lambda s: {k: 1.0 for k in s},
    "keys": lambda s: dict(enumerate(s.values())),
    "double": lambda s: {k: v if v.is_complex() else v.double() for k, v in s.items()},
    "half": lambda s: {k: v if v.is_complex() else v.half() for k, v in s.items()},
    "empty": lambda s: {},
}
TENSORS: dict[str, Callable[[torch.Tensor], object]] = {
    "nan": lambda t: torch.full_like(t, float("nan")),
    "inf": lambda t: torch.full_like(t, float("inf")),
    "huge": lambda t: torch.full(t.shape, 1e300, dtype=torch.float64),
    "complex": lambda t: t.to(torch.complex64),
    "int": lambda t: t.to(torch.int64),
    "bool": lambda t: t > 0,
    "sparse": lambda t: t.to_sparse(),
    "meta": lambda t: t.to("meta"),
    "float8": lambda t: t.to(torch.float8_e4m3fn),
    "expanded": lambda t: torch.zeros(1).expand(t.shape),
    "flat": lambda t: t.flatten(),
    "empty": lambda t: t[:0],
    "more": lambda t: t[None],
    "none": lambda t: None,
    "text": lambda t: "text",
}


@st.composite
def pth(draw: st.DrawFn) -> tuple[dict[str, bytes], str]:
    """Draw a checkpoint as torch writes it."""
    how, key, what = [], "", ""
    if draw(st.integers(0, 2)) == 0:
        key, what = draw(st.sampled_from(sorted(state()))), draw(st.sampled_from(sorted(TENSORS)))
        how.append(f"{key} {what}")
    wrapper = draw(st.sampled_from(sorted(WRAPPERS)))
    if draw(st.integers(0, 9)) == 0:
        kind = "pickle alone"
        how.append(kind)
    else:
        kind = "zip" if draw(st.integers(0, 4)) > 0 else "old"
    data, wrapper = written(key, what, wrapper, kind)
    if draw(st.integers(0, 3)) == 0 and zipfile.is_zipfile(BytesIO(data)):
        data, what = draw(member_broken(data))
        how.append(what)
    elif draw(st.integers(0, 2)) == 0:
        data, what = draw(broken(data))
        how.append(what)
    return {"w.pth": data}, ", ".join([wrapper, *how])


@cache
def written(key: str, what: str, wrapper: str, kind: str) -> tuple[bytes, str]:
    """Return a checkpoint, and how its values are wrapped: the same bytes each time.

    torch's old format names storages by their addresses.
    """
    values: dict[str, Any] = dict(state())
    if key:
        values[key] = TENSORS[what](values[key])
    try:
        content = WRAPPERS[wrapper](values)
    except (AttributeError, RuntimeError, TypeError):
        content, wrapper = values, "plain"
    if kind == "pickle alone":
        return pickle.dumps(content), wrapper
    file = BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=kind == "zip")
    return file.getvalue(), wrapper


@st.composite
def member_broken(draw: st.DrawFn, data: bytes) -> tuple[bytes, str]:
    """Break a member of a checkpoint, whose zip stays whole."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as archive, zipfile.ZipFile(out, "w") as copy:
        name = draw(st.sampled_from(sorted(archive.namelist())))
        for member in archive.namelist():
            content, how = archive.read(member), ""
            if member == name and draw(st.integers(0, 5)) == 0:
                content, how = pickle.dumps(Canary()), "code"
            elif member == name:
                content, how = draw(broken(content))
            copy.writestr(member, content)
            done = how if member == name else ""
            if done:
                what = f"{member}: {done}"
    return out.getvalue(), what


@st.composite
def safetensors(draw: st.DrawFn) -> tuple[dict[str, bytes], str]:
    """Draw a safetensors file, often with its header edited."""
    from safetensors.torch import save

    values = {key: value.clone() for key, value in state().items()}
    what = draw(st.sampled_from(("nan", "inf", "int", "bool", "flat", "float8", "", "", "", "")))
    if what:
        key = draw(st.sampled_from(sorted(values)))
        made = TENSORS[what](values[key])
        assert isinstance(made, torch.Tensor)
        values[key] = made
    data = save(values)
    if draw(st.booleans()):
        length = struct.unpack_from("<Q", data)[0]
        header, how = draw(
            broken_record(json.loads(data[8 : 8 + length]), (*EXTREME, -1, "F64", "C64", "U8", "", [], {}))
        )
        text = json.dumps(header).encode()
        return {
            "w.safetensors": struct.pack("<Q", len(text)) + text + data[8 + length :]
        }, f"{what} header: {how}"
    if draw(st.integers(0, 3)):
        data, how = draw(broken(data, head=400))
        return {"w.safetensors": data}, f"{what} {how}"
    return {"w.safetensors": data}, what or "valid"


def onnx_model() -> onnx.ModelProto:
    """Return the network as an exporter writes it."""
    nodes = [
        helper.make_node("Conv", ["input", "first.w", "first.b"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "last.w", "last.b"], ["c"], name="last"),
    ]
    values = [
        numpy_helper.from_array(state()[f"{name}.{part}"].numpy(), f"{name}.{part[0]}")
        for name in ("first", "last")
        for part in ("weight", "bias")
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", channels, "h", "w"])
        for name, channels in (("input", 3), ("c", 1))
    ]
    return helper.make_model(helper.make_graph(nodes, "tiny", ends[:1], ends[1:], values))


LOCATIONS = (
    "w.onnx.data",
    "w.onnx.data",
    "../w.onnx.data",
    "/etc/passwd",
    "",
    ".",
    "sub/../../x",
    "\0",
    "x" * 5000,
    "C:\\w",
)


@st.composite
def onnx_files(draw: st.DrawFn) -> tuple[dict[str, bytes], str]:
    """Draw an ONNX file with a tensor, a node or an external file that is odd."""
    model, files, how = onnx_model(), {}, []
    tensors = model.graph.initializer
    if draw(st.booleans()):
        stored = b""
        for tensor in tensors:
            content, at = tensor.raw_data, len(stored)
            stored += content
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            entries = {"location": "w.onnx.data", "offset": str(at), "length": str(len(content))}
            if draw(st.integers(0, 7)) == 0:
                key = draw(st.sampled_from(sorted(entries)))
                odd = LOCATIONS if key == "location" else ("", "-1", "0", "99", "9" * 30, "1e3", "٣", "x")
                entries[key] = draw(st.sampled_from(odd))
                how.append(f"{tensor.name} {key} {entries[key][:20]!r}")
            for key, value in entries.items():
                tensor.external_data.add(key=key, value=value)
        files["w.onnx.data"] = stored[: draw(st.sampled_from((len(stored), len(stored), len(stored) - 1, 0)))]
    what = draw(st.sampled_from(("", "", "type", "dims", "raw", "input", "order", "attribute", "nan")))
    tensor = draw(st.sampled_from(list(tensors)))
    node = draw(st.sampled_from(list(model.graph.node)))
    how.append(f"{what} {tensor.name}")
    if what == "type":
        tensor.data_type = draw(st.integers(0, 40))
    elif what == "dims":
        tensor.dims[0] = draw(st.sampled_from((-1, 0, 1, 2**31, 2**62)))
    elif what == "raw":
        tensor.raw_data = tensor.raw_data[:-1] if draw(st.booleans()) else b""
    elif what == "nan":
        tensor.raw_data = np.full(len(tensor.raw_data) // 4, np.nan, np.float32).tobytes()
    elif what == "input":
        node.input[draw(st.integers(0, len(node.input) - 1))] = draw(
            st.sampled_from(("", "a", "c", "first.w", "x"))
        )
    elif what == "order":
        nodes = draw(st.permutations(list(model.graph.node)))
        del model.graph.node[:]
        model.graph.node.extend(nodes)
    elif what == "attribute":
        node.attribute.append(helper.make_attribute("group", draw(st.sampled_from((0, 2, -1, 2**40)))))
    data = model.SerializeToString()
    if draw(st.integers(0, 3)) == 0:
        data, broke = draw(broken(data))
        how.append(broke)
    return {"w.onnx": data, **files}, ", ".join(how)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a file of weights of any form."""
    files, how = draw(st.one_of(pth(), safetensors(), onnx_files()))
    return Case(files, f"{min(files)}: {how}")


def probe(case: Case, folder: Path) -> bool:
    """Load weights: refused, or finite numbers in every parameter; code is never run."""
    path = folder / min(case.files)
    loaded = network(1)
    before = {key: value.clone() for key, value in loaded.state_dict().items()}

    def load() -> bool:
        load_weights(loaded, path)
        return True

    accepted = read_or_refused(load, path.name) is not None
    check_canary()
    after = loaded.state_dict()
    if not accepted and any(not torch.equal(before[key], after[key]) for key in before):
        raise FaultError("refused, but the network has changed")
    if accepted and not all(value.isfinite().all() for value in after.values()):
        raise FaultError("accepted values that are not finite")
    if accepted and read_or_refused(lambda: weights_sha256(path), path.name) is None:
        raise FaultError("accepted, but without a sha256")
    return accepted


WEIGHTS = Kind(cases(), probe)
