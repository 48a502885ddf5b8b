"""What is resampled in blocks has the bits of all at once, and its memory does not grow with the images."""

import tracemalloc
from dataclasses import replace
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from stored import made

from sodbench.analysis.explain.rescorer import Rescorer
from sodbench.analysis.statistics import columns
from sodbench.analysis.statistics.bands import pr_band
from sodbench.analysis.statistics.columns import Columns
from sodbench.analysis.statistics.measured import Measured, _defined_mean, measured
from sodbench.analysis.statistics.permutation import permutation, permutations
from sodbench.analysis.statistics.resampling import bootstrap, jackknife
from sodbench.metrics import PAPER_METRICS
from sodbench.protocol import Protocol
from sodbench.protocol.conventions import Reading
from sodbench.scoring.rows import Row
from sodbench.scoring.scores import Scores

IMAGES, RESAMPLES = 601, 300
METRICS = ("max_f", "mean_f", "mae", "weighted_f", "mean_e")
PROTOCOLS = {
    "images": Protocol(),
    "pooled": Protocol(average="pooled"),
    "own curves": Protocol(average="mean-f", degenerate="skip"),
    "groups": Protocol(group_average="groups"),
    "pooled groups": Protocol(group_average="groups", average="pooled", degenerate="zero"),
}


@cache
def method(name: str, kind: str) -> dict[str, Measured]:
    """A method's metrics; images are in 149 groups."""
    scores = made(name, IMAGES, ord(name), metrics=METRICS, empty=(3, 600))
    rows = {f"{k % 149}/{image}": row for k, (image, row) in enumerate(scores.rows.items())}
    rows = {image: row._replace(id=image) for image, row in rows.items()}
    return measured(replace(scores, rows=rows, protocol=PROTOCOLS[kind]))


def everything(metric: Measured) -> np.ndarray:
    return np.concatenate(list(metric.columns.parts()))


