"""Where results are kept, ``OUT/METHOD/DATASET``, and what may take the place of what is there.

The same maps under the same protocol take it, however often they change. Scores under another protocol get a
tree of their own, ``OUT/@PROTOCOL/METHOD/DATASET``, and leave those that are there as they are. Other maps of
the same name are refused, and scores of a smaller share of the dataset are not stored, unless the caller
says otherwise.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from sodbench.data.locations import Location
from sodbench.data.pairing import pair
from sodbench.data.sources import ImageFile, digest_of
from sodbench.errors import DatasetError, FileError, PredictionError, ScoresError, SodbenchError, first_few
from sodbench.metrics import joined, narrowed, stated_fields
from sodbench.protocol import OTHER_KEYS, PRESETS, Protocol, differing
from sodbench.scoring.plan import Plan
from sodbench.scoring.scores import Scores
from sodbench.scoring.storage import META, OTHER_TREE, DamageError, check_files, read_meta_file, settle
from sodbench.utils.files import check_writable
from sodbench.utils.process import Say
from sodbench.utils.urls import PathOrUrl, Url

Others = Literal["refuse", "leave", "replace"]
"""What to do where other scores have the place: refuse to start, store nothing, or replace them."""

NAME_BYTES, PATH_BYTES = 240, 4000
"""What the name and the whole path of a folder may have, so that the files in and beside it have a name."""


class Maps(NamedTuple):
    """The maps of one method on one dataset, and where they lie."""

    method: str
    entries: tuple[ImageFile, ...]
    path: PathOrUrl
    location: Location

    @property
    def source(self) -> PathOrUrl:
        """The folder that holds the maps, or the zip."""
        return self.path if self.path.is_file() else self.path / self.entries[0].home


class Slot(NamedTuple):
    """A place for the scores of some maps.

    Parameters
    ----------
    home
        The folder.
    stored
        Scores that are there and may be continued, of the same protocol.
    elsewhere
        Scores of another protocol, which have the normal place.
    taken
        Why nothing may be stored there, in words; empty: it may.
    seen
        ``meta.json`` as it was there; empty if there was none.
    """

    home: Path
    stored: Scores | None = None
    elsewhere: Scores | None = None
    taken: str = ""
    seen: bytes = b""

    @property
    def way(self) -> str:
        """What to do about other scores there, in words."""
        force = (
            "delete their folder; --force replaces those in the normal place" if self.elsewhere else "--force"
        )
        return (
            "To keep both, pass `sodbench score` --method NAME or another --scores; "
            f"to replace them, {force}."
        )

    @property
    def changed(self) -> bool:
        """Whether another process has stored something there since."""
        return _seen(self.home) != self.seen


def slot_of(maps: Maps, out: Path, asked: Protocol, plan: Plan, others: Others, say: Say) -> Slot:
    """Find the place of some maps' scores, and look at what is there.

    Parameters
    ----------
    maps
        The maps.
    out
        The tree of results.
    asked, plan
        The protocol as the user named it, and with the mask rule of the dataset.
    others
        What to do where other scores have the place.
    say
        Told of damaged scores, which are replaced.

    Raises
    ------
    FileError, ScoresError
        The folder cannot be written, holds files that are no scores, or scores of a newer sodbench.
    """
    name = maps.location.dataset.name
    home, elsewhere = home_at(out, maps.method, name), None
    seen, stored = _seen(home), _stored_at(home, say)
    if others == "replace":
        return Slot(home, stored, seen=seen)
    if stored and not _continues(stored, plan):
        elsewhere, home = stored, home_at(out / f"{OTHER_TREE}{_label(asked, plan)}", maps.method, name)
        seen, stored = _seen(home), _stored_at(home, say)
    taken = (_other_shard(stored, plan) or _other_maps(stored, maps, plan)) if stored else ""
    return Slot(home, stored, elsewhere, taken, seen)


def continued(stored: Scores | None, plan: Plan) -> Protocol:
    """Return the protocol of a plan, and of those stored metrics that it does not ask for."""
    if stored is None:
        return plan.protocol
    return joined(plan.protocol, plan.metrics, stored.protocol, stored.metrics)


def _continues(stored: Scores, plan: Plan) -> bool:
    """Tell whether stored scores and those of a plan can be kept under one protocol."""
    whole = joined(stored.protocol, stored.metrics, plan.protocol, plan.metrics)
    return whole == continued(stored, plan)


def fewer(scores: Scores, stored: Scores) -> str:
    """Say that scores are of a smaller share of the dataset than those that are there, if they are."""
    if scores.n * stored.of >= stored.n * scores.of:
        return ""
    return f"holds scores of {stored.n}/{stored.of} images, and these are of {scores.n}/{scores.of}"


def differences(stored: Scores, scores: Scores) -> dict[str, tuple[str, str]]:
    """Return the parts of the signature in which scores differ, but for what acts on metrics of one alone."""
    names = stated_fields(stored.metrics) & stated_fields(scores.metrics)
    return differing(stored.signature, scores.signature, names)


def replaced(scores: Scores, stored: Scores) -> str:
    """Say what of the signature is another than that of the scores that are there, nothing if none is."""
    parts = differences(stored, scores)
    listed = [f"{key} {a}, now {b}" for key, (a, b) in parts.items() if key != "rev"]
    return f"replaced earlier scores ({'; '.join(listed)})" if listed else ""


def other_protocol(scores: Scores, elsewhere: Scores) -> str:
    """Say in which conventions the scores that have the normal place differ."""
    parts = differences(elsewhere, scores).items()
    listed = "; ".join(f"{key} {a} there, {b} here" for key, (a, b) in parts if key not in OTHER_KEYS)
    return (
        f"scores of another protocol are in the usual folder ({listed}), and `sodbench score --force` "
        "replaces those"
    )


def partial_of(home: Path) -> Path:
    """Return the folder that keeps what a run finished that was cut short."""
    return home.with_name(f".{home.name}.partial")


def folder_name(name: str) -> str:
    """Return the folder of a method or dataset; two names never share one.

    >>> folder_name("U2-Net+"), folder_name("a/b"), folder_name(".x")
    ('U2-Net+', 'a%2Fb', '%2Ex')
    """
    return "".join(
        letter
        if letter.isprintable() and letter not in "/\\%" and (k or letter not in f".{OTHER_TREE}")
        else "".join(f"%{byte:02X}" for byte in letter.encode())
        for k, letter in enumerate(name)
    )


def home_at(out: Path, method: str, dataset: str) -> Path:
    """Return the folder of some scores, after checking that it holds scores or nothing.

    Raises
    ------
    FileError, ScoresError
        It cannot be written, or holds other files.
    """
    home = out / folder_name(method) / folder_name(dataset)
    _check_length(home)
    check_writable(home.parent, "--scores")
    try:
        settle(home)
        names = sorted(file.name for file in home.iterdir()) if home.exists() else []
    except OSError as error:
        raise FileError(f"{home}: cannot use this folder ({error.strerror}).") from error
    if names and META not in names:
        raise ScoresError(
            f"{home}: found {first_few(names)}, expected scores or nothing. "
            "Choose another folder with --scores."
        )
    check_files(home)
    return home


def _check_length(home: Path) -> None:
    """Refuse names that the disk has no room for, before the work."""
    for name, most in (
        (home.parent.name, NAME_BYTES),
        (home.name, NAME_BYTES),
        (home.absolute(), PATH_BYTES),
    ):
        size = len(os.fsencode(name))
        if size > most:
            raise FileError(
                f"{str(name)[:80]}...: this name has {size} bytes, expected at most {most}. "
                "Pass a shorter --method, or another --scores."
            )


def _seen(home: Path) -> bytes:
    return read_meta_file(home) if (home / META).exists() else b""


def _stored_at(home: Path, say: Say) -> Scores | None:
    """Return the scores in a folder, without the numbers that metrics revised since have moved."""
    if not (home / META).exists():
        return None
    try:
        return Scores.load(home, moved=True)
    except DamageError as error:
        say(f"{home}: these scores are damaged ({error.reason}), and are replaced.")
        return None


def _label(asked: Protocol, plan: Plan) -> str:
    """Return a name for a protocol: that of the preset that it is for a plan's metrics, or a digest."""
    acting = narrowed(asked, plan.metrics)
    named = [name for name, preset in PRESETS.items() if narrowed(preset, plan.metrics) == acting]
    return (named or [hashlib.sha256(acting.signature().encode()).hexdigest()[:8]])[0]


