"""Blocks that replace RSU in the stages of the outer U: PLN, RES, DSE, INC, PPM, NIV.

The paper draws four of them (Fig. 2) and gives each stage's I, M and O (Table 1); their inner
structure is an interpretation, which each class states.

*Conventions.* A conv unit is a 3x3 convolution, batch norm and ReLU. Every block maps (n, i, h, w) to
(n, o, h, w).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sodbench.models.networks.u2net import ConvBnRelu, resize_like, u_block


class PLN(nn.Sequential):
    """Plain block. Interpretation: two conv units, I to M to O."""

    def __init__(self, i: int, m: int, o: int) -> None:
        super().__init__(ConvBnRelu(i, m), ConvBnRelu(m, o))


class RES(nn.Module):
    """Residual block.

    Interpretation: two conv units, I to M to O, plus the input, and a ReLU after the sum. If I is not O, the
    input passes a 1x1 convolution (``projection``: its kernel's size).
    """

    def __init__(self, i: int, m: int, o: int, projection: int = 1) -> None:
        super().__init__()
        self.units = nn.Sequential(ConvBnRelu(i, m), ConvBnRelu(m, o))
        self.skip = nn.Conv2d(i, o, projection, padding=projection // 2) if i != o else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, i, h, w) to (n, o, h, w)."""
        return F.relu(self.units(x) + self.skip(x))


class DSE(nn.Module):
    """Dense block.

    Interpretation: four conv units (``layers``) of growth M, each on the concatenation of the input and all
    units before it; a 1x1 conv unit reduces everything to O channels.
    """

    def __init__(self, i: int, m: int, o: int, layers: int = 4) -> None:
        super().__init__()
        self.units = nn.ModuleList(ConvBnRelu(i + k * m, m) for k in range(layers))
        self.out = ConvBnRelu(i + layers * m, o, size=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, i, h, w) to (n, o, h, w)."""
        for unit in self.units:
            x = torch.cat((x, unit(x)), 1)
        return self.out(x)


class INC(nn.Module):
    """Inception-like block.

    Interpretation: a conv unit from I to M, then four parallel units M to M with dilations 1, 3, 5, 7 (as in
    BMPM, which the paper cites), concatenated, and a conv unit to O.
    """

    def __init__(self, i: int, m: int, o: int, dilations: Sequence[int] = (1, 3, 5, 7)) -> None:
        super().__init__()
        self.entry = ConvBnRelu(i, m)
        self.branches = nn.ModuleList(ConvBnRelu(m, m, dilation) for dilation in dilations)
        self.out = ConvBnRelu(len(dilations) * m, o)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, i, h, w) to (n, o, h, w)."""
        x = self.entry(x)
        return self.out(torch.cat([branch(x) for branch in self.branches], 1))


class PPM(nn.Module):
    """Pyramid pooling block.

    Interpretation: a conv unit from I to M; its output averaged to 1, 2, 3 and 6 bins per side (PSPNet), a
    conv unit M to M each, resized bilinearly, concatenated with the unpooled features, and a conv unit to O.
    Batch norm on one bin needs batches of two or more in training.
    """

    def __init__(self, i: int, m: int, o: int, bins: Sequence[int] = (1, 2, 3, 6)) -> None:
        super().__init__()
        self.bins = bins
        self.entry = ConvBnRelu(i, m)
        self.branches = nn.ModuleList(ConvBnRelu(m, m) for _ in bins)
        self.out = ConvBnRelu((len(bins) + 1) * m, o)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, i, h, w) to (n, o, h, w)."""
        x = self.entry(x)
        pooled = [
            resize_like(branch(F.adaptive_avg_pool2d(x, size)), x)
            for size, branch in zip(self.bins, self.branches, strict=True)
        ]
        return self.out(torch.cat((x, *pooled), 1))


KINDS: dict[str, type[PLN | RES | DSE | INC | PPM]] = {
    "PLN": PLN,
    "RES": RES,
    "DSE": DSE,
    "INC": INC,
    "PPM": PPM,
}
"""Blocks without levels, by the paper's names."""


def table_block(name: str, i: int, m: int, o: int) -> nn.Module:
    """Build any block by its name in Table 1: ``PLN``, ``NIV-4F``, ``RSU-7``, ...

    NIV-L: a naive U-block. Interpretation: RSU-L without its first convolution and without the sum.
    """
    return KINDS[name](i, m, o) if name in KINDS else u_block(name, i, m, o)
