"""Real published maps of a real dataset: the numbers that the project promises, and real MATLAB output.

Needs the reference material (photos, masks and maps that have their own terms), found through the
environment variable SODBENCH_REFERENCE.
"""

import csv
import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from sodbench.metrics import PAPER_METRICS
from sodbench.metrics.fmeasure import pr_from_levels
from sodbench.protocol import Protocol
from sodbench.scoring.pipeline import score_folder
from sodbench.scoring.scores import Scores

REFERENCE = Path(os.environ.get("SODBENCH_REFERENCE", "unset"))
MATLAB = Path(__file__).parents[1] / "golden" / "matlab"

pytestmark = pytest.mark.skipif(
    "SODBENCH_REFERENCE" not in os.environ, reason="SODBENCH_REFERENCE names no reference material"
)


@cache
def scores(method: str, protocol: str) -> Scores:
    return score_folder(
        REFERENCE / "preds" / method / "SOD", "SOD", data=REFERENCE / "data", protocol=protocol
    )


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (
            "PiCANet",
            {"max_f": 0.8534, "mae": 0.1021, "weighted_f": 0.7223, "s_measure": 0.7905, "relax_f": 0.5721},
        ),
        (
            "DSS",
            {"max_f": 0.8439, "mae": 0.1213, "weighted_f": 0.7182, "s_measure": 0.7514, "relax_f": 0.4566},
        ),
        (
            "u2netp",
            {"max_f": 0.8478, "mae": 0.1208, "weighted_f": 0.7070, "s_measure": 0.7666, "relax_f": 0.5693},
        ),
    ],
)
def test_default_protocol_on_sod(method, expected):
    found = scores(method, "u2net")
    assert (found.n, found.of) == (300, 300)
    summary = found.summary()
    for name, value in expected.items():
        assert summary[name] == pytest.approx(value, abs=1e-4), name


def test_ecssd_and_a_map_of_another_image():
    """LPS's map 0557 is another image's, of another size: scores of all images, and of the others."""
    found = score_folder(
        REFERENCE / "preds/LPS/ECSSD",
        "ECSSD",
        data=REFERENCE / "data",
        protocol=Protocol(resize="nearest"),
        metrics=PAPER_METRICS,
    )
    others = replace(found, rows={image: row for image, row in found.rows.items() if image != "0557"})
    assert (found.n, others.n) == (1000, 999)
    assert found.noted()["resized"] == ["0557"]
    for scores_of, expected in (
        (found, (0.9328, 0.0417, 0.8889, 0.9079, 0.7398)),
        (others, (0.9330, 0.0415, 0.8891, 0.9082, 0.7404)),
    ):
        assert tuple(scores_of.summary().values()) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("method", ["PiCANet", "DSS"])
class TestMatlab:
    """Output of ArcherFMY/sal_eval_toolbox in real MATLAB, image by image."""

    def test_per_image_values(self, method):
        with (MATLAB / "archer_SOD_perimage.csv").open(newline="") as file:
            rows = {
                row["image"].removesuffix(".png"): row
                for row in csv.DictReader(file)
                if row["method"] == method
            }
        ours = scores(method, "sal_eval").per_image()
        assert ours.index.tolist() == sorted(rows)
        for column, name, tolerance in (
            ("S_measure", "s_measure", 1e-11),
            ("MAE", "mae", 1e-11),
            ("adpF", "adp_f", 1e-12),
        ):
            theirs = np.array([float(rows[image][column]) for image in ours.index])
            np.testing.assert_allclose(ours[name].to_numpy(), theirs, rtol=0, atol=tolerance, err_msg=column)

    def test_curves_are_equal_to_the_last_bit(self, method):
        found = scores(method, "sal_eval")
        with np.load(MATLAB / "archer_SOD_curves.npz") as matlab:
            assert [name.removesuffix(".png") for name in matlab["images"].tolist()] == found.ids
            assert matlab["thresholds_desc"].tolist() == list(range(255, -1, -1))
            precision, recall = pr_from_levels(found.levels(found.ids), found.protocol)
            assert np.array_equal(precision[:, ::-1], matlab[f"{method}_Pre_image"])
            assert np.array_equal(recall[:, ::-1], matlab[f"{method}_Recall_image"])
            summary, curves = found.summary(), found.curves()
            np.testing.assert_allclose(curves["precision"][::-1], matlab[f"{method}_Pre"], rtol=0, atol=1e-12)
            np.testing.assert_allclose(curves["recall"][::-1], matlab[f"{method}_Recall"], rtol=0, atol=1e-12)
            np.testing.assert_allclose(
                curves["f"][::-1], matlab[f"{method}_Fmeasure_Curve"], rtol=0, atol=1e-12
            )
            for name, key in (("max_f", "MaxFmeasure"), ("mae", "MAE"), ("s_measure", "S_measure")):
                assert summary[name] == pytest.approx(float(matlab[f"{method}_{key}"]), abs=1e-11), name


def test_bit_equal_for_any_number_of_workers():
    one, two = (
        score_folder(REFERENCE / "preds/DSS/SOD", "SOD", data=REFERENCE / "data", jobs=jobs)
        for jobs in (1, 2)
    )
    assert one.summary() == two.summary()
    assert one.per_image().equals(two.per_image())


def test_choices_nobody_reports_move_the_same_maps_as_far_as_the_readme_says():
    base = scores("PiCANet", "u2net")
    assert base.under(base.protocol.change(average="mean-f")).summary()["max_f"] == pytest.approx(
        0.8112, abs=5e-5
    )
    assert base.under(base.protocol.change(normalise="none")).summary()["max_f"] == pytest.approx(
        0.8388, abs=5e-5
    )
    assert base.under(base.protocol.change(wf_beta2=0.3)).summary()["weighted_f"] == pytest.approx(
        0.7629, abs=5e-5
    )
