"""Metrics that only some scores have, with conventions of their own: what is stored is as it is stated."""

import json
import shutil
from pathlib import Path

import pytest
from stored import made, reseal, store
from workspace import IDS, good, map_of, mask_of, plant_masks, refused, save

from sodbench.analysis.breakdown import breakdown
from sodbench.metrics import METRICS, signature_about
from sodbench.protocol import Protocol, Signature
from sodbench.reports.breakdown import breakdown_text
from sodbench.scoring import runs
from sodbench.scoring.pipeline import score_folder
from sodbench.scoring.scores import Scores

pytestmark = pytest.mark.usefixtures("here")

HOME = Path("scores/dim/own")
STRETCHED = ("--hce-binarise", "minmax>.5")


@pytest.fixture
def score(here: Path) -> tuple[str, ...]:
    """Maps without a level above 128, whose HCE depends on how they are binarised; what scores them."""
    for k, name in enumerate(IDS):
        save(map_of(k) // 2, f"dim/{name}.png")
    return "score", "dim", "--masks", str(plant_masks("own/masks"))


def hce(protocol: Protocol) -> dict[str, float]:
    """HCE of each image, scored from nothing."""
    scores = score_folder("dim", masks="own/masks", protocol=protocol, metrics=["hce"])
    return dict(zip(scores.ids, scores.values("hce").tolist(), strict=True))


@pytest.fixture
def fixed(score: tuple[str, ...]) -> dict[str, float]:
    """HCE of maps binarised above 128, which is another one than of stretched maps on each image."""
    values, stretched = hce(Protocol()), hce(Protocol(hce_binarise="minmax>.5"))
    assert all(values[name] != stretched[name] for name in IDS)
    return values


def stored_numbers() -> list[float]:
    """What is stored of HCE, as far as it is."""
    scores = Scores.load(HOME)
    return [row.numbers["hce"] for row in scores.rows.values() if "hce" in row.numbers]


def change_map(name: str) -> None:
    """Write another map of this name."""
    save(mask_of(2) // 3, f"dim/{name}.png")


def test_a_run_that_was_cut_short_adds_no_number_made_otherwise(score, fixed):
    good(*score, "--metrics", "mae,hce", *STRETCHED)
    change_map(IDS[0])
    whole = Path("dim", f"{IDS[3]}.png").read_bytes()
    Path("dim", f"{IDS[3]}.png").write_bytes(b"no image")
    refused(*score, "--metrics", "mae,hce", "--force", match=IDS[3])
    Path("dim", f"{IDS[3]}.png").write_bytes(whole)
    good(*score, "--metrics", "mae")
    assert Scores.load(HOME).metrics == ("mae",)
    assert stored_numbers() == []
    good(*score, "--metrics", "hce")
    scores = Scores.load(HOME)
    assert dict(zip(scores.ids, scores.values("hce"), strict=True)) == hce(Protocol())


def test_scores_that_are_gone_when_a_run_ends(score, fixed, monkeypatch):
    good(*score, "--metrics", "mae,hce", *STRETCHED)
    score_methods = runs.score_methods

    def and_delete(*args, **options):
        made = score_methods(*args, **options)
        shutil.rmtree(HOME)
        return made

    with monkeypatch.context() as patch:
        patch.setattr(runs, "score_methods", and_delete)
        good(*score, "--metrics", "mae")
    assert stored_numbers() == []
    good(*score, "--metrics", "hce")
    scores = Scores.load(HOME)
    assert dict(zip(scores.ids, scores.values("hce"), strict=True)) == fixed


def test_a_run_keeps_what_it_was_not_asked_for(score):
    good(*score, "--metrics", "mae,hce", *STRETCHED)
    good(*score, "--metrics", "mae")
    assert Scores.load(HOME).protocol.hce_binarise == "minmax>.5"
    assert Scores.load(HOME).metrics == ("mae", "hce")


def test_an_added_metric_replaces_nothing(score):
    good(*score, "--metrics", "mae")
    assert "replaced" not in good(*score, "--metrics", "hce", *STRETCHED).output
    assert "replaced earlier scores (hbin minmax>.5, now >128)" in (
        good(*score, "--metrics", "hce", "--force").output
    )
    assert "(hbin >128 there, minmax>.5 here)" in good(*score, "--metrics", "hce", *STRETCHED).output


def test_a_revised_metric_takes_its_convention_with_it(score):
    good(*score, "--metrics", "mae,hce", *STRETCHED)
    meta = json.loads((HOME / "meta.json").read_text(encoding="utf-8"))
    older = meta["signature"].replace(".h1", ".h0")
    reseal(HOME, signature=older, revisions={**meta["revisions"], "h": 0})
    scores = Scores.load(HOME, moved=True)
    assert (scores.metrics, scores.protocol) == (("mae",), Protocol())
    assert not any(row.numbers for row in scores.rows.values())
    output = good(*score, "--metrics", "mae").output
    assert "damaged" not in output
    assert "reused stored results for 4 of 4" in output


def test_what_is_unknown_is_dropped_with_a_convention_that_may_act_on_it():
    scores = made("A", 3, protocol=Protocol(overlap_zero="one"), metrics=["mae", "mean_iou"])
    folder = Path(store(scores), "SOD")
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    metrics = ["mae", "mean_overlapping"]
    reseal(folder, metrics=metrics, signature=meta["signature"].replace(".o1", ".x1"), revisions={"x": 1})
    text = (folder / "images.csv").read_text(encoding="utf-8").replace("mean_iou", "mean_overlapping")
    (folder / "images.csv").write_text(text, encoding="utf-8")
    reseal(folder)
    loaded = Scores.load(folder)
    assert (loaded.metrics, loaded.protocol, loaded.unknown.metrics) == (("mae",), Protocol(), ())
    loaded.save(folder)
    assert "mean_overlapping" not in (folder / "images.csv").read_text(encoding="utf-8")


def test_a_signature_says_of_a_metric_what_acts_on_it_alone():
    every = made("A", 3, metrics=tuple(METRICS))
    for name in METRICS:
        alone = made("A", 3, metrics=[name]).signature
        assert str(every.sign([name])) == signature_about(every.signature, [name]) == alone


def test_the_default_metrics_have_the_signature_that_they_had_before_there_were_others():
    before = Signature.parse(made("A", 3).signature)
    assert (before.stated, list(before.revisions)) == (frozenset(), ["f", "m", "w", "s", "r", "e"])
    assert made("A", 3).signature == made("A", 3, protocol=Protocol(overlap_zero="one")).signature


def test_a_breakdown_states_the_conventions_of_all_its_metrics():
    both = [made(name, 6, seed, metrics=["mae", "mean_iou"]) for seed, name in enumerate("AB")]
    found = breakdown(both, "size", {"all": both[0].ids}, ["mae", "mean_iou"], resamples=50)
    assert breakdown_text(found).splitlines()[-1] == f"signature: {both[0].signature}"
    assert "ozero:zero" in both[0].signature
