"""Scores on disk: one folder, whole at any moment, and readable without sodbench.

``images.csv`` has a line an image: its size, the metrics' values, the statistics they are made of, notes, and
the beginning of the SHA-256 of the line and its histograms. ``levels.npz`` has the level histograms,
``meta.json`` the signature, where the scores come from, and the SHA-256 of all three files. Files' digests
tell whether something was changed, those of lines of which images. Columns and metrics that this program does
not know are kept; an empty cell, or a column that is not there, was not computed. `SCORES_FORMAT` rises only
when the meaning of what is there changes.

A folder is replaced under a lock, in this order: the new files are written beside the old ones, under hidden
names that end in their digest; renaming the new ``meta.json`` makes the new scores count; renaming the others
gives them their names. A reader takes of each file the one whose digest ``meta.json`` names, and starts again
if that was replaced meanwhile. What a process that was killed leaves is finished or removed by the next one
that writes here.
"""

import csv
import hashlib
import io
import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, count, islice
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from numpy.typing import NDArray

from sodbench.errors import FileError, ScoresError, first_few
from sodbench.metrics import METRICS, PARTS, REVISIONS, STATISTICS, Part, parts_of, revisions_of
from sodbench.metrics.histogram import Reals
from sodbench.protocol import Protocol, Signature
from sodbench.scoring.levels import AT_ONCE, Levels, Pairs
from sodbench.scoring.plan import MISSING
from sodbench.scoring.table import RowTable
from sodbench.utils.files import check_regular, locked, read_file
from sodbench.utils.text import csv_text

SCORES_FORMAT = 1
"""Version of the folder format; raised when an older sodbench could misread a folder."""

META, IMAGES, LEVELS = FILES = ("meta.json", "images.csv", "levels.npz")
"""The files of a scores folder; others in it are left alone."""

LEVEL = 4
"""How hard zlib tries: four times as fast as its default, for files that are 7 % larger."""

OTHER_TREE = "@"
"""What the names of trees in a tree begin with that hold scores under other protocols."""

DIGESTS = "sha256"
"""Where ``meta.json`` has the digests; its own is that of everything else in it."""

FIRST = ("image", "height", "width")
ROW_DIGEST = "row_sha256"
LAST = ("notes", "digest", ROW_DIGEST)
"""The columns of ``images.csv`` before and behind the numbers."""

_OPTIONAL_STATISTICS = {
    name for part in PARTS.values() if part.optional and part.statistics for name in part.statistics.names
}
"""Numbers that have a column only where they were computed."""

_PENDING = re.compile(rf"\.({'|'.join(map(re.escape, FILES))})-([0-9a-f]{{64}})")
"""Names of files that do not count yet."""


class DamageError(ScoresError):
    """A scores folder does not hold what was stored."""

    def __init__(self, folder: Path, cause: Exception | str) -> None:
        reason = " ".join(str(cause).split()) or type(cause).__name__
        self.reason = reason if len(reason) <= 200 else f"{reason[:200]} ..."
        super().__init__(f"{folder}: these scores are damaged ({self.reason}). Score again.")


class Unknown(NamedTuple):
    """Metrics in a folder that this program does not know, and the revisions of families that it does not."""

    metrics: tuple[str, ...] = ()
    revisions: tuple[tuple[str, int], ...] = ()


class Stored(NamedTuple):
    """What a folder holds: ``meta.json`` as a dictionary, the other files as bytes."""

    meta: dict[str, Any]
    images: bytes
    levels: bytes


def write_folder(folder: Path, images: bytes, levels: bytes, meta: Mapping[str, Any]) -> None:
    """Put scores into a folder, in place of older ones, which stay if that fails.

    Parameters
    ----------
    folder
        It is made if it is not there.
    images, levels, meta
        See `images_file`, `levels_file`, `meta_record`.

    Raises
    ------
    FileError
        The folder cannot be written, or something else has the name of one of the files.
    """
    data = {IMAGES: images, LEVELS: levels}
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent):
            new = not folder.exists()
            folder.mkdir(exist_ok=True)
            check_files(folder)
            _settle(folder)
            try:
                for name, content in data.items():
                    _pending(folder, name, content).write_bytes(content)
                text = _sealed(meta, data)
                _pending(folder, META, text).write_bytes(text)
                _pending(folder, META, text).replace(folder / META)
            finally:
                _settle(folder)
                if new and not any(folder.iterdir()):
                    folder.rmdir()
    except OSError as error:
        raise FileError(
            f"{folder}: cannot write scores ({error.strerror}). Pass another --scores."
        ) from error


