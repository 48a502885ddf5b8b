"""Speed of scoring against pysodmetrics, as ratios measured in one run.

    python benchmarks/score.py [--rounds 5] [--pairs 300]

All contenders, each in a process of its own, work on the same files in interleaved rounds after a
warm-up; medians are printed. pysodmetrics gets OpenCV's decoder and its own five metrics (F, MAE, S, E,
weighted F); sodbench gets the paper's five (max F, MAE, weighted F, S, relaxed F), and saves the scores of
every image. Further families are compared with pysodmetrics' own on arrays in memory. Real maps are used
where SODBENCH_REFERENCE names the reference material, else synthetic pairs of the same size.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from contest import Contender, medians
from generated import Data, real, repeated, synthetic
from numpy.typing import NDArray
from original_boundary import boundary_iou, mean_boundary_accuracy
from original_hce import correction_efforts
from PIL import Image

from sodbench.data.images.decoding import SaliencyMap
from sodbench.data.images.maps import Mask, mask_from, prediction_from
from sodbench.metrics import METRICS, PAPER_METRICS, part_of
from sodbench.metrics.histogram import centroid, normalised, quadrant_counts, sides
from sodbench.metrics.parts import MapOnMask
from sodbench.protocol import Protocol
from sodbench.scoring.pairs import PreparedMask, prepare_mask, score_pair
from sodbench.scoring.pipeline import score_folder
from sodbench.scoring.scores import Scores
from sodbench.utils.process import keep_freed_memory

METHODS = 20
CURVES_AND_MAE = ("max_f", "mae")
ORIGINALS: dict[str, Callable[[NDArray[np.uint8], NDArray[np.bool_]], object]] = {
    "mba": mean_boundary_accuracy,
    "biou": boundary_iou,
    "hce": correction_efforts,
}
"""Metrics of the pixels, and the steps of their original programs."""

FROM_LEVELS = tuple(name for name in METRICS if part_of(name).optional and part_of(name).statistics is None)
"""IoU and its kin, AUC and AP: what else follows from the level histograms."""

WITH_LEVELS = (*PAPER_METRICS, *FROM_LEVELS)


def decoding(data: Data) -> None:
    """Decode all files as sodbench does, with all its checks."""
    for file in sorted(data.preds.iterdir()):
        mask = data.masks / file.name
        prediction_from(file.read_bytes(), file.name)
        mask_from(mask.read_bytes(), mask.name)


def decoding_pillow(data: Data) -> None:
    """Decode all files with Pillow, without a check."""
    for file in sorted(data.preds.iterdir()):
        for path in (file, data.masks / file.name):
            with Image.open(path) as image:
                np.array(image)


def sodbench(data: Data, jobs: int, metrics: Sequence[str] = PAPER_METRICS) -> None:
    """Score a method's folder, and save the scores, as `sodbench score` does."""
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as out:
        score_folder(data.preds, masks=data.masks, metrics=metrics, jobs=jobs).save(Path(out) / "scores")


def sodbench_methods(data: Data) -> None:
    """Score all methods of a folder in one pass over the masks."""
    from sodbench.scoring.plan import Plan
    from sodbench.scoring.runs import collect_jobs, score_jobs

    keep_freed_memory()
    jobs, _ = collect_jobs([data.maps], [], data.masks, None)
    with tempfile.TemporaryDirectory() as out:
        score_jobs(jobs, Plan(Protocol(), PAPER_METRICS, jobs=1), Path(out))


@cache
def arrays(data: Data) -> list[tuple[SaliencyMap, Mask]]:
    """Return all decoded pairs."""
    files = sorted(data.preds.iterdir())
    return [
        (prediction_from(f.read_bytes(), f.name), mask_from((data.masks / f.name).read_bytes(), f.name))
        for f in files
    ]


@cache
def prepared(data: Data) -> list[PreparedMask]:
    """Return all masks with the work on them done."""
    return [prepare_mask(mask, Protocol(), PAPER_METRICS) for _, mask in arrays(data)]


def compute(data: Data, metrics: tuple[str, ...] = PAPER_METRICS, preset: str = "u2net") -> None:
    """Score decoded pairs."""
    keep_freed_memory()
    protocol = Protocol.of(preset)
    rows = {}
    for k, (pred, mask) in enumerate(arrays(data)):
        work = prepare_mask(mask, protocol, metrics)
        rows[str(k)] = score_pair(str(k), pred, work, protocol, metrics)
    Scores("m", "d@1", len(rows), protocol, metrics, rows).summary()


def compute_maps(data: Data) -> None:
    """Score decoded maps on masks already worked on."""
    keep_freed_memory()
    protocol = Protocol()
    rows = {}
    for k, (work, (pred, _)) in enumerate(zip(prepared(data), arrays(data), strict=True)):
        rows[str(k)] = score_pair(str(k), pred, work, protocol, PAPER_METRICS)
    Scores("m", "d@1", len(rows), protocol, PAPER_METRICS, rows).summary()


