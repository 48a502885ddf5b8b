"""Mean boundary accuracy, boundary IoU and grey boundary IoU: oracles, laws, and the original programs."""

import numpy as np
import pytest
import reference
import reference_boundary as oracle
from golden_pairs import REAL, REFERENCE, TESTS, real_pairs, rows, synthetic_pairs
from hypothesis import given
from hypothesis import strategies as st
from reference import JIT, MASKS, examples, make_mask, pairs, shapes

from sodbench.metrics.biou import biou, eroded, margin_iou, margin_width, mask_iou, mask_margin
from sodbench.metrics.grey_biou import grey_biou_curve, max_grey_biou, mean_grey_biou
from sodbench.metrics.histogram import level_counts, n_thresholds
from sodbench.metrics.mba import ellipse, mask_rings, mba, outline_radii
from sodbench.protocol import Protocol
from sodbench.scoring.pipeline import score_folder
from sodbench.scoring.scorer import Scorer

BINARISED = (">128", ">=128", "minmax>.5")
FUNCTIONS = (mba, biou, max_grey_biou, mean_grey_biou)
METRICS = tuple(function.__name__ for function in FUNCTIONS)
PYSOD = Protocol.of("pysodmetrics")

compiled = pytest.mark.skipif(not JIT, reason="large images take long where kernels are not compiled")
needs_reference = pytest.mark.skipif(not REFERENCE.is_dir(), reason="SODBENCH_REFERENCE names no folder")
masks = st.builds(
    lambda kind, shape, seed: make_mask(kind, shape, np.random.default_rng(seed)),
    st.sampled_from(MASKS),
    shapes(),
    st.integers(0, 2**32 - 1),
)


def close(ours, theirs, tolerance=1e-12):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


def protocol_of(how):
    return Protocol(mba_binarise=how, biou_binarise=how)


# ------------------------------------------------------------------------------------------- oracles


@examples(80)
@given(masks, st.lists(st.integers(1, 9) | st.integers(10, 66), min_size=1, max_size=3))
def test_rings(gt, radii):
    rings = mask_rings(gt, radii)
    for radius, index in zip(radii, rings.radii, strict=True):
        places = rings.places[: rings.ends[index]]
        found = np.zeros(gt.shape, bool)
        found.flat[places] = True
        np.testing.assert_array_equal(found, oracle.region(gt, radius))
        assert len(places) == found.sum()
        np.testing.assert_array_equal(rings.inside[: len(places)], gt.flat[places])


def test_ellipse():
    for radius in range(1, 200):
        spans = oracle.element(radius)[radius:].sum(axis=1) // 2
        np.testing.assert_array_equal(ellipse(radius, radius + 3), [*spans, -1, -1])


def test_radii_and_widths_of_many_sizes():
    rng = np.random.default_rng(1)
    for height, width in [
        (1, 1),
        (1, 9000),
        (149, 151),
        (150, 151),
        *rng.integers(1, 6000, (300, 2)).tolist(),
    ]:
        assert outline_radii(height, width) == oracle.radii(height, width)
        assert margin_width(height, width) == oracle.margin_width(height, width)
    assert margin_width(75, 100) == margin_width(105, 140) - 2 == 2  # 2.5 and 3.5: half to even


@examples(150)
@given(pairs(), st.sampled_from(BINARISED))
def test_mba(pair, how):
    pred, gt = pair
    expected = oracle.mean_boundary_accuracy(oracle.binarised(pred, how), gt)
    close(mba(pred, gt, protocol=protocol_of(how)), expected)


@compiled
@pytest.mark.parametrize(
    ("shape", "kind"), [((400, 700), "blob"), ((701, 403), "box"), ((3, 1500), "random")]
)
def test_several_radii_at_once(shape, kind):
    rng = np.random.default_rng(2)
    gt = make_mask(kind, shape, rng)
    pred = rng.integers(0, 256, shape, dtype=np.uint8)
    close(mba(pred, gt), oracle.mean_boundary_accuracy(pred > 128, gt))
    close(biou(pred, gt), oracle.boundary_iou(pred >= 128, gt))


@examples(200)
@given(pairs(), st.integers(1, 5) | st.integers(6, 40))
def test_eroded(pair, distance):
    np.testing.assert_array_equal(eroded(pair[0], distance), oracle.eroded(pair[0], distance))


