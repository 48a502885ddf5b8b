"""The gallery: which images, what stands under them, and that nothing it cannot show stops it."""

import base64
import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from stored import made
from workspace import good, save

import sodbench
from sodbench.analysis.notable import image_values, notable
from sodbench.data.images.thumbnails import data_uri, shrunk
from sodbench.errors import ScoresError
from sodbench.protocol import Protocol
from sodbench.reports.pages.report.gallery import gather_gallery
from sodbench.scoring.scorer import Scorer
from sodbench.scoring.selection import load_scores

SHAPE = (24, 36)
NAMES = ("plain", "<script>alert(1)", "quote\"'", "right\u202eleft", "a&b;c")


def pixels_of(uri):
    [data] = re.findall(r"^data:image/webp;base64,(.*)$", uri)
    with Image.open(BytesIO(base64.b64decode(data))) as picture:
        return np.array(picture)


def mask_of(k):
    mask = np.zeros(SHAPE, bool)
    mask[4 : 12 + k, 5 : 20 + k] = True
    return mask


def map_of(k, seed):
    noise = np.random.default_rng((seed, k)).integers(0, 200, SHAPE)
    return np.clip(mask_of(k) * (160 - 20 * seed) + noise - 40, 0, 255).astype(np.uint8)


@pytest.fixture
def three(tmp_path, monkeypatch):
    """Scores of three methods on photos, masks and maps of hostile names."""
    monkeypatch.chdir(tmp_path)
    for k, name in enumerate(NAMES):
        photo = np.random.default_rng(k).integers(0, 255, (*SHAPE, 3)).astype(np.uint8)
        save(photo, f"data/SOD/images/{name}.jpg")
        save(mask_of(k) * np.uint8(255), f"data/SOD/masks/{name}.png")
        for seed, method in enumerate(("A", "B", "<i>C")):
            save(map_of(k, seed), f"preds/{method}/{name}.png")
    good("score", *sorted(Path("preds").iterdir()), "-d", "SOD", "--data", "data", "--subset")
    return load_scores("scores")


