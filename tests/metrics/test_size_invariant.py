"""Size-invariant metrics against slow oracles and ``pysodmetrics``, on pairs with several objects."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import MAPS, MASKS, binarised, examples, make_map, make_mask, normalised, pairs
from reference_regions import si_f_curves, si_metric_stack, target_boxes
from reference_regions import si_mae as slow_si_mae
from scipy import ndimage

from sodbench.metrics import mae, max_f, mean_f, si_f, si_mae, si_mean_f
from sodbench.metrics.runs import object_runs
from sodbench.metrics.size_invariant import components, targets
from sodbench.protocol import PRESETS, Protocol
from sodbench.scoring.pairs import score_image

PYSOD = Protocol.of("pysodmetrics")
SI_METRIC = Protocol(si_convention="si_metric")

protocols = st.builds(
    lambda preset, thresholds, normalise, beta2: PRESETS[preset].change(
        thresholds=thresholds, normalise=normalise, beta2=beta2
    ),
    st.sampled_from(tuple(PRESETS)),
    st.sampled_from(("256", "256float", "256floor", "255bins", "256above", "21")),
    st.sampled_from(("max", "minmax", "mat2gray", "none")),
    st.sampled_from((0.3, 1.0)),
)


@st.composite
def several_objects(draw):
    """Pairs with objects of more and of less than 50 pixels; boxes may overlap."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    gt = np.zeros((draw(st.integers(12, 30)), draw(st.integers(12, 30))), bool)
    for _ in range(draw(st.integers(1, 4))):
        top, left = (rng.integers(0, side - 3) for side in gt.shape)
        height, width = rng.integers(1, 12, 2)
        gt[top : top + height, left : left + width] = True
        if rng.random() < 0.3:
            gt[top + 1 : top + height - 1, left + 1 : left + width - 1] = False
    return make_map(draw(st.sampled_from(MAPS)), gt, rng), gt


@examples(100)
@given(pairs())
def test_components(pair):
    gt = pair[1]
    labelled, n = ndimage.label(gt)
    areas, boxes = components(gt)
    assert areas.tolist() == np.bincount(labelled.ravel(), minlength=n + 1)[1:].tolist()
    places = [(rows.start, rows.stop, cols.start, cols.stop) for rows, cols in ndimage.find_objects(labelled)]
    assert boxes.tolist() == [list(place) for place in places]


def test_components_that_join_late():
    """Runs that meet from both sides further down, on the left and on the right of the first one."""
    drawn = ["#.#.#.#", "#.#.###", "###...#", "..#####", "#......"]
    gt = np.array([[dot == "#" for dot in line] for line in drawn])
    areas, boxes = components(gt)
    assert areas.tolist() == [18, 1]
    assert boxes.tolist() == [[0, 4, 0, 7], [4, 5, 0, 1]]


@examples(60)
@given(pairs())
def test_runs(pair):
    gt = pair[1]
    again = np.zeros_like(gt)
    for row, first, end in object_runs(gt).tolist():
        assert first < end
        assert not gt[row, first - 1 : first].any() or first == 0
        assert not gt[row, end : end + 1].any()
        again[row, first:end] = True
    np.testing.assert_array_equal(again, gt)


@examples(120)
@given(st.one_of(pairs(), several_objects()), protocols)
def test_f_and_mae(pair, protocol):
    pred, gt = pair
    boxes = target_boxes(gt)
    p = normalised(pred, protocol.normalise, eps=protocol.eps, matlab=protocol.reciprocal)
    stack = binarised(pred, p, protocol.normalise, protocol.thresholds, ">=")
    at_zero = np.arange(len(stack)) == (0 if protocol.thresholds != "256above" else -1)
    curves = si_f_curves(stack, at_zero, gt, boxes, protocol.beta2, eps=protocol.eps)
    assert si_f(pred, gt, protocol=protocol) == pytest.approx(curves.max(axis=1).mean(), abs=1e-12)
    assert si_mean_f(pred, gt, protocol=protocol) == pytest.approx(curves.mean(), abs=1e-12)
    assert si_mae(pred, gt, protocol=protocol) == pytest.approx(slow_si_mae(p, gt, boxes), abs=1e-12)


