"""Overlap measures: values of the original programs, oracles from pixels, laws, and degenerate images."""

import pickle

import numpy as np
import pytest
import reference
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
from hypothesis import given
from hypothesis import strategies as st
from reference import examples, pairs
from stored import made

from sodbench.analysis.explain.rescorer import Rescorer
from sodbench.analysis.statistics.measured import measured
from sodbench.errors import PredictionError
from sodbench.metrics import DEFAULT_METRICS, METRICS, check_metrics, find_metric, overlap
from sodbench.metrics.histogram import LevelCounts
from sodbench.metrics.overlap import CUTS, FUNCTIONS, MEASURES, PART
from sodbench.metrics.parts import REDUCTIONS
from sodbench.protocol import PRESETS, Protocol
from sodbench.protocol.conventions import Reading
from sodbench.scoring.pairs import score_image
from sodbench.scoring.rows import Row
from sodbench.scoring.scores import Scores

PYSOD = Protocol.of("pysodmetrics")
UNDEFINED = PYSOD.change(overlap_zero="undefined")
ALL = tuple(metric.id for metric in PART.metrics)
COLUMNS = {name: f"pysod_{'spec' if name == 'specificity' else name}" for name in MEASURES}
COLUMNS["kappa"] = "sklearn_kappa"  # that of PySODMetrics has a wrong term


synthetic = pytest.mark.parametrize("pair", synthetic_pairs(), ids=lambda pair: pair.name)


def value(pair: GoldenPair, column: str) -> float:
    """What a program returned, NaN where it gave none."""
    found = pair.value(column)
    return np.nan if found is None else found


def close(ours, theirs, tolerance=1e-12):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


def curve_of(pred, gt, measure, cut, protocol):
    """A measure of one map at each threshold of a cut."""
    curve = PART.curves[f"{measure}_{cut}"]
    return curve.of_images(curve.cut(protocol)(LevelCounts(*histograms(pred, gt)), protocol), protocol)


def scores_of(several, protocol, metrics=ALL) -> Scores:
    """Score pairs of arrays."""
    rows = {}
    for k, (pred, gt) in enumerate(several):
        fg, bg = (side.astype(np.uint32) for side in histograms(pred, gt))
        rows[f"{k:04}"] = Row(f"{k:04}", pred.shape, fg, bg, {}, ())
    return Scores("own", "own@0", len(rows), protocol, tuple(metrics), rows)


# ------------------------------------------------------------------------------ the original programs


def check_original(original: GoldenPair, measure: str) -> None:
    """Every column and the whole curve of a measure; cells in which the program gave none are left out."""
    column = COLUMNS[measure]
    pred, gt = original.pred, original.gt
    protocol = UNDEFINED if measure == "kappa" else PYSOD
    curve = curve_of(pred, gt, measure, "thresholds", protocol)
    expected = original.curves[column][::-1]
    np.testing.assert_array_equal(np.isnan(curve), np.isnan(expected))
    close(curve, expected)
    for reduction in REDUCTIONS:
        theirs = value(original, f"{column}_dyn_{reduction}")
        if np.isnan(theirs):
            assert np.isnan(expected).any()
        else:
            close(REDUCTIONS[reduction](curve, axis=-1), theirs)
    for variant, cut in (("adp", "adaptive"), ("bin", "half")):
        (found,) = curve_of(pred, gt, measure, cut, protocol)
        close(found, value(original, f"{column}_{variant}"))


@pytest.mark.parametrize("measure", MEASURES)
@synthetic
def test_values_and_curves(pair, measure):
    check_original(pair, measure)


@needs_real_maps
@pytest.mark.parametrize("measure", MEASURES)
def test_values_and_curves_of_real_maps(measure):
    for original in real_pairs():
        check_original(original, measure)


@synthetic
def test_half_in_exact_numbers(pair):
    """Where a level is at half of the range, PySODMetrics' floating point takes it to be above."""
    exact = PYSOD.change(thresholds="256")
    (found,) = curve_of(pair.pred, pair.gt, "iou", "half", exact)
    assert (abs(found - value(pair, "pysod_iou_bin")) > 1e-12) == pair.flagged("flag_bin_fragile")


