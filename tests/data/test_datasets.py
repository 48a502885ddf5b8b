"""The registry, where datasets are found, pairing by stem, and verification."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sodbench.data.locations import (
    Location,
    absent_folders,
    check_complete,
    from_masks,
    locate,
    locate_all,
    status_of,
)
from sodbench.data.pairing import loose_name, naming_hint, pair, suggest_loose, suggest_strip
from sodbench.data.registry import KINDS, find, registry
from sodbench.data.sources import ImageFile, InFolder
from sodbench.data.verification import verify_dataset
from sodbench.errors import DatasetError, FileError, PredictionError
from sodbench.reports.datasets import dataset_text, datasets_table, verification_text

ROOT = Path(__file__).parents[2]
COUNTS = {
    "DUT-OMRON": 5168,
    "DUTS-TE": 5019,
    "HKU-IS": 4447,
    "ECSSD": 1000,
    "PASCAL-S": 850,
    "SOD": 300,
    "DUTS-TR": 10553,
}


@pytest.fixture(autouse=True)
def config(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the user's own settings and cache out; return the config folder."""
    for name in ("SODBENCH_DATA", "SODBENCH_DATASETS"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "config" / "sodbench"
    folder.mkdir(parents=True)
    monkeypatch.setattr("platformdirs.user_config_path", lambda name: tmp_path / "config" / name)
    cache = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: cache / name)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def save(path: Path, levels: list[list[int]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(levels, np.uint8)).save(path)
    return path


def plant(folder: Path, suffix: str, stems: str = "ab") -> Path:
    for stem in stems:
        save(folder / f"{stem}{suffix}", [[0, 255]])
    return folder


def entries(*names: str) -> list[ImageFile]:
    return [ImageFile(name, InFolder("dir")) for name in names]


def own_entry(config: Path, text: str) -> Path:
    file = config / "datasets.toml"
    file.write_text(text)
    return file


# --- the registry


def test_counts() -> None:
    found = registry()
    assert {name: found[name].count for name in COUNTS} == COUNTS
    assert set(found) >= {*COUNTS, "demo"}
    assert all(dataset.version == 1 and dataset.registered for dataset in found.values())
    assert len(found) > 40
    assert {dataset.kind for dataset in found.values()} == set(KINDS)


@pytest.mark.parametrize("name", COUNTS)
def test_facts_are_complete(name: str) -> None:
    dataset = registry()[name]
    assert dataset.role == ("train" if name == "DUTS-TR" else "test")
    assert dataset.urls
    assert all(url.startswith("http") for url in dataset.urls)
    assert "no official hash is known" in dataset.hashes
    assert dataset.get
    assert dataset.traps
    assert dataset.paper
    assert re.fullmatch(r"10\.1109/\S+", dataset.doi)
    assert dataset.licence
    assert dataset.mask_threshold is None
    assert len(dataset.images) == len(dataset.masks) or name == "DUT-OMRON"


def test_known_traps() -> None:
    found = registry()
    assert len(found["DUT-OMRON"].removed) == 4
    assert found["DUTS-TE"].known_bad == ("ILSVRC2012_test_00036002", "sun_bcogaqperiljqupq")
    assert len(found["DUTS-TR"].known_bad) == 3
    assert [name for name in found if found[name].grey_masks] == ["DUTS-TE", "PASCAL-S", "DUTS-TR"]
    assert set(found["HKU-IS"].other_counts) == {"1447", "4445"}
    assert {d.name: d.groups for d in found.values() if d.grouped} == {
        **{"CoCA": 80, "CoSOD3k": 160, "CoSal2015": 50},
        "DAVSOD-easy": 35,
    }


def test_fingerprints() -> None:
    known = {d.name: d.fingerprint for d in registry().values() if d.fingerprint}
    assert known == {
        "DUT-OMRON": (0.148516, ">128", False),
        "DUTS-TE": (0.148215, ">128", False),
        "HKU-IS": (0.191323, ">128", False),
        "ECSSD": (0.235087, ">128", True),
        "PASCAL-S": (0.245455, ">127", True),
    }


def test_unconfirmed_counts_say_so() -> None:
    unconfirmed = {d.name: d.count for d in registry().values() if not d.confirmed}
    assert unconfirmed == {
        **{f"DIS-TE{k}": 500 for k in (1, 2, 3, 4)},
        **{"DAVIS-S": 92, "THUR15K": 6232, "JuddDB": 900, "ILSO-2K": 600, "VT1000": 1000, "VT5000-TE": 2500},
        "DAVSOD-easy": 0,
    }


@pytest.mark.parametrize("name", ["DUT-OMRON", "dut_omron", "DUTOMRON", "Dut Omron", "dut-o"])
def test_find_by_any_spelling(name: str) -> None:
    assert find(name).name == "DUT-OMRON"


def test_find_unknown_names_the_nearest() -> None:
    with pytest.raises(DatasetError, match=r"unknown dataset ECSD; did you mean ECSSD\?$"):
        find("ECSD")
    with pytest.raises(DatasetError, match="did you mean DUTS-T[ER] or DUTS-T[ER]"):
        find("DUTS")


@pytest.mark.parametrize("name", ["case", "names-case", "dataset", "SED2", "passau"])
def test_a_name_that_is_not_close_is_not_suggested(name: str) -> None:
    with pytest.raises(DatasetError, match=f"unknown dataset {name}; valid: DUT-OMRON, "):
        find(name)


@pytest.mark.parametrize(
    ("path", "data_folder"), [("/data/SOD", "/data"), ("my data/sod/", "'my data'"), ("./SOD", r"\.")]
)
def test_a_folder_named_like_a_dataset_is_given_by_name(path: str, data_folder: str) -> None:
    with pytest.raises(DatasetError, match=rf"is a path, .*Give the name SOD, with --data {data_folder}\.$"):
        find(path)


def test_own_file_that_changes_is_read_again(config: Path) -> None:
    for count in (2, 3):
        own_entry(config, f"[Mine]\nversion = 1\ncount = {count}")
        assert find("Mine").count == count


@pytest.mark.parametrize("path", ["/data/SOD/masks", "./masks", "own/masks", ".", ".."])
def test_a_path_is_no_name(data: Path, path: str) -> None:
    match = f"{path}: is a path, expected the name .* masks with --masks, .* --images, .* --data"
    with pytest.raises(DatasetError, match=match):
        find(path)
    with pytest.raises(DatasetError, match=match):
        from_masks(plant(data / "masks", ".png"), path)


def test_dataset_is_hashable() -> None:
    assert len(set(registry().values())) == len(registry())


def test_own_dataset_from_config_environment_and_argument(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_entry(config, '[Mine]\nversion = 2\ncount = 2\nmasks = ["truth"]\nmask_threshold = ">=26"\n')
    mine = find("mine")
    assert (mine.version, mine.count, mine.masks, mine.mask_threshold) == (2, 2, ("truth",), ">=26")
    other = tmp_path / "other.toml"
    other.write_text("[Other]\nversion = 1\ncount = 1\n")
    assert "Mine" not in registry(other)
    monkeypatch.setenv("SODBENCH_DATASETS", str(other))
    assert "Other" in registry()
    monkeypatch.setenv("SODBENCH_DATASETS", str(tmp_path / "none.toml"))
    with pytest.raises(DatasetError, match=r"none\.toml: cannot read this file \(No such file"):
        registry()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[Mine\n", r"datasets\.toml: this is not valid TOML"),
        ("Mine = 3\n", r"\[Mine\]: found 3, expected a table"),
        ("[Mine]\nversion = 1\n", r"\[Mine\]: count is missing"),
        ("[Mine]\n", r"\[Mine\]: version, count is missing"),
        ("[Mine]\nversion = 1\ncount = 0\n", r"\[Mine\]: count is 0, expected the number of masks"),
        ("[Mine]\nversion = 0\ncount = 1\n", r"\[Mine\]: version is 0, expected a whole number from 1"),
        ("[Mine]\nversion = true\ncount = 1\n", r"version is True, expected a whole number"),
        ("[Mine]\nversion = 1\ncount = -1\n", r"count is -1, expected the number"),
        ('[Mine]\nversion = 1\ncount = "9"\n', r"count is '9', expected the number"),
        ("[Mine]\nversion = 1\ncount = 1\nmask = []\n", r"unknown key mask; did you mean masks"),
        ('[Mine]\nversion = 1\ncount = 1\nmasks = "gt"\n', r"masks is 'gt', expected a list of folders"),
        (
            '[Mine]\nversion = 1\ncount = 1\nmasks = ["../gt"]\n',
            r"masks is \['\.\./gt'\], expected a list of",
        ),
        ("[Mine]\nversion = 1\ncount = 1\naliases = [1]\n", r"aliases is \[1\], expected a list of strings"),
        ('[Mine]\nversion = 1\ncount = 1\nrole = "val"\n', r"role is 'val', expected test, train or demo"),
        (
            '[Mine]\nversion = 1\ncount = 1\nmask_threshold = "128"\n',
            r"mask_threshold is '128', expected a rule",
        ),
        ("[Mine]\nversion = 1\ncount = 1\nmask_threshold = 128\n", r"mask_threshold is 128, expected a rule"),
        ('[Mine]\nversion = 1\ncount = 1\nmask_suffix = "png"\n', r"mask_suffix is 'png', expected a suffix"),
        (
            '[Mine]\nversion = 1\ncount = 1\ngrey_masks = "no"\n',
            r"grey_masks is 'no', expected true or false",
        ),
        (
            "[Mine]\nversion = 1\ncount = 1\nother_counts = {a = 1}\n",
            r"other_counts is .*, expected a table of",
        ),
        ("[Mine]\nversion = 1\nconfirmed = true\n", r"\[Mine\]: count is missing"),
        ("[Mine]\nversion = 1\ncount = 1\ngroups = 2\n", r"groups is 2, expected grouped = true beside it"),
        ("[Mine]\nversion = 1\ncount = 1\ngrouped = 2\n", r"grouped is 2, expected true or false"),
        ('[Mine]\nversion = 1\ncount = 1\nkind = "x"\n', r"kind is 'x', expected one of salient, high res"),
        ("[Mine]\nversion = 1\ncount = 1\nfingerprint = 0.2\n", r"fingerprint is 0.2, expected a table such"),
        (
            "[Mine]\nversion = 1\ncount = 1\nfingerprint = {share = 2.0}\n",
            r"fingerprint is .*, expected a table",
        ),
        (
            '[Mine]\nversion = 1\ncount = 1\nfingerprint = {share = 0.2, rule = "128"}\n',
            "fingerprint is .*, expected a table",
        ),
        (
            "[Mine]\nversion = 1\ncount = 1\nfingerprint = {share = 0.2, by = 1}\n",
            "fingerprint is .*, expected a table",
        ),
        ('["a|b"]\nversion = 1\ncount = 1\n', r"\[a\|b\]: a name may hold letters"),
        ("[SOD]\nversion = 1\ncount = 1\n", r"\[SOD\]: the name SOD already belongs to SOD\. Choose another"),
        ("[hku_is]\nversion = 1\ncount = 1\n", r"the name hku_is already belongs to HKU-IS"),
        (
            '[X]\nversion = 1\ncount = 1\naliases = ["omron"]\n',
            r"the name omron already belongs to DUT-OMRON",
        ),
    ],
)
def test_own_file_is_checked(config: Path, text: str, message: str) -> None:
    own_entry(config, text)
    with pytest.raises(DatasetError, match=message) as caught:
        registry()
    assert str(config / "datasets.toml") in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[X]\nimages = " + "[" * 3000 + "]" * 3000, "nested more than 20 deep"),
        ("X" + ".a" * 100_000 + " = 1", "nested more than 20 deep"),
        ("X" + ".a" * 30 + " = 1", "nested more than 20 deep"),
        ("[X]\n" + "k" * 100_000 + " = 1", r"unknown key k+ \.\.\. .100001 characters"),
        ('[X]\nversion = "' + "a b " * 1000 + '"', r"version is 'a b .*\.\.\. .4000 characters., expected"),
        ("[X]\nversion = 1 # \0", "this is not valid TOML"),
        ("#" * (1 << 20) + "\n", "has 1048577 bytes, expected at most 1048576"),
    ],
)
def test_hostile_files(config: Path, text: str, message: str) -> None:
    own_entry(config, text)
    with pytest.raises(DatasetError, match=message) as caught:
        registry()
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", ["config.toml", "datasets.toml"])
def test_a_pipe_is_no_file(config: Path, name: str) -> None:
    os.mkfifo(config / name)
    with pytest.raises(DatasetError, match=rf"{name}: is a named pipe .FIFO., expected a TOML file"):
        locate_all()
    (config / name).unlink()
    (config / name).symlink_to("nowhere")
    with pytest.raises(DatasetError, match=rf"{name}: cannot read this file .No such file"):
        locate_all()