@examples(120)
@given(st.one_of(pairs(), several_objects()), st.sampled_from(tuple(PRESETS)))
def test_si_metric(pair, preset):
    """Its normalisation and thresholds are its own, whatever the protocol's."""
    pred, gt = pair
    protocol = PRESETS[preset].change(si_convention="si_metric")
    boxes = target_boxes(gt, first_only=True)
    curves = si_f_curves(*si_metric_stack(pred), gt, boxes, 0.3, added=1)
    assert si_f(pred, gt, protocol=protocol) == pytest.approx(curves.max(axis=1).mean(), abs=1e-12)
    assert si_mean_f(pred, gt, protocol=protocol) == pytest.approx(curves.mean(), abs=1e-12)
    expected = slow_si_mae(pred / 255, gt, boxes, own_convention=True)
    assert si_mae(pred, gt, protocol=protocol) == pytest.approx(expected, abs=1e-12)


@examples(60)
@given(st.one_of(pairs(), several_objects()))
def test_pysodmetrics(pair):
    """Left out: full masks and 64 targets or more, where it fails; SI-MAE where boxes cover the image."""
    sod = pytest.importorskip("py_sod_metrics")
    pred, gt = pair
    mask = targets(gt, PYSOD)
    assume(not gt.all() and len(mask.boxes) < 54)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        handler = sod.FmeasureHandler(with_dynamic=True, with_adaptive=False, beta=0.3)
        f = sod.SizeInvarianceFmeasureV2(metric_handlers={"f": handler})
        f.step(pred, gt * np.uint8(255))
        (curves,) = f.get_results()["f"]["dynamic"]
        error = sod.SizeInvarianceMAE()
        error.step(pred, gt * np.uint8(255))
    curves = np.atleast_2d(curves)
    assert si_f(pred, gt, protocol=PYSOD) == pytest.approx(curves.max(axis=1).mean(), abs=1e-12)
    assert si_mean_f(pred, gt, protocol=PYSOD) == pytest.approx(curves.mean(), abs=1e-12)
    if not mask.covered.all() or not gt.any():
        assert si_mae(pred, gt, protocol=PYSOD) == pytest.approx(error.get_results()["si_mae"], abs=1e-12)


# ------------------------------------------------------------------------------------------- laws, degenerate


def scored(pred, gt, protocol="u2net"):
    return [metric(pred, gt, protocol=protocol) for metric in (si_f, si_mean_f, si_mae)]


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (20, 30)])
@pytest.mark.parametrize("gt", [False, True], ids=["empty", "full"])
@pytest.mark.parametrize("protocol", [Protocol(), PYSOD], ids=["u2net", "pysodmetrics"])
def test_empty_and_full_masks_are_one_target(shape, gt, protocol):
    """The metrics are those without boxes."""
    gt = np.full(shape, gt)
    pred = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    expected = [metric(pred, gt, protocol=protocol) for metric in (max_f, mean_f, mae)]
    assert scored(pred, gt, protocol) == pytest.approx(expected, abs=1e-12)
    assert scored(pred, gt, SI_METRIC)[2] == pytest.approx(np.abs(pred / 255 - gt).mean(), abs=1e-12)


def test_flat_maps():
    """As an all-zero map, whatever their level, except under SI_Metric, which takes them for 1."""
    gt = np.zeros((20, 20), bool)
    gt[2:10, 2:10] = True
    for level in (0, 128, 255):
        assert si_f(np.full(gt.shape, level, np.uint8), gt, protocol=SI_METRIC) == pytest.approx(
            1.3 * (64 / 65) ** 2 / (0.3 * 64 / 65 + 64 / 65), abs=1e-12
        )
    zero = np.zeros(gt.shape, np.uint8)
    assert si_mae(zero, gt) == pytest.approx(1 / (1 + 336 / 64), abs=1e-12)
    assert si_mae(zero, gt, protocol=SI_METRIC) == pytest.approx(1 / (2 + 336 / 64), abs=1e-12)
    assert si_f(zero, gt) == pytest.approx(1.3 * 0.16 / (0.3 * 0.16 + 1), abs=1e-12)


