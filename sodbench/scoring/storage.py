"""Scores on disk: one folder, written whole or not at all, and readable without sodbench.

``images.csv`` has a line an image: its size, the metrics' values, the statistics they are made of, notes.
``levels.npz`` has the level histograms, ``meta.json`` the signature and where the scores come from. Columns
and metrics that this program does not know are kept; an empty cell, or a column that is not there, was not
computed. `SCORES_FORMAT` rises only when the meaning of what is there changes.
"""

import csv
import json
import math
import shutil
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np

from sodbench.errors import FileError, ProtocolError, ScoresError
from sodbench.metrics import METRICS, REVISIONS, STATISTICS, Part, parts_of, revisions_of
from sodbench.metrics.histogram import Reals
from sodbench.protocol import Protocol
from sodbench.scoring.plan import MISSING
from sodbench.scoring.rows import Row

SCORES_FORMAT = 1
"""Version of the folder format; raised when an older sodbench could misread a folder."""

DAMAGE = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, NotImplementedError),
    *(BadZipFile, zlib.error, ProtocolError),
)
"""What reading a damaged folder can raise."""

FILES = ("images.csv", "levels.npz", "meta.json")
"""The files of a scores folder; others in it are left alone."""

FIRST = ("image", "height", "width")
LAST = ("notes", "digest")
"""The columns of ``images.csv`` before and behind the numbers."""


class Unknown(NamedTuple):
    """Metrics in a folder that this program does not know, and the revisions of families that it does not."""

    metrics: tuple[str, ...] = ()
    revisions: tuple[tuple[str, int], ...] = ()


def write_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a folder that then takes the place of `folder`; if it fails, the old one stays.

    Raises
    ------
    FileError
        The folder cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(20, "a file is in the way")
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            write(part)
            part.chmod(0o755)
            _swap(part, folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise FileError(f"{folder}: cannot write scores ({error.strerror}). Pass another --out.") from error


def write_rows(folder: Path, rows: Sequence[Row], values: Mapping[str, Reals]) -> None:
    """Write ``images.csv`` and ``levels.npz``; `values` are the metrics' of each image."""
    unknown = list(dict.fromkeys(name for row in rows for name in row.unknown))
    with (folder / "images.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*FIRST, *values, *STATISTICS, *unknown, *LAST])
        for k, row in enumerate(rows):
            shown = [_cell(column[k]) for column in values.values()]
            stored = [_cell(row.numbers.get(name, math.nan)) for name in STATISTICS]
            others = [row.unknown.get(name, "") for name in unknown]
            writer.writerow([row.id, *row.shape, *shown, *stored, *others, " ".join(row.notes), row.digest])
    none = np.zeros((0, 256), np.uint32)
    np.savez_compressed(
        folder / "levels.npz",
        images=np.array([row.id for row in rows], dtype=np.str_),
        fg=np.stack([row.fg for row in rows]) if rows else none,
        bg=np.stack([row.bg for row in rows]) if rows else none,
    )


def write_meta(folder: Path, meta: Mapping[str, Any], unknown: Unknown) -> None:
    """Write ``meta.json``."""
    record = {"format": SCORES_FORMAT, **meta}
    record["metrics"] = [*meta["metrics"], *unknown.metrics]
    record["revisions"] = {**meta["revisions"], **dict(unknown.revisions)}
    text = json.dumps(record, indent=2, allow_nan=False) + "\n"
    (folder / "meta.json").write_text(text, encoding="utf-8")


def read_meta(folder: Path) -> dict[str, Any]:
    """Read and check ``meta.json``.

    Raises
    ------
    ScoresError
        The format is newer.
    ValueError, LookupError, TypeError, OSError
        It is damaged, or is not there.
    """
    meta: dict[str, Any] = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    kinds = {"format": int, "method": str, "dataset": str, "of": int, "metrics": list, "provenance": dict}
    for key, kind in kinds.items():
        if not isinstance(meta[key], kind):
            raise ValueError(f"{key} in meta.json is {meta[key]!r}")
    if meta["missing"] not in MISSING:
        raise ValueError(f"missing in meta.json is {meta['missing']!r}")
    if not all(isinstance(name, str) for name in meta["metrics"]) or not meta["metrics"]:
        raise ValueError(f"metrics in meta.json are {meta['metrics']!r}")
    if meta["format"] > SCORES_FORMAT:
        raise ScoresError(
            f"{folder}: written by a newer sodbench (format {meta['format']}, "
            f"this one reads {SCORES_FORMAT}). Update sodbench."
        )
    return meta


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


def read_rows(folder: Path, metrics: Sequence[str]) -> dict[str, Row]:
    """Read ``images.csv`` and ``levels.npz``.

    Parameters
    ----------
    folder
        Of scores.
    metrics
        Those that the folder says it has: an empty cell of their statistics is an undefined number.

    Raises
    ------
    ValueError, LookupError, TypeError, OSError
        They are damaged, or not there.
    """
    with np.load(BytesIO((folder / "levels.npz").read_bytes()), allow_pickle=False) as levels:
        images, fg, bg = levels["images"].tolist(), levels["fg"], levels["bg"]
    with (folder / "images.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    if [line["image"] for line in lines] != images or len(fg) != len(images) or len(bg) != len(images):
        raise ValueError("images.csv and levels.npz list different images")
    if any(h.shape != (len(images), 256) or h.dtype != np.uint32 for h in (fg, bg)):
        raise ValueError("levels.npz holds no histograms of 256 levels")
    parts = parts_of(tuple(name for name in metrics if name in METRICS)).values()
    computed = {name for part in parts for name in _always_stored(part)}
    columns = list(lines[0]) if lines else []
    unknown = [name for name in columns if name not in {*FIRST, *METRICS, *STATISTICS, *LAST}]
    stored = [name for name in STATISTICS if name in computed or name in columns]
    rows = {}
    for k, line in enumerate(lines):
        shape = int(line["height"]), int(line["width"])
        if int(fg[k].sum()) + int(bg[k].sum()) != shape[0] * shape[1]:
            raise ValueError(f"histograms of {images[k]} do not add up to its size")
        numbers = {name: float(line[name] or "nan") for name in stored if name in computed or line[name]}
        rows[images[k]] = Row(
            images[k],
            shape,
            fg[k],
            bg[k],
            numbers,
            notes=tuple(line["notes"].split()),
            digest=line["digest"],
            unknown={name: line[name] for name in unknown},
        )
    return rows


def _always_stored(part: Part) -> tuple[str, ...]:
    """Return the names of the numbers that a part stores of every image."""
    return part.statistics.names if part.statistics and not part.statistics.grey_only else ()


def _swap(part: Path, folder: Path) -> None:
    """Put a finished folder in the place of an older one, which stays if that fails."""
    old = part.with_name(part.name + "-old")
    if folder.exists():
        folder.rename(old)
    try:
        part.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    if old.exists():
        for file in old.iterdir():
            if file.name not in FILES:
                file.rename(folder / file.name)
        shutil.rmtree(old, ignore_errors=True)


def _cell(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))
