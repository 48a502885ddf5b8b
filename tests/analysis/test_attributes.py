"""Attributes against other programs, groups at their edges, and metrics of groups by hand."""

import json
import math
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.measure
from PIL import Image
from scipy import ndimage
from scipy.stats import bootstrap as scipy_bootstrap
from stored import made, store
from workspace import good, refused, save

from sodbench.analysis.attributes import (
    ATTRIBUTES,
    attribute_groups,
    attribute_values,
    border,
    contrast,
    listed_groups,
    objects,
    size,
    thin,
)
from sodbench.analysis.breakdown import break_down, break_down_by_lists, breakdown
from sodbench.data.demo import demo_folder, demo_mask, demo_names, demo_photo
from sodbench.data.locations import from_masks, locate
from sodbench.data.registry import find
from sodbench.errors import DatasetError, ScoresError
from sodbench.protocol import Protocol
from sodbench.reports.breakdown import breakdown_sentence, breakdown_text, breakdowns_json
from sodbench.reports.figures.attributes import by_attribute_figure
from sodbench.reports.figures.style import figure_style, save_figure
from sodbench.scoring.pipeline import score_folder
from sodbench.scoring.rows import Row
from sodbench.scoring.scores import Scores

pytestmark = pytest.mark.usefixtures("here")

EMPTY = np.zeros((9, 7), np.bool_)


def blobs(seed: int, shape: tuple[int, int] = (70, 90)) -> np.ndarray:
    """A mask of several smooth parts, some at the border."""
    noise = np.random.default_rng(seed).normal(size=shape)
    return ndimage.gaussian_filter(noise, 4) > 0.04


def opened(gt: np.ndarray, radius: float) -> np.ndarray:
    """Opening with a disc, the outside being as the outermost pixels are."""
    r = math.floor(radius)
    y, x = np.ogrid[-r : r + 1, -r : r + 1]
    wide = np.pad(gt, 4 * r + 4, mode="edge")
    found = ndimage.binary_opening(wide, x * x + y * y <= radius * radius)
    cut = slice(4 * r + 4, -4 * r - 4)
    return found[cut, cut]


