"""Human correction efforts: the original programs' values, an oracle for each step, and the laws they obey.

The values are of two programs, each run with OpenCV before 4.13 (``cv412``, distance to the line) and after
(``cv413``, to the segment); ``golden2/README.md`` names the sources.
"""

import csv
import os
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import reference_hce as reference
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from reference import JIT, examples, pairs
from scipy.ndimage import gaussian_filter
from skimage.morphology import skeletonize

from sodbench.metrics.bitrows import WORD, bit_rows, grown, unpacked, words_of
from sodbench.metrics.contours import borders, corners
from sodbench.metrics.hce import EPSILON, efforts, hce, mask_work
from sodbench.metrics.histogram import level_counts, lowest_predicted
from sodbench.metrics.skeleton import DEPARTURES, PASSES, _papers_passes, skeleton
from sodbench.protocol import Protocol
from sodbench.scoring.pairs import score_image
from sodbench.scoring.pipeline import score_folder

GOLDEN = Path(__file__).parents[1] / "golden"
GOLDEN2 = GOLDEN.with_name("golden2")
REFERENCE = Path(os.environ.get("SODBENCH_REFERENCE", "unset"))
REAL = ("PiCANet", "u2netp")
VERSIONS = {"cv412": "line", "cv413": "segment"}
ADDENDS = ("fp_points", "fp_indep", "fn_points", "fn_indep")
RULES = {
    ">128": ("hce_authors",),
    ">=128": ("hce_authors_on_level_ge128",),
    "minmax>.5": ("hce_authors_on_minmax_gt_half", "hce_pysod"),
}

needs_reference = pytest.mark.skipif(
    "SODBENCH_REFERENCE" not in os.environ, reason="SODBENCH_REFERENCE names no reference material"
)
slow = pytest.mark.skipif(not JIT, reason="takes minutes where kernels are not compiled")


@cache
def rows(file):
    with file.open(newline="") as lines:
        return {row["name"]: row for row in csv.DictReader(lines)}


def image(*places):
    """Return the levels of the first of some files that exists."""
    path = next(path for path in places if path.exists())
    return np.array(Image.open(path).convert("L"), order="C")


def golden_pair(name):
    pred, gt = (
        image(*(folder / part / f"{name}.png" for folder in (GOLDEN, GOLDEN2))) for part in ("pred", "gt")
    )
    return pred, gt > 128


def real_pair(method, name):
    pred, gt = (
        image(REFERENCE / folder / f"{name}.png") for folder in (f"preds/{method}/SOD", "data/SOD/masks")
    )
    return pred, gt > 128


def fills_the_image(gt, b):
    """Tell whether FP or FN is one region that fills the image, which pysodmetrics counts as 1."""
    return (b.all() and not gt.any()) or (gt.all() and not b.any())


def agrees(row, pred, gt):
    """Compare every value of a row, exactly; return how many there are."""
    work = mask_work(gt, Protocol())
    thin = unpacked(work.skeleton, gt.shape)
    assert thin.sum() == float(row["hce_skeleton_px"])
    compared = 1
    for rule, columns in RULES.items():
        cut = lowest_predicted(level_counts(pred, gt), rule)
        if rule == "minmax>.5" and row["flag_bin_fragile"] == "1":
            continue  # a level is exactly half of the range, and the programs' floating point has it above
        for version, distance in VERSIONS.items():
            found = efforts(work, pred, cut, Protocol(hce_distance=distance))
            if rule == ">128":
                theirs = [float(row[f"hce_authors_{name}_{version}"]) for name in ADDENDS]
                assert list(found) == theirs
                compared += len(theirs)
            for column in columns:
                if column == "hce_pysod" and fills_the_image(gt, pred >= cut):
                    assert float(row[f"{column}_{version}"]) == sum(found) + 1
                    continue  # the authors' 0 is ours
                assert sum(found) == float(row[f"{column}_{version}"])
                compared += 1
    return compared


class TestGolden:
    @pytest.mark.parametrize("name", rows(GOLDEN2 / "golden2.csv"))
    def test_synthetic_pairs(self, name):
        if not JIT and golden_pair(name)[0].size > 50_000:
            pytest.skip("takes minutes where kernels are not compiled")
        assert agrees(rows(GOLDEN2 / "golden2.csv")[name], *golden_pair(name)) >= 13

    @slow
    @needs_reference
    @pytest.mark.parametrize("method", REAL)
    def test_real_maps(self, method):
        table = rows(REFERENCE / "golden2" / f"real2_{method}.csv")
        assert sum(agrees(row, *real_pair(method, name)) for name, row in table.items()) == 60 * 17

    @slow
    @needs_reference
    @pytest.mark.parametrize("method", REAL)
    def test_a_dataset(self, method, tmp_path):
        folders = {"maps": f"preds/{method}/SOD", "masks": "data/SOD/masks"}
        for part, source in folders.items():
            (tmp_path / part).mkdir()
            for name in rows(REFERENCE / "golden2" / f"real2_{method}.csv"):
                (tmp_path / part / f"{name}.png").symlink_to(REFERENCE / source / f"{name}.png")
        with (GOLDEN2 / "dataset2.csv").open(newline="") as lines:
            wanted = [row for row in csv.DictReader(lines) if row["set"] == f"{method}_SOD60"]
        values = {row["quantity"]: float(row["value"]) for row in wanted if "hce" in row["quantity"]}
        for rule, program in ((">128", "authors"), ("minmax>.5", "pysod")):
            for version, distance in VERSIONS.items():
                protocol = Protocol(hce_binarise=rule, hce_distance=distance)
                scores = score_folder(
                    tmp_path / "maps", masks=tmp_path / "masks", protocol=protocol, metrics=["hce"]
                )
                assert scores.n == 60
                assert scores.summary()["hce"] == pytest.approx(values[f"hce_{program}_{version}"], abs=1e-12)


