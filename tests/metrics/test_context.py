"""The context measure against a slow oracle and ``pysodmetrics``; objects of one pixel and on a line."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import JIT, examples, make_map, make_mask, normalised, pairs
from reference_regions import context as slow_context
from reference_regions import context_kernel as slow_kernel
from reference_regions import on_a_line, smoothed

from sodbench.metrics import context_measure
from sodbench.metrics.context import context_halves, surroundings
from sodbench.metrics.context import context_kernel as kernel_of_runs
from sodbench.metrics.runs import object_runs
from sodbench.protocol import Protocol
from sodbench.scoring.pairs import score_image

MINMAX = Protocol(context_normalise="minmax")
RAW = np.arange(256) / 255


def context_kernel(gt):
    return kernel_of_runs(object_runs(gt))


def rounding_decides(gt):
    """Tell whether a half width lies at a half, where the last bit of the covariance decides."""
    points = np.argwhere(gt)
    if len(points) < 2:
        return False
    variances = points.var(axis=0)
    widths = 18 * np.sqrt(variances / variances.sum())
    return bool((np.abs(widths % 1 - 0.5) < 1e-9).any())


@examples(80)
@given(pairs())
def test_kernel(pair):
    gt = pair[1]
    assume(not rounding_decides(gt))
    weights = context_kernel(gt)
    np.testing.assert_allclose(weights, slow_kernel(gt), rtol=0, atol=1e-12)
    np.testing.assert_allclose(weights, weights[::-1, ::-1], rtol=0, atol=1e-15)
    assert weights.sum() == pytest.approx(1, abs=1e-12)


@examples(80)
@given(pairs())
def test_smoothed_mask(pair):
    gt = pair[1]
    near = surroundings(gt).near
    np.testing.assert_allclose(near, smoothed(gt, context_kernel(gt)), rtol=0, atol=1e-12)


@examples(100)
@given(pairs(), st.sampled_from(("none", "minmax")), st.sampled_from((0.0, 1.0, 1.2)))
def test_context_measure(pair, normalise, beta2):
    pred, gt = pair
    assume(not rounding_decides(gt))
    protocol = Protocol(context_normalise=normalise, context_beta2=beta2)
    expected = slow_context(normalised(pred, normalise), gt, beta2=beta2)
    assert context_measure(pred, gt, protocol=protocol) == pytest.approx(expected, abs=1e-12)


@examples(80)
@given(pairs())
def test_pysodmetrics(pair):
    """Left out: oblique lines, where it fails or divides by what rounding leaves; maps whose p adds up to
    less than 1, for which 1e-8 and its own eps differ by more.
    """
    sod = pytest.importorskip("py_sod_metrics")
    pred, gt = pair
    points = np.argwhere(gt)
    straight = len(points) < 2 or not points.var(axis=0).all() or not on_a_line(points)
    assume(straight and not rounding_decides(gt))
    assume(normalised(pred, "minmax").sum() >= 1 or not pred.any())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = sod.ContextMeasure()
        theirs.step(pred, gt * np.uint8(255))
    ours = context_measure(pred, gt, protocol="pysodmetrics")
    assert ours == pytest.approx(theirs.get_results()["cm"], abs=5e-8)


# --------------------------------------------------------------------------------------------- odd objects


@pytest.mark.parametrize(
    ("gt", "shape"),
    [
        (np.ones((1, 9), bool), (1, 37)),
        (np.ones((9, 1), bool), (37, 1)),
        (np.eye(9, dtype=bool), (27, 27)),
        (np.fliplr(np.eye(9, dtype=bool)), (27, 27)),
        (np.repeat(np.eye(5, dtype=bool), [1, 0, 1, 0, 1], axis=1), (33, 17)),
        (np.ones((1, 1), bool), (3, 3)),
        (np.zeros((4, 4), bool), (3, 3)),
    ],
    ids=["row", "column", "diagonal", "other diagonal", "steep line", "pixel", "empty"],
)
def test_kernels_of_thin_objects(gt, shape):
    weights = context_kernel(gt)
    assert weights.shape == shape
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    if min(shape) > 3:
        assert np.linalg.matrix_rank(np.argwhere(weights > 0) - np.array(shape) // 2) == 1


def test_a_line_is_the_limit_of_thin_objects():
    """A long diagonal one pixel wide, and the same with one pixel beside it."""
    line = np.eye(400, dtype=bool)
    almost = line.copy()
    almost[200, 201] = True
    np.testing.assert_allclose(context_kernel(line), context_kernel(almost), rtol=0, atol=1e-7)


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (6, 7)])
def test_empty_masks_and_zero_maps(shape):
    rng = np.random.default_rng(1)
    pred = rng.integers(1, 256, shape).astype(np.uint8)
    for protocol in (Protocol(), MINMAX):
        assert context_measure(pred, np.zeros(shape, bool), protocol=protocol) == 0
        for gt in (np.ones(shape, bool), np.zeros(shape, bool)):
            assert context_measure(np.zeros(shape, np.uint8), gt, protocol=protocol) == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (6, 7), (40, 50)])
def test_full_masks_and_white_maps(shape):
    assert context_measure(np.full(shape, 255, np.uint8), np.ones(shape, bool)) == pytest.approx(1, abs=3e-8)


def test_flat_maps_keep_their_level():
    gt = make_mask("box", (20, 30), np.random.default_rng(2))
    flat = np.full(gt.shape, 51, np.uint8)
    assert context_measure(flat, gt, protocol=MINMAX) == context_measure(flat, gt)
    assert context_halves(surroundings(gt), flat, RAW)[1] == pytest.approx(
        np.e / (np.e - 1) * (1 - np.exp(-0.2)), abs=1e-7
    )


# ---------------------------------------------------------------------------------------------------- laws


@examples(60)
@given(pairs())
def test_turning_map_and_mask_together(pair):
    pred, gt = pair
    assume(not rounding_decides(gt))
    expected = context_measure(pred, gt)
    for change in (np.transpose, np.rot90, np.fliplr):
        turned = [np.ascontiguousarray(change(image)) for image in (pred, gt)]
        assert context_measure(*turned) == pytest.approx(expected, abs=1e-11)


@examples(60)
@given(pairs())
def test_bounds_and_brightness(pair):
    """More light on the map never covers less of the object."""
    pred, gt = pair
    mask = surroundings(gt)
    forward, reverse = context_halves(mask, pred, RAW)
    assert -1e-12 <= forward <= 1 + 1e-12
    assert 0 <= reverse <= 1
    assert 0 <= context_measure(pred, gt) <= 1
    brighter = np.maximum(pred, 90)
    assert context_halves(mask, brighter, RAW)[1] >= reverse - 1e-12


@examples(40)
@given(pairs())
def test_minmax_is_raw_of_a_stretched_map(pair):
    pred, gt = pair[0].copy(), pair[1]
    assume(pred.size > 1)
    pred.flat[0], pred.flat[-1] = 0, 255
    assert context_measure(pred, gt, protocol=MINMAX) == context_measure(pred, gt)


def test_score_image():
    rng = np.random.default_rng(5)
    gt = make_mask("blob", (40, 50) if JIT else (16, 20), rng)
    pred = make_map("noisy", gt, rng)
    for protocol in (Protocol(), Protocol.of("fan"), MINMAX.change(context_beta2=1.2)):
        found = score_image(pred, gt, protocol=protocol, metrics=["context"])
        assert found == {"context": context_measure(pred, gt, protocol=protocol)}
    assert context_measure(pred, gt, protocol="fan") == context_measure(pred, gt)
