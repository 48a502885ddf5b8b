"""The ablation: blocks and networks as they are read here, Table 1, Table 2 and the cost of blocks."""

import csv
import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.backends import cudnn
from torch.utils.flop_counter import FlopCounterMode
from workspace import good, refused

from sodbench.errors import SodbenchError, WeightsError
from sodbench.models.cost import block_macs, cost, interleaved
from sodbench.models.loading import load_weights
from sodbench.models.networks import NETWORKS
from sodbench.models.networks.backbones import VGG16, Encoder, ResNet50, load_backbone, resnet50_u2net
from sodbench.models.networks.blocks import DSE, PPM, RES, table_block
from sodbench.models.networks.cunet import CUNet
from sodbench.models.networks.hourglass import StackedHourglass
from sodbench.models.networks.u2net import Foldable
from sodbench.models.networks.unets import STAGE_NAMES, TABLE_1
from sodbench.models.predictor import Predictor, build_network, load_model
from sodbench.models.registry import find_model, known_models
from sodbench.models.training.config import Config, load_config
from sodbench.models.training.initial import initial_network as build_to_train
from sodbench.reports.ablation import _times, cost_curves, table_1, table_1_long
from sodbench.reports.ablation import table_2 as build_table_2
from sodbench.reports.figures.cost import cost_plot
from sodbench.reports.figures.style import RED, figure_style, new_figure
from sodbench.reports.formats import render_grids

REFERENCE = Path(os.environ.get("SODBENCH_REFERENCE", "unset"))
OUTPUTS = {"unet": 1, "hourglass": 2, "cunet": 2}  # the others: seven
OWN = [name for name in NETWORKS if name not in known_models()]
VGG_16 = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
SIZES = {  # parameters and GMAC at 320x320 of the networks built here
    "unet": (31_390_721, 87.01),
    "pln-unet": (25_211_725, 51.70),
    "res-unet": (26_262_477, 54.65),
    "dse-unet": (21_168_013, 47.38),
    "inc-unet": (17_416_621, 43.47),
    "ppm-unet": (20_181_421, 41.62),
    "hourglass": (6_558_850, 12.95),
    "cunet": (1_919_360, 4.28),
    "niv-u2net": (31_788_781, 33.27),
    "vgg16-u2net": (47_212_621, 64.67),
    "resnet50-u2net": (57_736_397, 68.87),
    "u2net": (44_009_869, 58.60),
    "u2netp": (1_131_181, 19.76),
}


def on_meta(name):
    with torch.device("meta"):
        return build_network(NETWORKS[name])


def parameters(network):
    return sum(p.numel() for p in network.parameters())


@pytest.fixture(scope="module")
def table_2():
    return build_table_2()


@pytest.mark.parametrize("name", OWN)
def test_network_takes_any_input_and_learns(name):
    """Logits of the input's size, the primary ones first; one step lowers the loss of a fixed batch."""
    torch.manual_seed(0)
    network = build_network(NETWORKS[name]).eval()
    with torch.no_grad():
        outputs = network(torch.rand(1, 3, 33, 47))
    assert [tuple(output.shape) for output in outputs] == [(1, 1, 33, 47)] * OUTPUTS.get(name, 7)
    assert all(output.isfinite().all() for output in outputs)

    network.train()
    masks = torch.zeros(2, 1, 64, 64)  # at 32 the deepest batch norms see two values: rounding decides
    masks[:, :, 16:48, 16:] = 1
    photos = (torch.rand(2, 3, 64, 64) + masks) / 2
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)

    def loss():
        torch.manual_seed(1)  # dropout is the same each time
        return sum(nn.functional.binary_cross_entropy_with_logits(out, masks) for out in network(photos))

    before = loss()
    before.backward()
    assert all(p.grad is not None for p in network.parameters())
    optimiser.step()
    with torch.no_grad():
        assert loss() < before
        expected = torch.sigmoid(network.eval()(photos)[0])
        if isinstance(network, Foldable):
            network.fold_batch_norm()
            torch.testing.assert_close(torch.sigmoid(network(photos)[0]), expected, rtol=0, atol=1e-4)
            assert not any(
                isinstance(m.bn_s1, nn.BatchNorm2d) for m in network.modules() if hasattr(m, "bn_s1")
            )


