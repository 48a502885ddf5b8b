"""``run.json``: what made the maps in a folder.

A run that finds its own configuration there continues; another configuration is an error.
"""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from sodbench.data.sources import RUN_FILE, ImageFile
from sodbench.errors import PredictionError, first_few
from sodbench.models.preprocessing import SIZE
from sodbench.utils.files import locked, read_file, replacing


@dataclass(frozen=True)
class Configuration:
    """Everything that determines a map; maps of two configurations never share a folder."""

    model: str
    weights: str
    weights_sha256: str
    device: str
    precision: str = "fp32"
    postprocess: str = "official"
    exif: bool = False
    factory: str = ""
    compiled: bool = False
    input: str = f"{SIZE}x{SIZE}"


class InferenceOutcome(NamedTuple):
    """What a run did: maps written and kept, photos that failed, seconds, and photos that EXIF rotates."""

    written: int
    kept: int
    failed: tuple[str, ...]
    seconds: float
    rotated: tuple[str, ...] = ()


class _Earlier(NamedTuple):
    """What completed runs into a folder did: maps written, seconds spent on them, photos that failed."""

    written: int = 0
    seconds: float = 0.0
    failed: tuple[str, ...] = ()


def claim(out: Path, configuration: Configuration) -> None:
    """Write the run's configuration into the folder, or check the one there.

    Raises
    ------
    PredictionError
        The folder holds maps of another configuration, or other files and no record.
    """
    with locked(out):
        if (out / RUN_FILE).exists():
            _earlier(out, configuration)
            return
        others = sorted(path.name for path in out.iterdir() if not path.name.startswith("."))
        if others:
            raise PredictionError(
                f"{out}: found {first_few(others)} and no {RUN_FILE}, expected an empty folder or one of an "
                "earlier run. Choose another --maps."
            )
        _write(out, configuration, _Earlier(), images=0, complete=False)


def sign(
    out: Path,
    configuration: Configuration,
    outcome: InferenceOutcome,
    photos: Mapping[str, ImageFile],
    ours: Sequence[str],
) -> None:
    """Add what a run did to the record.

    Other runs may add theirs at the same time: the last to end finds the maps of all.

    Parameters
    ----------
    out, configuration, outcome
        The folder of maps, how they were made, and what the run did.
    photos
        All photos by stem.
    ours
        Those of the run; without a shard, all.

    Raises
    ------
    PredictionError
        The folder now holds maps of another configuration.
    """
    with locked(out):
        earlier = _earlier(out, configuration)
        images = sum((out / f"{stem}.png").exists() for stem in photos)
        complete = images == len(photos)
        tried = tuple(f"{photos[stem].where}: " for stem in ours)
        others = [line for line in earlier.failed if not line.startswith(tried)]
        together = _Earlier(
            earlier.written + outcome.written,
            earlier.seconds + outcome.seconds,
            () if complete else (*(others if len(ours) < len(photos) else ()), *outcome.failed),
        )
        _write(out, configuration, together, images=images, complete=complete)


def _earlier(out: Path, configuration: Configuration) -> _Earlier:
    """Read the record of a folder of maps of this configuration."""
    file = out / RUN_FILE
    try:
        record = json.loads(read_file(file, PredictionError))
        made = dict(record["configuration"])
        earlier = _Earlier(
            int(record["written"]), float(record["seconds"]), tuple(map(str, record["failed"]))
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PredictionError(f"{file}: damaged. Delete the folder, or choose another --maps.") from error
    wanted = asdict(configuration)
    differ = [f"{key} {made.get(key)} (now {wanted[key]})" for key in wanted if made.get(key) != wanted[key]]
    if differ:
        raise PredictionError(
            f"{out}: holds maps of another configuration: {', '.join(differ)}. "
            "Choose another --maps, or delete it."
        )
    return earlier


def _write(out: Path, configuration: Configuration, did: _Earlier, *, images: int, complete: bool) -> None:
    record = {
        "configuration": asdict(configuration),
        "complete": complete,
        "images": images,
        "failed": list(did.failed),
        "written": did.written,
        "seconds": round(did.seconds, 3),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in ("sodbench", "torch", "numpy", "pillow")},
        },
    }
    with replacing(out / RUN_FILE) as part:
        part.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