def check_files(folder: Path) -> None:
    """Refuse a folder in which something else than a file has the name of one of the files.

    Raises
    ------
    FileError
        It is a folder, a pipe or a device; the message says which.
    """
    for name in FILES:
        if (folder / name).is_symlink() or (folder / name).exists():
            check_regular(folder / name)


def settle(folder: Path) -> None:
    """Finish or remove what a process that was killed left in a folder, if there is one."""
    if folder.is_dir():
        with locked(folder.parent):
            _settle(folder)


def read_folder(folder: Path) -> Stored:
    """Read the files of one moment, and check their digests, if ``meta.json`` has any.

    Raises
    ------
    ScoresError
        A file is missing, no regular file or too large, or the format is newer.
    DamageError
        A file is not what was stored.
    """
    meta, images, levels = _moment(folder)
    if images is None or levels is None:
        # A saver that returned to these very scores meanwhile looks the same as damage.
        with locked(folder.parent):
            meta, images, levels = _moment(folder)
    if images is None or levels is None:
        name = IMAGES if images is None else LEVELS
        if not (folder / name).exists():
            raise _absent(folder, name)
        raise DamageError(folder, f"{name} was changed{_where(folder)}: its SHA-256 is not the one in {META}")
    return Stored(meta, images, levels)


def _moment(folder: Path) -> tuple[dict[str, Any], bytes | None, bytes | None]:
    """Return ``meta.json`` and the files that it names, None for one that is not there."""
    text = read_meta_file(folder)
    while True:
        meta = meta_from(folder, text)
        digests = meta.get(DIGESTS, {})
        images, levels = (_named(folder, name, digests.get(name)) for name in (IMAGES, LEVELS))
        before, text = text, read_meta_file(folder)
        if before == text:
            return meta, images, levels


def images_file(table: RowTable, values: Mapping[str, Reals]) -> bytes:
    """Return ``images.csv``; `values` are the metrics' of each image."""
    unknown = list(dict.fromkeys(name for row in table.unknown.values() for name in row))
    names = [name for name in STATISTICS if name in table.numbers or name not in _OPTIONAL_STATISTICS]
    head = [*FIRST, *values, *names, *unknown, *LAST]
    return csv_text(chain([head], _lines(table, values, names, unknown))).encode()


def _lines(
    table: RowTable, values: Mapping[str, Reals], names: Sequence[str], unknown: Sequence[str]
) -> Iterator[list[str]]:
    """Yield the cells of each image."""
    nothing = np.full(len(table), np.nan)
    columns = [*values.values(), *(table.numbers.get(name, nothing) for name in names)]
    for part in table.parts():
        ids = table.ids[part]
        cells = [
            ids,
            *(map(str, side) for side in table.shapes[part].T.tolist()),
            *(map(_cell, column[part].tolist()) for column in columns),
            *([table.unknown.get(image, {}).get(name, "") for image in ids] for name in unknown),
            map(" ".join, table.notes[part]),
            table.digests[part],
        ]
        for line, pair in zip(zip(*cells, strict=True), table.levels.pairs(part), strict=True):
            yield [*line, _row_digest(line, pair)]