@pytest.mark.parametrize("name", sets)
def test_values_of_a_dataset(name):
    """Means of curves and of images, and all pixels together."""
    several = [(original.pred, original.gt) for original in pairs_of(name)]
    expected = of_set(name)
    averages = {"sample": PYSOD, "pooled": PYSOD.change(overlap_average="pooled")}
    found = {key: scores_of(several, protocol) for key, protocol in averages.items()}
    summaries = {key: scores.summary() for key, scores in found.items()}
    for measure, column in COLUMNS.items():
        if measure == "kappa":
            continue
        values, pooled = summaries["sample"], summaries["pooled"]
        for variant in ("max", "mean", "min"):
            if f"{variant}_{measure}" in METRICS:
                close(values[f"{variant}_{measure}"], expected[f"{column}_sample_dyn_{variant}_of_meancurve"])
                on_counts = expected[f"{column}_handler_on_pooled_counts_dyn_{variant}"]
                close(pooled[f"{variant}_{measure}"], on_counts)
        for variant in ("adp", "bin"):
            close(values[f"{variant}_{measure}"], expected[f"{column}_sample_{variant}"])
        close(pooled[f"adp_{measure}"], expected[f"{column}_handler_on_pooled_counts_adp"])
        close(pooled[f"bin_{measure}"], expected[f"{column}_pooled_bin"])
    undefined = scores_of(several, UNDEFINED).summary()
    for variant in ("adp", "bin"):
        close(undefined[f"{variant}_kappa"], expected[f"sklearn_kappa_{variant}_mean"])
    close(summaries["pooled"]["bin_kappa"], expected["sklearn_kappa_pooled_bin"])


@pytest.mark.parametrize("name", sets)
def test_pooled_iou_of_cascadepsp(name):
    """It counts levels above 128, which is p > .5 of 128.5 and so of no map with level 128 only just."""
    several = [((original.pred > 128) * np.uint8(255), original.gt) for original in pairs_of(name)]
    pooled = Protocol(normalise="none", overlap_average="pooled")
    close(scores_of(several, pooled).summary()["bin_iou"], of_set(name)["cascadepsp_iou_gt128_pooled"])


# ------------------------------------------------------------------------------------------- oracles

ZERO = {"zero": 0, "one": 1, "undefined": None}

protocols = st.builds(
    lambda preset, changed: preset.change(**changed),
    st.sampled_from([*PRESETS.values()]),
    st.fixed_dictionaries(
        {},
        optional={
            "normalise": st.sampled_from(["max", "minmax", "none"]),
            "thresholds": st.sampled_from(["256", "256float", "256floor", "255bins", "256above", "21"]),
            "eps": st.sampled_from([0.0, 1e-8, 0.01]),
            "overlap_zero": st.sampled_from([*ZERO]),
        },
    ),
)


def p_of(pred, protocol):
    matlab = protocol.normalise == "minmax" and protocol.thresholds == "256float"
    return reference.normalised(pred, protocol.normalise, eps=protocol.eps, matlab=matlab)


def half_of(pred, protocol):
    """Binarise at p > .5, exactly where thresholds are exact."""
    if protocol.thresholds in ("256", "256above", "21"):
        return reference.binarised_above(pred, protocol.normalise, 0.5)
    return p_of(pred, protocol) > 0.5


@examples(60)
@given(pairs(), protocols)
def test_curves_from_pixels(pair, protocol):
    pred, gt = pair
    p = p_of(pred, protocol)
    stack = reference.binarised(pred, p, protocol.normalise, protocol.thresholds, ">=")
    changes = np.flatnonzero(np.r_[True, (stack[1:] != stack[:-1]).any(axis=(1, 2))])
    counts = [oracle.confusion(stack[k], gt) for k in changes]
    lengths = np.diff(np.r_[changes, len(stack)])
    for name in MEASURES:
        points = [oracle.overlap(name, each, ZERO[protocol.overlap_zero]) for each in counts]
        expected = np.repeat(points, lengths)
        found = curve_of(pred, gt, name, "thresholds", protocol)
        close(found, expected)
        defined = expected[~np.isnan(expected)]
        for reduction, function in (("max", np.max), ("mean", np.mean), ("min", np.min)):
            if f"{reduction}_{name}" in FUNCTIONS:
                value = FUNCTIONS[f"{reduction}_{name}"](pred, gt, protocol=protocol)
                close(value, function(defined) if len(defined) else np.nan)


