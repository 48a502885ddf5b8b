"""Agreement with the original programs: every line of the table that the project promises.

The values in ``golden/golden.csv`` and ``golden/curves.npz`` were computed by the authors' own
MATLAB and by two Python tools, on 50 synthetic pairs; ``golden/README.md`` names the sources.
"""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from sodbench.data.images.maps import binarise
from sodbench.metrics.emeasure import adaptive_e_from_levels, e_from_levels
from sodbench.metrics.fmeasure import adaptive_f_from_levels, f_from_pr, pr_from_levels
from sodbench.metrics.histogram import level_counts
from sodbench.metrics.mae import mae_from_levels, soft_mae
from sodbench.metrics.smeasure import s_measure
from sodbench.metrics.weighted_f import weighted_f
from sodbench.protocol import Protocol

GOLDEN = Path(__file__).parents[1] / "golden"

with (GOLDEN / "golden.csv").open(newline="") as file:
    ROWS = {row["name"]: row for row in csv.DictReader(file)}

NAMES = list(ROWS)
NORMS = {"raw": "none", "minmax": "minmax"}


class Pair(NamedTuple):
    """One golden pair: levels of the map and of the mask."""

    pred: np.ndarray
    mask: np.ndarray

    def gt(self, protocol: Protocol) -> np.ndarray:
        """Binarise the mask."""
        return binarise(self.mask, protocol.mask_threshold, protocol.eps)


@cache
def pair(name: str) -> Pair:
    return Pair(*(np.array(Image.open(GOLDEN / part / f"{name}.png"), order="C") for part in ("pred", "gt")))


@cache
def curves() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "curves.npz") as archive:
        return {key: archive[key] for key in archive}


def oracle_curve(key: str, name: str) -> np.ndarray:
    """Return an oracle's curve over ascending thresholds; the file's are descending."""
    return curves()[key][NAMES.index(name)][::-1]


def oracle(name: str, column: str) -> float:
    return float(ROWS[name][column])


def flagged(name: str, flag: str) -> bool:
    return ROWS[name][flag] == "1"


def protocol(preset: str, norm: str) -> Protocol:
    return Protocol.of(preset).change(normalise=NORMS[norm])


def level_results(name: str, chosen: Protocol) -> dict[str, np.ndarray]:
    counts = level_counts(pair(name).pred, pair(name).gt(chosen))
    precision, recall = pr_from_levels(counts, chosen)
    return {
        "P": precision,
        "R": recall,
        "F": f_from_pr(precision, recall, chosen),
        "E": e_from_levels(counts, chosen),
        "MAE": mae_from_levels(counts, chosen),
        "adpF": adaptive_f_from_levels(counts, chosen),
        "adpE": adaptive_e_from_levels(counts, chosen),
    }


def close(ours: object, theirs: object, tolerance: float) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance, equal_nan=False)


def one_pixel(name: str) -> bool:
    return ROWS[name]["h"] == ROWS[name]["w"] == "1"


def fragile_curve(name: str, norm: str) -> bool:
    """Tell where the oracles themselves differ by rounding at a threshold."""
    return norm == "minmax" and flagged(name, "flag_curve_fragile_minmax")


def fragile_adaptive(name: str, norm: str) -> bool:
    """Tell where the oracles themselves differ by rounding at the adaptive threshold."""
    return flagged(name, f"flag_adp_fragile_{norm}")


BOTH = [(name, norm) for name in NAMES for norm in NORMS]
all_pairs = pytest.mark.parametrize("name", NAMES)
all_of_both = pytest.mark.parametrize(("name", "norm"), BOTH)


def test_the_golden_values_are_all_there():
    assert len(ROWS) == 50
    assert curves()["names"].tolist() == NAMES
    assert curves()["thresholds_256"].tolist() == list(range(255, -1, -1))


@all_of_both
def test_mae_of_fan_and_pysodmetrics(name, norm):
    close(level_results(name, protocol("fan", norm))["MAE"], oracle(name, f"fan_matlab_MAE_{norm}"), 1e-12)
    close(
        level_results(name, protocol("pysodmetrics", norm))["MAE"], oracle(name, f"pysod_MAE_{norm}"), 1e-12
    )


@all_pairs
def test_qin_mae_curves_and_f(name):
    qin = Protocol.of("qin")
    one = pair(name)
    found = level_results(name, qin)
    close(soft_mae(one.pred, one.mask, qin), oracle(name, "qin_MAE"), 1e-12)
    close(found["P"], oracle_curve("qin_P", name), 1e-12)
    close(found["R"], oracle_curve("qin_R", name), 1e-12)
    close(found["F"].max(), oracle(name, "qin_maxF"), 1e-12)
    close(found["F"].mean(), oracle(name, "qin_meanF"), 1e-12)


@pytest.mark.parametrize("name", [name for name in NAMES if "grey_gt" not in ROWS[name]["tags"]])
def test_qin_mae_from_levels_where_the_mask_is_binary(name):
    qin = Protocol.of("qin")
    close(level_results(name, qin)["MAE"], oracle(name, "qin_MAE"), 1e-12)


