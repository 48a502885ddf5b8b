"""The worst images: which they are, what the sheet shows, and what is refused."""

import csv
import json
import os
import shutil
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from workspace import IDS, NO_SCORES, good, map_of, mask_of, plant, plant_maps, plant_masks, refused, save

from sodbench.analysis.pictures import Pictures, load_pictures, location_of
from sodbench.analysis.worst import Ranked, rank
from sodbench.data.demo import demo_folder, demo_mask, demo_photo
from sodbench.metrics import DEFAULT_METRICS, METRICS
from sodbench.reports.figures.contact_sheet import PAGE, contact_sheet
from sodbench.reports.figures.qualitative import errors
from sodbench.reports.figures.style import figure_style
from sodbench.reports.worst import ranking_json, ranking_title
from sodbench.scoring.scores import Scores

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def demo(here: Path) -> tuple[str, str]:
    """Scores folders of two demo methods."""
    good("score", "--dataset", "demo", "--out", "scores")
    return "scores/blurred/demo", "scores/contrast/demo"


@pytest.fixture
def own(here: Path) -> str:
    """Scores of four small maps on masks without photos."""
    good("score", "maps", "--masks", plant()[1], "--out", "scores")
    return "scores/maps/own"


def stored(folder: str, metric: str) -> dict[str, float]:
    """Per-image values as they stand in a scores folder."""
    lines = csv.DictReader(Path(folder, "images.csv").read_text().splitlines())
    return {line["image"]: float(line[metric] or "nan") for line in lines}


@pytest.mark.parametrize("metric", DEFAULT_METRICS)
def test_order_is_that_of_the_stored_values(demo, metric):
    found = json.loads(good("worst", demo[1], "--metric", metric, "-k", "5", "--json").stdout)
    values = stored(demo[1], metric)
    sign = 1 if METRICS[metric].higher_is_better else -1
    expected = sorted(values, key=lambda image: (sign * values[image], image))[:5]
    assert [one["image"] for one in found["images"]] == expected
    assert [one["value"] for one in found["images"]] == [values[image] for image in expected]
    assert [one["rank"] for one in found["images"]] == [1, 2, 3, 4, 5]
    assert (found["of"], found["than"], found["undefined"]) == (8, None, [])


@pytest.mark.parametrize("metric", ["mae", "s_measure"])
def test_furthest_behind_lists_only_images_that_are_behind(demo, metric):
    a, b = (stored(folder, metric) for folder in demo)
    sign = 1 if METRICS[metric].higher_is_better else -1
    gap = {image: sign * (a[image] - b[image]) for image in a}
    behind = sorted((image for image in gap if gap[image] < 0), key=lambda image: gap[image])
    assert 0 < len(behind) < 8
    found = json.loads(good("worst", demo[0], "--than", demo[1], "--metric", metric, "--json").stdout)
    assert [one["image"] for one in found["images"]] == behind
    assert [one["difference"] for one in found["images"]] == [a[image] - b[image] for image in behind]
    assert found["behind"] == len(behind)


def test_text(own):
    result = good("worst", own, "--metric", "mae", "-k", "2")
    values = stored(own, "mae")
    first, second = sorted(values, key=lambda image: -values[image])[:2]
    assert result.stdout.splitlines()[:-1] == [
        "maps on own: highest MAE, 2 of 4 images",
        "rank  image     MAE  notes",
        f"   1  {first}    {values[first]:.4f}",
        f"   2  {second}    {values[second]:.4f}",
        "",
    ]
    assert result.stdout.splitlines()[-1] == f"signature: {Scores.load(Path(own)).signature}"


def test_text_of_two(own):
    plant_maps("better", seed=1)
    save(mask_of(0), "better/im0.png")
    good("score", "better", "--masks", "own/masks", "--out", "scores")
    a, b = (stored(folder, "mae") for folder in (own, "scores/better/own"))
    behind = sum(a[image] > b[image] for image in a)
    lines = good("worst", own, "--than", "scores/better", "--metric", "mae").stdout.splitlines()
    said = f"maps is behind better in MAE on {behind} of 4 images of own; the {behind} furthest"
    assert lines[0] == said
    assert lines[1] == "rank  image    maps  better  difference  notes"
    assert lines[2].split() == ["1", "im0", f"{a['im0']:.4f}", "0.0000", f"{a['im0']:+.4f}"]


