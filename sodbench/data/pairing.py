"""Which map belongs to which mask: by stem, whatever the suffix."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sodbench.data.sources import ImageFile
from sodbench.errors import DatasetError, PredictionError, SodbenchError


@dataclass(frozen=True)
class Pairing:
    """Maps and masks by image id.

    Parameters
    ----------
    pairs
        (id, prediction, mask), sorted by id.
    missing
        Ids of masks without a prediction, sorted.
    extra
        Names of predictions without a mask, sorted.
    """

    pairs: tuple[tuple[str, ImageFile, ImageFile], ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]


def pair(preds: Sequence[ImageFile], masks: Sequence[ImageFile], strip: Sequence[str] = ()) -> Pairing:
    """Pair predictions with masks by stem, whatever their suffixes.

    Parameters
    ----------
    preds, masks
        The files of one folder each.
    strip
        Affixes of prediction names: each is removed once from the end of a stem, else from its start.

    Raises
    ------
    PredictionError
        Two predictions have one id.
    DatasetError
        Two masks have one id.

    Examples
    --------
    >>> from sodbench.data.sources import ImageFile
    >>> preds = [ImageFile("a_sal.jpg", "a_sal.jpg", bytes), ImageFile("c.png", "c.png", bytes)]
    >>> masks = [ImageFile("a.png", "a.png", bytes), ImageFile("b.png", "b.png", bytes)]
    >>> pairing = pair(preds, masks, strip=["_sal"])
    >>> [image for image, _, _ in pairing.pairs], pairing.missing, pairing.extra
    (['a'], ('b',), ('c.png',))
    """
    maps = _by_id(preds, [_stripped(e.stem, strip) for e in preds], PredictionError, "predictions")
    truth = _by_id(masks, [e.stem for e in masks], DatasetError, "masks")
    return Pairing(
        pairs=tuple((image, maps[image], truth[image]) for image in sorted(maps.keys() & truth.keys())),
        missing=tuple(sorted(truth.keys() - maps.keys())),
        extra=tuple(sorted(maps[image].name for image in maps.keys() - truth.keys())),
    )


def suggest_strip(preds: Sequence[ImageFile], masks: Sequence[ImageFile]) -> str | None:
    """Return the affix whose removal pairs most predictions, if most of them pair with no mask unchanged.

    >>> from sodbench.data.sources import ImageFile
    >>> preds = [ImageFile(f"{i}_sal.png", "", bytes) for i in range(3)]
    >>> suggest_strip(preds, [ImageFile(f"{i}.png", "", bytes) for i in range(3)])
    '_sal'
    """
    ids = {e.stem for e in masks}
    stems = [e.stem for e in preds]
    if 2 * sum(stem in ids for stem in stems) >= len(stems):
        return None
    affixes = Counter(
        affix
        for stem in stems
        for cut in range(1, len(stem))
        for affix, rest in ((stem[cut:], stem[:cut]), (stem[:cut], stem[cut:]))
        if rest in ids
    )
    affix, count = max(affixes.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    return affix if 2 * count > len(stems) else None


def _by_id(
    entries: Sequence[ImageFile], ids: Sequence[str], error: type[SodbenchError], what: str
) -> dict[str, ImageFile]:
    by_id: dict[str, ImageFile] = {}
    for image, entry in zip(ids, entries, strict=True):
        if image in by_id:
            both = f"{by_id[image].where} and {entry.where}"
            raise error(
                f"{both}: found two {what} of image {image}, expected one. Remove one of the two files."
            )
        by_id[image] = entry
    return by_id


def _stripped(stem: str, strip: Sequence[str]) -> str:
    for affix in strip:
        if stem == affix:
            continue
        stem = stem.removesuffix(affix) if stem.endswith(affix) else stem.removeprefix(affix)
    return stem
