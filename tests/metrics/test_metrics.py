"""Every metric and every kernel against the oracles of ``reference.py``, and the laws they obey."""

import numpy as np
import pytest
import reference
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from reference import JIT, examples, make_mask, pairs, shapes
from scipy import ndimage

from sodbench.data.images.maps import binarise
from sodbench.errors import PredictionError, ScoresError, SodbenchError
from sodbench.metrics import DEFAULT_METRICS, METRICS, PARTS, PIXEL_METRICS, family_of
from sodbench.metrics.emeasure import adaptive_e_from_levels, adp_e, e_from_levels, max_e, mean_e
from sodbench.metrics.fmeasure import (
    adaptive_f_from_levels,
    adp_f,
    f_from_pr,
    max_f,
    mean_f,
    pr_from_levels,
    precision_recall,
)
from sodbench.metrics.histogram import (
    centroid,
    centroid_on_edge,
    level_counts,
    normalised,
    quadrant_counts,
    thresholds_passed,
)
from sodbench.metrics.mae import mae, soft_mae
from sodbench.metrics.relaxed_f import (
    half_widths,
    mask_outline,
    outline,
    pixels,
    relax_f,
    relaxed_cut,
    relaxed_pr_at,
)
from sodbench.metrics.smeasure import s_measure
from sodbench.metrics.weighted_f import importance, weighted_f, weighted_mask
from sodbench.protocol import PRESETS, Protocol
from sodbench.scoring.pairs import score_image

CHOICES = {
    "normalise": ("max", "minmax", "mat2gray", "none"),
    "normalise_mae": ("same", "max", "minmax", "none"),
    "mask_mae": ("binary", "soft"),
    "thresholds": ("256", "256float", "256floor", "255bins", "256above", "21"),
    "beta2": (0.0, 0.3, 1.0, 4.0),
    "eps": (0.0, 1e-8, 0.01, 1.0),
    "s_alpha": (0.0, 0.3, 0.5, 1.0),
    "s_centroid": ("half-up", "half-even"),
    "s_below_zero": ("zero", "kept"),
    "e_compare": (">=", ">"),
    "e_adaptive": ("clipped", "unclipped"),
    "wf_beta2": (0.3, 1.0, 2.0),
    "wf_empty": ("skip", "zero"),
    "rho": (0.0, 1.0, 2.0**0.5, 2.5, 3.0, 5.0, 40.0),
    "relax_threshold": (0.0, 0.2, 0.3, 0.5, 0.9, 1.0),
    "relax_element": ("cross", "square"),
    "relax_border": ("background", "foreground"),
    "relax_distance": ("euclidean", "chessboard", "cityblock"),
}


def protocols(*names):
    """Draw a preset with any of the named fields changed."""
    some = {name: st.sampled_from(CHOICES[name]) for name in names}
    changes = st.fixed_dictionaries({}, optional=some)
    return st.builds(
        lambda preset, changed: preset.change(**changed), st.sampled_from([*PRESETS.values()]), changes
    )


levels_of = ("normalise", "thresholds", "eps")


def image_of(pred, protocol, how=""):
    """Normalise a map by the oracle."""
    how = how or protocol.normalise
    matlab = how == "minmax" and protocol.thresholds == "256float"
    return reference.normalised(pred, how, eps=protocol.eps, matlab=matlab)


def stack_of(pred, protocol, compare=">="):
    """Binarise a map by the oracle, at all thresholds."""
    return reference.binarised(
        pred, image_of(pred, protocol), protocol.normalise, protocol.thresholds, compare
    )


def adaptive_of(pred, protocol, compare, unclipped=False):
    """Binarise a map by the oracle at twice its mean, None where rounding decides."""
    if protocol.thresholds in ("256", "256above", "21"):
        return reference.binarised_adaptively_exactly(
            pred, protocol.normalise, compare, *[np.inf][:unclipped]
        )
    p = image_of(pred, protocol)
    if reference.adaptive_is_fragile(p):
        return None
    if unclipped or (protocol.normalise == "mat2gray" and protocol.eps == 0):
        return reference.binarised_adaptively(p, np.inf if unclipped else 1, compare)
    high = np.array([[reference.bounds(pred, protocol.normalise)[1]]], np.uint8)
    low = reference.bounds(pred, protocol.normalise)[0]
    one = image_of(np.array([[low, high[0, 0]]], np.uint8), protocol)[0, 1]
    return reference.binarised_adaptively(p, one, compare)


