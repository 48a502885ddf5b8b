"""Every metric goes all ways: scores, explanations, comparisons, worst images, tables, boards, CSV, JSON."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from workspace import good, plant_maps, plant_masks

from sodbench.metrics import DEFAULT_METRICS, METRICS
from sodbench.scoring.pipeline import score_folder
from sodbench.scoring.selection import load_scores

ALL = ("--metrics", "all")


@pytest.fixture
def tiny(here: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Maps of two methods on a registered dataset of four images; the values of one, scored from nothing."""
    Path("sets.toml").write_text('[TINY]\nversion = 1\ncount = 4\nmasks = ["masks"]\n', encoding="utf-8")
    monkeypatch.setenv("SODBENCH_DATASETS", "sets.toml")
    monkeypatch.setenv("SODBENCH_DATA", str(here / "data"))
    plant_masks("data/TINY/masks")
    for seed, method in enumerate("AB"):
        plant_maps(f"maps/{method}/TINY", seed=seed)
    Path("boards").mkdir()
    return score_folder("maps/A/TINY", "TINY", metrics=["all"]).summary()


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_metric_goes_all_ways(tiny):
    good("score", "maps", "--dataset", "TINY", *ALL, "--csv", "all.csv", "--per-image", "images.csv")
    near = pytest.approx(tiny, abs=1e-12)  # sums are made in another order
    assert list(tiny) == [*METRICS]
    assert not np.isnan([*tiny.values()]).any()
    (row, _), images = (lines(Path(name).read_text(encoding="utf-8")) for name in ("all.csv", "images.csv"))
    assert {name: float(row[name]) for name in METRICS} == tiny
    assert all(images[0][name] for name in METRICS)
    (scored, _) = json.loads(good("rescore", "scores", *ALL, "--json").stdout)
    assert scored["scores"] == tiny
    compared = json.loads(good("compare", "scores", *ALL, "--json").stdout)
    differences = compared["differences"]
    assert {of["metric"]: of["value_a"] for of in differences} == near
    assert json.loads(good("explain", "scores/A", *ALL, "--json").stdout)["figures"] == near
    for name in METRICS:
        worst = json.loads(good("worst", "scores/A", "--metric", name, "--json").stdout)
        assert worst["metric"] == name
        assert worst["images"]
    shown = good("table", "--with", "scores", "--dataset", "TINY", *ALL, "--format", "csv").stdout
    assert all(f"{tiny[name]:.3f}"[:4] in shown for name in METRICS)
    good("leaderboard", "add", "scores", "--boards", "boards", *ALL)
    row, _ = lines(Path("boards/TINY.csv").read_text(encoding="utf-8"))
    assert {name: float(row[name]) for name in METRICS} == tiny
    board = good("leaderboard", "show", "TINY", "--boards", "boards").stdout
    assert all(METRICS[name].label in board for name in METRICS)
    good("leaderboard", "check", "--boards", "boards")


def test_one_metric_after_the_other_adds_up_to_all(tiny):
    """Whatever was stored before, metrics that are added are as if all were computed at once."""
    good("score", "maps/A", "--dataset", "TINY")
    kept = load_scores("scores")[0].signature
    for name in METRICS:
        good("score", "maps/A", "--dataset", "TINY", "--metrics", name)
    (scores,) = load_scores("scores")
    assert scores.summary() == tiny
    assert str(scores.sign(DEFAULT_METRICS)) == kept
