"""Which photos maps are made of, and where the maps go."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sodbench.data.sources import ImageFile
from sodbench.errors import DatasetError, PredictionError
from sodbench.utils.process import Say
from sodbench.utils.urls import PathOrUrl


class PhotoSet(NamedTuple):
    """Photos to make maps of, and where the maps go."""

    name: str
    photos: tuple[ImageFile, ...]
    out: Path
    notices: tuple[str, ...] = ()
    """What of the photos' folder is not used."""


class Target(NamedTuple):
    """What a user asks for maps of: a folder, zip or single photo, else datasets; none: every test set."""

    images: PathOrUrl | None = None
    datasets: tuple[str, ...] = ()
    data: Path | None = None

    def absolute(self) -> "Target":
        """Return the same by absolute paths."""
        return Target(
            self.images and self.images.absolute(), self.datasets, self.data and self.data.absolute()
        )


def photo_sets(target: Target, out: Path, model: str, say: Say = lambda line: None) -> list[PhotoSet]:
    """Find the photos asked for.

    Of the test sets on this disk, those without photos are left out, and `say` is called with them.

    Raises
    ------
    DatasetError
        There are none, or a dataset that was named has none.
    """
    from sodbench.data.locations import list_images, locate, locate_all
    from sodbench.data.registry import find
    from sodbench.data.sources import IMAGE_SUFFIXES, suffixes_read

    if target.images:
        if target.images.is_file() and target.images.suffix.lower() not in ("", ".zip", *IMAGE_SUFFIXES):
            raise DatasetError(
                f"{target.images}: expected a folder or zip of photos, or one photo. "
                f"{suffixes_read('photos')}"
            )
        listing = list_images(target.images, "photos")
        return [PhotoSet(target.images.name, listing.entries, out, tuple(listing.notices("photos")))]
    if target.datasets:
        places = [locate(find(name), target.data) for name in target.datasets]
    else:
        locations = [status.location for status in locate_all(target.data)]
        places = [place for place in locations if place and place.dataset.role == "test"]
    lacking = [
        f"{place.root}: found the masks of {place.dataset.name}, but no photos ({place.layout})"
        for place in places
        if not place.photo_files
    ]
    if lacking and target.datasets:
        raise DatasetError(f"{'; '.join(lacking)}.")
    for line in lacking:
        say(f"{line}: left out.")
    sets = [
        PhotoSet(
            place.dataset.name,
            tuple(place.photo_files.values()),
            out / model / place.dataset.name,
            tuple(place.photos_passed_over),
        )
        for place in places
        if place.photo_files
    ]
    if not sets:
        raise DatasetError(
            f"no registered test set {'with photos ' if lacking else ''}is on this disk. `sodbench datasets` "
            "says where they are looked for, and --dataset NAME how to get one. To try a model now: "
            "--dataset demo."
        )
    return sets


def by_stem(photos: Sequence[ImageFile]) -> dict[str, ImageFile]:
    """Return photos by the names of their maps, without suffix.

    Raises
    ------
    PredictionError
        Two photos have one name.
    """
    named: dict[str, ImageFile] = {}
    for photo in photos:
        if photo.stem in named:
            raise PredictionError(
                f"{named[photo.stem].where} and {photo.where}: two photos would make one map, "
                f"{photo.stem}.png. Rename one."
            )
        named[photo.stem] = photo
    return named
