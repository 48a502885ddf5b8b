"""``run.json``: what made the maps in a folder.

A run that finds its own configuration there continues; another configuration is an error.
"""

import json
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from sodbench.data.sources import RUN_FILE
from sodbench.errors import PredictionError, first_few
from sodbench.models.preprocessing import SIZE
from sodbench.utils.files import read_file, replacing


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


class Effort(NamedTuple):
    """Maps written and seconds spent on them, by all completed runs into a folder."""

    written: int = 0
    seconds: float = 0.0


def claim(out: Path, configuration: Configuration) -> Effort:
    """Write the run's configuration into the folder, or check the one there; return what earlier runs did."""
    file = out / RUN_FILE
    if not file.exists():
        others = sorted(path.name for path in out.iterdir() if not path.name.startswith("."))
        if others:
            raise PredictionError(
                f"{out}: found {first_few(others)} and no {RUN_FILE}, expected an empty folder or one of an "
                "earlier run. Choose another --maps."
            )
        sign(out, configuration, None, Effort())
        return Effort()
    try:
        record = json.loads(read_file(file, PredictionError))
        made = dict(record["configuration"])
        earlier = Effort(int(record["written"]), float(record["seconds"]))
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


def sign(out: Path, configuration: Configuration, outcome: InferenceOutcome | None, earlier: Effort) -> None:
    """Write ``run.json``: how the maps beside it were made."""
    record = {
        "configuration": asdict(configuration),
        "complete": outcome is not None and not outcome.failed,
        "images": outcome.written + outcome.kept if outcome else 0,
        "failed": list(outcome.failed) if outcome else [],
        "written": earlier.written + (outcome.written if outcome else 0),
        "seconds": round(earlier.seconds + (outcome.seconds if outcome else 0), 3),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in ("sodbench", "torch", "numpy", "pillow")},
        },
    }
    with replacing(out / RUN_FILE) as part:
        part.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
