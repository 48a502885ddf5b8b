"""What is given by itself, and what is said of a folder without images."""

from pathlib import Path

import pytest

from sodbench.data.discovery import discover
from sodbench.data.locations import list_images
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