def test_shipped_file_resolver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "site" / "sodbench"
    package.mkdir(parents=True)
    monkeypatch.setattr("sodbench.utils.files.PACKAGE", package)
    with pytest.raises(
        FileError, match=r"Looked at: .*sodbench.data.datasets\.toml, .*site.datasets\.toml\. Install"
    ):
        registry()
    (package.parent / "datasets.toml").write_text("[B]\nversion = 1\ncount = 1\n")
    assert list(registry()) == ["B"]
    (package / "data").mkdir()
    (package / "data" / "datasets.toml").write_text("[A]\nversion = 1\ncount = 1\n")
    assert list(registry()) == ["A"]


# --- where datasets lie


@pytest.mark.parametrize(
    ("name", "images", "masks"),
    [
        ("SOD", "SOD/images", "SOD/masks"),
        ("SOD", "sod/Imgs", "sod/GT"),
        ("SOD", "SOD/im", "SOD/gt"),
        ("SOD", "SOD/image", "SOD/mask"),
        ("SOD", "SOD/images", "SOD/gts"),
        ("SOD", "SOD/imgs", "SOD/gt_masks"),
        ("SOD", "SOD/SOD/images", "SOD/SOD/masks"),
        ("SOD", "SOD/images", "SOD/masks/masks"),
        ("ECSSD", "ECSSD/images", "ECSSD/ground_truth_mask"),
        ("HKU-IS", "hkuis/imgs", "hkuis/gt"),
        ("PASCAL-S", "salObj/datasets/imgs/pascal", "salObj/datasets/masks/pascal"),
        ("PASCAL-S", "PASCAL_S/salObj/datasets/imgs/pascal", "PASCAL_S/salObj/datasets/masks/pascal"),
        ("DUTS-TE", "DUTS-TE/DUTS-TE-Image", "DUTS-TE/DUTS-TE-Mask"),
        ("DUTS-TE", "DUTS-TE/DUTS-TE/DUTS-TE-Image", "DUTS-TE/DUTS-TE/DUTS-TE-Mask"),
        ("DUTS-TE", "DUTS-TE-Image", "DUTS-TE-Mask"),
        ("DUTS-TR", "DUTS/DUTS-TR/DUTS-TR-Image", "DUTS/DUTS-TR/DUTS-TR-Mask"),
        ("DUT-OMRON", "DUT-OMRON-image", "pixelwiseGT-new-PNG"),
        ("DUT-OMRON", "DUT-OMRON/DUT-OMRON-image", "DUT-OMRON/pixelwiseGT-new-PNG"),
        ("DUT-OMRON", "OMRON/DUT-OMRON-image", "OMRON/DUT-OMRON-gt-pixelwise.zip/pixelwiseGT-new-PNG"),
    ],
)
def test_layouts(data: Path, name: str, images: str, masks: str) -> None:
    plant(data / images, ".jpg")
    plant(data / masks, ".png")
    (data / masks / "Thumbs.db").touch()
    found = locate(find(name), data)
    assert [entry.name.split("/")[-1] for entry in found.mask_files] == ["a.png", "b.png"]
    assert sorted(found.photo_files) == ["a", "b"]
    assert found.images != found.masks


