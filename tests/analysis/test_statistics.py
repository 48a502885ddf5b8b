"""Resampling, intervals, permutation and ranks against scipy, plain oracles and printed tables."""

import hashlib
import itertools
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from stored import made

from sodbench.analysis.statistics.columns import Columns
from sodbench.analysis.statistics.measured import Measured, _defined_mean, defined_units, measured
from sodbench.analysis.statistics.permutation import _swaps, permutation
from sodbench.analysis.statistics.ranks import critical_difference, friedman, rank_groups
from sodbench.analysis.statistics.resampling import (
    bca_interval,
    bootstrap,
    cohens_d,
    holm,
    jackknife,
    percentile_interval,
    resampled,
    win_tie_loss,
)
from sodbench.errors import ScoresError
from sodbench.metrics import DEFAULT_METRICS
from sodbench.protocol import PRESETS, Protocol

AVERAGES = [Protocol(average=name) for name in ("mean-pr", "mean-f", "mean-max", "pooled")]
ALL = [*PRESETS.values(), *AVERAGES, Protocol(average="pooled", eps=1e-8)]


def of_values(values):
    """A metric that is the mean of these values."""
    values = np.asarray(values, np.float64)
    columns = np.stack([values, np.ones(len(values))], axis=1)
    return Measured("s_measure", Columns.of(columns), _defined_mean, values, True)


def rows_of(metric):
    """All columns of a metric at once."""
    return np.concatenate(list(metric.columns.parts()))


def pair_of(images, metric="max_f"):
    return tuple(measured(made(name, images, seed), [metric])[metric] for seed, name in enumerate("AB"))


