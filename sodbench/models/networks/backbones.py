"""U2-Net with the encoder of VGG-16 or ResNet-50, and these two as feature extractors.

Simonyan and Zisserman, ICLR 2015; He et al., CVPR 2016. Parameters are named as in torchvision, so that
its ImageNet weights load: see `load_backbone`.

The paper adds "an extra stage right after their last convolutional stages" to reach U2-Net's receptive
field. Interpretation, after BASNet by the same authors: no early loss of resolution (ResNet's stem is 3x3
with stride 1; its max pooling then leads from En_1 to En_2, so that the six stages have U2-Net's six
resolutions), 1x1 convolutions to U2-Net's widths where a stage has a different one, and after a pool an extra
stage of three blocks, plain for VGG-16 and residual for ResNet-50. Decoders and heads are U2-Net's.

The ImageNet weights have a 7x7 stem, not a 3x3 one, so it is not loaded. ``resnet50_u2net(stem=7)`` loads
it, with stride 1, and thus all weights of the backbone.
"""

from collections.abc import Mapping
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from sodbench.errors import WeightsError, first_few
from sodbench.models.networks.blocks import table_block
from sodbench.models.networks.u2net import U2NET, U2Net, pool

STAGE_WIDTHS = tuple(stage.o for stage in U2NET[:6])
"""Output channels of En_1 to En_6."""


class VGG16(nn.Module):
    """The convolutions of VGG-16, 14,714,688 parameters: five stages with pools between them.

    Pools round up, as U2-Net's do, which changes nothing where sizes are even.
    """

    widths = (64, 128, 256, 512, 512)

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width, convolutions in zip(self.widths, (2, 2, 3, 3, 3), strict=True):
            for _ in range(convolutions):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
                channels = width
            layers.append(nn.MaxPool2d(2, 2, ceil_mode=True))
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map photos (n, 3, h, w) to the five stages' outputs."""
        outputs = []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                outputs.append(x)
            x = layer(x)
        return outputs


class ResNetBottleneck(nn.Module):
    """ResNet's bottleneck: 1x1, 3x3 (with the stride), 1x1 to four times the width, plus the input."""

    def __init__(self, i: int, width: int, stride: int) -> None:
        super().__init__()
        o = 4 * width
        self.conv1 = nn.Conv2d(i, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, o, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(o)
        self.downsample = (
            nn.Sequential(nn.Conv2d(i, o, 1, stride=stride, bias=False), nn.BatchNorm2d(o))
            if stride > 1 or i != o
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, i, h, w) to (n, 4 width, h / stride, w / stride)."""
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        return F.relu(self.bn3(self.conv3(y)) + (self.downsample(x) if self.downsample else x))


class ResNet50(nn.Module):
    """ResNet-50 without its classifier: 23,508,032 parameters with the stem it was published with.

    Parameters
    ----------
    stem, stride
        Kernel and stride of the first convolution; 7 and 2 in the published network.
    """

    widths = (64, 256, 512, 1024, 2048)

    def __init__(self, stem: int = 7, stride: int = 2) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, stem, stride=stride, padding=stem // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        channels = 64
        for k, blocks in enumerate((3, 4, 6, 3)):
            width = 64 * 2**k
            strides = [1 if k == 0 else 2] + [1] * (blocks - 1)
            stage = nn.Sequential()
            for stride in strides:
                stage.append(ResNetBottleneck(channels, width, stride))
                channels = 4 * width
            self.add_module(f"layer{k + 1}", stage)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map photos (n, 3, h, w) to the outputs of stem and four stages."""
        outputs = [F.relu(self.bn1(self.conv1(x)), inplace=True)]
        x = self.maxpool(outputs[0])
        for k in range(1, 5):
            x = self.get_submodule(f"layer{k}")(x)
            outputs.append(x)
        return outputs


class Encoder(nn.Module):
    """A backbone's five stages brought to U2-Net's widths, and an extra stage.

    Parameters
    ----------
    backbone
        Maps photos to five outputs with `widths` channels.
    extra
        Kind of block in the extra stage, and their number.
    """

    def __init__(self, backbone: VGG16 | ResNet50, extra: str = "RES", blocks: int = 3) -> None:
        super().__init__()
        self.backbone = backbone
        self.fit = nn.ModuleList(
            nn.Conv2d(i, o, 1) if i != o else nn.Identity()
            for i, o in zip(backbone.widths, STAGE_WIDTHS[:5], strict=True)
        )
        o = STAGE_WIDTHS[5]
        self.extra = nn.Sequential(*(table_block(extra, o, o, o) for _ in range(blocks)))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map photos (n, 3, h, w) to outputs of the shapes of U2-Net's En_1 to En_6."""
        fitted = [fit(output) for fit, output in zip(self.fit, self.backbone(x), strict=True)]
        return [*fitted, self.extra(pool(fitted[-1]))]


def vgg16_u2net() -> U2Net:
    """U2-Net whose encoder is VGG-16."""
    return U2Net(U2NET, encoder=Encoder(VGG16(), "PLN"))


def resnet50_u2net(stem: int = 3) -> U2Net:
    """U2-Net whose encoder is ResNet-50, with a stem of stride 1.

    Parameters
    ----------
    stem
        Its kernel: 3 by the interpretation here, or 7 to load all ImageNet weights.
    """
    return U2Net(U2NET, encoder=Encoder(ResNet50(stem, stride=1), "RES"))


def load_backbone(backbone: VGG16 | ResNet50, state: Mapping[str, Tensor], path: Path) -> list[str]:
    """Load torchvision's ImageNet weights (``vgg16`` or ``resnet50``) into a backbone.

    The classifier is skipped, and so is a stem of another shape: the network then keeps its own.

    Returns
    -------
    The names that were not loaded, with shapes if they differ.

    Raises
    ------
    WeightsError
        The weights are of another network.
    """
    own = backbone.state_dict()
    fitting = {k: v for k, v in state.items() if k in own and own[k].shape == v.shape}
    missing = [k for k in own if k not in fitting and not k.endswith("num_batches_tracked")]
    if "conv1.weight" in state and "conv1.weight" in missing:
        missing.remove("conv1.weight")
    extra = [k for k in state if k not in own and k.partition(".")[0] not in ("fc", "classifier")]
    if missing or extra:
        wrong = [f"{len(missing)} of its parameters are missing ({first_few(missing, 3)})"] * bool(missing)
        wrong += [f"{len(extra)} are unknown ({first_few(extra, 3)})"] * bool(extra)
        raise WeightsError(
            f"{path}: weights of another network than {type(backbone).__name__}: {'; '.join(wrong)}."
        )
    backbone.load_state_dict(fitting, strict=False)
    return [
        f"{k} {tuple(v.shape)} for {tuple(own[k].shape)}" if k in own else k
        for k, v in state.items()
        if k not in fitting
    ]
