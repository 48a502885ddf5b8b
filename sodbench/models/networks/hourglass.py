"""Stacked hourglass network for saliency.

Newell, Yang, Deng: Stacked Hourglass Networks for Human Pose Estimation, ECCV 2016. The paper "adapts" it
without details. Interpretation: 2 stacks of order-4 hourglasses with 256 features, the stem that quarters the
photo, one saliency head per stack, all supervised, outputs upsampled bilinearly to the photo's size.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from sodbench.models.networks.u2net import pool, resize_like


class HourglassBottleneck(nn.Module):
    """Residual unit of Newell et al.: 1x1, 3x3, 1x1, each after batch norm and ReLU."""

    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        half = o // 2
        self.units = nn.Sequential(*_pre(i, half, 1), *_pre(half, half, 3), *_pre(half, o, 1))
        self.skip = nn.Conv2d(i, o, 1) if i != o else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, i, h, w) to (n, o, h, w)."""
        return self.units(x) + self.skip(x)


class Hourglass(nn.Module):
    """One hourglass: `order` times down and up again (nearest neighbour), a residual unit at each step."""

    def __init__(self, order: int, features: int) -> None:
        super().__init__()
        self.beside = HourglassBottleneck(features, features)
        self.down = HourglassBottleneck(features, features)
        self.inner = Hourglass(order - 1, features) if order > 1 else HourglassBottleneck(features, features)
        self.up = HourglassBottleneck(features, features)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, features, h, w) to the same shape."""
        beside = self.beside(x)
        return beside + F.interpolate(self.up(self.inner(self.down(pool(x)))), size=beside.shape[2:])


class StackedHourglass(nn.Module):
    """Stacks of hourglasses, each fed with the features and the map of the one before."""

    def __init__(self, stacks: int = 2, order: int = 4, features: int = 256, maps: int = 1) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 7, stride=2, padding=3),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            HourglassBottleneck(64, features // 2),
            nn.MaxPool2d(2, 2, ceil_mode=True),
            HourglassBottleneck(features // 2, features // 2),
            HourglassBottleneck(features // 2, features),
        )
        self.stacks = nn.ModuleList(
            nn.Sequential(
                Hourglass(order, features),
                HourglassBottleneck(features, features),
                nn.Conv2d(features, features, 1),
                nn.BatchNorm2d(features),
                nn.ReLU(inplace=True),
            )
            for _ in range(stacks)
        )
        self.heads = nn.ModuleList(nn.Conv2d(features, maps, 1) for _ in range(stacks))
        self.onward = nn.ModuleList(nn.Conv2d(features, features, 1) for _ in range(stacks - 1))
        self.back = nn.ModuleList(nn.Conv2d(maps, features, 1) for _ in range(stacks - 1))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map photos (n, 3, h, w) to logits (n, maps, h, w): the last stack's, then earlier ones."""
        photo, x = x, self.stem(x)
        outputs: list[Tensor] = []
        for k, (stack, head) in enumerate(zip(self.stacks, self.heads, strict=True)):
            features = stack(x)
            logits = head(features)
            outputs.insert(0, resize_like(logits, photo))
            if k < len(self.onward):
                x = x + self.onward[k](features) + self.back[k](logits)
        return tuple(outputs)


def hourglass() -> StackedHourglass:
    """Two stacked hourglasses."""
    return StackedHourglass()


def _pre(i: int, o: int, size: int) -> tuple[nn.Module, ...]:
    """Return batch norm, ReLU and a convolution."""
    # No in-place ReLU: the identity path of a residual unit shares the input.
    return nn.BatchNorm2d(i), nn.ReLU(), nn.Conv2d(i, o, size, padding=size // 2)