def test_never_behind(own):
    for k, image in enumerate(IDS):
        save(mask_of(k), f"perfect/{image}.png")
    good("score", "perfect", "--masks", "own/masks", "--out", "scores")
    result = good(
        "worst", "scores/perfect", "--than", own, "--metric", "mae", "--out", "w.png", "--csv", "w.csv"
    )
    assert result.stdout.splitlines()[0] == "perfect is behind maps in MAE on none of 4 images of own"
    assert "w.png: not made, as there is no image to show" in result.stderr
    assert not Path("w.png").exists()
    assert Path("w.csv").read_text() == "rank,image,mae,than,difference,notes\n"


def test_undefined_values_are_left_out_and_said(here):
    maps, masks = plant()
    save(np.zeros((20, 30), np.uint8), f"{masks}/im1.png")
    good("score", maps, "--masks", masks, "--out", "scores")
    result = good("worst", "scores", "--metric", "weighted_f", "--csv", "w.csv")
    assert "lowest wF, 3 of 3 images" in result.stdout
    assert "wF is undefined on 1 image, left out: im1" in result.stdout
    lines = list(csv.DictReader(Path("w.csv").read_text().splitlines()))
    assert sorted(line["image"] for line in lines) == ["im0", "im2", "im3"]
    values = stored("scores/maps/own", "weighted_f")
    assert [float(line["weighted_f"]) for line in lines] == [values[line["image"]] for line in lines]
    noted = good("worst", "scores", "--metric", "mae").stdout
    assert [line.split()[-1] for line in noted.splitlines() if "im1" in line] == ["empty-mask"]


def pictures_in(fig) -> list[np.ndarray]:
    """All pictures of a sheet, image by image."""
    return [np.asarray(image.get_array()) for image in fig.axes[0].images]


def words_in(fig) -> list[str]:
    return [text.get_text() for text in fig.axes[0].texts]


def test_sheet_shows_what_lies_on_the_disk(demo):
    a, b = (Scores.load(Path(folder)) for folder in demo)
    ranking = rank(a, "mae", 3, b)
    location = location_of(a)
    maps = {
        one.method: [e for e in _entries(demo_folder() / "preds" / one.method / "demo")] for one in (a, b)
    }
    images = [one.image for one in ranking.images]
    found = load_pictures(images, [(a, maps["blurred"]), (b, maps["contrast"])], location)
    with figure_style():
        shown = contact_sheet(ranking, found)
    pictures = pictures_in(shown)
    assert len(pictures) == 5 * len(images)
    for k, image in enumerate(images):
        photo, mask, other, own, wrong = pictures[5 * k : 5 * k + 5]
        levels = {
            method: np.asarray(Image.open(demo_folder() / "preds" / method / "demo" / f"{image}.png"))
            for method in ("blurred", "contrast")
        }
        np.testing.assert_array_equal(photo, demo_photo(image))
        np.testing.assert_array_equal(mask, demo_mask(image) * 255)
        np.testing.assert_array_equal(other, levels["contrast"])
        np.testing.assert_array_equal(own, levels["blurred"])
        np.testing.assert_array_equal(wrong, errors(levels["blurred"], demo_mask(image)))
    words = words_in(shown)
    assert words[0] == ranking_title(ranking)
    assert {"Image", "Mask", "contrast", "blurred", "Errors"} <= set(words)
    one = ranking.images[0]
    assert f"1  {one.image}  {one.than:.3f} → {one.value:.3f} ({one.difference:+.3f})" in words
    box = shown.axes[0]
    assert box.get_xlim() == (0, 7.16)
    for image in box.images:
        left, right, bottom, top = image.get_extent()
        height, width = image.get_array().shape[:2]
        assert 0 <= left < right <= 7.16
        assert 0 <= top < bottom <= shown.get_figheight()
        assert (bottom - top) / (right - left) == pytest.approx(height / width)


def _entries(folder: Path):
    from sodbench.data.sources import open_source

    return open_source(folder).groups[""]


def test_a_sheet_is_a_page(own):
    scores = Scores.load(Path(own))
    row = scores.rows["im0"]
    rows = {f"i{k:03d}": row._replace(id=f"i{k:03d}") for k in range(60)}
    scores = Scores("maps", "own@1", 60, scores.protocol, scores.metrics, rows)
    photo, gt, levels = np.zeros((30, 40, 3), np.uint8), mask_of(0) > 128, map_of(0)
    for count in (1, 5, PAGE):
        ranking = rank(scores, "mae", 60)
        fig = contact_sheet(ranking, [Pictures(photo, gt, {"maps": levels})] * count)
        assert fig.get_figwidth() == 7.16
        assert fig.get_figheight() < 10.2
        assert len(pictures_in(fig)) == 4 * count
        assert words_in(fig)[0] == f"maps on own: lowest MAE, 60 of 60 images (shown: {count})".replace(
            "lowest", "highest"
        )
    bare = contact_sheet(ranking, [Pictures(None, gt, {"maps": levels})] * PAGE)
    assert len(pictures_in(bare)) == 3 * PAGE
    some = contact_sheet(
        ranking, [Pictures(None, gt, {"maps": levels}), Pictures(photo, gt, {"maps": levels})]
    )
    assert len(pictures_in(some)) == 7


