"""Scores that were made without images, for what starts from stored scores."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sodbench.metrics import DEFAULT_METRICS
from sodbench.protocol import Protocol
from sodbench.scoring.rows import Row
from sodbench.scoring.scores import Scores

NUMBERS = ("s_object", "s_region", "w_precision", "w_recall", "r_precision", "r_recall")

SIZE = 400
"""Pixels of every image."""


def made(
    method: str,
    images: int,
    seed: int = 0,
    *,
    skill: float = 0.7,
    dataset: str = "SOD@1",
    protocol: Protocol | None = None,
    metrics: Sequence[str] = DEFAULT_METRICS,
    empty: Sequence[int] = (),
    first: int = 0,
) -> Scores:
    """Scores of random maps; masks depend on the image alone, `empty` ones have no object."""
    rows = {}
    for k in range(first, first + images):
        name = f"im{k:04}"
        size = 0 if k in empty else int(np.random.default_rng(k).integers(40, 300))
        rng = np.random.default_rng((seed, k))
        good = float(np.clip(rng.normal(skill, 0.15), 0.05, 0.95))
        fg = np.bincount((rng.beta(0.5 + 4 * good, 1, size) * 255).astype(int), minlength=256)
        bg = np.bincount((rng.beta(0.4, 0.6 + 5 * good, SIZE - size) * 255).astype(int), minlength=256)
        numbers = dict(zip(NUMBERS, np.clip(rng.normal(good, 0.1, 6), 0, 1).tolist(), strict=True))
        if size == 0:
            numbers |= {"w_precision": np.nan, "w_recall": np.nan}
        notes = () if size else ("empty-mask",)
        rows[name] = Row(name, (20, 20), fg.astype(np.uint32), bg.astype(np.uint32), numbers, notes)
    return Scores(method, dataset, images, protocol or Protocol(), tuple(metrics), rows)


def store(scores: Scores, root: Path | str = "scores") -> str:
    """Save scores where `sodbench score` would; return the method's folder."""
    home = Path(root) / scores.method
    scores.save(home / scores.dataset.partition("@")[0])
    return str(home)


def reseal(folder: Path, **changes: object) -> None:
    """Change ``meta.json`` and make its digests right again, as if these files had been stored so."""
    file = folder / "meta.json"
    meta = {**json.loads(file.read_text(encoding="utf-8")), **changes}
    meta = {key: value for key, value in meta.items() if value is not None and key != "sha256"}
    rest = (json.dumps(meta, indent=2) + "\n").encode()
    contents = {name: (folder / name).read_bytes() for name in ("images.csv", "levels.npz")}
    digests = {
        name: hashlib.sha256(data).hexdigest() for name, data in {"meta.json": rest, **contents}.items()
    }
    file.write_text(json.dumps({**meta, "sha256": digests}), encoding="utf-8")