@pytest.mark.parametrize("folder", ["PASCAL-S", "PASCAL-S/Imgs", "pascal_s/images"])
def test_side_by_side(data: Path, folder: str) -> None:
    plant(data / folder, ".JPG")
    plant(data / folder, ".png")
    found = locate(find("PASCAL-S"), data)
    assert [entry.stem for entry in found.mask_files] == ["a", "b"]
    assert all(entry.name.endswith(".png") for entry in found.mask_files)
    assert [entry.name.split("/")[-1] for entry in found.photo_files.values()] == ["a.JPG", "b.JPG"]
    assert found.layout.startswith("side by side in ")


def test_masks_without_photos(data: Path) -> None:
    plant(data / "SOD" / "masks", ".png")
    found = locate(find("SOD"), data)
    assert (found.images, found.layout, found.photo_files) == (None, "masks", {})
    assert found.root == data / "SOD"


def test_the_folder_itself_may_be_given(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(data / "SOD" / "masks", ".png")
    assert locate(find("SOD"), data / "SOD").root == data / "SOD"
    monkeypatch.chdir(data / "SOD")
    assert locate(find("SOD"), Path()).masks.resolve() == (data / "SOD" / "masks").resolve()


def test_names_of_the_archive_do_not_pull_in_other_folders(data: Path) -> None:
    plant(data / "DUTS-TE-Mask", ".png")
    plant(data / "images", ".jpg")
    assert locate(find("DUTS-TE"), data).images is None


def test_own_layout(config: Path, data: Path) -> None:
    own_entry(config, '[Mine]\nversion = 1\ncount = 2\naliases = ["my set"]\nmasks = ["a/truth"]\n')
    plant(data / "My-Set" / "A" / "Truth", ".png")
    found = locate(find("Mine"), data)
    assert found.layout == "A/Truth"
    check_complete(found, subset=False)


def test_data_folders_by_precedence(
    config: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = (plant(tmp_path / name / "SOD" / "masks", ".png") for name in ("one", "two", "three"))
    sod = find("SOD")
    (config / "config.toml").write_text(f"data = '{tmp_path / 'three'}'\n")
    assert locate(sod).masks == three
    (config / "config.toml").write_text("data = ['none', '../../three']\n")
    assert locate(sod).masks.resolve() == three.resolve()
    monkeypatch.setenv("SODBENCH_DATA", os.pathsep.join([str(tmp_path / "none"), str(tmp_path / "two")]))
    assert locate(sod).masks == two
    assert locate(sod, tmp_path / "one").masks == one
    with pytest.raises(DatasetError, match="not found"):
        locate(sod, data)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data = 3\n", r"config\.toml: data is 3, expected a folder or a list of folders"),
        ("data = [3]\n", r"data is \[3\], expected"),
        (
            'data = ["~nobody-has-this-name/sod"]\n',
            r"config\.toml: '~nobody-has.*names a home folder that does not",
        ),
        ("dat = 'x'\n", r"config\.toml: unknown key dat"),
        ("data = \n", r"config\.toml: this is not valid TOML"),
        ("data = " + "[" * 3000 + "]" * 3000 + "\n", r"config\.toml: .* nested more than 20 deep"),
        ('data = "\\u0000"\n', "cannot look this path up .embedded null byte"),
        (
            f"data = ['/{'x' * 5000}']\n",
            "x+\\.\\.\\. .5001 characters.: cannot look this path up .File name too long",
        ),
    ],
)
def test_config_is_checked(config: Path, text: str, message: str) -> None:
    (config / "config.toml").write_text(text)
    with pytest.raises(DatasetError, match=message):
        locate(find("SOD"))


