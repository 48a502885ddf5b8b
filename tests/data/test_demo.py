import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
import skimage.data
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt, label
from skimage.draw import polygon2mask

import sodbench.data.demo
from sodbench.data.demo import (
    DEMO_METHODS,
    _fill,
    demo_folder,
    demo_mask,
    demo_names,
    demo_photo,
    demo_prediction,
    write_demo,
)
from sodbench.errors import DatasetError

NAMES = ("astronaut", "camera", "cell", "chelsea", "clock", "coffee", "horse", "rocket")
OUTLINES = Path(sodbench.data.demo.__file__).parent / "demo.toml"

# (height, width), area in per cent, (x, y) on the object, (x, y) beside it
FACTS = {
    "astronaut": (
        (512, 512),
        (52, 55),
        # hair, face, ear, ring of the suit, shoulders, left sleeve, helmet, its hinge
        [
            (230, 22),
            (225, 110),
            (176, 126),
            (132, 180),
            (335, 262),
            (80, 240),
            (30, 400),
            (440, 360),
            (504, 480),
        ],
        # wall left and right, beside the neck, flag, shuttle, table above and beside the helmet
        [(100, 50), (400, 50), (270, 160), (60, 200), (400, 200), (460, 340), (506, 440)],
    ),
    "camera": (
        (512, 512),
        (33, 36),
        # head, nose, camera, glove, coat, crank, each leg of the tripod, its column, both trouser legs
        [
            (215, 75),
            (250, 166),
            (300, 160),
            (325, 190),
            (60, 200),
            (330, 303),
            (270, 380),
            (380, 465),
            (293, 400),
        ]
        + [(50, 490), (145, 490)],
        # sky, before the nose, under the handle, between the legs of tripod and man, grass
        [(100, 100), (256, 165), (250, 225), (284, 420), (320, 420), (115, 490), (200, 400), (450, 450)],
    ),
    "cell": (
        (660, 550),
        (3.4, 3.7),
        [(428, 375), (370, 375), (487, 375), (428, 315), (428, 433)],
        [(275, 330), (358, 375), (498, 375), (428, 304), (428, 444)],
    ),
    "chelsea": (
        (300, 451),
        (77, 80),
        # both eyes, nose, tips of both ears, chest
        [(170, 110), (315, 130), (260, 240), (60, 5), (385, 5), (70, 280), (10, 200)],
        # cloth on the left, background on the right
        [(15, 60), (420, 40), (400, 100), (375, 150), (370, 210), (430, 250)],
    ),
    "clock": (
        (300, 400),
        (11.5, 12.5),
        [(210, 155), (146, 155), (280, 155), (210, 96), (210, 211)],
        [(130, 155), (295, 155), (210, 86), (210, 221), (30, 30)],
    ),
    "coffee": (
        (400, 600),
        (46.5, 48.5),
        # coffee, rim, handle of the cup, spoon and its end, saucer on all sides
        [
            (290, 150),
            (285, 20),
            (215, 270),
            (360, 290),
            (412, 72),
            (82, 215),
            (470, 230),
            (280, 384),
            (100, 280),
        ],
        # table
        [(30, 200), (60, 300), (120, 90), (420, 40), (440, 100), (500, 250), (280, 396)],
    ),
    "horse": (
        (328, 400),
        (32, 34),
        # ears, mouth, belly, tail, four hooves
        [
            (347, 14),
            (356, 14),
            (375, 95),
            (180, 130),
            (30, 180),
            (60, 305),
            (122, 300),
            (260, 306),
            (280, 309),
        ],
        # between the ears, under the chin, between tail and leg, between the hind legs and the front legs
        [(352, 11), (340, 90), (55, 180), (75, 250), (260, 275), (180, 250)],
    ),
    "rocket": (
        (427, 640),
        (1.6, 1.9),
        # nose cone, its sides, the stage down to the pad
        [(322, 130), (313, 160), (331, 160), (322, 250), (316, 400), (328, 400)],
        # sky, towers beside the stage, pad, lights
        [
            (322, 120),
            (305, 160),
            (338, 160),
            (311, 230),
            (332, 230),
            (300, 380),
            (322, 412),
            (363, 397),
            (70, 200),
        ],
    ),
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo(tmp_path_factory.mktemp("demo") / "new" / "demo")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache" / "sodbench"


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_names() -> None:
    assert demo_names() == NAMES == tuple(FACTS)


@pytest.mark.parametrize("name", NAMES)
def test_photo(name: str) -> None:
    photo = demo_photo(name)
    assert photo.dtype == np.uint8
    assert photo.shape == (*FACTS[name][0], 3)
    assert photo.flags.c_contiguous
    assert photo.std() > 10


def test_photo_of_grey_and_of_bool() -> None:
    assert (demo_photo("camera") == skimage.data.camera()[:, :, None]).all()
    horse = demo_photo("horse")
    assert set(np.unique(horse)) == {0, 255}
    assert horse[130, 180].tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", NAMES)
def test_mask(name: str) -> None:
    shape, (low, high), inside, outside = FACTS[name]
    mask = demo_mask(name)
    assert mask.dtype == np.bool_
    assert mask.shape == shape
    assert low < 100 * mask.mean() < high
    assert [(x, y) for x, y in inside if not mask[y, x]] == []
    assert [(x, y) for x, y in outside if mask[y, x]] == []
    assert label(mask, np.ones((3, 3), int))[1] == 1


def test_hand_drawn_horse_is_near_the_drawing() -> None:
    truth, mask = demo_photo("horse")[:, :, 0] < 128, demo_mask("horse")
    assert distance_transform_edt(~mask)[truth].max() < 2
    assert distance_transform_edt(~truth)[mask].max() < 2
    assert (truth & mask).sum() / (truth | mask).sum() > 0.98


@pytest.mark.parametrize("name", NAMES)
def test_mask_as_skimage_fills_it(name: str) -> None:
    entry = tomllib.loads(OUTLINES.read_text(encoding="utf-8"))[name]
    shape = FACTS[name][0]

    def union(texts: list[str]) -> np.ndarray:
        filled = np.zeros(shape, bool)
        for text in texts:
            vertices = [[float(value) for value in vertex.split(",")][::-1] for vertex in text.split()]
            filled |= polygon2mask(shape, vertices)
        return filled

    expected = union(entry["outlines"]) & ~union(entry.get("holes", []))
    mask = demo_mask(name)
    assert (binary_erosion(expected) <= mask).all()
    assert (mask <= binary_dilation(expected, np.ones((3, 3), bool))).all()
    assert (mask != expected).mean() < 0.002


def test_fill_takes_centres_by_even_odd() -> None:
    diamond = ((2.0, -0.5), (4.5, 2.0), (2.0, 4.5), (-0.5, 2.0))
    assert _fill(diamond, 5, 5).astype(int).tolist() == [
        [0, 0, 1, 0, 0],
        [0, 1, 1, 1, 0],
        [1, 1, 1, 1, 1],
        [0, 1, 1, 1, 0],
        [0, 0, 1, 0, 0],
    ]
    twice = ((-9.0, -9.0), (9.0, -9.0), (9.0, 9.0), (-9.0, 9.0))
    assert _fill(twice, 3, 4).all()
    assert not _fill(twice + twice, 3, 4).any()


def test_licences_are_those_that_skimage_states() -> None:
    for name, entry in tomllib.loads(OUTLINES.read_text(encoding="utf-8")).items():
        assert entry["licence"] in ("CC0", "public domain")
        assert entry["licence"] in getattr(skimage.data, name).__doc__
        assert entry["source"]
        assert entry["subject"]


@pytest.mark.parametrize("method", DEMO_METHODS)
@pytest.mark.parametrize("name", NAMES)
def test_prediction(name: str, method: str) -> None:
    prediction = demo_prediction(name, method)
    assert prediction.dtype == np.uint8
    assert prediction.shape == FACTS[name][0]
    assert prediction.min() == 0
    assert prediction.max() == (200 if method == "blurred" else 255)
    assert (prediction == demo_prediction(name, method)).all()


@pytest.mark.parametrize("name", NAMES)
def test_blurred_is_the_best_method_and_not_perfect(name: str) -> None:
    mask = demo_mask(name)
    error = {
        m: np.abs(demo_prediction(name, m) / demo_prediction(name, m).max() - mask).mean()
        for m in DEMO_METHODS
    }
    assert 0.01 < error["blurred"] < 0.12
    assert error["blurred"] < error["centre"]
    assert name == "horse" or error["blurred"] < error["contrast"]


def test_centre_peaks_at_the_centre() -> None:
    centre = demo_prediction("cell", "centre")
    assert (centre == centre[::-1]).all()
    assert (centre == centre[:, ::-1]).all()
    assert centre[330, 275] == 255
    assert centre[375, 428] < centre[330, 275]


def test_contrast_finds_what_has_another_colour() -> None:
    assert demo_prediction("horse", "contrast")[130, 180] > 250
    assert demo_prediction("horse", "contrast")[130, 350] < 5


def test_unknown_names() -> None:
    with pytest.raises(DatasetError, match="demo has no image 'chelsae': did you mean chelsea?"):
        demo_mask("chelsae")
    with pytest.raises(DatasetError, match="demo has no image 'eagle'"):
        demo_photo("eagle")
    with pytest.raises(DatasetError, match="demo has no image 'x'"):
        demo_prediction("x", "centre")
    with pytest.raises(DatasetError, match="demo has no method 'center': did you mean centre?"):
        demo_prediction("cell", "center")


def test_layout(demo: Path) -> None:
    folders = ("images", "masks", "preds/blurred/demo", "preds/centre/demo", "preds/contrast/demo")
    assert files(demo).keys() == {f"{folder}/{name}.png" for folder in folders for name in NAMES}
    assert [path.name for path in demo.parent.iterdir()] == ["demo"]
    for name in NAMES:
        with Image.open(demo / f"images/{name}.png") as image:
            assert image.mode == "RGB"
            assert (np.asarray(image) == demo_photo(name)).all()
        with Image.open(demo / f"masks/{name}.png") as image:
            assert image.mode == "L"
            assert (np.asarray(image) == demo_mask(name) * 255).all()
        for method in DEMO_METHODS:
            with Image.open(demo / f"preds/{method}/demo/{name}.png") as image:
                assert image.mode == "L"
                assert (np.asarray(image) == demo_prediction(name, method)).all()


def test_write_leaves_a_complete_folder_alone(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sodbench.data.demo._render", lambda: pytest.fail("made again"))
    assert write_demo(demo) == demo


def test_folder_is_made_once(cache: Path, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = demo_folder()
    assert folder.parent == cache
    assert folder.name.startswith("demo-")
    assert len(folder.name) == len("demo-") + 12
    assert files(folder) == files(demo)
    monkeypatch.setattr("sodbench.data.demo._render", lambda: pytest.fail("made again"))
    assert demo_folder() == folder


def test_folder_depends_on_revision_and_outlines(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sodbench.data.demo._complete", lambda folder: True)
    first = demo_folder()
    assert demo_folder() == first
    with monkeypatch.context() as changed:
        changed.setattr("sodbench.data.demo.DEMO_REVISION", 10**6)
        assert demo_folder() != first
    edited = tmp_path / "demo.toml"
    edited.write_bytes(OUTLINES.read_bytes() + b"\n")
    monkeypatch.setattr("sodbench.data.demo._OUTLINES", edited)
    assert demo_folder() != first


def test_incomplete_folder_is_completed(cache: Path, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sodbench.data.demo._render", lambda: files(demo))
    folder = demo_folder()
    (folder / "masks/cell.png").unlink()
    (folder / "images/horse.png").write_bytes(b"")
    for name in NAMES:
        (folder / f"preds/centre/demo/{name}.png").unlink()
    (folder / "preds/centre/demo").rmdir()
    (folder / "note.txt").write_text("mine")
    assert demo_folder() == folder
    assert files(folder) == {**files(demo), "note.txt": b"mine"}
    assert list(cache.iterdir()) == [folder]


def test_interrupted_before_the_rename(cache: Path, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sodbench.data.demo._render", lambda: files(demo))
    with monkeypatch.context() as interrupted:
        interrupted.setattr(Path, "rename", interrupt)
        with pytest.raises(KeyboardInterrupt):
            demo_folder()
    assert list(cache.iterdir()) == []
    assert files(demo_folder()) == files(demo)


def test_made_by_several_at_once(cache: Path, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together = Barrier(6)

    def render() -> dict[str, bytes]:
        together.wait(timeout=30)
        return files(demo)

    monkeypatch.setattr("sodbench.data.demo._render", render)
    with ThreadPoolExecutor(6) as pool:
        folders = list(pool.map(lambda _: demo_folder(), range(6)))
    assert len(set(folders)) == 1
    assert files(folders[0]) == files(demo)
    assert list(cache.iterdir()) == [folders[0]]


def test_cache_that_cannot_be_written(tmp_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "file" / name)
    monkeypatch.setattr("sodbench.data.demo._render", lambda: files(demo))
    with pytest.raises(DatasetError, match="cannot be written here .* Set XDG_CACHE_HOME") as error:
        demo_folder()
    assert str(tmp_path / "file") in str(error.value)
