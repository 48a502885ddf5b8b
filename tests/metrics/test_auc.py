"""AUC and AP: scikit-learn's and eval-co-sod's values, oracles from pixels, laws, and degenerate images."""

import numpy as np
import pytest
import reference_overlap as oracle
from golden_pairs import (
    GoldenPair,
    histograms,
    needs_real_maps,
    of_set,
    pairs_of,
    real_pairs,
    sets,
    synthetic_pairs,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import examples, pairs
from stored import made

from sodbench.analysis.statistics.measured import measured
from sodbench.metrics import METRICS
from sodbench.metrics.auc import PART, ap, auc
from sodbench.protocol import PRESETS, Protocol
from sodbench.scoring.rows import Row
from sodbench.scoring.scores import Scores

EXACT = Protocol()
COSOD = Protocol(auc_thresholds="255", auc_average="mean-curve")
COSOD_IMAGES = Protocol(auc_thresholds="255")
BOTH = ("auc", "ap")


synthetic = pytest.mark.parametrize("pair", synthetic_pairs(), ids=lambda pair: pair.name)


def value(pair: GoldenPair, column: str) -> float:
    """What a program returned, NaN where it gave none."""
    found = pair.value(column)
    return np.nan if found is None else found


def close(ours, theirs, tolerance=1e-12):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


def scores_of(several, protocol) -> Scores:
    """Score pairs of arrays."""
    rows = {}
    for k, (pred, gt) in enumerate(several):
        fg, bg = (side.astype(np.uint32) for side in histograms(pred, gt))
        rows[f"{k:04}"] = Row(f"{k:04}", pred.shape, fg, bg, {}, ())
    return Scores("own", "own@0", len(rows), protocol, BOTH, rows)


def check_original(original: GoldenPair) -> None:
    """On one class AUC and AP are undefined, where scikit-learn has an AP and eval-co-sod an AUC of 0."""
    pred, gt = original.pred, original.gt
    found, cosod = (
        [float(each[0]) for each in map(scores_of([(pred, gt)], protocol).values, BOTH)]
        for protocol in (EXACT, COSOD_IMAGES)
    )
    if not gt.any() or gt.all():
        assert np.isnan([*found, *cosod]).all()
        assert np.isnan(value(original, "sklearn_roc_auc"))
        assert value(original, "sklearn_average_precision") == gt.all()
        assert value(original, "evalcosod_auc") == 0
        return
    close(found[0], value(original, "sklearn_roc_auc"))
    close(found[1], value(original, "sklearn_average_precision"))
    close(cosod[0], value(original, "evalcosod_auc_flip"), 5e-7)
    close(cosod[1], value(original, "evalcosod_ap"), 5e-7)
    if not original.flagged("flag_evalcosod_auc_tie_order"):
        close(cosod[0], value(original, "evalcosod_auc"), 1.5e-6)  # the flag is set from 1e-6 on


@synthetic
def test_values(pair):
    check_original(pair)


@needs_real_maps
def test_values_of_real_maps():
    for original in real_pairs():
        check_original(original)


@pytest.mark.parametrize("name", sets)
def test_values_of_a_dataset(name):
    """eval-co-sod counts images with one class as zeros, so its values of sets with such images differ."""
    originals = pairs_of(name)
    several, expected = [(original.pred, original.gt) for original in originals], of_set(name)
    summary = scores_of(several, EXACT).summary()
    close(summary["auc"], expected["sklearn_roc_auc_mean"])
    both = [gt.any() and not gt.all() for _, gt in several]
    aps = [value(original, "sklearn_average_precision") for original in originals]
    close(summary["ap"], np.mean(np.array(aps)[both]))
    cosod = scores_of(several, COSOD).summary()
    if all(both):
        close(summary["ap"], expected["sklearn_average_precision_mean"])
        close(cosod["auc"], expected["evalcosod_auc_flip"], 5e-7)
        close(cosod["ap"], expected["evalcosod_ap"], 5e-7)
    else:
        assert cosod["auc"] > expected["evalcosod_auc_flip"] + 0.01


# ------------------------------------------------------------------------------------------- oracles


@examples(150)
@given(pairs())
def test_auc_and_ap_from_pixels(pair):
    close(auc(*pair), oracle.auc(*pair))
    close(ap(*pair), oracle.ap(*pair))


@examples(25)
@given(pairs())
def test_auc_and_ap_of_eval_co_sod(pair):
    pred, gt = pair
    assume(gt.any() and not gt.all())
    precision, recall, fpr = oracle.cosod_curves(pred, gt)
    close(auc(pred, gt, protocol=COSOD_IMAGES), oracle.cosod_auc(recall, fpr))
    close(ap(pred, gt, protocol=COSOD_IMAGES), oracle.cosod_ap(precision, recall))


@examples(15)
@given(st.lists(pairs(), min_size=1, max_size=4), st.sampled_from(["255", "exact"]))
def test_a_dataset_of_mean_curves(several, thresholds):
    summary = scores_of(several, Protocol(auc_average="mean-curve", auc_thresholds=thresholds)).summary()
    both = [(pred, gt) for pred, gt in several if gt.any() and not gt.all()]
    if not both:
        assert np.isnan([*summary.values()]).all()
        return
    if thresholds == "255":
        precision, recall, fpr = np.mean([oracle.cosod_curves(*pair) for pair in both], axis=0)
        close(summary["auc"], oracle.cosod_auc(recall, fpr))
        close(summary["ap"], oracle.cosod_ap(precision, recall))
        return
    precision, recall, fpr = np.zeros((3, 257))
    for pred, gt in both:
        for level in range(256):
            tp, fp, fn, tn = oracle.confusion(pred >= level, gt)
            precision[level] += tp / max(tp + fp, 1) / len(both)
            recall[level] += tp / (tp + fn) / len(both)
            fpr[level] += fp / (fp + tn) / len(both)
    close(summary["auc"], -np.trapezoid(recall, fpr))
    close(summary["ap"], -(np.diff(recall) * precision[:-1]).sum())


@examples(50)
@given(st.lists(pairs(), min_size=1, max_size=4), st.sampled_from([EXACT, COSOD_IMAGES, COSOD]))
def test_many_images_at_once_are_the_images_one_by_one(several, protocol):
    scores = scores_of(several, protocol)
    for name in BOTH:
        function = METRICS[name].function
        values = [function(pred, gt, protocol=protocol) for pred, gt in several]
        np.testing.assert_array_equal(scores.values(name), values)
        defined = [value for value in values if not np.isnan(value)]
        assert scores.undefined().get(name, 0) == len(values) - len(defined)
        if protocol.auc_average == "mean":
            close(scores.summary()[name], np.mean(defined) if defined else np.nan)
        if defined:
            close(measured(scores, [name])[name].value, scores.summary()[name], 1e-9)


# ---------------------------------------------------------------------------------------------- laws


@examples(60)
@given(pairs(), st.sampled_from([EXACT, COSOD_IMAGES]))
def test_turning_map_and_mask_together(pair, protocol):
    turned = [np.ascontiguousarray(array[::-1].T) for array in pair]
    for function in (auc, ap):
        np.testing.assert_equal(function(*turned, protocol=protocol), function(*pair, protocol=protocol))


@examples(60)
@given(pairs(), st.integers(0, 2**32 - 1))
def test_only_the_order_of_levels_counts(pair, seed):
    pred, gt = pair
    order = np.sort(np.random.default_rng(seed).choice(256, len(np.unique(pred)), replace=False))
    other = order[np.unique(pred, return_inverse=True)[1].reshape(pred.shape)].astype(np.uint8)
    for function in (auc, ap):
        close(function(other, gt), function(pred, gt), 1e-14)  # AP is summed over the levels
        values = [function(pred, gt, protocol=preset) for preset in PRESETS.values()]
        np.testing.assert_equal(values, values[:1] * len(values))


@examples(60)
@given(pairs())
def test_an_inverted_map_or_mask_has_the_rest_of_auc(pair):
    pred, gt = pair
    close(auc(~pred, gt), 1 - auc(pred, gt))
    close(auc(pred, ~gt), 1 - auc(pred, gt))


@pytest.mark.parametrize("protocol", [EXACT, COSOD_IMAGES, COSOD])
def test_perfect_flat_and_opposite_maps(protocol):
    gt = np.zeros((7, 9), bool)
    gt[1:4, 2:7] = True
    perfect, flat, opposite = gt * np.uint8(9) + np.uint8(3), gt * np.uint8(0), ~gt * np.uint8(9)
    assert ap(perfect, gt, protocol=protocol) == 1
    assert ap(flat, gt, protocol=protocol) == gt.mean()
    assert ap(opposite, gt, protocol=protocol) == gt.mean()
    exact = protocol.auc_thresholds == "exact"
    # without the point (0, 0) the top threshold is where the curve begins
    assert auc(perfect, gt, protocol=protocol) == 1
    assert auc(flat, gt, protocol=protocol) == 0.5
    assert auc(opposite, gt, protocol=protocol) == 0
    left = np.where(gt, 9, np.arange(63).reshape(7, 9) % 10).astype(np.uint8)
    assert (auc(left, gt, protocol=protocol) == auc(left, gt)) == exact


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (3, 4)])
@pytest.mark.parametrize("protocol", [EXACT, COSOD_IMAGES])
def test_one_class_is_undefined(shape, protocol):
    for gt in (np.zeros(shape, bool), np.ones(shape, bool)):
        for level in (0, 1, 255):
            pred = np.full(shape, level, np.uint8)
            assert np.isnan([auc(pred, gt, protocol=protocol), ap(pred, gt, protocol=protocol)]).all()


