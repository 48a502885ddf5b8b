"""U2-Net with the encoder of VGG-16 or ResNet-50, and these two as feature extractors.

Simonyan and Zisserman, ICLR 2015; He et al., CVPR 2016. Parameters are named as in torchvision, so that
its ImageNet weights load: see `load_backbone`.

The paper adds "an extra stage right after their last convolutional stages" to reach U2-Net's receptive
field. Reading, after BASNet by the same authors: no early loss of resolution (ResNet's stem is 3x3 with
stride 1; its max pooling then leads from En_1 to En_2, so that the six stages have U2-Net's six
resolutions), 1x1 convolutions to U2-Net's widths where a stage has another, and after a pool an extra
stage of three blocks, plain for VGG-16 and residual for ResNet-50. Decoders and heads are U2-Net's.
"""

from collections import OrderedDict
from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn

from sodbench.errors import first_few
from sodbench.models.ablation.blocks import block
from sodbench.models.u2net import U2NET, U2Net, pool

WIDTHS = tuple(stage.o for stage in U2NET[:6])
"""Output channels of En_1 to En_6."""


class VGG16(nn.Module):
    """The convolutions of VGG-16, 14,714,688 parameters: five stages, each but the last with a pool after.

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
        found = []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                found.append(x)
            x = layer(x)
        return found


class Bottleneck(nn.Module):
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
    stem
        Kernel of the first convolution: 7, of stride 2, as published; or 3, of stride 1.
    pool
        Keep the 3x3 max pooling of stride 2 after the stem.
    """

    widths = (64, 256, 512, 1024, 2048)

    def __init__(self, stem: int = 7, pool: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, stem, stride=2 if stem == 7 else 1, padding=stem // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1) if pool else nn.Identity()
        channels = 64
        for k, blocks in enumerate((3, 4, 6, 3)):
            width = 64 * 2**k
            strides = [1 if k == 0 else 2] + [1] * (blocks - 1)
            stage = nn.Sequential()
            for stride in strides:
                stage.append(Bottleneck(channels, width, stride))
                channels = 4 * width
            self.add_module(f"layer{k + 1}", stage)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map photos (n, 3, h, w) to the outputs of stem and four stages."""
        found = [F.relu(self.bn1(self.conv1(x)), inplace=True)]
        x = self.maxpool(found[0])
        for k in range(1, 5):
            x = self.get_submodule(f"layer{k}")(x)
            found.append(x)
        return found


class Encoder(nn.Module):
    """A backbone's five stages brought to U2-Net's widths, and an extra stage.

    Parameters
    ----------
    backbone
        Maps photos to five outputs, of the channels that its `widths` say.
    extra
        Block of the extra stage, and how many of them.
    """

    def __init__(self, backbone: VGG16 | ResNet50, extra: str = "RES", blocks: int = 3) -> None:
        super().__init__()
        self.backbone = backbone
        self.fit = nn.ModuleList(
            nn.Conv2d(i, o, 1) if i != o else nn.Identity()
            for i, o in zip(backbone.widths, WIDTHS[:5], strict=True)
        )
        o = WIDTHS[5]
        self.extra = nn.Sequential(*(block(extra, o, o, o) for _ in range(blocks)))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map photos (n, 3, h, w) to what En_1 to En_6 of U2-Net would give."""
        found = [fit(output) for fit, output in zip(self.fit, self.backbone(x), strict=True)]
        return [*found, self.extra(pool(found[-1]))]


def vgg16_u2net() -> U2Net:
    """U2-Net whose encoder is VGG-16."""
    return U2Net(U2NET, encoder=Encoder(VGG16(), "PLN"))


def resnet50_u2net() -> U2Net:
    """U2-Net whose encoder is ResNet-50."""
    return U2Net(U2NET, encoder=Encoder(ResNet50(stem=3), "RES"))


def load_backbone(network: U2Net, state: Mapping[str, Tensor]) -> list[str]:
    """Load torchvision's ImageNet weights (``vgg16`` or ``resnet50``) into the encoder of a U2-Net.

    The classifier is passed over, and so is a stem of another shape, which then stays as it was.

    Returns
    -------
    The backbone's parameters that were not loaded.

    Raises
    ------
    ValueError
        The network has no backbone, or the weights are of another one.
    """
    if not isinstance(network.encoder, Encoder):
        raise ValueError("this network has no backbone, expected vgg16_u2net() or resnet50_u2net().")
    backbone = network.encoder.backbone
    own = backbone.state_dict()
    fitting = OrderedDict((k, v) for k, v in state.items() if k in own and own[k].shape == v.shape)
    missing = [k for k in own if k not in fitting and not k.endswith("num_batches_tracked")]
    if set(missing) - {"conv1.weight"}:
        raise ValueError(
            f"weights of another network: {len(missing)} parameters of the backbone are missing "
            f"({first_few(missing, 3)})."
        )
    backbone.load_state_dict(fitting, strict=False)
    return missing