@examples(100)
@given(pairs(), protocols)
def test_single_thresholds_from_pixels(pair, protocol):
    pred, gt = pair
    cuts = {"bin": half_of(pred, protocol)}
    if protocol.thresholds in ("256", "256above", "21"):
        cuts["adp"] = reference.binarised_adaptively_exactly(pred, protocol.normalise, ">=")
    elif protocol.eps == 0 and not reference.adaptive_is_fragile(p_of(pred, protocol)):
        exact = protocol.normalise == "mat2gray"
        ends = np.array([reference.bounds(pred, protocol.normalise)], np.uint8)
        one = 1.0 if exact else p_of(ends, protocol)[0, 1]
        cuts["adp"] = reference.binarised_adaptively(p_of(pred, protocol), one, ">=")
    for variant, b in cuts.items():
        counts = oracle.confusion(b, gt)
        for name in MEASURES:
            expected = oracle.overlap(name, counts, ZERO[protocol.overlap_zero])
            close(FUNCTIONS[f"{variant}_{name}"](pred, gt, protocol=protocol), expected)


@examples(40)
@given(st.lists(pairs(), min_size=1, max_size=4), protocols, st.sampled_from([*CUTS]))
def test_many_images_at_once_are_the_images_one_by_one(several, protocol, cut):
    single = [LevelCounts(*histograms(pred, gt)) for pred, gt in several]
    stacked = type(single[0])(*(np.stack(parts) for parts in zip(*single, strict=True)))
    for name in MEASURES:
        curve = PART.curves[f"{name}_{cut}"]
        found = curve.of_images(curve.cut(protocol)(stacked, protocol), protocol)
        expected = [curve_of(pred, gt, name, cut, protocol) for pred, gt in several]
        np.testing.assert_array_equal(found, expected)


@examples(30)
@given(st.lists(pairs(), min_size=1, max_size=5), protocols, st.sampled_from(["mean", "mean-max", "pooled"]))
def test_a_dataset_from_its_images(several, protocol, average):
    """Every way of averaging, from the images' curves or counts, where 0/0 is undefined too."""
    protocol = protocol.change(degenerate="kept")
    scores = scores_of(several, protocol.change(overlap_average=average))
    summary = scores.summary()
    for metric in PART.metrics:
        name, cut = metric.curve.split("_")
        curves = np.array([curve_of(pred, gt, name, cut, protocol) for pred, gt in several])
        values = [metric.function(pred, gt, protocol=protocol) for pred, gt in several]
        np.testing.assert_array_equal(scores.values(metric.id), values)
        if average == "pooled":
            above = [CUTS[cut](LevelCounts(*histograms(pred, gt)), protocol) for pred, gt in several]
            tp, fp, inside, outside = (np.sum(side, axis=0, dtype=int) for side in zip(*above, strict=True))
            counts = [(t, f, inside[0] - t, outside[0] - f) for t, f in zip(tp, fp, strict=True)]
            zero = ZERO[protocol.overlap_zero]
            curve = [oracle.overlap(name, [int(k) for k in each], zero) for each in counts]
            expected = REDUCTIONS[metric.reduction](np.array(curve), axis=-1)
        elif average == "mean-max":
            expected = mean_of_defined(np.array(values))
        else:
            mean_curve = np.array([mean_of_defined(points) for points in curves.T])
            expected = REDUCTIONS[metric.reduction](mean_curve, axis=-1)
        close(summary[metric.id], expected)
        if not np.isnan(expected):
            close(measured(scores, [metric.id])[metric.id].value, expected, 1e-9)


def mean_of_defined(values):
    defined = values[~np.isnan(values)]
    return defined.mean() if len(defined) else np.nan


# ---------------------------------------------------------------------------------------------- laws


@examples(50)
@given(pairs(), protocols)
def test_turning_map_and_mask_together(pair, protocol):
    turned = [np.ascontiguousarray(array[::-1].T) for array in pair]
    for name, function in FUNCTIONS.items():
        np.testing.assert_equal(
            function(*turned, protocol=protocol), function(*pair, protocol=protocol), name
        )


@examples(50)
@given(pairs(), protocols)
def test_dice_follows_from_iou(pair, protocol):
    for cut in CUTS:
        iou, dice = (curve_of(*pair, name, cut, protocol) for name in ("iou", "dice"))
        close(dice, 2 * iou / (1 + iou))


@examples(50)
@given(pairs(), protocols)
def test_what_measures_are_of_each_other(pair, protocol):
    gt = pair[1]
    for cut in CUTS:
        of = {name: curve_of(*pair, name, cut, protocol) for name in MEASURES}
        close(of["ber"], 1 - (of["recall"] + of["specificity"]) / 2)
        if not gt.all():
            close(of["fpr"], 1 - of["specificity"])
        share = gt.mean()
        if 0 < share < 1:
            close(of["oa"], share * of["recall"] + (1 - share) * of["specificity"])
        for name in MEASURES:
            assert not (of[name] > 1 + 1e-15).any()
            assert not (of[name] < (-1 if name == "kappa" else -1e-15)).any()


