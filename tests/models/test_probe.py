"""Published weights are tried on a test input before the first photo."""

import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from workspace import refused, save

from sodbench.errors import WeightsError
from sodbench.models.loading import load_weights
from sodbench.models.networks.u2net import u2netp
from sodbench.models.predictor import load_model
from sodbench.models.probe import check_probe, is_published, probe_input
from sodbench.models.registry import known_models

DAGGER = known_models()["u2netp"]
PUBLISHED = Path(os.environ.get("SODBENCH_REFERENCE", ""), "weights", "u2netp.onnx")
needs_weights = pytest.mark.skipif("SODBENCH_REFERENCE" not in os.environ, reason="needs published weights")


class Fixed(torch.nn.Module):
    """Gives the logits that are stored of the published weights, shifted."""

    def __init__(self, shift: float = 0, several: bool = True) -> None:
        super().__init__()
        self.shift, self.several = shift, several

    def forward(self, x):
        assert not self.training
        logits = torch.zeros(1, 1, 64, 64)
        logits[0, 0, 8::16, 8::16] = torch.tensor(DAGGER.probe).reshape(4, 4) + self.shift
        return (logits, logits) if self.several else logits


@pytest.mark.parametrize("several", [True, False])
def test_right_output_passes(several):
    network = Fixed(0.009, several).train()
    check_probe(network, DAGGER, Path("a.onnx"))
    assert network.training


@pytest.mark.parametrize(("shift", "miss"), [(0.011, r"0\.011"), (-3, "3"), (float("nan"), "nan")])
def test_another_output_is_refused(shift, miss):
    with pytest.raises(
        WeightsError, match=rf"a\.onnx: .*differs from theirs by {miss} \(expected at most 0\.01\)"
    ):
        check_probe(Fixed(shift), DAGGER, Path("a.onnx"))


def test_published_is_what_has_the_sha256_or_is_onnx_of_that_name():
    digest = DAGGER.weights[1].sha256
    assert is_published(DAGGER, Path("x/u2netp.onnx"), "0")
    assert is_published(DAGGER, Path("mine.onnx"), digest)
    assert not is_published(DAGGER, Path("u2netp.pth"), "0")
    assert not is_published(DAGGER, Path("mine.onnx"), "0")
    assert not is_published(known_models()["u2net"], Path("u2netp.onnx"), digest)


def test_weights_of_ones_own_may_be_called_as_the_published(here):
    torch.manual_seed(0)
    torch.save(u2netp().state_dict(), "u2netp.pth")
    load_model("u2netp", None, Path("u2netp.pth"))


@needs_weights
def test_onnx_of_the_published_name_with_other_values(here):
    """The error comes before the first photo; under a name of their own they are loaded."""
    model = onnx.load(PUBLISHED)
    largest = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    largest.raw_data = (-onnx.numpy_helper.to_array(largest)).tobytes()
    onnx.save(model, "u2netp.onnx")
    save(np.zeros((4, 5, 3), np.uint8), "photos/a.png")
    run = ("run", "--model", "u2netp", "--images", "photos", "--device", "cpu", "--maps", "maps", "--weights")
    refused(
        *run, "u2netp.onnx", match=r"u2netp\.onnx: has the name or sha256 .* rename the file; .*fetch u2netp"
    )
    assert not Path("maps").exists()
    load_model("u2netp", None, Path("u2netp.onnx").rename("mine.onnx"))


@needs_weights
def test_stored_values_are_those_of_another_program():
    """The file as published, its input made smaller and its output taken before the sigmoid."""
    model = onnx.load(PUBLISHED)
    for size in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        size.dim_value = 64
    (logits,) = (n.input[0] for n in model.graph.node if model.graph.output[0].name in n.output)
    del model.graph.value_info[:], model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info(logits, 1, [1, 1, "h", "w"]))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {session.get_inputs()[0].name: probe_input()})
    np.testing.assert_allclose(output[0, 0, 8::16, 8::16].ravel(), DAGGER.probe, atol=0.001)


@needs_weights
def test_published_weights_pass_and_two_of_their_tensors_swapped_do_not():
    network = u2netp()
    load_weights(network, PUBLISHED)
    check_probe(network, DAGGER, PUBLISHED)
    with torch.no_grad():
        network.side4.weight.data, network.side5.weight.data = network.side5.weight, network.side4.weight
    with pytest.raises(WeightsError, match=r"differs from theirs by 0\.0"):
        check_probe(network, DAGGER, PUBLISHED)
