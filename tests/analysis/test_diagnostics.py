"""Sets of maps made wrong on purpose, one way each; a good set; and real maps."""

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from workspace import save

from sodbench.analysis.diagnostics.checks import examine, sampled
from sodbench.analysis.diagnostics.evidence import REACH, block_edges, correlation, place_of, thumbnail
from sodbench.analysis.diagnostics.upsampling import _residuals, _systems, enlarged_from, repeated_from
from sodbench.data.locations import from_masks, locate
from sodbench.data.registry import find
from sodbench.data.sources import open_source
from sodbench.errors import PredictionError

REFERENCE = Path(os.environ.get("SODBENCH_REFERENCE", "unset"))
COUNT = 24
SHAPES = ((150, 200), (200, 150), (140, 210))


def mask_at(k):
    """A mask of two ellipses, another one for each k."""
    rng = np.random.default_rng(k)
    h, w = SHAPES[k % 3]
    y, x = np.mgrid[:h, :w]
    mask = np.zeros((h, w), bool)
    for _ in range(2):
        cy, cx = rng.uniform(0.25, 0.75, 2) * (h, w)
        mask |= ((y - cy) / rng.uniform(12, 30)) ** 2 + ((x - cx) / rng.uniform(12, 40)) ** 2 < 1
    return mask.astype(np.uint8) * 255


def map_at(k):
    """A decent map of it: soft edges, a false blob, speckle; levels from 0 to 255."""
    rng = np.random.default_rng(1000 + k)
    mask = mask_at(k)
    soft = gaussian_filter(mask.astype(float), 2)
    blob = gaussian_filter(rng.normal(size=mask.shape), 12)
    levels = soft + 60 * np.maximum(blob / blob.std() - 1, 0) + rng.normal(size=mask.shape) * 3
    return np.clip(np.round((levels - 8) * 1.08), 0, 255).astype(np.uint8)


MASKS = {f"{k:03d}": mask_at(k) for k in range(COUNT)}
MAPS = {f"{k:03d}": map_at(k) for k in range(COUNT)}


@pytest.fixture(scope="module")
def masks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own") / "masks"
    for name, mask in MASKS.items():
        save(mask, folder / f"{name}.png")
    return from_masks(folder)


@pytest.fixture
def found(tmp_path, masks):
    """Save maps, examine them, and return the findings by name."""

    def run(maps, suffix=".png", location=masks, **options):
        folder = tmp_path / "maps"
        shutil.rmtree(folder, ignore_errors=True)
        for name, levels in maps.items():
            save(levels, folder / f"{name}{suffix}")
        findings = examine(open_source(folder).groups[""], location, **options)
        for finding in findings:
            assert finding.count == len(finding.images) <= finding.examined
            assert finding.text.endswith(".")
        return {finding.name: finding for finding in findings}

    return run


def every(change):
    return {name: change(levels) for name, levels in MAPS.items()}


def enlarged(levels, size, method):
    small = Image.fromarray(levels).resize((size, size), Image.Resampling.BOX)
    return np.array(small.resize(levels.shape[::-1], method))


def test_good_maps_show_nothing(found):
    assert found(MAPS) == {}


def test_masks_as_maps_are_binarised_and_nothing_else(found):
    (finding,) = found(MASKS).values()
    assert finding.name == "two-levels"
    assert finding.text.startswith("24 of 24 maps have only two levels")


def test_few_maps_of_two_levels_are_no_finding(found):
    assert found({**MAPS, "003": MASKS["003"]}) == {}


def test_low_contrast(found):
    def dim(levels):
        return (levels * 0.6).astype(np.uint8)

    finding = found(every(dim))["low-contrast"]
    saved = np.mean([np.abs(dim(MAPS[k]) / 255 - MASKS[k] / 255).mean() for k in MAPS])
    scaled = np.mean([np.abs(dim(MAPS[k]) / 153 - MASKS[k] / 255).mean() for k in MAPS])
    assert finding.count == 24
    assert "their maximum is 153 in the median and 153 in the lowest" in finding.text
    assert f"{saved:.4f} as saved".lstrip("0") in finding.text
    assert f"{scaled:.4f} divided by their maxima".lstrip("0") in finding.text
    assert set(found({**MAPS, "003": dim(MAPS["003"])})) == set()
    assert found({**MAPS, "003": dim(MAPS["003"]), "004": dim(MAPS["004"])})["low-contrast"].images == (
        "003",
        "004",
    )


def test_inverted(found):
    findings = found(every(lambda levels: 255 - levels))
    assert set(findings) == {"inverted"}
    finding = findings["inverted"]
    right = np.mean([np.abs(MAPS[k] / 255 - MASKS[k] / 255).mean() for k in MAPS])
    assert finding.count == 24
    assert f"(mean MAE {right:.2f} against {1 - right:.2f} as saved)".replace("0.", ".") in finding.text


