"""Speed of scoring against pysodmetrics, as ratios measured in one run.

    python benchmarks/score.py [--rounds 5] [--pairs 300]

All contenders, each in a process of its own, read the same files in interleaved rounds after a
warm-up; medians are printed.
pysodmetrics gets OpenCV's decoder and its own five metrics (F, MAE, S, E, weighted F); sodbench
gets the paper's five (max F, MAE, weighted F, S, relaxed F). Real maps are used where
SODBENCH_REFERENCE names the reference material, else synthetic pairs of the same size.
"""

import argparse
import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
from contest import Contender, medians
from PIL import Image
from scipy.ndimage import gaussian_filter

from sodbench.images import mask_from, prediction_from
from sodbench.metrics import PAPER_METRICS
from sodbench.scoring import score_folder


class Data(NamedTuple):
    """A named set of files on which contenders are timed."""

    name: str
    maps: Path
    masks: Path


def synthetic(folder: Path, count: int, height: int, width: int) -> Data:
    """Write smooth random maps and blob masks as PNG."""
    rng = np.random.default_rng(0)
    for part in ("maps", "masks"):
        (folder / part).mkdir(parents=True)
    for k in range(count):
        field = gaussian_filter(rng.standard_normal((height, width)), min(height, width) / 12)
        mask = field > np.quantile(field, 0.75)
        noisy = gaussian_filter(mask + 0.2 * rng.standard_normal(mask.shape), 3)
        levels = np.clip(noisy * 255, 0, 255).astype(np.uint8)
        Image.fromarray(levels).save(folder / "maps" / f"{k:05}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"{k:05}.png")
    return Data(f"synthetic {width}x{height}", folder / "maps", folder / "masks")


def real(folder: Path, count: int) -> Data:
    """Link the first pairs of SOD with PiCANet's published maps."""
    reference = Path(os.environ["SODBENCH_REFERENCE"])
    for part, source in (("maps", reference / "preds/PiCANet/SOD"), ("masks", reference / "data/SOD/masks")):
        (folder / part).mkdir(parents=True)
        for file in sorted(source.iterdir())[:count]:
            (folder / part / file.name).symlink_to(file.resolve())
    return Data("PiCANet / SOD", folder / "maps", folder / "masks")


def decoding(data: Data) -> None:
    """Decode all files as sodbench does, with all its checks."""
    for file in sorted(data.maps.iterdir()):
        mask = data.masks / file.name
        prediction_from(file.read_bytes(), file.name)
        mask_from(mask.read_bytes(), mask.name)


def sodbench(data: Data, jobs: int) -> None:
    """Score a folder with the paper's metrics."""
    score_folder(data.maps, masks=data.masks, metrics=PAPER_METRICS, jobs=jobs).summary()


def pysodmetrics(data: Data) -> None:
    """Score a folder the way pysodmetrics' README does."""
    import cv2
    import py_sod_metrics as peer

    cv2.setNumThreads(1)
    metrics = [peer.Fmeasure(), peer.MAE(), peer.Smeasure(), peer.Emeasure(), peer.WeightedFmeasure()]
    for file in sorted(data.maps.iterdir()):
        pred = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        gt = cv2.imread(str(data.masks / file.name), cv2.IMREAD_GRAYSCALE)
        for metric in metrics:
            metric.step(pred=pred, gt=gt)
    for metric in metrics:
        metric.get_results()


def growth(folder: Path) -> tuple[float, float]:
    """Return resident MB after 200 and after 1,000 more pairs of one small set, scored in one run each."""
    sets = [synthetic(folder / str(count), count, 240, 320) for count in (200, 1000)]
    process = psutil.Process()
    seen = []
    for data in sets:
        sodbench(data, 1)
        seen.append(process.memory_info().rss / 2**20)
    return seen[0], seen[1]


def report(data: Data, rounds: int) -> None:
    """Time all contenders on one set of files and print ms a pair and ratios."""
    pairs = len(list(data.maps.iterdir()))
    taken = medians(
        {
            "decoding alone, Pillow": Contender(decoding, (data,), cpus=1),
            "sodbench, 1 worker": Contender(sodbench, (data, 1), cpus=1),
            "sodbench, 2 workers": Contender(sodbench, (data, 2), cpus=2),
            "pysodmetrics": Contender(pysodmetrics, (data,), cpus=1),
        },
        rounds,
    )
    peer = taken["pysodmetrics"]
    print(f"\n{data.name}: {pairs} pairs, medians of {rounds} rounds")
    print(f"{'':26}{'ms/pair':>9}{'pysodmetrics / it':>20}")
    for name, value in taken.items():
        print(f"{name:26}{1000 * value / pairs:9.2f}{peer / value:20.1f}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=300)
    chosen = parser.parse_args(arguments)
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "SODBENCH_REFERENCE" in os.environ:
            report(real(folder / "real", chosen.pairs), chosen.rounds)
        else:
            report(synthetic(folder / "small", chosen.pairs, 321, 481), chosen.rounds)
        report(synthetic(folder / "large", max(chosen.pairs // 15, 1), 1024, 1024), chosen.rounds)
        before, after = growth(folder / "growth")
        print(f"\nresident memory: {before:.0f} MB after 200 pairs, {after:.0f} MB after 1,000 more")


if __name__ == "__main__":
    main()