def close(ours, theirs, tolerance=1e-12):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


# ------------------------------------------------------------------------------------------- oracles


@examples(100)
@given(pairs(), protocols(*levels_of))
def test_normalised(pair, protocol):
    pred, gt = pair
    np.testing.assert_array_equal(
        normalised(level_counts(pred, gt), protocol)[pred], image_of(pred, protocol)
    )


@examples(150)
@given(pairs(), st.data())
def test_quadrant_counts(pair, data):
    pred, gt = pair
    row, col = (data.draw(st.integers(0, side)) for side in pred.shape)
    parts = zip(reference.quadrants(pred, row, col), reference.quadrants(gt, row, col), strict=True)
    expected = [[np.bincount(x[y == side], minlength=256) for side in (False, True)] for x, y in parts]
    np.testing.assert_array_equal(quadrant_counts(pred, gt, row, col), expected)


@examples(120)
@given(pairs(), protocols(*levels_of, "normalise_mae", "mask_mae"))
def test_mae(pair, protocol):
    pred, gt = pair
    how = protocol.normalise if protocol.normalise_mae == "same" else protocol.normalise_mae
    p = image_of(pred, protocol, how)
    if protocol.mask_mae == "soft":
        expected = reference.soft_mae(p, gt * np.uint8(255), eps=protocol.eps)
    else:
        expected = reference.mae(p, gt, eps=protocol.eps)
    close(mae(pred, gt, protocol=protocol), expected)


@examples(100)
@given(pairs(), protocols(*levels_of, "normalise_mae"), st.data())
def test_soft_mae(pair, protocol, data):
    pred, _ = pair
    mask = data.draw(arrays(np.uint8, pred.shape, elements=st.sampled_from([0, 1, 21, 128, 200, 255])))
    assume(mask.max() > 128 or not mask.any())
    how = protocol.normalise if protocol.normalise_mae == "same" else protocol.normalise_mae
    expected = reference.soft_mae(image_of(pred, protocol, how), mask, eps=protocol.eps)
    close(soft_mae(pred, mask, protocol), expected)
    grey, kept = not np.isin(mask, (0, 255)).all(), protocol.change(mask_mae="soft", degenerate="kept")
    found = score_image(pred, mask, protocol=kept, metrics=["mae"])["mae"]
    if grey or mask.max():
        close(found, expected)


@pytest.mark.parametrize("thresholds", CHOICES["thresholds"])
@examples(40)
@given(pairs(), protocols("normalise", "eps", "beta2"))
def test_precision_recall_f(thresholds, pair, protocol):
    pred, gt = pair
    protocol = protocol.change(thresholds=thresholds)
    precision, recall = reference.curves(stack_of(pred, protocol), gt, eps=protocol.eps)
    found = precision_recall(pred, gt, protocol=protocol)
    close(found[0], precision)
    close(found[1], recall)
    f = reference.f_curve(precision, recall, protocol.beta2, eps=protocol.eps)
    close(f_from_pr(*found, protocol), f)
    close(max_f(pred, gt, protocol=protocol), f.max())
    close(mean_f(pred, gt, protocol=protocol), f.mean())


@pytest.mark.parametrize("compare", [">=", ">"])
def test_thresholds_in_integers(compare):
    """Every level of every range, against k * range <= 255 * level (or <) in integers."""
    for low, high in [*((0, high) for high in range(1, 256)), *((low, 255 - low) for low in range(1, 127))]:
        pred = np.arange(low, high + 1, dtype=np.uint8)[None]
        counts = level_counts(pred, pred == low)
        k, left = np.arange(256), 255 * (np.arange(low, high + 1) - low)[:, None]
        passed = (k * (high - low) <= left) if compare == ">=" else (k * (high - low) < left)
        found = thresholds_passed(counts, Protocol(normalise="minmax"), compare)[low : high + 1]
        np.testing.assert_array_equal(found, passed.sum(axis=1) - 1)


