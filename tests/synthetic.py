"""Scores of images that never were: what tests need that read no pixel."""

import numpy as np

from sodbench.metrics import PAPER_METRICS
from sodbench.protocol import Protocol
from sodbench.scoring.rows import Row
from sodbench.scoring.scores import Scores

NUMBERS = ("w_precision", "w_recall", "s_object", "s_region", "r_precision", "r_recall")
U2NET = Protocol()


def made(
    method: str,
    dataset: str = "own",
    images: int = 24,
    seed: int = 0,
    skill: float = 0.7,
    protocol: Protocol = U2NET,
    notes: tuple[str, ...] = (),
    ids: list[str] | None = None,
) -> Scores:
    """Random images with the paper's metrics, better with skill; the masks are the same for every seed."""
    rng, masks = np.random.default_rng((seed, 1)), np.random.default_rng(7)
    rows = {}
    for k in range(images):
        inside = int(masks.integers(100, 900))
        fg = rng.multinomial(inside, rng.dirichlet(np.linspace(0.1, 2 * skill, 256)))
        bg = rng.multinomial(1000 - inside, rng.dirichlet(np.linspace(2 * skill, 0.1, 256)))
        values = np.clip(skill + 0.1 * rng.standard_normal(6), 0, 1).tolist()
        name = ids[k] if ids else f"image{k:03}"
        numbers = dict(zip(NUMBERS, values, strict=True))
        rows[name] = Row(name, (40, 25), fg.astype(np.uint32), bg.astype(np.uint32), numbers, notes)
    return Scores(method, f"{dataset}@0", images, protocol, PAPER_METRICS, rows)