# ------------------------------------------------------------------------------------------- oracles


@st.composite
def images(draw, longest=40):
    """Bool images: small ones pixel by pixel, larger ones of noise and of smooth shapes."""
    if draw(st.booleans()):
        shape = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
        return draw(arrays(bool, shape))
    shape = draw(st.tuples(st.integers(1, longest), st.integers(1, longest if draw(st.booleans()) else 150)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    field = gaussian_filter(rng.standard_normal(shape), draw(st.sampled_from([0, 0.6, 1, 2, 4])))
    return field > np.quantile(field, draw(st.sampled_from([0.05, 0.3, 0.5, 0.7, 0.95])))


@st.composite
def curves(draw):
    """Open curves of distinct pixels: walks, which may jump and cross themselves, and straight lines."""
    step = st.tuples(st.integers(-2, 2), st.integers(-2, 2), st.integers(1, 9))
    steps = draw(st.lists(step, min_size=1, max_size=25))
    walk = [(0, 0)]
    for down, right, times in steps:
        for _ in range(times):
            walk.append((walk[-1][0] + down, walk[-1][1] + right))
    return list(dict.fromkeys(walk))


@examples(200)
@given(images(), st.data())
def test_bit_rows(picture, data):
    bits = bit_rows(picture.view(np.uint8))
    words = words_of(picture.shape[1])
    assert bits.shape == ((picture.shape[0] + 2) * words,)
    np.testing.assert_array_equal(unpacked(bits, picture.shape), picture)
    within = data.draw(arrays(bool, picture.shape)) | picture
    times = data.draw(st.integers(1, 6))
    found = grown(bits, bit_rows(within.view(np.uint8)), words, times)
    np.testing.assert_array_equal(unpacked(found, picture.shape), reference.grown(picture, within, times))


@examples(250)
@given(images())
def test_skeleton(picture):
    np.testing.assert_array_equal(skeleton(picture), skeletonize(picture))


def test_every_neighbourhood():
    """Each of the 256, of which 25 are unlike the paper's, alone in an image."""
    for around in range(256):
        picture = np.zeros((5, 5), bool)
        picture[2, 2] = True
        for k, (down, right) in enumerate(reference.RING):
            picture[2 + down, 2 + right] = around >> k & 1
        np.testing.assert_array_equal(skeleton(picture), skeletonize(picture))
    unlike = [int(passes) != _papers_passes(around) for around, passes in enumerate(PASSES)]
    assert sum(unlike) == sum(len(names.split()) for names in DEPARTURES.values()) == 25


@examples(200)
@given(images())
def test_borders(picture):
    words = words_of(picture.shape[1])
    points, ends, regions, n_regions = borders(bit_rows(picture.view(np.uint8)), words)
    expected = reference.borders(picture)
    assert len(ends) == len(regions) == len(expected)
    assert n_regions == len({region for _, _, region in expected})
    names = {}
    for k, (pixels, hole, region) in enumerate(expected):
        ours = points[ends[k - 1] if k else 0 : ends[k]]
        assert [(p // (words * WORD) - 1, p % (words * WORD) - 1) for p in ours.tolist()] == pixels
        assert (regions[k] < 0) == hole
        assert names.setdefault(region, abs(regions[k])) == abs(regions[k])


@examples(300)
@given(curves(), st.sampled_from(["line", "segment"]), st.integers(0, 3))
def test_corners(curve, distance, start):
    ys, xs = np.array([(9, 9)] * start + curve + [(7, 7)]).T
    kept, stack = np.full(len(curve), -1), np.full(len(curve), -1)
    found = corners(ys, xs, start, start + len(curve), EPSILON, distance == "segment", kept, stack)
    assert [(ys[k], xs[k]) for k in kept[:found]] == reference.corners(curve, distance)


@examples(250)
@given(images(), st.sampled_from(["line", "segment"]), st.data())
def test_efforts(gt, distance, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    field = gaussian_filter(rng.standard_normal(gt.shape), data.draw(st.sampled_from([0, 1, 3])))
    b = field > np.quantile(field, data.draw(st.sampled_from([0.1, 0.5, 0.9])))
    if data.draw(st.booleans()):
        b ^= gt
    found = efforts(mask_work(gt, Protocol()), b.view(np.uint8), 1, Protocol(hce_distance=distance))
    assert found == reference.human_correction_efforts(b, gt, skeletonize(gt), distance)


@examples(100)
@given(pairs())
def test_pysodmetrics(pair):
    """Left out: a level at half of the range, where floating point decides; a region that fills the image."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other packages' deprecations
        sod = pytest.importorskip("py_sod_metrics")
        cv2 = pytest.importorskip("cv2")
    pred, gt = pair
    low, high = int(pred.min()), int(pred.max())
    assume(not (2 * (pred.astype(int) - low) == high - low).any() or low == high)
    cut = lowest_predicted(level_counts(pred, gt), "minmax>.5")
    assume(not fills_the_image(gt, pred >= cut))
    theirs = sod.HumanCorrectionEffortMeasure(relax=5, epsilon=2)
    theirs.step(pred, gt * np.uint8(255))
    new = tuple(int(part) for part in cv2.__version__.split(".")[:2]) >= (4, 13)
    protocol = Protocol(hce_binarise="minmax>.5", hce_distance="segment" if new else "line")
    assert hce(pred, gt, protocol=protocol) == theirs.get_results()["hce"]


# ---------------------------------------------------------------------------------------------- laws


@examples(60)
@given(images())
def test_a_perfect_map_needs_no_correction(gt):
    assert hce(gt * np.uint8(255), gt) == 0


@examples(40)
@given(images())
def test_thin_parts_along_the_outline_need_no_correction(gt):
    """Neither one pixel too much all around, nor, but for the mask's skeleton, one pixel too few."""
    wider = reference.grown(gt, np.ones_like(gt), 1)
    work = mask_work(gt, Protocol())
    found = efforts(work, wider.view(np.uint8), 1, Protocol())
    assert (found.fn_points, found.fn_indep) == (0, 0)
    if (wider & ~reference.grown(~gt, np.ones_like(gt), 1)).sum() == gt.sum():
        assert found == (0, 0, 0, 0)


def boxes(*places, shape=(60, 90)):
    picture = np.zeros(shape, bool)
    for top, bottom, left, right in places:
        picture[top:bottom, left:right] = True
    return picture


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [
        ([(10, 40, 10, 40), (10, 40, 60, 80)], (0, 1, 0, 0)),  # an object too many: one click
        ([], (0, 0, 9, 0)),  # one too few: its outline without its corners, an open curve
        ([(10, 40, 10, 60)], (2, 0, 0, 0)),  # too wide: a line with two ends
        ([(10, 40, 10, 43)], (0, 0, 0, 0)),  # by three pixels: nothing
    ],
)
def test_what_errors_cost(predicted, expected):
    gt = boxes((10, 40, 10, 40))
    found = efforts(mask_work(gt, Protocol()), boxes(*predicted).view(np.uint8), 1, Protocol())
    assert found == expected


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (2, 2), (70, 64), (5, 63), (5, 62)])
@pytest.mark.parametrize("level", [0, 128, 129, 255])
@pytest.mark.parametrize("full", [False, True])
def test_degenerate_pairs(shape, level, full):
    """Flat maps on empty and on full masks cost nothing, even where one region fills the image."""
    gt = np.full(shape, full)
    pred = np.full(shape, level, np.uint8)
    assert hce(pred, gt) == 0
    assert score_image(pred, gt * np.uint8(255), metrics=["hce"]) == {"hce": 0}


def test_borders_at_the_edge_of_the_image_count():
    gt = np.zeros((40, 130), bool)
    gt[:, :64] = True
    pred = np.zeros(gt.shape, np.uint8)
    pred[:, 40:] = 200
    thin = skeletonize(gt)
    assert efforts(mask_work(gt, Protocol()), pred, 129, Protocol()) == (
        reference.human_correction_efforts(pred > 128, gt, thin)
    )


@slow
def test_a_long_spiral():
    """A border of 40,000 pixels: the polygon's parts wait in a list, not in calls of calls."""
    gt = np.zeros((300, 300), bool)
    top, left, bottom, right = 0, 0, 299, 299
    while bottom - top > 8:
        gt[top, left : right + 1] = gt[bottom, left + 4 : right + 1] = True
        gt[top : bottom + 1, right] = gt[top + 4 : bottom + 1, left + 4] = True
        gt[top + 4, left + 4 : left + 9] = True
        top, left, bottom, right = top + 4, left + 4, bottom - 4, right - 4
    pred = np.zeros(gt.shape, np.uint8)
    found = efforts(mask_work(gt, Protocol()), pred, 129, Protocol())
    assert found == reference.human_correction_efforts(pred > 0, gt, skeletonize(gt))
