"""The preset ``f3net`` against F3Net's own evaluation, run in Octave with MATLAB's functions.

``golden2/README.md`` says what the columns are. Left out, always by a flag or an empty cell:

* E and max F of an image of one pixel: E divides by eps, and the original's curve fails;
* S where the mask's centroid lies in the last row or column, which is NaN in the original (here an empty
  quadrant counts 0, and the image is reported);
* S where a quadrant of the map has one level, and the mean of its p is rounded to another value (here SSIM is
  1 where the mask is of one level, too; no golden pair is such);
* curves of maps of one row (`flag_f3_one_row`), which the original does not reverse;
* E where a level equals twice the mean (`flag_f3_adpE_tie`): the order of the sum decides.

Nothing is left out for `flag_f3_curve_fragile`: the original's floating-point operations are repeated.
"""

import csv
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sodbench.data.images.decoding import SaliencyMap
from sodbench.data.images.maps import Mask, binarise
from sodbench.metrics.emeasure import adaptive_e_from_levels
from sodbench.metrics.fmeasure import adaptive_f_from_levels, f_from_pr, pr_from_found, pr_from_levels
from sodbench.metrics.histogram import (
    adaptive_counts,
    centroid,
    level_counts,
    normalised,
    quadrant_counts,
    sides,
)
from sodbench.metrics.mae import mae_from_levels
from sodbench.metrics.smeasure import region_scores, s_measure
from sodbench.metrics.weighted_f import weighted_f
from sodbench.protocol import ORIGINS, Protocol
from sodbench.scoring.pairs import prepare_mask, score_pair
from sodbench.scoring.scores import Scores

TESTS = Path(__file__).parents[1]
REFERENCE = os.environ.get("SODBENCH_REFERENCE")
F3NET = Protocol.of("f3net")
TOLERANCES = {
    **dict.fromkeys(("MAE", "S"), 1e-11),
    **dict.fromkeys(("adpP", "adpR", "adpF", "maxF"), 1e-12),
    "E": 1e-10,
    "wF": 1e-7,
}


def rows_of(folder, name):
    with (folder / name).open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


ROWS = rows_of(TESTS / "golden2", "golden2.csv")

SCORED = [name for name, row in ROWS.items() if row["f3net_skipped"] == "0"]


@cache
def levels_of(part, name):
    home = TESTS / ("golden2" if name.startswith("g_") else "golden")
    return np.array(Image.open(home / part / f"{name}.png"), order="C")


@cache
def curves():
    with np.load(TESTS / "golden2/curves2.npz") as archive:
        return {key: archive[key] for key in ("names", "f3net_precision", "f3net_recall")}


def values_of(pred, gt):
    """Return what the original computes of a pair, and its curves."""
    counts = level_counts(pred, gt)
    precision, recall = pr_from_levels(counts, F3NET)
    adaptive = pr_from_found(*adaptive_counts(counts, F3NET), counts.fg.sum(), F3NET)
    values = {
        "MAE": mae_from_levels(counts, F3NET),
        "adpP": adaptive[0],
        "adpR": adaptive[1],
        "adpF": adaptive_f_from_levels(counts, F3NET),
        "wF": weighted_f(pred, gt, protocol=F3NET),
        "S": s_measure(pred, gt, protocol=F3NET),
        "E": adaptive_e_from_levels(counts, F3NET),
        "maxF": f_from_pr(precision, recall, F3NET).max(),
    }
    return values, precision, recall


def check(row, values, suffix=""):
    """Hold values against a row of the original's; return the columns that were compared."""
    compared = []
    for column, value in values.items():
        cell = row[f"f3net_{column}{suffix}"]
        one_pixel = row["h"] == row["w"] == "1" and column == "E"
        if cell and not one_pixel and not (column == "E" and row["flag_f3_adpE_tie"] == "1"):
            np.testing.assert_allclose(value, float(cell), rtol=0, atol=TOLERANCES[column], err_msg=column)
            compared.append(column)
    return compared


@pytest.mark.parametrize("name", SCORED)
def test_values(name):
    values, precision, recall = values_of(levels_of("pred", name), binarise(levels_of("gt", name), ">128"))
    compared = check(ROWS[name], values)
    assert {"MAE", "adpP", "adpR", "adpF", "wF"} <= set(compared)
    if ROWS[name]["flag_f3_one_row"] == "0":
        assert "maxF" in compared
        k = curves()["names"].tolist().index(name)
        for curve, found in (("precision", precision), ("recall", recall)):
            theirs = curves()[f"f3net_{curve}"][k][::-1]
            np.testing.assert_allclose(found, theirs, rtol=0, atol=1e-12, equal_nan=False)