@examples(150)
@given(pairs(), st.sampled_from(BINARISED))
def test_biou(pair, how):
    pred, gt = pair
    b, protocol = oracle.binarised(pred, how), protocol_of(how)
    close(biou(pred, gt, protocol=protocol), oracle.boundary_iou(b, gt))
    least = min(oracle.boundary_iou(b, gt), oracle.iou(b, gt))
    close(biou(pred, gt, protocol=protocol.change(biou_value="min")), least)


@examples(60)
@given(pairs(), st.integers(1, 12))
def test_margins_of_any_width(pair, distance):
    pred, gt = pair
    mask = mask_margin(gt, distance)
    np.testing.assert_array_equal(mask.pixels, oracle.margin(gt, distance))
    for cut in (1, 128, 255):
        b = pred >= cut
        close(margin_iou(mask, pred, cut), oracle.iou(oracle.margin(b, distance), mask.pixels))


@examples(150)
@given(
    pairs(),
    st.sampled_from(("max", "minmax", "none")),
    st.sampled_from(("256", "256float", "256floor", "255bins", "21")),
)
def test_grey_biou(pair, normalise, thresholds):
    pred, gt = pair
    protocol = Protocol(normalise=normalise, thresholds=thresholds)
    p = reference.normalised(pred, normalise, matlab=(normalise, thresholds) == ("minmax", "256float"))
    q = reference.binarised(pred, p, normalise, thresholds, ">=").sum(axis=0) - 1
    expected = oracle.grey_boundary_iou(q, gt, n_thresholds(protocol))
    close(
        grey_biou_curve(mask_margin(gt, margin_width(*gt.shape)), pred, level_counts(pred, gt), protocol),
        expected,
    )
    close(max_grey_biou(pred, gt, protocol=protocol), expected.max())
    close(mean_grey_biou(pred, gt, protocol=protocol), expected.mean())


def test_grey_biou_where_a_level_passes_no_threshold():
    """Under p > k/255 a pixel of p = 0 passes none: it counts like one that passes the first."""
    gt = np.eye(6, dtype=bool)
    pred = gt * np.uint8(255)
    curve = grey_biou_curve(
        mask_margin(gt, margin_width(*gt.shape)),
        pred,
        level_counts(pred, gt),
        Protocol(thresholds="256above"),
    )
    assert curve[0] == 6 / 36
    assert (curve[1:255] == 1).all()
    assert curve[255] == 0


@examples(40)
@given(st.lists(pairs(), min_size=1, max_size=4), st.sampled_from(BINARISED))
def test_mask_iou_of_many_images_at_once(several, how):
    single = [level_counts(pred, gt) for pred, gt in several]
    stacked = type(single[0])(*(np.stack(parts) for parts in zip(*single, strict=True)))
    expected = [oracle.iou(oracle.binarised(pred, how), gt) for pred, gt in several]
    close(mask_iou(stacked, how), expected)


