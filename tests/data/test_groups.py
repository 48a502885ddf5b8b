"""Datasets of groups and videos: a folder for each, and ids that are ``group/name``."""

import re
import shutil
from pathlib import Path

import pytest
from workspace import good, map_of, mask_of, refused, save, scored, sodbench

from sodbench.data.discovery import discover
from sodbench.data.locations import check_complete, from_masks, list_images, locate
from sodbench.data.pairing import naming_hint, pair, suggest_loose, suggest_strip
from sodbench.data.registry import find
from sodbench.data.run_files import made_with
from sodbench.data.sources import ImageFile, InFolder
from sodbench.data.verification import verify_dataset
from sodbench.errors import DatasetError, PredictionError
from sodbench.scoring.runs import collect_jobs
from sodbench.scoring.scores import Scores

pytestmark = pytest.mark.usefixtures("here")

FRAMES = {"bmx": 3, "swan": 2}
IDS = ["bmx/00000", "bmx/00001", "bmx/00002", "swan/00000", "swan/00001"]
OWN = """
[Clips]
version = 1
count = 5
grouped = true
groups = 2
masks = ["truth"]
"""


@pytest.fixture(autouse=True)
def _own_dataset(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("own.toml").write_text(OWN)
    monkeypatch.setenv("SODBENCH_DATASETS", "own.toml")


def plant(folder: str, inner: str = "", *, maps: bool = False, suffix: str = ".png") -> Path:
    """Write frames of two videos; `inner` is a folder in that of each video."""
    for group, frames in FRAMES.items():
        for k in range(frames):
            save(map_of(k) if maps else mask_of(k), Path(folder, group, inner, f"{k:05}{suffix}"))
    return Path(folder)


def entries(*names: str) -> list[ImageFile]:
    return [ImageFile(name, InFolder(""), group=name.rpartition("/")[0]) for name in names]


# --- the record of a run


def test_maps_in_a_folder_for_each_video_have_the_record_above_them() -> None:
    """Without it, maps made in half precision would pass for others."""
    plant("maps/Clips", maps=True)
    Path("maps/Clips/run.json").write_text('{"configuration": {"precision": "fp16"}}')
    (found,), _ = discover(Path("maps"), [find("Clips")])
    assert len(found.entries) == len(IDS)
    assert made_with(Path("maps"), found.entries) == {"precision": "fp16"}


# --- pairing


def test_frames_of_a_name_are_told_apart_by_their_group() -> None:
    found = pair(entries("a/0.jpg", "b/0.jpg", "b/1.png"), entries("a/0.png", "b/0.png", "c/0.png"))
    assert [image for image, _, _ in found.pairs] == ["a/0", "b/0"]
    assert (found.missing, found.extra) == (("c/0",), ("b/1.png",))


def test_affixes_are_those_of_names_and_not_of_groups() -> None:
    masks = entries("a/0.png", "a/1.png")
    found = pair(entries("a/M_0_sal.png", "a/1_sal.png"), masks, ["_sal", "M_"])
    assert [image for image, _, _ in found.pairs] == ["a/0", "a/1"]
    assert suggest_strip(entries("a/0_sal.png", "a/1_sal.png"), masks) == "_sal"
    assert suggest_strip(entries("xa/0.png", "xa/1.png"), masks) is None


def test_groups_that_differ_in_case() -> None:
    masks = entries("bmx/00.png")
    assert suggest_loose(entries("BMX/0.png"), masks) == [("BMX/0", "bmx/00")]
    assert [image for image, _, _ in pair(entries("BMX/0.png"), masks, loose=True).pairs] == ["bmx/00"]


def test_maps_in_one_folder_get_a_hint() -> None:
    hint = naming_hint([ImageFile("0.png", InFolder(""))], entries("bmx/0.png"))
    assert hint.endswith("expected GROUP/NAME, as bmx/0.")


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("2#Aircraft#1#Airplane#123_o.jpg", "2#Aircraft#1#Airplane#123_o"),
        ("camourflage_00012.jpg.png", "camourflage_00012"),
        ("a.PNG.JPG", "a"),
        ("a.b.png", "a.b"),
        ("a.png.b.png", "a.png.b"),
        ("x.png", "x"),
        (".png.png", ".png"),
    ],
)
def test_names(name: str, stem: str) -> None:
    assert ImageFile(name, InFolder("")).stem == stem


def test_a_map_of_two_suffixes_belongs_to_its_mask() -> None:
    for k in range(2):
        save(mask_of(k), f"own/masks/2#x#{k}.png")
        save(map_of(k), f"maps/2#x#{k}.jpg.png")
    assert " 2/2 " in good("score", "maps", "--masks", "own/masks").stdout
    save(map_of(0), "maps/2#x#0.png")
    refused(
        "score", "maps", "--masks", "own/masks", match="found two predictions of image 2#x#0, expected one"
    )