def test_what_is_compared():
    """Cells by column: none is left out but for the reasons above."""
    assert len(ROWS) == 54
    assert len(SCORED) == 49
    assert [name for name in SCORED if not ROWS[name]["f3net_S"]] == [
        *("004_1x7_mixed", "005_1x7_lastpixel", "007_2x2_diag", "043_24x30_lastrow")
    ]
    fragile = [name for name in SCORED if ROWS[name]["flag_f3_curve_fragile"] == "1"]
    assert len(fragile) == 25


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row["gt_grey"] == "1"])
def test_values_on_masks_as_they_are(name):
    """Grey masks by the preset's own rule, which is the original's."""
    gt = binarise(levels_of("gt", name), F3NET.mask_threshold)
    values, _, _ = values_of(levels_of("pred", name), gt)
    assert len(check(ROWS[name], values, "_ownmask")) == len(TOLERANCES)


@pytest.mark.skipif(not REFERENCE, reason="set SODBENCH_REFERENCE to the folder with reference data")
@pytest.mark.parametrize("method", ["PiCANet", "u2netp"])
def test_values_of_published_maps(method):
    shared = Path(REFERENCE or "")
    with np.load(shared / f"golden2/real2_curves_{method}.npz") as archive:
        theirs = {key: archive[key] for key in ("names", "f3net_precision", "f3net_recall")}
    compared = []
    for name, row in rows_of(shared / "golden2", f"real2_{method}.csv").items():
        pred = np.array(Image.open(shared / f"preds/{method}/SOD/{name}.png").convert("L"))
        mask = np.array(Image.open(shared / f"data/SOD/masks/{name}.png").convert("L"))
        values, precision, recall = values_of(pred, binarise(mask, F3NET.mask_threshold))
        compared += check(row, values)
        k = theirs["names"].tolist().index(name)
        np.testing.assert_allclose(precision, theirs["f3net_precision"][k][::-1], rtol=0, atol=1e-12)
        np.testing.assert_allclose(recall, theirs["f3net_recall"][k][::-1], rtol=0, atol=1e-12)
    assert len(compared) == 60 * len(TOLERANCES)


def scores_of(pairs, how):
    """Scores of pairs of levels, masks fed as 0 and 255, with one way for those that the original skips."""
    protocol = F3NET.change(degenerate=how)
    rows = {}
    for name, (pred, mask) in pairs.items():
        gt = mask > 128
        prepared = prepare_mask(Mask(gt, gt * np.uint8(255), ()), protocol, METRICS)
        rows[name] = score_pair(name, SaliencyMap(pred, ()), prepared, protocol, METRICS)
    return Scores("own", "own@0", len(rows), protocol, METRICS, rows)


METRICS = ("max_f", "mae", "weighted_f", "s_measure", "adp_f", "adp_e")
QUANTITIES = {
    **{"maxF": ("max_f", 1e-12), "fm": ("adp_f", 1e-12), "mae": ("mae", 1e-11), "wfm": ("weighted_f", 1e-7)},
    **{"sm": ("s_measure", 1e-11), "em": ("adp_e", 1e-10)},
}
WITHOUT_SKIPPED = {
    **{"adpF": ("adp_f", 1e-12), "MAE": ("mae", 1e-11), "wF": ("weighted_f", 1e-7), "E": ("adp_e", 1e-10)},
}


def check_dataset(key, pairs):
    """Hold scores against every cell that the original's main.m printed of a dataset."""
    with (TESTS / "golden2/dataset2.csv").open(newline="") as file:
        cells = {row["quantity"]: row["value"] for row in csv.DictReader(file) if row["set"] == key}
    zero, skip = scores_of(pairs, "zero"), scores_of(pairs, "skip")
    compared = 0
    for scores, quantities, pattern in (
        (zero, QUANTITIES, "f3net_{}"),
        (skip, WITHOUT_SKIPPED, "f3net_{}_mean_without_skipped"),
    ):
        for quantity, (metric, tolerance) in quantities.items():
            if cell := cells.get(pattern.format(quantity)):
                found = scores.summary()[metric]
                np.testing.assert_allclose(found, float(cell), rtol=0, atol=tolerance, err_msg=quantity)
                compared += 1
    assert len(skip.left_out()) == int(cells["f3net_images_skipped"])
    assert np.isnan(skip.values("mae")).sum() == len(skip.left_out())
    return compared


@pytest.mark.parametrize(
    ("key", "compared"), [("golden50_core", 6), ("golden50_not1row", 9), ("golden54_not1row", 9)]
)
def test_datasets(key, compared):
    """Of sets with an edge centroid the original's S is NaN; those of one row stop its main.m."""
    names = [
        name
        for name, row in ROWS.items()
        if (key.startswith("golden54") or not name.startswith("g_"))
        and (row["set_core"] == "1" if key.endswith("core") else row["h"] != "1")
    ]
    assert check_dataset(key, {name: (levels_of("pred", name), levels_of("gt", name)) for name in names}) == (
        compared
    )


