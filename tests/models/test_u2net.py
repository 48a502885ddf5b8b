"""U2-Net as a network: the official names, shapes and sizes, any input, the same with batch norm folded."""

from pathlib import Path

import pytest
import torch
from torch import nn

from sodbench.models.cost import macs
from sodbench.models.networks.u2net import U2NET, U2NETP, U2Net, u2net, u2netp, u_block
from sodbench.models.predictor import build_network
from sodbench.models.registry import known_models

GOLDEN = Path(__file__).parents[1] / "golden"
NETWORKS = {"u2net": u2net, "u2netp": u2netp}
PARAMETERS = {"u2net": 44_009_869, "u2netp": 1_131_181}
BOTH = pytest.mark.parametrize("name", NETWORKS)


def on_meta(name: str) -> U2Net:
    with torch.device("meta"):
        return NETWORKS[name]()


def official(name: str) -> dict[str, str]:
    lines = (GOLDEN / f"state_dict_{name.upper()}.tsv").read_text(encoding="utf-8").splitlines()
    return {key: shape for key, shape, _ in (line.split("\t") for line in lines)}


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.fixture(scope="module")
def dagger() -> U2Net:
    """U2-Net-dagger with batch norms that do something."""
    torch.manual_seed(0)
    network = u2netp().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                (module.weight, 0.5, 1.5),
                (module.bias, -0.2, 0.2),
                (module.running_mean, -0.2, 0.2),
                (module.running_var, 0.5, 1.5),
            ):
                assert tensor is not None
                nn.init.uniform_(tensor, low, high)
    return network


@BOTH
def test_parameters(name):
    assert parameters(on_meta(name)) == PARAMETERS[name]


@BOTH
def test_names_and_shapes_are_the_official_ones_in_their_order(name):
    own = {key: str(tuple(value.shape)) for key, value in on_meta(name).state_dict().items()}
    assert own == official(name)
    assert len(own) == 798


@BOTH
def test_convolutions_and_batch_norms(name):
    modules = list(on_meta(name).modules())
    assert sum(isinstance(m, nn.Conv2d) for m in modules) == 119
    assert sum(isinstance(m, nn.BatchNorm2d) for m in modules) == 112


@pytest.mark.parametrize(
    ("name", "size", "gmac"),
    [("u2net", 320, 58.60), ("u2netp", 320, 19.76), ("u2net", 288, 47.46), ("u2netp", 288, 16.00)],
)
def test_multiply_accumulates(name, size, gmac):
    assert macs(on_meta(name), size) / 1e9 == pytest.approx(gmac, abs=0.005)


@BOTH
def test_registry_agrees_with_the_network(name):
    model = known_models()[name]
    with torch.device("meta"):
        network = build_network(model.factory)
    assert model.parameters == parameters(network)
    assert model.gmac == pytest.approx(macs(network) / 1e9, abs=0.005)
    assert all(abs(file.bytes - 4 * model.parameters) < 300_000 for file in model.weights)


def test_table_1_is_the_architecture():
    assert [stage.block for stage in U2NET] == [stage.block for stage in U2NETP]
    assert U2NET[0] == ("RSU-7", 3, 32, 64)
    assert U2NET[6] == ("RSU-4F", 1024, 256, 512)
    assert U2NETP[10] == ("RSU-7", 128, 16, 64)
    network = on_meta("u2netp")
    for name, stage in zip(("stage1", "stage5", "stage5d", "stage1d"), (0, 4, 6, 10), strict=True):
        entry = network.get_submodule(name).rebnconvin.conv_s1
        assert (entry.in_channels, entry.out_channels) == U2NETP[stage][1::2]


@pytest.mark.parametrize(
    ("name", "dilations"),
    [
        ("RSU-7", [1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1]),
        ("RSU-4", [1, 1, 1, 1, 2, 1, 1, 1]),
        ("RSU-4F", [1, 1, 2, 4, 8, 4, 2, 1]),
    ],
)
def test_dilations_of_a_block(name, dilations):
    block = u_block(name, 3, 2, 4).eval()
    found = [m.dilation[0] for m in block.modules() if isinstance(m, nn.Conv2d)]
    assert found == dilations
    assert block(torch.zeros(1, 3, 17, 9)).shape == (1, 4, 17, 9)


def test_table_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="zip"):
        U2Net(U2NETP[:-1])


@pytest.mark.parametrize("size", [(33, 47), (1, 1), (31, 2)])
def test_any_input_size(dagger, size):
    with torch.no_grad():
        outputs = dagger(torch.rand(1, 3, *size))
    assert [tuple(output.shape) for output in outputs] == [(1, 1, *size)] * 7
    assert all(output.isfinite().all() for output in outputs)


def test_fused_map_is_the_outconv_of_the_sides(dagger):
    with torch.no_grad():
        fused, *sides = dagger(torch.rand(1, 3, 40, 40))
        torch.testing.assert_close(fused, dagger.outconv(torch.cat(sides, 1)), rtol=0, atol=0)


def test_folding_batch_norm_changes_nothing(dagger):
    torch.manual_seed(1)
    image = torch.randn(1, 3, 64, 64)
    folded = u2netp()
    folded.load_state_dict(dagger.state_dict())
    folded.eval().fold_batch_norm()
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    with torch.no_grad():
        for before, after in zip(dagger(image), folded(image), strict=True):
            assert before.std() > 1e-3
            torch.testing.assert_close(torch.sigmoid(after), torch.sigmoid(before), rtol=0, atol=2e-5)
    folded.fold_batch_norm()  # a second time: nothing left to fold