def whole(numbers: np.ndarray, largest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers as multiples of a power of two, so that sums are exact in any order."""
    scale = np.ldexp(1.0, 52 - np.frexp(len(numbers) * largest)[1])
    return np.rint(numbers * scale), scale


def plain_bootstrap(metric: Measured, seed: int) -> np.ndarray:
    numbers = everything(metric)
    n = len(numbers)
    drawn = np.random.Generator(np.random.PCG64(seed)).integers(0, n, (RESAMPLES, n))
    counts = np.array([np.bincount(row, minlength=n) for row in drawn], float)
    rounded, scale = whole(numbers, np.abs(numbers).max(axis=0))
    return metric.of((rounded.T @ counts.T).T / (n * scale))


def plain_permutation(a: Measured, b: Measured, seed: int) -> float:
    one, two = everything(a), everything(b)
    n, largest = len(one), 2 * np.maximum(np.abs(one).max(axis=0), np.abs(two).max(axis=0))
    (one, scale), (two, _) = whole(one, largest), whole(two, largest)
    words = np.random.Generator(np.random.PCG64(seed)).integers(0, 2**64, (RESAMPLES, -(-n // 64)), np.uint64)
    swaps = np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, count=n, bitorder="little")
    moved = swaps.astype(float) @ (two - one)
    sums = one.sum(axis=0) + moved, two.sum(axis=0) - moved
    gaps = np.abs(np.subtract(*(m.of(s / (n * scale)) for m, s in zip((a, b), sums, strict=True))))
    return (1 + (gaps >= abs(a.value - b.value) - 1e-10).sum()) / (1 + RESAMPLES)


@pytest.fixture
def in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few resamples and a few images at a time."""
    for name, most in (("BUDGET", 1), ("LEAST", 37), ("ROWS", 11), ("AT_ONCE", 64)):
        monkeypatch.setattr(columns, name, most)


@pytest.mark.parametrize("kind", PROTOCOLS)
class TestBits:
    def test_of_the_bootstrap(self, kind, in_small_blocks):
        own = method("A", kind)
        expected = [plain_bootstrap(metric, 7) for metric in own.values()]
        np.testing.assert_array_equal(bootstrap([*own.values()], RESAMPLES, 7), expected)

    def test_of_the_jackknife(self, kind, in_small_blocks):
        for metric in method("A", kind).values():
            numbers = everything(metric)
            expected = metric.of((numbers.sum(axis=0) - numbers) / (len(numbers) - 1))
            np.testing.assert_array_equal(jackknife(metric), expected)

    def test_of_the_dataset(self, kind, in_small_blocks):
        for metric in method("A", kind).values():
            assert metric.value == metric.of(everything(metric).mean(axis=0))

    def test_of_permutations(self, kind, in_small_blocks):
        methods = [[*method(name, kind).values()][::2] for name in "ABC"]
        expected = [
            [plain_permutation(a, b, 7) for a, b in zip(*pair, strict=True)]
            for pair in combinations(methods, 2)
        ]
        np.testing.assert_array_equal(permutations(methods, RESAMPLES, 7), expected)
        np.testing.assert_array_equal(permutations(methods[:2], RESAMPLES, 7), expected[:1])


def of_values(values: np.ndarray) -> Measured:
    rows = np.stack([values, np.ones(len(values))], axis=1)
    return Measured("s_measure", Columns.of(rows), _defined_mean, values, True)


def test_permutations_are_those_of_each_pair_alone_whatever_the_size_of_the_values():
    """Values of methods that differ in size are rounded as they are for the pair alone."""
    rng = np.random.default_rng(0)
    near = [rng.random(40) * size for size in (1.0, 0.9, 0.02, 1e-6, 0.0)]
    methods = [[of_values(values), of_values(values[::-1] ** 2)] for values in near]
    steps: list[None] = []
    found = permutations(methods, 300, 1, lambda: steps.append(None))
    for p, pair in zip(found, combinations(methods, 2), strict=True):
        np.testing.assert_array_equal(p, permutation([*zip(*pair, strict=True)], 300, 1))
    assert len(steps) == len(found) == 10
    assert len(np.unique(found)) > 3


def test_permutations_of_few_images_are_exact():
    methods = [[metric for metric in measured(made(name, 7, k)).values()] for k, name in enumerate("ABC")]
    for p, pair in zip(permutations(methods, 200), combinations(methods, 2), strict=True):
        np.testing.assert_array_equal(p, permutation([*zip(*pair, strict=True)], 200))
    assert set(permutations(methods, 200).ravel() * 2**7 % 1) == {0}


def many(name: str, images: int) -> Scores:
    levels = np.random.default_rng(ord(name)).integers(1, 99, (images, 2, 256), np.uint32)
    numbers = dict.fromkeys(
        ("s_object", "s_region", "w_precision", "w_recall", "r_precision", "r_recall"), 0.5
    )
    rows = {f"{k:05}": Row(f"{k:05}", (1, int(pair.sum())), *pair, numbers) for k, pair in enumerate(levels)}
    return Scores(name, "SOD@1", images, Protocol(), PAPER_METRICS, rows)


@pytest.mark.parametrize("of", ["bootstrap", "permutation", "permutations", "jackknife", "band"])
def test_memory_does_not_grow_with_the_numbers_of_the_images(of):
    """The precisions and recalls alone are 12 MB a method."""
    images, resamples = 3000, 300
    scores = [many(name, images) for name in "AB"]
    found = [[*measured(s).values()] for s in scores]
    tracemalloc.start()
    if of == "bootstrap":
        bootstrap(found[0], resamples)
    elif of == "permutation":
        permutation([*zip(*found, strict=True)], resamples)
    elif of == "permutations":
        permutations([*found, found[0]], resamples)
    elif of == "jackknife":
        jackknife(found[0][0])
    else:
        pr_band(scores[0], resamples)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 22e6


def test_memory_of_figures_under_other_readings():
    """The histograms take 6 MB, and the pixels above each threshold 6 MB; the rest is of some images."""
    scores = many("A", 3000)
    tracemalloc.start()
    figures, reading = Rescorer(scores), Reading(scores.protocol)
    values = [figures.value(metric, reading) for metric in ("max_f", "mae", "adp_f")]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    summary = scores.extended(["adp_f"]).summary()
    assert values == pytest.approx([summary[metric] for metric in ("max_f", "mae", "adp_f")], rel=1e-12)
    assert peak < 26e6, peak