def test_not_found_lists_places_and_the_way_out(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "full" / "ECSSD" / "pictures").mkdir(parents=True)
    places = [data / "none", data, data / "full"]
    monkeypatch.setenv("SODBENCH_DATA", os.pathsep.join(map(str, places)))
    with pytest.raises(DatasetError, match="ECSSD: not found on this disk") as caught:
        locate(find("ECSSD"))
    message = str(caught.value)
    assert f"{data / 'none'} (no such folder)" in message
    assert f"{data} (no folder ECSSD or Extended-CSSD in it)" in message
    assert f"{data / 'full' / 'ECSSD'} (no folder with masks in it)" in message
    assert f"To get it: {find('ECSSD').get} ({find('ECSSD').urls[0]})" in message
    assert "--data DIR" in message


def test_not_found_without_any_data_folder() -> None:
    with pytest.raises(
        DatasetError, match=r"Looked in: nowhere, as neither SODBENCH_DATA nor .*config\.toml names"
    ):
        locate(find("SOD"))


def test_folder_that_cannot_be_listed(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(DatasetError, match=r"data: cannot list this folder \(Permission denied\)"):
        locate(find("SOD"), data)


def test_demo_is_built_in() -> None:
    found = locate(find("demo"))
    check_complete(found, subset=False)
    assert len(found.photo_files) == found.dataset.count > 0
    assert verify_dataset(found).ok


def test_demo_files_missing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sodbench.data.demo.demo_folder", lambda: data)
    with pytest.raises(DatasetError, match="files of demo are missing"):
        locate(find("demo"))


def test_locate_all(config: Path, data: Path) -> None:
    own_entry(config, "[Mine]\nversion = 1\ncount = 2\n")
    plant(data / "Mine" / "gt", ".png")
    plant(data / "SOD" / "gt", ".png")
    found = {status.dataset.name: status for status in locate_all(data)}
    assert list(found) == list(registry())
    assert list(found)[-1] == "Mine"
    assert (found["Mine"].masks, found["Mine"].complete) == (2, True)
    assert (found["SOD"].masks, found["SOD"].complete) == (2, False)
    assert (found["ECSSD"].location, found["ECSSD"].masks, found["ECSSD"].complete) == (None, 0, False)
    assert found["demo"].complete


def test_data_folders_that_are_not_there(config: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        DatasetError, match="none: no such folder, expected a folder that holds dataset folders"
    ):
        locate_all(data / "none")
    (data / "file").touch()
    with pytest.raises(DatasetError, match="file: a file, expected a folder that holds dataset folders"):
        locate_all(data / "file")
    with pytest.raises(DatasetError, match=r"Looked in: .*file \(a file\)"):
        locate(find("SOD"), data / "file")
    assert absent_folders() == []
    (config / "config.toml").write_text(f"data = ['{data}', '{data}/none']\n")
    (line,) = absent_folders()
    assert line.startswith(f"{data}/none: no such folder, though {config}/config.toml names it")
    monkeypatch.setenv("SODBENCH_DATA", f"{data}/file")
    assert absent_folders() == [f"{data}/file: a file, though SODBENCH_DATA names it as a folder of datasets"]


def test_masks_in_the_place_of_datasets(data: Path) -> None:
    folder = plant(data / "truth", ".png")
    with pytest.raises(
        DatasetError, match=r"truth \(no folder SOD in it; it holds images itself: .* --masks"
    ):
        locate(find("SOD"), folder)


# --- masks given by hand


@pytest.mark.parametrize(
    ("folder", "name"),
    [("mine/masks", "mine"), ("mine/GT", "mine"), ("my best set!", "my-best-set"), ("v1.0", "v1.0")],
)
def test_masks_of_no_registered_dataset(data: Path, folder: str, name: str) -> None:
    found = from_masks(plant(data / folder, ".png"))
    assert (found.dataset.name, found.dataset.version, found.dataset.count) == (name, 0, 2)
    assert not found.dataset.registered
    check_complete(found, subset=False)


def test_masks_by_name(data: Path) -> None:
    folder = plant(data / "masks", ".png")
    assert from_masks(folder, "sod").dataset == find("SOD")
    assert from_masks(folder, "a:b").dataset.name == "a-b"
    assert from_masks(folder).dataset.name == "data"


def test_masks_from_zip(data: Path) -> None:
    plant(data / "masks", ".png")
    with zipfile.ZipFile(data / "mine.zip", "w") as archive:
        for name in ("a.png", "b.png"):
            archive.write(data / "masks" / name, f"mine/gt/{name}")
        archive.writestr("__MACOSX/mine/gt/._a.png", b"")
    found = from_masks(data / "mine.zip")
    assert (found.dataset.name, found.dataset.count) == ("mine", 2)
    assert verify_dataset(found).ok


def test_masks_beside_photos(data: Path) -> None:
    plant(data / "mine", ".png")
    found = from_masks(plant(data / "mine", ".jpg"))
    assert found.dataset.count == 2
    assert verify_dataset(found).photos == 2


def test_masks_that_are_not_there(data: Path) -> None:
    with pytest.raises(DatasetError, match="none: no such folder or zip"):
        from_masks(data / "none")
    with pytest.raises(DatasetError, match="data: found no masks here, expected a folder or zip"):
        from_masks(data)
    plant(data / "images", ".jpg")
    plant(data / "masks", ".png")
    with pytest.raises(DatasetError, match="Its folder masks may hold them: pass .*data/masks"):
        from_masks(data)


def test_folders_of_masks_in_a_zip(data: Path) -> None:
    """There is no path to a folder in a zip."""
    plant(data / "images", ".jpg")
    plant(data / "masks", ".png")
    archive = Path(shutil.make_archive(str(data.parent / "all"), "zip", data))
    with pytest.raises(DatasetError, match=r"Its folder masks may hold them: unpack the zip and pass it\.$"):
        from_masks(archive)
    (data / "masks").rename(data / "val")
    archive = Path(shutil.make_archive(str(data.parent / "all"), "zip", data))
    with pytest.raises(DatasetError, match=r"beside each other: unpack the zip and pass one\.$"):
        from_masks(archive)


# --- completeness


def location(config: Path, data: Path, facts: str, stems: str) -> Location:
    own_entry(config, f"[Mine]\nversion = 1\n{facts}\n")
    plant(data / "Mine" / "masks", ".png", stems)
    return locate(find("Mine"), data)


def test_too_few_masks(config: Path, data: Path) -> None:
    found = location(config, data, "count = 3\nother_counts = {2 = 'the test split'}", "ab")
    message = (
        r"masks: found 2 masks, expected 3 for Mine\. A version of Mine with 2 is known: the test split\. "
        r"Complete them "
        r"\(`sodbench datasets verify Mine --masks .*/Mine/masks` lists .*--subset: the signature "
        r"then says 2/3\. To score this version .*, pass --masks .*/Mine/masks --dataset Mine-2\.$"
    )
    with pytest.raises(DatasetError, match=message):
        check_complete(found, subset=False)
    check_complete(found, subset=True)


@pytest.mark.parametrize("subset", [False, True])
def test_too_many_or_removed_masks(config: Path, data: Path, subset: bool) -> None:
    found = location(config, data, "count = 3\nremoved = ['b', 'x']", "abcd")
    with pytest.raises(DatasetError, match=r"found 4 masks, expected 3 .*do not belong to it: b\. Remove"):
        check_complete(found, subset)
    (found.masks / "d.png").unlink()
    found = locate(found.dataset, data)
    with pytest.raises(DatasetError, match=r"found 3 masks, expected 3 .*do not belong to it: b\. Remove"):
        check_complete(found, subset)


# --- pairing


@given(
    st.sets(st.text("ab1_", min_size=1, max_size=4), min_size=1),
    st.sets(st.text("ab1_", min_size=1, max_size=4)),
    st.sampled_from([".png", ".PNG", ".jpg", ".bmp", ".npy"]),
    st.sampled_from(["", "_sal", "-x"]),
)
def test_pairing_partitions_the_ids(masks: set[str], preds: set[str], suffix: str, affix: str) -> None:
    found = pair(
        entries(*(f"{stem}{affix}{suffix}" for stem in preds)),
        entries(*(f"{stem}.png" for stem in masks)),
        strip=[affix],
    )
    assert [image for image, _, _ in found.pairs] == sorted(preds & masks)
    assert all(p.stem == f"{i}{affix}" and m.stem == i for i, p, m in found.pairs)
    assert found.missing == tuple(sorted(masks - preds))
    assert found.extra == tuple(sorted(f"{stem}{affix}{suffix}" for stem in preds - masks))


def test_strip_removes_each_affix_once() -> None:
    masks = entries("a.png", "b.png", "c_sal.png", "_sal.png")
    preds = entries("M_a_sal.png", "M_b.png", "c_sal_sal.png", "_sal.png")
    found = pair(preds, masks, strip=["_sal", "M_"])
    assert [image for image, _, _ in found.pairs] == ["_sal", "a", "b", "c_sal"]


def test_affixes_of_both() -> None:
    found = pair(
        entries("1_sat.jpg", "2_sat.jpg"), entries("1_mask.png", "2.png"), ["_sat", "_mask"], both=True
    )
    assert [image for image, _, _ in found.pairs] == ["1", "2"]
    with pytest.raises(DatasetError, match="found two truths of image 1, expected one"):
        pair(entries("1"), entries("1.png", "1_m.png"), ["_m"], both=True, kinds=("photos", "truths"))


def test_two_files_of_one_image() -> None:
    with pytest.raises(PredictionError, match=r"dir/a\.jpg and dir/a\.png: found two predictions of image a"):
        pair(entries("a.jpg", "a.png"), entries("a.png"))
    with pytest.raises(
        PredictionError, match=r"dir/a\.png and dir/a_sal\.png: found two predictions of image a"
    ):
        pair(entries("a.png", "a_sal.png"), entries("a.png"), strip=["_sal"])
    with pytest.raises(DatasetError, match=r"dir/a\.bmp and dir/a\.png: found two masks of image a"):
        pair(entries("a.jpg"), entries("a.bmp", "a.png"))


@pytest.mark.parametrize(
    ("preds", "expected"),
    [
        (["1_sal.png", "2_sal.png", "12_sal.png"], "_sal"),
        (["M-1.png", "M-2.png", "12.png"], "M-"),
        (["1.png", "2.png", "12_sal.png"], None),
        (["x.png", "y.png"], None),
        ([], None),
    ],
)
def test_suggest_strip(preds: list[str], expected: str | None) -> None:
    assert suggest_strip(entries(*preds), entries("1.png", "2.png", "12.png")) == expected


@pytest.mark.parametrize(
    ("strip", "preds", "expected"),
    [
        (["_sal"], ["1_sal.png", "2_sal.png", "13_sal.png"], None),
        (["_sal"], ["M1_sal.png", "M2_sal.png", "M12_sal.png"], "M"),
    ],
)
def test_an_affix_that_is_given_is_not_suggested(
    strip: list[str], preds: list[str], expected: str | None
) -> None:
    assert suggest_strip(entries(*preds), entries("1.png", "2.png", "12.png"), strip) == expected


COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def test_composed_and_decomposed_letters_are_one_name() -> None:
    found = pair(entries(f"{DECOMPOSED}.png"), entries(f"{COMPOSED}.png"))
    assert [image for image, _, _ in found.pairs] == [COMPOSED]
    with pytest.raises(
        PredictionError,
        match=r"'dir/cafe\\u0301\.png' and 'dir/caf\\xe9\.png': found two predictions of image caf\u00e9",
    ):
        pair(entries(f"{DECOMPOSED}.png", f"{COMPOSED}.png"), entries("a.png"))
    with pytest.raises(DatasetError, match="found two masks"):
        pair(entries("a.png"), entries(f"{DECOMPOSED}.png", f"{COMPOSED}.png"))


@pytest.mark.parametrize(
    ("preds", "masks", "expected"),
    [
        (["IMG_0", "IMG_1"], ["img_0", "img_1"], ["img_0", "img_1"]),
        (["1", "10", "0"], ["001", "010", "000"], ["000", "001", "010"]),
        (["a", "B", "c"], ["A", "b"], ["A", "b"]),
        (["7b1"], ["07B01", "107b1"], ["07B01"]),
        (["a", "A"], ["a", "A"], ["A", "a"]),
        (["a"], ["a", "A"], ["a"]),
    ],
)
def test_loose_names(preds: list[str], masks: list[str], expected: list[str]) -> None:
    maps, truth = ([f"{stem}.png" for stem in stems] for stems in (preds, masks))
    found = pair(entries(*maps), entries(*truth), loose=True)
    assert [image for image, _, _ in found.pairs] == expected
    assert all(loose_name(p.stem) == loose_name(m.stem) for _, p, m in found.pairs)
    assert len(found.pairs) + len(found.missing) == len(masks)
    assert len(found.pairs) + len(found.extra) == len(preds)


@pytest.mark.parametrize(
    ("preds", "masks", "files"),
    [
        (["a", "A"], ["a"], r"dir/A\.png, dir/a\.png, dir/a\.png"),
        (["Ab"], ["ab", "aB"], r"dir/Ab\.png, dir/aB\.png, dir/ab\.png"),
        (["01"], ["1", "001"], r"dir/01\.png, dir/001\.png, dir/1\.png"),
    ],
)
def test_loose_names_that_leave_a_choice(preds: list[str], masks: list[str], files: str) -> None:
    maps, truth = ([f"{stem}.png" for stem in stems] for stems in (preds, masks))
    with pytest.raises(PredictionError, match=f"{files}: names that differ only in case or leading zeros"):
        pair(entries(*maps), entries(*truth), loose=True)


def test_suggested_loose_names_leave_no_choice() -> None:
    preds = entries("IMG_0.png", "b.png", "01.png", "C.png", "c.png")
    masks = entries("img_0.png", "b.png", "1.png", "001.png", "cc.png")
    assert suggest_loose(preds, masks) == [("IMG_0", "img_0")]
    assert suggest_loose(entries("A_sal.png"), entries("a.png"), ["_sal"]) == [("A_sal", "a")]


@pytest.mark.parametrize(
    ("preds", "given", "hint"),
    [
        (["x1_sal", "x2_sal"], ([], False), "Names of maps have '_sal' more .*: pass --strip _sal."),
        (["x1_sal", "x2_sal"], (["_sal"], False), ""),
        (
            ["X1", "x02"],
            ([], False),
            "Names of 2 .* zeros .X1 for x1, x02 for x2.: pass --loose-names.",
        ),
        (["X1", "x02"], ([], True), ""),
        (["MX1", "MX2"], ([], False), "Names of maps have 'M' .* differ .*: pass --strip M --loose-names."),
        (["MX1", "MX2"], ([], True), "Names of maps have 'M' more than those of masks: pass --strip M."),
        (["MX1", "MX2"], (["M"], False), "Names of 2 .* .MX1 for x1, MX2 for x2.: pass --loose-names."),
        (["x3", "y"], ([], False), ""),
    ],
)
def test_naming_hint(preds: list[str], given: tuple[list[str], bool], hint: str) -> None:
    strip, loose = given
    maps = entries(*(f"{stem}.png" for stem in preds))
    found = naming_hint(maps, entries("x1.png", "x2.png"), strip, loose=loose)
    assert re.fullmatch(hint, found), found


# --- verification


def test_verify_lists_what_is_wrong(data: Path) -> None:
    masks, images = data / "SOD" / "masks", data / "SOD" / "images"
    plant(masks, ".png", "ab")
    plant(images, ".jpg", "abz")
    save(images / "b.jpg", [[0], [0]])
    save(masks / "empty.png", [[0, 0]])
    save(masks / "full.png", [[255, 255]])
    save(masks / "grey.png", [[0, 100, 200, 255]])
    save(masks / "ones.png", [[0, 1]])
    save(masks / "dark.png", [[0, 100]])
    (masks / "cut.png").write_bytes((masks / "a.png").read_bytes()[:40])
    (masks / "dir.png").mkdir()
    (images / "dir.jpg").write_bytes(b"no image")
    for stem in ("empty", "full", "ones", "dark", "cut"):
        save(images / f"{stem}.jpg", [[0, 0]])
    seen: list[tuple[int, int]] = []
    report = verify_dataset(locate(find("SOD"), data), lambda done, total: seen.append((done, total)))
    assert seen == [(i, 9) for i in range(1, 10)]
    assert (report.masks, report.expected, report.photos) == (9, 300, 9)
    assert report.missing == ("grey.png: this mask has no photo", "z.jpg: this photo has no mask")
    assert report.mis_sized == ("b.jpg: the photo is 1x2, its mask 2x1",)
    assert report.non_binary == ("grey.png: 4 levels, among them 100, 200", "ones.png: levels 0 and 1")
    assert report.empty == ("empty.png: no foreground",)
    assert report.full == ("full.png: no background",)
    assert [line.split(":")[0] for line in report.unreadable] == ["cut.png", "dark.png", "dir.png", "dir.jpg"]
    assert report.unreadable[2].endswith("masks/dir.png: is a directory, expected an image file.")
    assert report.extra == report.known_bad == ()
    assert not report.ok


def test_verify_knows_bad_and_removed_files(config: Path, data: Path) -> None:
    found = location(config, data, "count = 3\nremoved = ['b']\nknown_bad = ['a']", "abc")
    plant(found.root / "images", ".jpg", "abc")
    save(found.masks / "c.bmp", [[0, 255]])
    report = verify_dataset(locate(found.dataset, data))
    assert report.known_bad == ("a.png: wrong in some copies",)
    assert report.extra == (
        "b.png: this image was removed from Mine",
        "b.jpg: this image was removed from Mine",
        "c.bmp: 2 masks of image c",
        "c.png: 2 masks of image c",
    )


def test_two_photos_of_one_image(config: Path, data: Path) -> None:
    found = location(config, data, "count = 2", "ab")
    plant(found.root / "images", ".jpg", "ab")
    assert verify_dataset(locate(found.dataset, data)).ok
    save(found.root / "images" / "b.png", [[0, 255]])
    found = locate(found.dataset, data)
    report = verify_dataset(found)
    assert report.extra == ("b.jpg: 2 photos of image b", "b.png: 2 photos of image b")
    assert (report.photos, report.ok) == (3, False)
    with pytest.raises(DatasetError, match=r"several photos of one image: .*/b\.jpg and .*/b\.png; expected"):
        _ = found.photo_files


def test_a_mask_beside_its_photo_is_no_second_photo(config: Path, data: Path) -> None:
    own_entry(config, "[Mine]\nversion = 1\ncount = 2\n")
    plant(data / "Mine", ".jpg")
    plant(data / "Mine", ".png")
    found = locate(find("Mine"), data)
    assert (sorted(found.photo_files), verify_dataset(found).ok) == (["a", "b"], True)
    save(data / "Mine" / "b.bmp", [[0, 255]])
    found = locate(find("Mine"), data)
    assert not verify_dataset(found).ok
    with pytest.raises(DatasetError, match=r"b\.bmp and .*b\.jpg"):
        _ = found.photo_files


def test_what_lies_beside_the_masks(config: Path, data: Path) -> None:
    found = location(config, data, "count = 2", "ab")
    assert found.passed_over == []
    (found.masks / "notes.txt").write_text("x")
    plant(found.masks / "more", ".png", "c")
    lines = [
        f"{found.masks}: files that are no masks, passed over: 1 (notes.txt)",
        f"{found.masks}: folders of images beside the masks, passed over: 1 (more); to use one, "
        f"pass {found.masks}/more",
    ]
    assert locate(found.dataset, data).passed_over == from_masks(found.masks).passed_over == lines


@pytest.mark.parametrize("known", ["true", "false"])
def test_grey_masks_are_no_fault_where_they_are_known(config: Path, data: Path, known: str) -> None:
    found = location(config, data, f"count = 2\ngrey_masks = {known}", "a")
    save(found.masks / "b.png", [[0, 21, 255]])
    report = verify_dataset(locate(found.dataset, data))
    assert report.non_binary == ("b.png: 3 levels, among them 21",)
    assert report.ok == (known == "true")


def test_grey_masks_without_foreground_are_empty_as_in_scoring(config: Path, data: Path) -> None:
    """PASCAL-S has six; a mask of two levels stays an error, as nothing says which level is the object."""
    found = location(config, data, "count = 3\ngrey_masks = true", "a")
    save(found.masks / "b.png", [[0, 21, 64]])
    save(found.masks / "c.png", [[0, 255, 128]])
    report = verify_dataset(locate(found.dataset, data))
    assert (report.empty, report.ok) == (("b.png: no foreground, as none of its levels is >128",), True)
    save(found.masks / "c.png", [[0, 64]])
    report = verify_dataset(locate(found.dataset, data))
    assert [line.split(":")[0] for line in report.unreadable] == ["c.png"]


def test_verify_reads_every_photo_whole(config: Path, data: Path) -> None:
    found = location(config, data, "count = 2", "ab")
    for stem in "abz":
        save(found.root / "images" / f"{stem}.png", [[0, 255]])
    for stem in "bz":
        file = found.root / "images" / f"{stem}.png"
        file.write_bytes(file.read_bytes()[:-20])
    report = verify_dataset(locate(found.dataset, data))
    assert [line.split(":")[0] for line in report.unreadable] == ["b.png", "z.png"]


@pytest.mark.skipif("SODBENCH_REFERENCE" not in os.environ, reason="SODBENCH_REFERENCE is not set")
def test_photos_that_broke_verify(config: Path, data: Path) -> None:
    found = location(config, data, "count = 2", "ab")
    seeds = sorted(Path(os.environ["SODBENCH_REFERENCE"], "cases/fuzz/verify").iterdir())
    (found.root / "images").mkdir()
    for k, seed in enumerate(seeds):
        (found.root / "images" / f"{k}.jpg").write_bytes(seed.read_bytes())
    lines = verify_dataset(locate(found.dataset, data)).unreadable
    assert [line.split(": ")[0] for line in lines] == [f"{k}.jpg" for k in range(len(seeds))]
    assert [line for line in lines if "\n" in line] == []


def rotated(path: Path, size: tuple[int, int], orientation: int = 6) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[274] = orientation
    Image.new("RGB", size).save(path, exif=exif)
    return path


def test_verify_sees_rotated_photos_and_names_that_nearly_pair(config: Path, data: Path) -> None:
    found = location(config, data, "count = 3", "abc")
    rotated(found.root / "images" / "a.jpg", (1, 2))
    rotated(found.root / "images" / "b.jpg", (3, 2))
    rotated(found.root / "images" / "C.jpg", (2, 1))
    report = verify_dataset(locate(found.dataset, data))
    assert report.mis_sized == (
        "a.jpg: the photo is 1x2, its mask 2x1; its EXIF rotation, which --exif applies, makes them alike",
        "b.jpg: the photo is 3x2, its mask 2x1",
    )
    assert report.missing == (
        "c.png: this mask has no photo",
        "C.jpg: this photo has no mask; that of c differs in case or leading zeros only",
    )


@pytest.mark.parametrize(
    ("facts", "same", "said"),
    [
        ("", None, r"mean share of foreground: \.375000$"),
        (
            "fingerprint = {share = 0.375, checked = true}",
            True,
            r"\.375000, equals the known value \(\.375000 by >128, checked\)$",
        ),
        (
            'fingerprint = {share = 0.5, rule = ">99"}',
            True,
            r"\.500000, equals the known value \(\.500000 by >99, reported by another tool, not checked\)$",
        ),
        (
            "fingerprint = {share = 0.376}",
            False,
            r"\.375000, differs from the known value \(\.376000 by .*\): another version of the masks, or "
            "another mask rule$",
        ),
    ],
)
def test_the_mean_share_of_foreground_tells_versions_of_masks_apart(
    config: Path, data: Path, facts: str, same: bool | None, said: str
) -> None:
    found = location(config, data, f"count = 2\ngrey_masks = true\n{facts}", "a")
    save(found.masks / "b.png", [[0, 0, 100, 255]])
    report = verify_dataset(locate(found.dataset, data))
    assert (report.fingerprint, report.ok) == (same, True)
    assert re.search(said, verification_text(report), re.MULTILINE)
    (found.masks / "b.png").unlink()
    report = verify_dataset(locate(found.dataset, data))
    assert report.fingerprint is None
    assert ("not compared with the known value" in verification_text(report)) == bool(facts)


def test_verify_warns_of_a_considerable_share_of_empty_masks(config: Path, data: Path) -> None:
    facts = "count = 20\nempty_masks = 'Half are empty'\nother_counts = {19 = 'the old release'}"
    found = location(config, data, facts, "abcdefghijklmnopqrs")
    save(found.masks / "t.png", [[0, 0]])
    text = verification_text(verify_dataset(locate(found.dataset, data)))
    assert (
        "1 of 20 masks are empty; they decide scores: there even an empty map, which is right, has the "
        "worst maxF, " in text
    )
    assert "and wF is undefined. Mine: Half are empty." in text
    (found.masks / "t.png").unlink()
    text = verification_text(verify_dataset(locate(found.dataset, data)))
    assert "decides" not in text
    assert text.endswith("NOT ok: 19 of 20 masks. A version of Mine with 19 is known: the old release")


def test_a_count_that_no_source_confirms_is_not_checked(config: Path, data: Path) -> None:
    own_entry(
        config, "[Mine]\nversion = 1\nconfirmed = false\ncount = 3\n[Bare]\nversion = 1\nconfirmed = false\n"
    )
    for name in ("Mine", "Bare"):
        plant(data / name / "masks", ".png")
        found = locate(find(name), data)
        check_complete(found, subset=False)
        assert (found.dataset.count, found.dataset.version, found.dataset.registered) == (2, 0, True)
    status = {status.dataset.name: status for status in locate_all(data)}["Mine"]
    assert (status.dataset.count, status.masks, status.complete) == (3, 2, None)
    table = datasets_table(locate_all(data))
    assert re.search(r"  Mine +test +2/3\?  .*whether it is complete is not known", table)
    assert re.search(r"  Bare +test +2/\?  ", table)
    assert table.endswith("?: no source confirms this number of images, so it is not checked")
    report = verify_dataset(locate(find("Mine"), data))
    assert report.ok
    text = verification_text(report)
    assert text.startswith("Mine: 2 masks, 0 photos in ")
    assert "number of images: not checked, as no source confirms it; 3 are reported\n" in text


def test_the_list_of_datasets_is_by_kind() -> None:
    lines = datasets_table(locate_all()).splitlines()
    kinds = [line for line in lines[1:-1] if not line.startswith(" ")]
    assert kinds == list(KINDS)
    assert lines.index("camouflaged") < next(k for k, line in enumerate(lines) if "  NC4K " in line)
    assert len(lines) == 1 + len(KINDS) + len(registry()) + 1


@pytest.mark.parametrize("name", list(registry()))
def test_every_dataset_can_be_shown(name: str) -> None:
    text = dataset_text(status_of(find(name)))
    assert text.startswith(f"{name}\n  kind ")
    assert "(no source confirms" in text or find(name).confirmed
    assert "None" not in text


def test_what_is_known_of_a_dataset(data: Path) -> None:
    plant(data / "COD10K" / "GT", ".png")
    lines = dataset_text(status_of(find("cod10k"), data)).splitlines()
    assert lines[:3] == [
        "COD10K-TE",
        "  kind            camouflaged, test",
        "  size            2026 images",
    ]
    assert lines[3].startswith("  other versions  4000: COD10K-v3/Test with background images")
    assert f"  on this disk    {data}/COD10K (GT; 2 masks)" in lines
    lines = dataset_text(status_of(find("PASCAL-S"), data)).splitlines()
    assert "  mean foreground .245455 of a mask (>127; checked)" in lines


def test_verify_uses_the_threshold_of_the_entry(config: Path, data: Path) -> None:
    found = location(config, data, "count = 2\ngrey_masks = true\nmask_threshold = '>=26'", "a")
    save(found.masks / "b.png", [[0, 26]])
    assert verify_dataset(locate(found.dataset, data)).ok


@pytest.mark.skipif("SODBENCH_REFERENCE" not in os.environ, reason="SODBENCH_REFERENCE is not set")
def test_real_sod() -> None:
    found = locate(find("SOD"), Path(os.environ["SODBENCH_REFERENCE"]) / "data")
    check_complete(found, subset=False)
    report = verify_dataset(found)
    assert (report.masks, report.photos, found.layout) == (300, 300, "images + masks")
    assert report.ok
    assert report.non_binary == report.empty == report.full == ()


@pytest.mark.skipif("SODBENCH_REFERENCE" not in os.environ, reason="SODBENCH_REFERENCE is not set")
def test_real_ecssd() -> None:
    report = verify_dataset(locate(find("ECSSD"), Path(os.environ["SODBENCH_REFERENCE"]) / "data"))
    assert (report.masks, report.ok, report.fingerprint) == (1000, True, True)


@pytest.mark.skipif("SODBENCH_REFERENCE" not in os.environ, reason="SODBENCH_REFERENCE is not set")
def test_modes_of_real_sod() -> None:
    found = locate(find("SOD"), Path(os.environ["SODBENCH_REFERENCE"]) / "data")
    modes = [Image.open(BytesIO(entry.content(DatasetError))).mode for entry in found.mask_files]
    assert (modes.count("1"), modes.count("L")) == (298, 2)


def test_import_stays_light() -> None:
    heavy = "{'numpy', 'PIL', 'scipy', 'numba', 'click'}"
    code = f"import sys, sodbench.data.locations; print({heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_location_is_a_snapshot(config: Path, data: Path) -> None:
    location(config, data, "count = 2", "ab")
    found = locate(find("Mine"), data)
    (found.masks / "b.png").unlink()
    assert [entry.stem for entry in found.mask_files] == ["a", "b"]
    assert [entry.stem for entry in locate(find("Mine"), data).mask_files] == ["a"]
