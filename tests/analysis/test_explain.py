"""Readings against direct scoring and slow loops; which conventions yield a claimed figure; bad input."""

import itertools
import json
import math
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from stored import made
from workspace import good, plant, refused, save

from sodbench.analysis.explain.explain import Claim, claim_of, explain
from sodbench.analysis.explain.rescorer import Pixels, Rescorer, _piece
from sodbench.data.discovery import discover
from sodbench.data.images.decoding import decode
from sodbench.data.locations import place
from sodbench.errors import PredictionError, ScoresError, SodbenchWarning
from sodbench.metrics import DEFAULT_METRICS, METRICS, PAPER_METRICS, protocol_fields
from sodbench.metrics.fmeasure import adp_f
from sodbench.metrics.relaxed_f import relax_f
from sodbench.protocol import OPTIONAL, PRESETS, Protocol
from sodbench.protocol.conventions import CONVENTIONS, Reading, pairs, readings
from sodbench.reports.explain import explanation_text
from sodbench.scoring.pipeline import score_folder
from sodbench.utils.process import cpus

pytestmark = pytest.mark.usefixtures("here")

KINDS = ("binary", "grey", "empty", "full", "odd")
OWN = {"missing": "zero", "jobs": 2}


def planted(missing: bool = False, others: Sequence[str] = ()) -> None:
    """Maps and masks of every kind: grey, empty and full masks, a map that spans few levels."""
    rng = np.random.default_rng(7)
    for k, name in enumerate(f"{kind}{n}" for kind in (*KINDS, *others) for n in range(2)):
        shape = (18 + k, 30 - k)
        mask = np.zeros(shape, np.uint8)
        mask[3 : 10 + k, 4 : 18 - k // 2] = 255
        if name.startswith("grey"):
            mask = rng.choice([0, 10, 51, 128, 200, 255], shape).astype(np.uint8)
        if name.startswith(("empty", "full")):
            mask[:] = 0 if name.startswith("empty") else 255
        levels = (mask * 0.5 + rng.integers(0, 100, shape)).astype(np.uint8)
        if name.startswith("odd"):
            levels = 40 + levels // 2
        if name.startswith("wrong"):
            levels = 255 - mask  # its mean is above a half, its S below 0
        if not (missing and name == "binary1"):
            save(levels, f"maps/{name}.png")
        save(mask, f"own/masks/{name}.png")


def figures_of(protocol: Protocol | None = None) -> Rescorer:
    location = place(None, "own/masks", None)
    (found,), _ = discover(Path("maps"), [location.dataset])
    scores = score_folder("maps", masks="own/masks", protocol=protocol or Protocol(), **OWN)
    return Rescorer(scores, Pixels(found.entries, location, jobs=2))


def known(
    figures: Rescorer, reading: Reading, metrics: tuple[str, ...] = DEFAULT_METRICS
) -> dict[str, float]:
    wanted = [(metric, reading) for metric in metrics]
    if lacking := figures.lacking(wanted):
        figures.compute(lacking)
    return {metric: figures.value(metric, reading) for metric in metrics}


def moved_by(protocol: Protocol) -> tuple[str, ...]:
    """The default metrics, and the others that fields of a protocol are about."""
    own = {name for name in OPTIONAL if getattr(protocol, name) != getattr(Protocol(), name)}
    return tuple(name for name in METRICS if name in DEFAULT_METRICS or own & protocol_fields([name]))


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Rescorer:
    """Figures that all comparisons share, so that no part is computed twice by mistake."""
    folder = tmp_path_factory.mktemp("pool")
    before = Path.cwd()
    os.chdir(folder)
    planted(others=["wrong"])
    figures = figures_of()
    os.chdir(before)
    figures.folder = folder  # type: ignore[attr-defined]
    return figures


ALONE = {name: one for name, one in readings(Reading(Protocol())).items() if one == Reading(one.protocol)}
COMMON = [convention for convention in CONVENTIONS if not OPTIONAL & convention.protocol.keys()]
TWO = {name: one for name, one in pairs(Reading(Protocol()), COMMON).items() if one == Reading(one.protocol)}


@pytest.mark.parametrize("name", [*ALONE, *sorted(TWO)[::23]])
def test_a_reading_is_what_scoring_under_its_protocol_gives(
    pool: Rescorer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pool.folder)  # type: ignore[attr-defined]
    reading = {**ALONE, **TWO}[name]
    metrics = moved_by(reading.protocol)
    scores = score_folder("maps", masks="own/masks", protocol=reading.protocol, metrics=metrics)
    expected, found = scores.summary(), known(pool, reading, metrics)
    for metric, value in expected.items():
        assert found[metric] == pytest.approx(value, abs=1e-12, nan_ok=True), metric


def test_every_convention_moves_something_here(pool: Rescorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pool.folder)  # type: ignore[attr-defined]
    base = known(pool, Reading(Protocol()), tuple(METRICS))
    dull = {
        "missing=skip",  # none is
        "hce-distance=segment",  # outlines are too short to differ
        "biou-value=min",  # every boundary IoU is below the masks'
    }
    for convention in CONVENTIONS:
        if convention.applied(Reading(Protocol())) == Reading(Protocol()):
            assert convention.tools == "u2net, the default here"
            continue
        reading = convention.applied(Reading(Protocol()))
        named = [printed for printed, _ in reading.called]
        metrics = tuple(named) or moved_by(reading.protocol)
        found = known(pool, reading, metrics)
        same = all(found[m] == pytest.approx(base[m], abs=1e-15, nan_ok=True) for m in metrics)
        assert same == (convention.name in dull), convention.name


def test_missing_maps(here: Path) -> None:
    planted(missing=True)
    figures = figures_of()
    with pytest.warns(SodbenchWarning, match="predictions missing, left out: 1 of"):
        skipped = score_folder("maps", masks="own/masks", missing="skip").summary()
    found = known(figures, Reading(Protocol(), missing="skip"))
    assert found == pytest.approx(skipped, abs=1e-12)
    assert known(figures, Reading(Protocol())) == pytest.approx(figures.scores.summary(), abs=1e-12)
    shrunk = known(figures, Reading(Protocol(resize="320x320"), missing="skip"))
    with pytest.warns(SodbenchWarning, match="predictions missing, left out: 1 of"):
        direct = score_folder("maps", masks="own/masks", missing="skip", protocol=Protocol(resize="320x320"))
    assert shrunk == pytest.approx(direct.summary(), abs=1e-12)


def test_empty_masks_left_out(here: Path) -> None:
    planted()
    figures = figures_of()
    found = known(figures, Reading(Protocol(), empty="dropped"))
    for name in ("empty0", "empty1"):
        Path(f"maps/{name}.png").unlink()
        Path(f"own/masks/{name}.png").unlink()
    assert found == pytest.approx(score_folder("maps", masks="own/masks").summary(), abs=1e-12)


def test_relaxed_f_at_other_cuts(here: Path) -> None:
    planted()
    figures = figures_of()
    adaptive, best = [], []
    for name in figures.scores.ids:
        pred = decode(Path(f"maps/{name}.png").read_bytes(), name).levels
        gt = decode(Path(f"own/masks/{name}.png").read_bytes(), name).levels > 128
        at = [relax_f((pred >= cut) * np.uint8(255), gt) for cut in np.unique(pred)]
        best.append(max(at))
        p = pred / pred.max()
        adaptive.append(relax_f((p >= min(2 * p.mean(), 1)) * np.uint8(255), gt))
    for cut, expected in (("maximum", best), ("adaptive", adaptive)):
        found = known(figures, Reading(Protocol(), relax_cut=cut))
        assert found["relax_f"] == pytest.approx(np.mean(expected), abs=1e-12)


def test_a_metric_under_anothers_name(pool: Rescorer) -> None:
    base = pool.scores.summary()
    assert pool.value("mean_f", Reading(Protocol(), called=(("mean_f", "adp_f"),))) == pytest.approx(
        base["adp_f"]
    )
    assert adp_f(np.array([[0, 200]], np.uint8), np.array([[False, True]])) == 1


def test_two_conventions_of_one_axis_are_no_set() -> None:
    for name in pairs(Reading(Protocol())):
        one, two = (part.partition("=")[0] for part in name.split())
        assert one != two
    assert not {"rho=1 rho=2", "relax-threshold=0.3 relax-threshold=adaptive"} & set(
        pairs(Reading(Protocol()))
    )


def test_two_metrics_may_go_by_others_names() -> None:
    reading = pairs(Reading(Protocol()))["max-f-is=adp_f mean-f-is=max_f"]
    assert (reading.metric("max_f"), reading.metric("mean_f"), reading.metric("mae")) == (
        "adp_f",
        "max_f",
        "mae",
    )


def test_stored_scores_know_what_they_lack(pool: Rescorer) -> None:
    stored = Rescorer(pool.scores)
    grey = Reading(Protocol(mask_threshold=">=26"))
    assert stored.lacking([("mae", grey)])
    with pytest.raises(ScoresError, match="stored scores do not suffice, give the maps themselves"):
        stored.compute(stored.lacking([("mae", grey)]))
    free = Protocol(average="pooled", wf_beta2=0.3, s_alpha=0.2, beta2=1)
    assert not stored.lacking([(metric, Reading(free)) for metric in DEFAULT_METRICS])
    assert known(stored, Reading(free)) == pytest.approx(pool.scores.under(free).summary(), abs=1e-12)
    found = explain(stored, PAPER_METRICS)
    assert {"normalise=none", "mask-threshold=>0", "resize=320x320", "fan"} <= set(found.unknown)
    assert not {"u2net", "average=pooled", "wf-beta2=0.3"} & set(found.unknown)
    assert "average=pooled" in [one.convention for one in found.effects]


def claims_of(values: dict[str, float], digits: int = 3) -> list[Claim]:
    return [Claim(metric, Decimal(f"{value:.{digits}f}")) for metric, value in values.items()]


@pytest.mark.parametrize(
    ("names", "metrics"),
    [
        (("average=mean-max",), ["max_f", "mae"]),
        (("average=pooled", "wf-beta2=0.3"), ["max_f", "weighted_f", "mae"]),
        (("resize=256x256", "rho=2"), ["max_f", "relax_f", "s_measure"]),
        (("normalise=none", "relax-threshold=maximum"), ["mae", "relax_f"]),
        (("mask-threshold=>0", "empty=dropped"), ["max_f", "mae", "weighted_f"]),
    ],
)
def test_the_conventions_behind_a_claim_are_found(
    pool: Rescorer, names: tuple[str, ...], metrics: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pool.folder)  # type: ignore[attr-defined]
    reading = Reading(Protocol())
    for name in names:
        reading = next(one for one in CONVENTIONS if one.name == name).applied(reading)
    values = known(pool, reading)
    found = explain(pool, metrics, claims_of({metric: values[metric] for metric in metrics}, 6))
    yielding = [one.names for one in found.candidates if one.yields]
    assert yielding == [names]
    words = " and ".join(names)
    assert f"The preset u2net with {words} yields the claimed figures as printed." in explanation_text(found)


def test_presets_come_first_and_a_set_must_be_better(pool: Rescorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pool.folder)  # type: ignore[attr-defined]
    values = known(pool, Reading(PRESETS["qin"]))
    found = explain(pool, PAPER_METRICS, claims_of({m: values[m] for m in PAPER_METRICS}))
    names = [one.names for one in found.candidates]
    assert {name for (name,) in names[: len(PRESETS)]} == set(PRESETS)
    assert found.candidates[0].names == ("qin",)
    assert all(len(one) == 1 for one in names)
    assert "The preset qin yields the claimed figures as printed." in explanation_text(found)


def test_a_claim_that_nothing_yields(pool: Rescorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pool.folder)  # type: ignore[attr-defined]
    mae = pool.scores.summary()["mae"]
    found = explain(pool, ["mae"], [Claim("mae", Decimal(f"{mae + 0.2:.3f}"))])
    assert not any(one.yields for one in found.candidates)
    best = min(found.candidates, key=lambda one: one.miss)
    left = abs(Decimal(f"{best.values[0]:.3f}") - found.claims[0].printed)
    assert f"Nearest: {' and '.join(best.names)}; unexplained there: MAE by {left}." in explanation_text(
        found
    )


TOGETHER = (  # pairs of which one or both move nothing by themselves
    "average=mean-max thresholds=256above",
    "average=mean-max thresholds=21",
    "thresholds=256above max-f-is=mean_f",
    "thresholds=255bins max-f-is=mean_f",
    "normalise=none normalise-mae=minmax",
)
ON_ROWS = [
    name
    for name in TWO
    if not {"resize", "mask-threshold", "mask-mae", "relax-element", "relax-border", "relax-distance", "rho"}
    & {part.partition("=")[0] for part in name.split()}
]


@pytest.mark.parametrize("name", [*TOGETHER, *ON_ROWS[::35]])
def test_no_claim_that_a_set_of_two_yields_is_denied(pool: Rescorer, name: str) -> None:
    stored, reading = Rescorer(pool.scores), pairs(Reading(Protocol()))[name]
    known = [m for m in ("max_f", "mae", "weighted_f") if not stored.lacking([(m, reading)])]
    claims = claims_of({metric: stored.value(metric, reading) for metric in known}, 5)
    found = explain(stored, known, claims)
    assert any(one.yields for one in found.candidates)


def test_a_preset_is_known_without_the_metrics_that_some_of_its_fields_are_about() -> None:
    for name, preset in PRESETS.items():
        for metrics in (("mae",), ("mae", "max_f", "mean_iou")):
            scores = made("A", 3, protocol=preset, metrics=metrics)
            assert explain(scores, metrics[:1]).base_name == name


def test_the_figures_as_scored_are_a_candidate(pool: Rescorer) -> None:
    base = Rescorer(pool.scores.under(Protocol(beta2=0.5)))
    found = explain(base, ["max_f"], claims_of({"max_f": base.scores.summary()["max_f"]}, 5))
    assert found.candidates[0].names == ("as scored",)
    assert "The protocol as scored yields the claimed figures as printed." in explanation_text(found)
    assert explanation_text(found).splitlines()[2].split()[:2] == ["as", "scored"]


def test_presets_that_yield_come_before_conventions(pool: Rescorer) -> None:
    base = Rescorer(pool.scores.under("fan"))
    found = explain(base, ["max_f"], claims_of({"max_f": base.scores.summary()["max_f"]}, 1))
    yielding = [one for one in found.candidates if one.yields]
    first = yielding[0]
    assert first.is_preset
    assert not yielding[-1].is_preset
    assert f"The preset {first.names[0]} yields the claimed figures as printed. So do " in explanation_text(
        found
    )


def test_the_smallest_set_is_named(pool: Rescorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pool.folder)  # type: ignore[attr-defined]
    reading = next(one for one in CONVENTIONS if one.name == "average=mean-max").applied(Reading(Protocol()))
    value = known(pool, reading)["max_f"]
    found = explain(pool, ["max_f"], claims_of({"max_f": value}, 4))
    two = replace(found.candidates[-1], names=("average=mean-max", "rho=1"), miss=0.0)
    assert "with average=mean-max yields" in explanation_text(
        replace(found, candidates=(*found.candidates, two))
    )


def test_without_the_maps_nothing_is_denied(pool: Rescorer) -> None:
    found = explanation_text(explain(Rescorer(pool.scores), ["relax_f"], [claim_of("relax_f=.999")]))
    assert re.search(r"\d+ readings need the maps; of the others none yields all claimed figures", found)
    assert "nan" not in found
    assert "inf" not in found


def test_the_way_back_from_another_base() -> None:
    assert {"normalise=max", "average=mean-pr", "thresholds=256", "e-compare=>="} <= set(
        readings(Reading(PRESETS["fan"]))
    )
    for preset in PRESETS.values():
        for name, value in {**vars(Protocol())}.items():
            if getattr(preset, name) != value:
                changed = [one.applied(Reading(preset)).protocol for one in CONVENTIONS]
                assert any(getattr(one, name) == value for one in changed), name


def test_effects_stand_largest_first(pool: Rescorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pool.folder)  # type: ignore[attr-defined]
    for metric in PAPER_METRICS:
        found = [abs(one.difference) for one in explain(pool, [metric]).effects]
        assert found == sorted(found, reverse=True)
        assert len(found) > 3


def test_sets_that_leave_a_perfect_score(here: Path) -> None:
    for k in range(3):
        mask = np.zeros((25, 31), np.uint8)
        mask[3 : 9 + k, 5:20] = 255
        save(mask, f"maps/{k}.png")
        save(mask, f"own/masks/{k}.png")
    figures = figures_of()
    moved = known(figures, Reading(Protocol(resize="320x320")))["mae"]
    assert figures.scores.summary()["mae"] == 0 < moved
    found = explain(figures, ["mae"], claims_of({"mae": moved}, 5))
    assert "with resize=320x320 yields" in explanation_text(found)


def test_maps_that_vanish_before_their_pixels_are_needed(here: Path) -> None:
    planted()
    figures = figures_of()
    Path("maps/grey1.png").unlink()
    with pytest.raises(PredictionError, match=r"maps/grey1\.png: cannot read this file"):
        figures.compute(figures.lacking([("weighted_f", Reading(Protocol(normalise="none")))]))


def test_the_time_of_a_pass_is_foretold(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted()
    monkeypatch.setattr("sodbench.analysis.explain.rescorer.TIMED", 4)
    said: list[str] = []
    for step in (2, 0.1):
        figures = figures_of()
        clock = itertools.count(0, step)
        monkeypatch.setattr("sodbench.analysis.explain.rescorer.time.perf_counter", clock.__next__)
        figures.compute(figures.lacking([("weighted_f", Reading(Protocol(normalise="none")))]), said.append)
    assert said == ["Reading the images again (about 3 s)."]


def test_claims() -> None:
    assert claim_of("max-f=.951") == Claim("max_f", Decimal(".951"))
    assert claim_of("hce=.5") == Claim("hce", Decimal(".5"))
    assert claim_of("HCE=60").miss(59.6433) == pytest.approx(0.3567)
    assert claim_of("mae=0.03").miss(0.0349) == pytest.approx(0.49)
    assert claim_of("mae=0.03").miss(math.nan) == math.inf


@pytest.mark.parametrize(
    ("claim", "match"),
    [
        ("max_f=1.2", r"claimed 'max_f=1.2': expected a number from 0 to 1 with its digits"),
        ("max_f=95.1", r"expected a number from 0 to 1; if a percentage, max_f=0\.951"),
        ("max_f=1", "expected a number from 0 to 1 with its digits"),
        ("max_f=-.1", "expected a number from 0 to 1"),
        ("max_f=nan", "expected a number from 0 to 1"),
        ("max_f=", "expected a number from 0 to 1"),
        ("maxff=.9", "unknown metric 'maxff'; did you mean max_f"),
        (".9", "unknown metric"),
        ("E=.9", "'E' is several metrics, expected one of them: max_e, mean_e, adp_e"),
        ("hce=5o", "expected a number of at least 0, such as hce=1016"),
        ("mae=.1,mae=.2", "claimed twice: mae"),
    ],
)
def test_claims_that_cannot_be(claim: str, match: str) -> None:
    maps, masks = plant()
    refused("explain", maps, "--masks", masks, "--claimed", claim, match=match)


def test_command(here: Path) -> None:
    maps, masks = plant()
    words = ("--claimed", "max_f=.500", "mae=.300", "--masks", masks)
    done = good("explain", maps, *words)
    assert "Reading the images again" not in done.stdout
    for line in ("maps on own, by preset", "maxF ", "Claimed figures", "signature: data:own@"):
        assert line in done.stdout
    record = json.loads(good("explain", maps, *words, "--json").stdout)
    assert record["claimed"] == {"max_f": "0.500", "mae": "0.300"}
    joined = good("explain", maps, *words[:3], f"--masks={masks}", "--json").stdout
    assert json.loads(joined) == record
    direct = json.loads(good("score", maps, "--masks", masks, "--json", "--normalise", "none").stdout)
    (plain,) = [
        c for c in record["conventions"] if (c["metric"], c["convention"]) == ("weighted_f", "normalise=none")
    ]
    assert plain["value"] == pytest.approx(direct[0]["scores"]["weighted_f"], abs=1e-12)
    stored = good("explain", "scores", "--metrics", "max_e").stdout
    assert "Without the maps themselves" in stored
    assert "maxE" in stored


def test_maps_that_need_options_as_for_scoring(here: Path) -> None:
    planted()
    for path in sorted(Path("maps").glob("*.png")):
        save(np.array(Image.open(path).resize((20, 20))), path.with_name(f"{path.stem}_sal.png"))
        path.unlink()
    Path("maps/full1_sal.png").unlink()
    words = ("--masks", "own/masks", "--strip", "_sal", "--resize", "nearest", "--wf-beta2", ".3")
    done = json.loads(good("explain", "maps", *words, "--json").stdout)
    scored = json.loads(good("score", "maps", *words, "--missing", "zero", "--json").stdout)
    assert done["figures"] == pytest.approx({m: scored[0]["scores"][m] for m in PAPER_METRICS}, abs=1e-12)
    as_fan = (*words[:4], "--protocol", "fan", "--resize", "nearest", "--missing", "zero", "--json")
    other = json.loads(good("score", "maps", *as_fan, "--out", "other").stdout)[0]["scores"]
    assert done["presets"]["fan"] == pytest.approx({m: other[m] for m in PAPER_METRICS}, abs=1e-12)
    stored = json.loads(good("explain", "scores", "--metrics", "max_f", "--beta2", 1, "--json").stdout)
    assert "beta2:1|" in stored["signature"]
    assert stored["figures"]["max_f"] != done["figures"]["max_f"]


def test_what_is_odd_about_the_maps_is_said(here: Path) -> None:
    planted()
    for path in Path("maps").glob("*.png"):
        save((255 - np.array(Image.open(path))), path)
    done = good("explain", "maps", "--masks", "own/masks", "--metrics", "mae")
    assert "About these maps\n- inverted: " in done.stdout
    record = json.loads(good("explain", "maps", "--masks", "own/masks", "--metrics", "mae", "--json").stdout)
    assert record["findings"][0].startswith("inverted: ")


def test_maps_that_cannot_be_scored_are_looked_at_all_the_same(here: Path) -> None:
    planted()
    for path in Path("maps").glob("*.png"):
        save(np.array(Image.open(path).resize((20, 20))), path)
    done = refused("explain", "maps", "--masks", "own/masks", match="10 files cannot be used")
    assert "other-size: " in done.stderr


def test_maps_and_scores_that_cannot_be_explained(here: Path) -> None:
    maps, masks = plant()
    refused("explain", "absent", "--masks", masks, match="absent")
    refused("explain", maps, match="of which dataset are these maps")
    refused(
        "explain",
        maps,
        "--masks",
        masks,
        "--protocol",
        "u2nett",
        match="unknown protocol 'u2nett'; did you mean u2net",
    )
    refused("explain", maps, "--masks", masks, "--metrics", "maxg", match="unknown metric 'maxg'")
    good("score", maps, "--masks", masks, "--metrics", "mae")
    refused("explain", "scores", match="maps on own: weighted_f, s_measure, relax_f were not computed")
    save(np.array(Image.open("maps/im0.png")), "maps2/im0.png")
    Path("maps/im1.png").write_bytes(b"\x89PNG")
    refused("explain", maps, "--masks", masks, match="im1.png")
    Path("scores/maps/own/images.csv").write_text("nothing", encoding="utf-8")
    refused("explain", "scores", match="these scores are damaged")


def test_other_scores_are_left_as_they_are(here: Path) -> None:
    maps, masks = plant()
    good("score", maps, "--masks", masks, "--protocol", "fan")
    before = Path("scores/maps/own/meta.json").read_bytes()
    good("explain", maps, "--masks", masks, "--metrics", "mae")
    assert Path("scores/maps/own/meta.json").read_bytes() == before
    good("explain", maps, "--masks", masks, "--metrics", "mae", "--out", "own-scores")
    assert "norm:max" in Path("own-scores/maps/own/meta.json").read_text(encoding="utf-8")


def test_options_that_scores_have_no_use_for(here: Path) -> None:
    maps, masks = plant()
    good("score", maps, "--masks", masks)
    refused(
        *("explain", "scores", "--masks", masks, "--subset"),
        code=2,
        match="scores holds scores; --masks, --subset would be for maps",
    )


def test_several_methods_are_refused(here: Path) -> None:
    plant()
    for method in ("A", "B"):
        for k in range(4):
            save(np.array(Image.open(f"maps/im{k}.png")), f"preds/{method}/own/im{k}.png")
    refused(
        "explain",
        "preds",
        "--masks",
        "own/masks",
        match="found maps of A on own, B on own, expected one method",
    )
    good("score", "preds", "--masks", "own/masks")
    refused("explain", "scores", match="scores of A on own, B on own, expected one method on one dataset")


@pytest.mark.no_cover
@pytest.mark.skipif("SODBENCH_REFERENCE" not in os.environ, reason="SODBENCH_REFERENCE is not set")
def test_what_the_paper_prints_of_picanet(here: Path) -> None:
    reference = Path(os.environ["SODBENCH_REFERENCE"])
    claims = ["max_f=.854", "mae=.103", "weighted_f=.722", "s_measure=.789", "relax_f=.572"]
    done = good(
        *("explain", reference / "preds/PiCANet/SOD", "-d", "SOD", "--data", reference / "data"),
        *("--claimed", *claims),
    )
    table = done.stdout.partition("Claimed figures\n")[2].splitlines()
    assert table[2].split() == ["u2net", "0.853", "0.102", "0.722", "0.790", "0.572", "1.5"]
    assert (
        done.stdout.count("Nearest: u2net; unexplained there: maxF by 0.001, MAE by 0.001, Sm by 0.001.") == 1
    )


@pytest.mark.parametrize(("options", "expected"), [(("-j", 1), {1}), ((), {cpus()})])
def test_every_pool_of_threads_is_as_large_as_asked(monkeypatch, options, expected):
    sizes = []

    class Counted(ThreadPoolExecutor):
        def __init__(self, workers):
            sizes.append(workers)
            super().__init__(workers)

    for module in ("analysis.diagnostics.checks", "analysis.explain.explain", "utils.executors"):
        monkeypatch.setattr(f"sodbench.{module}.ThreadPoolExecutor", Counted)
    monkeypatch.setattr("sodbench.scoring.pipeline.ThreadPoolExecutor", Counted)
    planted()
    good("explain", "maps", "--masks", "own/masks", "--metrics", "weighted_f", *options)
    assert len(sizes) == 3  # looking at the maps, scoring and reading them again, figures
    assert set(sizes) == expected


def test_eps_acts_on_masks_where_their_rule_is_scaled():
    for rule, acts in ((">128", False), ("norm>128", True)):
        without, with_eps = (_piece("levels", Protocol(mask_threshold=rule, eps=eps)) for eps in (0, 0.5))
        assert (without != with_eps) == acts