def levels_file(table: RowTable) -> bytes:
    """Return ``levels.npz``, which NumPy reads; equal rows give equal bytes."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        ids = np.array(table.ids, dtype=np.str_)
        _add_array(archive, "images", ids.dtype, ids.shape, [ids])
        for side, name in enumerate(("fg", "bg")):
            counts = (table.levels.pairs(part)[:, side] for part in table.parts())
            _add_array(archive, name, np.dtype(np.uint32), (len(table), 256), counts)
    return buffer.getvalue()


def _add_array(
    archive: ZipFile, name: str, kind: np.dtype[Any], shape: tuple[int, ...], parts: Iterable[NDArray[Any]]
) -> None:
    """Add an array that is made in parts, which are not in memory together."""
    head = {"descr": kind.str, "fortran_order": False, "shape": shape}
    large = kind.itemsize * math.prod(shape) > 1 << 30
    with archive.open(f"{name}.npy", "w", force_zip64=large) as member:
        np.lib.format.write_array_header_1_0(member, head)  # type: ignore[no-untyped-call]
        for part in parts:
            member.write(np.ascontiguousarray(part).data)


def meta_record(meta: Mapping[str, Any], unknown: Unknown) -> dict[str, Any]:
    """Return what ``meta.json`` holds beside the digests."""
    return {
        "format": SCORES_FORMAT,
        **meta,
        "metrics": [*meta["metrics"], *unknown.metrics],
        "revisions": {**meta["revisions"], **dict(unknown.revisions)},
    }


def read_meta_file(folder: Path) -> bytes:
    """Read ``meta.json`` as bytes.

    Raises
    ------
    ScoresError
        It is missing, no regular file or too large.
    """
    if not (folder / META).exists():
        raise _absent(folder, META)
    return read_file(folder / META, ScoresError)


def meta_from(folder: Path, text: bytes) -> dict[str, Any]:
    """Check what ``meta.json`` holds, and return it.

    Raises
    ------
    ScoresError
        The format is newer.
    DamageError
        It is not what was stored.
    """
    try:
        meta = json.loads(text, parse_constant=_no_number)
        if not isinstance(meta, dict):
            raise ValueError(f"{META} is no record")
        if isinstance(meta["format"], int) and meta["format"] > SCORES_FORMAT:
            raise ScoresError(
                f"{folder}: written by a newer sodbench (format {meta['format']}, "
                f"this one reads {SCORES_FORMAT}). Update sodbench."
            )
        _check_meta(meta)
    except ScoresError:
        raise
    except Exception as error:
        raise DamageError(folder, error) from error
    return meta


def _check_meta(meta: Mapping[str, Any]) -> None:
    """Raise an exception that says what is wrong with a record."""
    if DIGESTS in meta:
        rest = {key: value for key, value in meta.items() if key != DIGESTS}
        if sorted(meta[DIGESTS]) != sorted(FILES) or meta[DIGESTS][META] != _sha256(_text(rest)):
            raise ValueError(f"{META} was changed: the SHA-256 of what it holds is not the one in it")
    kinds = {"format": int, "method": str, "dataset": str, "of": int, "metrics": list, "signature": str}
    for key, kind in {**kinds, "revisions": dict, "provenance": dict}.items():
        if type(meta[key]) is not kind:
            raise ValueError(f"{key} in {META} is {meta[key]!r}")
    for key in ("method", "dataset"):
        meta[key].encode()
    if meta["missing"] not in MISSING:
        raise ValueError(f"missing in {META} is {meta['missing']!r}")
    if not all(isinstance(name, str) for name in meta["metrics"]) or not meta["metrics"]:
        raise ValueError(f"metrics in {META} are {meta['metrics']!r}")
    if not all(type(number) is int for number in meta["revisions"].values()):
        raise ValueError(f"revisions in {META} are {meta['revisions']!r}")
    Signature.parse(meta["signature"])


def unknown_of(meta: Mapping[str, Any]) -> Unknown:
    """Return what of the metrics in ``meta.json`` this program does not know."""
    return Unknown(
        tuple(name for name in meta["metrics"] if name not in METRICS),
        tuple((family, number) for family, number in meta["revisions"].items() if family not in REVISIONS),
    )


def moved_families(meta: Mapping[str, Any]) -> dict[str, int]:
    """Return the families that have been revised since the folder was written, and their old revisions."""
    now = revisions_of(METRICS, Protocol.parse(meta["signature"]))
    return {
        family: number
        for family, number in meta["revisions"].items()
        if family in now and number != now[family]
    }


def read_rows(stored: Stored, metrics: Sequence[str]) -> RowTable:
    """Return the rows of ``images.csv`` and ``levels.npz``.

    Parameters
    ----------
    stored
        The files.
    metrics
        Those that the folder says it has: an empty cell of their statistics is an undefined number.

    Raises
    ------
    Exception
        They are damaged; the exception says how.
    """
    sealed = DIGESTS in stored.meta
    columns = _columns(stored.images, {*METRICS, ROW_DIGEST} if sealed else ())
    ids = columns["image"]
    if len({*ids}) < len(ids):
        raise ValueError(f"{IMAGES} lists an image twice")
    shapes = [(int(h), int(w)) for h, w in zip(columns["height"], columns["width"], strict=True)]
    levels = Levels.of(_checked(_histograms(stored.levels, ids), ids, shapes))
    parts = parts_of(tuple(name for name in metrics if name in METRICS)).values()
    always = {name for part in parts for name in _always_stored(part)}
    known = [name for name in STATISTICS if name in always or name in columns]
    others = [name for name in columns if name not in {*FIRST, *METRICS, *STATISTICS, *LAST}]
    if not sealed and (changed := _changed(columns, (levels.pairs(slice(k, k + 1))[0] for k in count()))):
        raise ValueError(f"{IMAGES} or {LEVELS} was changed in {first_few(changed)}")
    return RowTable.made(
        ids,
        np.array(shapes, np.int64).reshape(-1, 2),
        {name: _numbers(name, columns[name]) for name in known},
        {name: np.array([name in always or cell != "" for cell in columns[name]], bool) for name in known},
        (tuple(cell.split()) for cell in columns["notes"]),
        columns["digest"],
        {image: {name: columns[name][k] for name in others} for k, image in enumerate(ids)} if others else {},
        levels,
    )


def _columns(content: bytes, unread: Collection[str] = ()) -> dict[str, tuple[str, ...]]:
    """Return the columns of ``images.csv``, but for some."""
    lines = (line for line in csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8", newline="")) if line)
    head = next(lines, [])
    read = [k for k, name in enumerate(head) if name not in unread]
    whole = len(set(head)) == len(head)
    cells = []
    for line in lines:
        whole = whole and len(line) == len(head)
        if not whole:
            break
        cells.append([line[k] for k in read])
    if not whole:
        raise ValueError(
            f"{IMAGES} has lines of another number of cells than columns, or two columns of a name"
        )
    columns = zip(*cells, strict=True) if cells else (() for _ in read)
    return dict(zip((head[k] for k in read), columns, strict=True))


def _row_digest(cells: Iterable[str], pair: NDArray[np.uint32]) -> str:
    return _sha256("\0".join(cells).encode() + pair.tobytes())[:16]


def _changed(columns: Mapping[str, Sequence[str]], pairs: Iterable[NDArray[np.uint32]]) -> list[str]:
    """Return the images whose row is not what was stored; none where rows have no digests."""
    digests = columns.get(ROW_DIGEST, ())
    lines = zip(*(cells for name, cells in columns.items() if name != ROW_DIGEST), strict=True)
    rows = zip(columns["image"], lines, digests, pairs, strict=False)
    return [image for image, line, digest, pair in rows if _row_digest(line, pair) != digest]


def _where(folder: Path) -> str:
    """Say of which images a folder holds something else than was stored, if that can be told."""
    with suppress(Exception):
        columns = _columns(read_file(folder / IMAGES))
        pairs = chain.from_iterable(_histograms(read_file(folder / LEVELS), columns["image"]))
        if changed := _changed(columns, pairs):
            return f" in {first_few(changed)}"
    return ""


def _numbers(name: str, cells: Sequence[str]) -> Reals:
    """Return a statistic of each image, NaN where its cell is empty."""
    values = np.array([float(cell or "nan") for cell in cells])
    low, high = next(
        p.statistics.bounds for p in PARTS.values() if p.statistics and name in p.statistics.names
    )
    if (beyond := values[(values < low) | (values > high)]).size:
        raise ValueError(f"{name} is {beyond[0]}, expected {low:g} to {high:g}")
    return values


def _histograms(content: bytes, ids: Sequence[str]) -> Iterator[Pairs]:
    """Yield the level histograms of ``levels.npz``, some images at a time, if it is about these images."""
    with ZipFile(io.BytesIO(content)) as archive:
        expected = np.array(ids, dtype=np.str_)
        (images,) = _rows_of(archive, "images", expected.dtype, expected.shape, len(ids))
        if not np.array_equal(images, expected):
            raise ValueError(f"{IMAGES} and {LEVELS} list different images")
        sides = [
            _rows_of(archive, name, np.dtype(np.uint32), (len(ids), 256), AT_ONCE) for name in ("fg", "bg")
        ]
        for fg, bg in zip(*sides, strict=True):
            yield np.stack((fg, bg), axis=1)


def _checked(
    pairs: Iterable[Pairs], ids: Sequence[str], shapes: Sequence[tuple[int, int]]
) -> Iterator[Pairs]:
    """Yield histograms some images at a time, as long as they add up to the images' sizes."""
    sizes = zip(ids, shapes, strict=True)
    for some in pairs:
        pixels = some.sum(axis=(1, 2), dtype=np.int64).tolist()
        for (image, (height, width)), total in zip(islice(sizes, len(pixels)), pixels, strict=True):
            if height < 1 or width < 1 or height * width != total:
                raise ValueError(f"histograms of {image} do not add up to its size")
        yield some