solid_curves = pytest.mark.parametrize(("name", "norm"), [one for one in BOTH if not fragile_curve(*one)])


@solid_curves
@pytest.mark.parametrize("curve", "PRF")
def test_curves_of_fan_and_pysodmetrics(name, norm, curve):
    for preset, prefix in (("fan", "fan_matlab"), ("pysodmetrics", "pysod")):
        close(
            level_results(name, protocol(preset, norm))[curve],
            oracle_curve(f"{prefix}_{curve}_{norm}", name),
            1e-12,
        )


@solid_curves
def test_max_and_mean_f_of_fan_and_pysodmetrics(name, norm):
    for preset, prefix in (("fan", "fan_matlab"), ("pysodmetrics", "pysod")):
        found = level_results(name, protocol(preset, norm))["F"]
        close(found.max(), oracle(name, f"{prefix}_maxF_{norm}"), 1e-12)
        close(found.mean(), oracle(name, f"{prefix}_meanF_{norm}"), 1e-12)


@pytest.mark.parametrize(("name", "norm"), [one for one in BOTH if not fragile_adaptive(*one)])
def test_adaptive_f_and_e(name, norm):
    fan, pysod = (level_results(name, protocol(preset, norm)) for preset in ("fan", "pysodmetrics"))
    close(fan["adpF"], oracle(name, f"fan_matlab_adpF_{norm}"), 1e-12)
    close(pysod["adpF"], oracle(name, f"pysod_adpF_{norm}"), 1e-12)
    if one_pixel(name):
        return  # E of one pixel divides by eps
    close(fan["adpE"], oracle(name, f"fan_matlab_adpE_gt_{norm}"), 1e-10)
    close(pysod["adpE"], oracle(name, f"fan_matlab_adpE_ge_{norm}"), 1e-10)
    close(pysod["adpE"], oracle(name, f"pysod_adpE_{norm}"), 1e-10)


@solid_curves
def test_e_curves(name, norm):
    if one_pixel(name):
        return  # E of one pixel divides by eps
    pysod = level_results(name, protocol("pysodmetrics", norm))["E"]
    fan = level_results(name, protocol("fan", norm))["E"]
    close(pysod, oracle_curve(f"pysod_E_{norm}", name), 1e-10)
    close(pysod, oracle_curve(f"fan_matlab_E_ge_{norm}", name), 1e-10)
    close(fan, oracle_curve(f"fan_matlab_E_gt_{norm}", name), 1e-10)
    for found, column in (
        (pysod, "pysod_{}E_{}"),
        (pysod, "fan_matlab_{}E_ge_{}"),
        (fan, "fan_matlab_{}E_gt_{}"),
    ):
        close(found.max(), oracle(name, column.format("max", norm)), 1e-10)
        close(found.mean(), oracle(name, column.format("mean", norm)), 1e-10)


@pytest.mark.parametrize(("name", "norm"), [one for one in BOTH if not flagged(one[0], "flag_edge_centroid")])
def test_s_measure(name, norm):
    """The originals return NaN where a quadrant is empty, so those pairs are left out."""
    for preset, column in (("fan", "fan_matlab_Sm"), ("pysodmetrics", "pysod_Sm")):
        chosen = protocol(preset, norm)
        close(
            s_measure(pair(name).pred, pair(name).gt(chosen), protocol=chosen),
            oracle(name, f"{column}_{norm}"),
            1e-11,
        )


@all_of_both
@pytest.mark.parametrize("beta2", ["1", "0.3"])
def test_weighted_f(name, norm, beta2):
    chosen = protocol("pysodmetrics", norm).change(wf_beta2=float(beta2))
    one = pair(name)
    gt = one.gt(chosen)
    if not gt.any():
        assert weighted_f(one.pred, gt, protocol=chosen) == oracle(name, f"pysod_wF_beta2_1_{norm}") == 0
        assert np.isnan(weighted_f(one.pred, gt, protocol="fan"))
        return
    found = weighted_f(one.pred, gt, protocol=chosen)
    close(found, oracle(name, f"pysod_wF_beta2_{beta2}_{norm}"), 1e-12)
    close(found, oracle(name, f"margolin_matlab_wF_beta2_{beta2}_{norm}"), 3e-8)
    if (beta2, norm) == ("1", "raw"):
        close(found, oracle(name, "margolin_matlab_wF_beta2_1_doubleD_raw"), 1e-12)


@all_pairs
def test_sal_eval_on_the_synthetic_pairs(name):
    chosen = Protocol.of("sal_eval")
    one = pair(name)
    gt = one.gt(chosen)
    found = level_results(name, chosen)
    checks = {
        "archer_matlab_S": s_measure(one.pred, gt, protocol=chosen),
        "archer_matlab_MAE": found["MAE"],
        "archer_matlab_adpF": found["adpF"],
        "archer_matlab_maxF": found["F"].max(),
    }
    for column, ours in checks.items():
        if not np.isnan(oracle(name, column)):
            close(ours, oracle(name, column), 1e-11)
