"""Speed, memory and coverage of what `sodbench compare` and `sodbench explain` make of stored scores.

    python benchmarks/resample.py [--images 5000] [--resamples 10000] [--draws 1000]

Speed: two methods' five paper metrics (max F alone has 512 columns) of synthetic images, bootstrap and
permutation; and one method under every convention that needs no pixels. Coverage: how often a 95 % percentile
interval from 300 images holds the population's value, of a mean metric (MAE) and of max F, both of the same
synthetic population.
"""

import argparse
import resource
import time

import numpy as np

from sodbench.analysis.explain.explain import explain
from sodbench.analysis.explain.rescorer import Rescorer
from sodbench.analysis.statistics.columns import Columns
from sodbench.analysis.statistics.measured import Measured, measured
from sodbench.analysis.statistics.permutation import permutation
from sodbench.analysis.statistics.resampling import (
    TAILS,
    bca_interval,
    bootstrap,
    jackknife,
    percentile_interval,
)
from sodbench.metrics import PAPER_METRICS, STATISTICS
from sodbench.protocol import Protocol
from sodbench.scoring.rows import Row
from sodbench.scoring.scores import Scores

NUMBERS = ("s_object", "s_region", "w_precision", "w_recall", "r_precision", "r_recall")
POPULATION = 20_000
SAMPLE = 300
TOGETHER = 50


def synthetic(images: int, seed: int) -> Scores:
    """Return scores of images whose maps are good to differing degrees; levels are beta distributed."""
    rng = np.random.default_rng(seed)
    rows = {}
    for k in range(images):
        size, skill = int(rng.integers(500, 20_000)), rng.beta(4, 1.5)
        inside = rng.beta(0.5 + 4 * skill, 0.8, 2000)
        outside = rng.beta(0.3, 0.6 + 5 * skill, 2000)
        fg, bg = (np.histogram(side * 255, 256, (0, 255))[0] for side in (inside, outside))
        fg, bg = (fg * (size // 2000 + 1)).astype(np.uint32), (bg * 15).astype(np.uint32)
        shape = (int(fg.sum() + bg.sum()), 1)
        numbers = dict(
            zip(STATISTICS[:6], np.clip(skill + 0.1 * rng.standard_normal(6), 0.01, 1), strict=True)
        )
        rows[f"{k:06}"] = Row(f"{k:06}", shape, fg, bg, numbers)
    return Scores(f"m{seed}", "synthetic@1", images, Protocol(), PAPER_METRICS, rows)


def speed(images: int, resamples: int) -> None:
    """Time both resamplings, and print the process's peak of memory before and after."""
    a, b = (measured(synthetic(images, seed)) for seed in (0, 1))
    before = peak()
    for name in ("bootstrap", "permutation"):
        start, cpu = time.perf_counter(), time.process_time()
        if name == "bootstrap":
            bootstrap([*a.values(), *b.values()], resamples)
        else:
            permutation(list(zip(a.values(), b.values(), strict=True)), resamples)
        print(
            f"{name}: {resamples} resamples of {images} images, 2 methods, 5 metrics: "
            f"{time.perf_counter() - start:.1f} s ({time.process_time() - cpu:.1f} s of CPU)"
        )
    print(f"peak memory: {before} MB with the columns, {peak()} MB after")
    figures = Rescorer(synthetic(images, 0))
    start = time.perf_counter()
    explanation = explain(figures, PAPER_METRICS)
    known = len({effect.convention for effect in explanation.effects}) + len(explanation.presets)
    print(f"explain: {images} images, 5 metrics under {known} readings: {time.perf_counter() - start:.2f} s")


def peak() -> int:
    """Return the largest memory this process has had, in MB (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def coverage(draws: int, resamples: int = 2000) -> None:
    """Print in how many draws of `SAMPLE` images the interval holds the population's value."""
    population = measured(synthetic(POPULATION, 2))
    rng = np.random.default_rng(3)
    for metric in ("mae", "max_f"):
        whole = population[metric]
        held = {"percentile": 0, "BCa": 0}
        biases = []
        for start in range(0, draws, TOGETHER):
            some = [drawn(whole, rng) for _ in range(min(TOGETHER, draws - start))]
            for columns, samples in zip(some, bootstrap(some, resamples, seed=start), strict=True):
                biases.append(columns.value - whole.value)
                for kind, (low, high) in {
                    "percentile": percentile_interval(samples),
                    "BCa": bca_interval(samples, columns.value, jackknife(columns)),
                }.items():
                    held[kind] += low <= whole.value <= high
        shares = ", ".join(f"{kind} {count / draws:.1%}" for kind, count in held.items())
        spread = np.quantile(biases, TAILS)
        print(
            f"{metric}: population {whole.value:.4f}; {draws} draws of {SAMPLE} images are off by "
            f"{np.mean(biases):+.5f} on average, 95 % of them by {spread[0]:+.4f} to {spread[1]:+.4f}; "
            f"95 % intervals hold it: {shares}"
        )


def drawn(whole: Measured, rng: np.random.Generator) -> Measured:
    """Return a sample of images."""
    some = rng.integers(0, whole.columns.units, SAMPLE)
    columns = Columns.of(np.concatenate([whole.columns.part(slice(k, k + 1)) for k in some]))
    return Measured(whole.metric, columns, whole.of, whole.values[some], whole.is_mean)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--draws", type=int, default=1000)
    chosen = parser.parse_args()
    speed(chosen.images, chosen.resamples)
    coverage(chosen.draws)