@pytest.mark.parametrize("name", NETWORKS)
def test_size_and_work(name, table_2):
    row = [*NETWORKS].index(name)
    texts = [cell.text for cell in table_2.rows[row]]
    count, gmac = SIZES[name]
    assert parameters(on_meta(name)) == count
    assert texts[6:8] == [f"{count / 1e6:.2f}", f"{gmac:.2f}"]


def test_bytes_are_those_of_the_published_file():
    assert cost(NETWORKS["u2net"]).bytes == pytest.approx(176_290_937, rel=1e-3)


@pytest.mark.parametrize("name", ["PLN", "RES", "DSE", "INC", "PPM", "NIV-7", "NIV-4F"])
@pytest.mark.parametrize("size", [(1, 1), (7, 18)])
def test_block_keeps_the_size(name, size):
    with torch.no_grad():
        assert table_block(name, 3, 4, 5).eval()(torch.rand(1, 3, *size)).shape == (1, 5, *size)


def test_readings_of_blocks():
    def dilations(name):
        return [m.dilation[0] for m in table_block(name, 8, 4, 8).modules() if isinstance(m, nn.Conv2d)]

    assert dilations("PLN") == [1, 1]
    assert dilations("INC") == [1, 1, 3, 5, 7, 1]
    assert dilations("NIV-4") == [1, 1, 1, 2, 1, 1, 1]
    assert isinstance(RES(8, 4, 8).skip, nn.Identity)
    assert [u.conv_s1.in_channels for u in DSE(8, 4, 8).units] == [8, 12, 16, 20]
    assert DSE(8, 4, 9, layers=6).out.conv_s1.in_channels == 32
    assert PPM(8, 4, 9, bins=(1, 2)).out.conv_s1.in_channels == 12


def unit(one, x):
    """A conv unit spelled out, in evaluation."""
    convolution, norm = one.conv_s1, one.bn_s1
    padding = convolution.weight.shape[2] // 2
    x = F.conv2d(x, convolution.weight, convolution.bias, padding=padding)
    x = (x - norm.running_mean[:, None, None]) / (norm.running_var[:, None, None] + 1e-5).sqrt()
    return (x * norm.weight[:, None, None] + norm.bias[:, None, None]).clamp(min=0)


def shaken(network):
    """In evaluation, every parameter and statistic at random, so that none is neutral."""
    stream = torch.Generator().manual_seed(1)
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=stream) - (0.0 if name.endswith("var") else 0.5))
    return network.eval()