@examples(50)
@given(pairs(masks=("random", "blob", "box", "pixel")))
def test_swapping_classes_leaves_accuracy_ber_and_kappa(pair):
    """With the map inverted: p > .5 becomes p < .5, so a map of two levels is binarised the other way."""
    pred, gt = (pair[0] > 99) * np.uint8(255), pair[1]
    raw = Protocol(normalise="none", overlap_zero="undefined")
    for name in ("oa", "ber", "kappa"):
        function = FUNCTIONS[f"bin_{name}"]
        close(function(~pred, ~gt, protocol=raw), function(pred, gt, protocol=raw))


def test_a_perfect_map():
    gt = np.zeros((9, 12), bool)
    gt[2:6, 3:9] = True
    found = score_image(gt * np.uint8(255), gt, metrics=ALL)
    for name, value in found.items():
        if name.startswith("mean_"):
            continue  # threshold 0 takes every pixel
        assert value == (1 if METRICS[name].higher_is_better else 0), name
    assert found["mean_iou"] == pytest.approx((255 + gt.mean()) / 256)


# ------------------------------------------------------------------------------------ degenerate images

EMPTY, FULL = np.zeros((3, 4), bool), np.ones((3, 4), bool)
BLACK, WHITE = np.zeros((3, 4), np.uint8), np.full((3, 4), 255, np.uint8)

AT_HALF = {
    "empty mask, black map": (BLACK, EMPTY, "iou dice ber recall precision kappa", "ber 0.5"),
    "empty mask, white map": (WHITE, EMPTY, "ber recall", "ber 1"),
    "full mask, black map": (BLACK, FULL, "ber specificity fpr precision", "ber 1"),
    "full mask, white map": (WHITE, FULL, "ber specificity fpr kappa", "ber 0.5"),
    "one pixel": (WHITE[:1, :1], FULL[:1, :1], "ber specificity fpr kappa", "ber 0.5"),
    "one row": (WHITE[:1], EMPTY[:1], "ber recall", "ber 1"),
}


@pytest.mark.parametrize("which", AT_HALF)
def test_degenerate_images(which):
    """Which ratios are 0/0, and that a choice acts on them only."""
    pred, gt, undefined, ber = AT_HALF[which]
    found = {
        zero: {
            name: FUNCTIONS[f"bin_{name}"](pred, gt, protocol=Protocol(overlap_zero=zero))
            for name in MEASURES
        }
        for zero in ZERO
    }
    for name in MEASURES:
        if name in undefined.split():
            assert np.isnan(found["undefined"][name])
            if name != "ber":
                assert (found["zero"][name], found["one"][name]) == (0, 1)
        else:
            assert found["zero"][name] == found["one"][name] == found["undefined"][name]
    assert found["zero"]["ber"] == float(ber.split()[1])
    assert found["one"]["ber"] == found["zero"]["ber"] - 0.5


def test_undefined_points_and_images_are_left_out_and_counted():
    """Of an image with an empty mask precision is 0 as far as anything is predicted, and recall undefined."""
    gt = np.array([[False, True]])
    several = [(np.array([[0, 255]], np.uint8), gt), (np.array([[51, 0]], np.uint8), ~gt & gt)]
    raw = Protocol(normalise="none", overlap_zero="undefined")
    scores = scores_of(several, raw, check_metrics(["mean_precision", "mean_recall", "bin_precision"]))
    summary = scores.summary()
    assert scores.undefined() == {"mean_recall": 1, "bin_precision": 1}
    assert summary["mean_recall"] == summary["bin_precision"] == 1
    # at threshold 0 the mean of .5 and 0, up to 51 that of 1 and 0, above it the first image's 1 alone
    assert summary["mean_precision"] == pytest.approx((0.25 + 51 * 0.5 + 204) / 256)
    assert scores.values("mean_precision")[1] == 0


# ------------------------------------------------------------------------------- as a part of the whole


