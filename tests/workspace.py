"""Small sets of maps and masks on disk, and the command line run on them."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from click.testing import CliRunner, Result
from PIL import Image

from sodbench.cli import main

IDS = ("im0", "im1", "im2", "im3")
SHAPE = (20, 30)
NO_SCORES = r"no such folder\. `sodbench score` stores in scores/METHOD/DATASET\."
"""What a folder that is not there gets, where stored scores were expected."""


def mask_of(k: int) -> np.ndarray:
    """A mask of 0 and 255; another one for each k."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[4:14, 3 + k : 18] = 255
    return mask


def map_of(k: int, seed: int = 0) -> np.ndarray:
    """An imperfect map of that mask."""
    noise = np.random.default_rng((seed, k)).integers(0, 90, SHAPE)
    return (mask_of(k) * 0.6 + noise).astype(np.uint8)


def save(pixels: np.ndarray, path: Path | str) -> Path:
    """Write an image; the suffix says which format."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, pixels)
    else:
        Image.fromarray(pixels).save(path)
    return path


def plant_maps(folder: Path | str, ids: Sequence[str] = IDS, seed: int = 0, suffix: str = ".png") -> Path:
    """Write a folder of maps."""
    for k, name in enumerate(ids):
        save(map_of(k, seed), Path(folder) / f"{name}{suffix}")
    return Path(folder)


def plant_masks(folder: Path | str, ids: Sequence[str] = IDS) -> Path:
    """Write a folder of masks."""
    for k, name in enumerate(ids):
        save(mask_of(k), Path(folder) / f"{name}.png")
    return Path(folder)


def plant(root: Path | str = ".") -> tuple[str, str]:
    """Write ``maps`` and ``own/masks``; return their names."""
    return str(plant_maps(Path(root, "maps"))), str(plant_masks(Path(root, "own", "masks")))


def sodbench(*args: object) -> Result:
    """Run the command line in this process; what it does not catch is raised here."""
    return CliRunner().invoke(main, [str(arg) for arg in args], catch_exceptions=False)


def good(*args: object) -> Result:
    """Run the command line and expect success."""
    result = sodbench(*args)
    assert result.exit_code == 0, result.output
    return result


def refused(*args: object, match: str, code: int = 1) -> Result:
    """Run the command line and expect a message and nothing on stdout."""
    result = sodbench(*args)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert re.search(match, result.stderr), result.stderr
    return result


def scored(*args: object) -> list[dict[str, Any]]:
    """Run ``sodbench score --json`` and return what it prints."""
    found: list[dict[str, Any]] = json.loads(good("score", *args, "--json").stdout)
    return found


def commands_below(command: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command below one, and the groups that take options themselves."""
    if path:
        yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands_below(inner, f"{path} {name}".strip())


def listing(folder: Path | str) -> list[str]:
    """All files and empty folders below a folder, hidden ones too; nothing if it is not there."""
    root = Path(folder)
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if not path.is_dir() or not any(path.iterdir())
    )


def whole(*homes: str) -> list[str]:
    """What `listing` gives of scores folders and nothing else."""
    return sorted(f"{home}/{name}" for home in homes for name in ("images.csv", "levels.npz", "meta.json"))


def command(*args: str, before: str = "") -> list[str]:
    """The command line as a process of its own; `before` is code to run first."""
    code = f"import sys\nfrom sodbench.cli import main\n{before}\nmain(sys.argv[1:], prog_name='sodbench')"
    return [sys.executable, "-c", code, *args]


def process(*args: str, before: str = "", **environment: str) -> "subprocess.CompletedProcess[bytes]":
    """Run the command line as a process of its own."""
    return subprocess.run(
        command(*args, before=before), capture_output=True, env={**os.environ, **environment}, check=False
    )