def _rows_of(
    archive: ZipFile, name: str, dtype: np.dtype[Any], shape: tuple[int, ...], at_once: int
) -> Iterator[NDArray[Any]]:
    """Yield some rows after the other of an array of an archive, reading no more than it is expected to have.

    At least once: of an array without rows, none.
    """
    with archive.open(f"{name}.npy") as file:
        if np.lib.format.read_magic(file) != (1, 0):  # type: ignore[no-untyped-call]
            raise ValueError(f"{name} in {LEVELS} is of another version of NumPy's format")
        header = np.lib.format.read_array_header_1_0(file)  # type: ignore[no-untyped-call]
        if header != (shape, False, dtype):
            raise ValueError(f"{name} in {LEVELS} is not of shape {shape} and type {dtype}")
        for start in range(0, max(shape[0], 1), max(at_once, 1)):
            some = (min(at_once, shape[0] - start), *shape[1:])
            size = math.prod(some) * dtype.itemsize
            data = file.read(size)
            if len(data) < size or (start + at_once >= shape[0] and file.read(1)):
                raise ValueError(f"{name} in {LEVELS} is too short or too long")
            yield np.frombuffer(data, dtype).reshape(some)


def _always_stored(part: Part) -> tuple[str, ...]:
    """Return the names of the numbers that a part stores of every image."""
    return part.statistics.names if part.statistics and not part.statistics.grey_only else ()