@pytest.mark.parametrize("protocol", ALL, ids=lambda p: f"{p.average}-{p.thresholds}-{p.eps}")
def test_what_is_resampled_is_what_is_scored(protocol):
    """Value, per-image values and two resamples, each as Scores of the rows drawn would have it."""
    scores = made("A", 40, protocol=protocol, empty=(3, 17))
    found = measured(scores)
    assert list(found) == list(DEFAULT_METRICS)
    for metric, value in scores.summary().items():
        assert found[metric].value == pytest.approx(value, abs=1e-12)
        np.testing.assert_array_equal(found[metric].values, scores.per_image()[metric])
        if found[metric].is_mean:
            assert np.nanmean(found[metric].values) == pytest.approx(value, abs=1e-12)
    samples = bootstrap(list(found.values()), resamples=2, seed=5)
    drawn = np.random.Generator(np.random.PCG64(5)).integers(0, 40, (2, 40))
    for k, images in enumerate(drawn):
        rows = {f"{j:04}": scores.rows[scores.ids[i]] for j, i in enumerate(images)}
        expected = list(replace(scores, rows=rows).summary().values())
        np.testing.assert_allclose(samples[:, k], expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("protocol", AVERAGES, ids=lambda p: p.average)
def test_jackknife_leaves_out_each_image(protocol):
    scores = made("A", 9, protocol=protocol, empty=(2,))
    found = measured(scores)
    for k, name in enumerate(scores.ids):
        rows = {image: row for image, row in scores.rows.items() if image != name}
        for metric, value in replace(scores, rows=rows).summary().items():
            assert jackknife(found[metric])[k] == pytest.approx(value, abs=1e-12)


def test_metrics_of_one_curve_share_its_columns():
    found = measured(made("A", 5))
    assert found["max_f"].columns is found["mean_f"].columns
    assert {metric for metric, one in found.items() if not one.is_mean} == {"max_f", "mean_f", "max_e"}


def test_same_seed_same_bits(monkeypatch):
    """Whatever the number of resamples at a time, and whatever else is resampled."""
    a, b = measured(made("A", 300, 0)), measured(made("B", 300, 1))
    together = bootstrap([*a.values(), *b.values()], 700, seed=4)
    p = permutation(list(zip(a.values(), b.values(), strict=True)), 700, seed=4)
    for name, most in (("BUDGET", 1), ("LEAST", 37), ("ROWS", 16)):
        monkeypatch.setattr(f"sodbench.analysis.statistics.columns.{name}", most)
    for k, metric in enumerate(a):
        np.testing.assert_array_equal(bootstrap([a[metric]], 700, seed=4)[0], together[k])
        assert permutation([(a[metric], b[metric])], 700, seed=4)[0] == p[k]
    np.testing.assert_array_equal(bootstrap(list(b.values()), 300, seed=4), together[len(a) :, :300])
    assert not np.array_equal(bootstrap([a["mae"]], 700, seed=5)[0], together[list(a).index("mae")])


THREADED = """
import hashlib
from stored import made
from sodbench.analysis.statistics.measured import measured
from sodbench.analysis.statistics.resampling import bootstrap
print(hashlib.sha256(bootstrap(list(measured(made("A", 500)).values()), 600).tobytes()).hexdigest())
"""


def test_same_bits_for_any_number_of_threads():
    found = hashlib.sha256(bootstrap(list(measured(made("A", 500)).values()), 600).tobytes()).hexdigest()
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", THREADED], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == found


def test_resampled_means_are_those_of_the_images_drawn():
    columns = np.random.default_rng(1).random((50, 3))
    drawn = np.random.Generator(np.random.PCG64(0)).integers(0, 50, (600, 50))
    np.testing.assert_allclose(
        np.concatenate(list(resampled(Columns.of(columns), 600))),
        columns[drawn].mean(axis=1),
        atol=1e-13,
        rtol=0,
    )


def scipy_interval(a, b, samples, method):
    """scipy's interval from given resamples, with its own jackknife of the images."""

    def statistic(images, axis):
        return a.of(rows_of(a)[images].mean(axis=-2)) - b.of(rows_of(b)[images].mean(axis=-2))

    images = np.arange(a.columns.units)
    found = scipy.stats.bootstrap(
        (images,),
        lambda chosen, axis: statistic(chosen.astype(int), axis),
        n_resamples=0,
        bootstrap_result=SimpleNamespace(bootstrap_distribution=samples),
        method=method,
        vectorized=True,
    )
    return found.confidence_interval


@pytest.mark.parametrize("metric", ["max_f", "mae", "weighted_f", "max_e"])
def test_intervals_are_those_of_scipy(metric):
    a, b = pair_of(30, metric)
    one, two = bootstrap([a, b], 999, seed=2)
    samples, value, left_out = one - two, a.value - b.value, jackknife(a) - jackknife(b)
    expected = scipy_interval(a, b, samples, "percentile")
    assert percentile_interval(samples) == pytest.approx(tuple(expected), abs=1e-14)
    expected = scipy_interval(a, b, samples, "BCa")
    assert bca_interval(samples, value, left_out) == pytest.approx(tuple(expected), abs=1e-12)


def test_bca_counts_resamples_that_equal_the_value_half():
    """One image differs: resamples take few values, which rounding must not set apart."""
    a, b = of_values([0.5] * 29 + [0.9]), of_values([0.5] * 29 + [0.2])
    one, two = bootstrap([a, b], 2000)
    samples = np.round(30 * (one - two) / 0.7) * 0.7 / 30
    value = 0.7 / 30
    expected = scipy_interval(of_values(a.values - b.values), of_values(np.zeros(30)), samples, "BCa")
    assert len(np.unique(samples)) < 8
    found = bca_interval(one - two, value, jackknife(a) - jackknife(b))
    assert found == pytest.approx(tuple(expected), abs=1e-9)


def test_bca_needs_resamples_on_both_sides():
    with pytest.raises(ScoresError, match=r"all 50 resamples lie on one side of the value 2\.0000"):
        bca_interval(np.linspace(0, 1, 50), 2.0, np.arange(5.0))


def enumerated(a, b):
    """The p-value over all swaps, one after the other."""
    there = abs(a.value - b.value)
    reached = []
    for swaps in itertools.product([False, True], repeat=a.columns.units):
        swapped = np.array(swaps)[:, None]
        one = np.where(swapped, rows_of(b), rows_of(a)).mean(axis=0)
        two = np.where(swapped, rows_of(a), rows_of(b)).mean(axis=0)
        reached.append(abs(a.of(one) - b.of(two)) >= there - 1e-12)
    return np.mean(reached)


def scipy_permutation(a, b, **options):
    both = np.concatenate((rows_of(a), rows_of(b)))

    def statistic(first, second, axis):
        return a.of(both[first].mean(axis=-2)) - b.of(both[second].mean(axis=-2))

    n = a.columns.units
    return scipy.stats.permutation_test(
        (np.arange(n), np.arange(n, 2 * n)),
        statistic,
        permutation_type="samples",
        vectorized=True,
        **options,
    ).pvalue


@pytest.mark.parametrize("metric", ["max_f", "mae", "weighted_f", "mean_e"])
@pytest.mark.parametrize("images", [2, 5, 9])
def test_permutation_of_few_images_is_exact(images, metric):
    a, b = pair_of(images, metric)
    (p,) = permutation([(a, b)])
    assert p == enumerated(a, b)
    assert p == pytest.approx(scipy_permutation(a, b, n_resamples=np.inf), abs=1e-15)
    assert 2 / 2**images <= p <= 1


def test_permutation_with_ties_is_exact():
    a, b = of_values([0.1, 0.2, 0.3, 0.4, 0.7, 0.1]), of_values([0.2, 0.3, 0.2, 0.1, 0.6, 0.3])
    assert permutation([(a, b)])[0] == enumerated(a, b) == scipy_permutation(a, b, n_resamples=np.inf)


def test_permutation_by_chance_comes_near_the_exact_one():
    a, b = pair_of(13, "s_measure")
    exact = permutation([(a, b)], resamples=2**13)[0]
    (p,) = permutation([(a, b)], resamples=8000)
    assert p != exact
    assert p * 8001 == pytest.approx(round(p * 8001))  # (1 + k) / (1 + 8000)
    assert p == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 8000) ** 0.5 + 1 / 8000)


