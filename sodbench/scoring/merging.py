"""Merge scores of parts of a dataset into what one run over all of it would have stored.

Parts are the trees that `sodbench score --shard K/N` writes; each says in its provenance which shard it is.
Other parts (``--subset``) are merged, too, if they share no image and are together the whole dataset.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from sodbench.errors import ScoresError, first_few
from sodbench.metrics import joined
from sodbench.protocol import split_signature
from sodbench.scoring.runs import Place, Results, stored_lines
from sodbench.scoring.scores import Scores
from sodbench.scoring.selection import stored_under
from sodbench.scoring.slots import fewer, home_at
from sodbench.scoring.storage import META, DamageError
from sodbench.scoring.table import RowTable
from sodbench.utils.shards import Shard
from sodbench.utils.text import counted
from sodbench.utils.urls import Url, path_or_url


class ScoredPart(NamedTuple):
    """The scores of a part of a dataset, and the folder that holds them."""

    folder: Path
    scores: Scores

    @property
    def shard(self) -> Shard | None:
        """Which shard this is, None where its provenance does not say."""
        told = self.scores.provenance.get("shard")
        return Shard.parse(told) if told else None


def merge_folders(parts: Iterable[str | Path], out: str | Path = "scores", *, force: bool = False) -> Results:
    """Merge what is stored under some folders into one tree, ``out/METHOD/DATASET``.

    Everything is read and checked before anything is written.

    Parameters
    ----------
    parts
        Trees of scores, in any order: every method x dataset found in them is merged.
    out
        The tree to write.
    force
        Replace other scores that are there.

    Raises
    ------
    ScoresError
        A shard is missing, two parts share images, they were made in different ways, one is damaged, or `out`
        holds scores of other maps.
    FileError
        A folder cannot be written.
    """
    found = sorted(stored_under(parts), key=lambda each: (each.dataset_name, each.method, str(each.folder)))
    if broken := [each.error for each in found if each.error]:
        raise ScoresError("\n".join(broken))
    merged = [
        merged_parts([ScoredPart(each.folder, Scores.load(each.folder)) for each in group])
        for _, group in groupby(found, key=lambda each: (each.dataset_name, each.method))
    ]
    homes = [home_at(Path(out), scores.method, scores.dataset_name) for scores in merged]
    if taken := [
        f"{home}: it {why}."
        for home, scores in zip(homes, merged, strict=True)
        if not force and (why := _taken(home, scores))
    ]:
        raise ScoresError(
            "\n".join([*taken, "To keep both, pass another --scores; to replace them, --force."])
        )
    for home, scores in zip(homes, merged, strict=True):
        scores.save(home)
    places = [Place(home, True, "") for home in homes]
    return Results(merged, places, stored_lines(places))


def merged_parts(parts: Sequence[ScoredPart]) -> Scores:
    """Return the scores of which these are the parts.

    Raises
    ------
    ScoresError
        See `merge_folders`.
    """
    first, *others = parts
    what = f"{first.scores.method} on {first.scores.dataset_name}"
    for other in others:
        _check_alike(what, first, other)
    _check_shards(what, parts)
    _check_disjoint(what, parts)
    table = RowTable.joined([part.scores.table for part in parts])
    whole = replace(first.scores, rows=table, provenance=_provenance([part.scores for part in parts]))
    if len(table) > whole.of:
        raise ScoresError(
            f"{what}: the {counted(len(parts), 'part')} have {len(table)} images, expected {whole.of}: some "
            "have two names, or are of another dataset. Score with the masks of one dataset."
        )
    if whole.missing != "skip" and len(table) < whole.of:
        raise ScoresError(
            f"{what}: {counted(whole.of - len(table), 'image')} of {whole.of} "
            f"{'is' if whole.of - len(table) == 1 else 'are'} in none of the {counted(len(parts), 'part')} "
            f"({first_few([str(part.folder) for part in parts])}). Pass all parts."
        )
    return whole


def _check_alike(what: str, first: ScoredPart, other: ScoredPart) -> None:
    """Refuse parts of other evaluations."""
    a, b = first.scores, other.scores
    unlike = {
        "dataset (their masks differ)": _both(a.dataset, b.dataset),
        "number of images": _both(a.of, b.of),
        "protocol": _conventions(a.protocol.signature(), b.protocol.signature()),
        "metrics": _in_one(a.metrics, b.metrics),
        "missing": _both(a.missing, b.missing),
        "precision": _both(a.precision, b.precision),
    }
    for name, how in unlike.items():
        if how:
            raise ScoresError(
                f"{what}: {first.folder} and {other.folder} differ in {name}: {how}. Score both in the same "
                "way."
            )


def _both(a: object, b: object) -> str:
    """Return two values if they differ, else an empty text."""
    return "" if a == b else f"{a} and {b}"


def _conventions(a: str, b: str) -> str:
    """Return the conventions in which two protocols differ."""
    first, second = split_signature(a), split_signature(b)
    keys = [key for key in first | second if first.get(key) != second.get(key)]
    return "; ".join(f"{key} {first.get(key, '-')} and {second.get(key, '-')}" for key in keys)


def _in_one(a: Sequence[str], b: Sequence[str]) -> str:
    """Return which metrics are not in both."""
    alone = [name for name in dict.fromkeys((*a, *b)) if name not in a or name not in b]
    return f"{first_few(alone)} in one alone" if alone else ""


def _check_shards(what: str, parts: Sequence[ScoredPart]) -> None:
    """Refuse shards that are missing, there twice, or of another number of parts."""
    shards = [part.shard for part in parts]
    of = {shard: part for shard, part in zip(shards, parts, strict=True) if shard}
    if not of:
        return
    first, folder = next((shard, part.folder) for shard, part in of.items())
    for part, shard in zip(parts, shards, strict=True):
        if shard is None or shard.parts != first.parts:
            raise ScoresError(
                f"{what}: {folder} is shard {first}, and {part.folder} "
                f"{f'shard {shard}' if shard else 'none'}. Expected shards of one number of parts."
            )
        if of[shard] is not part:
            raise ScoresError(
                f"{what}: {part.folder} and {of[shard].folder} are both shard {shard}. Pass one of them."
            )
    wanted = [Shard(k, first.parts) for k in range(1, first.parts + 1)]
    if missing := [str(shard) for shard in wanted if shard not in of]:
        are = "is" if len(missing) == 1 else "are"
        raise ScoresError(
            f"{what}: {first_few(missing, 20)} {are} missing. Score with --shard {missing[0]}, or pass the "
            "folder that holds its scores."
        )


def _check_disjoint(what: str, parts: Sequence[ScoredPart]) -> None:
    """Refuse parts that share images."""
    owner: dict[str, ScoredPart] = {}
    for part in parts:
        if shared := [image for image in part.scores.rows if image in owner]:
            raise ScoresError(
                f"{what}: {owner[shared[0]].folder} and {part.folder} share {counted(len(shared), 'image')} "
                f"({first_few(shared)}). Pass parts that share none."
            )
        owner |= dict.fromkeys(part.scores.rows, part)


def _provenance(parts: Sequence[Scores]) -> dict[str, Any]:
    """Return where the scores come from: what parts say differently is listed, of dates the last is taken."""
    told: dict[str, dict[Any, None]] = {}
    apart = len({scores.provenance.get("directory") for scores in parts}) > 1
    for scores in parts:
        for key, value in (_without_directory(scores) if apart else scores.provenance).items():
            told.setdefault(key, {})[value] = None
    told.pop("shard", None)
    return {
        key: max(values) if key == "date" else ", ".join(values) if len(values) > 1 else next(iter(values))
        for key, values in told.items()
    }


def _without_directory(scores: Scores) -> dict[str, Any]:
    """Return where scores come from with whole paths, so that it does not matter where they were made."""
    told = dict(scores.provenance)
    directory = told.pop("directory", "")
    for key in ("predictions", "masks"):
        if key in told and not isinstance(path_or_url(told[key]), Url):
            told[key] = str(Path(directory, told[key]).resolve())
    return told


def _taken(home: Path, scores: Scores) -> str:
    """Say why merged scores may not have their place, an empty text if they may."""
    if not (home / META).exists():
        return ""
    try:
        stored = Scores.load(home, moved=True)
    except DamageError as error:
        return f"holds damaged scores ({error.reason})"
    if stored.method != scores.method:
        return f"holds scores of the method {stored.method}, and these are of {scores.method}"
    if stored.provenance.get("shard"):
        return f"holds shard {stored.provenance['shard']}, and these are of the whole dataset"
    if why := fewer(scores, stored):
        return why
    if stored.dataset != scores.dataset:
        return "holds scores of other masks"
    if any(
        stored.table.bare(i).digest != scores.table.bare(i).digest for i in stored.rows if i in scores.rows
    ):
        return "holds scores of other maps"
    if joined(stored.protocol, stored.metrics, scores.protocol, scores.metrics) != scores.protocol:
        return "holds scores of another protocol"
    if lost := [name for name in stored.metrics if name not in scores.metrics]:
        return f"holds metrics that the parts lack ({first_few(lost)})"
    return ""