def _named(folder: Path, name: str, digest: str | None) -> bytes | None:
    """Return the file of this name that has this digest (None: any), None if there is none."""
    for path in (folder / name, folder / f".{name}-{digest}"):
        try:
            content = read_file(path, ScoresError)
        except ScoresError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                continue  # it has not got its name yet, or has this moment
            raise
        if digest is None or _sha256(content) == digest:
            return content
    return None


def _settle(folder: Path) -> None:
    """Give the files that ``meta.json`` names their names, and remove those that it does not.

    Such files are there after a save, finished or not; the caller holds the lock.
    """
    pending = [(path, match) for path in folder.iterdir() if (match := _PENDING.fullmatch(path.name))]
    if not pending:
        return
    try:
        digests = dict(json.loads(read_file(folder / META))[DIGESTS])
    except (FileError, ValueError, LookupError, TypeError, RecursionError):
        digests = {}
    for path, match in pending:
        name, digest = match.groups()
        if name != META and digests.get(name) == digest == _sha256(path.read_bytes()):
            path.replace(folder / name)
        else:
            path.unlink()


def _pending(folder: Path, name: str, content: bytes) -> Path:
    return folder / f".{name}-{_sha256(content)}"


def _sealed(meta: Mapping[str, Any], data: Mapping[str, bytes]) -> bytes:
    """Return ``meta.json`` with the digests of all files."""
    contents = {META: _text(meta), **data}
    return _text({**meta, DIGESTS: {name: _sha256(content) for name, content in contents.items()}})


def _text(record: Mapping[str, Any]) -> bytes:
    return (json.dumps(record, indent=2, allow_nan=False) + "\n").encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _no_number(word: str) -> None:
    raise ValueError(f"{META} holds {word}")


def _absent(folder: Path, name: str) -> ScoresError:
    return ScoresError(f"{folder}: no scores here ({name} is missing).")


def _cell(value: float) -> str:
    return "" if math.isnan(value) else repr(value)