def pysodmetrics(data: Data) -> None:
    """Score a folder the way pysodmetrics' README does."""
    import cv2

    cv2.setNumThreads(1)
    metrics = _peers()
    for file in sorted(data.preds.iterdir()):
        pred = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        gt = cv2.imread(str(data.masks / file.name), cv2.IMREAD_GRAYSCALE)
        for metric in metrics:
            metric.step(pred=pred, gt=gt)
    for metric in metrics:
        metric.get_results()


def pysodmetrics_compute(data: Data) -> None:
    """Score decoded pairs with pysodmetrics."""
    metrics = _peers()
    for pred, mask in arrays(data):
        for metric in metrics:
            metric.step(pred=pred.levels, gt=mask.levels)
    for metric in metrics:
        metric.get_results()


def pysodmetrics_size_invariant(data: Data) -> None:
    """Score decoded pairs with pysodmetrics' size-invariant F and MAE; it fails on some masks."""
    import py_sod_metrics as peer

    handler = peer.FmeasureHandler(with_dynamic=True, with_adaptive=False, beta=0.3)
    metrics = [peer.SizeInvarianceFmeasureV2(metric_handlers={"f": handler}), peer.SizeInvarianceMAE()]
    for pred, mask in arrays(data):
        for metric in metrics:
            with suppress(AssertionError, OverflowError):
                metric.step(pred=pred.levels, gt=mask.levels)


def pysodmetrics_context(data: Data) -> None:
    """Score decoded pairs with pysodmetrics' context measure."""
    import cv2
    import py_sod_metrics as peer

    cv2.setNumThreads(1)
    metric = peer.ContextMeasure()
    for pred, mask in arrays(data):
        metric.step(pred=pred.levels, gt=mask.levels)
    metric.get_results()


FAMILIES = {
    "size-invariant F and MAE": (("si_f", "si_mean_f", "si_mae"), pysodmetrics_size_invariant),
    "context measure": (("context",), pysodmetrics_context),
}
"""Families that are computed only where they are asked for: their metrics, and whom to compare with."""


def _peers() -> list[Any]:
    import py_sod_metrics as peer

    return [peer.Fmeasure(), peer.MAE(), peer.Smeasure(), peer.Emeasure(), peer.WeightedFmeasure()]


def table(title: str, contenders: dict[str, Contender], pairs: int, rounds: int, to: str) -> dict[str, float]:
    """Time contenders and print ms a pair, and how much faster than one of them each is."""
    taken = medians(contenders, rounds)
    print(f"\n{title}: {pairs} pairs, medians of {rounds} rounds")
    print(f"{'':34}{'ms/pair':>9}{to + ' / it':>22}")
    for name, value in taken.items():
        print(f"{name:34}{1000 * value / pairs:9.2f}{taken[to] / value:22.1f}")
    return taken


def report(data: Data, rounds: int) -> None:
    """Time whole scoring, from files to the summary, and its parts on arrays in memory."""
    pairs = len(list(data.preds.iterdir()))
    whole = {
        "decoding, Pillow alone": Contender(decoding_pillow, (data,), 1),
        "decoding, sodbench": Contender(decoding, (data,), 1),
        "sodbench, MAE and PR only": Contender(sodbench, (data, 1, CURVES_AND_MAE), 1),
        "sodbench, 1 thread": Contender(sodbench, (data, 1), 1),
        "sodbench, IoU and its kin, AUC too": Contender(sodbench, (data, 1, WITH_LEVELS), 1),
        "sodbench, 2 threads": Contender(sodbench, (data, 2), 2),
        "pysodmetrics": Contender(pysodmetrics, (data,), 1),
    }
    taken = table(data.name, whole, pairs, rounds, "pysodmetrics")
    ours = taken["sodbench, 1 thread"]
    print(f"whole scoring / decoding with Pillow: {ours / taken['decoding, Pillow alone']:.2f}")
    print(f"2 threads / 1 thread: {ours / taken['sodbench, 2 threads']:.2f}")
    with_levels = taken["sodbench, IoU and its kin, AUC too"] / ours
    print(f"with {len(FROM_LEVELS)} more metrics of the levels / without: {with_levels:.2f}")
    parts = {
        "sodbench, all": Contender(compute, (data,), 1),
        "sodbench, masks already done": Contender(compute_maps, (data,), 1),
        "pysodmetrics": Contender(pysodmetrics_compute, (data,), 1),
    }
    table(f"{data.name}, arrays in memory", parts, pairs, rounds, "pysodmetrics")


@cache
def scored(data: Data) -> list[MapOnMask]:
    """Return all decoded pairs with what scoring has of each before its metrics."""
    pairs = []
    for pred, mask in arrays(data):
        counts = quadrant_counts(pred.levels, mask.gt, *centroid(mask.gt, Protocol().s_centroid))
        levels = sides(counts)
        p = normalised(levels, Protocol())
        pairs.append(MapOnMask(pred.levels, mask.gt, mask.levels, counts, levels, p))
    return pairs


