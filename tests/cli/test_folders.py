"""Every file under a given folder is used, or reported by name and count, in all commands that take one."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from workspace import (
    IDS,
    NO_SCORES,
    SHAPE,
    good,
    listing,
    map_of,
    mask_of,
    plant_maps,
    plant_masks,
    refused,
    save,
)

MODULE = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1)

    def forward(self, x):
        return (self.conv(x),) if self.training else self.conv(x)
"""
CONFIG = """
model = "tiny"
factory = "folders_net:Net"
loss_weights = [1.0]
resize = 16
crop = 16
batch = 2
workers = 0
iterations = 1
"""
SET = """
[OWN]
version = 1
count = 4
images = ["photos"]
masks = ["masks"]
"""
MASKS, PHOTOS = "data/OWN/masks", "data/OWN/photos"
RUN = ("run", "--model", "tiny", "--model-module", "folders_net:Net", "--weights", "tiny.safetensors")
COMMANDS = {
    "score masks": (("score", "maps", "--masks", MASKS), "maps masks"),
    "score": (("score", "maps", "-d", "OWN", "--data", "data"), "maps masks"),
    "explain": (("explain", "maps", "-d", "OWN", "--data", "data", "--metrics", "mae"), "maps masks"),
    "verify": (("datasets", "verify", "OWN", "--data", "data"), "masks photos"),
    "verify masks": (("datasets", "verify", "OWN", "--masks", MASKS), "masks"),
    "run images": ((*RUN, "--device", "cpu", "--images", PHOTOS, "--out", "out"), "photos"),
    "run": ((*RUN, "--device", "cpu", "-d", "OWN", "--data", "data", "--score"), "photos masks"),
    "train": (("train", "--config", "c.toml", "--data", "data/OWN", "--out", "r"), "photos masks"),
    "train folders": (
        ("train", "--config", "c.toml", "--images", PHOTOS, "--masks", MASKS, "--out", "r"),
        "photos masks",
    ),
    "worst": (("worst", "scores", "--out", "w.png"), "maps masks photos"),
    "plot-qualitative": (
        ("plot-qualitative", "maps", "-d", "OWN", "--data", "data", "--images", "im0", "--out", "q.png"),
        "maps masks photos",
    ),
}