@pytest.mark.parametrize("seed", range(6))
def test_measures_against_other_programs(seed):
    gt = blobs(seed)
    assert size(gt) == gt.sum() / gt.size
    parts = skimage.measure.regionprops(skimage.measure.label(gt, connectivity=2))
    assert objects(gt) == sum(part.area >= gt.size / 1000 for part in parts)
    inner = gt.copy()
    inner[1:-1, 1:-1] = False
    assert border(gt) == inner.any()
    kept = opened(gt, max(1, 0.1 * math.sqrt(gt.sum())))
    assert thin(gt) == pytest.approx(1 - kept.sum() / gt.sum(), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_contrast_against_histogramdd(seed):
    gt = blobs(seed)
    photo = np.random.default_rng(seed).integers(0, 256, (*gt.shape, 3), np.uint8)
    photo[gt] //= 2
    a, b = (np.histogramdd(photo[side], [np.arange(0, 257, 32)] * 3)[0] / side.sum() for side in (gt, ~gt))
    there = a + b > 0
    expected = 0.5 * ((a - b)[there] ** 2 / (a + b)[there]).sum()
    assert contrast(gt, photo) == pytest.approx(expected, abs=1e-12)
    assert contrast(gt, photo.astype(np.uint16) * 257) == pytest.approx(expected, abs=1e-12)


def test_thin_is_of_the_objects_scale_and_not_of_the_frame():
    disc = np.hypot(*np.mgrid[-60:61, -60:61]) <= 40
    spider = disc.copy()
    spider[58:63] = True
    assert thin(disc) < 0.01
    legs = (spider & ~disc).sum() / spider.sum()
    assert thin(spider) == pytest.approx(legs, abs=0.005)
    assert thin(np.kron(spider, np.ones((2, 2), np.bool_))) == pytest.approx(thin(spider), abs=0.01)
    filled = np.ones((30, 40), np.bool_)
    assert thin(filled) == 0
    filled[:, 20:] = False
    assert thin(filled) == 0, "an object that the frame cuts has no corners there"


def test_specks_are_no_objects_but_the_largest_is():
    gt = np.zeros((100, 100), np.bool_)
    gt[0, 0] = True
    assert objects(gt) == 1
    gt[50:53, 50:53] = True
    gt[80, 80:89] = True
    assert objects(gt) == 1, "two specks and nothing else"
    gt[20:30, 20] = True
    assert objects(gt) == 1
    gt[20:30, 40] = True
    assert objects(gt) == 2


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_empty_and_full_masks(name):
    photo = np.zeros((9, 7, 3), np.uint8)
    assert math.isnan(ATTRIBUTES[name].of(EMPTY, photo))
    full = {"size": 1, "objects": 1, "border": 1, "thin": 0, "contrast": math.nan}[name]
    assert ATTRIBUTES[name].of(~EMPTY, photo) == pytest.approx(full, nan_ok=True)


def test_values_on_an_edge_belong_to_the_upper_group():
    for name, asked in ATTRIBUTES.items():
        assert len(asked.labels) == len(asked.edges) + 1
        values = {f"at {edge}": edge for edge in asked.edges} | {"low": 0.0, "none": math.nan}
        found = attribute_groups(name, values)
        assert [images[-1] for images in found.values()] == ["low", *list(values)[:-2]]
        assert list(found) == list(asked.labels)
    with pytest.raises(ScoresError, match="unknown attribute 'sise'; did you mean size"):
        attribute_groups("sise", {})


@pytest.fixture(scope="module")
def demo() -> Scores:
    """Scores of a demo method."""
    return score_folder(demo_folder() / "preds/blurred/demo", "demo")


@pytest.fixture
def location():
    return locate(find("demo"))


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_values_of_a_dataset(name, demo, location):
    done = []
    found = attribute_values(name, location, demo, lambda *numbers: done.append(numbers))
    assert list(found) == list(demo_names())
    assert done == [(k, 8) for k in range(1, 9)]
    for image, value in found.items():
        assert value == ATTRIBUTES[name].of(demo_mask(image), demo_photo(image)), image


def test_values_of_the_images_scored(demo, location):
    part = replace(demo, rows={"clock": demo.rows["clock"]})
    assert attribute_values("size", location, part) == {"clock": demo_mask("clock").mean()}


def test_masks_scored_at_a_fixed_size_are_taken_at_their_own(location):
    scores = score_folder(
        demo_folder() / "preds/blurred/demo", "demo", protocol=Protocol(resize="200x256"), metrics=["mae"]
    )
    assert attribute_values("size", location, scores)["clock"] == demo_mask("clock").mean()


def test_other_masks_and_lost_photos_are_refused(demo, location):
    for k, name in enumerate(demo_names()):
        save(demo_mask(name) * np.uint8(255) if k else 255 * np.eye(9, dtype=np.uint8), f"m/{name}.png")
    other = replace(location, masks=Path("m"), root=Path())
    with pytest.raises(
        DatasetError, match=r"astronaut.png: not the mask that was scored \(found 9x9 with 9 "
    ):
        attribute_values("size", other, demo)
    (Path("m") / "astronaut.png").unlink()
    other = replace(location, masks=Path("m"), root=Path())
    with pytest.raises(
        DatasetError, match=r"1 of 8 images have no mask here \(astronaut\). Pass --data DIR or --masks DIR,"
    ):
        attribute_values("size", other, demo)
    bare = from_masks(location.masks, "demo")
    assert len(attribute_values("border", bare, demo)) == 8
    with pytest.raises(DatasetError, match="8 of 8 images have no photo here .* contrast needs them"):
        attribute_values("contrast", bare, demo)


def test_two_masks_or_photos_of_one_image_are_refused(demo, location):
    for name in demo_names():
        save(demo_mask(name) * np.uint8(255), f"m/{name}.png")
        save(demo_photo(name), f"p/{name}.png")
    save(demo_mask("clock") * np.uint8(255), "m/clock.bmp")
    save(demo_photo("clock"), "p/clock.bmp")
    with pytest.raises(DatasetError, match=r"m/clock.bmp and m/clock.png: found two masks of image clock"):
        attribute_values("size", replace(location, masks=Path("m")), demo)
    with pytest.raises(DatasetError, match=r"several photos of one image: p/clock.bmp and p/clock.png;"):
        attribute_values("contrast", replace(location, images=Path("p")), demo)


def test_photos_of_another_size_are_refused(demo, location):
    for name in demo_names():
        save(demo_photo(name)[1:], f"p/{name}.png")
    with pytest.raises(DatasetError, match="photo is 512x511, its mask 512x512"):
        attribute_values("contrast", replace(location, images=Path("p")), demo)


@pytest.mark.skipif("SODBENCH_REFERENCE" not in os.environ, reason="names no reference material")
def test_groups_of_a_real_dataset():
    reference = Path(os.environ["SODBENCH_REFERENCE"])
    scores = score_folder(reference / "preds/PiCANet/SOD", "SOD", data=reference / "data", metrics=["mae"])
    sod = locate(find("SOD"), reference / "data")
    found = {name: attribute_groups(name, attribute_values(name, sod, scores)) for name in ATTRIBUTES}
    shares = {}
    for file in sod.masks.glob("*.png"):
        with Image.open(file) as mask:
            shares[file.stem] = (np.asarray(mask.convert("L")) > 128).mean()
    assert set(found["size"]["<10%"]) == {image for image, share in shares.items() if share < 0.1}
    assert set(found["size"][">=50%"]) == {image for image, share in shares.items() if share >= 0.5}
    for name in ("thin", "contrast"):
        assert all(90 <= len(images) <= 110 for images in found[name].values()), "thirds, as documented"


def scores_of(method: str, errors: dict[str, float], size: int = 1000) -> Scores:
    """Maps of two levels, of which a share of the pixels inside and outside the object is wrong."""
    rows = {}
    for image, share in errors.items():
        fg, bg = np.zeros((2, 256), np.uint32)
        wrong = round(share * size / 2)
        fg[[0, 255]] = wrong, size // 2 - wrong
        bg[[0, 255]] = size // 2 - wrong, wrong
        rows[image] = Row(image, (10, size // 10), fg, bg)
    return Scores(method, "own@1", len(rows), Protocol(), ("max_f", "mae"), rows)


@pytest.fixture
def pair() -> tuple[list[Scores], dict[str, list[str]]]:
    """Two methods on 75 images: the first better on 30 small ones, worse on 35 big ones, equal on ten."""
    rng = np.random.default_rng(3)
    names = [f"i{k:02d}" for k in range(75)]
    first = dict(zip(names, rng.uniform(0.1, 0.3, 75), strict=True))
    second = {n: v + (0.1 if k < 30 else -0.05 if k < 65 else 0) for k, (n, v) in enumerate(first.items())}
    second = {n: v + rng.normal(0, 0.02) * (k < 65) for k, (n, v) in enumerate(second.items())}
    grouped = {"<10%": names[:30], "10-25%": [], "25-50%": names[30:65], ">=50%": names[65:74]}
    return [scores_of("A", first), scores_of("B", second)], grouped


def test_metrics_of_groups_are_those_of_their_images(pair):
    (a, b), grouped = pair
    max_f, mae = breakdown([a, b], "size", grouped, ["max_f", "mae"], resamples=200)
    assert [group.label for group in mae.groups] == ["<10%", "25-50%", ">=50%"]
    assert mae.undefined == ("i74",)
    for groups_of, n in ((mae.groups, [30, 35, 9]), ((mae.whole,), [75])):
        assert [group.n for group in groups_of] == n
    for group in max_f.groups:
        for one, value in zip((a, b), group.values, strict=True):
            share = np.array([one.rows[image].fg[255] / 500 for image in grouped[group.label]])
            p = r = share.mean()  # as many pixels are wrong inside as outside, so P = R on every image
            assert value == pytest.approx(1.3 * p * r / (0.3 * p + r), abs=1e-12)
    for group in mae.groups:
        values = [one.per_image()["mae"][grouped[group.label]] for one in (a, b)]
        assert group.values == pytest.approx([value.mean() for value in values], abs=1e-12)
        assert group.difference == pytest.approx((values[0] - values[1]).mean(), abs=1e-12)


def test_intervals_against_scipy(pair):
    scores, grouped = pair
    (mae,) = breakdown(scores, "size", grouped, ["mae"], resamples=20_000, seed=1)
    for group in mae.groups[:2]:
        columns = [one.per_image()["mae"][grouped[group.label]].to_numpy() for one in scores]
        for found, values in zip(
            (*group.intervals, group.interval), (*columns, columns[0] - columns[1]), strict=True
        ):
            expected = scipy_bootstrap(
                (values,), np.mean, n_resamples=20_000, method="percentile", rng=2, batch=500
            ).confidence_interval
            width = expected.high - expected.low
            assert found == pytest.approx(tuple(expected), abs=0.03 * width)


def test_who_is_ahead_follows_the_metrics_direction(pair):
    scores, grouped = pair
    for found in breakdown(scores, "size", grouped, ["max_f", "mae"], resamples=500):
        ahead = [group.ahead(found.metric == "max_f") for group in found.groups]
        assert ahead == [0, 1, None]
        assert "ahead for <10% (" in breakdown_sentence(found)
        assert "behind for 25-50% (" in breakdown_sentence(found)
        assert "fewer than 20 images, so no verdict, for >=50%." in breakdown_sentence(found)


def test_nineteen_images_get_no_interval(pair):
    scores, grouped = pair
    names = grouped["<10%"]
    for n in (19, 20):
        (found,) = breakdown(scores, "size", {"<10%": names[:n]}, ["mae"], resamples=100)
        assert (found.groups[0].interval is None) == (n < 20)
        assert [interval is None for interval in found.groups[0].intervals] == [n < 20] * 2


def test_identical_methods_are_not_told_apart(pair):
    (a, _), grouped = pair
    (found,) = breakdown([a, replace(a, method="again")], "size", grouped, ["max_f"], resamples=100)
    assert found.whole.difference == 0
    assert found.whole.interval == (0, 0)
    assert "not distinguishable for <10%, 25-50%" in breakdown_sentence(found)


def test_text_and_json(pair):
    scores, grouped = pair
    few = [replace(one, rows={image: one.rows[image] for image in ("i00", "i40")}) for one in scores]
    found = breakdown(few, "size", {"<10%": ["i00"]}, ["mae"], resamples=100)
    first, second = (one.summary()["mae"] for one in few)
    a, b = (one.per_image()["mae"]["i00"] for one in few)
    assert breakdown_text(found).splitlines()[:-1] == [
        "MAE↓ on own, by share of image that is object",
        "size  n       A       B  difference  95 % interval  ahead",
        f"all   2  {first:.4f}  {second:.4f}     {first - second:+.4f}              -  -",
        f"<10%  1  {a:.4f}  {b:.4f}     {a - b:+.4f}              -  -",
        "A against B in MAE, by share of image that is object: "
        "fewer than 20 images, so no verdict, for <10%.",
        "",
        "Differences are A - B, with 95 % percentile intervals of paired resamples of each group's images "
        "(100, seed 0), not corrected for the number of groups.",
        "In no group, as size is undefined: 1 image (i40).",
    ]
    assert breakdown_text(found).splitlines()[-1] == f"signature: {few[0].signature}"
    again = json.loads(breakdowns_json(found))[0]
    assert [group["label"] for group in again["groups"]] == ["all", "<10%"]
    assert again["groups"][1]["values"] == [a, b]
    assert again["groups"][1]["interval"] is None


def test_undefined_metrics_of_a_group(pair):
    scores, grouped = pair
    blank = [replace(one, metrics=(*one.metrics, "relax_f")) for one in scores]
    (found,) = breakdown(blank, "size", grouped, ["relax_f"], resamples=100)
    assert math.isnan(found.groups[0].difference)
    assert found.groups[0].interval is None
    assert json.loads(breakdowns_json([found]))[0]["groups"][0]["values"] == [None, None]


def test_images_where_a_metric_is_undefined_do_not_count():
    """24 images, of which 22 have no object: weighted F is defined on two."""
    scores = [made(name, 24, k, empty=range(2, 24)) for k, name in enumerate("AB")]
    found, whole = breakdown(scores, "size", {"<10%": scores[0].ids}, ["weighted_f", "mae"])
    assert (found.whole.n, whole.whole.n) == (2, 24)
    assert found.whole.interval is None
    assert found.whole.ahead(True) is None
    assert whole.whole.interval is not None
    assert "fewer than 20 images, so no verdict, for <10%" in breakdown_text([found])
    assert "NaN" not in breakdowns_json([found])


def test_what_is_not_comparable_is_refused(pair, location, demo):
    (a, b), _ = pair
    with pytest.raises(ScoresError, match="A: expected scores of at least two methods, once each"):
        breakdown([a], "size", {}, ["mae"])
    with pytest.raises(ScoresError, match="A, A: expected scores of at least two methods"):
        breakdown([a, a], "size", {}, ["mae"])
    with pytest.raises(ScoresError, match="A and B were scored differently: beta2 0.3 and 1"):
        breakdown([a, replace(b, protocol=Protocol(beta2=1))], "size", {}, ["max_f"])
    assert breakdown([a, replace(b, protocol=Protocol(beta2=1))], "size", {}, ["mae"])  # knows no beta2
    with pytest.raises(ScoresError, match="A on own: s_measure was not computed"):
        breakdown([a, b], "size", {}, ["s_measure"])
    with pytest.raises(ScoresError, match="unknown attribute 'form'; valid: size, objects"):
        break_down([demo, replace(demo, method="x")], "form", location, ["mae"])


def test_by_attribute_is_a_breakdown_of_its_groups(demo, location):
    other = score_folder(demo_folder() / "preds/centre/demo", "demo")
    found = break_down([demo, other], "border", location, ["mae", "relax_f"], resamples=100)
    grouped = attribute_groups("border", attribute_values("border", location, demo))
    assert [group.n for group in found[0].groups] == [len(images) for images in grouped.values()]
    mean = other.per_image()["relax_f"][grouped["inside"]].mean()
    assert found[1].groups[0].values[1] == pytest.approx(mean, abs=1e-12)


def test_plot(pair):
    scores, grouped = pair
    found = breakdown(scores, "size", grouped, ["mae", "max_f"], resamples=300)
    with figure_style():
        fig = by_attribute_figure(found)
        save_figure(fig, Path("by.png"))
    ax = fig.axes[0]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == [
        "<10%\nn = 30",
        "25-50%\nn = 35",
        ">=50%\nn = 9",
    ]
    for j, bars in enumerate(ax.containers):
        points, _, (lines,) = bars
        assert points.get_ydata().tolist() == [group.values[j] for group in found[0].groups]
        ends = [segment[:, 1] for segment in lines.get_segments()]
        for end, group in zip(ends, found[0].groups[:2], strict=False):
            assert tuple(end) == pytest.approx(group.intervals[j])
        assert ends[2][0] == ends[2][1], "no interval for nine images"
    stars = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "*"]
    assert stars == [0, 1]
    said = [text.get_text() for text in fig.legends[0].get_texts()]
    assert said == ["A", "B", "95 % CI of the difference excludes 0"]


def test_plot_of_22_methods(pair):
    """Every method has a mark of its own, and none lies on its neighbour."""
    (first, _), grouped = pair
    scores = [replace(first, method=f"network{k}") for k in range(22)]
    found = breakdown(scores, "size", grouped, ["mae", "max_f", "mae"], resamples=20)
    with figure_style():
        fig = by_attribute_figure(found)
        fig.draw_without_rendering()
    marks = {(bars[0].get_color(), bars[0].get_marker()) for bars in fig.axes[0].containers}
    assert len(marks) == 22
    for ax in fig.axes:
        at = [ax.transData.transform((bars[0].get_xdata()[0], 0))[0] for bars in ax.containers]
        assert np.diff(at).min() / fig.dpi * 72 > 3.5
        assert ax.transData.transform((1, 0))[0] - at[-1] > at[1] - at[0]
    some = by_attribute_figure(
        [replace(each, methods=each.methods[:2]) for each in found], among=[s.method for s in scores]
    )
    assert {(bars[0].get_color(), bars[0].get_marker()) for bars in some.axes[0].containers} <= marks


# --- lists of images


def lists(**names: str) -> Path:
    """Write a folder of lists."""
    Path("SOC").mkdir()
    for label, text in names.items():
        Path("SOC", f"{label}.txt").write_text(text)
    return Path("SOC")


def test_lists_may_overlap_and_name_images_as_files():
    folder = lists(BO="im0\nim1.jpg\n\n", AC="Imgs/im1.png\r\nbmx/3\nim1\nnobody\n", CL="")
    said = []
    found = listed_groups(folder, ["im0", "im1", "im2", "bmx/3"], said.append)
    assert found == {"AC": ["bmx/3", "im1"], "BO": ["im0", "im1"], "CL": []}
    assert said == [
        "SOC/AC.txt: 1 of 3 names are of no scored image (nobody)",
        "SOC/CL.txt: empty, so there is no group of it",
    ]


def test_a_list_may_lie_in_a_folder_of_its_group():
    for group, image in (("SOC-AC", "2#x#1"), ("SOC-BO", "a")):
        Path("SOC", group).mkdir(parents=True)
        Path("SOC", group, "test.txt").write_text(f"{image}\n")
    assert listed_groups(Path("SOC"), ["a", "2#x#1"]) == {"SOC-AC": ["2#x#1"], "SOC-BO": ["a"]}


def test_lists_that_cannot_be_used():
    with pytest.raises(ScoresError, match="nowhere: cannot list this folder .No such file"):
        listed_groups(Path("nowhere"), ["im0"])
    folder = lists(AC="x1\nx2\n")
    with pytest.raises(
        ScoresError, match=r"SOC: none of the names listed \(x1, x2\) is that of a scored image \(im0\)"
    ):
        listed_groups(folder, ["im0"])
    (folder / "AC.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScoresError, match=r"AC\.txt: this is no UTF-8 text"):
        listed_groups(folder, ["im0"])
    (folder / "AC.txt").unlink()
    with pytest.raises(ScoresError, match="SOC: found no text files, expected one for each group"):
        listed_groups(folder, ["im0"])


def test_compare_by_lists(pair):
    (a, b), grouped = pair
    for scores in (a, b):
        store(scores)
    folder = lists(AC="\n".join(grouped["<10%"]), BO="\n".join((*grouped["<10%"], *grouped["25-50%"])))
    command = ("compare", "scores/A", "scores/B", "--metrics", "mae", "--by", "SOC")
    text = good(*command, "--plot", "by.png").stdout
    assert "MAE↓ on own, by lists in SOC\n" in text
    assert re.search(r"^AC +30 .*\nBO +65 ", text, re.MULTILINE)
    assert f"In none of the lists: {len(a.ids) - 65} images (" in text
    assert "Groups overlap: an image may be in several." in text
    (found,) = break_down_by_lists([a, b], folder, ["mae"], resamples=100)
    (same,) = breakdown([a, b], "size", grouped, ["mae"], resamples=100)
    assert found.groups[0][1:] == same.groups[0][1:]
    assert json.loads(good(*command, "--json").stdout)[0]["attribute"] == "lists in SOC"
    refused(
        *command[:-1],
        "SOCK",
        match=r"unknown attribute 'SOCK'; valid: .* \(Lists of images are given by their",
    )