def pixels_own(data: Data, metric: str) -> None:
    """Compute what scoring stores for a metric of the pixels, the work on masks included."""
    keep_freed_memory()
    protocol, statistics = Protocol(), part_of(metric).statistics
    assert statistics
    for pair in scored(data):
        statistics.of_map(statistics.of_mask(pair.gt, protocol), pair, protocol)


def pixels_original(data: Data, metric: str) -> None:
    """Compute a metric of the same pairs the way its original does."""
    import cv2

    cv2.setNumThreads(1)
    keep_freed_memory()
    of = ORIGINALS[metric]
    for pair in scored(data):
        of(pair.pred, pair.gt)


def originals(data: Data, rounds: int) -> None:
    """Time boundary metrics and human correction efforts on arrays in memory against the originals."""
    if find_spec("cv2") is None:
        print("\nmBA, boundary IoU, HCE: left out; the originals need OpenCV (opencv-python-headless)")
        return
    pairs = len(list(data.preds.iterdir()))
    for metric in ORIGINALS:
        contenders = {
            name: Contender(run, (data, metric), 1)
            for name, run in (("sodbench", pixels_own), ("original", pixels_original))
        }
        table(f"{data.name}, {METRICS[metric].label}", contenders, pairs, rounds, "original")


def families(data: Data, rounds: int) -> None:
    """Time each of `FAMILIES` on arrays in memory, the work on masks included."""
    pairs = len(list(data.preds.iterdir()))
    for family, (metrics, peer) in FAMILIES.items():
        contenders = {
            "sodbench": Contender(compute, (data, metrics, "pysodmetrics"), 1),
            "pysodmetrics": Contender(peer, (data,), 1),
        }
        table(f"{data.name}, {family}", contenders, pairs, rounds, "pysodmetrics")


def sharing(data: Data, folder: Path, rounds: int) -> None:
    """Print what a method costs when many share one pass over the masks."""
    pairs = len(list(data.preds.iterdir()))
    many, alone = (repeated(data, folder / str(n), pairs, n) for n in (METHODS, 1))
    contenders = {
        "alone": Contender(sodbench_methods, (alone,), 1),
        "together": Contender(sodbench_methods, (many,), 1),
    }
    taken = medians(contenders, rounds)
    ratio = taken["together"] / METHODS / taken["alone"]
    print(
        f"\na method among {METHODS} / alone: {ratio:.2f} ({1000 * taken['alone'] / pairs:.2f} ms/pair alone)"
    )


def growth(folder: Path) -> tuple[float, float]:
    """Return resident MB after 200 and after 1,000 more pairs of one small set, scored in one run each."""
    sets = [synthetic(folder / str(count), count, 240, 320) for count in (200, 1000)]
    process = psutil.Process()
    seen = []
    for data in sets:
        sodbench(data, 1)
        seen.append(process.memory_info().rss / 2**20)
    return seen[0], seen[1]


def start_up(data: Data) -> None:
    """Print CPU seconds of the help texts, of compiling, and from start to the first scored image."""

    def cpu(*arguments: str, **environment: str) -> float:
        code = "import sys; from sodbench.cli import main; main(sys.argv[1:], prog_name='sodbench')"
        before = os.times()
        subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, **environment},
            capture_output=True,
            check=True,
        )
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = repeated(data, folder / "images", 1)

        def score(k: int) -> float:
            paths = (str(first.preds), "--masks", str(first.masks), "--out", str(folder / str(k)))
            return cpu("score", *paths, NUMBA_CACHE_DIR=str(folder / "numba"))

        for text, arguments in (("--help", ("--help",)), ("score --help", ("score", "--help"))):
            print(f"CPU of sodbench {text}: {min(cpu(*arguments) for _ in range(5)):.2f} s")
        cold = score(0)
        warm = min(score(k) for k in range(1, 6))
        print(f"CPU from start to the first scored image: {warm:.2f} s")
        print(f"compiling before it, once: {cold - warm:.2f} s")


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
            small = real(folder / "small", chosen.pairs)
        else:
            small = synthetic(folder / "small", chosen.pairs, 321, 481)
        start_up(small)
        report(small, chosen.rounds)
        large = synthetic(folder / "large", max(chosen.pairs // 15, 1), 1024, 1024)
        report(large, chosen.rounds)
        larger = synthetic(folder / "larger", max(chosen.pairs // 60, 1), 2048, 2048)
        for data in (small, large, larger):
            originals(data, chosen.rounds)
        families(small, chosen.rounds)
        sharing(small, folder / "sharing", min(chosen.rounds, 3))
        before, after = growth(folder / "growth")
        print(f"\nresident memory: {before:.0f} MB after 200 pairs, {after:.0f} MB after 1,000 more")


if __name__ == "__main__":
    main()
