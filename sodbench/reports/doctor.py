"""What of an installation works: versions, caches, devices, data and weights, each looked at on its own.

Nothing is imported here that may be missing or broken: a check that fails says why, and the others go on.
"""

import platform
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from textwrap import shorten
from typing import NamedTuple

from sodbench.errors import FileError, ScoresError, SodbenchError
from sodbench.utils.text import counted, printable

NEEDED = (
    *("click", "filelock", "isal", "jinja2", "matplotlib", "numba", "numpy", "pandas", "pillow"),
    *("platformdirs", "rich", "scikit-image", "scipy"),
)
"""The packages that every installation has."""

OPTIONAL = ("torch", "onnx", "safetensors", "pooch")
"""The packages that only models need."""


class SystemCheck(NamedTuple):
    """What a check found: under which name, in which lines, and whether it keeps sodbench from scoring."""

    name: str
    lines: tuple[str, ...]
    broken: bool = False


def check_system() -> Iterator[SystemCheck]:
    """Make every check in turn; one that fails becomes a finding that says why."""
    for name, (check, needed) in CHECKS.items():
        try:
            lines, broken = tuple(check()), False
        except (Exception, SystemExit) as error:
            kind = "" if isinstance(error, SodbenchError) else f"{type(error).__name__}: "
            lines, broken = (f"FAILS: {kind}{shorten(str(error), 400)}",), needed
        yield SystemCheck(name, lines, broken)


def check_text(finding: SystemCheck) -> str:
    """Lay out a finding for a terminal, its name in a column of its own."""
    width = max(map(len, CHECKS)) + 2
    heads = [finding.name, *[""] * (len(finding.lines) - 1)]
    return "\n".join(
        f"{head:<{width}}{printable(line)}" for head, line in zip(heads, finding.lines, strict=True)
    )


def _sodbench() -> Iterator[str]:
    from sodbench.version import __version__

    yield f"{__version__}, {Path(__file__).parents[1]}"


def _python() -> Iterator[str]:
    yield f"{platform.python_version()}, {sys.executable}, {platform.platform()}"


def _packages() -> Iterator[str]:
    there, missing = _versions(NEEDED)
    if missing:
        raise FileError(f"{', '.join(missing)} not installed; there is {', '.join(there)}.")
    yield ", ".join(there)


def _models() -> Iterator[str]:
    there, missing = _versions(OPTIONAL)
    yield ", ".join(there) or "none"
    if missing:
        yield f"not installed: {', '.join(missing)} (the extra [models]); scoring needs none of them"


def _versions(names: tuple[str, ...]) -> tuple[list[str], list[str]]:
    there, missing = [], []
    for name in names:
        try:
            there.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    return there, missing


def _threads() -> Iterator[str]:
    from sodbench.utils.process import cpus

    yield f"{counted(cpus(), 'CPU')} for this process, as many threads as `score` takes without --jobs"


def _encoding() -> Iterator[str]:
    yield getattr(sys.stdout, "encoding", None) or "none"


def _metrics() -> Iterator[str]:
    import numpy as np

    from sodbench.metrics import METRICS, PAPER_METRICS
    from sodbench.scoring.pairs import score_image

    gt = np.zeros((32, 32), bool)
    gt[8:24, 8:24] = True
    values = score_image(gt.astype(np.uint8) * 255, gt, metrics=PAPER_METRICS)
    wrong = [f"{m} {v}" for m, v in values.items() if abs(v - METRICS[m].higher_is_better) > 1e-6]
    if wrong:
        raise ScoresError(f"a perfect map scores {', '.join(wrong)}.")
    yield f"{len(METRICS)} (`sodbench metrics` lists them); a perfect map gets the best value of the paper's"


def _kernels() -> Iterator[str]:
    import sodbench.metrics  # noqa: F401 (its import decides where compiled code is kept)
    from sodbench.utils.kernels import temporary_cache, where_kept

    yield {
        "usual": "compiled code is kept",
        "temporary": f"compiled code is kept in {temporary_cache()}",
        "nowhere": "compiled code is NOT kept, so every run compiles for some seconds; set NUMBA_CACHE_DIR",
    }[where_kept()]


def _datasets() -> Iterator[str]:
    from sodbench.data.locations import locate_all

    absent = []
    for status in locate_all():
        name = status.dataset.name
        if status.location is None:
            absent.append(name)
        else:
            whole = ", NOT the whole dataset" if status.complete is False else ""
            of = f"/{status.dataset.count}" if status.dataset.confirmed else ""
            yield f"{name}: {status.masks}{of}, {status.location.root}{whole}"
    if absent:
        yield f"not on this disk: {len(absent)} others (`sodbench datasets` lists them)"


def _configuration() -> Iterator[str]:
    from sodbench.utils.files import config_file

    for name in ("config.toml", "datasets.toml"):
        file = config_file(name)
        yield f"{file}{'' if file.is_file() else ' (none)'}"


def _boards() -> Iterator[str]:
    from sodbench.leaderboard.boards import read_boards
    from sodbench.leaderboard.folder import boards_folder

    folder = boards_folder()
    yield f"{counted(len(read_boards(folder)), 'board')}, {folder}"


def _weights() -> Iterator[str]:
    from sodbench.models.registry import known_models
    from sodbench.models.weights import fetched_weights, weights_folder

    yield str(weights_folder())
    for name, model in known_models().items():
        fetched = fetched_weights(model)
        yield f"{name}: {fetched[0].name if fetched else f'not here: sodbench weights fetch {name}'}"


def _devices() -> Iterator[str]:
    from sodbench.models.predictor import available_devices

    yield ", ".join(available_devices())


CHECKS: dict[str, tuple[Callable[[], Iterator[str]], bool]] = {
    "sodbench": (_sodbench, True),
    "Python": (_python, True),
    "packages": (_packages, True),
    "metrics": (_metrics, True),
    "kernels": (_kernels, True),
    "threads": (_threads, False),
    "encoding": (_encoding, False),
    "settings": (_configuration, False),
    "datasets": (_datasets, True),
    "boards": (_boards, False),
    "models": (_models, False),
    "devices": (_devices, False),
    "weights": (_weights, False),
}
"""Every check by the name that it is shown under, and whether scoring needs it."""
