"""Photos, masks and maps side by side: which images are chosen, what is shown, what is refused."""

import os
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from workspace import good, refused

from sodbench.analysis.pictures import ShownImage, pick_images
from sodbench.data.demo import demo_folder, demo_names
from sodbench.errors import ScoresError
from sodbench.reports.figures.qualitative import errors, overlaid, qualitative_figure
from sodbench.reports.figures.style import figure_style
from sodbench.scoring.selection import load_scores

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def demo(here: Path) -> tuple[str, ...]:
    """Scores of the demo's maps in ``scores``; where its maps are."""
    good("score", "--dataset", "demo", "--out", "scores")
    return str(demo_folder() / "preds"), "-d", "demo"


def test_chosen_images_are_worst_best_and_most_disagreeing(demo):
    scores = load_scores([Path("scores")])
    methods = [one.method for one in scores]
    frame = {one.method: one.per_image()["mae"] for one in scores}
    mean = sum(frame.values()) / len(frame)
    gap = {
        name: max(f[name] for f in frame.values()) - min(f[name] for f in frame.values())
        for name in mean.index
    }
    assert pick_images(scores, methods, "worst", "mae", 3) == list(
        mean.sort_values(ascending=False).index[:3]
    )
    assert pick_images(scores, methods, "best", "mae", 2) == list(mean.sort_values().index[:2])
    assert pick_images(scores, methods, "disagree", "mae", 8) == sorted(gap, key=lambda name: -gap[name])
    worst = min(mean.index, key=lambda name: sum(o.per_image()["max_f"][name] for o in scores))
    assert pick_images(scores, methods, "worst", "max_f", 1) == [worst]


def test_picking_is_refused_without_scores_or_metric(demo):
    scores = load_scores([Path("scores")])
    with pytest.raises(ScoresError, match="mine: expected scores of each method once, found 0 of mine"):
        pick_images(scores, ["mine"], "worst", "mae", 1)
    with pytest.raises(ScoresError, match="unknown metric .maf.; did you mean max_f or mean_f or mba"):
        pick_images(scores, ["blurred"], "worst", "maf", 1)


def test_error_colours():
    gt = np.array([[True, False, True, False]])
    found = errors(np.array([[128, 128, 127, 127]], np.uint8), gt)
    assert found.tolist() == [[[255, 255, 255], [213, 94, 0], [0, 114, 178], [0, 0, 0]]]


def test_overlay_darkens_to_a_third():
    photo = np.full((1, 2, 3), 90, np.uint8)
    assert overlaid(np.array([[0, 255]], np.uint8), photo).tolist() == [[[30] * 3, [90] * 3]]


@pytest.mark.parametrize("kind", ["grey", "errors", "overlay"])
def test_every_picture_is_in_the_figure(kind):
    rng = np.random.default_rng(1)
    shapes = [(20, 30), (30, 20)]
    rows = [
        ShownImage(
            f"i{k}",
            rng.integers(0, 256, (*shape, 3), np.uint8),
            rng.random(shape) > 0.5,
            {"_a": rng.integers(0, 256, shape, np.uint8), "$b$": np.zeros(shape, np.uint8)},
        )
        for k, shape in enumerate(shapes)
    ]
    fig = qualitative_figure(rows, kind, "single")
    assert [ax.get_title() for ax in fig.axes[:4]] == ["Image", "Mask", "_a", "$b$"]
    assert [text.get_text() for text in fig.texts] == ["(a)", "(b)"]
    shown = [np.asarray(ax.images[0].get_array()) for ax in fig.axes]
    np.testing.assert_array_equal(shown[0], rows[0].photo)
    np.testing.assert_array_equal(shown[5], rows[1].gt * 255)
    expected = {
        "grey": rows[0].maps["_a"],
        "errors": errors(rows[0].maps["_a"], rows[0].gt),
        "overlay": overlaid(rows[0].maps["_a"], rows[0].photo),
    }
    np.testing.assert_array_equal(shown[2], expected[kind])
    for ax, row in zip((fig.axes[0], fig.axes[4]), rows, strict=True):
        box = ax.get_position()
        inches = box.width * fig.get_figwidth(), box.height * fig.get_figheight()
        assert inches[1] / inches[0] == pytest.approx(row.gt.shape[0] / row.gt.shape[1])


