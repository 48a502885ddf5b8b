"""The records of a run: ``log.csv``, ``validation.csv`` and ``run.json``."""

import csv
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from sodbench.errors import TrainingError
from sodbench.models.training.checkpoint import RUN_RECORD
from sodbench.models.training.config import Config
from sodbench.models.training.data import Data
from sodbench.models.training.distributed import ProcessGroup
from sodbench.utils.files import replacing


class Log:
    """Rows of numbers by step, in CSV files of a folder. Rows after `step` are removed, to be redone."""

    def __init__(self, folder: Path, step: int) -> None:
        self.folder = folder
        for file in (folder / "log.csv", folder / "validation.csv"):
            if file.exists():
                _cut(file, step)

    def add(self, name: str, step: int, values: Mapping[str, float]) -> None:
        """Append a row to ``NAME.csv``.

        Raises
        ------
        TrainingError
            It cannot be written.
        """
        file = self.folder / f"{name}.csv"
        fresh = not file.exists() or not file.stat().st_size
        try:
            with file.open("a", newline="", encoding="utf-8") as out:
                writer = csv.writer(out, lineterminator="\n")
                if fresh:
                    writer.writerow(["step", *values])
                writer.writerow([step, *(f"{value:.9g}" for value in values.values())])
        except OSError as error:
            raise TrainingError(
                f"{file}: cannot write this file ({error.strerror}). Free some space, then use --resume."
            ) from error

    def has(self, name: str, step: int) -> bool:
        """Tell whether ``NAME.csv`` has a row of that step."""
        file = self.folder / f"{name}.csv"
        return file.exists() and f"\n{step}," in file.read_text(encoding="utf-8")


def write_run_record(folder: Path, config: Config, data: Data, group: ProcessGroup) -> None:
    """Write ``run.json``: configuration, data and versions; the checkpoint holds them, too."""
    record = {
        "configuration": config.plain(),
        "data": {
            "name": data.name,
            "images": data.images,
            "masks": data.masks,
            "pairs": len(data.pairs),
            **asdict(data.matching),
        },
        "device": group.device.type,
        "processes": group.world,
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in ("sodbench", "torch", "numpy", "pillow")},
        },
    }
    with replacing(folder / RUN_RECORD) as part:
        part.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _cut(file: Path, step: int) -> None:
    """Drop the rows after a step, and an incomplete last row."""
    try:
        head, *rows = file.read_text(encoding="utf-8").splitlines(keepends=True) or [""]
        head = head if head.endswith("\n") else ""
        whole = [row for row in rows if row.endswith("\n")]
        steps = [int(cells[0]) for cells in ([float(cell) for cell in row.split(",")] for row in whole)]
    except ValueError as error:
        raise TrainingError(f"{file}: damaged, expected rows of numbers. Move it away.") from error
    kept = [row for row, number in zip(whole, steps, strict=True) if number <= step]
    with replacing(file) as part:
        part.write_text(head + "".join(kept), encoding="utf-8")
