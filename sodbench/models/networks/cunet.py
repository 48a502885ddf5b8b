"""CU-Net: U-Nets coupled by dense connections between blocks of the same meaning.

Tang, Peng, Geng, Wu, Zhang, Metaxas: Quantized Densely Connected U-Nets for Efficient Landmark
Localization, ECCV 2018. The U2-Net paper "adapts" it without details. Interpretation: 2 U-Nets of 4 levels,
128 features, growth 32, order-1 coupling, a stem that quarters the photo, a saliency head for each U-Net,
both supervised, outputs upsampled bilinearly to the photo's size.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sodbench.models.networks.u2net import pool, resize_like

NECK = 4
"""A block's 1x1 convolution makes this many times the growth's channels, as the authors' code does."""


class DenseBlock(nn.Module):
    """A block: new features from the input and the same block of earlier U-Nets; 1x1 outputs from all."""

    def __init__(self, i: int, coupled: int, growth: int, outputs: Sequence[int]) -> None:
        super().__init__()
        total = i + coupled * growth
        self.grow = nn.Sequential(*_pre(total, NECK * growth), *_pre(NECK * growth, growth, 3))
        self.out = nn.ModuleList(nn.Sequential(*_pre(total + growth, o)) for o in outputs)

    def forward(self, x: Tensor, earlier: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Return the new features, and each output."""
        x = torch.cat((x, *earlier), 1)
        new = self.grow(x)
        x = torch.cat((x, new), 1)
        return new, [out(x) for out in self.out]


class CoupledUNet(nn.Module):
    """One U-Net: down blocks with two outputs (onward and skip), a neck, up blocks."""

    def __init__(self, levels: int, features: int, growth: int, coupled: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            DenseBlock(features, coupled, growth, (features, features)) for _ in range(levels)
        )
        self.neck = DenseBlock(features, coupled, growth, (features,))
        self.up = nn.ModuleList(DenseBlock(2 * features, coupled, growth, (features,)) for _ in range(levels))

    def forward(self, x: Tensor, earlier: Sequence[Sequence[Tensor]]) -> tuple[Tensor, list[Tensor]]:
        """Return the output and each block's new features.

        `earlier` has, for every block, the new features of the U-Nets it is coupled with.
        """
        coupled = iter(earlier)
        made: list[Tensor] = []
        skips: list[Tensor] = []
        for block in self.down:
            new, (x, skip) = block(x, next(coupled))
            made.append(new)
            skips.append(skip)
            x = pool(x)
        new, (x,) = self.neck(x, next(coupled))
        made.append(new)
        for block in self.up:
            skip = skips.pop()
            new, (x,) = block(
                torch.cat((nn.functional.interpolate(x, skip.shape[2:]), skip), 1), next(coupled)
            )
            made.append(new)
        return x, made


class CUNet(nn.Module):
    """Coupled U-Nets; each is coupled with at most `order` before it, and so are their inputs."""

    def __init__(
        self,
        units: int = 2,
        levels: int = 4,
        features: int = 128,
        growth: int = 32,
        order: int = 1,
        maps: int = 1,
    ) -> None:
        super().__init__()
        self.order = order
        self.blocks = 2 * levels + 1
        self.stem = nn.Sequential(
            nn.Conv2d(3, features, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(features),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2, 2, ceil_mode=True),
        )
        coupled = [min(k, order) for k in range(units)]
        self.units = nn.ModuleList(CoupledUNet(levels, features, growth, count) for count in coupled)
        self.between = nn.ModuleList(
            nn.Sequential(*_pre((1 + count) * features, features)) for count in coupled[1:]
        )
        self.heads = nn.ModuleList(nn.Sequential(*_pre(features, maps)) for _ in range(units))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map photos (n, 3, h, w) to logits (n, maps, h, w): the last U-Net's, then earlier ones."""
        photo, x = x, self.stem(x)
        outputs: list[Tensor] = []
        inputs: list[Tensor] = []
        made: list[list[Tensor]] = []
        for k, (unit, head) in enumerate(zip(self.units, self.heads, strict=True)):
            first = max(k - self.order, 0)
            if k:
                x = self.between[k - 1](torch.cat((x, *inputs[first:]), 1))
            inputs.append(x)
            x, new = unit(x, [[features[b] for features in made[first:]] for b in range(self.blocks)])
            made.append(new)
            outputs.insert(0, resize_like(head(x), photo))
        return tuple(outputs)


def cunet() -> CUNet:
    """Two coupled U-Nets."""
    return CUNet()


def _pre(i: int, o: int, size: int = 1) -> tuple[nn.Module, ...]:
    """Return batch norm, ReLU and a convolution."""
    return nn.BatchNorm2d(i), nn.ReLU(inplace=True), nn.Conv2d(i, o, size, padding=size // 2, bias=False)
