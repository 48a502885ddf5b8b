"""Metrics as parts: what each declares holds, and one of another package is carried everywhere."""

import csv
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from inspect import getdoc, getmodule
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from workspace import command

from sodbench.analysis.statistics.measured import measured
from sodbench.data.demo import demo_folder
from sodbench.data.images.decoding import SaliencyMap, decode
from sodbench.data.images.maps import Mask, mask_from
from sodbench.errors import MetricError
from sodbench.metrics import (
    DEFAULT_METRICS,
    METRICS,
    PARTS,
    PIXEL_METRICS,
    check_metrics,
    find_metric,
    metric_differences,
    part_of,
    protocol_fields,
    revisions_of,
)
from sodbench.metrics.families import _with_plugins
from sodbench.metrics.parts import REDUCTIONS
from sodbench.protocol import PRESETS, Protocol
from sodbench.protocol.signature import DERIVED
from sodbench.scoring.notices import remarks
from sodbench.scoring.pairs import prepare_mask, score_image, score_pair
from sodbench.scoring.scores import Scores

PLUGIN = Path(__file__).parents[1] / "plugin"
SECTIONS = ("Conventions", "Edge cases", "Cost", "Revisions")
_spec = spec_from_file_location("toy_metrics", PLUGIN / "toy_metrics.py")
toys = module_from_spec(_spec)
_spec.loader.exec_module(toys)


