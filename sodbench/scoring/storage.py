"""Scores on disk: one folder, written whole or not at all."""

import csv
import math
import shutil
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from sodbench.errors import ProtocolError, ScoresError
from sodbench.metrics import REVISIONS
from sodbench.scoring.plan import MISSING
from sodbench.scoring.rows import NUMBERS, Row

SCORES_FORMAT = 1
"""Version of the folder format; raised when an older sodbench could misread a folder."""

DAMAGE = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, NotImplementedError),
    *(BadZipFile, zlib.error, ProtocolError),
)
"""What reading a damaged folder can raise."""

FILES = ("images.csv", "levels.npz", "meta.json")
"""The files of a scores folder; others in it are left alone."""


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


def _check_meta(folder: Path, meta: Mapping[str, Any]) -> None:
    kinds = {"format": int, "method": str, "dataset": str, "of": int, "metrics": list, "provenance": dict}
    for key, kind in kinds.items():
        if not isinstance(meta[key], kind):
            raise ValueError(f"{key} in meta.json is {meta[key]!r}")
    if meta["missing"] not in MISSING:
        raise ValueError(f"missing in meta.json is {meta['missing']!r}")
    if meta["format"] > SCORES_FORMAT:
        raise ScoresError(
            f"{folder}: written by a newer sodbench (format {meta['format']}, "
            f"this one reads {SCORES_FORMAT}). Update sodbench."
        )
    old = [f"{k}{v} (now {REVISIONS.get(k)})" for k, v in meta["revisions"].items() if REVISIONS.get(k) != v]
    if old:
        raise ScoresError(f"{folder}: made by another revision of metrics: {', '.join(old)}. Score again.")


def _read_rows(folder: Path) -> dict[str, Row]:
    with np.load(BytesIO((folder / "levels.npz").read_bytes()), allow_pickle=False) as levels:
        images, fg, bg = levels["images"].tolist(), levels["fg"], levels["bg"]
    with (folder / "images.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    if [line["image"] for line in lines] != images or len(fg) != len(images) or len(bg) != len(images):
        raise ValueError("images.csv and levels.npz list different images")
    if any(h.shape != (len(images), 256) or h.dtype != np.uint32 for h in (fg, bg)):
        raise ValueError("levels.npz holds no histograms of 256 levels")
    rows = {}
    for k, line in enumerate(lines):
        shape = int(line["height"]), int(line["width"])
        if int(fg[k].sum()) + int(bg[k].sum()) != shape[0] * shape[1]:
            raise ValueError(f"histograms of {images[k]} do not add up to its size")
        numbers = {name: float(line[name] or "nan") for name in NUMBERS}
        notes = tuple(line["notes"].split())
        rows[images[k]] = Row(images[k], shape, fg[k], bg[k], **numbers, notes=notes, digest=line["digest"])
    return rows