@pytest.fixture
def folders(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Maps, masks and photos of a registered set; a network and a training configuration."""
    monkeypatch.syspath_prepend(here)
    Path("folders_net.py").write_text(MODULE)
    save_file({"conv.weight": torch.ones(1, 3, 1, 1), "conv.bias": torch.ones(1)}, "tiny.safetensors")
    Path("c.toml").write_text(CONFIG)
    Path("sets.toml").write_text(SET)
    monkeypatch.setenv("SODBENCH_DATASETS", str(here / "sets.toml"))
    plant_maps("maps")
    plant_masks(MASKS)
    for k, name in enumerate(IDS):
        save(np.random.default_rng(k).integers(0, 256, (*SHAPE, 3), np.uint8), f"{PHOTOS}/{name}.jpg")
    good("score", "maps", "-d", "OWN", "--data", "data")
    return here


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_not_used_is_said(folders: Path, name: str) -> None:
    words, kinds = COMMANDS[name]
    for folder in ("maps", MASKS, PHOTOS):
        Path(folder, "notes.txt").write_text("x")
        Path(folder, ".hidden").mkdir()
        save(map_of(0), f"{folder}/more/z.png")
    stderr = good(*words).stderr
    for folder, kind in (("maps", "maps"), (MASKS, "masks"), (PHOTOS, "photos")):
        ignored = f"{folder}: files that are no {kind}, passed over: 2 (.hidden/, notes.txt)\n"
        nested = (
            f"{folder}: folders of images beside the {kind}, passed over: 1 (more); to use one, pass "
            f"{folder}/more\n"
        )
        times = 1 if kind in kinds.split() else 0
        assert (stderr.count(ignored), stderr.count(nested)) == (times, times), stderr


def test_members_of_a_zip(folders: Path) -> None:
    for archive, folder in (("maps", "maps"), ("masks", MASKS), ("photos", PHOTOS)):
        with zipfile.ZipFile(f"{archive}.zip", "w") as target:
            for file in Path(folder).iterdir():
                target.write(file, file.name)
            target.write(next(Path(folder).iterdir()), "more/z.png")
            target.writestr("notes.txt", "x")
    scored = good("score", "maps.zip", "--masks", "masks.zip").stderr
    trained = good(
        "train", "--config", "c.toml", "--images", "photos.zip", "--masks", "masks.zip", "--out", "r"
    )
    ran = good(*RUN, "--device", "cpu", "--images", "photos.zip", "--out", "out").stderr
    for said, kinds in (
        (scored, ("maps", "masks")),
        (trained.stderr, ("photos", "masks")),
        (ran, ("photos",)),
    ):
        for kind in kinds:
            assert f"{kind}.zip: files that are no {kind}, passed over: 1 (notes.txt)\n" in said
            nested = f"{kind}.zip: folders of images beside the {kind}, passed over: 1 (more)"
            assert f"{nested}; to use one, unpack the zip and pass it\n" in said


def test_folders_of_methods_with_odd_names(folders: Path) -> None:
    """Only hidden folders and what macOS adds to a zip are passed over, in a folder as in a zip, and said."""
    names = ("__mine", "_ours", ".theirs", "__MACOSX")
    for name in names:
        plant_maps(f"preds/{name}/OWN")
    with zipfile.ZipFile("preds.zip", "w") as target:
        for file in Path("preds").rglob("*.png"):
            target.write(file, file.relative_to("preds"))
    for preds in ("preds", "preds.zip"):
        words = (preds, "-d", "OWN", "--data", "data", "--metrics", "mae", "--out", f"{preds}-scores")
        result = good("score", *words, "--json")
        assert [row["method"] for row in json.loads(result.stdout)] == ["__mine", "_ours"]
        assert f"{preds}: files that are no maps, passed over: 2 (.theirs/, __MACOSX/)\n" in result.stderr


@pytest.mark.parametrize("name", ["verify", "train"])
def test_what_lies_beside_the_folders_of_a_dataset(folders: Path, name: str) -> None:
    words = COMMANDS[name][0]
    assert "beside" not in good(*words, *(["--run", "before"] if name == "train" else [])).stderr
    Path("data/OWN/readme.txt").write_text("x")
    save(map_of(0), "data/OWN/photos2/z.png")
    line = "data/OWN: what lies beside photos + masks, passed over: 2 (photos2, readme.txt)\n"
    assert good(*words).stderr.count(line) == 1


def test_a_run_scores_maps_whose_photos_are_named_otherwise(folders: Path) -> None:
    for photo in Path(PHOTOS).iterdir():
        photo.rename(photo.with_name(f"{photo.stem.upper()}_sat.jpg"))
    words = (*RUN, "--device", "cpu", "-d", "OWN", "--data", "data")
    refused(*words, "--score", match="4 of 4 predictions are missing.*: pass --strip _sat --loose-names")
    assert " 4/4 " in good(*words, "--score", "--strip", "_sat", "--loose-names").stdout
    refused(*words, "--loose-names", match="--strip and --loose-names .* --score", code=2)


def test_a_folder_that_is_no_dataset(folders: Path) -> None:
    for folder in (PHOTOS, "maps"):
        refused(
            *("train", "--config", "c.toml", "--data", folder, "--out", "r"),
            match=f"{folder}: found no masks in it, expected photos and masks in two folders of it",
        )


def test_scores_of_every_path_given(folders: Path) -> None:
    refused("rescore", "scores", "nowhere", "absent", "maps", match=f"nowhere, absent: {NO_SCORES}")
    refused("rescore", "scores", "maps", match="maps: found no scores here; `sodbench score` makes them.")


def in_folders(folder: str, *names: str) -> None:
    """Move the images of a folder into folders of it, by turns."""
    for name in names:
        Path(folder, name).mkdir()
    for file in list(Path(folder).glob("*.*")):
        file.rename(file.parent / names[int(file.stem[-1]) % len(names)] / file.name)


@pytest.mark.parametrize("name", ["score masks", "run images", "train folders"])
def test_images_in_folders_only(folders: Path, name: str) -> None:
    folder, kind = (PHOTOS, "photos") if name == "run images" else (MASKS, "masks")
    in_folders(folder, "images-a", "images-b")
    refused(
        *COMMANDS[name][0],
        match=f"{folder}: found no {kind} here.* Its folders images-a, images-b hold images, and are not "
        f"read together, .*: pass one, such as {folder}/images-a",
    )


def test_groups_of_masks_and_maps_in_one_folder(folders: Path) -> None:
    in_folders(MASKS, "bmx", "swan")
    refused(
        "score", "maps", "--masks", MASKS, "--out", "s2",
        match=r"4 of 4 predictions are missing \(bmx: all 2; swan: all 2\).*The masks lie in one folder for "
        "each group, the maps in one for all: expected GROUP/NAME, as bmx/im0.",
    )  # fmt: skip


def test_maps_of_groups_of_photos(folders: Path) -> None:
    in_folders(PHOTOS, "bmx", "swan")
    in_folders(MASKS, "bmx", "swan")
    good(*COMMANDS["run images"][0])
    assert [path for path in listing("out") if "/" in path] == [
        *("bmx/im0.png", "bmx/im2.png", "swan/im1.png", "swan/im3.png")
    ]
    assert " 4/4 " in good("score", "out", "--masks", MASKS, "--out", "s2").stdout


def test_images_beside_photos_that_are_neither(folders: Path) -> None:
    """The suffix tells masks from photos in one folder: a mask of another suffix must not be lost."""
    for k, name in enumerate(IDS):
        save(map_of(k), f"both/{name}.jpg")
        save(mask_of(k), f"both/{name}.png")
    assert "count as photos" not in good("score", "maps", "--masks", "both").stderr
    Path("both/im3.png").rename("both/im3.pgm")
    Path("maps/im3.png").unlink()
    result = good("score", "maps", "--masks", "both", "--out", "s2")
    assert (
        "both: images not named *.png count as photos; without a mask .png of their name, passed over: 2 "
        "(im3.jpg, im3.pgm)" in result.stderr
    )


def test_the_score_of_a_run_says_nothing_of_its_own_file(folders: Path) -> None:
    result = good(*RUN, "--device", "cpu", "-d", "OWN", "--data", "data", "--score")
    assert "passed over" not in result.stderr
    assert json.loads(Path("preds/tiny/OWN/run.json").read_text())["complete"] is True


@pytest.mark.parametrize("file", [f"{MASKS}/im0.png", f"{PHOTOS}/im0.jpg", "maps/im0.png"])
@pytest.mark.parametrize("command", ["worst", "plot-qualitative"])
def test_a_file_of_a_figure_that_cannot_be_read_is_named(folders: Path, command: str, file: str) -> None:
    """Of a map that is there and not the one that was scored, worst says that instead."""
    words, _ = COMMANDS[command]
    path = Path(file)
    content = path.read_bytes()
    path.write_bytes(content[:60])
    broken = (
        "maps are not those that were scored" if (command, file[:4]) == ("worst", "maps") else rf"{file}: "
    )
    refused(*words, match=rf"^Error: .*{broken}")
    path.unlink()
    path.mkdir()
    refused(*words, match=rf"^Error: {file}: is a directory, expected an image file\.\n$")
    path.rmdir()
    path.write_bytes(content)
    good(*words)