def test_two_pixels():
    gt = np.array([[True, False]])
    assert auc(np.array([[4, 4]], np.uint8), gt) == ap(np.array([[4, 4]], np.uint8), gt) == 0.5
    assert auc(np.array([[0, 1]], np.uint8), gt) == 0


# ------------------------------------------------------------------------------- as a part of the whole


def test_what_acts_is_declared():
    assert {PART.depends(metric) for metric in PART.metrics} == {
        ("mask_threshold", "resize", "degenerate", "group_average", "auc_thresholds", "auc_average")
    }
    rng = np.random.default_rng(2)
    several = [(rng.integers(20, 60, (8, 9), dtype=np.uint8), rng.random((8, 9)) < 0.3) for _ in range(4)]
    base = scores_of(several, Protocol()).summary()
    for change in ({"auc_thresholds": "255"}, {"auc_average": "mean-curve"}):
        changed = scores_of(several, Protocol(**change)).summary()
        assert all(changed[name] != base[name] for name in BOTH)
    for change in ({"normalise": "none"}, {"thresholds": "21"}, {"eps": 0.1}, {"average": "pooled"}):
        assert scores_of(several, Protocol(**change)).summary() == base


def test_no_curve_of_its_own_is_shown():
    assert set(made("m", 3, metrics=BOTH).curves()) == {"precision", "recall", "f", "e"}