def test_metrics_of_one_table():
    assert len(ALL) == len(set(ALL)) == 36
    labels = [
        METRICS[name].label for name in ("max_iou", "mean_iou", "adp_iou", "bin_iou", "min_ber", "bin_fpr")
    ]
    assert labels == ["maxIoU", "meanIoU", "adpIoU", "IoU@.5", "minBER", "FPR@.5"]
    errors = {name for name in ALL if not METRICS[name].higher_is_better}
    assert errors == {f"{which}_{name}" for name in ("ber", "fpr") for which in ("min", "mean", "adp", "bin")}
    assert find_metric("IoU@.5").id == "bin_iou"
    assert "max_ber" not in METRICS


def test_functions_are_names_of_the_module():
    from sodbench.metrics.overlap import max_iou

    assert max_iou is METRICS["max_iou"].function
    assert "max IoU of one map" in max_iou.__doc__
    assert pickle.loads(pickle.dumps(max_iou)) is max_iou
    with pytest.raises(AttributeError, match="no attribute 'max_iouu'"):
        _ = overlap.max_iouu
    with pytest.raises(PredictionError, match="pred must be a 2-D uint8 array"):
        max_iou(BLACK / 255, EMPTY)


@pytest.mark.parametrize("average", ["mean", "mean-max", "pooled"])
@pytest.mark.parametrize("zero", [*ZERO])
def test_resampled_values_are_those_of_the_scores(average, zero):
    protocol = Protocol(overlap_average=average, overlap_zero=zero)
    scores = made("m", 30, protocol=protocol, metrics=ALL, empty=(3, 4))
    summary = scores.summary()
    for name, each in measured(scores).items():
        close(each.value, summary[name], 1e-9)
        if average == "pooled":
            assert not each.is_mean
        elif name[:3] in ("adp", "bin") or average == "mean-max":
            assert each.is_mean
        else:
            assert each.is_mean == (name.startswith("mean") and zero != "undefined")


@pytest.mark.parametrize("average", ["mean", "mean-max", "pooled"])
@pytest.mark.parametrize("zero", [*ZERO])
def test_explained_values_are_those_of_the_scores(average, zero):
    scores = made("m", 8, metrics=(*ALL, "auc", "ap"), empty=(3,))
    protocol = Protocol(
        overlap_average=average,
        overlap_zero=zero,
        normalise="none",
        auc_thresholds="255",
        auc_average="mean" if average == "mean" else "mean-curve",
    )
    figures, expected = Rescorer(scores), scores.under(protocol).summary()
    assert {name: figures.value(name, Reading(protocol)) for name in expected} == pytest.approx(
        expected, abs=1e-12, nan_ok=True
    )


def test_curves_of_scores_are_those_asked_for():
    assert set(made("m", 3, metrics=DEFAULT_METRICS).curves()) == {"precision", "recall", "f", "e"}
    scores = made("m", 3, metrics=("max_iou", "bin_dice"))
    curves = scores.curves()
    assert set(curves) == {"precision", "recall", "f", "e", "iou_thresholds"}
    assert curves["iou_thresholds"].max() == scores.summary()["max_iou"]


ACTING = {
    "normalise": "minmax",
    "thresholds": "21",
    "eps": 0.3,
    "overlap_average": "pooled",
    "overlap_zero": "one",
    "beta2": 1.0,
    "average": "pooled",
}


@pytest.mark.parametrize("name", ACTING)
def test_what_acts_is_declared(name):
    """On maps of which some reach no threshold, so that every ratio is 0/0 somewhere."""
    rng = np.random.default_rng(5)
    several = [(rng.integers(20, 240, (8, 9), dtype=np.uint8), rng.random((8, 9)) < 0.3) for _ in range(4)]
    several += [(BLACK, EMPTY), (WHITE, FULL), (WHITE, EMPTY), (BLACK + np.uint8(130), EMPTY)]
    base = Protocol(normalise="none", thresholds="256floor")
    values, changed = (
        scores_of(several, protocol).summary() for protocol in (base, base.change(**{name: ACTING[name]}))
    )
    moved = {metric for metric in ALL if values[metric] != changed[metric]}
    declared = {metric for metric in ALL if name in PART.depends(METRICS[metric])}
    assert moved <= declared
    if name == "overlap_zero":
        assert moved == declared
    assert bool(moved) == (name not in ("beta2", "average"))


def test_pooled_pixels_of_no_image():
    """Where every image is left out, nothing is divided."""
    skip = Protocol(overlap_average="pooled", degenerate="skip")
    summary = scores_of([(np.zeros((2, 3), np.uint8), np.eye(2, 3, dtype=bool))], skip).summary()
    assert all(np.isnan(value) for value in summary.values())