@examples(150)
@given(pairs(), st.sampled_from([1e-8, 1e-3]))
def test_precision_recall_of_qin_by_its_own_histogram(pair, eps):
    pred, gt = pair
    qin = Protocol.of("qin").change(eps=eps)
    precision, recall = reference.histogram_curves(image_of(pred, qin), gt, eps=eps)
    found = precision_recall(pred, gt, protocol=qin)
    close(found[0], precision)
    close(found[1], recall)


@examples(200)
@given(pairs(), protocols(*levels_of, "beta2", "e_compare", "e_adaptive"))
def test_adaptive_f_and_e(pair, protocol):
    pred, gt = pair
    b = adaptive_of(pred, protocol, ">=")
    assume(b is not None)
    ratios = reference.precision_recall(b, gt, eps=protocol.eps)
    close(adp_f(pred, gt, protocol=protocol), reference.f_measure(*ratios, protocol.beta2, eps=protocol.eps))
    b = adaptive_of(pred, protocol, protocol.e_compare, protocol.e_adaptive == "unclipped")
    assume(b is not None)
    close(adp_e(pred, gt, protocol=protocol), reference.e_measure(b, gt))


@pytest.mark.parametrize("thresholds", CHOICES["thresholds"])
@pytest.mark.parametrize("compare", CHOICES["e_compare"])
@examples(20)
@given(pairs(), protocols("normalise", "eps"))
def test_e_measure(compare, thresholds, pair, protocol):
    pred, gt = pair
    protocol = protocol.change(thresholds=thresholds, e_compare=compare)
    expected = np.array([reference.e_measure(b, gt) for b in stack_of(pred, protocol, protocol.e_compare)])
    close(e_from_levels(level_counts(pred, gt), protocol), expected)
    close(max_e(pred, gt, protocol=protocol), expected.max())
    close(mean_e(pred, gt, protocol=protocol), expected.mean())


@examples(250)
@given(pairs(), protocols(*levels_of, "s_alpha", "s_centroid", "s_below_zero"))
def test_s_measure(pair, protocol):
    pred, gt = pair
    p = image_of(pred, protocol)
    expected = reference.s_measure(
        p, gt, alpha=protocol.s_alpha, rounding=protocol.s_centroid, below_zero=protocol.s_below_zero
    )
    close(s_measure(pred, gt, protocol=protocol), expected, 1e-11)


def test_s_measure_of_flat_maps():
    """A quadrant in which map and mask are constant has SSIM 1, whatever rounding does to its mean."""
    protocol = Protocol(normalise="none", s_alpha=0)
    for level in range(1, 256, 10 if JIT else 50):
        for width in range(2, 40):
            pred, gt = np.full((1, width), level, np.uint8), np.arange(width)[None] >= width // 2
            expected = reference.s_measure(pred / 255, gt, alpha=0)
            close(s_measure(pred, gt, protocol=protocol), expected)


@examples(120)
@given(pairs(), st.sampled_from(CHOICES["s_centroid"]))
def test_centroid(pair, rounding):
    pred, gt = pair
    assume(gt.any())
    row, col = centroid(gt, rounding)
    assert [row, col] == reference.centroid(gt, rounding)
    on_edge = row == gt.shape[0] or col == gt.shape[1]
    assert centroid_on_edge(quadrant_counts(pred, gt, row, col)) == on_edge


@pytest.mark.parametrize(("shape", "expected"), [((5, 8), (3, 4)), ((1, 1), (1, 1)), ((2, 7), (1, 4))])
def test_centroid_of_an_empty_mask(shape, expected):
    for rounding in CHOICES["s_centroid"]:
        assert centroid(np.zeros(shape, bool), rounding) == expected


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [("half-up", [2, 3, 4, 5]), ("half-even", [1, 3, 3, 5])],
)
def test_centroid_at_a_half(rounding, expected):
    """Two neighbours have their 1-based centroid at 1.5, 2.5, 3.5, 4.5."""
    found = []
    for first in range(4):
        gt = np.zeros((1, 6), bool)
        gt[0, first : first + 2] = True
        assert centroid(gt.T.copy(), rounding) == centroid(gt, rounding)[::-1]
        found.append(centroid(gt, rounding).col)
    assert found == expected


