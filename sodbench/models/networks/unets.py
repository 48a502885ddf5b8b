"""U-Nets of one outer structure with other blocks (Table 1), and the baseline U-Net."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from sodbench.models.networks.blocks import PLN, table_block
from sodbench.models.networks.u2net import U2NET, U2NETP, Foldable, Stage, U2Net, pool, resize_like


def _stages(blocks: Sequence[str], middle: Sequence[int]) -> tuple[Stage, ...]:
    """Return En_1 to De_1 with U2-Net's input and output channels."""
    return tuple(
        Stage(name, stage.i, m, stage.o) for name, m, stage in zip(blocks, middle, U2NET, strict=True)
    )


_WIDE = (64, 128, 256, 512, 512, 512, 512, 256, 128, 64, 64)  # M of PLN and RES, which is O
_NARROW = (32, 32, 64, 128, 128, 128, 128, 64, 32, 16, 16)  # M of DSE, INC and PPM

TABLE_1: Mapping[str, tuple[Stage, ...]] = {
    "PLN U-Net": _stages(["PLN"] * 11, _WIDE),
    "RES U-Net": _stages(["RES"] * 11, _WIDE),
    "DSE U-Net": _stages(["DSE"] * 11, _NARROW),
    "INC U-Net": _stages(["INC"] * 11, _NARROW),
    "PPM U-Net": _stages(["PPM"] * 11, _NARROW),
    "NIV U2-Net": tuple(stage._replace(block=stage.block.replace("RSU", "NIV")) for stage in U2NET),
    "U2-Net": U2NET,
    "U2-Net†": U2NETP,
}
"""Table 1: the stages En_1 to En_6 and De_5 to De_1 of every architecture; the networks are built from it."""

STAGE_NAMES = (*(f"En_{k}" for k in range(1, 7)), *(f"De_{k}" for k in range(5, 0, -1)))
"""The columns of Table 1."""


class UNet(Foldable):
    """The baseline U-Net.

    The paper gives only its name. Interpretation: Ronneberger et al. 2015 with padded convolutions and
    batch norm, two conv units per level, bilinear upsampling in place of transposed convolutions, one output
    and thus no deep supervision.
    """

    def __init__(self, widths: Sequence[int] = (64, 128, 256, 512, 1024), maps: int = 1) -> None:
        super().__init__()
        self.down = nn.ModuleList(PLN(i, o, o) for i, o in zip((3, *widths), widths, strict=False))
        self.up = nn.ModuleList(
            PLN(deep + o, o, o) for deep, o in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(widths[0], maps, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map photos (n, 3, h, w) to logits (n, maps, h, w), in a tuple of length 1."""
        skips = [self.down[0](x)]
        for level in self.down[1:]:
            skips.append(level(pool(skips[-1])))
        x = skips.pop()
        for level in self.up:
            skip = skips.pop()
            x = level(torch.cat((resize_like(x, skip), skip), 1))
        return (self.head(x),)


def unet() -> UNet:
    """Baseline U-Net."""
    return UNet()


def pln_unet() -> U2Net:
    """U-Net of plain blocks."""
    return _network("PLN U-Net")


def res_unet() -> U2Net:
    """U-Net of residual blocks."""
    return _network("RES U-Net")


def dse_unet() -> U2Net:
    """U-Net of dense blocks."""
    return _network("DSE U-Net")


def inc_unet() -> U2Net:
    """U-Net of inception-like blocks."""
    return _network("INC U-Net")


def ppm_unet() -> U2Net:
    """U-Net of pyramid pooling blocks."""
    return _network("PPM U-Net")


def niv_u2net() -> U2Net:
    """U2-Net of naive U-blocks: RSU without its first convolution and without the sum."""
    return _network("NIV U2-Net")


def _network(name: str) -> U2Net:
    return U2Net(TABLE_1[name], build=table_block)
