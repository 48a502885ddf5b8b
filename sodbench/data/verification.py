"""Checks the files of a dataset one by one."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from math import fsum

from sodbench.data.locations import Location, binarised_by
from sodbench.data.pairing import suggest_loose
from sodbench.data.sources import ImageFile
from sodbench.errors import DatasetError, SodbenchError, first_few
from sodbench.protocol import Protocol
from sodbench.utils.process import cpus
from sodbench.utils.text import counted

SAME_SHARE = 1e-6
"""Known shares of foreground have six decimals."""


@dataclass(frozen=True)
class Report:
    """Errors and peculiarities of a dataset on this disk.

    Each list holds lines of the form ``name: what was found``. `non_binary` is not an error if
    the dataset is known for grey masks; `empty`, `full` and `known_bad` never are.

    Parameters
    ----------
    location
        Where the dataset is.
    masks, expected
        Number of masks here, and of the whole dataset.
    photos
        Number of photos here.
    missing
        Masks without a photo and photos without a mask, if there are photos.
    groups
        Number of groups that the masks are of; 0 if they lie in one folder.
    share
        Mean over the masks of their share of foreground, by the rule of the dataset's fingerprint if it has
        one, else by that of scoring; None if no mask can be read.
    extra
        Files of images that were removed from the dataset, and second masks or photos of one image.
    unreadable
        Masks and photos that cannot be read, with the reason.
    mis_sized
        Photos that differ in size from their mask.
    non_binary
        Masks with other levels than 0 and 255.
    empty, full
        Masks without any foreground, without any background; a grey mask of a dataset known for them counts
        as scoring counts it.
    known_bad
        Files that are wrong in some copies of the dataset, to be looked at.
    """

    location: Location
    masks: int
    expected: int
    photos: int
    groups: int
    share: float | None
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    unreadable: tuple[str, ...]
    mis_sized: tuple[str, ...]
    non_binary: tuple[str, ...]
    empty: tuple[str, ...]
    full: tuple[str, ...]
    known_bad: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the dataset is complete and none of its files has an error."""
        faults = [self.missing, self.extra, self.unreadable, self.mis_sized]
        if not self.location.dataset.grey_masks:
            faults.append(self.non_binary)
        whole = self.masks == self.expected and self.groups == (self.location.dataset.groups or self.groups)
        return whole and not any(faults)

    @property
    def fingerprint(self) -> bool | None:
        """Whether the mean share of foreground is the known one; None where there is nothing to compare."""
        known = self.location.dataset.fingerprint
        if known is None or self.share is None or self.masks != self.expected or self.unreadable:
            return None
        return abs(self.share - known.share) < SAME_SHARE