@pytest.mark.parametrize("images", [63, 64, 65, 130])
def test_permutation_draws_each_image_on_its_own(images):
    """The swaps of images are fair and independent, on both sides of a machine word's end."""
    drawn = [weights(slice(None), slice(0, images)) for _, weights in _swaps(images, 4000, 0, 8)]
    swaps = np.concatenate(drawn)
    assert set(np.unique(swaps)) == {0, 1}
    assert np.abs(swaps.mean(axis=0) - 0.5).max() < 5 * 0.5 / 4000**0.5
    correlations = np.corrcoef(swaps.T) - np.eye(images)
    assert np.abs(correlations).max() < 5.5 / 4000**0.5


def test_permutation_does_not_depend_on_the_order_of_the_two():
    a, b = pair_of(60)
    assert permutation([(a, b)], 500) == permutation([(b, a)], 500)


def test_permutation_finds_as_much_as_the_t_test():
    """Of a mean of many images, the two agree to their approximations."""
    a, b = (measured(made(name, 300, k), ["mae"])["mae"] for k, name in enumerate("AB"))
    b = of_values(b.values + 0.003)
    a = of_values(a.values)
    assert permutation([(a, b)])[0] == pytest.approx(
        scipy.stats.ttest_rel(a.values, b.values).pvalue, abs=0.02
    )


def test_identical_methods():
    a, b = measured(made("A", 50, empty=(4,))), measured(made("B", 50, empty=(4,)))
    one, two = bootstrap(list(a.values()), 200), bootstrap(list(b.values()), 200)
    assert np.all(one - two == 0)
    assert np.all(permutation(list(zip(a.values(), b.values(), strict=True)), 200) == 1)
    assert percentile_interval(one[0] - two[0]) == (0, 0)
    assert bca_interval(one[0] - two[0], 0.0, np.zeros(50)) == (0, 0)
    assert cohens_d(a["mae"].values, b["mae"].values) is None


def test_an_interval_of_a_mean_covers_it():
    """95 % intervals of 1,000 samples of 300 images hold the mean of a skewed distribution."""
    rng = np.random.default_rng(8)
    samples = bootstrap([of_values(values) for values in rng.beta(2, 0.6, (1000, 300))], 1000)
    held = [low <= 2 / 2.6 <= high for low, high in map(percentile_interval, samples)]
    assert 0.93 <= np.mean(held) <= 0.97


def test_a_metric_that_was_not_computed():
    with pytest.raises(ScoresError, match=r"A on SOD: max_e was not computed, only mae\. Score again"):
        measured(made("A", 3, metrics=["mae"]), ["max_e"])


def test_images_on_which_all_methods_define_a_metric_are_counted():
    first, second = made("A", 6, empty=[0, 1]), made("B", 6, empty=[1, 2, 3])
    assert defined_units([first], "weighted_f") == 4
    assert defined_units([first, second], "weighted_f") == 2


def test_a_metric_that_is_defined_nowhere():
    with pytest.raises(ScoresError, match="A on SOD: weighted_f is defined on no image"):
        measured(made("A", 3, empty=(0, 1, 2)))


def test_wins_ties_and_losses():
    a, b = np.array([1, 2, 3, np.nan, 5]), np.array([0, 2, 4, 1, np.nan])
    assert win_tie_loss(a, b, higher_is_better=True) == (1, 1, 1)
    assert win_tie_loss(a[:2], b[:2], higher_is_better=False) == (0, 1, 1)


