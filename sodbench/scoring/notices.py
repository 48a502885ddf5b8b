"""What a reader of scores should know, in words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from sodbench.data.locations import Location
from sodbench.data.pairing import Pairing, listed_by_group, naming_hint
from sodbench.data.registry import lookup
from sodbench.data.sources import ImageFile
from sodbench.errors import first_few
from sodbench.metrics import DEFAULT_METRICS, METRICS, revisions_of
from sodbench.protocol import Protocol, parse_revisions, revisions_text, split_signature
from sodbench.scoring.pairs import score_image
from sodbench.scoring.plan import Plan
from sodbench.scoring.rows import ROW_NOTES
from sodbench.scoring.scores import Scores


def unpaired(
    methods: Mapping[str, Sequence[ImageFile]],
    pairings: Mapping[str, Pairing],
    location: Location,
    plan: Plan,
) -> list[str]:
    """Say which of the methods' maps have no mask, and which masks no map, where that is no error."""
    masks = location.mask_files
    lines = []
    for method, entries in methods.items():
        pairing = pairings[method]
        start = f"{method} on {location.dataset.name}: "
        if not pairing.pairs or (pairing.missing and plan.missing == "error"):
            continue
        if pairing.extra:
            passed = f"maps without a mask, passed over: {len(pairing.extra)} ({first_few(pairing.extra)})"
            hint = naming_hint(entries, masks, plan.strip, loose=plan.loose)
            lines.append(f"{start}{passed}{hint and '. '}{hint}")
        if pairing.missing and plan.missing == "skip":
            wanted = len(pairing.pairs) + len(pairing.missing)
            lines.append(
                f"{start}predictions missing, left out: {len(pairing.missing)} of {wanted} "
                f"({listed_by_group(pairing.missing, masks)})"
            )
    return lines


MOVED = 0.01
"""What empty masks must change a metric by to be named."""

CONSIDERABLE = 0.05
"""Share of empty masks from which they are taken to decide scores: an F can then no longer exceed .95."""


def remarks(scores: Scores) -> list[str]:
    """Say what a reader of these scores should know: notes on images, and undefined values.

    A note that holds of a whole dataset's masks is about the masks; the words say which it is.
    """
    return [*_noted(scores), *_decided(scores)]


def _noted(scores: Scores) -> list[str]:
    start = f"{scores.method} on {scores.dataset_name}"
    lines = [
        f"{start}: {len(images)} of {len(scores.rows)} images: {ROW_NOTES[note]} ({first_few(images)})"
        for note, images in scores.noted().items()
    ]
    out = scores.left_out()
    if out:
        how = {"skip": "left out of every mean", "zero": "0 in every mean"}[scores.protocol.degenerate]
        lines.append(
            f"{start}: {len(out)} of {len(scores.rows)} images: empty mask or all-zero map, {how} "
            f"({first_few(out)})"
        )
    lines += [
        f"{start}: {n} of {len(scores.rows)} images: {METRICS[name].label} undefined{_why(name)}, "
        "left out of its mean"
        for name, count in scores.undefined().items()
        if (n := count - len(out) * (scores.protocol.degenerate == "skip"))
    ]
    return lines


def _decided(scores: Scores) -> list[str]:
    """Say which metrics empty masks decide, where a considerable share of the masks is empty."""
    empty = set(scores.noted().get("empty-mask", ()))
    share = len(empty) / max(1, len(scores.rows))
    if share < CONSIDERABLE or share == 1:
        return []
    start = f"{scores.method} on {scores.dataset_name}: {len(empty)} of {len(scores.rows)} masks are empty"
    rest = scores.table.only(scores.rows.keys() - empty)
    whole, without = scores.summary(), replace(scores, rows=rest).summary()
    moved = [
        f"{METRICS[name].label} ({value:.4f}, without them {without[name]:.4f})"
        for name, value in whole.items()
        if abs(value - without[name]) >= MOVED
    ]
    dataset = lookup(scores.dataset_name)
    known = f". {dataset.empty_masks}" if dataset and dataset.empty_masks else ""
    return [f"{start}; they decide {', '.join(moved)}{known}" if moved else f"{start}{known}"]


def on_empty_mask() -> tuple[list[str], list[str]]:
    """Return the metrics that are at their worst for an empty map on an empty mask, and the undefined ones.

    >>> on_empty_mask()[1]
    ['weighted_f']
    """
    nothing = np.zeros((8, 8), np.uint8)
    values = score_image(nothing, nothing > 0, metrics=DEFAULT_METRICS)
    worst = [name for name, value in values.items() if value == (not METRICS[name].higher_is_better)]
    return worst, [name for name, value in values.items() if math.isnan(value)]


def _why(metric: str) -> str:
    return f" ({METRICS[metric].undefined})" if METRICS[metric].undefined else ""


def moved_metrics(protocol: str) -> list[str]:
    """Say if a signature that is to be rescored was made by other revisions of the metrics."""
    made = split_signature(protocol).get("rev") if "|" in protocol else None
    if made is None:
        return []
    named, known = parse_revisions(made), revisions_of(METRICS, Protocol.parse(protocol))
    if all(known.get(family, number) == number for family, number in named.items()):
        return []
    now = {**revisions_of(), **{family: known[family] for family in named if family in known}}
    return [
        f"the signature was made by revisions {made} of the metrics, these are {revisions_text(now)}: "
        "numbers can differ"
    ]