def _other_shard(stored: Scores, plan: Plan) -> str:
    """Say that scores are of another part of the images, an empty text if they are not."""
    there, here = stored.provenance.get("shard", ""), str(plan.shard or "")
    if there == here:
        return ""
    of = {"": "the whole dataset"}
    return (
        f"holds scores of {of.get(there, f'shard {there}')}, and these are of {of.get(here, f'shard {here}')}"
    )


def _other_maps(stored: Scores, maps: Maps, plan: Plan) -> str:
    """Say that scores are not of these maps, an empty text if they are.

    They are if they were made from the same folders, whatever has changed in there, or if the files
    that both have are alike, wherever they lie.
    """
    if stored.method != maps.method:
        return f"holds scores of the method {stored.method}, and these maps are called {maps.method}"
    here = {"predictions": maps.source, "masks": maps.location.masks}
    if maps.location.dataset.registered:
        del here["masks"]
    moved = {key: path for key, path in here.items() if not _is_source(stored, key, path)}
    if not moved or _are_alike(stored, maps, plan):
        return ""
    key, path = next(iter(moved.items()))
    there = stored.provenance.get(key) or f"unknown {key}"
    if there == str(path):  # the same words, in another directory
        there, path = Path(stored.provenance.get("directory", ""), there), path.absolute()
    return f"holds scores of {there}, and these are of {path}"


def _is_source(stored: Scores, key: str, path: PathOrUrl) -> bool:
    """Tell whether scores were made from a folder or zip; earlier versions kept a folder above it."""
    made = stored.provenance
    if not isinstance(made.get(key), str) or not isinstance(made.get("directory", ""), str):
        return False
    if isinstance(path, Url):
        return bool(made[key] == str(path))
    there = Path(made.get("directory", ""), made[key]).resolve()
    here = path.resolve()
    return there == here or ("directory" not in made and there in here.parents)


def _are_alike(stored: Scores, maps: Maps, plan: Plan) -> bool:
    """Tell whether the images that are stored and here have the same bytes; there must be one."""
    alike = False
    with suppress(SodbenchError):
        for image, entry, mask in pair(
            maps.entries, maps.location.mask_files, plan.strip, loose=plan.loose
        ).pairs:
            if image in stored.rows:
                parts = (mask.content(DatasetError), entry.content(PredictionError))
                if stored.table.bare(image).digest != "-".join(digest_of(data) for data in parts):
                    return False
                alike = True
        return alike
    return False