def same(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_ppm_spelled_out():
    ppm, photo = shaken(PPM(3, 4, 5)), torch.rand(2, 3, 12, 12)
    x = unit(ppm.entry, photo)
    parts = [x]
    for bins, branch in zip((1, 2, 3, 6), ppm.branches, strict=True):
        side = 12 // bins
        pooled = x.reshape(2, 4, bins, side, bins, side).mean((3, 5))
        parts.append(F.interpolate(unit(branch, pooled), size=(12, 12), mode="bilinear"))
    same(ppm(photo), unit(ppm.out, torch.cat(parts, 1)))


@pytest.mark.parametrize("o", [3, 5])
@torch.no_grad()
def test_res_spelled_out(o):
    """A ReLU comes after the sum."""
    res, photo = shaken(RES(3, 4, o)), torch.rand(2, 3, 7, 9) - 0.5
    skip = photo if o == 3 else F.conv2d(photo, res.skip.weight, res.skip.bias)
    added = unit(res.units[1], unit(res.units[0], photo)) + skip
    assert added.min() < 0
    same(res(photo), added.clamp(min=0))


@torch.no_grad()
def test_stacked_hourglass_spelled_out():
    """A stack is fed with its forerunner's input, features and map."""
    net, photo = shaken(StackedHourglass(stacks=2, order=1, features=8)), torch.rand(1, 3, 32, 32)
    x = net.stem(photo)
    first, *rest = net.stacks[0]
    inner = first.up(first.inner(first.down(F.max_pool2d(x, 2))))
    y = first.beside(x) + inner.repeat_interleave(2, 2).repeat_interleave(2, 3)
    for layer in rest:
        y = layer(y)
    early = F.conv2d(y, net.heads[0].weight, net.heads[0].bias)
    x = x + net.onward[0](y) + net.back[0](early)
    late = net.heads[1](net.stacks[1](x))
    for found, expected in zip(net(photo), (late, early), strict=True):
        same(found, F.interpolate(expected, size=(32, 32), mode="bilinear"))


@torch.no_grad()
def test_coupled_u_nets_spelled_out():
    """The next U-Net's input is made of the output and the input of the one before."""
    net, photo = shaken(CUNet(units=3, levels=1, features=8, growth=4)), torch.rand(1, 3, 32, 32)
    x = net.stem(photo)
    y, new = net.units[0](x, [[], [], []])
    outputs = [net.heads[0](y)]
    for k in (1, 2):
        x = net.between[k - 1](torch.cat((y, x), 1))
        y, new = net.units[k](x, [[one] for one in new])
        outputs.insert(0, net.heads[k](y))
    for found, expected in zip(net(photo), outputs, strict=True):
        same(found, F.interpolate(expected, size=(32, 32), mode="bilinear"))


@torch.no_grad()
def test_the_extra_stage_follows_the_fifth():
    class Backbone(nn.Module):
        widths = (64, 128, 256, 512, 3)

        def forward(self, x):
            return [x.mean() + torch.zeros(1, o, 8, 8) for o in self.widths[:4]] + [x]

    encoder, x = shaken(Encoder(Backbone(), "PLN", blocks=1)), torch.rand(1, 3, 9, 9)
    fifth = F.conv2d(x, encoder.fit[4].weight, encoder.fit[4].bias)
    padded = F.pad(fifth, (0, 1, 0, 1), value=-1e9)
    halved = padded.reshape(1, 512, 5, 2, 5, 2).amax((3, 5))
    found = encoder(x)
    same(found[4], fifth)
    (plain,) = encoder.extra
    same(found[5], unit(plain[1], unit(plain[0], halved)))


def test_niv_is_rsu_without_its_first_convolution():
    niv, rsu = (TABLE_1[name] for name in ("NIV U2-Net", "U2-Net"))
    for plain, residual in zip(niv, rsu, strict=True):
        names = {n for n, _ in table_block(*plain).named_children()}
        assert names == {n for n, _ in table_block(*residual).named_children()} - {"rebnconvin"}


@pytest.mark.parametrize("middle", [1, 4, 16, 63])
def test_macs_of_rsu_7(middle):
    assert block_macs("RSU-7", middle) == 921600 * middle**2 + 176947200 * middle + 176947200


def test_macs_of_plain_blocks_grow_linearly():
    assert block_macs("PLN", 32) == 9 * 320 * 320 * (3 + 64) * 32
    assert block_macs("RES", 32) == block_macs("PLN", 32) + 320 * 320 * 3 * 64


@pytest.mark.parametrize("name", ["PLN", "RES", "DSE", "INC", "PPM", "RSU-7", "RSU-4F", "NIV-6"])
def test_macs_are_half_of_what_torch_counts(name):
    with torch.device("meta"):
        block = table_block(name, 3, 6, 10).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            block(torch.zeros(1, 3, 48, 48))
    assert 2 * block_macs(name, 6, o=10, size=48) == counter.get_total_flops()


def test_backbones_are_torchvisions():
    with torch.device("meta"):
        vgg, resnet = VGG16(), ResNet50()
    assert (parameters(vgg), parameters(resnet)) == (14_714_688, 23_508_032)
    shapes = {key: tuple(value.shape) for key, value in vgg.state_dict().items()}
    convolutions = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    assert [*shapes] == [f"features.{k}.{part}" for k in convolutions for part in ("weight", "bias")]
    assert shapes["features.28.weight"] == (512, 512, 3, 3)
    shapes = {key: tuple(value.shape) for key, value in resnet.state_dict().items()}
    assert len(shapes) == 318  # the 320 of torchvision without fc
    assert shapes["conv1.weight"] == (64, 3, 7, 7)
    assert shapes["layer1.0.downsample.0.weight"] == (256, 64, 1, 1)
    assert shapes["layer4.0.downsample.1.running_var"] == (2048,)
    assert shapes["layer3.5.conv2.weight"] == (256, 256, 3, 3)
    assert "layer3.6.conv1.weight" not in shapes
    assert [m.stride for m in (resnet.get_submodule(f"layer{k}.0.conv2") for k in (1, 2))] == [(1, 1), (2, 2)]


def torchvision_state(name):
    """Names and shapes as in torchvision's state dict; the k-th tensor holds k / 1000, in little memory."""
    shapes = {}
    if name == "vgg16":
        channels = 3
        for k, o in zip((0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28), VGG_16, strict=True):
            shapes |= {f"features.{k}.weight": (o, channels, 3, 3), f"features.{k}.bias": (o,)}
            channels = o
        for k, i, o in ((0, 25088, 4096), (3, 4096, 4096), (6, 4096, 1000)):
            shapes |= {f"classifier.{k}.weight": (o, i), f"classifier.{k}.bias": (o,)}
    else:
        convolutions = [("conv1", "bn1", 64, 3, 7)]
        channels = 64
        for layer, blocks_of_it in enumerate((3, 4, 6, 3), start=1):
            m = 32 * 2**layer
            for k in range(blocks_of_it):
                at = f"layer{layer}.{k}."
                sizes = ((m, channels, 1), (m, m, 3), (4 * m, m, 1))
                convolutions += [
                    (f"{at}conv{c}", f"{at}bn{c}", *size) for c, size in enumerate(sizes, start=1)
                ]
                if k == 0:
                    convolutions.append((f"{at}downsample.0", f"{at}downsample.1", 4 * m, channels, 1))
                channels = 4 * m
        for convolution, norm, o, i, size in convolutions:
            shapes[f"{convolution}.weight"] = (o, i, size, size)
            shapes |= {f"{norm}.{part}": (o,) for part in ("weight", "bias", "running_mean", "running_var")}
            shapes[f"{norm}.num_batches_tracked"] = ()
        shapes |= {"fc.weight": (1000, 2048), "fc.bias": (1000,)}
    kinds = [torch.int64 if key.endswith("tracked") else torch.float32 for key in shapes]
    return {
        key: torch.tensor(k / 1000).to(kind).expand(shape)
        for k, ((key, shape), kind) in enumerate(zip(shapes.items(), kinds, strict=True))
    }


@pytest.mark.parametrize(
    ("name", "factory", "left"),
    [
        (
            "vgg16",
            VGG16,
            [f"classifier.{k}.{part}" for k in (0, 3, 6) for part in ("weight", "bias")],
        ),
        ("resnet50", ResNet50, ["fc.weight", "fc.bias"]),
        (
            "resnet50",
            lambda: ResNet50(3, 1),
            ["conv1.weight (64, 3, 7, 7) for (64, 3, 3, 3)", "fc.weight", "fc.bias"],
        ),
    ],
)
def test_torchvisions_weights_load_into_a_backbone(name, factory, left):
    backbone, state = factory(), torchvision_state(name)
    stem = backbone.state_dict().get("conv1.weight", torch.zeros(0)).clone()
    assert load_backbone(backbone, state, Path("file.pth")) == left
    for key, value in backbone.state_dict().items():
        there = stem if len(left) == 3 and key == "conv1.weight" else state[key]
        assert torch.equal(value, there), key


def test_a_stem_of_7x7_keeps_the_resolution_and_takes_all_weights():
    with torch.device("meta"):
        network = resnet50_u2net(stem=7)
        sizes = [x.shape[2] for x in network.encoder(torch.zeros(1, 3, 320, 320))]
        assert [output.shape[2] for output in network(torch.zeros(1, 3, 320, 320))] == [320] * 7
    assert sizes == [320, 160, 80, 40, 20, 10]
    assert network.encoder.backbone.conv1.weight.shape == (64, 3, 7, 7)


def test_weights_of_another_backbone_are_refused():
    with torch.device("meta"):
        resnet, vgg = ResNet50(), VGG16()
    state = torchvision_state("resnet50")
    with pytest.raises(
        WeightsError, match=r"x\.pth: weights of another network than VGG16: 26 .* 318 are unknown"
    ):
        load_backbone(vgg, state, Path("x.pth"))
    with pytest.raises(WeightsError, match=r"another network than ResNet50: 265 of its .*; 26 are unknown"):
        load_backbone(resnet, torchvision_state("vgg16"), Path("x.pth"))
    del state["layer4.2.bn3.bias"]
    with pytest.raises(
        WeightsError, match=r"ResNet50: 1 of its parameters are missing \(layer4\.2\.bn3\.bias\)\."
    ):
        load_backbone(resnet, state, Path("x.pth"))
    state["layer4.3.conv1.weight"] = state.pop("layer4.2.bn3.weight")
    with pytest.raises(WeightsError, match=r"1 are unknown \(layer4\.3\.conv1\.weight\)"):
        load_backbone(resnet, state, Path("x.pth"))


def test_training_starts_from_torchvisions_weights(tmp_path):
    """A file of the backbone alone is enough to train, and not to run; the rest is initialised."""
    path, said = tmp_path / "resnet50.pth", []
    torch.save(torchvision_state("resnet50"), path)
    config = Config(model="resnet50-u2net", weights=str(path))
    state = build_to_train(config, said.append).state_dict()
    assert said == [
        f"{path}: loaded into the backbone; not loaded: conv1.weight (64, 3, 7, 7) for (64, 3, 3, 3), "
        "fc.weight, "
        "fc.bias"
    ]
    expected = torchvision_state("resnet50")["layer2.1.bn2.running_mean"]
    assert torch.equal(state["encoder.backbone.layer2.1.bn2.running_mean"], expected)
    bound = (6 / (9 * (3 + 64))) ** 0.5
    assert 0.9 * bound < float(state["encoder.backbone.conv1.weight"].abs().max()) <= bound
    assert not state["side1.bias"].any()
    with pytest.raises(WeightsError, match="a checkpoint of another architecture"):
        load_weights(on_meta("resnet50-u2net"), path)
    with pytest.raises(WeightsError, match="a checkpoint of another architecture"):
        build_to_train(replace(config, model="u2netp"))


@pytest.mark.parametrize("name", ["vgg16-u2net", "resnet50-u2net"])
def test_encoders_have_the_widths_and_resolutions_of_u2net(name):
    network = on_meta(name)
    found = network.encoder(torch.zeros(1, 3, 320, 320, device="meta"))
    assert [tuple(x.shape[1:3]) for x in found] == [
        (64, 320), (128, 160), (256, 80), (512, 40), (512, 20), (512, 10)
    ]  # fmt: skip


def test_networks_without_published_weights_are_known_by_name(tmp_path):
    network = build_network(NETWORKS["cunet"])
    path = tmp_path / "cunet.pth"
    torch.save(network.state_dict(), path)
    loaded, _, _ = load_model("cunet", None, path)
    assert torch.equal(loaded.state_dict()["stem.0.weight"], network.state_dict()["stem.0.weight"])
    with pytest.raises(WeightsError, match="cunet: nobody published weights of this network; pass --weights"):
        load_model("cunet", None, None)
    with pytest.raises(WeightsError, match="unknown model 'cunett'"):
        find_model("cunett")


def test_bench_model_times_a_network_without_weights(here):
    said = good("bench-model", "--model", "cunet", "--rounds", "1", "--device", "cpu").stdout
    assert "parameters  1,919,360" in said
    assert "file        none, random weights" in said


def test_interleaved_times():
    network = nn.Conv2d(3, 1, 1)
    times = interleaved({name: Predictor(network, torch.device("cpu")) for name in "ab"}, 3)
    assert times.keys() == {"a", "b"}
    assert min(times.values()) > 0


@pytest.mark.parametrize("name", OWN)
def test_each_has_a_training_configuration(name):
    config = load_config(Path(f"configs/ablation/{name}.toml"))
    assert (config.model, config.factory) == (name, NETWORKS[name])
    assert len(config.loss_weights) == OUTPUTS.get(name, 7)


@pytest.mark.parametrize(("name", "row"), [("dse-unet", "DSE U-Net"), ("niv-u2net", "NIV U2-Net")])
def test_stages_of_a_network_are_those_of_its_row(name, row):
    network = on_meta(name)
    for label, stage in zip(STAGE_NAMES, TABLE_1[row], strict=True):
        part, k = label.split("_")
        block = network.get_submodule(f"stage{k}{'d' * (part == 'De')}")
        first = next(m for m in block.modules() if isinstance(m, nn.Conv2d))
        last = [m for m in block.modules() if isinstance(m, nn.Conv2d)][-1]
        assert (first.in_channels, first.out_channels, last.out_channels) == stage[1:]


def reference(name):
    with (REFERENCE / "paper" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.skipif("SODBENCH_REFERENCE" not in os.environ, reason="SODBENCH_REFERENCE is not set")
class TestPaper:
    def test_table_1_cell_by_cell(self):
        printed = reference("table1.csv")
        text = render_grids([table_1_long()], "csv", title="")
        assert list(csv.reader(io.StringIO(text))) == printed
        shown = table_1()
        cells = {}
        for k in range(0, 32, 4):
            name = shown.rows[k][0].text
            for column, label in enumerate(shown.head[2:], start=2):
                cells[name, label] = [shown.rows[k + line][column].text for line in range(4)]
        assert [[*key, *values] for key, values in cells.items()] == printed[1:]

    def test_table_2_cell_by_cell(self, table_2):
        columns = [("DUT-OMRON", "maxF"), ("DUT-OMRON", "MAE"), ("ECSSD", "maxF"), ("ECSSD", "MAE")]
        columns.append(("ECSSD", "time_ms"))
        shown = {
            (row[0].text, *column): row[k].text
            for row in table_2.rows
            for k, column in enumerate(columns, start=1)
        }
        printed = {(row[0], row[3], row[4]): row[5] for row in reference("table2.csv")[1:]}
        assert shown == printed


def test_table_2_tells_of_the_misprint_and_marks_the_best(table_2):
    niv = next(row for row in table_2.rows if row[0].text == "NIV U2-Net")
    assert "misprint" in niv[4].note

    def written(style, mark="best3"):
        return render_grids([table_2], style, title="", mark=mark)

    text = written("text")
    assert "0.823(1)" in text
    assert "0.085[b]" in text
    assert "(1)" not in written("text", "none")
    assert r"\sodfirst{0.823}" in written("latex")
    assert r"\sodsecond{0" not in written("latex", "bold")


@pytest.mark.parametrize(
    ("style", "first"),
    [
        ("latex", "% Made by sodbench"),
        ("markdown", "Table"),
        ("html", "<!doctype html>"),
    ],
)
def test_formats(style, first, table_2):
    for grid in (table_1(), table_2):
        text = render_grids([grid], style, title="Ablation")
        assert text.startswith(first)
        assert all(cell.text.isascii() is False or cell.text in text for row in grid.rows for cell in row)


def test_table_command(here):
    assert good("table", "--ablation", "--out", "ablation.csv").stderr == "written: ablation.csv\n"
    first, second = Path("ablation.csv").read_text(encoding="utf-8").split("\n\n")
    assert len(first.splitlines()) == 89
    assert len(second.splitlines()) == 14


def test_measuring_leaves_cudnn_as_it_was(monkeypatch):
    seen = []

    def timed(predictors, rounds):
        seen.append((cudnn.enabled, cudnn.benchmark, cudnn.allow_tf32))
        return dict.fromkeys(predictors, 1.0)

    monkeypatch.setattr("sodbench.models.cost.interleaved", timed)
    before = cudnn.enabled, cudnn.benchmark, cudnn.allow_tf32
    assert _times(["cunet"]) == {"cunet": 1.0}
    assert seen == [(before[0], True, False)]
    assert (cudnn.enabled, cudnn.benchmark, cudnn.allow_tf32) == before


def test_measured_times_have_a_column(monkeypatch):
    monkeypatch.setattr("sodbench.reports.ablation._times", lambda names: dict.fromkeys(names, 12.3))
    found = build_table_2(measure=True)
    assert found.head[-1] == "ms here"
    assert {row[-1].text for row in found.rows} == {"12"}
    assert "medians of 5, taken in turn" in found.caption


def test_table_options_that_do_not_go_together(here):
    refused("table", "--ablation", "--paper", match="tables of its own", code=2)


def test_cost_plot_shows_the_curves():
    curves = cost_curves(("PLN", "RSU-7"), most=9, size=32)
    with figure_style():
        _, (ax,) = new_figure([""], "single")
        assert cost_plot(ax, curves) is ax
    assert [line.get_label() for line in ax.lines] == ["PLN", "RSU-7"]
    assert [line.get_color() == RED for line in ax.lines] == [False, True]
    assert ax.lines[1].get_ydata().tolist() == [block_macs("RSU-7", m, size=32) / 1e9 for m in range(1, 10)]
    assert "GMACs" in ax.get_ylabel()


@pytest.mark.mpl_image_compare(tolerance=3, style="default", savefig_kwargs={"dpi": 60})
def test_costs():
    curves = cost_curves(("PLN", "RES", "DSE", "INC", "RSU-7"), most=24)
    with figure_style():
        fig, (ax,) = new_figure([""], "single")
        cost_plot(ax, curves)
        fig.draw_without_rendering()
    return fig


def test_plot_cost_command(here):
    done = good("plot-cost", "--blocks", "PLN,RSU-7", "--size", "32", "--flops", "--out", "cost.svg")
    assert "RSU-7: 0.153 GMAC at M = 64" in done.stderr
    assert "GFLOPs" in Path("cost.svg").read_text(encoding="utf-8")


def test_unknown_block():
    with pytest.raises(SodbenchError, match="unknown block 'RSU7'; did you mean RSU-7"):
        cost_curves(("RSU7",))