@compiled
def test_large_elements_against_opencv():
    cv2 = pytest.importorskip("cv2")
    rng = np.random.default_rng(4)
    shape = (2048, 2048)
    field = cv2.GaussianBlur(rng.standard_normal(shape), (0, 0), 40)
    gt = (field > np.quantile(field, 0.7)) ^ (rng.random(shape) < 1e-4)
    rings = mask_rings(gt, outline_radii(*shape))
    assert outline_radii(*shape) == [1, 3, 6, 8, 11]
    for radius, end in zip(outline_radii(*shape), rings.ends, strict=True):
        ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        expected = cv2.morphologyEx(gt.astype(np.uint8), cv2.MORPH_GRADIENT, ellipse)
        found = np.zeros(gt.size, np.uint8)
        found[rings.places[:end]] = 1
        np.testing.assert_array_equal(found.reshape(shape), expected)
    levels = rng.integers(0, 256, shape, dtype=np.uint8) | gt * np.uint8(200)
    framed = cv2.copyMakeBorder(levels, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    expected = cv2.erode(framed, np.ones((3, 3), np.uint8), iterations=58)[1:-1, 1:-1]
    assert margin_width(*shape) == 58
    np.testing.assert_array_equal(eroded(levels, 58), expected)


# ----------------------------------------------------------------------------------------------- laws


@examples(60)
@given(masks, st.sampled_from([129, 255]))
def test_a_perfect_map(gt, level):
    pred = gt * np.uint8(level)
    if gt.any():
        assert [biou(pred, gt), max_grey_biou(pred, gt)] == [1, 1]
    if gt.any() and not gt.all():
        assert mba(pred, gt) == 1


@examples(80)
@given(pairs(), st.sampled_from(BINARISED))
def test_turning_map_and_mask_together(pair, how):
    for turn in (np.transpose, np.fliplr, np.flipud):
        turned = [np.ascontiguousarray(turn(array)) for array in pair]
        for function in FUNCTIONS:
            np.testing.assert_equal(
                function(*turned, protocol=protocol_of(how)), function(*pair, protocol=protocol_of(how))
            )


@examples(80)
@given(pairs())
def test_bounds_and_symmetries(pair):
    pred, gt = pair
    found = {function: function(pred, gt) for function in FUNCTIONS}
    assert np.isnan(found[mba]) == (gt.all() or not gt.any())
    assert all(0 <= value <= 1 for value in found.values() if not np.isnan(value))
    assert found[mean_grey_biou] <= found[max_grey_biou] * (1 + 1e-12)
    assert biou(pred, gt, protocol=Protocol(biou_value="min")) <= found[biou]
    binary = (pred >= 128) * np.uint8(255)
    assert biou(gt * np.uint8(255), binary) == found[biou]  # of map and mask
    np.testing.assert_equal(mba(~binary, ~gt), mba(binary, gt))  # of object and background


def test_biou_counts_only_margins():
    """A hole in the middle has a margin of its own; what lies deeper than d does not count."""
    gt = np.zeros((100, 100), bool)  # d = 3
    gt[20:80, 20:80] = True
    pred = gt * np.uint8(255)
    pred[49:51, 49:51] = 0
    ring = 60**2 - 54**2
    close(biou(pred, gt), ring / (ring + 8**2 - 2**2))
    assert mba(pred, gt) == 1


# ---------------------------------------------------------------------------------- degenerate inputs


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2), (1, 400), (30, 40)])
def test_empty_and_full_masks(shape):
    empty, full = np.zeros(shape, bool), np.ones(shape, bool)
    zero, bright = np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)
    for pred in (zero, bright):
        assert np.isnan(mba(pred, empty))
        assert np.isnan(mba(pred, full))
        for function in (biou, max_grey_biou, mean_grey_biou):
            assert function(pred, empty) == 0
    assert biou(zero, full) == 0
    assert biou(bright, full) == 1  # the image's border is a boundary here
    assert max_grey_biou(bright, full) == 1
    for value in ("boundary", "min"):
        assert biou(zero, empty, protocol=Protocol(biou_value=value)) == 0


def test_flat_maps_are_not_normalised():
    gt = np.eye(4, dtype=bool)
    for level in (0, 127, 128, 129, 255):
        pred = np.full(gt.shape, level, np.uint8)
        close(biou(pred, gt, protocol=protocol_of("minmax>.5")), 2 / 14 if level > 127 else 0)
        share = oracle.mean_boundary_accuracy(np.full(gt.shape, level > 127), gt)
        close(mba(pred, gt, protocol=protocol_of("minmax>.5")), share)


def test_images_without_a_value_are_left_out_and_counted():
    gt = np.zeros((20, 30), bool)
    gt[5:15, 8:20] = True
    pred = np.roll(gt, 2, axis=1) * np.uint8(255)
    scorer = Scorer(metrics=METRICS)
    for name, mask in (("a", gt), ("b", np.zeros_like(gt)), ("c", np.ones_like(gt)), ("d", gt)):
        scorer.update(pred, mask, id=name)
    scores = scorer.compute()
    assert scores.undefined() == {"mba": 2}
    close(scores.summary()["mba"], mba(pred, gt))
    close(scores.summary()["biou"], np.mean([biou(pred, m) for m in (gt, ~gt | gt, gt & ~gt, gt)]))


# ---------------------------------------------------------------------------------- original programs


