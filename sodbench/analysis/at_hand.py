"""Photos, masks and maps as far as they are still where they were, one image at a time.

What is gone, changed or unreadable is text in its place, which says so. `sodbench.analysis.pictures` reads
all or nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sodbench.analysis.pictures import location_of, maps_of, maps_path, of_files
from sodbench.data.discovery import discover
from sodbench.data.images.photos import photo_from
from sodbench.data.locations import Location
from sodbench.data.pairing import masks_by_stem, pair_by_guess
from sodbench.data.sources import ImageFile, digest_of
from sodbench.errors import DatasetError, PredictionError, SodbenchError
from sodbench.scoring.pairs import levels_of, prepared_from
from sodbench.scoring.scores import Scores
from sodbench.utils.urls import PathOrUrl

Grey: TypeAlias = NDArray[np.uint8]

IN_MEMORY = "scored in memory, not from files"


class AtHand(NamedTuple):
    """The pictures of an image: photo, mask, and maps by method; text says why one is not there."""

    photo: Grey | str
    gt: NDArray[np.bool_] | str
    maps: Mapping[str, Grey | str]


@dataclass(frozen=True, eq=False)
class PictureFiles:
    """Where the pictures of one dataset lie.

    Parameters
    ----------
    board
        The scores that they were made into.
    location
        The location of masks and photos.
    masks, photos
        By image.
    maps
        Method -> image -> map; text where a method's maps are not here.
    notices
        What was not found or is not used, with its path.
    """

    board: Sequence[Scores]
    location: Location
    masks: Mapping[str, ImageFile]
    photos: Mapping[str, ImageFile]
    maps: Mapping[str, Mapping[str, ImageFile] | str]
    notices: list[str] = field(default_factory=list)

    def read(self, image: str) -> AtHand:
        """Read the pictures of an image, as they were scored; `notices` gets what a file is refused for."""
        photo = self._photo(image)
        try:
            content = self.masks[image].content(DatasetError) if image in self.masks else b""
            if not content:
                return self._without_mask(photo, image, "mask not found")
            protocol, graded = self.board[0].protocol, self.location.dataset.grey_masks
            gt = prepared_from(content, self.masks[image].where, protocol, (), graded).mask.gt
        except SodbenchError as error:
            self.notices.append(str(error))
            return self._without_mask(photo, image, "mask cannot be read")
        digest = digest_of(content)
        scored = {s.method: s.table.bare(image).digest.partition("-") for s in self.board if image in s.rows}
        if all(of_mask != digest for of_mask, _, _ in scored.values()):
            return self._without_mask(photo, image, "mask is not the one that was scored")
        return AtHand(
            photo,
            gt,
            {
                s.method: (
                    "image not scored"
                    if s.method not in scored
                    else IN_MEMORY
                    if self.maps[s.method] == IN_MEMORY
                    else "scored with another mask"
                    if scored[s.method][0] != digest
                    else self._map(s, image, gt.shape, scored[s.method][2])
                )
                for s in self.board
            },
        )

    def _without_mask(self, photo: Grey | str, image: str, why: str) -> AtHand:
        return AtHand(photo, why, {scores.method: why for scores in self.board})

    def _photo(self, image: str) -> Grey | str:
        if image not in self.photos:
            return "photo not found"
        try:
            pixels = photo_from(self.photos[image].content(DatasetError), self.photos[image].where)
        except SodbenchError as error:
            self.notices.append(str(error))
            return "photo cannot be read"
        return (pixels // 257 if pixels.dtype == np.uint16 else pixels).astype(np.uint8)

    def _map(self, scores: Scores, image: str, shape: tuple[int, int], digest: str) -> Grey | str:
        files = self.maps[scores.method]
        if "missing" in scores.table.bare(image).notes:
            return levels_of(b"", None, shape, scores.protocol).levels
        if isinstance(files, str):
            return files
        if image not in files:
            return "map not found"
        try:
            data = files[image].content(PredictionError)
            if digest_of(data) != digest:
                return "map is not the one that was scored"
            return levels_of(data, files[image], shape, scores.protocol).levels
        except SodbenchError as error:
            self.notices.append(str(error))
            return "map cannot be read"


def picture_files(
    board: Sequence[Scores],
    images: Collection[str],
    data: Path | None = None,
    masks: PathOrUrl | None = None,
    maps: PathOrUrl | None = None,
    called: Mapping[str, str] = MappingProxyType({}),
) -> PictureFiles:
    """Find the pictures of some images in scores of several methods on one dataset.

    Parameters
    ----------
    board
        The scores.
    images
        Which images.
    data, masks
        See `location_of`.
    maps
        A folder or zip of the methods' maps; None: the paths from which they were scored.
    called
        Method -> the name of its maps, where it is another.

    Raises
    ------
    DatasetError
        The masks are not here.
    """
    location = location_of(next((s for s in board if of_files(s)), board[0]), data, masks)
    known = masks_by_stem(location.mask_files)
    notices = [*location.passed_over, *location.photos_passed_over]
    try:
        photos = location.photo_files
    except DatasetError as error:
        notices.append(str(error))
        photos = {}
    found: dict[str, Mapping[str, ImageFile] | str] = {}
    listed: tuple[PathOrUrl | None, Mapping[str, Sequence[ImageFile]]] = (None, {})
    for scores in board:
        if maps is None and not of_files(scores):
            found[scores.method] = IN_MEMORY
            continue
        named = replace(scores, method=called.get(scores.method, scores.method))
        try:
            path = maps_path(named, maps)
            if path != listed[0]:  # one folder at a time: there may be hundred thousands of maps
                sets, _ = discover(path, [location.dataset])
                listed = path, {of_method.method: of_method.entries for of_method in sets}
            paired = pair_by_guess(maps_of(named, listed[1], path), location.mask_files)
            found[scores.method] = {image: paired[image] for image in images if image in paired}
        except SodbenchError as error:
            notices.append(str(error))
            found[scores.method] = "maps not found"
    return PictureFiles(board, location, known, photos, found, notices)