def test_long_names_stay_in_their_places(own):
    scores = Scores.load(Path(own))
    image = "a-photo-with-a-very-long-name-of-many-letters"
    rows = {f"{image}{k}": scores.rows["im0"]._replace(id=f"{image}{k}") for k in range(6)}
    methods = [f"resnet50-with-a-long-name-epoch-{k}" for k in (100, 200)]
    a, b = (Scores(name, "own@1", 6, scores.protocol, scores.metrics, rows) for name in methods)
    worse = {name: row._replace(fg=row.bg, bg=row.fg) for name, row in rows.items()}
    ranking = rank(replace(a, rows=worse), "mae", 60, b)
    gt = mask_of(0) > 128
    pictures = Pictures(np.zeros((20, 30, 3), np.uint8), gt, dict.fromkeys(methods, map_of(0)))
    with figure_style():
        fig = contact_sheet(ranking, [pictures] * 6)
        _, _, *words = fig.axes[0].texts
        boxes = [word.get_window_extent() for word in words]
    assert sum(word.get_text().startswith("resn") for word in words) == 2 * 2
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    assert max(box.x1 for box in boxes) <= fig.bbox.x1


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_sheet_by_command(demo, suffix):
    result = good("worst", demo[0], "-k", "2", "--out", f"w.{suffix}")
    assert f"sheet: w.{suffix} (2 of 2 images listed)" in result.stderr
    before = Path(f"w.{suffix}").read_bytes()
    good("worst", demo[0], "-k", "2", "--out", f"w.{suffix}")
    assert Path(f"w.{suffix}").read_bytes() == before
    assert good("worst", demo[0], "-k", "2").stdout == result.stdout


def test_sheet_without_photos_says_so(own):
    result = good("worst", own, "--out", "w.png")
    assert "no photo of 4 of 4 images; they are shown without" in result.stderr
    with Image.open("w.png") as picture:
        assert picture.width == 2148


def test_maps_and_masks_that_moved(own):
    good("worst", own, "--out", "before.png")
    shutil.move("maps", "elsewhere")
    refused(
        "worst", own, "--out", "w.png", match="maps: the maps were scored from here and are gone. Pass --maps"
    )
    good("worst", own, "--out", "w.png", "--maps", "elsewhere")
    assert Path("w.png").read_bytes() == Path("before.png").read_bytes()
    shutil.move("own/masks", "m")
    refused(
        *("worst", own, "--out", "w.png", "--maps", "elsewhere"),
        match="masks: the masks of own are no longer here. Pass their folder with --masks",
    )
    good("worst", own, "--out", "w.png", "--maps", "elsewhere", "--masks", "m")
    assert Path("w.png").read_bytes() == Path("before.png").read_bytes()


def test_datasets_that_moved(here, monkeypatch):
    shutil.copytree(demo_folder() / "images", "old/SOD/images")
    shutil.copytree(demo_folder() / "masks", "old/SOD/masks")
    maps = demo_folder() / "preds/blurred/demo"
    good("score", maps, "-d", "SOD", "--data", "old", "--subset", "--out", "scores")
    good("worst", "scores", "--out", "before.png")
    shutil.move("old", "new")
    refused("worst", "scores", "--out", "w.png", match="SOD: not found on this disk.*pass --data DIR")
    result = good("worst", "scores", "--out", "w.png", "--data", "new")
    assert "no photo" not in result.stderr
    assert Path("w.png").read_bytes() == Path("before.png").read_bytes()
    monkeypatch.setenv("SODBENCH_DATA", "new")
    good("worst", "scores", "--out", "w.png")


def test_files_that_changed_are_refused(own):
    save(map_of(2, seed=9), "maps/im2.png")
    refused(
        *("worst", own, "--out", "w.png"),
        match=r"maps on own: 1 of 4 maps are not those that were scored \(im2\). Score again, or pass --maps",
    )
    save(mask_of(9), "own/masks/im0.png")
    refused("worst", own, "--out", "w.png", match=r"1 of 4 masks are not those that were scored \(im0\)")
    Path("own/masks/im1.png").unlink()
    refused("worst", own, "--out", "w.png", match=r"1 mask is gone \(im1\). Pass --masks")
    assert not Path("w.png").exists()


def test_maps_that_vanished(own):
    Path("maps/im2.png").unlink()
    refused("worst", own, "--out", "w.png", match=r"maps on own: 1 map is gone \(im2\). Pass --maps")
    assert good("worst", own).stdout