def test_a_bright_background_is_not_inverted(found):
    """Their inverses have the lower MAE, but they still rank object above background."""
    assert "inverted" not in found(every(lambda levels: (levels * 0.3 + 178).astype(np.uint8)))


@pytest.mark.parametrize(("down", "across"), [(1, 0), (0, -2), (-1, 1)])
def test_moved(found, down, across):
    findings = found(every(lambda levels: np.roll(levels, (down, across), (0, 1))))
    assert set(findings) == {"moved"}
    text = findings["moved"].text
    for amount, words in ((down, ("down", "up")), (across, ("to the right", "to the left"))):
        told = re.search(rf"by .*?([0-9.]+) pixels {words[amount < 0]}", text) if amount else None
        assert bool(told) == bool(amount)
        assert told is None or round(float(told[1])) == abs(amount)


def test_moved_and_inverted(found):
    findings = found(every(lambda levels: 255 - np.roll(levels, 2, 1)))
    assert set(findings) == {"inverted", "moved"}
    inner = [np.s_[REACH:-REACH, REACH:-REACH]] * 2
    costs = [np.abs(MAPS[k] / 255 - MASKS[k] / 255)[inner[0]].mean() for k in MAPS]
    assert f"moved back by 2, their MAE is {np.mean(costs):.4f}".replace("0.", ".") in findings["moved"].text


def test_far_moved_is_at_least(found):
    assert "at least 3.0 pixels" in found(every(lambda levels: np.roll(levels, 5, 0)))["moved"].text


@pytest.mark.parametrize(("step", "word"), [(1, "after"), (-1, "before")])
def test_names_shifted_by_one(found, step, word):
    names = list(MAPS)
    there = {n: names[k + step] for k, n in enumerate(names) if 0 <= k + step < COUNT}
    findings = found({name: MAPS[other] for name, other in there.items()})
    assert {"shifted-names", "unpaired", "other-size"} <= set(findings)
    assert set(findings) <= {"shifted-names", "unpaired", "other-size", "turned-size"}
    assert findings["other-size"].text.endswith("their names are wrong as well, which may be all.")
    finding = findings["shifted-names"]
    assert (finding.count, finding.examined) == (23, 23)
    assert f"image {word} theirs" in finding.text
    first = next(iter(there))
    assert f"{first} fits the mask of {there[first]}" in finding.text


def test_names_shifted_in_a_sample_and_in_the_order_of_numbers(found, tmp_path):
    """The neighbours' masks are read though their maps are not in the sample."""
    for k in range(COUNT):
        save(mask_at(3 * k), tmp_path / "numbered" / f"{k}.png")
    maps = {f"{k}": map_at(3 * k + 3) for k in range(COUNT - 1)}
    findings = found(maps, location=from_masks(tmp_path / "numbered"), sample=9)
    assert set(findings) == {"unpaired", "shifted-names"}
    assert findings["shifted-names"].text.startswith(
        "9 of 9 maps (9 of 23 looked at, evenly spaced by name) fit the mask of the image after theirs"
    )


def test_mixed_names(found):
    order = np.random.default_rng(1).permutation(COUNT)
    findings = found({f"{k:03d}": MAPS[f"{other:03d}"] for k, other in enumerate(order)})
    wrong = int((order != np.arange(COUNT)).sum())
    assert wrong - 2 <= findings["mixed-names"].count <= wrong
    assert f"fits the mask of {order[0]:03d}" in findings["mixed-names"].text
    assert "moved" not in findings


def test_maps_that_are_bad_are_not_mixed(found):
    """Noise resembles nothing."""
    rng = np.random.default_rng(5)
    noise = every(lambda levels: gaussian_filter(rng.normal(size=levels.shape), 20))
    scaled = {k: ((v - v.min()) / np.ptp(v) * 255).round().astype(np.uint8) for k, v in noise.items()}
    assert set(found(scaled)) == set()


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (np.fliplr, "mirrored left to right"),
        (np.flipud, "mirrored top to bottom"),
        (lambda a: np.rot90(a, 2), "turned by 180 degrees"),
    ],
)
def test_mirrored(found, turn, words):
    findings = found(every(lambda levels: np.ascontiguousarray(turn(levels))))
    assert set(findings) == {"turned"}
    assert f"if the mask is {words}" in findings["turned"].text


def test_transposed(found):
    findings = found(every(lambda levels: levels.T.copy()))
    assert set(findings) == {"turned-size", "turned"}
    assert findings["turned-size"].count == 24
    assert "transposed (x and y exchanged)" in findings["turned"].text


def test_some_turned_by_exif(found):
    findings = found({**MAPS, "003": np.rot90(MAPS["003"]).copy()})
    assert {name: finding.images for name, finding in findings.items()} == {"turned-size": ("003",)}