# --- masks and photos


@pytest.mark.parametrize(
    ("masks", "inner"),
    [
        ("data/Clips/truth", ""),
        ("data/clips/GT", ""),
        ("data/Clips/Clips/masks/480p", ""),
        ("data/Clips", "truth"),
        ("data/Clips", "GT"),
    ],
)
def test_layouts(masks: str, inner: str) -> None:
    plant(masks, inner)
    photos = "data/Clips/Clips" if "480p" in masks else str(Path(masks).parent)
    plant(masks if inner else f"{photos}/images", "Imgs" if inner else "", maps=True, suffix=".jpg")
    found = locate(find("Clips"), Path("data"))
    assert [mask.stem for mask in found.mask_files] == IDS
    assert found.groups == ("bmx", "swan")
    assert (found.passed_over, found.photos_passed_over, found.root_passed_over) == ([], [], [])
    check_complete(found, subset=False)
    assert sorted(found.photo_files) == IDS
    report = verify_dataset(found)
    assert (report.groups, report.masks, report.photos, report.missing) == (2, 5, 5, ())
    assert report.ok


def test_photos_beside_masks_in_each_group() -> None:
    plant("data/Clips")
    plant("data/Clips", suffix=".jpg")
    found = locate(find("Clips"), Path("data"))
    assert [mask.name for mask in found.mask_files][:2] == ["bmx/00000.png", "bmx/00001.png"]
    assert sorted(found.photo_files) == IDS


def test_masks_in_one_folder_are_no_groups() -> None:
    save(mask_of(0), "data/Clips/truth/00000.png")
    with pytest.raises(
        DatasetError, match=r"data/Clips .no folder with masks, a folder for each group, in it"
    ):
        locate(find("Clips"), Path("data"))
    with pytest.raises(
        DatasetError, match="truth: found masks in its top, expected a folder for each group of"
    ):
        from_masks(Path("data/Clips/truth"), "Clips")


def test_a_group_is_missing() -> None:
    plant("data/Clips/truth")
    shutil.rmtree("data/Clips/truth/swan")
    found = locate(find("Clips"), Path("data"))
    with pytest.raises(
        DatasetError, match=r"found 3 masks in 1 group, expected 5 in 2 for Clips\. Complete them"
    ):
        check_complete(found, subset=False)
    check_complete(found, subset=True)
    result = sodbench("datasets", "verify", "Clips", "--data", "data")
    assert result.exit_code == 1
    assert result.stdout.endswith("NOT ok: 3 of 5 masks, 1 of 2 groups\n")
    save(mask_of(0), "data/Clips/truth/bmx/00003.png")
    save(mask_of(0), "data/Clips/truth/bmx/00004.png")
    with pytest.raises(DatasetError, match="found 5 masks in 1 group, expected 5 in 2"):
        check_complete(locate(find("Clips"), Path("data")), subset=False)


def test_a_group_without_the_folder_of_the_others_is_named() -> None:
    plant("data/Clips", "GT")
    Path("data/Clips/swan/GT").rename("data/Clips/swan/other")
    (line,) = locate(find("Clips"), Path("data")).passed_over
    assert line == (
        "data/Clips: folders of images beside the masks, passed over: 1 (swan/other); to use one, pass "
        "data/Clips/swan/other"
    )


def test_a_dataset_of_ones_own() -> None:
    found = from_masks(plant("mine/masks"))
    assert (found.dataset.name, found.dataset.grouped, found.dataset.count) == ("mine", True, 5)
    assert [mask.stem for mask in found.mask_files] == IDS
    archive = shutil.make_archive("mine", "zip", "mine/masks")
    assert from_masks(Path(archive)).groups == ("bmx", "swan")
    inner = from_masks(Path(plant("other", "gt_pixel"), "*", "gt_pixel"))
    assert (inner.dataset.name, inner.groups) == ("other", ("bmx", "swan"))


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (
            ("masks/bmx", "masks/swan", "images/bmx", "images/swan"),
            "Its folder masks may hold them: pass mine/masks",
        ),
        (("a/GT", "b/GT", "a/Imgs"), r"Each of its folders has a folder GT: pass 'mine/\*/GT'\.$"),
        (("SOD", "bmx"), "Its folders SOD, bmx hold images, and are not read together"),
        (("DUTS-TE-Image", "DUTS-TE-Mask"), "are not read together, .* pass one, such as mine/DUTS-TE-Image"),
        (("a/bmx", "b/swan"), "are not read together"),
    ],
)
def test_folders_that_are_no_groups(folders: tuple[str, ...], message: str) -> None:
    for folder in folders:
        save(mask_of(0), f"mine/{folder}/0.png")
    with pytest.raises(DatasetError, match=f"mine: found no masks here.*{message}"):
        from_masks(Path("mine"))