def test_cohens_d_is_t_without_the_number_of_images():
    a, b = np.random.default_rng(0).random((2, 40))
    a[3] = np.nan
    t = scipy.stats.ttest_rel(a, b, nan_policy="omit").statistic
    assert cohens_d(a, b) == pytest.approx(t / 39**0.5, abs=1e-14)
    assert cohens_d(a[:1], b[:1]) is None


def plain_holm(p):
    adjusted = []
    for one in p:
        steps = [(len(p) - sum(q < other for q in p)) * other for other in p if other <= one]
        adjusted.append(min(1.0, max(steps)))
    return adjusted


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm(p):
    assert holm(p) == pytest.approx(plain_holm(p), abs=1e-15)


def test_holm_by_hand():
    """Sorted .005 .01 .03 .04 times 4 3 2 1 is .02 .03 .06 .04, and no p falls below the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02], abs=1e-15)
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []


DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.97501, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)
"""AUC of C4.5, C4.5+m, C4.5+cf, C4.5+m+cf on 14 data sets: Demšar 2006, table 6.

Two values print as .975, but the printed ranks are 2 and 3: they differed before rounding.
"""


def test_ranks_of_demsars_example():
    found = friedman(DEMSAR, higher_is_better=True)
    np.testing.assert_allclose(found.mean, [3.143, 2.000, 2.893, 1.964], atol=5e-4)
    plain = 12 * 14 / (4 * 5) * ((found.mean**2).sum() - 4 * 5**2 / 4)
    assert plain == pytest.approx(9.28, abs=0.005)  # as printed, not corrected for ties
    assert found.statistic > plain
    assert (found.statistic, found.p) == pytest.approx(scipy.stats.friedmanchisquare(*DEMSAR.T), abs=1e-12)
    assert found.critical_difference == pytest.approx(2.569 * (4 * 5 / (6 * 14)) ** 0.5, abs=5e-4)
    assert critical_difference(4, 14, alpha=0.10) == pytest.approx(1.12, abs=0.005)
    assert found.groups == ((3, 1, 2, 0),)  # 3.143 - 1.964 < 1.25
    assert friedman(-DEMSAR, higher_is_better=False).groups == found.groups


def test_critical_values_are_those_of_demsars_table():
    printed = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]
    found = [critical_difference(k, 100) / (k * (k + 1) / 600) ** 0.5 for k in range(2, 11)]
    assert found == pytest.approx(printed, abs=1.1e-3)


def test_ranks_leave_out_undefined_blocks():
    values = np.array([[1, 2, 3], [1, 2, 3], [np.nan, 9, 0], [2, 1, 3.0]])
    found = friedman(values, higher_is_better=False)
    assert found.blocks == 3
    np.testing.assert_allclose(found.mean, [4 / 3, 5 / 3, 3])


def test_where_friedman_finds_nothing_all_are_one_group():
    values = np.array([[1, 2, 3], [3, 1, 2], [2, 3, 1.0]])
    assert friedman(values, higher_is_better=True).groups == ((0, 1, 2),)
    same = friedman(np.ones((5, 3)), higher_is_better=True)
    assert (same.statistic, same.p, same.groups) == (0, 1, ((0, 1, 2),))


def test_too_little_to_rank():
    with pytest.raises(ScoresError, match="ranks of 2 methods over 5 blocks: expected at least 3 and 2"):
        friedman(np.ones((5, 2)), higher_is_better=True)
    with pytest.raises(ScoresError, match="ranks of 3 methods over 1 blocks"):
        friedman(np.ones((1, 3)), higher_is_better=True)


@given(st.lists(st.integers(4, 20), min_size=2, max_size=7), st.integers(1, 12))
def test_groups_are_the_largest_sets_within_a_critical_difference(quarters, difference):
    """Every set of methods is tried."""
    ranks, cd = np.array(quarters) / 4, difference / 4
    near = [
        frozenset(chosen)
        for size in range(2, len(ranks) + 1)
        for chosen in itertools.combinations(range(len(ranks)), size)
        if max(ranks[list(chosen)]) - min(ranks[list(chosen)]) < cd
    ]
    largest = {one for one in near if not any(one < other for other in near)}
    assert {frozenset(group) for group in rank_groups(ranks, cd)} == largest


def test_nemenyi_tells_nothing_apart_where_friedman_does_not():
    values = np.random.default_rng(1).normal(size=(30, 6))
    values[:, 0] += 0.55
    found = friedman(values, True)
    assert found.p > 0.05
    assert np.ptp(found.mean) > found.critical_difference
    (group,) = found.groups
    assert sorted(group) == list(range(6))
