"""U2-Net and U2-Net-dagger: a U-Net whose every stage is a U-Net (RSU).

Qin, Zhang, Huang, Dehghan, Zaiane, Jagersand: U2-Net, Pattern Recognition 106, 2020,
doi:10.1016/j.patcog.2020.107404, Table 1 and Fig. 5. Parameter names are the official code's, so
its checkpoints load strictly.

*Conventions.* Pooling is 2x2 with ceil mode and upsampling is bilinear (corners not aligned) to the
size of the tensor it is joined with, so any input size works. A network returns logits: the fused map,
then the six side outputs from fine to coarse; all at the input's size.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class Stage(NamedTuple):
    """One cell of Table 1: block, input channels I, middle channels M, output channels O."""

    block: str
    i: int
    m: int
    o: int


U2NET = (
    Stage("RSU-7", 3, 32, 64),  # En_1
    Stage("RSU-6", 64, 32, 128),  # En_2
    Stage("RSU-5", 128, 64, 256),  # En_3
    Stage("RSU-4", 256, 128, 512),  # En_4
    Stage("RSU-4F", 512, 256, 512),  # En_5
    Stage("RSU-4F", 512, 256, 512),  # En_6
    Stage("RSU-4F", 1024, 256, 512),  # De_5
    Stage("RSU-4", 1024, 128, 256),  # De_4
    Stage("RSU-5", 512, 64, 128),  # De_3
    Stage("RSU-6", 256, 32, 64),  # De_2
    Stage("RSU-7", 128, 16, 64),  # De_1
)

U2NETP = (
    Stage("RSU-7", 3, 16, 64),
    Stage("RSU-6", 64, 16, 64),
    Stage("RSU-5", 64, 16, 64),
    Stage("RSU-4", 64, 16, 64),
    Stage("RSU-4F", 64, 16, 64),
    Stage("RSU-4F", 64, 16, 64),
    Stage("RSU-4F", 128, 16, 64),
    Stage("RSU-4", 128, 16, 64),
    Stage("RSU-5", 128, 16, 64),
    Stage("RSU-6", 128, 16, 64),
    Stage("RSU-7", 128, 16, 64),
)


class ConvBnRelu(nn.Module):
    """Convolution (3x3 by default), batch norm, ReLU."""

    def __init__(self, i: int, o: int, dilation: int = 1, size: int = 3) -> None:
        super().__init__()
        self.conv_s1 = nn.Conv2d(i, o, size, padding=size // 2 * dilation, dilation=dilation)
        self.bn_s1: nn.Module = nn.BatchNorm2d(o)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, i, h, w) to (n, o, h, w)."""
        return F.relu(self.bn_s1(self.conv_s1(x)), inplace=True)


class Foldable(nn.Module):
    """A network of conv units."""

    def fold_batch_norm(self) -> None:
        """Fold conv units' batch norms into their convolutions, for inference: same maps, a fifth faster."""
        for module in self.modules():
            if isinstance(module, ConvBnRelu) and isinstance(module.bn_s1, nn.BatchNorm2d):
                module.conv_s1 = fuse_conv_bn_eval(module.conv_s1, module.bn_s1)
                module.bn_s1 = nn.Identity()