@examples(200)
@given(pairs(), protocols(*levels_of, "wf_beta2", "wf_empty"))
def test_weighted_f(pair, protocol):
    pred, gt = pair
    p = image_of(pred, protocol)
    expected = reference.weighted_f(p, gt, beta2=protocol.wf_beta2, empty=protocol.wf_empty)
    close(weighted_f(pred, gt, protocol=protocol), expected)


RELAX = ("rho", "relax_threshold", "relax_element", "relax_border", "relax_distance")


@examples(300)
@given(pairs(), protocols(*levels_of, *RELAX, "beta2"))
def test_relax_f(pair, protocol):
    pred, gt = pair
    b = reference.binarised_above(pred, protocol.normalise, protocol.relax_threshold, protocol.eps)
    ratios = reference.relaxed_precision_recall(
        b,
        gt,
        rho=protocol.rho,
        element=protocol.relax_element,
        border=protocol.relax_border,
        distance=protocol.relax_distance,
    )
    cut = relaxed_cut(level_counts(pred, gt), protocol)
    assert relaxed_pr_at(mask_outline(gt, protocol), pred, cut, protocol) == ratios
    close(relax_f(pred, gt, protocol=protocol), reference.f_measure(*ratios, protocol.beta2))


@pytest.mark.parametrize("normalise", CHOICES["normalise"])
def test_relax_f_at_the_level_just_at_its_threshold(normalise):
    """Exact for every range of levels, and where no revision is said, as in floating point before."""
    gt = np.array([[True, False]])
    for threshold in (0.5, 0.3, 0.7):
        protocol = Protocol(normalise=normalise, relax_threshold=threshold)
        by_rounding = 0
        stretched = normalise in ("minmax", "mat2gray")
        for low in range(0, 255, (15 if JIT else 60) if stretched else 255):
            for high in range(low + 1, 256, 1 if JIT or not stretched else 3):
                counts = level_counts(np.array([[low, high]], np.uint8), gt)
                cut, p = relaxed_cut(counts, protocol), normalised(counts, protocol)
                start, end = (low, high) if stretched else (0, high)
                span = 255 if normalise == "none" else end - start
                assert 10 * (cut - 1 - start) <= 10 * threshold * span < 10 * (cut - start)
                by_rounding += cut != np.searchsorted(p, threshold, side="right")
        assert (by_rounding > 0) == (stretched or (normalise, threshold) in AT_A_TENTH)
        moved = PARTS["r"].revision_under(protocol) == 2
        assert moved or not by_rounding


AT_A_TENTH = [("max", 0.3), ("max", 0.7)]


@examples(150)
@given(pairs(), protocols(*RELAX), st.integers(0, 255))
def test_outline(pair, protocol, cut):
    pred, _ = pair
    line = reference.boundary(pred >= cut, protocol.relax_element, protocol.relax_border)
    found = outline(pred, cut, protocol)
    reach = int(half_widths(protocol.rho, protocol.relax_distance)[0])
    np.testing.assert_array_equal(pixels(found.boundary, pred.shape, reach), line)
    assert found.n == line.sum()
    np.testing.assert_array_equal(
        pixels(found.near, pred.shape, reach), reference.within(line, protocol.rho, protocol.relax_distance)
    )


@examples(60)
@given(st.lists(pairs(), min_size=1, max_size=4), protocols(*levels_of, "e_compare", "normalise_mae"))
def test_many_images_at_once_are_the_images_one_by_one(several, protocol):
    single = [level_counts(pred, gt) for pred, gt in several]
    stacked = type(single[0])(*(np.stack(parts) for parts in zip(*single, strict=True)))
    for function in (pr_from_levels, e_from_levels, adaptive_f_from_levels, adaptive_e_from_levels):
        expected = [function(counts, protocol) for counts in single]
        if isinstance(expected[0], tuple):
            expected = list(zip(*expected, strict=True))
        np.testing.assert_array_equal(function(stacked, protocol), expected)


