"""What is given by itself, and what is said of a folder without images."""

import zipfile
from pathlib import Path

import pytest
from workspace import plant_maps

from sodbench.data.discovery import discover
from sodbench.data.locations import list_images
from sodbench.data.sources import open_source, seen_from
from sodbench.errors import DatasetError, PredictionError


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_one_photo_is_a_set_of_one() -> None:
    Path("one.JPG").write_bytes(b"pixels")
    listing = list_images(Path("one.JPG"), "photos")
    assert [(entry.stem, entry.content(DatasetError)) for entry in listing.entries] == [("one", b"pixels")]
    assert listing.notices("photos") == []
    with pytest.raises(
        DatasetError, match=r"^one\.JPG: is a single image, expected a folder or a zip\. Pass the folder"
    ):
        list_images(Path("one.JPG"), "masks")


@pytest.mark.parametrize("kind", ["photos", "masks"])
def test_folders_of_other_kinds_say_which_suffixes_are_read(kind: str) -> None:
    Path("odd").mkdir()
    Path("odd/a.heic").touch()
    with pytest.raises(
        DatasetError,
        match=rf"^odd: found no {kind} here, .*: 1 \(a\.heic\)\. Images are files named \.apng, .*\.webp\.$",
    ) as caught:
        list_images(Path("odd"), kind)
    assert (".npy" in str(caught.value)) == (kind != "photos")
    with pytest.raises(
        PredictionError,
        match=r"^odd: found no maps here \(only a\.heic\), .* Images are files named \.apng, ",
    ):
        discover(Path("odd"))


def test_a_process_in_another_directory_reads_the_same_files(monkeypatch: pytest.MonkeyPatch) -> None:
    files = sorted(plant_maps("maps").iterdir())
    with zipfile.ZipFile("maps.zip", "w") as archive:
        for file in files:
            archive.write(file, file.name)
    contents = [file.read_bytes() for file in files]
    entries = [open_source(Path(path)).groups[""] for path in ("maps", "maps.zip")]
    here = str(Path.cwd())
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    for of_source in entries:
        assert [seen_from(entry, here).read() for entry in of_source] == contents