def test_several_methods_at_a_path(own):
    shutil.copytree("maps", "all/one")
    shutil.copytree("maps", "all/two")
    refused(
        "worst", own, "--out", "w.png", "--maps", "all", match="found maps of one, two, expected maps. Pass"
    )
    shutil.copytree("maps", "all/maps")
    good("worst", own, "--out", "w.png", "--maps", "all")


def test_missing_and_renamed_maps_are_shown_as_scored(here):
    plant_masks("own/masks")
    for k, image in enumerate(IDS[:3]):
        save(map_of(k), f"maps/{image}_sal.png")
    good("score", "maps", "--masks", "own/masks", "--missing", "zero", "--strip", "_sal", "--out", "scores")
    result = good("worst", "scores", "--out", "w.png")
    assert [line.split()[-1] for line in result.stdout.splitlines() if "im3" in line] == ["missing"]
    scores = Scores.load(Path("scores/maps/own"))
    found = load_pictures(IDS, [(scores, _entries(Path("maps")))], location_of(scores))
    assert not found[3].maps["maps"].any()
    np.testing.assert_array_equal(found[1].maps["maps"], map_of(1))


def test_infinite_values_are_null_in_json(own):
    """A metric of a user's own may have any value."""
    ranking = rank(Scores.load(Path(own)), "mae", 1)
    odd = replace(ranking, images=(Ranked("im0", float("inf"), float("nan"), ()),))
    (record,) = json.loads(ranking_json(odd))["images"]
    assert (record["value"], record["than"], record["difference"]) == (None, None, None)


def test_what_is_not_used_is_said(own):
    """Also what is named like a map and is none; nothing of it is opened."""
    Path("maps/x.png").mkdir()
    os.mkfifo("maps/y.png")
    save(map_of(0), "maps/z.png")
    done = good("worst", own, "--out", "w.png")
    assert "maps on own: maps without a mask, passed over: 3 (x.png, y.png, z.png)\n" in done.stderr


def test_several_datasets_need_a_name(own):
    plant_masks("second/masks")
    good("score", "maps", "--masks", "second/masks", "--out", "scores")
    refused("worst", "scores", match=r"scores: scores on 2 datasets \(own, second\). Choose one with -d")
    assert "maps on second" in good("worst", "scores", "-d", "second").stdout
    refused("worst", "scores", "-d", "third", match="scores: no scores on third here; valid: own, second")
    refused("worst", own, "--than", "scores/maps/second", match="no scores on own here; valid: second")
    plant_maps("more", seed=2)
    good("score", "more", "--masks", "own/masks", "--out", "scores")
    refused(
        "worst", "scores", "-d", "own", match=r"scores of 2 methods \(maps, more\). Pass the folder of one"
    )


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (("--metric", "maxg"), "unknown metric 'maxg'; did you mean max_f"),
        (("--out", "w.bmp"), r"w.bmp: unknown kind of figure '.bmp'; pass --out with .pdf, .svg, .png"),
        (("--maps", "nowhere", "--out", "w.png"), "nowhere: no such folder or zip. Pass --maps"),
        (("--data", "nowhere", "--out", "w.png"), "own is not a registered dataset, .* Pass its masks with"),
        (("--than", "nowhere"), f"nowhere: {NO_SCORES}"),
        (("--than", "scores/maps/own"), "both scores are of maps, which a list could not distinguish"),
        (("--csv", "maps/im0.png/w.csv"), "cannot write"),
    ],
)
def test_refused(own, options, match):
    refused("worst", own, *options, match=match)
    assert not list(Path().glob("w.*"))


@pytest.mark.parametrize("count", [0, -3])
def test_no_images(own, count):
    refused("worst", own, "-k", count, match=f"{count} is not in the range x>=1", code=2)


def test_scores_that_cannot_be_used(own):
    refused("worst", "nowhere", match=f"nowhere: {NO_SCORES}")
    good("score", "maps", "--masks", "own/masks", "--metrics", "mae", "--out", "few")
    refused("worst", "few", "--metric", "Sm", match=r"maps on own: s_measure was not computed, only mae\. S")
    assert "lowest maxF, 4 of 4 images" in good("worst", "few").stdout
    plant_maps("other", seed=3)
    good("score", "other", "--masks", "own/masks", "--protocol", "fan", "--out", "scores")
    refused(
        *("worst", own, "--than", "scores/other/own"),
        match="maps and other were scored differently: norm max and minmax, .*avg mean-pr and mean-f",
    )
    Path(own, "levels.npz").write_bytes(b"junk")
    refused("worst", own, match="own: these scores are damaged")