def test_saved_in_the_networks_size(found):
    findings = found(every(lambda levels: np.array(Image.fromarray(levels).resize((96, 96)))))
    assert set(findings) == {"other-size"}
    assert "all of them are 96x96, whatever the mask's size" in findings["other-size"].text


def test_saved_at_half_size(found):
    findings = found(every(lambda levels: levels[::2, ::2].copy()))
    assert set(findings) == {"other-size"}
    assert "their height is 0.5 times the mask's" in findings["other-size"].text


def test_masks_of_another_version(found):
    findings = found({**MAPS, "001": MAPS["001"][:-3].copy(), "002": MAPS["002"][:, 5:].copy()})
    assert set(findings) == {"other-size"}
    assert findings["other-size"].images == ("001", "002")
    assert "001 150x197 for 150x200, 002 205x140 for 210x140" in findings["other-size"].text
    assert "the other 22 fit. Masks (or photos) of another version" in findings["other-size"].text


def test_missing_and_extra_maps(found):
    maps = dict(MAPS)
    maps["other"] = maps.pop("004")
    text = found(maps)["unpaired"].text
    assert text.startswith("1 of 24 masks have no map (004) and 1 of 24 maps have no mask (other.png)")
    odd = found({f"{name}_sal": levels for name, levels in MAPS.items()})
    assert set(odd) == {"unpaired"}
    assert "'_sal'" in odd["unpaired"].text
    assert found({f"{name}_sal": levels for name, levels in MAPS.items()}, strip=["_sal"]) == {}


@pytest.mark.parametrize("quality", [50, 75])
def test_jpeg(found, tmp_path, quality):
    def again(levels):
        path = tmp_path / "again.jpg"
        Image.fromarray(levels).save(path, quality=quality)
        return np.array(Image.open(path))

    assert found(every(again))["jpeg-blocks"].count >= 15
    findings = found(MAPS, suffix=".jpg")
    assert set(findings) == {"jpeg"}
    assert findings["jpeg"].text.startswith("24 of 24 maps are of a lossy format")


def test_constant_maps(found):
    flat = {name: np.full_like(MAPS[name], 7) for name in ("005", "006")}
    findings = found({**MAPS, **flat})
    assert set(findings) == {"constant"}
    assert findings["constant"].images == ("005", "006")
    assert "level 7: 005, 006" in findings["constant"].text
    assert set(found(every(np.zeros_like))) == {"constant"}


def test_duplicates(found):
    findings = found({**MAPS, "006": MAPS["003"], "009": MAPS["003"]})
    assert set(findings) == {"duplicates"}
    assert findings["duplicates"].images == ("003", "006", "009")
    assert "003 = 006 = 009" in findings["duplicates"].text