COLUMNS = {
    "cascadepsp_mba_gt128": (mba, Protocol()),
    "birefnet_mba": (mba, Protocol()),
    "inspyrenet_mba": (mba, Protocol()),
    "cascadepsp_mba_minmax_gt_half": (mba, protocol_of("minmax>.5")),
    "boundaryiou_ge128": (biou, Protocol()),
    "boundaryiou_min_ge128": (biou, Protocol(biou_value="min")),
    "boundaryiou_minmax_gt_half": (biou, protocol_of("minmax>.5")),
    "boundaryiou_min_minmax_gt_half": (biou, protocol_of("minmax>.5").change(biou_value="min")),
    "birefnet_biou_max": (max_grey_biou, PYSOD),
    "birefnet_biou_mean": (mean_grey_biou, PYSOD),
    "inspyrenet_biou_max": (max_grey_biou, PYSOD),
    "inspyrenet_biou_mean": (mean_grey_biou, PYSOD),
}


def check_pairs(found):
    """Compare all columns.

    Left out are cells of min-max > .5 where a level is just half of the range, and the programs' floating
    point makes it more (`flag_bin_fragile`). mBA is undefined where the programs return NaN.
    """
    cells = {}
    for pair in found:
        for column, (function, protocol) in COLUMNS.items():
            if "minmax" in column and pair.flagged("flag_bin_fragile"):
                continue
            expected = pair.value(column)
            assert expected is not None or column.partition("_")[2].startswith("mba")
            ours = function(pair.pred, pair.gt, protocol=protocol)
            close(ours, np.nan if expected is None else expected)
            cells[column] = cells.get(column, 0) + 1
        counts, margin = level_counts(pair.pred, pair.gt), mask_margin(pair.gt, margin_width(*pair.gt.shape))
        close(mask_iou(counts, ">=128"), pair.value("boundaryiou_maskiou_ge128"))
        if not pair.flagged("flag_bin_fragile"):
            close(mask_iou(counts, "minmax>.5"), pair.value("boundaryiou_maskiou_minmax_gt_half"))
        assert margin.distance == pair.value("boundaryiou_dilation")
        assert margin.n == pair.value("boundaryiou_gt_boundary_px")
    return cells


@compiled
def test_the_originals_on_the_synthetic_pairs():
    cells = check_pairs(synthetic_pairs())
    assert cells == {column: 52 if "minmax" in column else 54 for column in COLUMNS}


@compiled
@needs_reference
def test_the_originals_on_real_pairs():
    assert check_pairs(real_pairs()) == dict.fromkeys(COLUMNS, 120)


def dataset_values(name):
    stored = rows(TESTS / "golden2" / "dataset2.csv")
    return {row["quantity"]: row["value"] for row in stored if row["set"] == name}


@compiled
def test_the_originals_dataset_values():
    """CascadePSP's own mean is NaN if one image has no outline; here those are left out."""
    expected = dataset_values("golden54")
    assert expected["cascadepsp_mba_gt128"] == ""
    means = {
        column: np.nanmean([function(pair.pred, pair.gt, protocol=protocol) for pair in synthetic_pairs()])
        for column, (function, protocol) in COLUMNS.items()
        if column in ("cascadepsp_mba_gt128", "boundaryiou_ge128", "boundaryiou_min_ge128")
    }
    close(means.pop("cascadepsp_mba_gt128"), float(expected["cascadepsp_mba_gt128_nanmean"]))
    for column, value in means.items():
        close(value, float(expected[f"{column}_mean"]))


@compiled
@needs_reference
@pytest.mark.parametrize("method", REAL)
def test_the_originals_dataset_values_from_files(method, tmp_path):
    expected = dataset_values(f"{method}_SOD60")
    for part, folder in (("preds", f"preds/{method}/SOD"), ("masks", "data/SOD/masks")):
        (tmp_path / part).mkdir()
        for file in sorted((REFERENCE / folder).iterdir())[:60]:
            (tmp_path / part / file.name).symlink_to(file)
    scores = score_folder(tmp_path / "preds", masks=tmp_path / "masks", metrics=["mba", "biou"])
    close(scores.summary()["mba"], float(expected["cascadepsp_mba_gt128"]))
    close(scores.summary()["biou"], float(expected["boundaryiou_ge128_mean"]))
    least = scores.under(scores.protocol.change(biou_value="min"))  # from what is stored of the pairs
    close(least.summary()["biou"], float(expected["boundaryiou_min_ge128_mean"]))