def verify_dataset(location: Location, progress: Callable[[int, int], None] | None = None) -> Report:
    """Read every mask of a dataset as scoring does, and every photo as a network gets it.

    Parameters
    ----------
    location
        From :func:`sodbench.data.locations.locate` or :func:`~sodbench.data.locations.from_masks`.
    progress
        Called with the number of masks read and their total.
    """
    dataset = location.dataset
    masks, photos = location.mask_files, location.all_photos
    by_stem: dict[str, list[ImageFile]] = {}
    for photo in photos:
        by_stem.setdefault(photo.stem, []).append(photo)
    stems = Counter(entry.stem for entry in masks)
    rule = binarised_by(Protocol(), location).mask_threshold
    known = dataset.fingerprint
    findings = _Findings()

    def look(entry: ImageFile) -> _Findings:
        found = _Findings()
        size = _look_at_mask(entry, rule, known.rule if known else rule, dataset.grey_masks, found)
        for photo in by_stem.get(entry.stem, ()):
            _look_at_photo(photo, size, found)
        return found

    with ThreadPoolExecutor(cpus()) as pool:
        for done, found in enumerate(pool.map(look, masks), 1):
            findings.add(found)
            if progress:
                progress(done, len(masks))
    for photo in photos:
        if photo.stem not in stems:
            _look_at_photo(photo, None, findings)
    alike = {
        theirs: f"; that of {ours} differs in case or leading zeros only"
        for theirs, ours in suggest_loose(photos, masks)
    }
    removed = [e.name for e in (*masks, *photos) if e.stem in dataset.removed]
    return Report(
        location=location,
        masks=len(masks),
        expected=dataset.count,
        photos=len(photos),
        groups=len(location.groups),
        share=fsum(findings.shares) / len(findings.shares) if findings.shares else None,
        missing=(
            *(f"{e.name}: this mask has no photo" for e in masks if photos and e.stem not in by_stem),
            *(
                f"{e.name}: this photo has no mask{alike.get(e.stem, '')}"
                for e in photos
                if e.stem not in stems
            ),
        ),
        extra=(
            *(f"{name}: this image was removed from {dataset.name}" for name in removed),
            *(f"{e.name}: {stems[e.stem]} masks of image {e.stem}" for e in masks if stems[e.stem] > 1),
            *(
                f"{e.name}: {len(by_stem[e.stem])} photos of image {e.stem}"
                for e in photos
                if len(by_stem[e.stem]) > 1
            ),
        ),
        known_bad=tuple(f"{e.name}: wrong in some copies" for e in masks if e.stem in dataset.known_bad),
        unreadable=tuple(findings.unreadable),
        mis_sized=tuple(findings.mis_sized),
        non_binary=tuple(findings.non_binary),
        empty=tuple(findings.empty),
        full=tuple(findings.full),
    )


@dataclass
class _Findings:
    unreadable: list[str] = field(default_factory=list)
    mis_sized: list[str] = field(default_factory=list)
    non_binary: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    full: list[str] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)

    def add(self, other: "_Findings") -> None:
        for spec in fields(self):
            getattr(self, spec.name).extend(getattr(other, spec.name))


def _look_at_mask(
    entry: ImageFile, rule: str, share_rule: str, graded: bool, findings: _Findings
) -> tuple[int, int] | None:
    import numpy as np

    from sodbench.data.images.maps import binarise, mask_from

    try:
        mask = mask_from(entry.content(DatasetError), entry.where, rule=rule, graded=graded)
    except SodbenchError as error:
        findings.unreadable.append(f"{entry.name}: {error}")
        return None
    if "mask-01" in mask.notes:
        findings.non_binary.append(f"{entry.name}: levels 0 and 1")
    levels = np.flatnonzero(np.bincount(mask.levels.ravel()))
    if other := [str(level) for level in levels if level not in {0, 255}]:
        findings.non_binary.append(
            f"{entry.name}: {counted(len(levels), 'level')}, among them {first_few(other)}"
        )
    if not mask.gt.any():
        emptied = f", as none of its levels is {rule}" if "emptied" in mask.notes else ""
        findings.empty.append(f"{entry.name}: no foreground{emptied}")
    if mask.gt.all():
        findings.full.append(f"{entry.name}: no background")
    foreground = mask.gt if share_rule == rule else binarise(mask.levels, share_rule)
    findings.shares.append(float(foreground.mean()))
    height, width = mask.gt.shape
    return width, height


def _look_at_photo(photo: ImageFile, mask_size: tuple[int, int] | None, findings: _Findings) -> None:
    from sodbench.data.images.photos import is_rotated, photo_from

    try:
        data = photo.content(DatasetError)
        height, width = photo_from(data, photo.where).shape[:2]
    except SodbenchError as error:
        findings.unreadable.append(f"{photo.name}: {error}")
        return
    if mask_size and (width, height) != mask_size:
        turned = mask_size == (height, width) and is_rotated(data)
        why = "; its EXIF rotation, which --exif applies, makes them alike" if turned else ""
        actual, expected = ("{}x{}".format(*pair) for pair in ((width, height), mask_size))
        findings.mis_sized.append(f"{photo.name}: the photo is {actual}, its mask {expected}{why}")
