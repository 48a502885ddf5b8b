"""Which map belongs to which mask: by stem, whatever the suffix."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote

from sodbench.data.sources import ImageFile, told_apart
from sodbench.errors import DatasetError, PredictionError, SodbenchError, escaped, first_few
from sodbench.utils.text import counted


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


def pair(
    preds: Sequence[ImageFile],
    masks: Sequence[ImageFile],
    strip: Sequence[str] = (),
    *,
    loose: bool = False,
    both: bool = False,
    kinds: tuple[str, str] = ("predictions", "masks"),
) -> Pairing:
    """Pair predictions with masks by stem, whatever their suffixes.

    Parameters
    ----------
    preds, masks
        The files of one folder each.
    strip
        Affixes of prediction names: each is removed once from the end of a stem, else from its start.
    loose
        Also pair names that differ only in case or in leading zeros of a number.
    both
        The affixes are also those of mask names.
    kinds
        What the files of the two folders are, for messages.

    Raises
    ------
    PredictionError
        Two predictions have one id, or loose names do not say which prediction belongs to which mask.
    DatasetError
        Two masks have one id.

    Examples
    --------
    >>> from sodbench.data.sources import ImageFile, InFolder
    >>> preds = [ImageFile("a_sal.jpg", InFolder("")), ImageFile("c.png", InFolder(""))]
    >>> masks = [ImageFile("a.png", InFolder("")), ImageFile("b.png", InFolder(""))]
    >>> pairing = pair(preds, masks, strip=["_sal"])
    >>> [image for image, _, _ in pairing.pairs], pairing.missing, pairing.extra
    (['a'], ('b',), ('c.png',))
    """
    maps = _by_id(preds, [_stripped(e.stem, strip) for e in preds], PredictionError, kinds[0])
    truth = _by_id(masks, [_stripped(e.stem, strip if both else ()) for e in masks], DatasetError, kinds[1])
    if loose:
        maps = _by_mask(maps, truth)
    return Pairing(
        pairs=tuple((image, maps[image], truth[image]) for image in sorted(maps.keys() & truth.keys())),
        missing=tuple(sorted(truth.keys() - maps.keys())),
        extra=tuple(sorted(maps[image].name for image in maps.keys() - truth.keys())),
    )


def loose_name(stem: str) -> str:
    """Return the form in which loose names are compared: without case and leading zeros.

    >>> loose_name("IMG_007") == loose_name("img_7"), loose_name("100"), loose_name("0")
    (True, '100', '0')
    """
    return re.sub(r"(?<!\d)0+(?=\d)", "", stem.casefold())


def suggest_strip(
    preds: Sequence[ImageFile], masks: Sequence[ImageFile], strip: Sequence[str] = (), *, loose: bool = False
) -> str | None:
    """Return the affix whose removal pairs most predictions, if most of them pair with no mask without it.

    Zeros alone are no affix: they are for `suggest_loose`.

    Parameters
    ----------
    preds, masks
        The files of one folder each.
    strip
        Affixes that are removed already.
    loose
        Compare loose names.

    Examples
    --------
    >>> from sodbench.data.sources import ImageFile, InFolder
    >>> preds = [ImageFile(f"{i}_sal.png", InFolder("")) for i in range(3)]
    >>> suggest_strip(preds, [ImageFile(f"{i}.png", InFolder("")) for i in range(3)])
    '_sal'
    """
    spelled = loose_name if loose else str
    ids = {spelled(e.stem) for e in masks}
    stems = [_stripped(e.stem, strip) for e in preds]
    if 2 * sum(spelled(stem) in ids for stem in stems) >= len(stems):
        return None
    affixes = Counter(
        affix
        for group, stem in map(split_group, stems)
        for cut in range(1, len(stem))
        for affix, rest in ((stem[cut:], stem[:cut]), (stem[:cut], stem[cut:]))
        if spelled(group + rest) in ids and affix.strip("0")
    )
    affix, count = max(affixes.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    return affix if 2 * count > len(stems) else None


def suggest_loose(
    preds: Sequence[ImageFile], masks: Sequence[ImageFile], strip: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """Return the stems of predictions and masks that only `loose` pairs, without doubt.

    >>> from sodbench.data.sources import ImageFile, InFolder
    >>> suggest_loose([ImageFile("IMG_0.png", InFolder(""))], [ImageFile("img_00.png", InFolder(""))])
    [('IMG_0', 'img_00')]
    """
    maps, truth = {_stripped(e.stem, strip): e.stem for e in preds}, {e.stem for e in masks}
    if truth <= maps.keys():
        return []
    theirs, ours = _by_loose_name(maps), _by_loose_name(truth)
    return [
        (maps[theirs[name][0]], ours[name][0])
        for name in sorted(theirs.keys() & ours.keys())
        if theirs[name] != ours[name] and len(theirs[name]) == len(ours[name]) == 1
    ]


def naming_hint(
    preds: Sequence[ImageFile],
    masks: Sequence[ImageFile],
    strip: Sequence[str] = (),
    *,
    loose: bool = False,
    kinds: tuple[str, str] = ("maps", "masks"),
) -> str:
    """Return a sentence about options, beside those given, that pair names; "" if none does.

    Parameters
    ----------
    preds, masks, strip, loose
        See `pair`.
    kinds
        What the files of the two folders are.

    Examples
    --------
    >>> from sodbench.data.sources import ImageFile, InFolder
    >>> naming_hint([ImageFile("1_sal.png", InFolder(""))], [ImageFile("1.png", InFolder(""))])
    "Names of maps have '_sal' more than those of masks: pass --strip _sal."
    """
    if any(mask.group for mask in masks) and not any(entry.group for entry in preds):
        return (
            f"The {kinds[1]} lie in one folder for each group, the {kinds[0]} in one for all: expected "
            f"GROUP/NAME, as {masks[0].stem}."
        )
    more = "Names of {} have {!r} more than those of {}"
    if affix := suggest_strip(preds, masks, strip, loose=loose):
        return f"{more.format(kinds[0], affix, kinds[1])}: pass --strip {quote(affix)}."
    if loose:
        return ""
    if alike := suggest_loose(preds, masks, strip):
        listed = first_few([f"{theirs} for {ours}" for theirs, ours in alike])
        differ = f"Names of {counted(len(alike), kinds[0][:-1])} differ from those of {kinds[1]} only in case"
        return f"{differ} or leading zeros ({listed}): pass --loose-names."
    if affix := suggest_strip(preds, masks, strip, loose=True):
        return (
            f"{more.format(kinds[0], affix, kinds[1])}, and differ in case or leading zeros: "
            f"pass --strip {quote(affix)} --loose-names."
        )
    return ""


def pair_by_guess(preds: Sequence[ImageFile], masks: Sequence[ImageFile]) -> dict[str, ImageFile]:
    """Return predictions by id, paired as `naming_hint` advises, to show maps that were scored that way."""
    affix = suggest_strip(preds, masks) or suggest_strip(preds, masks, loose=True)
    strip = [affix] if affix else []
    stems = {entry.stem: entry for entry in preds}
    loose = {image: stems[stem] for stem, image in suggest_loose(preds, masks, strip)}
    return loose | {image: entry for image, entry, _ in pair(preds, masks, strip).pairs}


def split_group(image: str) -> tuple[str, str]:
    """Split the id of an image into its group, with the slash, and its name.

    >>> split_group("bmx/00000"), split_group("00000")
    (('bmx/', '00000'), ('', '00000'))
    """
    group, slash, name = image.rpartition("/")
    return group + slash, name


def listed_by_group(images: Sequence[str], masks: Sequence[ImageFile]) -> str:
    """List the first few images that are missing; of a dataset of groups, the groups and a few of each.

    >>> from sodbench.data.sources import InFolder
    >>> masks = [ImageFile(f"{v}/{k}.png", InFolder(""), group=v) for v in ("bmx", "swan") for k in range(3)]
    >>> listed_by_group(["bmx/0", "bmx/1", "bmx/2", "swan/2"], masks)
    'bmx: all 3; swan: 1 of 3 (2)'
    """
    if not any(mask.group for mask in masks):
        return first_few(images)
    whole = Counter(split_group(mask.stem)[0] for mask in masks)
    missing: dict[str, list[str]] = {}
    for group, name in map(split_group, images):
        missing.setdefault(group, []).append(name)
    lines = [
        f"{escaped(group.rstrip('/'))}: "
        + (
            f"all {len(names)}"
            if len(names) == whole[group]
            else f"{len(names)} of {whole[group]} ({first_few(names, 3)})"
        )
        for group, names in missing.items()
    ]
    rest = len(lines) - 5
    return "; ".join(lines[:5]) + (f"; and {counted(rest, 'more group')}" if rest > 0 else "")


def masks_by_stem(masks: Sequence[ImageFile]) -> dict[str, ImageFile]:
    """Return masks by the id of their image.

    Raises
    ------
    DatasetError
        Two masks have one stem: which of them was meant is not guessed.
    """
    return _by_id(masks, [mask.stem for mask in masks], DatasetError, "masks")


def _by_loose_name(stems: Iterable[str]) -> dict[str, list[str]]:
    by_name: dict[str, list[str]] = {}
    for stem in sorted(stems):
        by_name.setdefault(loose_name(stem), []).append(stem)
    return by_name


def _by_mask(maps: Mapping[str, ImageFile], truth: Mapping[str, ImageFile]) -> dict[str, ImageFile]:
    """Return the maps by the id of the mask that has their loose name; maps without one keep their own."""
    theirs, ours = _by_loose_name(maps), _by_loose_name(truth)
    by_mask: dict[str, ImageFile] = {}
    for name, stems in theirs.items():
        images = ours.get(name, stems)
        if not set(stems) <= set(images):
            if len(stems) > 1 or len(images) > 1:
                files = [maps[stem].where for stem in stems] + [truth[image].where for image in images]
                raise PredictionError(
                    f"{first_few(files)}: names that differ only in case or leading zeros, so --loose-names "
                    "cannot tell which belongs to which mask. Rename these files."
                )
            by_mask[images[0]] = maps[stems[0]]
        else:
            by_mask |= {stem: maps[stem] for stem in stems}
    return by_mask


def _by_id(
    entries: Sequence[ImageFile], ids: Sequence[str], error: type[SodbenchError], what: str
) -> dict[str, ImageFile]:
    by_id: dict[str, ImageFile] = {}
    for image, entry in zip(ids, entries, strict=True):
        if image in by_id:
            raise error(
                f"{told_apart([by_id[image], entry])}: found two {what} of image {image}, expected one. "
                "Remove one of the two files."
            )
        by_id[image] = entry
    return by_id


def _stripped(image: str, strip: Sequence[str]) -> str:
    group, stem = split_group(image)
    for affix in strip:
        if stem == affix:
            continue
        stem = stem.removesuffix(affix) if stem.endswith(affix) else stem.removeprefix(affix)
    return group + stem