def test_levels_are_counted_wherever_eight_alike_begin():
    """Runs of equal levels and of object pixels, of every length and at every place of a word."""
    rng = np.random.default_rng(8)
    for _ in range(300 if JIT else 30):
        shape = rng.integers(1, 60, 2)
        size = shape[0] * shape[1]
        lengths = rng.integers(1, 30, size)
        pred = np.repeat(rng.integers(0, 256, size, np.uint8), lengths)[:size].reshape(shape)
        gt = np.repeat(rng.random(size) < 0.5, lengths[::-1])[:size].reshape(shape)
        row, col = rng.integers(0, shape + 1)
        found = quadrant_counts(pred, gt, row, col)
        parts = [np.s_[:row, :col], np.s_[:row, col:], np.s_[row:, :col], np.s_[row:, col:]]
        for counted, part in zip(found, parts, strict=True):
            for inside, levels in enumerate(counted):
                chosen = pred[part][gt[part] == inside]
                np.testing.assert_array_equal(levels, np.bincount(chosen, minlength=256))


# ---------------------------------------------------------------------------------- weighted F's mask


def check_weighted_mask(gt):
    """Rim, nearest object pixels and weights against scipy's distance transform."""
    mask = weighted_mask(gt)
    distance, rows, cols = reference.nearest_object(gt)
    row, col = np.indices(gt.shape)
    squared = (row - rows) ** 2 + (col - cols) ** 2
    (rim,) = np.nonzero((~gt & (squared <= 18)).ravel())
    order = np.argsort(mask.away.rim)
    np.testing.assert_array_equal(mask.away.rim[order], rim)
    np.testing.assert_array_equal(mask.away.source[order], (rows * gt.shape[1] + cols).ravel()[rim])
    close(importance(mask, gt), np.where(gt, 0.0, 2 - np.exp(np.log(0.5) / 5 * distance)), 1e-15)
    assert mask.n == gt.sum()
    rows, cols = np.nonzero(gt)
    assert mask.box == (rows.min(), rows.max() + 1, cols.min(), cols.max() + 1)


def test_weighted_mask_of_random_masks():
    rng = np.random.default_rng(20200519)
    for _ in range(2000 if JIT else 200):
        gt = rng.random(rng.integers(1, 41, 2)) < rng.choice([0.01, 0.03, 0.1, 0.3, 0.6, 0.9])
        if gt.any():
            check_weighted_mask(gt)


def test_weighted_mask_of_masks_full_of_ties():
    rng = np.random.default_rng(365)
    for _ in range(1500 if JIT else 100):
        kind = rng.choice(["stripes", "checkerboard", "corner", "box", "blob"])
        gt = make_mask(kind, rng.integers(1, 41, 2), rng)
        gt = gt & (rng.random(gt.shape) < rng.choice([0.3, 1.0]))
        if gt.any():
            check_weighted_mask(gt)


def test_weighted_mask_of_lattices():
    """Pixels in the middle between two, three or four object pixels."""
    for step in range(2, 12):
        for shift in range(step):
            row, col = np.indices((30, 31))
            check_weighted_mask((row % step == 0) & ((col + shift) % step == 0))
            check_weighted_mask((row + shift * col) % step == 0)


def test_weighted_mask_of_a_wide_image():
    rng = np.random.default_rng(7)
    check_weighted_mask(make_mask("blob", (300, 700), rng))


@pytest.mark.parametrize("density", [0.0005, 0.01, 0.2])
def test_weighted_mask_of_specks(density):
    """Columns whose rivals are farther than those that are held against each other at once."""
    rng = np.random.default_rng(31)
    for shape in ((70, 230), (230, 70), (1, 333), (333, 1)):
        gt = rng.random(shape) < density
        gt[rng.integers(shape[0]), rng.integers(shape[1])] = True
        check_weighted_mask(gt)


@pytest.mark.parametrize("shape", [(340, 21), (21, 340), (1, 600), (600, 1)])
def test_weighted_mask_far_from_its_object(shape):
    """Beyond the table of squared distances B is 2."""
    gt = np.zeros(shape, bool)
    gt[-1, -1] = True
    check_weighted_mask(gt)
    assert importance(weighted_mask(gt), gt)[0, 0] == 2


def test_weighted_mask_of_an_empty_mask():
    assert weighted_mask(np.zeros((3, 4), bool)) is None


# ----------------------------------------------------------------------------------------------- laws


