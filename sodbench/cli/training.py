"""What ``sodbench train`` does between its options and its output."""

from pathlib import Path

HELD_OUT = ("mae", "max_f", "s_measure")
"""The metrics of validation."""


def held_out_scores(maps: Path, masks: Path) -> dict[str, float]:
    """Score held-out maps under the default protocol."""
    from sodbench.scoring.pipeline import score_folder

    return score_folder(maps, masks=masks, metrics=HELD_OUT).summary()