class RSU(nn.Module):
    """Residual U-block of `depth` levels: a small U-Net whose output is added to its first layer's.

    The encoder pools before each level but the first and the last, which has dilation 2 instead.
    With ``residual=False`` it is the naive U-block NIV: no first layer, no sum.
    """

    def __init__(self, depth: int, i: int, m: int, o: int, residual: bool = True) -> None:
        super().__init__()
        self.depth = depth
        self.rebnconvin = ConvBnRelu(i, o) if residual else None
        i = o if residual else i
        for k in range(1, depth + 1):
            self.add_module(f"rebnconv{k}", ConvBnRelu(i if k == 1 else m, m, 2 if k == depth else 1))
        for k in range(depth - 1, 0, -1):
            self.add_module(f"rebnconv{k}d", ConvBnRelu(2 * m, o if k == 1 else m))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, i, h, w) to (n, o, h, w)."""
        entry = self.rebnconvin(x) if self.rebnconvin else x
        levels = [self.get_submodule("rebnconv1")(entry)]
        for k in range(2, self.depth):
            levels.append(self.get_submodule(f"rebnconv{k}")(pool(levels[-1])))
        x = self.get_submodule(f"rebnconv{self.depth}")(levels[-1])
        for k in range(self.depth - 1, 0, -1):
            skip = levels[k - 1]
            x = self.get_submodule(f"rebnconv{k}d")(torch.cat((resize_like(x, skip), skip), 1))
        return x + entry if self.rebnconvin else x


class RSU4F(nn.Module):
    """Residual U-block that sees further by dilation instead of pooling; see `RSU` for `residual`."""

    def __init__(self, i: int, m: int, o: int, residual: bool = True) -> None:
        super().__init__()
        self.rebnconvin = ConvBnRelu(i, o) if residual else None
        self.rebnconv1 = ConvBnRelu(o if residual else i, m, 1)
        self.rebnconv2 = ConvBnRelu(m, m, 2)
        self.rebnconv3 = ConvBnRelu(m, m, 4)
        self.rebnconv4 = ConvBnRelu(m, m, 8)
        self.rebnconv3d = ConvBnRelu(2 * m, m, 4)
        self.rebnconv2d = ConvBnRelu(2 * m, m, 2)
        self.rebnconv1d = ConvBnRelu(2 * m, o, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, i, h, w) to (n, o, h, w)."""
        entry = self.rebnconvin(x) if self.rebnconvin else x
        level1 = self.rebnconv1(entry)
        level2 = self.rebnconv2(level1)
        level3 = self.rebnconv3(level2)
        x = self.rebnconv4(level3)
        x = self.rebnconv3d(torch.cat((x, level3), 1))
        x = self.rebnconv2d(torch.cat((x, level2), 1))
        x = self.rebnconv1d(torch.cat((x, level1), 1))
        return x + entry if self.rebnconvin else x


class U2Net(Foldable):
    """The outer U: six encoder and five decoder stages, a side output from each of the last six.

    Parameters
    ----------
    stages
        A row of Table 1: En_1 to En_6, De_5 to De_1.
    maps
        Channels of each output.
    build
        Makes a stage's block.
    encoder
        Maps photos to the outputs of En_1 to En_6, in place of blocks.
    """

    def __init__(
        self,
        stages: Sequence[Stage] = U2NET,
        maps: int = 1,
        build: Callable[[str, int, int, int], nn.Module] | None = None,
        encoder: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        names = [*(f"stage{k}" for k in range(1, 7)), *(f"stage{k}d" for k in range(5, 0, -1))]
        for name, stage in zip(names, stages, strict=True):
            if encoder is None or name.endswith("d"):
                self.add_module(name, (build or u_block)(*stage))
        for k, stage in enumerate((*stages[:5:-1], stages[5]), start=1):
            self.add_module(f"side{k}", nn.Conv2d(stage.o, maps, 3, padding=1))
        self.outconv = nn.Conv2d(6 * maps, maps, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map photos (n, 3, h, w) to seven logits (n, maps, h, w): fused, then sides 1 to 6."""
        skips = self._encode(x)
        decoded = [skips[5]]
        for k in range(5, 0, -1):
            skip = skips[k - 1]
            joined = torch.cat((resize_like(decoded[-1], skip), skip), 1)
            decoded.append(self.get_submodule(f"stage{k}d")(joined))
        sides = [self.get_submodule(f"side{k}")(decoded[6 - k]) for k in range(1, 7)]
        sides = [sides[0], *(resize_like(side, sides[0]) for side in sides[1:])]
        return self.outconv(torch.cat(sides, 1)), *sides

    def _encode(self, x: Tensor) -> Sequence[Tensor]:
        if self.encoder is not None:
            return self.encoder(x)
        outputs = [self.get_submodule("stage1")(x)]
        for k in range(2, 7):
            outputs.append(self.get_submodule(f"stage{k}")(pool(outputs[-1])))
        return outputs


def u_block(name: str, i: int, m: int, o: int) -> nn.Module:
    """Build an RSU or NIV block of Table 1 by its name there."""
    kind, _, depth = name.partition("-")
    residual = {"RSU": True, "NIV": False}[kind]
    return RSU4F(i, m, o, residual) if depth == "4F" else RSU(int(depth), i, m, o, residual)


def pool(x: Tensor) -> Tensor:
    """Halve height and width, rounded up."""
    return F.max_pool2d(x, 2, 2, ceil_mode=True)


def resize_like(x: Tensor, like: Tensor) -> Tensor:
    """Resize bilinearly to the height and width of `like`."""
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)


def u2net() -> U2Net:
    """U2-Net, 44,009,869 parameters."""
    return U2Net(U2NET)


def u2netp() -> U2Net:
    """U2-Net-dagger, 1,131,181 parameters."""
    return U2Net(U2NETP)
