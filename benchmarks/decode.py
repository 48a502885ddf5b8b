"""Time to decode PNG maps and masks: sodbench, Pillow, OpenCV and imagecodecs, as ratios in one run.

    python benchmarks/decode.py MAPS MASKS [--rounds 5]

Each decoder reads the same bytes in memory, in a process of its own, pinned to one CPU, in interleaved
rounds; medians are printed. sodbench also checks all checksums, and that the file is a map. Decoders that
are not installed are left out.
"""

import argparse
import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from contest import Contender, medians
from PIL import Image

from sodbench.data.images.decoding import decode


@cache
def contents(folder: Path) -> list[bytes]:
    """Return the bytes of all PNGs of a folder."""
    return [file.read_bytes() for file in sorted(folder.glob("*.png"))]


def run(decoder: Callable[[bytes], Any], folder: Path) -> None:
    """Decode a folder's files."""
    for data in contents(folder):
        decoder(data)


def sodbench(data: bytes) -> Any:
    """Decode with every check."""
    return decode(data, "file")


def pillow(data: bytes) -> Any:
    """Decode as ``np.array(Image.open(file))``."""
    with Image.open(BytesIO(data)) as image:
        return np.array(image)


def opencv(data: bytes) -> Any:
    """Decode as ``cv2.imread(file, cv2.IMREAD_UNCHANGED)``."""
    import cv2

    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def imagecodecs(data: bytes) -> Any:
    """Decode with libpng by way of imagecodecs."""
    import imagecodecs as codecs

    return codecs.png_decode(data)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args(arguments)
    decoders = {"sodbench": sodbench, "Pillow": pillow, "OpenCV": opencv, "imagecodecs": imagecodecs}
    needs = {"OpenCV": "cv2", "imagecodecs": "imagecodecs"}
    installed = {n: d for n, d in decoders.items() if importlib.util.find_spec(needs.get(n, "numpy"))}
    for folder in chosen.folders:
        count = len(contents(folder))
        taken = medians({n: Contender(run, (d, folder), 1) for n, d in installed.items()}, chosen.rounds)
        print(f"\n{folder}: {count} files, medians of {chosen.rounds} rounds")
        for name, value in taken.items():
            print(f"{name:14}{1000 * value / count:8.3f} ms{value / taken['sodbench']:8.1f}x sodbench's")


if __name__ == "__main__":
    main()