@pytest.mark.parametrize("width", ["single", "double"])
def test_heads_of_22_methods_do_not_overlap(width):
    gt = np.ones((20, 30), np.bool_)
    names = ["PiCANetR", "PAGRN", *(f"network{k}" for k in range(20))]
    row = ShownImage("i", np.zeros((20, 30, 3), np.uint8), gt, dict.fromkeys(names, gt * np.uint8(9)))
    with figure_style():
        fig = qualitative_figure([row], "grey", width)
        heads = [ax.title.get_window_extent() for ax in fig.axes]
        bottoms = [ax.get_window_extent().y1 for ax in fig.axes]
    assert len(heads) == 24
    assert all(left.x1 < right.x0 for left, right in pairwise(heads))
    assert all(head.y0 >= bottom for head, bottom in zip(heads, bottoms, strict=True))
    assert all(head.y1 <= fig.bbox.y1 for head in heads)


@pytest.mark.parametrize("out", ["q.png", "q.pdf", "q.svg"])
def test_command(demo, out):
    result = good(
        "plot-qualitative", *demo, "--pick", "worst", "--scores", "scores", "--count", 2, "--out", out
    )
    assert result.stdout == f"{out}\n"
    scores = load_scores([Path("scores")])
    chosen = pick_images(scores, [one.method for one in scores], "worst", "max_f", 2)
    assert f"images: {', '.join(chosen)}" in result.stderr
    before = Path(out).read_bytes()
    good("plot-qualitative", *demo, "--images", ",".join(chosen), "--out", out)
    assert Path(out).read_bytes() == before


def test_methods_as_asked(demo):
    preds, *dataset = demo
    asked = ("--ids", "cell", "--out", "q.png")
    good("plot-qualitative", preds, *dataset, "--methods", "centre,blurred", *asked)
    chosen = Path("q.png").read_bytes()
    paths = [f"{preds}/{name}/demo" for name in ("centre", "blurred")]
    good("plot-qualitative", *paths, *dataset, *asked)
    assert Path("q.png").read_bytes() == chosen
    good("plot-qualitative", *paths[::-1], *dataset, *asked)
    assert Path("q.png").read_bytes() != chosen
    refused(
        *("plot-qualitative", preds, *dataset, "--methods", "mine", *asked),
        match="found no maps of mine; valid: blurred, centre, contrast",
    )


def test_images_as_asked(demo):
    names = demo_names()[2::-1]
    good("plot-qualitative", *demo, "--images", ",".join(names), "--out", "q.png")
    with Image.open("q.png") as picture:
        assert picture.width == pytest.approx(7.16 * 300, abs=2)


@pytest.mark.parametrize(
    ("options", "match", "code"),
    [
        (("--images", "nothing"), "nothing: no such image in demo", 1),
        ((), "expected either --ids ID,ID, or --pick with --scores", 2),
        (("--pick", "worst"), "expected either --ids", 2),
        (("--pick", "worst", "--scores", "nowhere"), "nowhere", 1),
        (("--images", "x", "--out", "q.bmp"), r"\.bmp", 1),
    ],
)
def test_refused(demo, options, match, code):
    refused("plot-qualitative", *demo, *options, match=match, code=code)
    assert not list(Path().glob("q.*"))


def test_missing_map_and_photo(demo, here):
    name, other = demo_names()[:2]
    folder = Path("preds/mine/demo")
    folder.mkdir(parents=True)
    source = demo_folder() / "preds/blurred/demo"
    (folder / f"{name}.png").write_bytes((source / f"{name}.png").read_bytes())
    good("plot-qualitative", "preds", "-d", "demo", "--images", name, "--out", "q.png")
    refused("plot-qualitative", "preds", "-d", "demo", "--images", other, match=f"{other}: no map of mine")


def test_a_directory_named_like_a_map_is_refused(demo):
    name = demo_names()[0]
    folder = Path("preds/mine/demo")
    (folder / f"{name}.png").mkdir(parents=True)
    message = rf"mine/demo/{name}\.png: is a directory, expected an image file"
    refused("plot-qualitative", "preds", "-d", "demo", "--images", name, "--out", "q.png", match=message)


def test_a_directory_and_a_pipe_among_the_maps_are_said(demo):
    name = demo_names()[0]
    folder = shutil.copytree(demo_folder() / "preds/blurred/demo", Path("preds/mine/demo"))
    (folder / "x.png").mkdir()
    os.mkfifo(folder / "y.png")
    done = good("plot-qualitative", "preds", "-d", "demo", "--images", name, "--out", "q.png")
    assert (
        "mine on demo: maps without a mask, passed over: 2 (mine/demo/x.png, mine/demo/y.png)\n"
        in done.stderr
    )