@examples(100)
@given(shapes(), st.integers(0, 2**32 - 1), st.sampled_from(["blob", "box", "pixel", "stripes", "random"]))
def test_a_perfect_map(shape, seed, kind):
    gt = make_mask(kind, shape, np.random.default_rng(seed))
    assume(gt.any())
    for level in (255, 7):
        found = score_image(gt * np.uint8(level), gt)
        assert found["max_f"] == 1
        assert found["mae"] == 0
        if not on_edge(gt):
            close(found["s_measure"], perfect_s(gt))
            assert gt.mean() < 0.2 or abs(found["s_measure"] - 1) < 1e-12
        assert found["relax_f"] == 1
        close(found["weighted_f"], 1)
        if gt.size > 1:
            close(found["max_e"], gt.size / (gt.size - 1), 1e-9)


def perfect_s(gt):
    """S of a perfect map: 1 less what eps takes from the SSIM of each quadrant."""
    lost = 0.0
    row, col = centroid(gt, "half-up")
    for side in (gt[:row, :col], gt[:row, col:], gt[row:, :col], gt[row:, col:]):
        if side.any() and not side.all() and not gt.all():
            lost += side.size / (1 + 4 * side.mean() ** 2 * side.var(ddof=1) * 2**52)
    return 1 - lost / gt.size / 2


