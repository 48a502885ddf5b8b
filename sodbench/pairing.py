"""Which map belongs to which mask: by stem, whatever the suffix."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sodbench.errors import DatasetError, PredictionError, SodbenchError
from sodbench.sources import Entry


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

    pairs: tuple[tuple[str, Entry, Entry], ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]


def pair(preds: Sequence[Entry], masks: Sequence[Entry], strip: Sequence[str] = ()) -> Pairing:
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
    >>> from sodbench.sources import Entry
    >>> preds = [Entry("a_sal.jpg", "a_sal.jpg", bytes), Entry("c.png", "c.png", bytes)]
    >>> masks = [Entry("a.png", "a.png", bytes), Entry("b.png", "b.png", bytes)]
    >>> found = pair(preds, masks, strip=["_sal"])
    >>> [image for image, _, _ in found.pairs], found.missing, found.extra
    (['a'], ('b',), ('c.png',))
    """
    maps = _by_id(preds, [_stripped(e.stem, strip) for e in preds], PredictionError, "predictions")
    truth = _by_id(masks, [e.stem for e in masks], DatasetError, "masks")
    return Pairing(
        pairs=tuple((image, maps[image], truth[image]) for image in sorted(maps.keys() & truth.keys())),
        missing=tuple(sorted(truth.keys() - maps.keys())),
        extra=tuple(sorted(maps[image].name for image in maps.keys() - truth.keys())),
    )


def suggest_strip(preds: Sequence[Entry], masks: Sequence[Entry]) -> str | None:
    """Return the one affix that pairs most predictions, if most of them have no mask as they are.

    >>> from sodbench.sources import Entry
    >>> preds = [Entry(f"{i}_sal.png", "", bytes) for i in range(3)]
    >>> suggest_strip(preds, [Entry(f"{i}.png", "", bytes) for i in range(3)])
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
    entries: Sequence[Entry], ids: Sequence[str], error: type[SodbenchError], what: str
) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for image, entry in zip(ids, entries, strict=True):
        if image in found:
            both = f"{found[image].where} and {entry.where}"
            raise error(
                f"{both}: found two {what} of image {image}, expected one. Remove one of the two files."
            )
        found[image] = entry
    return found


def _stripped(stem: str, strip: Sequence[str]) -> str:
    for affix in strip:
        if stem == affix:
            continue
        stem = stem.removesuffix(affix) if stem.endswith(affix) else stem.removeprefix(affix)
    return stem