def test_unreadable_files_are_findings(tmp_path, masks):
    for name, levels in MAPS.items():
        save(levels, tmp_path / "maps" / f"{name}.png")
    whole = (tmp_path / "maps/001.png").read_bytes()
    (tmp_path / "maps/001.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "maps/002.png").write_text("<!DOCTYPE html>")
    (tmp_path / "maps/003.png").unlink()
    (tmp_path / "maps/003.png").mkdir()
    (finding,) = examine(open_source(tmp_path / "maps").groups[""], masks)
    assert finding.name == "unreadable"
    assert finding.images == ("001", "002", "003")
    assert finding.text.startswith("3 of 24 maps or their masks cannot be read (001, 002, 003).")
    assert "truncated PNG" in finding.text
    assert "maps/003.png: is a directory, expected an image file" in finding.text
    assert "not an image (begins with" in finding.text


@pytest.mark.parametrize("size", [64, 100, 128])
@pytest.mark.parametrize(("method", "kind"), [("NEAREST", "nearest"), ("BILINEAR", "smooth")])
def test_enlarged(found, size, method, kind):
    findings = found(every(lambda levels: enlarged(levels, size, Image.Resampling[method])))
    finding = findings.pop(f"enlarged-{kind}")
    assert f"{size} pixels (along the longer side)" in finding.text
    assert finding.count >= 12
    assert set(findings) <= {"low-contrast"}


def test_mapped_by_opencv_and_torch_too():
    """Libraries break ties, and place pixels, in their own ways."""
    noise = gaussian_filter(np.random.default_rng(3).normal(size=(128, 128)), 2)
    small = (noise * 900 + 128).clip(0, 255).round()
    at = np.linspace(0, 127, 300)
    low, part = np.minimum(at.astype(int), 126), at - np.minimum(at.astype(int), 126)
    rows = small[low] * (1 - part)[:, None] + small[low + 1] * part[:, None]
    corners = np.round(rows[:, low] * (1 - part) + rows[:, low + 1] * part).astype(np.uint8)
    assert enlarged_from(corners) == ("smooth", 128)
    floor = (np.arange(300) * 128 / 300).astype(int)
    assert enlarged_from(small[np.ix_(floor, floor)].astype(np.uint8)) == ("nearest", 128)


def test_residuals_are_those_of_least_squares():
    rng = np.random.default_rng(8)
    lines = rng.uniform(0, 255, (90, 5))
    found = _residuals(lines, _systems(90, (32, 56)))
    expected = []
    for size in (32, 56):
        for more, corners in ((0, False), (0, True), (-4, False), (4, False)):
            n = size + more
            eye = np.eye(n)
            at = np.linspace(0, n - 1, 90) if corners else (np.arange(90) + 0.5) * n / 90 - 0.5
            matrix = np.stack([np.interp(at, np.arange(n), column) for column in eye], axis=1)
            rest = lines - matrix @ np.linalg.lstsq(matrix, lines, rcond=None)[0]
            expected.append(np.sqrt((rest**2).sum() / (lines.size - 5 * n)))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_small_and_odd_maps_raise_nothing(tmp_path):
    rng = np.random.default_rng(2)
    for k, shape in enumerate([(1, 1), (1, 40), (40, 1), (5, 6), (7, 9), (33, 31), (2, 300)]):
        save(rng.integers(0, 2, shape, np.uint8) * 255, tmp_path / "masks" / f"{k}.png")
        save(rng.integers(0, 256, shape, np.uint8), tmp_path / "maps" / f"{k}.png")
    names = {
        f.name for f in examine(open_source(tmp_path / "maps").groups[""], from_masks(tmp_path / "masks"))
    }
    assert names <= {"constant", "low-contrast", "two-levels"}


def test_samples_are_named_and_progress_is_told(found, masks):
    told = []
    text = found(
        every(lambda levels: 255 - levels), sample=7, progress=lambda done, of: told.append((done, of))
    )["inverted"].text
    assert text.startswith("7 of 7 maps (7 of 24 looked at, evenly spaced by name) are nearer")
    assert told == [(k, 7) for k in range(1, 8)]
    assert sampled(5019, 300)[:3] == [0, 17, 34]
    assert sampled(5019, 300)[-1] == 5018
    with pytest.raises(PredictionError, match="sample=0 must be at least 1"):
        examine([], masks, sample=0)


def test_graded_masks_are_read_as_the_dataset_says(found, masks):
    graded = replace(masks, dataset=replace(masks.dataset, mask_threshold=">254"))
    assert found(MAPS, location=graded) == {}


def test_thumbnails_are_means_and_correlations_are_numpys():
    values = np.random.default_rng(0).random((2, 96, 64)).astype(np.float32)
    thumbs = np.stack([thumbnail(v) for v in values])
    np.testing.assert_allclose(thumbs, values.reshape(2, 32, 3, 32, 2).mean(axis=(2, 4)), rtol=1e-5)
    assert correlation(thumbs[:1], thumbs[1:])[0, 0] == pytest.approx(
        np.corrcoef(thumbs[0].ravel(), thumbs[1].ravel())[0, 1], abs=1e-6
    )


def test_places_between_steps():
    grid = np.arange(-REACH, REACH + 1)
    assert place_of((grid - 0.4) ** 2) == pytest.approx(0.4)
    assert place_of(-grid.astype(float)) == REACH


def test_block_edges_at_blocks():
    levels = np.repeat(np.random.default_rng(0).integers(0, 200, 12, np.uint8), 8)[:, None] * np.ones(
        9, np.uint8
    )
    assert block_edges(levels).argmax() == 7
    assert repeated_from(levels) is None  # 12 rows are no pattern


@pytest.mark.skipif("SODBENCH_REFERENCE" not in os.environ, reason="SODBENCH_REFERENCE is not set")
def test_real_maps():
    """All of it was checked by hand: the networks' sizes are 224 and 320; DSS works on the photo's own."""
    sod = locate(find("SOD"), REFERENCE / "data")
    seen = {
        method: {
            f.name: f.text for f in examine(open_source(REFERENCE / "preds" / method / "SOD").groups[""], sod)
        }
        for method in ("PiCANet", "DSS", "u2netp")
    }
    assert seen["DSS"] == {}
    assert set(seen["u2netp"]) == {"low-contrast", "enlarged-smooth"}
    assert set(seen["PiCANet"]) == {"low-contrast", "enlarged-smooth"}
    assert seen["u2netp"]["enlarged-smooth"].startswith("16 of 16 maps are smooth enlargements of 320")
    assert "enlargements of 224" in seen["PiCANet"]["enlarged-smooth"]
    assert "72 of 300 maps never reach" in seen["PiCANet"]["low-contrast"]
    assert ".1025 as saved, .1021 divided" in seen["PiCANet"]["low-contrast"]
