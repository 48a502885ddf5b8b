"""Files to score: synthetic ones, links to real ones, and links to either again and again."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter


class Data(NamedTuple):
    """A named set of files on which contenders are timed; `maps` holds a folder a method."""

    name: str
    maps: Path
    masks: Path

    @property
    def preds(self) -> Path:
        """The first method's maps."""
        return self.maps / "m00"


def synthetic(folder: Path, count: int, height: int, width: int, methods: int = 1) -> Data:
    """Write blob masks as PNG, and smooth random maps of them, the noisier the later the method."""
    rng = np.random.default_rng(0)
    data = Data(f"synthetic {width}x{height}", folder / "maps", folder / "masks")
    places = [data.maps / f"m{k:02}" for k in range(methods)]
    for part in (*places, data.masks):
        part.mkdir(parents=True)
    for k in range(count):
        field = gaussian_filter(rng.standard_normal((height, width)), min(height, width) / 12)
        mask = field > np.quantile(field, 0.75)
        for method, place in enumerate(places):
            noise = (0.2 + 0.1 * method) * rng.standard_normal(mask.shape)
            levels = np.clip(gaussian_filter(mask + noise, 3) * 255, 0, 255).astype(np.uint8)
            Image.fromarray(levels).save(place / f"{k:05}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(data.masks / f"{k:05}.png")
    return data


def real(folder: Path, count: int, methods: Sequence[str] = ("PiCANet",)) -> Data:
    """Link the first pairs of SOD with published maps of some methods."""
    reference = Path(os.environ["SODBENCH_REFERENCE"])
    data = Data(f"{', '.join(methods)} / SOD", folder / "maps", folder / "masks")
    sources = {data.maps / f"m{k:02}": reference / f"preds/{name}/SOD" for k, name in enumerate(methods)}
    for part, source in {**sources, data.masks: reference / "data/SOD/masks"}.items():
        part.mkdir(parents=True)
        for file in sorted(source.iterdir())[:count]:
            (part / file.name).symlink_to(file.resolve())
    return data


def repeated(data: Data, folder: Path, count: int, methods: int = 1) -> Data:
    """Link the files of a set again and again, under other names, and its methods' under others too."""
    more = Data(data.name, folder / "maps", folder / "masks")
    names = sorted(file.name for file in data.masks.iterdir())
    sources = sorted(data.maps.iterdir())
    targets = [(more.maps / f"m{k:02}", sources[k % len(sources)]) for k in range(methods)]
    for part, source in (*targets, (more.masks, data.masks)):
        part.mkdir(parents=True)
        for k in range(count):
            file = (source / names[k % len(names)]).resolve()
            (part / f"{k:05}{file.suffix}").symlink_to(file)
    return more