def test_a_star_that_the_shell_has_replaced() -> None:
    plant("mine", "GT")
    masks = sorted(Path("mine").glob("*/GT"))
    with pytest.raises(PredictionError, match=r"Write --masks 'mine/\*/GT', in quotes\.$"):
        collect_jobs([Path("maps"), *masks[1:]], masks=masks[0])


def test_each_stands_for_folders_that_are_there() -> None:
    plant("mine", "GT")
    with pytest.raises(
        DatasetError, match=r"mine/\*/truth: found no masks here, expected a folder truth of them in"
    ):
        from_masks(Path("mine/*/truth"))
    with pytest.raises(DatasetError, match="none: no such folder"):
        from_masks(Path("none/*/GT"))
    assert [photo.stem for photo in list_images(Path("mine/*/GT"), "photos").entries] == IDS


# --- maps


@pytest.mark.parametrize(
    ("folder", "path"),
    [
        ("preds/A", "preds/A"),
        ("preds/A", "preds"),
        ("preds/A/Clips", "preds"),
        ("preds/A/Clips", "preds/A"),
        ("preds/A/Clips", "preds/A/Clips"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_maps_of_groups(folder: str, path: str, zipped: bool) -> None:
    plant("data/Clips/truth")
    plant(folder, maps=True)
    source = Path(path)
    if zipped:
        source = Path(shutil.make_archive(source.name, "zip", path))
    ((maps,), notices) = discover(source, [find("Clips")])
    assert sorted(entry.stem for entry in maps.entries) == IDS
    assert notices == []
    if not zipped:
        assert maps.method == "A"
        (row,) = scored(path, "--data", "data", "--dataset", "Clips")
        assert (row["method"], row["n"], row["of"]) == ("A", 5, 5)
        stored = Scores.load(Path("scores/A/Clips"))
        assert stored.ids == IDS
        assert stored.provenance["predictions"] == folder


def test_two_methods_on_two_datasets() -> None:
    for method in "AB":
        plant(f"preds/{method}/Clips", maps=True)
        save(map_of(0), f"preds/{method}/SOD/im0.png")
        save(map_of(0), f"preds/{method}/other/im0.png")
    sets, (notice,) = discover(Path("preds"))
    assert [(m.method, m.dataset.name, len(m.entries)) for m in sets if m.dataset] == [
        *(("A", "Clips", 5), ("A", "SOD", 1), ("B", "Clips", 5), ("B", "SOD", 1))
    ]
    assert "passed over: 2 (A/other, B/other)" in notice
    sets, notices = discover(Path("preds"), [find("SOD")])
    assert ([len(maps.entries) for maps in sets], len(notices)) == ([1, 1], 1)


@pytest.mark.parametrize("folders", [("x/A/bmx", "x/A/swan"), ("bmx", "A/swan"), ("A/bmx", "B/C/swan")])
def test_it_is_unclear_where_the_groups_are(folders: tuple[str, ...]) -> None:
    for folder in folders:
        save(map_of(0), f"preds/{folder}/00000.png")
    with pytest.raises(
        PredictionError, match=r"unclear which of .* Clips has groups: expected GROUP/\*\.png"
    ):
        discover(Path("preds"), [find("Clips")])


def test_missing_maps_are_named_group_by_group() -> None:
    plant("data/Clips/truth")
    plant("A", maps=True)
    shutil.rmtree("A/swan")
    Path("A/bmx/00001.png").unlink()
    words = ("score", "A", "--data", "data", "-d", "Clips", "--metrics", "mae")
    missing = r"3 of 5 .*bmx: 1 of 3 \(00001\); swan: all 2"
    refused(*words, match=f"A on Clips: {missing}")
    result = good(*words, "--missing", "skip")
    assert re.search(f"left out: {missing}", result.stderr)
    assert " 2/5 " in result.stdout


def test_stored_scores_of_groups_find_their_masks_again() -> None:
    plant("data/Clips", "GT")
    for k, name in enumerate("AB"):
        for image in IDS:
            save(map_of(k), f"{name}/{image}.png")
    good("score", "A", "B", "--data", "data", "-d", "Clips", "--metrics", "mae", "--scores", "s")
    good("score", "A", "B", "--masks", "data/Clips/*/GT", "-d", "own", "--metrics", "mae", "--scores", "o")
    for scores in ("s", "o"):
        by_size = good("compare", f"{scores}/A", f"{scores}/B", "--by", "size", "--metrics", "mae").stdout
        assert re.search(r"^all +5 ", by_size, re.MULTILINE)
        good("worst", f"{scores}/A", "--metric", "mae", "--out", "w.png")