class Page(HTMLParser):
    """Elements of a section, and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def test_numbers_are_those_of_each_image_and_the_best_is_marked(three):
    gallery = gather_gallery(three, "mae", ["mae", "max_f"], count=5)
    frames = {s.method: s.per_image() for s in three}
    assert {item.image for item in gallery.items} == set(NAMES)
    for item in gallery.items:
        for k, metric in enumerate(("mae", "max_f")):
            shown = {method: numbers[k] for method, numbers in item.numbers.items()}
            assert {m: n.text for m, n in shown.items()} == {
                m: f"{frame.loc[item.image, metric]:.4f}" for m, frame in frames.items()
            }
            best = (min if metric == "mae" else max)(float(n.text) for n in shown.values())
            assert all(n.best == (float(n.text) == best) for n in shown.values())
        assert {m.method: m.value for m in item.maps} == {m: n[0].text for m, n in item.numbers.items()}


def test_errors_have_the_colours_of_the_contact_sheet_at_full_size(three):
    gallery = gather_gallery(three, "mae", count=5)
    for item in gallery.items:
        k = NAMES.index(item.image)
        for seed, shown in enumerate(sorted(item.maps, key=lambda m: (m.method[0] == "<", m.method))):
            levels, gt = map_of(k, seed), mask_of(k)
            assert np.array_equal(pixels_of(shown.map.uri)[..., 0], levels)
            errors = pixels_of(shown.errors.uri)
            for found, inside, colour in (
                (True, True, (255, 255, 255)),
                (True, False, (213, 94, 0)),
                (False, True, (0, 114, 178)),
                (False, False, (0, 0, 0)),
            ):
                assert (errors[((levels >= 128) == found) & (gt == inside)] == colour).all()
        assert np.array_equal(pixels_of(item.mask.uri)[..., 0], mask_of(k) * 255)
        assert (item.photo.width, item.photo.height) == SHAPE[::-1]


def test_names_are_text_and_every_picture_says_what_it_is(three):
    page = Page(gather_gallery(three, "mae", count=5).html)
    assert {tag for tag, _ in page.elements} <= {
        *("div", "p", "fieldset", "legend", "label", "input", "ul", "li", "span", "section", "h3", "article"),
        *(
            "h4",
            "bdi",
            "small",
            "img",
            "b",
            "details",
            "summary",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
        ),
    }
    assert {a["data-image"] for a in page.all("article")} == {name.replace("\u202e", "?") for name in NAMES}
    images = page.all("img")
    assert len(images) == 5 * (2 + 2 * 3)
    assert all(a["alt"] and a["width"] and a["height"] and a["src"].startswith("data:") for a in images)
    assert "\u202e" not in page.text


def test_pictures_are_made_smaller_never_larger(three):
    small = gather_gallery(three, "mae", count=5, side=12).items[0]
    assert {(p.width, p.height) for p in (small.photo, small.mask, small.maps[0].map)} == {(12, 8)}
    large = gather_gallery(three, "mae", count=5, side=500).items[0]
    assert (large.mask.width, large.mask.height) == (36, 24)
    tall = np.zeros((1000, 1), np.uint8)
    assert shrunk(tall, 10).shape == (10, 1)
    exact = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(pixels_of(data_uri(exact))[..., 0], exact)


@pytest.mark.parametrize("budget", [1500, 6000, 12000, 20000, 10**6])
def test_what_does_not_fit_is_left_out_and_named(three, budget):
    gallery = gather_gallery(three, "mae", count=5, budget=budget, max_size=2_000_000)
    assert len(gallery.html.encode()) <= budget
    names = {item.image for item in gallery.items} | set(gallery.left_out)
    assert names == set(NAMES)
    if gallery.left_out:
        assert f"{len(gallery.items)} of 5 images" in Page(gallery.html).text
        assert "limit of 2 MB leaves out" in gallery.room
        assert "--max-size" in gallery.room
    else:
        assert budget == 10**6
        assert gallery.room == ""


def test_what_is_gone_or_changed_is_said_in_its_place(three):
    Path(f"data/SOD/images/{NAMES[0]}.jpg").unlink()
    Path(f"preds/A/{NAMES[1]}.png").unlink()
    save(map_of(0, 7), f"preds/B/{NAMES[2]}.png")
    Path(f"data/SOD/masks/{NAMES[3]}.png").unlink()
    Path(f"data/SOD/images/{NAMES[4]}.jpg").write_bytes(b"no photo")
    gallery = gather_gallery(three, "mae", count=5)
    items = {item.image: item for item in gallery.items}
    maps = {image: {m.method: m.map for m in item.maps} for image, item in items.items()}
    assert items[NAMES[0]].photo == ("", *SHAPE[::-1], "plain: photo not found")
    assert maps[NAMES[1]]["A"] == ("", *SHAPE[::-1], f"A on {NAMES[1]}: map not found")
    assert maps[NAMES[1]]["B"].uri
    assert maps[NAMES[2]]["B"].text.endswith("map is not the one that was scored")
    assert items[NAMES[3]].mask.text.endswith("mask not found")
    assert items[NAMES[4]].photo.text.endswith("photo cannot be read")
    assert any("a&b;c.jpg" in line for line in gallery.notices)
    assert gallery.pictures


def test_without_pictures_there_are_numbers_and_the_way_to_pictures(three):
    Path("data").rename("gone")
    gallery = gather_gallery(three, "mae", count=3)
    assert not gallery.pictures
    page = Page(gallery.html)
    assert page.all("img") == []
    assert "--data DIR (or --masks DIR) and --maps DIR" in page.text
    assert all("open" in a for a in page.all("details"))
    assert gather_gallery(three, "mae", count=3, data=Path("gone")).pictures
    alone = gather_gallery(three, "mae", count=3, masks=Path("gone/SOD/masks"))
    assert alone.pictures
    assert all(item.photo is None for item in alone.items)
    assert alone.said == ("SOD: no photos are here.",)
    Path("preds").rename("kept")
    assert not gather_gallery(three, "mae", count=3, data=Path("gone")).pictures
    assert gather_gallery(three, "mae", count=3, data=Path("gone"), maps=Path("kept")).pictures


def test_scores_of_arrays_have_numbers_and_say_why_no_more(three):
    scorer = Scorer(dataset="SOD", method="array", metrics=["mae"])
    scorer.update(map_of(0, 0), mask_of(0), "plain")
    array = scorer.compute()
    alone = gather_gallery([array], "mae", data=Path("data"))
    assert (alone.pictures, alone.notices) == (False, ())
    assert alone.said == ("SOD: arrays in memory were scored, not files, so only numbers are shown.",)
    [item] = [i for i in gather_gallery([array, *three], "mae", count=9).items if i.image == "plain"]
    assert item.mask.uri
    assert [bool(of_method.map.uri) for of_method in item.maps] == [False, True, True, True]
    assert item.maps[0].map.text == "array on plain: scored in memory, not from files"


def test_a_folder_scored_in_python_has_pictures(three):
    scores = sodbench.score_folder("preds/A", "SOD", data="data", subset=True, metrics=["mae"])
    gallery = gather_gallery([scores], "mae")
    assert all(of_method.map.uri for item in gallery.items for of_method in item.maps)


@pytest.mark.parametrize("maps", [None, Path("preds")], ids=["as scored", "--maps"])
def test_a_method_scored_in_two_ways_has_its_maps(three, maps):
    scores = [s for s in three if s.method != "<i>C"]
    fan = sodbench.score_folder("preds/A", "SOD", data="data", subset=True, protocol="fan", metrics=["mae"])
    made = sodbench.report([*scores, fan], maps=maps, metrics=["mae"], resamples=100)
    page = Page(made.html)
    shown = [image["alt"] for image in page.all("img") if image["alt"].startswith("Map of")]
    for method in ("A (u2net)", "A (fan)", "B"):
        assert sum(text.startswith(f"Map of {method} on ") for text in shown) == len(NAMES)


def test_a_dark_map_is_stretched_and_says_so(three, tmp_path):
    save(map_of(0, 0) // 8, f"preds/A/{NAMES[0]}.png")
    good("score", *sorted(Path("preds").iterdir()), "-d", "SOD", "--data", "data", "--subset", "--force")
    gallery = gather_gallery(load_scores("scores"), "mae", count=5)
    [item] = [item for item in gallery.items if item.image == NAMES[0]]
    dark = next(m for m in item.maps if m.method == "A")
    assert dark.note == f"stretched: its highest level is {map_of(0, 0).max() // 8}"
    assert pixels_of(dark.map.uri).max() == 255
    assert "0% of the object found" in dark.errors.text


def test_half_are_the_most_disputed_half_the_worst_in_turn():
    board = [made(name, 60, k) for k, name in enumerate("ABC", start=1)]
    chosen = notable(board, "mae", 12)
    frames = [s.per_image()["mae"] for s in board]
    spread = sorted(board[0].ids, key=lambda i: min(f[i] for f in frames) - max(f[i] for f in frames))
    ranked = [
        image.image for image in sorted(chosen.images, key=lambda i: i.disputed or 99) if image.disputed
    ]
    assert ranked == spread[: len(ranked)]
    assert len(ranked) >= 6
    worst = [f.sort_values(ascending=False).index[0] for f in frames]
    assert {*worst} <= {image.image for image in chosen.images}
    for image in chosen.images:
        assert image.disputed or image.worst
        for method, place in image.worst:
            order = frames["ABC".index(method)].sort_values(ascending=False, kind="stable")
            assert order.index[place - 1] == image.image


def test_methods_scored_in_different_ways_dispute_nothing():
    board = [made("A", 20), made("B", 20, 1, protocol=Protocol(normalise="none"))]
    chosen = notable(board, "mae", 8)
    assert "scored differently" in chosen.unlike
    assert all(image.disputed is None and image.spread is None for image in chosen.images)
    gallery = gather_gallery(board, "mae", count=4)
    assert any("which images they dispute is not shown" in line for line in gallery.said)
    assert not any(n.best for item in gallery.items for numbers in item.numbers.values() for n in numbers)


def test_images_without_a_value_are_not_ranked_and_said():
    board = [made("A", 20, empty=[3]), made("B", 12, 1, empty=[3])]
    gallery = gather_gallery(board, "weighted_f", count=30)
    assert any("undefined on 1 image, not ranked: im0003" in line for line in gallery.said)
    assert "im0003" not in {item.image for item in gallery.items}
    values = image_values(board, "weighted_f")
    assert np.isnan(values.spread[12:]).all()
    assert len(gallery.items) == 19
    only_a = next(item for item in gallery.items if item.image == "im0015")
    assert [m.value for m in only_a.maps][1] == "-"
    with pytest.raises(ScoresError, match="expected at least 1"):
        gather_gallery(board, "weighted_f", count=0)


def test_datasets_take_turns():
    scores = [
        made("A", 9),
        made("B", 9, 1),
        made("A", 9, dataset="HKU-IS@1"),
        made("B", 9, 1, dataset="HKU-IS@1"),
    ]
    gallery = gather_gallery(scores, "mae", count=3)
    assert [item.dataset for item in gallery.items] == ["SOD", "HKU-IS"] * 3
    assert len({item.id for item in gallery.items}) == 6
