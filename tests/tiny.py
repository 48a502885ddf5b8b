"""A network of one convolution, as a module of a user's own, and photos for it."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from workspace import save

MODULE = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1)

    def forward(self, x):
        assert not self.training
        return self.conv(x)

def net():
    return Net()

def sides():
    class Sides(Net):
        def forward(self, x):
            return super().forward(x), None
    return Sides()

def picky():
    class Picky(Net):
        def forward(self, x):
            without_green = x[:, 1:2].mean((2, 3), keepdim=True) < -2
            return super().forward(x).masked_fill(without_green, VALUE)
    return Picky()
"""


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def plant_photos(folder: str = "photos", count: int = 4) -> Path:
    for k in range(count):
        save(photo(10 + k, 20 - k, k), Path(folder) / f"p{k}.png")
    return Path(folder)


def turn(file: Path) -> None:
    """Give a photo an EXIF rotation."""
    exif = Image.Exif()
    exif[274] = 6
    with Image.open(file) as image:
        image.load()
        image.save(file, exif=exif)


def net() -> Any:
    """Build such a network where this module can be imported, as in a worker."""
    from torch import nn

    return nn.Conv2d(3, 1, 1)