@pytest.mark.parametrize(("side", "expected"), [(45, 1 - 7.52e-10), (900, 0.961094)])
def test_s_of_a_perfect_map_with_a_stray_pixel(side, expected):
    """What the original's eps costs is said in the module's docstring."""
    gt = np.zeros((side, side), bool)
    gt[: side // 4, -(side // 4) :] = gt[-(side // 4) :, : side // 4] = True
    gt[-1, -1] = True  # alone in its quadrant
    found = s_measure(gt * np.uint8(255), gt)
    close(found, perfect_s(gt))
    assert found < 1
    close(found, expected, 2e-3 * (1 - expected))


@examples(150)
@given(
    pairs(),
    protocols("s_alpha", "e_compare", *RELAX),
    st.integers(1, 254),
    st.sampled_from(["256", "256above", "21"]),
)
def test_a_constant_added_under_minmax(pair, protocol, constant, thresholds):
    """Exact where counts are compared in integers, else up to rounding of p."""
    pred, gt = pair
    pred = pred % np.uint8(255 - constant)
    constant += 1
    assume(np.ptp(pred) > 0)
    exact = protocol.change(normalise="minmax", normalise_mae="same", thresholds=thresholds, eps=0)
    found, expected = (score_image(p, gt, protocol=exact) for p in (pred + np.uint8(constant), pred))
    for name, value in found.items():
        if family_of(name) in ("f", "e", "r"):
            np.testing.assert_equal(value, expected[name], name)
        else:
            close(value, expected[name])
    floats = protocol.change(normalise="minmax")
    shifted, straight = (relax_f(p, gt, protocol=floats) for p in (pred + np.uint8(constant), pred))
    assert shifted == straight


def on_edge(gt):
    row, col = centroid(gt, "half-up")
    return not gt.all() and (row == gt.shape[0] or col == gt.shape[1])


@examples(70)
@given(pairs(), protocols(*levels_of, *RELAX, "e_compare", "beta2"))
def test_turning_map_and_mask_together(pair, protocol):
    """Exact for what counts pixels; S and weighted F prefer a corner at ties."""
    for turn in (np.transpose, np.fliplr, np.flipud):
        pred, gt = (np.ascontiguousarray(turn(array)) for array in pair)
        for metric in ("mae", "max_f", "mean_f", "adp_f", "max_e", "mean_e", "adp_e", "relax_f"):
            function = METRICS[metric].function
            turned, straight = function(pred, gt, protocol=protocol), function(*pair, protocol=protocol)
            np.testing.assert_equal(turned, straight, metric)
        for ours, theirs in zip(
            precision_recall(pred, gt, protocol=protocol),
            precision_recall(*pair, protocol=protocol),
            strict=True,
        ):
            np.testing.assert_array_equal(ours, theirs)


@examples(150)
@given(pairs(), protocols("s_alpha"))
def test_transposing_leaves_s(pair, protocol):
    pred, gt = (np.ascontiguousarray(array.T) for array in pair)
    close(s_measure(pred, gt, protocol=protocol), s_measure(*pair, protocol=protocol))


@examples(100)
@given(pairs())
def test_twice_as_bright_is_the_same_under_max(pair):
    pred, gt = pair
    pred = np.minimum(pred, 127)
    assume(pred.any())
    found, expected = score_image(pred * np.uint8(2), gt), score_image(pred, gt)
    close(found.pop("mae"), expected.pop("mae"))  # a pairwise sum over levels, which are others
    np.testing.assert_equal(found, expected)


@examples(100)
@given(pairs(), protocols(*(set(CHOICES) - {"beta2", "wf_beta2", "eps"})))
def test_bounds_and_order(pair, protocol):
    pred, gt = pair
    found = score_image(pred, gt, protocol=protocol)
    if protocol.degenerate == "skip" and not (pred.any() and gt.any()):
        assert np.isnan([*found.values()]).all()
        return
    for name, value in found.items():
        if np.isnan(value):
            assert gt.size == 1 if family_of(name) == "e" else name == "weighted_f" and not gt.any()
        elif family_of(name) != "e":
            least = -1 if name == "s_measure" and protocol.s_below_zero == "kept" else 0
            assert least - 1e-15 <= value <= 1 + 1e-12, name
        else:
            assert 0 <= value <= gt.size / (gt.size - 1) + 1e-12
    for curve in "fe":
        assert not found[f"mean_{curve}"] > found[f"max_{curve}"] * (1 + 1e-12)
    precision, recall = precision_recall(pred, gt, protocol=protocol)
    assert (np.diff(recall) <= 0).all()
    assert precision.min() >= 0
    assert max(precision.max(), recall.max()) <= 1


@examples(100)
@given(pairs(), protocols(*CHOICES))
def test_score_image_is_the_single_metrics(pair, protocol):
    pred, gt = pair
    found = score_image(pred, gt, protocol=protocol)
    assert list(found) == list(DEFAULT_METRICS)
    counts = protocol.degenerate == "kept" or (pred.any() and gt.any())
    for name in DEFAULT_METRICS:
        alone = METRICS[name].function(pred, gt, protocol=protocol)
        left_out = 0.0 if protocol.degenerate == "zero" else np.nan
        np.testing.assert_equal(found[name], alone if counts else left_out, name)


def test_score_image_of_some_metrics():
    gt = np.eye(4, dtype=bool)
    pred = gt * np.uint8(9)
    assert list(score_image(pred, gt, metrics=["adp_e", "s_measure"])) == ["s_measure", "adp_e"]
    with pytest.raises(ScoresError, match="unknown metric 'max_ff'; did you mean max_f"):
        score_image(pred, gt, metrics=["max_ff"])
    with pytest.raises(ScoresError, match="no metric asked for"):
        score_image(pred, gt, metrics=[])


@examples(60)
@given(pairs(), st.sampled_from([*PRESETS]))
def test_score_image_binarises_levels(pair, preset):
    pred, gt = pair
    assume(gt.any())
    mask = np.where(gt, np.uint8(200), np.uint8(20))
    protocol = Protocol.of(preset).change(mask_mae="binary")
    inside = binarise(mask, protocol.mask_threshold, protocol.eps)
    np.testing.assert_equal(
        score_image(pred, mask, protocol=protocol), score_image(pred, inside, protocol=protocol)
    )


# --------------------------------------------------------------------------------------- arrays' layout


def spread_out(array):
    """Return the same array, not contiguous."""
    wide = np.zeros((array.shape[0] * 2, array.shape[1] * 3), array.dtype)
    wide[::2, ::3] = array
    return wide[::2, ::3]


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


LAYOUTS = {
    "fortran": np.asfortranarray,
    "read-only": read_only,
    "spread out": spread_out,
    "reversed": lambda array: array[::-1, ::-1].copy()[::-1, ::-1],
    "row slice": lambda array: np.pad(array, 1)[1:-1, 1:-1],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("metric", [*METRICS, "score_image"])
def test_layouts_of_arrays(metric, layout):
    rng = np.random.default_rng(1)
    gt = make_mask("blob", (13, 17), rng)
    pred = rng.integers(0, 256, gt.shape, dtype=np.uint8)
    function = score_image if metric == "score_image" else METRICS[metric].function
    assert function(LAYOUTS[layout](pred), LAYOUTS[layout](gt)) == function(pred, gt)


# ------------------------------------------------------------------------------------------- bad arrays

GOOD_PRED, GOOD_GT = np.zeros((3, 4), np.uint8), np.zeros((3, 4), bool)

BAD_PAIRS = {
    "float map": (GOOD_PRED / 255, GOOD_GT, "pred must be a 2-D uint8 array .*found 2-D float64"),
    "signed map": (GOOD_PRED.astype(np.int8), GOOD_GT, "pred must be .*found 2-D int8"),
    "bool map": (GOOD_GT, GOOD_GT, "pred must be .*found 2-D bool"),
    "coloured map": (np.zeros((3, 4, 3), np.uint8), GOOD_GT, "pred must be .*found 3-D uint8"),
    "flat map": (np.zeros(12, np.uint8), GOOD_GT, "pred must be .*found 1-D uint8"),
    "list": ([[0]], GOOD_GT, "pred must be .*found list"),
    "int mask": (
        GOOD_PRED,
        GOOD_GT.astype(int),
        "gt must be a 2-D bool or uint8 array .convert it: gt > 0.*found 2-D int64",
    ),
    "float mask": (
        GOOD_PRED,
        GOOD_GT / 1.0,
        "gt must be a 2-D bool or uint8 array .convert it: .*found 2-D float64",
    ),
    "flat mask": (GOOD_PRED, GOOD_GT.ravel(), "gt must be .*found 1-D bool"),
    "transposed": (
        GOOD_PRED.T.copy(),
        GOOD_GT,
        r"pred is \(4, 3\) and gt \(3, 4\); their shapes must be equal",
    ),
    "empty": (GOOD_PRED[:0], GOOD_GT[:0], r"pred and gt are empty, shape \(0, 4\)"),
}


@pytest.mark.parametrize("bad", BAD_PAIRS)
@pytest.mark.parametrize("metric", [*METRICS, "score_image", "level_counts", "precision_recall"])
def test_bad_arrays(metric, bad):
    others = {"score_image": score_image, "level_counts": level_counts, "precision_recall": precision_recall}
    function = METRICS[metric].function if metric in METRICS else others[metric]
    pred, gt, message = BAD_PAIRS[bad]
    with pytest.raises(PredictionError, match=message):
        function(pred, gt)


MASK = np.zeros((6, 7), bool)
MASK[1:4, 2:6] = True
MAP = (np.roll(MASK, 1, axis=1) * 130 + np.arange(42).reshape(6, 7)).astype(np.uint8)


@pytest.mark.parametrize("metric", [*METRICS, "score_image"])
def test_masks_of_arrays_are_read_as_those_of_files(metric):
    def value(gt):
        if metric == "score_image":
            return score_image(MAP, gt)
        return METRICS[metric].function(MAP, gt)

    assert value(MASK * np.uint8(255)) == value(MASK)
    with pytest.warns(UserWarning, match="^gt: mask with maximum 1, read as 0 and 255$"):
        assert value(MASK * np.uint8(1)) == value(MASK)
    with pytest.raises(SodbenchError, match=r"^gt.*levels 0, 100.*> ?50"):
        value(MASK * np.uint8(100))


@pytest.mark.parametrize("metric", [name for name in PIXEL_METRICS if name in DEFAULT_METRICS])
def test_large_images(metric):
    """More pixels than the other tests have; only S, weighted F and relaxed F see them."""
    rng = np.random.default_rng(3)
    shape = (200, 333) if JIT else (50, 60)
    gt = make_mask("blob", shape, rng)
    pred = np.clip(ndimage.gaussian_filter(gt * 255.0, 4) + rng.normal(0, 20, shape), 0, 255).astype(np.uint8)
    p = reference.normalised(pred, "max")
    expected = {
        "s_measure": lambda: reference.s_measure(p, gt),
        "weighted_f": lambda: reference.weighted_f(p, gt),
        "relax_f": lambda: reference.f_measure(*reference.relaxed_precision_recall(p > 0.5, gt), 0.3),
    }[metric]()
    close(METRICS[metric].function(pred, gt), expected)
