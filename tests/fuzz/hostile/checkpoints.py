"""Checkpoints of training: each field damaged, and the file itself."""

import tempfile
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import assume
from hypothesis import strategies as st
from PIL import Image

from hostile import Case, FaultError, Kind, check_canary, read_or_refused
from hostile.breaking import ODD_VALUES, broken, broken_record
from hostile.weights import TENSORS, member_broken
from sodbench.models.training.checkpoint import read_checkpoint
from sodbench.models.training.runs import Pairs, train_new, train_on
from sodbench.utils.process import no_bar

CONFIG = """
model = "tiny"
loss_weights = [1.0]
resize = 12
crop = 8
batch = 2
workers = 0
iterations = 2
checkpoint_every = 1
log_every = 1
"""
MODULE = "hostile.weights:Tiny"
COSTLY = ("iterations", "batch", "workers", "crop", "resize", "accumulate")
"""Values of a configuration that are valid, but make a run long or large."""


def _no_scores(pairs: object) -> dict[str, float]:
    return {}


@cache
def run_folder() -> tuple[tempfile.TemporaryDirectory[str], dict[str, bytes]]:
    """Return the folder of the pairs, which is kept, and the files of a run that has a step left."""
    home = tempfile.TemporaryDirectory(prefix="pairs-")
    root = Path(home.name)
    for k in range(3):
        for part in ("images", "masks"):
            (root / part).mkdir(exist_ok=True)
            pixels = np.zeros((14, 14), np.uint8)
            pixels[2 : 8 + k, 3:9] = 255
            Image.fromarray(pixels).convert("RGB" if part == "images" else "L").save(
                root / part / f"p{k}.png"
            )
    (root / "tiny.toml").write_text(CONFIG, encoding="utf-8")
    pairs = Pairs(images=root / "images", masks=root / "masks")
    train_new(
        root / "tiny.toml", pairs, root / "run", None, MODULE, "cpu", _no_scores, no_bar, lambda line: None
    )
    state = read_checkpoint(root / "run")
    state["config"]["iterations"] = 3
    files = {path.name: path.read_bytes() for path in (root / "run").iterdir()}
    return home, {**files, "checkpoint.pt": _saved(state)}


def _saved(state: object) -> bytes:
    file = BytesIO()
    torch.save(state, file)
    return file.getvalue()


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a run's folder whose checkpoint, log or record is damaged."""
    _, origin = run_folder()
    files = dict(origin)
    name = draw(st.sampled_from(("checkpoint.pt",) * 8 + tuple(sorted(set(origin) - {"checkpoint.pt"}))))
    how = draw(st.sampled_from(("field", "field", "field", "member", "bytes", "drop", "empty")))
    if name == "checkpoint.pt" and how == "field":
        state = torch.load(BytesIO(origin[name]), weights_only=True)
        odd = (*ODD_VALUES, *(make(torch.ones(4)) for make in TENSORS.values()))
        for _ in range(draw(st.sampled_from((1, 1, 1, 2)))):
            if not state or not isinstance(state, dict):
                break
            state, how = draw(broken_record(state, odd))
        config: Any = state.get("config") if isinstance(state, dict) else None
        if isinstance(config, dict):
            assume(all(not isinstance(config.get(key), int) or abs(config[key]) < 100 for key in COSTLY))
            assume(config.get("model") == "tiny")
        files[name] = _saved(state)
    elif name == "checkpoint.pt" and how == "member":
        files[name], how = draw(member_broken(files[name]))
    elif how == "drop":
        del files[name]
    elif how == "empty":
        files[name] = b""
    else:
        files[name], how = draw(broken(files[name]))
    return Case({f"run/{path}": content for path, content in files.items()}, f"{name}: {how}")


def probe(case: Case, folder: Path) -> bool:
    """Go on with a run: refused, or its last step made."""
    run = folder / "run"
    outcome = read_or_refused(
        lambda: train_on(run, Pairs(), MODULE, "cpu", _no_scores, no_bar, lambda line: None),
        str(run),
        "pairs",
        "no such folder",
    )
    check_canary()
    if outcome is None:
        return False
    state = read_checkpoint(run)
    if outcome.step != 3 or state["step"] != 3:
        raise FaultError(f"accepted, but ended at step {outcome.step}, {state['step']}")
    return True


CHECKPOINTS = Kind(cases(), probe)