@pytest.mark.skipif(not REFERENCE, reason="set SODBENCH_REFERENCE to the folder with reference data")
@pytest.mark.parametrize("method", ["PiCANet", "u2netp"])
def test_datasets_of_published_maps(method):
    shared = Path(REFERENCE or "")
    names = rows_of(shared / "golden2", f"real2_{method}.csv")
    pairs = {
        name: tuple(
            np.array(Image.open(shared / folder / f"{name}.png").convert("L"))
            for folder in (f"preds/{method}/SOD", "data/SOD/masks")
        )
        for name in names
    }
    assert check_dataset(f"{method}_SOD60", pairs) == 6


def test_24_levels_sit_a_bin_lower():
    """v * (1 / 255) * 255 is just below v for them, so that the original counts them one threshold lower."""
    pred = np.arange(256, dtype=np.uint8)[None]
    p = normalised(level_counts(pred, pred > 128), F3NET)
    lower = [33, 37, 41, 45, 49, 53, 57, 61, 66, 74, 82, 90, 98, 106, 114, 122]
    lower += [132, 148, 164, 180, 196, 212, 228, 244]
    assert np.flatnonzero(np.floor(p * 255) != np.arange(256)).tolist() == lower
    _, recall = pr_from_levels(level_counts(pred, pred == 244), F3NET)
    assert recall[243:245].tolist() == [1, 0]


@pytest.mark.parametrize(("level", "p"), [(0, 0), (1, 1), (128, 1), (255, 1)])
def test_a_flat_map_is_clipped_to_the_range_of_0_to_1(level, p):
    pred = np.full((2, 3), level, np.uint8)
    counts = level_counts(pred, np.eye(2, 3, dtype=bool))
    assert normalised(counts, F3NET)[level] == p
    assert mae_from_levels(counts, F3NET) == pytest.approx(4 / 6 if p else 2 / 6)


def test_ssim_of_an_object_of_one_level_is_1_although_its_p_is_not():
    """(171 - 113) / 58 is 1 less the last bit; its mean, rounded, is another value, so the original has 0."""
    gt = np.zeros((40, 38), bool)
    gt[:, 15:] = True
    gt[17:, :20] = False
    pred = np.where(gt, 171, 113).astype(np.uint8)
    row, col = centroid(gt, "half-up")
    quadrants = quadrant_counts(pred, gt, row, col)
    p = normalised(sides(quadrants), F3NET)
    n = gt[:row, col:].sum()
    assert n == row * (gt.shape[1] - col)
    assert n * p[171] / n != p[171] != 1
    ssim = [
        score / counts.sum() for score, counts in zip(region_scores(quadrants, p), quadrants, strict=True)
    ]
    np.testing.assert_allclose(ssim, 1, rtol=0, atol=1e-11)


def test_adaptive_e_of_a_bright_map_has_no_foreground():
    """Twice a mean above .5 is above 1: only the clipped threshold lets the highest level pass."""
    pred, gt = np.array([[255, 255, 255, 0]], np.uint8), np.array([[True, True, True, False]])
    counts = level_counts(pred, gt)
    clipped = F3NET.change(e_adaptive="clipped", e_compare=">=")
    assert adaptive_e_from_levels(counts, clipped) == pytest.approx(4 / 3)
    assert adaptive_e_from_levels(counts, F3NET) == pytest.approx(1 / 3)


def test_s_may_be_below_zero():
    gt = np.zeros((31, 47), bool)
    gt[8:20, 10:30] = True
    pred = ~gt * np.uint8(255)
    assert s_measure(pred, gt, protocol=F3NET) < -0.1
    assert s_measure(pred, gt, protocol=F3NET.change(s_below_zero="zero")) == 0


@pytest.mark.parametrize(
    ("levels", "rule", "expected"),
    [
        ([10, 59, 60, 110], "minmax>=.5", [False, False, True, True]),
        ([10, 60, 61, 110], "minmax>.5", [False, False, True, True]),
        ([0, 49, 98, 98], "minmax>=.5", [False, False, True, True]),  # 49 * (1 / 98) is below .5
        ([7, 7, 7, 7], "minmax>=.5", [True] * 4),
        ([0, 0, 0, 0], "minmax>=.5", [False] * 4),
        ([0, 30, 40, 100], "minmax>.3", [False, False, True, True]),
    ],
)
def test_masks_by_half_of_their_range(levels, rule, expected):
    assert binarise(np.array([levels], np.uint8), rule)[0].tolist() == expected


def test_the_preset_says_whose_it_is():
    assert ORIGINS["f3net"].startswith("weijun88/F3Net")
    assert Protocol.parse(F3NET.signature()) == F3NET
    assert "|sneg:kept|" in F3NET.signature()