def test_more_targets_than_bits():
    """100 objects of 50 pixels, half of them missed."""
    gt = np.zeros((120, 120), bool)
    for k in range(100):
        row, col = 12 * (k // 10), 12 * (k % 10)
        gt[row : row + 5, col : col + 10] = True
    pred = gt * np.uint8(255)
    pred[60:] = 0
    assert len(targets(gt, Protocol()).boxes) == 100
    share = 50 / gt.size  # precision where everything is predicted
    assert si_f(pred, gt) == pytest.approx(0.5 + 0.5 * 1.3 * share / (0.3 * share + 1), abs=1e-12)
    assert si_mae(pred, gt) == pytest.approx(50 / (100 + 9400 / 5000), abs=1e-12)


def test_many_targets_of_one_pixel():
    """More than are counted at a time; SI_Metric takes the first only, whose F has 1 added to 1 pixel."""
    gt = np.zeros((40, 60), bool)
    gt[:20:2, ::2] = True
    pred = gt * np.uint8(255)
    assert len(targets(gt, Protocol()).boxes) == 300
    assert scored(pred, gt)[::2] == [1, 0]
    assert targets(gt, SI_METRIC).boxes.tolist() == [[0, 1, 0, 1]]
    assert scored(pred, gt, SI_METRIC)[::2] == [pytest.approx(0.5, abs=1e-12), 0]
    missed = pred.copy()
    missed[0] = 0
    assert si_mae(missed, gt) == pytest.approx(30 / (300 + 2100 / 300), abs=1e-12)
    assert si_mae(missed, gt, protocol=SI_METRIC) == pytest.approx((1 + 29) / (2 + 2399), abs=1e-12)


@examples(60)
@given(several_objects(), st.sampled_from((Protocol(), PYSOD, SI_METRIC)))
def test_turning_map_and_mask_together(pair, protocol):
    """Except under SI_Metric where no object has 50 pixels: which one is first changes."""
    pred, gt = pair
    areas, _ = components(gt)
    assume(protocol is not SI_METRIC or areas.max(initial=0) >= 50 or len(areas) < 2)
    expected = scored(pred, gt, protocol)
    for change in (np.transpose, np.rot90, np.fliplr):
        turned = [np.ascontiguousarray(change(image)) for image in (pred, gt)]
        assert scored(*turned, protocol) == pytest.approx(expected, abs=1e-12)


@examples(60)
@given(several_objects(), st.sampled_from((Protocol(), PYSOD, SI_METRIC)))
def test_bounds(pair, protocol):
    best, average, error = scored(*pair, protocol)
    assert 0 <= average <= best + 1e-12 <= 1 + 2e-12
    assert 0 <= error <= 1 + 1e-12
    perfect = scored(pair[1] * np.uint8(255), pair[1], protocol)
    if pair[1].any() and protocol is not SI_METRIC:
        assert perfect[0] == pytest.approx(1, abs=1e-12)
        assert perfect[2] == 0


def test_a_small_object_counts_as_much_as_a_large_one():
    gt = np.zeros((60, 60), bool)
    gt[2:10, 2:10] = gt[20:50, 20:50] = True
    without_small, without_large = gt * np.uint8(255), gt * np.uint8(255)
    without_small[:15], without_large[15:] = 0, 0
    small, large = (si_mae(pred, gt) for pred in (without_small, without_large))
    assert small == pytest.approx(large, abs=1e-12)
    assert mae(without_small, gt) < mae(without_large, gt) / 10


def test_score_image():
    rng = np.random.default_rng(5)
    gt = make_mask("blob", (40, 50), rng)
    pred = make_map("noisy", gt, rng)
    for protocol in (Protocol(), PYSOD, SI_METRIC):
        found = score_image(pred, gt, protocol=protocol, metrics=["si_f", "si_mean_f", "si_mae"])
        assert list(found.values()) == scored(pred, gt, protocol)


def test_kinds_of_masks():
    """Every kind that has degenerate cases gives three finite numbers."""
    rng = np.random.default_rng(8)
    for kind in MASKS:
        gt = make_mask(kind, (30, 20), rng)
        assert np.isfinite(scored(make_map("noisy", gt, rng), gt)).all()


def test_the_smallest_target():
    """Beside a large object, a component of 50 pixels is a target of its own and one of 49 is none."""
    gt = np.zeros((20, 40), bool)
    gt[2:7, 2:22] = True
    pred = gt * np.uint8(255)
    gt[12:19, 30:37] = True
    assert gt[10:].sum() == 49
    assert si_f(pred, gt) == 1
    gt[11, 30] = True
    assert si_f(pred, gt) < 0.8
