"""How far the runner's maps are from reference maps: the tests look at a few photos, this at all of them.

    python benchmarks/maps.py --weights u2netp.onnx --photos DIR --maps DIR [--images 300]

Prints, for PNG and other photos apart (decoders differ in JPEG), the mean and largest difference in grey
levels and the share of pixels that are at most one level apart.
"""

import argparse
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from sodbench.data.sources import ImageFile, open_source
from sodbench.models.inference import make_maps
from sodbench.models.predictor import Predictor, load_model
from sodbench.models.run_record import Configuration


def differences(
    predictor: Predictor, photos: Sequence[ImageFile], maps: Path
) -> dict[str, NDArray[np.int64]]:
    """Run the runner on photos; absolute differences to given maps by photo."""
    found = {}
    with tempfile.TemporaryDirectory() as out:
        outcome = make_maps(photos, Path(out) / "maps", predictor, Configuration("maps", "", "", "cpu"))
        assert outcome.written == len(photos)
        for photo in photos:
            with Image.open(maps / f"{photo.stem}.png") as image:
                theirs = np.array(image.convert("RGB"))[:, :, 0].astype(int)
            with Image.open(Path(out) / "maps" / f"{photo.stem}.png") as image:
                found[photo.name] = np.abs(np.array(image) - theirs)
    return found


def summary(kind: str, found: Iterable[NDArray[np.int64]]) -> str:
    """Return one line about the differences of some photos."""
    each = list(found)
    pixels = np.concatenate([difference.ravel() for difference in each])
    worst = max(difference.mean() for difference in each)
    return (
        f"{kind:6}{len(each):5} photos: mean {pixels.mean():.4f}, of a photo at most {worst:.4f}, "
        f"largest {pixels.max()}, {100 * np.mean(pixels <= 1):.3f} % within one level"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare the maps."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="u2netp")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--maps", type=Path, required=True)
    parser.add_argument("--images", type=int)
    chosen = parser.parse_args(arguments)
    network, _, _ = load_model(chosen.model, None, chosen.weights)
    photos = open_source(chosen.photos).groups[""][: chosen.images]
    found = differences(Predictor(network, torch.device("cpu")), photos, chosen.maps)
    for kind in ("PNG", "other"):
        if some := [d for name, d in found.items() if name.lower().endswith(".png") == (kind == "PNG")]:
            print(summary(kind, some))


if __name__ == "__main__":
    main()