def with_toys(*args: object) -> "subprocess.CompletedProcess[str]":
    """Run the command line as a process in which the toy metrics' package is installed."""
    path = os.pathsep.join([str(PLUGIN), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        command(*map(str, args)),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("family", PARTS)
def test_a_family_says_all_of_how_it_is_made(family: str) -> None:
    """What it asks, papers with DOIs, a formula, and what stands in `SECTIONS`, of which none is empty."""
    for metric in PARTS[family].metrics:
        text = getdoc(getmodule(metric.function))
        assert re.match(r"[^\n]+: .+[?.]\n\n", text)
        assert re.search(r"\bdoi:10\.\d{4,}/\S+", text)
        assert re.search(r"^    \S.* = ", text, re.MULTILINE), "it has no formula"
        places = [text.index(f"\n\n*{section}.* ") for section in SECTIONS]
        assert places == sorted(places)


@pytest.fixture
def scored(here: Path) -> list[dict[str, object]]:
    """The demo's maps, scored with two metrics of another package beside MAE; in scores/."""
    printed = with_toys(
        *("score", "--dataset", "demo", "--metrics", "mae,toy_top,toy_max", "--json"),
        *("--csv", "table.csv", "--per-image", "images.csv"),
    )
    return json.loads(printed.stdout)


def demo_pairs(method: str):
    for file in sorted((demo_folder() / "preds" / method / "demo").iterdir()):
        mask = demo_folder() / "masks" / f"{file.stem}.png"
        pred = decode(file.read_bytes(), file.name).levels
        yield file.stem, pred, mask_from(mask.read_bytes(), mask.name).gt


class TestAnotherPackage:
    def test_score(self, scored):
        (blurred,) = (row for row in scored if row["method"] == "blurred")
        pairs = list(demo_pairs("blurred"))
        expected = np.mean([toys.top_row(pred, gt) for _, pred, gt in pairs])
        assert blurred["scores"]["toy_top"] == pytest.approx(expected, abs=1e-12)
        assert ".e1.toyl1.toyp3|" in blurred["signature"]
        with Path("images.csv").open(encoding="utf-8") as file:
            lines = {line["image"]: line for line in csv.DictReader(file) if line["method"] == "blurred"}
        for image, pred, gt in pairs:
            assert float(lines[image]["toy_top"]) == pytest.approx(toys.top_row(pred, gt), abs=1e-12)
            assert float(lines[image]["toy_max"]) == toys.best_overlap(pred, gt)
        assert ",mae,toy_max,toy_top,signature" in Path("table.csv").read_text(encoding="utf-8")

    def test_stored_folder(self, scored):
        text = Path("scores/blurred/demo/images.csv").read_text(encoding="utf-8")
        assert text.startswith("image,height,width,mae,toy_max,toy_top,")
        assert ",toy_row," in text.splitlines()[0]
        meta = json.loads(Path("scores/blurred/demo/meta.json").read_text(encoding="utf-8"))
        assert meta["metrics"] == ["mae", "toy_max", "toy_top"]
        assert meta["revisions"]["toyp"] == 3

    def test_rescore(self, scored):
        (first, *_) = json.loads(with_toys("rescore", "scores", "--thresholds", "21", "--json").stdout)
        assert list(first["scores"]) == ["mae", "toy_max", "toy_top"]
        assert first["scores"]["toy_max"] < scored[0]["scores"]["toy_max"]
        assert first["scores"]["toy_top"] == scored[0]["scores"]["toy_top"]
        moved = with_toys("rescore", "scores", "--normalise", "minmax", "--json")
        assert list(json.loads(moved.stdout)[0]["scores"]) == ["mae", "toy_max"]
        assert "toy_top left out" in moved.stderr

    def test_explain(self, scored):
        stored = with_toys("explain", "scores/blurred/demo", "--metrics", "toy_top,toy_max", "--json")
        record = json.loads(stored.stdout)
        assert record["figures"] == {name: scored[0]["scores"][name] for name in ("toy_max", "toy_top")}
        assert [effect["convention"] for effect in record["conventions"]] == ["thresholds=21"]
        folder = demo_folder() / "preds/blurred/demo"
        maps = with_toys("explain", folder, "--dataset", "demo", "--metrics", "toy_top", "--json")
        values = {effect["convention"]: effect["value"] for effect in json.loads(maps.stdout)["conventions"]}
        raw = Protocol(normalise="none")
        expected = np.mean([toys.top_row(pred, gt, protocol=raw) for _, pred, gt in demo_pairs("blurred")])
        assert values["normalise=none"] == pytest.approx(expected, abs=1e-12)

    def test_explain_a_metric_of_levels_and_pixels(self, here):
        folder = demo_folder() / "preds/contrast/demo"
        asked = ("--dataset", "demo", "--metrics", "toy_mix", "--json")
        record = json.loads(with_toys("explain", folder, *asked).stdout)
        values = {effect["convention"]: effect["value"] for effect in record["conventions"]}
        for resize in ("320x320", "256x256"):
            own = with_toys("score", folder, *asked, "--resize", resize, "--out", resize)
            (expected,) = json.loads(own.stdout)
            assert values[f"resize={resize}"] == pytest.approx(expected["scores"]["toy_mix"], abs=1e-12)

    def test_compare_and_worst(self, scored):
        record = json.loads(
            with_toys(
                *("compare", "scores/blurred", "scores/centre", "--metrics", "toy_top,toy_max", "--json"),
                *("--resamples", "100"),
            ).stdout
        )
        difference = {line["metric"]: line["difference"] for line in record["differences"]}
        values = {row["method"]: row["scores"] for row in scored}
        for metric in ("toy_top", "toy_max"):
            expected = values["blurred"][metric] - values["centre"][metric]
            assert difference[metric] == pytest.approx(expected, abs=1e-12)
        ranked = json.loads(with_toys("worst", "scores/blurred", "--metric", "toy_top", "--json").stdout)
        numbers = [image["value"] for image in ranked["images"]]
        assert numbers == sorted(numbers, reverse=True)  # lower is better

    def test_a_table(self, here):
        with_toys("score", "--dataset", "demo", "--metrics", "paper,toy_max")
        text = with_toys("table", "--with", "scores", "--datasets", "demo", "--metrics", "mae,toy_max").stdout
        assert "MAE↓" in text
        assert "maxToy↑" in text
        assert "0.821(1)" in text

    def test_without_the_package_its_columns_are_kept(self, scored):
        stored = Path("scores/blurred/demo/images.csv")
        before = stored.read_text(encoding="utf-8")
        done = subprocess.run(
            command("score", "--dataset", "demo", "--metrics", "mae,s_measure", "--json"),
            capture_output=True,
            text=True,
            check=True,
        )
        assert list(json.loads(done.stdout)[0]["scores"]) == ["mae", "s_measure"]
        assert "toy_row" in stored.read_text(encoding="utf-8").splitlines()[0]
        again = with_toys("score", "--dataset", "demo", "--metrics", "mae,toy_top,toy_max", "--json")
        assert json.loads(again.stdout) == scored
        assert "demo: reused stored results for 24 of 24 unchanged maps" in again.stderr
        kept, old = (
            csv.DictReader(text.splitlines()) for text in (stored.read_text(encoding="utf-8"), before)
        )
        assert [line["toy_row"] for line in kept] == [line["toy_row"] for line in old]

    def test_boards_stay_valid(self, here):
        assert with_toys("leaderboard", "check").stdout.count(": ok\n") == 6


@pytest.mark.parametrize(
    ("point", "message"),
    [
        (
            "toy = toy_metrics:nothing",
            "toy_metrics:nothing .entry point toy of sodbench.metrics.: cannot be loaded",
        ),
        ("toy = toy_metrics:overlap", "is function, expected a sodbench.metrics.parts.Part"),
        ("t1 = toy_metrics:LEVEL", "a family's name is written in small letters"),
        ("f = toy_metrics:LEVEL", ": f is in use already"),
    ],
)
def test_parts_that_cannot_be_used(tmp_path, monkeypatch, point, message):
    folder = tmp_path / "bad-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[sodbench.metrics]\n{point}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "toy_metrics", toys)
    with pytest.raises(MetricError, match=message):
        _with_plugins(PARTS)


def test_two_parts_of_one_name(monkeypatch):
    monkeypatch.syspath_prepend(str(PLUGIN))
    with pytest.raises(MetricError, match="toyl of .*: toy_max, toy_overlap is in use already"):
        _with_plugins({**PARTS, "mine": toys.LEVEL})


def test_a_statistic_named_like_its_metric(tmp_path, monkeypatch):
    """Both would be a column of that name in images.csv, which then could not be read."""
    folder = tmp_path / "same-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: same\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[sodbench.metrics]\nsame = same:PART\n")
    statistics = replace(toys.PIXEL.statistics, names=("toy_same",))
    part = replace(
        toys.PIXEL, statistics=statistics, metrics=(replace(toys.PIXEL.metrics[0], id="toy_same"),)
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "same", SimpleNamespace(PART=part))
    with pytest.raises(MetricError, match="same:PART .*: toy_same is in use already. Choose other names"):
        _with_plugins(PARTS)


def test_the_order_and_revisions_of_columns():
    assert list(METRICS)[:5] == ["max_f", "mae", "weighted_f", "s_measure", "relax_f"]
    assert revisions_of() == {"f": 1, "m": 1, "w": 1, "s": 1, "r": 1, "e": 1}
    assert revisions_of((), Protocol.of("fan")) == {"f": 1, "m": 1, "w": 1, "s": 1, "r": 2, "e": 1}
    pixels = [name for name in PIXEL_METRICS if name in DEFAULT_METRICS]
    assert pixels == ["weighted_f", "s_measure", "relax_f"]
    assert {"si_f", "si_mean_f", "si_mae", "context", "hce"} <= {*PIXEL_METRICS}
    assert find_metric(" Max-F ").id == "max_f"


def test_a_revision_that_follows_from_the_protocol_is_no_difference_of_its_own():
    u2net, minmax = (f"{Protocol(normalise=how).signature()}|rev:f1.r" for how in ("max", "minmax"))
    assert metric_differences(f"{u2net}1", f"{minmax}2", ["relax_f"]) == {"norm": ("max", "minmax")}
    old = metric_differences(f"{u2net}1", f"{minmax}1", ["relax_f"])
    assert old == {"norm": ("max", "minmax")}
    assert metric_differences(f"{minmax}1", f"{minmax}2", ["relax_f"]) == {"rev": ("r1", "r2")}
    assert metric_differences(f"{u2net}0", f"{minmax}2", ["relax_f"])["rev"] == ("r0", "r2")


@pytest.mark.parametrize("protocol", ["u2net", "fan"])
def test_an_image_of_one_pixel_is_left_out_of_e(protocol):
    """As an empty mask is of weighted F; the others' E stays, and so does every resample of them."""
    protocol = Protocol.of(protocol).change(average="mean-f")

    def row(name, pred, gt):
        prepared = prepare_mask(Mask(gt, gt * np.uint8(255), ()), protocol, DEFAULT_METRICS)
        return score_pair(name, SaliencyMap(pred, ()), prepared, protocol, DEFAULT_METRICS)

    rows = {
        name: row(name, pred, gt)
        for name, pred, gt in (
            ("a", np.array([[9, 200, 30]], np.uint8), np.array([[False, True, False]])),
            ("b", np.array([[255]], np.uint8), np.array([[True]])),
            ("c", np.array([[0, 7], [255, 30]], np.uint8), np.array([[False, True], [True, False]])),
        )
    }
    every, others = (
        Scores("own", "own@0", n, protocol, DEFAULT_METRICS, {name: rows[name] for name in ids})
        for n, ids in ((3, "abc"), (2, "ac"))
    )
    for name in ("max_e", "mean_e", "adp_e"):
        assert np.isnan(every.values(name)).tolist() == [False, True, False]
        np.testing.assert_allclose(every.summary()[name], others.summary()[name], rtol=1e-15)
        np.testing.assert_allclose(measured(every, [name])[name].value, every.summary()[name], rtol=1e-9)
    assert every.undefined() == {"max_e": 1, "mean_e": 1, "adp_e": 1}
    assert [line for line in remarks(every) if "maxE" in line] == [
        "own on own: 1 of 3 images: maxE undefined (one pixel), left out of its mean"
    ]
    alone = Scores("own", "own@0", 1, protocol, DEFAULT_METRICS, {"b": rows["b"]})
    assert np.isnan(alone.summary()["max_e"])
    assert alone.summary()["max_f"] == 1


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_is_made_in_one_way(metric):
    declared, part = METRICS[metric], part_of(metric)
    assert (declared.values is None) == bool(declared.curve)
    assert not declared.curve or (declared.curve in part.curves and declared.reduction in REDUCTIONS)


CHANGES = {
    "mask_threshold": ">20",
    "mask_mae": "soft",
    "normalise": "minmax",
    "normalise_mae": "none",
    "resize": "256x256",
    "thresholds": "21",
    "average": "mean-max",
    "degenerate": "zero",
    "group_average": "groups",
    "beta2": 1.0,
    "eps": 0.01,
    "s_alpha": 0.9,
    "s_centroid": "half-even",
    "s_below_zero": "kept",
    "e_compare": ">",
    "e_adaptive": "unclipped",
    "wf_beta2": 0.1,
    "wf_empty": "zero",
    "rho": 0.0,
    "relax_threshold": 0.2,
    "relax_element": "square",
    "relax_border": "foreground",
    "relax_distance": "cityblock",
    "overlap_average": "pooled",
    "overlap_zero": "one",
    "auc_thresholds": "255",
    "auc_average": "mean-curve",
    "si_convention": "si_metric",
    "context_normalise": "minmax",
    "context_beta2": 1.2,
    "hce_binarise": "minmax>.5",
    "hce_distance": "segment",
    "mba_binarise": "minmax>.5",
    "biou_binarise": "minmax>.5",
    "biou_value": "min",
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_metric_depends_on_is_declared(name):
    """A change of a field that moves a metric of some pair is among the fields that the metric declares."""
    rng = np.random.default_rng(3)
    base, changed = Protocol(), Protocol(**{name: CHANGES[name]})
    moved = set()
    for k in range(12):
        gt = np.zeros((60, 70), np.uint8)
        if k:
            gt[10:40, 15 : 40 + k] = 255
            gt[20:25, 30:60] = 255
        if k % 2:
            gt[45:55, 5:20] = 100
        noise = rng.integers(3, 60, gt.shape)
        pred = (np.roll(gt, (k, 2 * k), axis=(0, 1)) * 0.7 + noise).astype(np.uint8)
        pred[30:50, 30:50] = pred[30:50, 30:50] // 3 * 2
        if k == 10:
            pred = gt.copy()
            pred[13:37, 18:47] = 0  # less of the object than of its margin
        if k == 11:
            pred = 255 - gt  # its mean is above a half, its S below 0
        a, b = (score_image(pred, gt, protocol=one, metrics=METRICS) for one in (base, changed))
        moved |= {name for name in METRICS if not np.array_equal(a[name], b[name], equal_nan=True)}
    derived = {key for key, made_of in DERIVED.items() if name in made_of}
    declared = {metric for metric in METRICS if {name, *derived} & protocol_fields([metric])}
    assert moved <= declared
    shows_nothing = ("average", "resize", "s_centroid", "overlap_average", "auc_average", "group_average")
    assert moved or name in shows_nothing, "a change that shows nothing"


def test_differences_that_matter_to_a_metric():
    fan, u2net = PRESETS["fan"].signature(), Protocol().signature()
    assert set(metric_differences(fan, u2net, ["max_f"])) == {"norm", "levels", "avg"}
    assert set(metric_differences(fan, u2net, ["max_e"])) == {"norm", "levels", "ecmp"}
    alpha = Protocol(s_alpha=0.7).signature()
    assert metric_differences(alpha, u2net, ["max_f", "weighted_f"]) == {}
    assert metric_differences(alpha, u2net, ["s_measure"]) == {"alpha": ("0.7", "0.5")}
    steps = Protocol(thresholds="21").signature()
    assert metric_differences(steps, u2net, ["weighted_f"]) == {}  # p is the same to the last bit
    floats = Protocol(thresholds="256float").signature()
    assert metric_differences(floats, u2net, ["mae", "weighted_f"]) == {}
    same = Protocol(normalise_mae="max").signature()
    assert metric_differences(same, u2net, ["mae"]) == {}
    floats = Protocol(thresholds="256float", normalise="minmax").signature()
    other = Protocol(normalise="minmax").signature()
    for metric in ("weighted_f", "mae"):
        assert metric_differences(floats, other, [metric]) == {"levels": ("256float", "256")}


@pytest.mark.parametrize(
    ("name", "metric"), [(" Max-F ", "max_f"), ("MAE", "mae"), ("s-measure", "s_measure")]
)
def test_spellings(name, metric):
    assert find_metric(name).id == metric
    assert check_metrics(["paper", name])[0] == "max_f"
    assert check_metrics(name) == (metric,)
